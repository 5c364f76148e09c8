"""`hotbox audit`: see, verify, prove and export the log. Reads only; needs no running box."""

import contextlib
import sqlite3
import time
import zipfile
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from contracts.checkpoint import NoteKey
from contracts.errors import ContractError, printable
from contracts.event import Event
from edge.audit.case.check import has_whole_log, is_case, verify_case
from edge.audit.cli_keys import keys_app, witness_app
from edge.audit.cli_proof import prove_command
from edge.audit.cli_trace import trace_command
from edge.audit.held import read_held
from edge.audit.reader import Reader
from edge.audit.report import Outcome, Report
from edge.audit.terminal import (
    Db,
    Json,
    MisuseGroup,
    Trust,
    end,
    is_chinese,
    json_line,
    log_path,
    open_log,
    say,
    trusted,
    unpacked,
)
from edge.audit.verify import verify_file

_COLOUR = {"alarm": "bold red", "warning": "yellow", "info": ""}
_STATUS = {
    Outcome.OK: ("green", "未发现改动,全部已见证", "unchanged and witnessed"),
    Outcome.UNWITNESSED: ("yellow", "未发现改动,末尾尚未见证", "unchanged, its end is not witnessed yet"),
    Outcome.TAMPERED: ("bold red", "日志被改动", "the log was tampered with"),
    Outcome.INCONSISTENT: ("bold red", "日志与见证不符", "the log contradicts its witness"),
    Outcome.UNREADABLE: ("bold yellow", "未能验证", "not verified"),
}

_BATCH = 1000
_AGAIN_S = 0.1

app = typer.Typer(
    cls=MisuseGroup, no_args_is_help=True,
    help="Audit log: tail, verify, prove, trace, export, keys, witness. 审计日志。",
)  # fmt: skip
app.add_typer(keys_app, name="keys")
app.add_typer(witness_app, name="witness")
app.command(name="trace")(trace_command)
app.command(name="prove")(prove_command)


def _verified(ctx: typer.Context, db: Path | None, known: list[NoteKey], notes: Iterable[str]) -> Report:
    """Of a case, the events in it, and then the whole log where it comes along."""
    if db is None or not is_case(db):
        return verify_file(log_path(ctx, db), known, notes)
    report = verify_case(db, known)
    if report.status not in (Outcome.OK, Outcome.UNWITNESSED):
        return report
    if has_whole_log(db):
        return verify_file(unpacked(ctx, db), known, notes)
    if next(iter(notes), None) is not None:
        end(say("--held 需要完整日志:本案卷只含一段", "--held needs the whole log: this case holds a span of it"))
    return report


@app.command()
def verify(
    ctx: typer.Context,
    db: Db = None,
    trust: Trust = None,
    held: Annotated[Path | None, typer.Option(help="Folder of notes held by the bridge. 云桥留存的见证文本。")] = None,
    as_json: Json = False,
) -> None:
    """离线验证日志。Verify the log offline.

    Exit code: 0 unchanged and witnessed, 4 unchanged but its end is not witnessed yet, 1 tampered,
    2 shorter than or different from what the witness saw, 3 not readable or wrong use.
    """
    notes: Iterable[str] = ()
    if held is not None:
        try:
            notes = read_held(held)
            first = next(notes, None)
        except OSError as error:
            end(str(error))
        if first is None:
            # Silence would read as "agrees with what the bridge holds".
            end(say(f"{held} 中没有见证文本:请放入云桥留存的文件", f"no note in {held}: put what the bridge holds there"))
        notes = chain((first,), notes)
    report = _verified(ctx, db, trusted(ctx, trust), notes)
    if as_json:
        typer.echo(json_line({**msgspec.to_builtins(report), "exit_code": report.exit_code}))
    else:
        colour, chinese, english = _STATUS[report.status]
        console = Console(soft_wrap=True, highlight=False)
        console.print(f"[{colour}]{say(chinese, english)}[/]")
        for line in report.lines(chinese=is_chinese()):
            console.print(printable(line), markup=False)
        if trust is not None and zipfile.is_zipfile(trust):
            caution = say(
                "公钥取自压缩包本身:伪造者也会附上相配的公钥,请与设备铭牌或云桥登记的公钥核对",
                "the keys come from the zip itself, and a forger would supply fitting ones: "
                "compare them with the box's label or the bridge",
            )
            console.print(caution, style="yellow", markup=False)
    raise typer.Exit(report.exit_code)


@app.command()
def tail(
    ctx: typer.Context,
    db: Db = None,
    number: Annotated[int, typer.Option("-n", min=1, max=10_000, help="How many. 条数。")] = 20,
    follow: Annotated[bool, typer.Option("-f", help="Go on as events come. 持续显示。")] = False,
    as_json: Json = False,
) -> None:
    """最近的事件。The last events; with -f also those that come, and those of the epoch that follows this one."""
    path = log_path(ctx, db)
    reader = open_log(path)
    console = Console(soft_wrap=True, highlight=False)
    at = max(reader.first(), reader.size() - number)
    try:
        while True:
            found = reader.events(at, _BATCH)
            for event in found:
                _print_event(console, event, as_json=as_json)
            if found:
                at = found[-1].seq + 1
            elif not follow:
                return
            elif reader.is_replaced() and (fresh := _next_epoch(path)) is not None:
                reader.close()
                reader, at = fresh, 0
            else:
                time.sleep(_AGAIN_S)
    except (sqlite3.Error, ContractError) as error:
        end(str(error))
    except KeyboardInterrupt:
        return
    finally:
        reader.close()


