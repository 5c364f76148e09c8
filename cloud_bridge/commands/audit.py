"""`hotbox-bridge audit`: check every stored leaf against the witnessed roots; hand out what the bridge witnessed."""

import json
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from cloud_bridge.commands.output import fail
from cloud_bridge.prepare import prepare

app = typer.Typer(no_args_is_help=True)


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
def held(
    context: typer.Context,
    box: Annotated[str, typer.Argument(help="Name of the box. / 盒子名。")],
    out: Annotated[Path, typer.Option(help="Folder to write the notes to; new or empty. / 输出目录（新建或为空）。")],
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
    notes = notes_of(box)
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
