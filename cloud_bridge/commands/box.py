"""`hotbox-bridge box`: register a box with its log key, hand out the bridge's public keys, list."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from cloud_bridge.commands.output import fail, rows
from cloud_bridge.keys import PUBLIC_FILES
from cloud_bridge.prepare import prepare
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
    from cloud_bridge.boxes.registry import register

    try:
        register(box, vkey, name=name, place=place)
    except ContractError as error:
        fail(f"{error.field}: {error.expected}", error.came, error.hint or "correct it")
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
            "box": s.box.pk,
            "name": s.box.name,
            "state": s.state,
            "online": s.online,
            "age_s": s.age_s,
            "permit": s.permit,
            "stored": s.stored,
            "witnessed": s.witnessed,
            "alerts": len(s.alerts),
        }
        for s in summaries()
    ]
    rows(
        "boxes",
        ("box", "name", "state", "online", "age_s", "permit", "stored", "witnessed", "alerts"),
        found,
        as_json=as_json,
    )
