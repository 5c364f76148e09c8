"""What every page knows."""

from typing import Any

from django.http import HttpRequest

from cloud_bridge.boxes import calls
from cloud_bridge.notify.models import Message
from cloud_bridge.offences.models import Candidate
from cloud_bridge.people.roles import ANSWER, APPLY, CHANNELS, ENROL, JUDGE, Role
from cloud_bridge.web.overview import last_notice


def site(request: HttpRequest) -> dict[str, Any]:
    """Roles of the reader, for the navigation; and for whoever is called, the calls and where their stream begins."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    known: dict[str, Any] = {
        "may_apply": user.has_perm(APPLY), "is_admin": Role.ADMIN in user.roles, "may_enrol": user.has_perm(ENROL),
        "may_see_channels": user.has_perm(CHANNELS),
        "messages_unseen": Message.objects.filter(user=user, seen_ms=0).count(),
    }  # fmt: skip
    if user.has_perm(JUDGE):
        known |= {"may_judge": True, "refused_waiting": Candidate.objects.filter(state=Candidate.State.OPEN).count()}
    if user.has_perm(ANSWER) and not user.one_time_password:
        known |= {"is_called": True, "calls_after": last_notice(), "calls": calls.ringing(user.roles)}
    return known
