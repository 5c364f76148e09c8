"""What every page knows."""

from typing import Any

from django.http import HttpRequest

from cloud_bridge.people.roles import APPLY, Role


def site(request: HttpRequest) -> dict[str, Any]:
    """Roles of the reader, for the navigation."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {"may_apply": user.has_perm(APPLY), "is_admin": Role.ADMIN in user.roles}
