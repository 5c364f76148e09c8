"""The signer process: the only one that reads the permit and command keys.

It signs what stands in the database and passes the rules once more; it takes no text to sign from anybody. Work is
taken by conditional updates, so two signers never sign the same thing twice.
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from joserfc.jwk import OKPKey

from cloud_bridge.boxes.models import Command, Notice, RevocationList
from cloud_bridge.datadir import DataDir
from cloud_bridge.keys import COMMAND, PERMIT, bridge_id, key_id, signing_pem
from cloud_bridge.permits import workflow
from cloud_bridge.permits.content import claims_of
from cloud_bridge.permits.models import History, Permit
from cloud_bridge.permits.service import BRIDGE, by_machine, facts_of
from cloud_bridge.permits.workflow import Event, Refused, State
from cloud_bridge.process import Changes, SignOfLife
from cloud_bridge.site_time import with_times
from contracts import jws
from contracts.errors import ContractError
from contracts.permit import Command as CommandClaims
from contracts.permit import Revocations, Verb

log = logging.getLogger(__name__)
POLL_S = 0.1
KEEP_REVOKED_S = 7 * 86_400
"""A revoked permit stays on the list this long after its end; after that no box would accept it anyway."""

CLOCKS_S = 60
"""A signature of another machine that lies this little ahead is waited for; clocks further apart are broken."""


@dataclass(frozen=True)
class Keys:
    """The two signing keys."""

    permit: OKPKey
    command: OKPKey

    @staticmethod
    def read(data: DataDir) -> "Keys":
        """Read them from the signer's folder."""
        return Keys(jws.load_private(signing_pem(data, PERMIT)), jws.load_private(signing_pem(data, COMMAND)))


def sign_permit(permit: Permit, keys: Keys) -> bool:
    """Sign one approved permit; false when another signer was faster, the rules refuse it, or it must wait a moment."""
    now = timezone.now()
    with transaction.atomic():
        permit = Permit.objects.select_related("applicant", "box").get(pk=permit.pk)
        try:
            workflow.issue(facts_of(permit))
            if _signed_ahead(permit, now):
                return False
            token = jws.sign(
                claims_of(permit, bridge_id(), int(now.timestamp())), jws.PERMIT, keys.permit, key_id(PERMIT)
            )
        except Refused as refused:
            log.warning("permit %s not signed: %s", permit.jti, refused)
            return False
        except ContractError as error:
            log.warning("permit %s revoked instead of signed: %s", permit.jti, error)
            by_machine(permit.jti, Event.REVOKE, with_times(f"signer: {error}"))
            return False
        taken = Permit.objects.filter(pk=permit.pk, state=State.APPROVED, jws="").update(
            state=State.ISSUED, jws=token, issued=now
        )
        if not taken:
            return False
        History.objects.create(
            permit=permit,
            at=now,
            actor_id=BRIDGE[0],
            actor=BRIDGE[1],
            event=Event.ISSUE,
            before=State.APPROVED,
            after=State.ISSUED,
            content_sha256=permit.content_sha256,
        )
        Notice.tell(Notice.Kind.PERMIT, permit.jti, permit.box_id)
    log.info("signed permit %s for %s", permit.jti, permit.box_id)
    return True


def _signed_ahead(permit: Permit, now: datetime) -> bool:
    """Whether another machine's clock is a little ahead of this one: no box takes an approval from after the issue."""
    newest = max((signature.at for signature in permit.valid_signatures()), default=now)
    return timedelta() < newest.replace(microsecond=0) - now <= timedelta(seconds=CLOCKS_S)


def revoked_now(box: str, now_s: int) -> list[str]:
    """Numbers of all permits of a box that are revoked and could still be believed."""
    rows = Permit.objects.filter(box_id=box, state=State.REVOKED).exclude(jws="")
    return sorted(p.jti for p in rows if p.ends.timestamp() + KEEP_REVOKED_S > now_s)


def sign_revocations(row: RevocationList, keys: Keys) -> None:
    """Sign the box's complete list as of now; its revision rises only when the list changes."""
    now_s = int(time.time())
    with transaction.atomic():
        row = RevocationList.objects.get(pk=row.pk)
        revoked = revoked_now(row.box_id, now_s)
        rev = row.rev + 1 if revoked != row.revoked else row.rev
        claims = Revocations(bridge_id(), row.box_id, rev, max(now_s, row.as_of), tuple(revoked))
        token = jws.sign(claims, jws.REVOCATIONS, keys.permit, key_id(PERMIT))
        RevocationList.objects.filter(pk=row.pk).update(
            rev=rev, revoked=revoked, as_of=claims.as_of, wanted=False, jws=token
        )


def sign_command(row: Command, keys: Keys) -> None:
    """Sign one command."""
    claims = CommandClaims(
        iss=bridge_id(),
        aud=row.box_id,
        id=row.pk,
        verb=Verb(row.verb),
        iat=row.at_s,
        exp=row.exp_s,
        permit=row.permit,
        from_seq=row.from_seq,
        reason=row.reason,
    )
    token = jws.sign(claims, jws.COMMAND, keys.command, key_id(COMMAND))
    Command.objects.filter(pk=row.pk, jws="").update(jws=token)


def sign_all(keys: Keys) -> int:
    """Sign everything that waits; the number of signatures."""
    done = 0
    for permit in Permit.objects.filter(state=State.APPROVED, jws="", ends__gt=timezone.now()):
        done += sign_permit(permit, keys)
    for row in RevocationList.objects.filter(wanted=True):
        sign_revocations(row, keys)
        done += 1
    for command in Command.objects.filter(jws="", exp_s__gt=int(time.time())):
        sign_command(command, keys)
        done += 1
    return done


async def run(data: DataDir, alive: SignOfLife) -> None:
    """Sign whenever something was committed, until cancelled."""
    keys = await asyncio.to_thread(Keys.read, data)
    changes = Changes(data.database)
    keep = asyncio.create_task(alive.keep())
    try:
        async for _changed in changes.wait(POLL_S, longest_s=5):
            await asyncio.to_thread(sign_all, keys)
    finally:
        keep.cancel()
        changes.close()
