"""Django's handle on this app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EnrolmentConfig(AppConfig):
    """Consent, face templates, their way to the boxes."""

    name = "cloud_bridge.enrolment"
    verbose_name = _("Faces")

    def ready(self) -> None:
        """Listen to what the boxes' logs say of templates."""
        from cloud_bridge.enrolment import receivers  # noqa: F401 - importing connects it
