"""Django's handle on this app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PermitsConfig(AppConfig):
    """Permits to work."""

    name = "cloud_bridge.permits"
    verbose_name = _("Permits")

    def ready(self) -> None:
        """Listen to what boxes say about permits."""
        from cloud_bridge.permits import receivers  # noqa: F401 - connects on import
