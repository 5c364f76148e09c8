"""Which templates people are compared with: those of the permit that decides, and none before the log knows it.

However a file came to be in the folder, by an enrolment, a delivery or a hand: nobody is recognised by it before the
interlock has said that its digest is recorded, and another one is told at once.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from edge.interlock.evidence import Face, TemplateUsed
from edge.vision.templates import TemplateStore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AGAIN_US = 1_000_000
"""Told so often: an interlock that began anew knows nothing, and what it had recorded counts for it no more."""


class _Used(NamedTuple):
    permit: str
    digest: str
    engine: str


_NONE = _Used("", "", "")


class Serving:
    """Gives a template once its use is recorded. Looked at by one thread at a time, told by another."""

    def __init__(self, store: TemplateStore) -> None:
        """Nobody is compared with anything yet."""
        self._store = store
        self._permit, self._wall_s = "", 0
        self._logged: dict[str, str] = {}
        self._used: dict[str, _Used] = {}
        self._told: dict[str, tuple[_Used, int]] = {}

    def want(self, permit: str, wall_s: int = 0) -> None:
        """The permit that decides, and the clock that the interlock believes (s since 1970).

        While it believes none (0) nothing is too old: a template that came for a permit serves that permit alone, and
        whether that stands is the interlock's word. So a box without a clock of its own goes on working.
        """
        self._permit, self._wall_s = permit, wall_s

    def logged(self, person: str, digest: str) -> None:
        """The log has it."""
        self._logged[person] = digest

    def forget(self) -> None:
        """The interlock is gone: whatever comes next has recorded nothing that we know of."""
        self._logged.clear()
        self._told.clear()

    def vectors(self, person: str) -> "NDArray[np.float32] | None":
        """The rows that a person is compared with; None without any, or before the log has them."""
        chosen = self._store.choose(person, self._permit, self._wall_s)
        if chosen is None:
            self._used[person] = _NONE
            return None
        self._used[person] = _Used(chosen.template.permit, chosen.digest, chosen.template.engine)
        return chosen.rows if self._logged.get(person) == chosen.digest else None

    def ready(self, people: Iterable[str]) -> bool:
        """Read everybody's anew: whether each of these people's is recorded, or not there."""
        found = [self.vectors(person) is not None or self._used[person] == _NONE for person in people]
        return all(found)

    def words(self, people: Iterable[str], now_us: int) -> list[TemplateUsed]:
        """What is to be told now: what changed, and all of it now and then."""
        said = []
        for person in people:
            used = self._used.get(person)
            told, at_us = self._told.get(person, (None, 0))
            if used is None or (used == told and now_us - at_us < AGAIN_US):
                continue
            self._told[person] = (used, now_us)
            said.append(TemplateUsed(now_us, person, *used))
        return said

    def stamped(self, face: Face) -> Face:
        """With the digest of what it was compared with."""
        return Face(
            face.at_us, face.person, face.distance_milli, face.liveness, face.engine, face.nonce, face.live_milli,
            self._used.get(face.person, _NONE).digest,
        )  # fmt: skip
