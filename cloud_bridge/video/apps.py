"""Django's handle on this app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class VideoConfig(AppConfig):
    """Recordings."""

    name = "cloud_bridge.video"
    verbose_name = _("Recordings")

    def ready(self) -> None:
        """Listen to what boxes say about their recordings."""
        from cloud_bridge.video import receivers  # noqa: F401 - connects on import
