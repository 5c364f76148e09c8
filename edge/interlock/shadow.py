"""Shadow mode: recorded decisions made again under proposed rules, to see what these would have changed. Pure.

What a log can tell is limited: it has the moments at which something was decided, and the gas values of its gas
events. A stricter rule may have tripped in between on values that nobody recorded; a weaker one may have tripped a
little later. Findings are therefore about recorded moments, and each release counts once for each kind of change.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from enum import StrEnum

import msgspec

from contracts.errors import ContractError
from contracts.event import Event
from edge.interlock import kernel
from edge.interlock.conditions import facts
from edge.interlock.decision_record import Given
from edge.interlock.kernel import Step
from edge.interlock.rules import Rules
from edge.interlock.site import Site, confined_limits
from edge.interlock.state import Mode

replace = msgspec.structs.replace
SEVERAL = "several rows together"
_REFUSALS = ("interlock.arm_refused", "release.abandoned", "interlock.reset_refused")
_TRIP = "interlock.tripped"
"""A fault is found with the relay commanded open only, so it ends no release."""
_OUTSIDE_A_RELEASE = ("interlock.arm_refused", "interlock.reset_refused")
_TURNS = ("release.commanded", _TRIP, "interlock.fault", "work.finished", "system.boot", "relay.opened")
"""A release begins with the first of these and has ended with any other."""
_NOT_ROWS = ("name", "zh", "en", "sha256", "site", "simulation")
_TABLES = ("limits", "confined")


class Change(StrEnum):
    """What a proposed rule would have done at a recorded moment."""

    MORE_TRIPS = "more_trips"
    FEWER_TRIPS = "fewer_trips"
    MORE_REFUSALS = "more_refusals"
    FEWER_REFUSALS = "fewer_refusals"


class Finding(msgspec.Struct, frozen=True):
    """One moment that would have gone another way: event, change, the rows that alone do it, why before and after."""

    seq: int
    t: int
    type: str
    change: Change
    rows: tuple[str, ...]
    recorded: str
    proposed: str


def _outcome(given: Given, step: Step) -> tuple[str, str]:
    """``trip``, ``refusal`` or ``""``, and the reasons; ``-`` where there are none."""
    for note in step.notes:
        if note.type in _REFUSALS:
            return "refusal", "; ".join(_reason(reason) for reason in note.data["reasons"])
    if given.durable.mode is Mode.RELEASED:
        for note in step.notes:
            if note.type == _TRIP:
                return "trip", "; ".join(_reason(reason) for reason in (note.data, *note.data["others"]))
    return "", "-"


def _reason(data: dict[str, str]) -> str:
    return f"{data['code']} {data['chan']}".strip()


def under(given: Given, rules: Rules) -> Given:
    """The same moment under other rules, the channels' limits included.

    Raises:
        ContractError: the rules have no limit for one of the box's gases.
    """
    return replace(given, rules=rules, site=_limited(given.site, rules))


def _limited(site: Site, rules: Rules) -> Site:
    groups = tuple(
        replace(
            group,
            channels=tuple(
                replace(channel, limit=rules.limit(channel.gas, channel.limit.unit)) for channel in group.channels
            ),
        )
        for group in site.groups
    )
    limited = replace(site, groups=groups)
    return replace(limited, confined=confined_limits(limited.channels, rules))


def single_changes(recorded: Rules, proposed: Rules) -> Iterator[tuple[str, Rules]]:
    """The recorded rules with one row of the proposed at a time: a field, a gas's limit, a level."""
    for field in Rules.__struct_fields__:
        was, now = getattr(recorded, field), getattr(proposed, field)
        if was == now or field in _NOT_ROWS:
            continue
        if field == "levels":
            for level, row in now.items():
                if was.get(level) != row:
                    yield f"levels.{level.value}", replace(recorded, levels={**was, level: row})
        elif field in _TABLES:
            for key in dict.fromkeys((limit.gas, limit.quantity) for limit in (*was, *now)):
                rest = tuple(limit for limit in was if (limit.gas, limit.quantity) != key)
                fresh = tuple(limit for limit in now if (limit.gas, limit.quantity) == key)
                if fresh and fresh != tuple(limit for limit in was if (limit.gas, limit.quantity) == key):
                    yield f"{field}.{key[0]}", replace(recorded, **{field: (*rest, *fresh)})
        else:
            yield field, replace(recorded, **{field: now})


_CHANGES = {
    ("trip", False): Change.FEWER_TRIPS,
    ("trip", True): Change.MORE_TRIPS,
    ("refusal", False): Change.FEWER_REFUSALS,
    ("refusal", True): Change.MORE_REFUSALS,
}


def judge(event: Event, given: Given, proposed: Rules) -> Finding | None:
    """Whether a decision would have gone another way.

    Raises:
        ContractError: the proposed rules cannot judge this box.
    """
    was, why = _outcome(given, kernel.again(given))
    now, why_now = _outcome(given, kernel.again(under(given, proposed)))
    if was == now:
        return None
    change = _CHANGES[now, True] if now else _CHANGES[was, False]
    rows = tuple(
        name
        for name, rules in single_changes(given.rules, proposed)
        if _outcome(given, kernel.again(under(given, rules)))[0] == now
    )
    return Finding(event.seq, event.t, event.type, change, rows or (SEVERAL,), why, why_now)


