"""Administration of users and of the people at the boxes."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.utils.translation import gettext_lazy as _

from cloud_bridge.people.models import Person, User


@admin.register(User)
class BridgeUserAdmin(UserAdmin):
    """Users: names, office, roles. Superuser rights and single permissions are not given out here."""

    list_display = ("username", "display_name", "office", "is_active")
    list_filter = ("groups", "is_active")
    search_fields = ("username", "display_name", "office")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("display_name", "office", "person")}),
        (_("Roles"), {"fields": ("is_active", "groups")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "display_name", "office", "person", "groups", "password1", "password2")}),
    )
    filter_horizontal = ("groups",)


@admin.register(Person)
class PersonAdmin(admin.ModelAdmin):
    """People at the boxes."""

    list_display = ("code", "name", "badge", "office", "active")
    search_fields = ("code", "name", "badge")
