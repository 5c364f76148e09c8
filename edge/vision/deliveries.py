"""Face templates that the bridge sends for a permit: verified here, kept sealed while the permit stands, then deleted.

The interlock hands the statements on unread; nothing in them is believed before the signature of the bridge's own key
for faces, the box, the permit and the person have been checked. Of two statements about a person and a permit the later
one holds, through restarts, too, so that nobody brings back what was taken back.
"""

import logging
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from joserfc.jwk import OKPKey

from contracts import jws
from contracts.errors import UNREADABLE, ContractError
from contracts.face import FaceClaims, open_sealed
from edge.interlock.evidence import Standing, TemplateKept, TemplateRefused, TemplateRemoved
from edge.sockets import now_us
from edge.vision.removals import REMOVALS, Removals, key_of
from edge.vision.templates import Entry, TemplateStore
from faces.engine import Identity
from faces.match import apart
from faces.templates import Template, unpack

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

log = logging.getLogger(__name__)
News = TemplateKept | TemplateRefused | TemplateRemoved
STATEMENTS = "statements.json"
AGAIN_S = 120
"""The bridge repeats a statement until it finds the answer in the box's log; so long the answer is on its way."""
WARN_EVERY_S = 60.0
"""Anyone on the broker can send what is refused: the journal has one line a code in this time, with their number."""
CLOCK_S = 60
"""Whoever makes a template at the bridge and whoever signs it may read the clock so far apart."""
_CODES = {
    "signature": "template_forged",
    "typ": "template_forged",
    "kid": "template_forged",
    "keys": "template_off",
    "aud": "template_other_box",
    "iss": "template_other_box",
    "permit": "template_no_permit",
    "person": "template_not_named",
    "exp": "template_expired",
    "iat": "template_older",
    "sealed": "template_sealed",
    "engine": "template_engine",
    "twin": "template_twin",
}


@dataclass(frozen=True)
class Trust:
    """Whom this box believes about faces, who it is itself, and the key that statements are sealed to."""

    issuer: str
    box: str
    keys: dict[str, OKPKey]
    key: X25519PrivateKey


class _Said(msgspec.Struct, frozen=True):
    """The last statement about a person and a permit: when it was signed, until when that matters (s since 1970)."""

    iat: int
    exp: int


class Statements:
    """What was said last, in a file beside the templates: ids and times, nothing of a face."""

    def __init__(self, path: Path, now_s: int) -> None:
        """Read what is there. When it cannot be read, only what is signed from now on counts."""
        self._path = path
        self._floor_s = 0
        self._said: dict[str, _Said] = {}
        try:
            self._said = msgspec.json.decode(path.read_bytes(), type=dict[str, _Said])
        except FileNotFoundError:
            return
        except (OSError, *UNREADABLE) as error:
            log.warning("%s cannot be read; older statements are refused: %s", path, error)
            self._floor_s = now_s

    def last(self, permit: str, person: str) -> int:
        """When the last statement was signed, 0 when there was none."""
        said = self._said.get(f"{permit}/{person}")
        return said.iat if said is not None else self._floor_s

    def heard(self, claims: FaceClaims, now_s: int) -> None:
        """Keep that this was said, durably; what is over is forgotten.

        Raises:
            OSError: it cannot be written.
        """
        fresh = {key: said for key, said in self._said.items() if said.exp > now_s}
        fresh[f"{claims.permit}/{claims.person}"] = _Said(claims.iat, claims.exp)
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=".new-")
        try:
            with os.fdopen(descriptor, "wb") as file:  # mkstemp's mode is 0600
                file.write(msgspec.json.encode(fresh))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        self._said = fresh