def judge_values(event: Event, given: Given, proposed: Rules) -> Finding | None:
    """Whether gas values that were recorded while released would have tripped only under the proposed rules.

    `given` is the last decision before: its permit says whether the work is inside a confined space.

    Raises:
        ContractError: the proposed rules have no limit for one of the box's gases.
    """
    values = _values(event)
    then = _voting(_acting(given), values)
    now = _voting(_acting(under(given, proposed)), values)
    if then or not now:
        return None
    rows = tuple(
        row
        for row, rules in single_changes(given.rules, proposed)
        if _voting(_acting(under(given, rules)), values)
    )
    return Finding(event.seq, event.t, event.type, Change.MORE_TRIPS, rows or (SEVERAL,), "-", "; ".join(now))


def _values(event: Event) -> dict[str, tuple[float, str | None]]:
    """Values and units by channel: of one channel's event, or of a record of them all."""
    return {
        row["chan"]: (row["value_milli"] / 1000, row.get("unit"))
        for row in (event.data, *event.data.get("values", ()))
        if "chan" in row and isinstance(row.get("value_milli"), int)
    }


def _acting(given: Given) -> Site:
    """The site with the limits of the place that the permit was for."""
    return facts(given.site, given.rules, given.durable, given.volatile, given.snapshot, given.now_us).site


def _voting(site: Site, values: dict[str, tuple[float, str | None]]) -> list[str]:
    """The channels of every group that trips on these values; a channel without a value casts no vote."""
    found = []
    for group in site.groups:
        over = [
            f"{channel.name} {value:g} {unit}"
            for channel in group.channels
            if channel.name in values
            for value, unit in (values[channel.name],)
            if unit == channel.limit.unit.value and not channel.limit.bottom <= value <= channel.limit.top
        ]
        if len(over) >= group.needed:
            found += over
    return found


class Skipped(msgspec.Struct, frozen=True):
    """A decision that could not be made again, and why."""

    seq: int
    why: str


class Shadow(msgspec.Struct, frozen=True):
    """What proposed rules would have changed in a stretch of log."""

    pack: str
    pack_sha256: str
    first_t: int
    last_t: int
    decisions: int
    gas_records: int
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]
    site_rules: tuple[str, ...]

    def counts(self) -> dict[str, int]:
        """How many findings of each kind."""
        found = Counter(finding.change for finding in self.findings)
        return {change.value: found[change] for change in Change}

    def by_row(self) -> dict[str, dict[str, list[int]]]:
        """For each row and kind of change the events; a finding that two rows cause alone stands at both."""
        table: dict[str, dict[str, list[int]]] = {}
        for finding in self.findings:
            for row in finding.rows:
                table.setdefault(row, {}).setdefault(finding.change.value, []).append(finding.seq)
        return table


class Run:
    """Takes a log's events in their order; `result` gives what was found."""

    def __init__(self, proposed: Rules) -> None:
        """Begin with nothing known."""
        self._proposed = proposed
        self._findings: list[Finding] = []
        self._skipped: list[Skipped] = []
        self._site_rules: dict[str, None] = {}
        self._last: Given | None = None
        self._released = False
        self._moot: set[tuple[int, str]] = set()
        self._decisions = self._gas_records = self._first_t = self._last_t = 0

    def decision(self, event: Event, given: Given) -> None:
        """A decision with its record."""
        self._seen(event)
        self._decisions += 1
        self._last = given
        if given.rules.site:
            self._site_rules.setdefault(given.rules.site)
        self._found(event, lambda: judge(event, given, self._proposed))

    def other(self, event: Event) -> None:
        """Any other event."""
        self._seen(event)
        if event.type.startswith("gas.") and self._last is not None and _values(event):
            self._gas_records += 1
            last = self._last
            if self._released:
                self._found(event, lambda: judge_values(event, last, self._proposed))

    def skip(self, event: Event, why: str) -> None:
        """A decision whose record cannot be read."""
        self._seen(event)
        self._skipped.append(Skipped(event.seq, why))

    def _seen(self, event: Event) -> None:
        self._first_t, self._last_t = self._first_t or event.t, event.t
        if event.type in _TURNS:
            self._released = event.type == "release.commanded"

    def _found(self, event: Event, look: Callable[[], Finding | None]) -> None:
        """A release that would have ended or not begun counts once; what followed in it would not have happened."""
        of_release = event.type not in _OUTSIDE_A_RELEASE
        key = (event.boot, event.corr)
        if of_release and key in self._moot:
            return
        try:
            finding = look()
        except ContractError as error:
            self._skipped.append(Skipped(event.seq, str(error)))
            return
        if finding is not None:
            self._findings.append(finding)
            if of_release and event.corr:
                self._moot.add(key)

    def result(self) -> Shadow:
        """What was found so far."""
        return Shadow(
            self._proposed.name, self._proposed.sha256, self._first_t, self._last_t, self._decisions,
            self._gas_records, tuple(self._findings), tuple(self._skipped), tuple(self._site_rules),
        )  # fmt: skip
