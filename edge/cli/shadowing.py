"""`hotbox rules replay`: what proposed rules would have changed, judged on the decisions in the log."""

import datetime
import re
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from contracts.errors import ContractError
from edge.cli import printing
from edge.cli.choices import Choices, choices
from edge.cli.decisions import Decisions
from edge.cli.packs import asked
from edge.cli.sections import DIM, GOOD, NOTE, SOME, moment
from edge.cli.words import Words
from edge.config import read
from edge.interlock import decision_record
from edge.interlock.decision_record import Given
from edge.interlock.rules import Rules
from edge.interlock.shadow import Change, Run, Shadow

_SPAN = re.compile(r"(\d+)([dhm])")
_SECONDS = {"d": 86400, "h": 3600, "m": 60}


def replay_command(
    context: typer.Context,
    pack: Annotated[str, typer.Argument(help="The proposed pack: a name or a file.", show_default=False)],
    since: Annotated[str, typer.Option(help="How far back: 30d, 12h, 90m, or a date such as 2026-03-01.")] = "30d",
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="FILE", show_default=False, help="The log (audit.db). Default: this box's."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Shadow mode: how many more or fewer trips and refusals would a proposed pack have caused.

    Every recorded decision is made again with the proposed rows. Nothing is changed and no interlock need run.

    Exit codes: 0 done, 1 the pack is refused or the log cannot be read.
    """
    chosen = choices(context)
    proposed = asked(pack, chosen)
    begin_ms = _begin_ms(since)
    with Decisions(log if log is not None else read(chosen.config).audit_db) as decisions:
        found = shadow(decisions, proposed, begin_ms)
    if as_json:
        printing.document(_data(found, begin_ms))
        return
    _print(found, chosen)


def _begin_ms(since: str) -> int:
    span = _SPAN.fullmatch(since)
    if span:
        return round((time.time() - int(span[1]) * _SECONDS[span[2]]) * 1000)
    try:
        return round(datetime.datetime.fromisoformat(since).astimezone().timestamp() * 1000)
    except (ValueError, OverflowError):
        raise ContractError("--since", "30d, 12h, 90m or a date such as 2026-03-01", since) from None


def shadow(decisions: Decisions, proposed: Rules, begin_ms: int) -> Shadow:
    """Make every decision since then again under the proposed rules."""
    run = Run(proposed)
    for event in decisions.since(begin_ms):
        if "snapshot" not in event.data or "part_of" in event.data:
            run.other(event)
            continue
        try:
            given, _ = decision_record.read(event.data["snapshot"], decisions.text_before(event.seq))
        except ContractError as error:
            run.skip(event, str(error))
            continue
        if isinstance(given, Given):
            run.decision(event, given)
        else:
            # A start looks at no rule but the length of the fire watch.
            run.other(event)
    return run.result()


def _data(found: Shadow, begin_ms: int) -> dict[str, object]:
    return {
        "pack": found.pack, "pack_sha256": found.pack_sha256, "since_t": begin_ms, "first_t": found.first_t,
        "last_t": found.last_t, "decisions": found.decisions, "gas_records": found.gas_records,
        "counts": found.counts(), "rows": found.by_row(), "findings": found.findings, "skipped": found.skipped,
        "replaced_site_rules": found.site_rules, "limits": Words("en")("shadow_limits"),
    }  # fmt: skip


def _print(found: Shadow, chosen: Choices) -> None:
    console, words = printing.screen(), chosen.words
    if not found.decisions and not found.skipped:
        console.print(Text(words("shadow_nothing"), NOTE))
        return
    span = f"{moment(found.first_t)[:16]} – {moment(found.last_t)[:16]}"
    said = words("shadow_span", span=span, n=found.decisions, gas=found.gas_records)
    console.print(Text(f"{found.pack} {found.pack_sha256[:12]}  ", "bold").append(said, DIM), soft_wrap=True)
    counts = found.counts()
    for change in Change:
        number = counts[change.value]
        console.print(Text(f"  {number:>4}  {words(f'shadow.{change.value}')}", SOME if number else DIM))
    if found.findings:
        console.print()
        console.print(_table(found, words))
        for finding in found.findings:
            head = Text(f"#{finding.seq} ", "bold").append(f"{moment(finding.t)[:19]} {finding.type} ", DIM)
            console.print(head.append(words(f"shadow.{finding.change.value}")), soft_wrap=True)
            both = words("shadow_both", was=finding.recorded, now=finding.proposed)
            console.print(Text(f"    {both}  [{', '.join(finding.rows)}]"), soft_wrap=True)
    else:
        console.print(Text(f"✔ {words('shadow_same')}", GOOD))
    if found.skipped:
        skipped = words("shadow_skipped", n=len(found.skipped), seq=found.skipped[0].seq, why=found.skipped[0].why)
        console.print(Text(f"! {skipped}", SOME), soft_wrap=True)
    if found.site_rules:
        console.print(Text(f"! {words('shadow_site_rules', names=', '.join(found.site_rules))}", SOME), soft_wrap=True)
    console.print(Text(words("shadow_limits"), DIM), soft_wrap=True)


def _table(found: Shadow, words: Words) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(words("shadow_row"))
    for change in Change:
        table.add_column(words(f"shadow.{change.value}"), justify="right")
    for row, changes in sorted(found.by_row().items()):
        table.add_row(row, *(", ".join(f"#{seq}" for seq in changes.get(change.value, ())) or "–" for change in Change))
    return table
