"""`hotbox explain`: every condition now, or as it stood when a recorded decision was made."""

import datetime
import re
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.cells import cell_len
from rich.text import Text

from contracts.errors import ContractError
from contracts.event import Event
from edge.cli import printing, sections
from edge.cli.choices import Choices, choices
from edge.cli.client import Control
from edge.cli.decisions import Decisions
from edge.cli.words import Words
from edge.config import read
from edge.interlock import kernel, restart
from edge.interlock.decision_record import Given, Start
from edge.interlock.replay import Difference, Replay, replay
from edge.interlock.state import Durable, Mode
from edge.interlock.status import MeasureView, ReasonView, VerdictView
from edge.interlock.texts import STATES, describe
from edge.interlock.view import explain


class Standing(msgspec.Struct, frozen=True):
    """How the box stood at a moment: by its newest decision and what followed without one."""

    at_ms: int
    state: str
    first_out: str
    permit: str
    attempt: int


class Explained(msgspec.Struct, frozen=True):
    """A recorded decision that was made again; `standing` where a moment was asked for."""

    seq: int
    t: int
    type: str
    zh: str
    en: str
    box: str
    rules: str
    rules_sha256: str
    same: bool
    differences: tuple[Difference, ...]
    verdicts: tuple[VerdictView, ...]
    standing: Standing | None = None


