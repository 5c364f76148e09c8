"""Django's handle on this app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FlowsConfig(AppConfig):
    """Workflows."""

    name = "cloud_bridge.flows"
    verbose_name = _("Workflows")

    def ready(self) -> None:
        """Refuse to start with a definition that cannot be used."""
        from cloud_bridge.flows import system_checks  # noqa: F401 - registers on import
