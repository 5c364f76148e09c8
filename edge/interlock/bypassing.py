"""Bypass of one detector that failed: named, reasoned, compensated, short, counted, loud, and never for gas.

One shift stays one shift: the same detector is bypassed again only after the pack's time without a bypass.

A bypassed head's *failure* (silent, faulty, frozen) is no vote while the bypass lasts. Its gas alarm always is, and the
heads that are left vote 1ooN: a group is never looser with a bypass than without the head. IEC 61511-1 11.9, 16.
"""

from contracts.errors import ContractError
from contracts.event import Category, Severity
from edge.interlock.conditions.air import GAS_ALARMS, votes_to_trip
from edge.interlock.conditions.facts import Facts
from edge.interlock.conditions.people import entitled
from edge.interlock.happenings import Bypassed
from edge.interlock.state import Bypass, Mode
from edge.interlock.turn import Turn, replace

_QUIET = (Mode.LOCKED, Mode.PERMISSIVE_OK, Mode.TRIPPED)
_TEXT = 10
"""Characters of a reason or a compensating measure at least: "ok" is none."""


def problem(f: Facts, asked: Bypassed) -> ContractError | None:
    """Why a bypass is refused, or None."""
    rules = f.rules
    if f.durable.mode not in _QUIET:
        return ContractError(
            "state", ", ".join(mode.value for mode in _QUIET), f.durable.mode.value,
            "a bypass never begins while released: stop the work first",
        )  # fmt: skip
    group = next((g for g in f.site.groups if asked.channel in [c.name for c in g.channels]), None)
    if group is None:
        known = ", ".join(channel.name for channel in f.site.channels)
        return ContractError("channel", known, repr(asked.channel), "name a gas channel of this box")
    if len(asked.by) != 2 or len(set(asked.by)) != 2:
        return ContractError("by", "two different people", ", ".join(asked.by) or "nobody", "name both")
    here = [person.id for person in entitled(f, "bypass")]
    absent = [person for person in asked.by if person not in here]
    if absent:
        wanted = "people of the roster who may bypass and whose badges are here"
        return ContractError("by", wanted, ", ".join(absent), f"here and entitled: {', '.join(here) or 'nobody'}")
    for field, text in (("reason", asked.reason), ("measure", asked.measure)):
        if len(text.strip()) < _TEXT:
            wanted = f"at least {_TEXT} characters"
            return ContractError(field, wanted, repr(text), "write what the next shift must know")
    if not 0 < asked.seconds <= rules.bypass_max_s.value:
        longest = f"1 to {rules.bypass_max_s.value // 60} minutes ({rules.bypass_max_s.clause})"
        return ContractError("minutes", longest, f"{asked.seconds / 60:g}", "repair or replace the detector meanwhile")
    if any(bypass.channel == asked.channel for bypass in f.durable.bypasses):
        return ContractError("channel", "a channel without a bypass", asked.channel, "end the running one first")
    again = rules.bypass_again_s
    back_s = f.wall_s - f.durable.bypassed.get(asked.channel, f.wall_s - again.value)
    if back_s < again.value:
        wanted = f"a channel whose last bypass ended at least {again.value // 60} minutes ago ({again.clause})"
        return ContractError("channel", wanted, f"{asked.channel}: {back_s // 60} minutes ago", "repair or replace it")
    if len(f.durable.bypasses) >= rules.bypass_max_count.value:
        running = ", ".join(bypass.channel for bypass in f.durable.bypasses)
        most = f"at most {rules.bypass_max_count.value} at a time ({rules.bypass_max_count.clause})"
        return ContractError("channel", most, f"{running} and {asked.channel}", "end the running one first")
    return _air_problem(f, asked)


