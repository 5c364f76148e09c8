"""Django's handle on this app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BoxesConfig(AppConfig):
    """Boxes and their logs."""

    name = "cloud_bridge.boxes"
    verbose_name = _("Boxes")
