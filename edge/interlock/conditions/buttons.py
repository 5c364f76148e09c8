"""Buttons and contacts on the input module."""

from edge.interlock.conditions.facts import PASS, Facts, Verdict, fail


def inputs(f: Facts) -> Verdict:
    """The button module answers."""
    read = f.snapshot.inputs
    limit = f.rules.inputs_ttl_ms
    if read is None:
        return fail("inputs_stale", rule=limit, unit="ms")
    age_us = f.now_us - read.at_us
    if not 0 <= age_us <= limit.value * 1000:
        return fail("inputs_stale", "", age_us, limit, "ms")
    return Verdict((), age_us)


def stop(f: Facts) -> Verdict:
    """The stop button (normally closed) is not pressed."""
    read = f.snapshot.inputs
    return fail("stop_pressed") if read is not None and not read.stop else PASS


def estop(f: Facts) -> Verdict:
    """The emergency stop's auxiliary contact (normally closed) is closed."""
    read = f.snapshot.inputs
    return fail("estop_open") if read is not None and not read.estop else PASS