class Deliveries:
    """Takes statements, and deletes what has no purpose any more. One thread at a time."""

    def __init__(self, trust: Trust, store: TemplateStore, engine: Identity, now_s: int, limit: float) -> None:
        """`engine` is the one whose vectors this box can compare; times are in seconds since 1970.

        `limit`: whose template lies so near to anybody else's here might be taken for both (`Policy.limit`).
        """
        self._limit = limit
        self._trust, self._store, self._engine = trust, store, engine
        self._statements = Statements(store.folder / STATEMENTS, now_s)
        self._told: dict[tuple[str, str], tuple[int, int]] = {}
        self._warned: dict[str, tuple[float, int]] = {}
        self.removals = Removals(store.folder / REMOVALS)
        """Deletions that the log has not confirmed."""

    def take(self, token: str, permits: Sequence[Standing], now_s: int) -> News | None:
        """Judge one statement and act on it; what was acted on before is told again after a while only: None."""
        news = self._judge(token, permits, now_s)
        if isinstance(news, TemplateRefused):
            return news
        of, said = (news.permit, news.person), (news.iat, now_s)
        iat, told_s = self._told.get(of, (0, 0))
        if iat == news.iat and abs(now_s - told_s) < AGAIN_S:
            return None
        self._told = {key: told for key, told in self._told.items() if abs(now_s - told[1]) < AGAIN_S} | {of: said}
        return news

    def _judge(self, token: str, permits: Sequence[Standing], now_s: int) -> News:
        claims: FaceClaims | None = None
        try:
            self._check_keys()
            claims = jws.verify(token, jws.FACE, self._trust.keys, FaceClaims)
            if self._is_known(claims):
                return _done(claims, self._engine)
            self._check(claims, permits, now_s)
            return self._withdraw(claims, now_s) if claims.withdrawn else self._keep(claims, now_s)
        except ContractError as error:
            code = _CODES.get(error.field, "template_sealed")
            self._warn(code, error)
            return _refused(claims, code)
        except OSError as error:
            log.warning("a face template cannot be kept: %s", error)
            return _refused(claims, "template_storage")

    def _warn(self, code: str, error: ContractError) -> None:
        now_s = time.monotonic()
        at_s, left_out = self._warned.get(code, (float("-inf"), 0))
        if now_s - at_s < WARN_EVERY_S:
            self._warned[code] = (at_s, left_out + 1)
            return
        self._warned[code] = (now_s, 0)
        more = f" ({left_out} more like it since the last)" if left_out else ""
        log.warning("a face template is refused: %s%s", error, more)

    def tidy(self, permits: Sequence[Standing] | None, now_s: int) -> list[TemplateRemoved]:
        """Delete what is over: templates whose time has come and, when `permits` are told, those of others.

        What was deleted, which waits in `removals` until the log has it: it is written there first, for a template that
        is gone is not found again.

        Raises:
            OSError: something could not be deleted; what was, waits in `removals`.
        """
        standing = None if permits is None else {each.permit for each in permits}
        gone: list[TemplateRemoved] = []

        def over(entry: Entry) -> None:
            if entry.permit:
                going(entry, "permit_over" if standing is not None and entry.permit not in standing else "expired")

        def going(entry: Entry, why: Literal["permit_over", "expired", "unusable"]) -> None:
            iat = self._statements.last(entry.permit, entry.person)
            gone.append(TemplateRemoved(now_us(), entry.person, entry.permit, iat, why))
            self.removals.add(gone[-1])

        try:
            self._store.purge(now_s, standing, over)
            for entry in self._store.entries(now_s):
                if entry.permit and not entry.usable:
                    going(entry, "unusable")
                    self._store.remove(entry.person, entry.permit)
                    log.warning("the template of %s for %s was unusable: %s", entry.person, entry.permit, entry.why)
        finally:
            there = [removed for removed in gone if self._store.path(removed.person, removed.permit).exists()]
            self.removals.logged({key_of(removed) for removed in there})  # which the disk did not let go
        return gone

    def _is_known(self, claims: FaceClaims) -> bool:
        """Whether this very statement was acted on and still holds."""
        if claims.iat != self._statements.last(claims.permit, claims.person):
            return False
        there = (claims.person, claims.permit) in {(each.person, each.permit) for each in self._store.entries()}
        return there is not claims.withdrawn

    def _check_keys(self) -> None:
        if not self._trust.keys:
            raise ContractError("keys", "bridge.faces_keys", "none", "faces are enrolled at this box")

    def _check(self, claims: FaceClaims, permits: Sequence[Standing], now_s: int) -> None:
        if claims.aud != self._trust.box:
            raise ContractError("aud", self._trust.box, claims.aud, "this is for another box")
        if claims.iss != self._trust.issuer:
            raise ContractError("iss", self._trust.issuer, claims.iss, "this bridge is not trusted here")
        last = self._statements.last(claims.permit, claims.person)
        if claims.iat < last:
            raise ContractError("iat", f"at least {last}", str(claims.iat), "a later statement was heard already")
        if claims.withdrawn:
            return
        if now_s >= claims.exp:
            raise ContractError("exp", f"after {now_s}", str(claims.exp), "the permit is over")
        permit = next((each for each in permits if each.permit == claims.permit), None)
        if permit is None:
            raise ContractError("permit", "a permit that stands on this box", claims.permit, "send it after the permit")
        if claims.person not in permit.people:
            raise ContractError("person", f"somebody on {claims.permit}", claims.person, "the permit names others")

    def _withdraw(self, claims: FaceClaims, now_s: int) -> News:
        """Take back: remembered first, so that it cannot come again, then deleted."""
        self._statements.heard(claims, now_s)
        self._store.remove(claims.person, claims.permit)
        return _done(claims, self._engine)

    def _keep(self, claims: FaceClaims, now_s: int) -> News:
        body = open_sealed(claims, self._trust.key)
        try:
            template = msgspec.json.decode(body, type=Template)
            rows = unpack(template)
        except UNREADABLE as error:
            raise ContractError("sealed", "a template", str(error)) from error
        said = (template.person, template.permit, template.expires)
        if said != (claims.person, claims.permit, claims.exp):
            raise ContractError("sealed", f"a template of {claims.person} for {claims.permit}", str(said))
        ours = (self._engine.name, self._engine.model_sha256)
        if (template.engine, template.model_sha256) != ours:
            raise ContractError("engine", ours[0], template.engine, "enrol with the engine of this box")
        if template.created > claims.iat + CLOCK_S:
            came = f"{template.created}, signed {claims.iat}"
            raise ContractError("sealed", "a template made before it was signed", came, "check the bridge's clock")
        self._check_alone(claims.person, rows, now_s)
        self._store.save(template)
        self._statements.heard(claims, now_s)
        return _done(claims, self._engine)


    def _check_alone(self, person: str, rows: "NDArray[np.float32]", now_s: int) -> None:
        """One head must not be two people: performer and guardian could be the same man."""
        for other, theirs in self._store.others(person, now_s).items():
            nearest = apart(rows, theirs)
            if nearest <= self._limit:
                came = f"{nearest:.2f} from {other}"
                raise ContractError("twin", f"more than {self._limit:.2f} from everybody", came, "look at both people")


def _done(claims: FaceClaims, engine: Identity) -> TemplateKept | TemplateRemoved:
    """What has come of a statement that was acted on."""
    if claims.withdrawn:
        return TemplateRemoved(now_us(), claims.person, claims.permit, claims.iat, "withdrawn")
    return TemplateKept(now_us(), claims.person, claims.permit, claims.iat, engine.name[:64])


def _refused(claims: FaceClaims | None, code: str) -> TemplateRefused:
    if claims is None:
        return TemplateRefused(now_us(), "", "", 0, code)
    return TemplateRefused(now_us(), claims.person, claims.permit, claims.iat, code)
