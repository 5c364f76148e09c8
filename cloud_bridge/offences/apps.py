"""Django's handle on this app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OffencesConfig(AppConfig):
    """Refused faces, and what officers made of them."""

    name = "cloud_bridge.offences"
    verbose_name = _("Refused faces")

    def ready(self) -> None:
        """Listen to the boxes' logs."""
        from cloud_bridge.offences import receivers  # noqa: F401 - importing connects it
