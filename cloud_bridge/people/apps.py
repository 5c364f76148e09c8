"""Django's handle on this app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class PeopleConfig(AppConfig):
    """Users, roles, crew."""

    name = "cloud_bridge.people"
    verbose_name = _("People")

    def ready(self) -> None:
        """Keep the roles' permissions as `roles` lists them."""
        from cloud_bridge.people.roles import make_groups

        post_migrate.connect(make_groups, dispatch_uid="people.roles")
