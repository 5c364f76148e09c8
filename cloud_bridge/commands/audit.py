"""`hotbox-bridge audit verify`: every stored leaf again, from the first to the last, against the witnessed roots."""

import json
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
