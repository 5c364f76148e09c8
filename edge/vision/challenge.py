"""Liveness: where a challenge plugs in, and the only answer there is so far.

A challenge is started with the nonce that the interlock chose, is offered every frame with the faces that were
recognised in it, and says what it has proven. Nothing here proves anything: `NotProven` says so, and only the
SIMULATION baseline accepts that.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from edge.vision.camera import Frame
    from faces.match import Seen


class Liveness(StrEnum):
    """What a challenge has found out about a person."""

    NOT_PROVEN = "not_proven"
    RUNNING = "running"
    PROVEN = "proven"
    FAILED = "failed"


class Challenge(Protocol):
    """A sequence that a living person can follow and a picture cannot."""

    def start(self, nonce: str, people: Sequence[str], deadline_us: int) -> None:
        """Begin anew for these people; what was proven under another nonce is forgotten."""

    def offer(self, frame: "Frame", seen: Sequence["Seen"]) -> dict[str, Liveness]:
        """A frame with the people who were recognised in it; what is now known of each of them."""


class NotProven:
    """Proves nothing and says so."""

    def start(self, nonce: str, people: Sequence[str], deadline_us: int) -> None:
        """Nothing to begin."""

    def offer(self, frame: "Frame", seen: Sequence["Seen"]) -> dict[str, Liveness]:  # noqa: ARG002
        """Not proven, for everybody."""
        return {one.person: Liveness.NOT_PROVEN for one in seen}
