"""What every primary relay's driver offers, and the tables of drivers. A driver obeys, reports and never decides.

A driver opens the contact when its port opens; it closes it only inside `close_contact`, never on its own, whatever
restarted. While its feedback contact reads closed it takes no order to close. It keeps no fault beyond that: a weld is
remembered by the interlock's FAULT, on disk, until two people cleared it after a proof test, and no CLOSE is ordered
before. All calls return at once. A new driver is one file and one row.
"""

import importlib
from collections.abc import Callable
from typing import Protocol

from edge.config import GpioChip, Relay, SeriesRelay
from edge.relay.element import ElementStatus, SeriesDriver
from edge.relay.protocol import DeadmanStatus

OnStatus = Callable[[DeadmanStatus], None]
OnElement = Callable[[ElementStatus], None]


class RelayDriver(Protocol):
    """A relay whose contact opens by itself when heartbeats end, and stays open."""

    def open_port(self) -> bool:
        """Open the device, order the contact open; when it is not there, go on trying. Needs a running loop."""
        ...

    def heartbeat(self, closed: bool) -> bool:
        """Send the believed state; sustains a closed contact, never closes one. False when it could not be sent."""
        ...

    def close_contact(self) -> bool:
        """Order the contact closed. False when that cannot be ordered now."""
        ...

    def open_contact(self) -> bool:
        """Order the contact open. False when it could not be sent: then only missing heartbeats open it."""
        ...

    def drill(self) -> bool:
        """Order a rehearsal of the dead-man's drop; nothing moves. False when that cannot be ordered now."""
        ...

    def false_close(self) -> bool:
        """Order the contact closed with a wrong nonce, which must be refused. False when it could not be sent."""
        ...

    def watch_drop(self) -> bool:
        """Heartbeats now end on purpose, the contact being closed: look whether it opens. Orders nothing."""
        ...

    def discard_input(self) -> None:
        """Throw away what waits to be read: after a gap it is no longer news."""
        ...

    def shut(self) -> None:
        """Order the contact open and close the device for good."""
        ...


PRIMARY = {
    "deadman": ("edge.relay.deadman", "DeadManRelay"),
    "icpdas": ("edge.relay.icpdas", "IcpDasRelay"),
}
"""Kind → module and class of relays that latch open by themselves, imported only when a box has one."""


def make(relay: Relay, gpio: GpioChip | None, on_status: OnStatus, on_element: OnElement) -> RelayDriver:
    """The configured final element: the primary alone, or with its relays in series as a chain.

    Raises:
        ContractError: this machine has no such GPIO.
    """
    module, name = PRIMARY[relay.kind]
    primary: RelayDriver = getattr(importlib.import_module(module), name)(relay, on_status)
    if not relay.series:
        return primary
    from edge.relay.chain import RelayChain

    return RelayChain(primary, tuple(_series(relay.series, gpio, on_element)))


def _series(series: tuple[SeriesRelay, ...], chip: GpioChip | None, on_element: OnElement) -> list[SeriesDriver]:
    made: list[SeriesDriver] = []
    lines = None
    for one in series:
        if one.kind == "waveshare":
            from edge.relay.waveshare import WaveshareRelay

            made.append(WaveshareRelay(one, on_element))
        elif chip is not None:
            from edge.gpio import open_gpio
            from edge.relay.gpio import GpioRelay

            lines = lines or open_gpio(chip)
            made.append(GpioRelay(one, lines, on_element))
    return made
