"""What the boards share: one relay with its mirror contact, wired to one of the board's own inputs."""

import struct
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Protocol

from firmware_sim.clock import now_us
from firmware_sim.deadman.device import Contact
from firmware_sim.modbus import pdu


class BoardFault(StrEnum):
    """What can be wrong with a board's relay; `reboot`: it loses power for a moment.

    What happens on the way to it are the faults of every Modbus unit (`firmware_sim.modbus.Fault`).
    """

    WELD = "weld"
    STUCK_OPEN = "stuck_open"
    CHATTER = "chatter"
    REBOOT = "reboot"


class Board(Protocol):
    """A board as the device process sees it."""

    contact: Contact

    def registers(self) -> Sequence[int]:
        """None that a detector has."""

    def discrete_inputs(self) -> Sequence[bool]:
        """Its inputs, the mirror contact among them."""

    def respond(self, request: bytes) -> bytes:
        """Answer one request."""

    def tick(self) -> None:
        """Let time pass: watchdog, flash timer, contact."""

    def reboot(self) -> None:
        """Lose power for a moment."""

    def state(self) -> dict[str, Any]:
        """What `hotbox-sim state` shows."""


def set_board_fault(board: Board, fault: BoardFault | None) -> None:
    """Break or mend the relay itself."""
    if fault is BoardFault.REBOOT:
        board.reboot()
        return
    contact = board.contact
    contact.welded = fault is BoardFault.WELD
    contact.stuck_open = fault is BoardFault.STUCK_OPEN
    contact.chatters = fault is BoardFault.CHATTER


def move(contact: Contact, *, coil: bool) -> None:
    """Let the contact follow its coil."""
    now = now_us()
    contact.drive(coil, now)
    contact.move(now)


def words(request: bytes) -> tuple[int, int] | None:
    """The two words that functions 1 to 6 carry, None when the request has another length."""
    return struct.unpack(">HH", request[1:]) if len(request) == 5 else None


def bad_value(request: bytes) -> bytes:
    """Exception 3."""
    return pdu.exception(request[0], pdu.ILLEGAL_DATA_VALUE)


def bad_address(request: bytes) -> bytes:
    """Exception 2."""
    return pdu.exception(request[0], pdu.ILLEGAL_DATA_ADDRESS)
