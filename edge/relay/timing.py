"""What each kind of relay declares: when it opens by itself after the last heartbeat that reached it."""

from collections.abc import Callable

from edge.config import Relay

DEADMAN_MS = 180
"""firmware_sim/deadman/PROTOCOL.md, rule 3."""
ICPDAS_LATE_MS = 80
"""What the module's watchdog, which counts in steps of 100 ms, may be late; not in its documentation, so it is proven
at every proof test."""

DECLARED: dict[str, Callable[[Relay], int]] = {
    "deadman": lambda _: DEADMAN_MS,
    "icpdas": lambda relay: relay.watchdog_ms + ICPDAS_LATE_MS,
}


def dead_man_ms(relay: Relay) -> int:
    """The primary's own figure. It is what counts: the chain is open as soon as the first of its relays is."""
    return DECLARED[relay.kind](relay)
