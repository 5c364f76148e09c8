"""What can happen to the kernel besides evidence."""

import msgspec

from contracts.permit import PermitClaims, Revocations
from edge.interlock.proving import Kind
from edge.interlock.state import GasTest


class Acknowledged(msgspec.Struct, frozen=True):
    """`release.authorised` of this attempt is durable, and so is the state that it was made in."""

    attempt: int


class PermitAccepted(msgspec.Struct, frozen=True):
    """A permit that verified."""

    claims: PermitClaims


class Revoked(msgspec.Struct, frozen=True):
    """A revocation list that verified and is newer than the last."""

    revocations: Revocations


class Suspended(msgspec.Struct, frozen=True):
    """The bridge asks to stop; `void` ends the permit for good."""

    permit: str
    reason: str
    void: bool


class IdentifyAsked(msgspec.Struct, frozen=True):
    """The bridge asks the box to show itself to whoever looks for it."""


class GasTested(msgspec.Struct, frozen=True):
    """A gas test was entered by an analyst who is here."""

    test: GasTest


class ResetRequested(msgspec.Struct, frozen=True):
    """`hotbox reset`: opens the window in which the physical edge counts. Two people open it for a fault."""

    uid: int
    fault_by: tuple[str, ...] = ()


class Confirmed(msgspec.Struct, frozen=True):
    """A named person confirmed a precondition of a permit, or measured it: value in thousandths, photo's commitment."""

    permit: str
    precondition: str
    person: str
    value_milli: int | None = None
    photo: str = ""


class Withdrawn(msgspec.Struct, frozen=True):
    """Somebody takes back that a precondition of a permit holds."""

    permit: str
    precondition: str
    person: str


class Reconfirmed(msgspec.Struct, frozen=True):
    """The guardian, verified here, confirms that an approval which had become too old still stands."""

    permit: str
    person: str


class TicketChecked(msgspec.Struct, frozen=True):
    """A shift leader says that the ticket was checked before ignition (GB 30871-2022 A.1)."""

    permit: str
    person: str


class VouchAsked(msgspec.Struct, frozen=True):
    """A decision on somebody who could not prove to be alive was typed in: vouched for, or may try `again`.

    `uid` typed it, in the name of the supervisor `by`, who confirms it by hand.
    """

    uid: int
    person: str
    by: str
    reason: str
    again: bool = False


class TemplateChanged(msgspec.Struct, frozen=True):
    """A command is about to change a person's face template, or all of that person's."""

    person: str


class SuspendedHere(msgspec.Struct, frozen=True):
    """Somebody at the box stops the work; `relief`: so that another guardian can take over."""

    person: str
    relief: bool
    present: bool


class DetectorTestBegun(msgspec.Struct, frozen=True):
    """A person who is here begins a bump test or a calibration: gas, concentration in the channel's unit, bottle.

    `due_s` is the end of the calibration, seconds since 1970; 0 for the pack's longest interval.
    """

    kind: Kind
    channel: str
    applied: float
    by: str
    bottle: str
    due_s: int = 0


class DetectorTestStopped(msgspec.Struct, frozen=True):
    """Whoever watches a running test ends it: it has not passed."""

    channel: str


class DetectorReplaced(msgspec.Struct, frozen=True):
    """A person who is here put in another head: its serial number, the end of its certificate (seconds since 1970)."""

    channel: str
    serial: str
    due_s: int
    by: str


class Bypassed(msgspec.Struct, frozen=True):
    """Two people, by their ids, ask that a failed detector's vote be left out for so many seconds."""

    channel: str
    by: tuple[str, ...]
    reason: str
    measure: str
    seconds: int


class BypassEnded(msgspec.Struct, frozen=True):
    """A named person takes a bypass back."""

    channel: str
    person: str


class ProofAsked(msgspec.Struct, frozen=True):
    """`hotbox relay test`: two people who are here say that the welding set is isolated and want the test.

    `pulse`: the contact is to be really closed for a moment; then inputs, not people, say that the load is isolated.
    """

    uid: int
    by: tuple[str, ...]
    isolated: bool
    pulse: bool = False


class ShutDown(msgspec.Struct, frozen=True):
    """The process is about to end in good order."""


Happening = (
    Acknowledged
    | PermitAccepted
    | Revoked
    | Suspended
    | IdentifyAsked
    | GasTested
    | ResetRequested
    | Confirmed
    | Withdrawn
    | Reconfirmed
    | TicketChecked
    | VouchAsked
    | TemplateChanged
    | SuspendedHere
    | DetectorTestBegun
    | DetectorTestStopped
    | DetectorReplaced
    | Bypassed
    | BypassEnded
    | ProofAsked
    | ShutDown
)