def _air_problem(f: Facts, asked: Bypassed) -> ContractError | None:
    """Never for gas over its limit, never the last healthy head of a group that still votes in full."""
    group = next(g for g in f.site.groups if asked.channel in [c.name for c in g.channels])
    votes = votes_to_trip(f)
    reasons = {channel.name: votes.get(channel.name) for channel in group.channels if channel.name != asked.channel}
    under = replace(f, durable=replace(f.durable, bypasses=(*f.durable.bypasses, _planned(asked, f.now_us))))
    own = votes_to_trip(under).get(asked.channel)
    if own is not None and own.code in GAS_ALARMS:
        came = f"{asked.channel}: {own.code}"
        return ContractError("channel", "a detector that failed", came, "gas is never bypassed")
    bypassed = [bypass.channel for bypass in f.durable.bypasses]
    if not any(reason is None and name not in bypassed for name, reason in reasons.items()):
        return ContractError(
            "channel", f"another healthy channel in group {group.name}", "none",
            "the last healthy channel of a group is never bypassed",
        )  # fmt: skip
    return None


def _planned(asked: Bypassed, now_us: int) -> Bypass:
    """What begins if it is allowed."""
    return Bypass(asked.channel, asked.by, asked.reason, asked.measure, now_us, now_us + asked.seconds * 1_000_000)


def begin(turn: Turn, asked: Bypassed) -> None:
    """Take a bypass in; what is not allowed changes nothing. Another one may have begun in this very step."""
    if problem(replace(turn.f, durable=turn.d), asked) is not None:
        return
    turn.d = replace(turn.d, bypasses=(*turn.d.bypasses, _planned(asked, turn.now)))
    # Its end as planned, so that a box started anew knows it too.
    _ends(turn, asked.channel, turn.f.wall_s + asked.seconds)
    turn.note(
        "bypass.started", Category.BYPASS, Severity.WARNING, actor=("person", asked.by[0]), snapshot=True,
        chan=asked.channel,
        by=list(asked.by), reason=asked.reason, measure=asked.measure, seconds=asked.seconds,
        clause=turn.rules.bypass_max_s.clause,
    )  # fmt: skip


def end(turn: Turn, channel: str, person: str) -> None:
    """Somebody takes a bypass back: anybody may tighten."""
    kept = tuple(bypass for bypass in turn.d.bypasses if bypass.channel != channel)
    if kept != turn.d.bypasses:
        turn.d = replace(turn.d, bypasses=kept)
        _ends(turn, channel, turn.f.wall_s)
        turn.note("bypass.ended", Category.BYPASS, actor=("person", person), chan=channel, why="taken back")


def _ends(turn: Turn, channel: str, wall_s: int) -> None:
    turn.d = replace(turn.d, bypassed={**turn.d.bypassed, channel: wall_s})


def run_out(turn: Turn) -> None:
    """Warn before the end, and take away what is over: nobody has to remember."""
    if not turn.d.bypasses and not turn.v.bypass_warned:
        return
    warning_us = turn.rules.bypass_warning_s.value * 1_000_000
    over = [bypass for bypass in turn.d.bypasses if not bypass.holds(turn.now)]
    if over:
        turn.d = replace(turn.d, bypasses=tuple(bypass for bypass in turn.d.bypasses if bypass not in over))
        for bypass in over:
            turn.note("bypass.ended", Category.BYPASS, Severity.WARNING, chan=bypass.channel, why="its time is over")
    running = {bypass.channel for bypass in turn.d.bypasses}
    warned = tuple(channel for channel in turn.v.bypass_warned if channel in running)
    for bypass in turn.d.bypasses:
        if bypass.until_us - turn.now <= warning_us and bypass.channel not in warned:
            warned = (*warned, bypass.channel)
            left_s = (bypass.until_us - turn.now) // 1_000_000
            turn.note("bypass.ending", Category.BYPASS, Severity.WARNING, chan=bypass.channel, seconds=left_s)
    if warned != turn.v.bypass_warned:
        turn.v = replace(turn.v, bypass_warned=warned)
