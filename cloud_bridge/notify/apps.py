"""Django's handle on this app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotifyConfig(AppConfig):
    """Messages, channels, receipts."""

    name = "cloud_bridge.notify"
    verbose_name = _("Messages")

    def ready(self) -> None:
        """Listen to calls of the boxes."""
        from cloud_bridge.notify import receivers  # noqa: F401 - importing connects it
