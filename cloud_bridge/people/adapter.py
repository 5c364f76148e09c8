"""How allauth signs people in here: by user name; accounts are made by an administrator, never by visitors."""

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest

from cloud_bridge.people.models import User


class BridgeAccountAdapter(DefaultAccountAdapter):
    """No public sign-up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody makes an account for themselves."""
        del request
        return False

    def set_password(self, user: User, password: str) -> None:
        """Change a password; the file with the one-time password is of no use any more."""
        one_time = user.one_time_password
        super().set_password(user, password)
        if one_time:
            settings.DATA.first_password.unlink(missing_ok=True)
