"""How allauth signs people in here: by user name; accounts are made by an administrator, never by visitors."""

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from cloud_bridge.people.models import User
from cloud_bridge.prepare import FIRST_USER


class BridgeAccountAdapter(DefaultAccountAdapter):
    """No public sign-up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody makes an account for themselves."""
        del request
        return False

    def clean_password(self, password: str, user: User | None = None) -> str:
        """Nobody keeps a one-time password by choosing it again."""
        if user is not None and user.one_time_password and user.check_password(password):
            raise ValidationError(_("Expected a new password, got the one-time one; choose your own."))
        return super().clean_password(password, user)

    def set_password(self, user: User, password: str) -> None:
        """Change a password; of the first administrator, the file with the one-time one is of no use any more."""
        one_time = user.one_time_password
        super().set_password(user, password)
        if one_time and user.username == FIRST_USER:
            settings.DATA.first_password.unlink(missing_ok=True)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Where work goes on after a change."""
        del request
        return reverse("overview")
