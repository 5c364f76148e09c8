"""Administration of users and of the people at the boxes."""

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from cloud_bridge.people.models import Person, User


class GivenPasswordForm(AdminPasswordChangeForm):
    """A password that an administrator gives to somebody: known to two, so it is a one-time one."""

    def save(self, commit: bool = True) -> User:
        """Set it."""
        user = super().save(commit=False)
        user.one_time_password = True
        if commit:
            user.save()
        return user


@admin.register(User)
class BridgeUserAdmin(UserAdmin):
    """Users: names, office, roles. Superuser rights and single permissions are not given out here."""

    change_password_form = GivenPasswordForm
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

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm, change: bool) -> None:
        """The password of a new user is a one-time one: the administrator knows it."""
        if not change:
            obj.one_time_password = True
        super().save_model(request, obj, form, change)


@admin.register(Person)
class PersonAdmin(admin.ModelAdmin):
    """People at the boxes."""

    list_display = ("code", "name", "badge", "office", "active")
    search_fields = ("code", "name", "badge")
