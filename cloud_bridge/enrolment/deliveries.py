"""What boxes are told of faces: for every accepted permit the templates of its people, and their withdrawal.

The enrolment process prepares the statements, sealed to the box and signed; the worker sends them until the box's log
says what became of them. A template goes only to the box of a permit that names the person, once the box has accepted
the permit, and to a key that the box's witnessed log tells.
"""

import logging
import time
from dataclasses import dataclass

import msgspec
from django.db import transaction
from django.utils import timezone
from joserfc.jwk import OKPKey

from cloud_bridge.boxes.models import now_ms
from cloud_bridge.datadir import DataDir
from cloud_bridge.enrolment.models import BoxFaceKey, FaceDelivery, FaceTemplate
from cloud_bridge.enrolment.vault import Vault
from cloud_bridge.keys import FACES, bridge_id, key_id, signing_pem
from cloud_bridge.people.models import Person
from cloud_bridge.people.standing import barred_now
from cloud_bridge.permits.delivery import Outgoing, Timers
from cloud_bridge.permits.models import Permit
from cloud_bridge.permits.workflow import State
from contracts import jws, topics
from contracts.errors import ContractError
from contracts.face import FaceClaims, seal

log = logging.getLogger(__name__)
LONGEST_S = 60.0
"""A statement has 6 kB: on a poor line it is not repeated more often than once a minute."""
AGAIN = {"template_no_permit": LONGEST_S, "template_storage": LONGEST_S, "template_twin": 600.0}
"""Refusals that may pass by themselves: sent again, so often at most. A twin's passes once the other's template has
left the box. Others stay refused until the template or the box's key changes.
"""


@dataclass(frozen=True)
class Desk:
    """What statements are made with."""

    vault: Vault
    key: OKPKey

    @staticmethod
    def of(data: DataDir) -> "Desk":
        """Read the keys; only the enrolment process may."""
        return Desk(Vault(data), jws.load_private(signing_pem(data, FACES)))


def live_permits() -> list[Permit]:
    """Permits that their boxes hold, and whose time is not over."""
    return list(Permit.objects.filter(state=State.ACCEPTED, ends__gt=timezone.now()).select_related("box"))


def prepare(desk: Desk) -> int:
    """Make every statement that is missing; gives how many."""
    made, live, out = 0, live_permits(), barred_now()
    keys = {row.box_id: row for row in BoxFaceKey.objects.select_related("box")}
    for permit in live:
        box_key = keys.get(permit.box_id)
        sound = box_key is not None and box_key.witnessed
        told = {row.person_id: row for row in permit.face_deliveries.all()}
        for member in permit.crew.select_related("person__face"):
            held = _template(member.person) if member.person_id not in out else None
            row = told.get(member.person_id)
            if held is None:
                made += row is not None and _is_to_go(row) and _say(desk, permit, member.person, None, "")
            elif box_key is not None and sound and _is_due(row, held, box_key.key):
                made += _say(desk, permit, member.person, held, box_key.key)
    FaceDelivery.objects.exclude(permit__in=live).exclude(jws="").update(jws="")
    return made


def _template(person: Person) -> FaceTemplate | None:
    """The person's template, if it may go to a box: nobody doubts whose it is."""
    held = getattr(person, "face", None)
    return held if held is not None and not held.doubted and person.active else None


def _is_to_go(row: FaceDelivery) -> bool:
    """Whether a template may lie at the box that should lie there no longer, and the box is to be told, or told anew.

    A withdrawal that the box refused is not done: its clock, a newer statement or a key may have stood in the way.
    """
    if row.created_s > 0:
        return row.state != FaceDelivery.State.REMOVED
    return row.state == FaceDelivery.State.REFUSED and row.why not in AGAIN and _is_old(row)


def _is_due(row: FaceDelivery | None, held: FaceTemplate, box_key: str) -> bool:
    """Whether the box lacks this template: never told of, an older one, sealed to another key, or deleted there."""
    if row is None or row.created_s != held.created_s or row.box_key != box_key:
        return True
    if row.state == FaceDelivery.State.REMOVED:
        # One that the box could not use is not sent round in circles.
        return row.why != "unusable" or _is_old(row)
    # The box remembers, or cannot tell, that it heard something later: say it anew.
    return row.state == FaceDelivery.State.REFUSED and row.why == "template_older" and _is_old(row)


def _is_old(row: FaceDelivery) -> bool:
    return now_ms() - row.changed_ms >= LONGEST_S * 1000


def _say(desk: Desk, permit: Permit, person: Person, held: FaceTemplate | None, box_key: str) -> bool:
    """Sign a newer statement and put it in the place of the last; false when it cannot be made."""
    expires = int(permit.ends.timestamp())
    with transaction.atomic():
        last = FaceDelivery.objects.filter(permit=permit, person=person).first()
        iat = max(int(time.time()), last.iat + 1 if last is not None else 0)
        claims = FaceClaims(bridge_id(), permit.box_id, permit.jti, person.code, iat, expires)
        if held is not None:
            try:
                template = desk.vault.open(bytes(held.sealed), person.code)
                scoped = msgspec.structs.replace(template, permit=permit.jti, expires=expires)
                claims = seal(msgspec.json.encode(scoped), claims, box_key)
            except ContractError as error:
                log.warning("the template of %s is not sent to %s: %s", person.code, permit.box_id, error)
                return False
        FaceDelivery.objects.update_or_create(
            permit=permit, person=person,
            defaults={
                "state": FaceDelivery.State.SENT, "why": "", "created_s": held.created_s if held else 0,
                "box_key": box_key, "iat": iat, "changed_ms": now_ms(),
                "jws": jws.sign(claims, jws.FACE, desk.key, key_id(FACES)),
            },
        )  # fmt: skip
    log.info("a face template for %s: %s", permit.jti, "sealed" if held else "taken back")
    return True


def outgoing(timers: Timers, now: float) -> list[Outgoing]:
    """Statements to send now: until the box's log has told what became of them. Never retained by a broker."""
    rows = FaceDelivery.objects.exclude(jws="").filter(permit__state=State.ACCEPTED, permit__ends__gt=timezone.now())
    found: list[Outgoing] = []
    for row in rows.select_related("permit"):
        waits = row.state == FaceDelivery.State.SENT or (row.state == FaceDelivery.State.REFUSED and row.why in AGAIN)
        refused = f" {row.why}" if row.state == FaceDelivery.State.REFUSED else ""
        longest_s = AGAIN.get(row.why, LONGEST_S) if refused else LONGEST_S
        if waits and timers.due(f"face {row.pk} {row.iat}{refused}", now, longest_s=longest_s):
            found.append((topics.dn(row.permit.box_id, "faces"), row.jws, False))
    return found
