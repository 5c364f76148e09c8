"""`hotbox audit trace`: whether every second of the closed relay maps to a permit and its evidence (ANT-10)."""

import sqlite3
import time
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from contracts.errors import ContractError, printable
from contracts.runs import Interval, Trace, percent
from edge.audit.terminal import Db, Json, end, is_chinese, json_line, log_path, open_log, say
from edge.audit.trace_words import END_WORDS, GAP_WORDS
from edge.audit.traced import traced

WHOLE, GAPS = 0, 1

def trace_command(
    ctx: typer.Context,
    db: Db = None,
    permit: Annotated[str, typer.Option(help="Only what was released under this permit. 仅限该作业票。")] = "",
    first: Annotated[str, typer.Option("--from", help="First event, or a time. 起始序号或时间。")] = "",
    last: Annotated[str, typer.Option("--to", help="Last event, or a time. 结束序号或时间。")] = "",
    as_json: Json = False,
) -> None:
    """检查触点吸合的每一秒是否都有作业票与证据。Does every second of the closed relay have its permit and evidence?

    Exit code: 0 all of it, 1 there are gaps, 3 not readable or wrong use. Whether the log itself was changed is said by
    `hotbox audit verify`.
    """
    from edge.audit.case.span import at_time  # it loads what the other commands do without

    reader = open_log(log_path(ctx, db))
    try:
        begin = at_time(reader, first, end=False) if first else reader.first()
        until = at_time(reader, last, end=True) if last else reader.size()
        found = traced(reader, permit, begin, until)
        runs = (*found.intervals, *found.unjudged)
        if permit and not runs and reader.newest_with(f'"permit":"{permit}"', reader.size()) is None:
            end(say(f"日志中没有作业票 {permit}", f"this log tells of no permit {permit}"))
    except (sqlite3.Error, ContractError) as error:
        end(str(error))
    finally:
        reader.close()
    code = GAPS if found.gaps else WHOLE
    if as_json:
        typer.echo(json_line({
            "closed_ms": found.closed_ms, "covered_ms": found.covered_ms, "share": found.share, "first": found.first,
            "intervals": msgspec.to_builtins(found.intervals), "unjudged": msgspec.to_builtins(found.unjudged),
            "exit_code": code,
        }))  # fmt: skip
    else:
        console = Console(soft_wrap=True, highlight=False)
        for run in found.intervals:
            _print_run(console, run)
        _print_sum(console, found)
    raise typer.Exit(code)


def _print_run(console: Console, run: Interval) -> None:
    chinese = is_chinese()
    mark, style = ("✘", "bold red") if run.gaps else ("✔", "green")
    ends = END_WORDS[run.end][0 if chinese else 1]
    line = (
        f"{mark} {_moment(run.first_ms)}  {run.closed_ms / 1000:.3f} s  {run.permit or '–'}  "
        f"#{run.attempt or '–'}  seq {run.first}–{run.last}  {ends}"
    )
    console.print(printable(line), style=style, markup=False)
    for gap in run.gaps:
        what = GAP_WORDS[gap.kind][0 if chinese else 1]
        seconds = (gap.last_ms - gap.first_ms) / 1000
        console.print(f"    {_moment(gap.first_ms)}  {seconds:.3f} s  {what}  [{gap.kind}]", markup=False)


def _print_sum(console: Console, found: Trace) -> None:
    if found.intervals:
        closed = f"{found.closed_ms / 1000:.3f}"
        text = say(
            f"吸合 {len(found.intervals)} 次,共 {closed} s,留痕 {percent(found.covered_ms, found.closed_ms)}%",
            f"{len(found.intervals)} runs, {closed} s closed, {percent(found.covered_ms, found.closed_ms)} % traced",
        )
        console.print(text, style="red" if found.gaps else "green", markup=False)
    elif not found.unjudged:
        console.print(say("触点从未吸合,无须追溯", "the relay never closed: there is nothing to trace"), markup=False)
        return
    for run in found.unjudged:
        more = say("不作判断:其依据的记录已清理", "not judged: what it refers to is deleted here")
        line = f"?  {_moment(run.first_ms)}  {run.closed_ms / 1000:.3f} s  {run.permit or '–'}  seq {run.first}  {more}"
        console.print(printable(line), style="yellow", markup=False)
    if found.first:
        more = say(
            f"序号 {found.first} 之前的记录已清理,不在判断之内",
            f"what was before seq {found.first} is deleted here and not judged",
        )
        console.print(more, markup=False)


def _moment(t_ms: int) -> str:
    return time.strftime("%m-%d %H:%M:%S", time.localtime(t_ms / 1000))
