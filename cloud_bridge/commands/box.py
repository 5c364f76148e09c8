"""`hotbox-bridge box`: register a box with its log key, hand out the bridge's public keys, list, authorise new epochs."""

import getpass
import shutil
import sys
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
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write the public keys to. / 输出目录。")],
) -> None:
    """Write what the box must trust: permit_keys.json, command_keys.json, faces_keys.json, witness.vkey. / 导出公钥。"""
    prepare(context.obj)
    from cloud_bridge.boxes.models import Box

    if not Box.objects.filter(pk=box).exists():
        fail("a registered box", box, f"run: hotbox-bridge box add {box} --vkey LINE")
    out.mkdir(parents=True, exist_ok=True)
    for file in PUBLIC_FILES:
        shutil.copyfile(context.obj.public / file, out / file)
        typer.echo(str(out / file))


@app.command()
def epochs(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="As JSON. / 输出 JSON。")] = False
) -> None:
    """All log epochs: stored, witnessed, and who authorised them. / 列出日志代次及授权情况。"""
    prepare(context.obj)
    from cloud_bridge.boxes.models import Log

    found = [
        {
            "box": log.box_id,
            "epoch": log.epoch,
            "authorised": log.authorised,
            "by": ", ".join(word.by_name for word in log.approvals.all()),
            "stored": log.size,
            "witnessed": log.witnessed_size,
            "vkey": log.vkey,
        }
        for log in Log.objects.prefetch_related("approvals")
    ]
    rows("epochs", ("box", "epoch", "authorised", "by", "stored", "witnessed", "vkey"), found, as_json=as_json)


@app.command()
def authorise(
    context: typer.Context,
    box: Annotated[str, typer.Argument(help="Name of the box. / 盒子名。")],
    epoch: Annotated[int, typer.Option(help="Number of the new log epoch. / 新日志代次。", min=1)],
    user: Annotated[str, typer.Option(help="Your user name here. / 您的用户名。")],
    vkey: Annotated[str, typer.Option(help="Its key, if not the box's former one. / 日志公钥（与原来不同时）。")] = "",
    password_stdin: Annotated[
        bool, typer.Option(help="Read your password from standard input. / 从标准输入读取密码。")
    ] = False,
) -> None:
    """Say that a box's new log epoch may be witnessed; two people must. / 授权新日志代次，须两人各自授权。

    The box works again once the bridge has witnessed the epoch. Find out first why the old one ended.
    """
    prepare(context.obj)
    from cloud_bridge.boxes import epochs as log_epochs
    from cloud_bridge.boxes.models import Alert, AlertKind, Box
    from cloud_bridge.people.models import User

    found = Box.objects.filter(pk=box).first()
    if found is None:
        fail("a registered box", box, "run: hotbox-bridge box list")
    log = found.logs.filter(epoch=epoch).first()
    key = vkey or (log.vkey if log else "")
    if not key:
        fail(f"an epoch that {box} has told of", str(epoch), "give its key with --vkey LINE, or connect the box")
    for alert in Alert.objects.filter(box=found, kind=AlertKind.EPOCH, seq=epoch):
        typer.echo(alert.detail)
    typer.echo(f"key / 公钥: {key}")
    person = User.objects.filter(username=user, is_active=True).first()
    said = sys.stdin.readline().rstrip("\n") if password_stdin else getpass.getpass(f"{user}: ")
    if person is None or person.one_time_password or not person.check_password(said):
        fail("a user's own password", f"another for {user}", "type it again; change a one-time password first")
    try:
        log = log_epochs.authorise(person, found, epoch, key)
    except ContractError as error:
        fail(f"{error.field}: {error.expected}", error.came, error.hint or "correct it")
    names = ", ".join(word.by_name for word in log.approvals.all())
    if log.authorised:
        typer.echo(f"{log.origin}: authorised by {names}; it is witnessed from now on / 已授权，开始见证")
    else:
        typer.echo(f"{log.origin}: authorised by {names}; one more person must / 已由一人授权，还须另一人授权")


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
