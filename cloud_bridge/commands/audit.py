"""`hotbox-bridge audit`: check every stored leaf against the witnessed roots; hand out what the bridge witnessed."""

import contextlib
import json
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cloud_bridge.commands.output import fail
from cloud_bridge.prepare import prepare
from contracts.errors import ContractError

_MISUSE = 3


class _Group(TyperGroup):
    """Commands whose wrong use ends with 3, as below `hotbox audit`: 2 says there that a log contradicts its witness."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            if isinstance(error, typer.BadParameter.__bases__):  # click's UsageError, wherever this typer keeps it
                error.exit_code = _MISUSE
            raise


app = typer.Typer(no_args_is_help=True, cls=_Group)


@app.callback()
def _group() -> None:
    """Check the stored logs."""


@app.command()
def verify(
    context: typer.Context,
    box: Annotated[str, typer.Argument(help="One box; without it, all. / 指定盒子，缺省为全部。")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON. / 输出 JSON。")] = False,
) -> None:
    """Exit 0: sound and witnessed to the end; 4: sound, tail not yet witnessed; 1: changed; 3: nothing to check. / 校验日志。"""
    prepare(context.obj)
    from cloud_bridge.boxes.models import Log
    from cloud_bridge.boxes.verify import verify_log
    from contracts.checkpoint import NoteKey

    logs = Log.objects.filter(box=box) if box else Log.objects.all()
    if not logs:
        fail("a registered box", box or "none", "run: hotbox-bridge box list", code=3)
    witness = NoteKey.parse((context.obj.public / "witness.vkey").read_text())
    found = [verify_log(log, witness) for log in logs]
    if as_json:
        typer.echo(json.dumps([f.as_json() for f in found], ensure_ascii=False, indent=2))
    else:
        for finding in found:
            typer.echo(finding.sentence())
    raise typer.Exit(1 if any(f.bad for f in found) else 4 if any(f.unwitnessed for f in found) else 0)


@app.command()
def trace(
    context: typer.Context,
    box: Annotated[str, typer.Argument(help="One box; without it, all. / 指定盒子，缺省为全部。")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON. / 输出 JSON。")] = False,
) -> None:
    """Whether every second of every closed relay has its permit and evidence. / 触点吸合的每一秒是否均有作业票与证据。

    Goes through every stored leaf again. Exit 0: all of it; 1: there are gaps; 3: nothing to check, or a log that
    cannot be read.
    """
    prepare(context.obj)
    from cloud_bridge.boxes.models import Log
    from cloud_bridge.insight.sentences import as_json as told
    from cloud_bridge.insight.sentences import sentences
    from cloud_bridge.insight.trace import recompute

    logs = Log.objects.filter(box=box) if box else Log.objects.all()
    if not logs:
        fail("a registered box", box or "none", "run: hotbox-bridge box list", code=3)
    found, unread = [], []
    for log in logs:
        try:
            found.append((log.origin, recompute(log)))
        except ContractError as error:
            unread.append(f"{log.origin}: {error}")
    if as_json:
        typer.echo(json.dumps([told(origin, one) for origin, one in found], ensure_ascii=False, indent=2))
    else:
        for origin, one in found:
            for line in sentences(origin, one):
                typer.echo(line)
    for problem in unread:
        typer.echo(f"✘ {problem}; run: hotbox-bridge audit verify", err=True)
    raise typer.Exit(3 if unread else 1 if any(one.gaps for _, one in found) else 0)


@app.command()
def held(
    context: typer.Context,
    box: Annotated[str, typer.Argument(help="Name of the box. / 盒子名。")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write the notes to; new or empty. / 输出目录（新建或为空）。")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON. / 输出 JSON。")] = False,
) -> None:
    """Write every checkpoint that the bridge witnessed, for `hotbox audit verify --held DIR`. / 导出云桥留存的见证。

    Whoever holds the box's card and key can rewrite its log, but not these: the log must still lead to each of them.
    Exit 3: not a box, nothing witnessed yet, or a folder that is in use.
    """
    prepare(context.obj)
    from cloud_bridge.boxes.held import notes_of
    from cloud_bridge.boxes.models import Box

    if not Box.objects.filter(pk=box).exists():
        fail("a registered box", box, "run: hotbox-bridge box list", code=3)
    notes = context.with_resource(contextlib.closing(notes_of(box)))
    first = next(notes, None)
    if first is None:
        fail(f"a checkpoint of {box} that the bridge witnessed", "none", "wait until the box has sent one", code=3)
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            # Every file in the folder counts as held: an older set of another box or bridge would be mixed in.
            fail("a new or an empty folder", str(out), "name another one", code=3)
        count = 0
        for newest, note in chain((first,), notes):
            (out / newest).write_text(note, encoding="utf-8")
            count += 1
    except OSError as error:
        fail("a folder that can be written", str(error), "name another one", code=3)
    if as_json:
        typer.echo(json.dumps({"box": box, "dir": str(out), "notes": count, "newest": newest}))
    else:
        typer.echo(f"{out}: {count} notes, newest {newest}; check with: hotbox audit verify --held {out}")


@app.command()
def keys(
    context: typer.Context,
    box: Annotated[str, typer.Argument(help="Name of the box. / 盒子名。")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON. / 输出 JSON。")] = False,
) -> None:
    """The public keys of a box's log, in their order, and the bridge's own, for `--trust`. / 列出盒子日志与云桥的公钥。

    Exit 3: not a box.
    """
    prepare(context.obj)
    from cloud_bridge.boxes.models import Box

    found = Box.objects.filter(pk=box).first()
    if found is None:
        fail("a registered box", box, "run: hotbox-bridge box list", code=3)
    logs = [log.chain() for log in found.logs.order_by("epoch") if log.authorised]
    witness = (context.obj.public / "witness.vkey").read_text().strip()
    if as_json:
        spans = [(key, first) for log in logs for key, first in zip(log.keys, log.firsts, strict=True)]
        told = [{"vkey": key.vkey(), "first": first} for key, first in spans]
        typer.echo(json.dumps({"box": box, "keys": told, "witness": witness}, indent=2))
        return
    for log in logs:
        for key, first in zip(log.keys, log.firsts, strict=True):
            typer.echo(f"# {log.origin}, from record {first} on\n{key.vkey()}")
    typer.echo(f"# the bridge, as witness\n{witness}")