def explain_command(
    context: typer.Context,
    condition: Annotated[str | None, typer.Argument(help="Only this condition.", show_default=False)] = None,
    event: Annotated[
        int | None,
        typer.Option("--event", metavar="SEQ", show_default=False, help="Make this recorded decision again."),
    ] = None,
    at: Annotated[
        str,
        typer.Option("--at", metavar="TIME", show_default=False, help="How the box stood then: its newest decision."),
    ] = "",
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="FILE", show_default=False, help="The log (audit.db). Default: this box's."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show every condition: verdict, where it counts, value against limit, age, clause, what to do on site.

    With --event: as it stood when that decision was made. The decision is made again from the log alone, no interlock
    need run. With --at "2026-11-20 08:14:05" (or 08:14:05 for today): the newest decision up to then, and the state.

    Exit codes: 0, 1 there is no such condition, 3 the interlock does not answer. With --event or --at: 0 the same
    verdict as recorded, 1 another one (the differing conditions are named), 2 no such event or time, or no record.
    """
    chosen = choices(context)
    if event is None and not at:
        with Control(read(chosen.config).control_socket) as control:
            raw = control.ask("explain")
        shown = _only(_verdicts(raw), condition)
        if as_json:
            printing.document(shown)
            return
        console = printing.screen()
        printing.lines(console, explanation(shown, chosen.words, printing.width(console)))
        return
    try:
        with Decisions(log if log is not None else read(chosen.config).audit_db) as decisions:
            found = _asked(decisions, event, at)
        shown = _only(found.verdicts, condition)
    except (ContractError, OSError) as error:
        printing.failure(error, chosen.words)
        raise typer.Exit(printing.USAGE) from None
    _print_decision(msgspec.structs.replace(found, verdicts=shown), chosen, as_json=as_json)
    raise typer.Exit(printing.OK if found.same else printing.REFUSED)


def _asked(decisions: Decisions, event: int | None, at: str) -> Explained:
    if at and event is not None:
        raise ContractError("--at", "either a time or an event", f"--at {at} --event {event}", "leave one out")
    return explained_at(decisions, moment_ms(at)) if event is None else explained(decisions, event)


def moment_ms(text: str, now: datetime.datetime | None = None) -> int:
    """The moment that a person means (ms since 1970): day and time at the box, or a time of today; a zone may follow.

    Without milliseconds the whole second is meant, without seconds the whole minute: what happened in it counts.

    Raises:
        ContractError: it is neither.
    """
    now = now or datetime.datetime.now().astimezone()
    parts = text.replace("T", " ").split(" ")
    try:
        day = datetime.date.fromisoformat(parts[0]) if len(parts) == 2 else now.date()
        at = datetime.datetime.combine(day, datetime.time.fromisoformat(parts[-1]))
    except ValueError:
        raise ContractError("--at", "a time such as 2026-11-20 08:14:05, or 08:14:05 for today", text) from None
    clock = re.split("[Z+-]", parts[-1])[0]
    whole_ms = 1 if "." in clock else {1: 60_000, 2: 1000}.get(clock.count(":"), 1)
    return round(at.astimezone().timestamp() * 1000) + whole_ms - 1


def _verdicts(raw: msgspec.Raw) -> tuple[VerdictView, ...]:
    try:
        return msgspec.json.decode(raw, type=tuple[VerdictView, ...])
    except msgspec.MsgspecError as error:
        raise ContractError("", "conditions", str(error), "restart the interlock after an update") from error


def _only(verdicts: tuple[VerdictView, ...], condition: str | None) -> tuple[VerdictView, ...]:
    if condition is None or not verdicts:
        return verdicts
    found = tuple(verdict for verdict in verdicts if verdict.condition == condition)
    if not found:
        raise ContractError("CONDITION", f"one of {', '.join(v.condition for v in verdicts)}", condition)
    return found


def explained(decisions: Decisions, seq: int) -> Explained:
    """Make a recorded decision again.

    Raises:
        ContractError: no such event, or it is no decision with its record.
    """
    event = decisions.event(seq)
    if "snapshot" not in event.data or "part_of" in event.data:
        before = decisions.before(seq)
        hint = f"the decision before it is {before}" if before is not None else "no decision stands before it"
        raise ContractError("--event", "a decision with its record", f"{seq} ({event.type})", hint)
    return of_event(event, replay(event.type, event.data, decisions.text_before(event.seq)))


def explained_at(decisions: Decisions, t_ms: int) -> Explained:
    """The newest decision up to a moment, made again, and how the box stood then (KPI-16).

    Raises:
        ContractError: no decision is that old.
    """
    seq = decisions.until(t_ms)
    decided = None if seq is None else decisions.before(seq)
    if seq is None or decided is None:
        raise ContractError("--at", "a time after the first decision of this log", sections.moment(t_ms))
    event = decisions.event(decided)
    again = replay(event.type, event.data, decisions.text_before(event.seq))
    after = _after(again.given)
    state = after.mode.value
    # What follows from evidence alone has an event of its own and no record; a fault at a start has none either.
    changed, faulty = decisions.newest("interlock.state", seq), decisions.newest("interlock.fault", seq)
    if max(changed, faulty) > decided:
        state = Mode.FAULT.value if faulty > changed else str(decisions.event(changed).data.get("now", state))
    latched = state in (Mode.TRIPPED.value, Mode.FAULT.value)
    first_out = after.first_out.code if after.first_out is not None and latched else ""
    standing = Standing(t_ms, state, first_out, event.permit, after.attempt)
    return msgspec.structs.replace(of_event(event, again), standing=standing)


def _after(given: Given | Start) -> Durable:
    """What was remembered once it was decided."""
    return restart.again(given)[0] if isinstance(given, Start) else kernel.again(given).durable


def of_event(event: Event, again: Replay) -> Explained:
    """A replayed decision as it is shown."""
    zh, en = describe(event.type, event.data)
    return Explained(
        seq=event.seq, t=event.t, type=event.type, zh=zh, en=en, box=again.site.box, rules=again.given.rules.name,
        rules_sha256=again.given.rules.sha256, same=again.same, differences=again.differences,
        verdicts=explain(again.facts, again.verdicts) if again.facts is not None else (),
    )  # fmt: skip


def _print_decision(found: Explained, chosen: Choices, *, as_json: bool) -> None:
    if as_json:
        printing.document(found)
        return
    console, words = printing.screen(), chosen.words
    width = printing.width(console)
    head = Text(f"#{found.seq}  ", "bold").append(sections.moment(found.t), sections.DIM).append("  ")
    head.append(words.pick(found), "bold").append(f"  [{found.type}]", sections.DIM)
    lines = []
    if found.standing is not None:
        stood = found.standing
        names = STATES.get(stood.state, (stood.state, stood.state))
        said = words(
            "explain_at", at=sections.moment(stood.at_ms), state=names[0 if words.lang == "zh" else 1],
            permit=stood.permit or "–", age=words.age(stood.at_ms - found.t),
        )  # fmt: skip
        lines.append(sections.fit(Text(said, "bold"), width))
    lines.append(sections.fit(head, width))
    lines.append(sections.fit(Text(f"{found.box}  {found.rules} {found.rules_sha256[:12]}", sections.DIM), width))
    lines += explanation(found.verdicts, words, width) if found.verdicts else [Text(words("explain_start"))]
    if found.same:
        lines.append(Text(f"{sections.TICK} {words('explain_same')}", sections.GOOD))
    else:
        lines.append(Text(f"{sections.CROSS} {words('explain_different')}", sections.BAD))
        for difference in found.differences:
            lines.append(Text(f"  {difference.what}", "bold"))
            lines.append(Text(f"    {words('explain_recorded')}: {difference.recorded}"))
            lines.append(Text(f"    {words('explain_replayed')}: {difference.replayed}"))
    printing.lines(console, lines)


def explanation(verdicts: tuple[VerdictView, ...], words: Words, width: int) -> list[Text]:
    """Every condition: its verdict, its reasons or what it looks at, what to do."""
    name_w = max(max((len(v.condition) for v in verdicts), default=0), 14)
    sets_w = cell_len(words("set.release")) + cell_len(words("set.run")) + 3
    lines = []
    for verdict in verdicts:
        style = sections.GOOD if verdict.ok else sections.BAD
        line = Text(f"{sections.TICK if verdict.ok else sections.CROSS} ", style)
        line.append(sections.pad(verdict.condition, name_w) + " ", "bold" if not verdict.ok else "")
        sets = " ".join(words(f"set.{name}") for name, on in (("release", verdict.release), ("run", verdict.run)) if on)
        line.append(sections.pad(sets, sets_w), sections.DIM)
        line.append(words.pick(verdict))
        if verdict.age_ms is not None and not verdict.shown:
            line.append(f"  {words.age(verdict.age_ms)}", sections.DIM)
        lines.append(sections.fit(line, width))
        for reason in verdict.reasons:
            lines += _reason(reason, words, width)
        lines += [_measure(measure, words, width) for measure in verdict.shown]
        keep = verdict.keep_zh if words.lang == "zh" else verdict.keep_en
        if verdict.ok and keep:
            lines.append(sections.fit(Text("    → ", sections.DIM).append(keep, sections.DIM), width))
    bad = sum(not verdict.ok for verdict in verdicts)
    if len(verdicts) > 1:
        lines.append(Text(words("explain_sum", n=len(verdicts), bad=bad), "bold"))
    return lines


def _measure(measure: MeasureView, words: Words, width: int) -> Text:
    """``    ch4-1 methane  0 %LEL  ≤ 10  0.0 s  GB 30871-2022 5.3.2``."""
    line = Text("    ")
    if measure.subject:
        line.append(f"{measure.subject} ")
    line.append(words.pick(measure))
    if measure.value:
        style = sections.BAD if measure.inside is False else "bold"
        line.append(f"  {measure.value} {measure.unit}".rstrip(), style)
    if measure.limit:
        line.append(f"  {measure.limit}" if measure.value else f"  {words('limit')} {measure.limit} {measure.unit}")
    # An age that is the value itself is not said twice.
    if measure.age_ms is not None and not (measure.unit in ("s", "ms") and measure.value):
        line.append(f"  {words('ago', age=words.age(measure.age_ms))}", sections.DIM)
    if measure.clause:
        line.append(f"  {measure.clause}", sections.DIM)
    return sections.fit(line, width)


def _reason(reason: ReasonView, words: Words, width: int) -> list[Text]:
    first = Text("    ").append(words.pick(reason), "bold")
    numbers = sections.measure(reason, words)
    if numbers:
        first.append(f"  {numbers}", sections.BAD)
    lines = [first, Text("    → ", sections.NOTE).append(words.todo(reason))]
    if reason.clause:
        lines.append(Text(f"    {words('clause')}: {reason.clause}  [{reason.code}]", sections.DIM))
    else:
        lines.append(Text(f"    [{reason.code}]", sections.DIM))
    return [sections.fit(line, width) for line in lines]
