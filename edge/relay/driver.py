"""What every relay driver offers: it obeys, reports and never decides.

A driver opens the contact when its port opens; it closes it only inside `close_contact`, never on its own, whatever
restarted. All calls return at once.
"""

from collections.abc import Callable
from typing import Protocol

from edge.config import Relay
from edge.relay.deadman import DeadManRelay
from edge.relay.protocol import DeadmanStatus

OnStatus = Callable[[DeadmanStatus], None]


class RelayDriver(Protocol):
    """A relay whose contact opens by itself when heartbeats end."""

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

    def discard_input(self) -> None:
        """Throw away what waits to be read: after a gap it is no longer news."""
        ...

    def shut(self) -> None:
        """Order the contact open and close the device for good."""
        ...


RELAYS: dict[str, Callable[[Relay, OnStatus], RelayDriver]] = {"deadman": DeadManRelay}
"""The relay drivers. A new one is one file and one row here."""