def _next_epoch(path: Path) -> Reader | None:
    """The log that stands there now; None while there is none yet, or no more of it than its name."""
    with contextlib.suppress(sqlite3.Error, ValueError), contextlib.ExitStack() as undo:
        fresh = Reader.open(path)
        undo.callback(fresh.close)
        if fresh.size():
            undo.pop_all()
            return fresh
    return None


def _print_event(console: Console, event: Event, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json_line(msgspec.to_builtins(event)))
        return
    when = time.strftime("%m-%d %H:%M:%S", time.localtime(event.t / 1000))
    data = json_line(event.data)
    line = f"{event.seq:>7} {when} {event.type} {event.res} {event.actor.id} {event.permit} {data[:160]}"
    console.print(printable(line), style=_COLOUR[event.sev], markup=False)


@app.command()
def status(ctx: typer.Context, db: Db = None, as_json: Json = False) -> None:
    """日志规模与见证情况。Size, checkpoints and what is witnessed."""
    reader = open_log(log_path(ctx, db))
    try:
        size, ack, own = reader.size(), reader.witnessed(), reader.checkpoint()
        oldest = reader.events(ack.size if ack else 0, 1)
        shown = {
            "origin": reader.origin, "size": size, "boot": reader.boot, "checkpoints": reader.checkpoints(),
            "signed": own[0] if own else 0, "witnessed": ack.size if ack else 0,
            "witnessed_at": ack.time_s if ack else 0,
            "oldest_unwitnessed_s": max(0, int(time.time() - oldest[0].t / 1000)) if oldest else 0,
            "untyped": reader.untyped(),
        }  # fmt: skip
    except (sqlite3.Error, ContractError) as error:
        end(str(error))
    finally:
        reader.close()
    if as_json:
        typer.echo(json_line(shown))
        return
    names = {
        "origin": ("日志", "log"), "size": ("事件数", "events"), "boot": ("启动次数", "boots"),
        "checkpoints": ("检查点数", "checkpoints"), "signed": ("已签名至", "signed up to"),
        "witnessed": ("已见证至", "witnessed up to"), "witnessed_at": ("见证时间", "witnessed at"),
        "oldest_unwitnessed_s": ("最早未见证(秒)", "oldest unwitnessed (s)"),
        "untyped": ("不合规定格式的事件", "events that do not fit their type"),
    }  # fmt: skip
    table = Table(show_header=False, box=None)
    for key, value in shown.items():
        text = str(value)
        if key == "witnessed_at" and isinstance(value, int):
            text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(value)) if value else say("尚未", "never yet")
        table.add_row(say(*names[key]), printable(text))
    Console().print(table)


@app.command()
def export(
    ctx: typer.Context,
    *,
    out: Annotated[Path, typer.Option("-o", "--out", help="The zip to write. 输出的压缩包。")],
    db: Db = None,
    trust: Trust = None,
    first: Annotated[str, typer.Option("--from", help="First event, or a time. 起始序号或时间。")] = "",
    last: Annotated[str, typer.Option("--to", help="Last event, or a time. 结束序号或时间。")] = "",
    permit: Annotated[str, typer.Option(help="This permit's events and nothing of another's. 仅限该作业票。")] = "",
    entangled: Annotated[bool, typer.Option(help="With --permit: also its events that name another one. 含同时涉及其他票的事件。")] = False,
    whole: Annotated[bool, typer.Option(help="Add the whole log. 附完整日志。")] = False,
    as_json: Json = False,
) -> None:
    """导出可离线验证的案卷。Export a case: one zip that anybody can verify, and a person can read.

    Without --from, --to and --permit it holds everything, with the whole log.
    """
    from edge.audit.case import pack, span  # they load what the other commands do without

    known = trusted(ctx, trust)
    reader = open_log(log_path(ctx, db))
    try:
        if permit and (first or last):
            end(say("--permit 与 --from/--to 不能同用", "--permit names the span: leave out --from and --to"))
        if permit:
            asked = span.of_permit(reader, permit, entangled=entangled)
        else:
            begin = span.at_time(reader, first, end=False) if first else reader.first()
            until = span.at_time(reader, last, end=True) if last else reader.signed() - 1
            asked = span.Span(begin, until)
        everything = not (permit or first or last)
        made = pack.export(reader, out, asked, known, whole=whole or everything)
    except (sqlite3.Error, LookupError, ContractError, OSError) as error:
        end(str(error))
    finally:
        reader.close()
    if as_json:
        typer.echo(json_line({
            "file": str(out), "first": asked.first, "last": asked.last, "events": made.events,
            "withheld": made.withheld, "witnessed": made.proven.witnessed,
        }))  # fmt: skip
        return
    typer.echo(say(
        f"{out}:序号 {asked.first} 至 {asked.last},{made.events} 个事件,{made.withheld} 条仅列哈希",
        f"{out}: seq {asked.first} to {asked.last}, {made.events} events, {made.withheld} records as hashes only",
    ))  # fmt: skip
