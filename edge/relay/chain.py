"""Relays in series: those in front close first, the primary closes last and makes the current; all open at once.

The second half of a closing hangs on an evaluated heartbeat that still says closed: only then, and only when every
relay in front shows its contact closed, the primary is told. No timer and no answer of a device closes anything.
Until then the primary is told the truth, that it is open, as its own rules ask for (a CLOSE needs such a heartbeat).
"""

from edge.relay.driver import RelayDriver
from edge.relay.element import SeriesDriver
from edge.sockets import now_us

FRESH_US = 200_000
"""A contact that was last seen longer ago is not known to be closed."""
PATIENCE_US = 1_000_000
"""A closing that has not got to the primary by then is over; the interlock's settle time is shorter."""


class RelayChain:
    """See `edge.relay.driver.RelayDriver`: the same for the primary with its relays in series."""

    def __init__(self, primary: RelayDriver, series: tuple[SeriesDriver, ...]) -> None:
        self._primary = primary
        self._series = series
        self._closing_us = 0  # when a CLOSE was ordered that has not got to the primary, 0 when there is none

    def open_port(self) -> bool:
        """See `RelayDriver.open_port`."""
        found = self._primary.open_port()
        for one in self._series:
            one.open_port()
        return found

    def heartbeat(self, closed: bool) -> bool:
        """See `RelayDriver.heartbeat`."""
        if not closed:
            self._closing_us = 0
        for one in self._series:
            one.heartbeat(closed)
        if self._closing_us:
            now = now_us()
            if now - self._closing_us > PATIENCE_US:
                self.open_contact()
            elif self._in_front_closed(now):
                self._closing_us = 0
                return self._primary.close_contact() and self._primary.heartbeat(True)
            return self._primary.heartbeat(False)
        return self._primary.heartbeat(closed)

    def close_contact(self) -> bool:
        """See `RelayDriver.close_contact`: begins with those in front."""
        self._closing_us = 0
        for one in self._series:
            if not one.close_contact():
                self.open_contact()
                return False
        self._closing_us = now_us()
        return True

    def open_contact(self) -> bool:
        """See `RelayDriver.open_contact`: all at once, the one that latches first."""
        self._closing_us = 0
        said = self._primary.open_contact()
        for one in self._series:
            said = one.open_contact() and said
        return said

    def drill(self) -> bool:
        """See `RelayDriver.drill`."""
        return self._primary.drill()

    def false_close(self) -> bool:
        """See `RelayDriver.false_close`; those in front stay open."""
        return self._primary.false_close()

    def watch_drop(self) -> bool:
        """See `RelayDriver.watch_drop`."""
        return self._primary.watch_drop()

    def discard_input(self) -> None:
        """See `RelayDriver.discard_input`."""
        self._closing_us = 0
        self._primary.discard_input()

    def shut(self) -> None:
        """See `RelayDriver.shut`."""
        self._closing_us = 0
        self._primary.shut()
        for one in self._series:
            one.shut()

    def _in_front_closed(self, now: int) -> bool:
        return all(
            one.status is not None and one.status.contact_closed and now - one.status.at_us <= FRESH_US
            for one in self._series
        )
