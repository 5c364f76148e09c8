"""How it stands with the faces of a permit's people, for its page."""

from django.utils.translation import gettext as _

from cloud_bridge.enrolment.models import FaceDelivery
from cloud_bridge.permits.models import CrewMember, Permit


def crew_faces(permit: Permit) -> list[tuple[CrewMember, str, str]]:
    """Each member with a word on the face and a tone for it (`good`, `warn`, `calm`).

    Nobody is hindered who is not enrolled here: the box may know the face from an enrolment of its own.
    """
    told = {row.person_id: row for row in permit.face_deliveries.all()}
    shown = []
    for member in permit.crew.select_related("person__face"):
        row, held = told.get(member.person_id), getattr(member.person, "face", None)
        if row is not None and row.created_s:
            tone = {FaceDelivery.State.KEPT: "good", FaceDelivery.State.REFUSED: "warn"}.get(row.state, "calm")
            shown.append((member, str(row.get_state_display()), tone))
        elif held is None:
            shown.append((member, _("not enrolled at the bridge"), "calm"))
        elif held.doubted:
            shown.append((member, _("resembles somebody"), "warn"))
        else:
            shown.append((member, _("enrolled"), "calm"))
    return shown
