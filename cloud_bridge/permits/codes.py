"""A permit for a box without a network: its codes on a phone, and the box's signed acceptance brought back."""

import contextlib
import time

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cloud_bridge.boxes.models import Log
from cloud_bridge.people.models import User
from cloud_bridge.permits import service
from cloud_bridge.permits.models import Permit
from cloud_bridge.permits.workflow import Event, Refused, State
from contracts import parts
from contracts.acceptance import CLOCKS_S, AcceptanceClaims, Expected, verify
from contracts.checkpoint import NoteKey
from contracts.errors import ContractError

CARRIED = (State.ISSUED, State.ACCEPTED)
"""Signed, and not over: a box may take it, or be asked for its acceptance again."""
_WANTED = {
    "box": gettext_lazy("the acceptance of the box that this permit was issued to"),
    "permit": gettext_lazy("the acceptance of this permit"),
    "content_sha256": gettext_lazy("the acceptance of this permit's content"),
    "iat": gettext_lazy("an acceptance from after the issue and not from the future"),
}
_TODOS = {"iat": gettext_lazy("Set the clocks of box and bridge.")}


def is_carried(permit: Permit) -> bool:
    """Whether there is something to carry: the signer has signed it and it is not over."""
    return permit.jws != "" and State(permit.state) in CARRIED


def codes_of(permit: Permit) -> tuple[str, ...]:
    """What the codes say, in order.

    Raises:
        Refused: not signed yet or over, or too long for codes.
    """
    if not is_carried(permit):
        raise Refused(_("a permit that is issued"), str(permit.state_title), _("Wait until it is approved and signed."))
    try:
        return parts.split(permit.jws.encode())
    except ContractError as error:
        todo = _("Save the file and carry it on USB.")
        raise Refused(_("a permit that fits into codes"), error.came, todo) from error


def accepted(user: User, jti: str, token: str) -> AcceptanceClaims:
    """The box's acceptance, brought by a person: verified with the registered key of the box's log, then noted.

    Brought again, or after the box's log has come, it changes nothing.

    Raises:
        Refused: no acceptance of this permit by this box, or the permit is over.
    """
    with transaction.atomic():
        permit = Permit.objects.select_related("box").get(jti=jti)
        log = permit.box.logs.first()
        if log is None or permit.issued is None or not is_carried(permit):
            raise Refused(_("a permit that is issued"), str(permit.state_title), _("See the trail of the permit."))
        expected = Expected(permit.box_id, permit.jti, permit.content_sha256, int(permit.issued.timestamp()))
        try:
            claims = _claims(log, token, expected)
        except ContractError as error:
            raise _refused(error) from error
        service.by_machine(jti, Event.ACCEPT, f"QR · {user}", (permit.box_id, permit.box_id))
    return claims


def _claims(log: Log, token: str, expected: Expected) -> AcceptanceClaims:
    """Verified with the key of the log that was in force when the box accepted.

    Raises:
        ContractError: as `contracts.acceptance.verify`; or a key signed that was changed before.
    """
    now_s = int(time.time())
    until_s = now_s + CLOCKS_S
    for change in log.changes.order_by("-first"):
        with contextlib.suppress(_OtherKey):
            return _by(NoteKey.parse(change.vkey), token, expected, now_s, until_s)
        until_s = change.t // 1000 + CLOCKS_S
    try:
        return _by(log.key(), token, expected, now_s, until_s)
    except _OtherKey as other:
        raise other.error from other


class _OtherKey(Exception):  # noqa: N818 - not an error yet: an older key may have signed
    def __init__(self, error: ContractError) -> None:
        super().__init__(str(error))
        self.error = error


def _by(key: NoteKey, token: str, expected: Expected, now_s: int, until_s: int) -> AcceptanceClaims:
    try:
        claims = verify(token, key, expected, now_s)
    except ContractError as error:
        if error.field == "kid":
            raise _OtherKey(error) from error
        raise
    if claims.iat > until_s:
        raise ContractError("signature", "the key in force", "one that was changed before", "scan the box again")
    return claims


def _refused(error: ContractError) -> Refused:
    wanted = _WANTED.get(error.field)
    if wanted is None:
        wanted, came = _("the acceptance that the box's screen shows"), _("a text that this box has not signed")
    else:
        came = error.came[:80]
    return Refused(str(wanted), came, str(_TODOS.get(error.field, _("Scan the box's screen again, the whole code."))))
