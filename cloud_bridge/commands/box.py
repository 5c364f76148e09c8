"""`hotbox-bridge box`: register a box with its log key, hand out the bridge's public keys, list."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from cloud_bridge.commands.output import fail, rows
from cloud_bridge.keys import PUBLIC_FILES
from cloud_bridge.prepare import prepare
from contracts.checkpoint import NoteKey
from contracts.errors import ContractError

app = typer.Typer(no_args_is_help=True)


@app.command()
def add(
    context: typer.Context,
    box: Annotated[str, typer.Argument(help="Name of the box, as in its configuration. / 盒子名。")],
    vkey: Annotated[str, typer.Option(help="The box's log key: one line name+id+base64. / 盒子日志公钥。")],
    name: Annotated[str, typer.Option(help="Name on pages. / 显示名。")] = "",
    place: Annotated[str, typer.Option(help="Where it stands. / 位置。")] = "",
) -> None:
    """Register a box; repeating it changes name and place. Prints the bridge's public keys. / 登记盒子。"""
    prepare(context.obj)
    from django.db import transaction

    from cloud_bridge.boxes.models import Box, Log, RevocationList
    from cloud_bridge.people.models import ID_PATTERN

    try:
        key = NoteKey.parse(vkey)
    except ContractError as error:
        fail("a vkey line", str(error), "copy the line that the box prints when it is provisioned")
    if not ID_PATTERN.regex.match(box):
        fail("a box name of letters, digits, dots, dashes", box, "use the name of the box's configuration")
    words = key.name.split("/")
    if len(words) != 3 or words[1] != box or not words[2].isdigit() or key.kind != 1:
        fail(f"a log key named hotbox.DOMAIN/{box}/EPOCH", key.name, "give the key of this box")
    epoch = int(words[2])
    with transaction.atomic():
        row, _created = Box.objects.update_or_create(
            pk=box, defaults={k: v for k, v in (("name", name), ("place", place)) if v}
        )
        log = Log.objects.filter(box=row, epoch=epoch).first()
        if log is not None and log.vkey != vkey.strip():
            fail(f"the key registered for epoch {epoch}", "another one", "a replaced box starts a new log epoch")
        if log is None:
            if Log.objects.filter(box=row).exists():
                fail("one log epoch", f"epoch {epoch} beside another", "a new epoch needs the authority of two people")
            Log.objects.create(box=row, epoch=epoch, origin=key.name, vkey=vkey.strip())
        RevocationList.objects.get_or_create(box=row)
    for file in PUBLIC_FILES:
        typer.echo(f"# {file}\n{(context.obj.public / file).read_text().strip()}")


@app.command()
def trust(
    context: typer.Context,
    box: Annotated[str, typer.Argument(help="Name of the box. / 盒子名。")],
    out: Annotated[Path, typer.Option(help="Folder to write the public keys to. / 输出目录。")],
) -> None:
    """Write what the box must trust: permit_keys.json, command_keys.json, witness.vkey. / 导出公钥。"""
    prepare(context.obj)
    from cloud_bridge.boxes.models import Box

    if not Box.objects.filter(pk=box).exists():
        fail("a registered box", box, f"run: hotbox-bridge box add {box} --vkey LINE")
    out.mkdir(parents=True, exist_ok=True)
    for file in PUBLIC_FILES:
        shutil.copyfile(context.obj.public / file, out / file)
        typer.echo(str(out / file))


@app.command("list")
def list_boxes(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="As JSON. / 输出 JSON。")] = False
) -> None:
    """All boxes: state, age, log. / 列出盒子。"""
    prepare(context.obj)
    from cloud_bridge.boxes.summary import summaries

    found = [
        {
            "box": s.box.pk, "name": s.box.name, "state": s.state, "online": s.online, "age_s": s.age_s,
            "permit": s.permit, "stored": s.stored, "witnessed": s.witnessed, "alerts": len(s.alerts),
        }
        for s in summaries()
    ]
    rows("boxes", ("box", "name", "state", "online", "age_s", "permit", "stored", "witnessed", "alerts"), found, as_json=as_json)
