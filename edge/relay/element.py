"""A relay in series with the primary one: its status and what its driver offers."""

from typing import Protocol

import msgspec


class ElementStatus(msgspec.Struct, frozen=True, gc=False):
    """What one relay in series said.

    Attributes:
        name: its name in the configuration.
        contact_closed: its own feedback contact.
        at_us: CLOCK_BOOTTIME at which that was asked, or became so.
    """

    name: str
    contact_closed: bool
    at_us: int


class SeriesDriver(Protocol):
    """Obeys, reports, never decides. It closes only inside `close_contact` and is held by heartbeats that say closed.

    All calls return at once.
    """

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        ...

    @property
    def status(self) -> ElementStatus | None:
        """The last status, None when it is not there."""
        ...

    def open_port(self) -> None:
        """Take the device, open the contact; when it is not there, go on trying. Needs a running loop."""
        ...

    def heartbeat(self, closed: bool) -> None:
        """An evaluation has ended and believes this: holds a closed contact, never closes one; False opens it."""
        ...

    def close_contact(self) -> bool:
        """Order the contact closed. False when that cannot be ordered now."""
        ...

    def open_contact(self) -> bool:
        """Order the contact open. False when it could not be said: then it opens for want of heartbeats."""
        ...

    def shut(self) -> None:
        """Open the contact and give the device back for good."""
        ...
