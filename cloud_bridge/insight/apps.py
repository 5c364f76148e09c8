"""Django's handle on this app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InsightConfig(AppConfig):
    """Figures that follow from the boxes' logs."""

    name = "cloud_bridge.insight"
    verbose_name = _("Insight")
