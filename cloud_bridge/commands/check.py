"""`hotbox-bridge check`: is this data directory fit to serve from?"""

import stat
from typing import Annotated

import typer

from cloud_bridge.prepare import prepare
from contracts.errors import ContractError

STUCK_TRIES = 3


def check(
    context: typer.Context,
    quick: Annotated[bool, typer.Option(help="Without the database's own check. / 跳过数据库自检。")] = False,
) -> None:
    """Keys, file modes, settings, database: exit 0 when all is well, 1 otherwise. / 检查配置、密钥与数据库。"""
    prepare(context.obj)
    from django.core import checks
    from django.db import connection

    from cloud_bridge.boxes.models import Alert, Box, PendingRecord
    from cloud_bridge.flows.system_checks import unusable
    from cloud_bridge.keys import COMMAND, FACES, PERMIT, signing_pem
    from cloud_bridge.notify import book
    from cloud_bridge.video.intake import GIB, most_bytes
    from cloud_bridge.video.room import use
    from cloud_bridge.video.shelf import Shelf

    wrong = []
    for path in (
        context.obj.signer / "permit_key.pem",
        context.obj.signer / "command_key.pem",
        context.obj.ingest / "cosign_key.pem",
        context.obj.faces / "faces_key.pem",
        context.obj.root / "secret_key",
        *context.obj.faces.glob("template.key*"),
    ):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            wrong.append(f"{path}: expected mode 0600, got {mode:04o}; run: chmod 600 {path}")
    try:
        book.read(context.obj)
    except ContractError as error:
        wrong.append(str(error))
    if len({signing_pem(context.obj, purpose) for purpose in (PERMIT, COMMAND, FACES)}) < 3:
        wrong.append("permit, command and faces key: expected three keys, got fewer; remove them and start again")
    wrong += [str(message) for message in checks.run_checks() if message.level >= checks.WARNING]
    wrong += unusable()
    if connection.vendor == "sqlite":
        wrong += _sqlite(quick=quick)
    alerts = Alert.objects.filter(open=True).count()
    if alerts:
        wrong.append(f"alerts: expected none open, got {alerts}; look at the boxes' pages")
    space = use(Shelf(context.obj.media), most_bytes())
    if space.is_tight:
        room = f"less than 7/8 of {space.most} bytes in use"
        wrong.append(f"recordings: expected {room}, got {space.used}; give them more space ({GIB})")
    stuck = PendingRecord.objects.filter(unwitnessed=False, tries__gte=STUCK_TRIES)
    if stuck.exists():
        why = f"{stuck[0].follower}: {stuck[0].why}"
        wrong.append(f"records not acted on: expected none, got {stuck.count()} ({why}); see the worker's log")
    for line in wrong:
        typer.echo(f"✘ {line}")
    if not wrong:
        typer.echo(f"✔ keys, settings and database are in order; {Box.objects.count()} boxes")
    raise typer.Exit(1 if wrong else 0)


def _sqlite(*, quick: bool) -> list[str]:
    from django.db import connection

    wrong = []
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        (mode,) = cursor.fetchone()
        if mode != "wal":
            wrong.append(f"database: expected journal mode wal, got {mode}; keep it on a local disk")
        if not quick:
            cursor.execute("PRAGMA quick_check")
            (sound,) = cursor.fetchone()
            if sound != "ok":
                wrong.append(f"database: expected ok, got {sound}; restore it from its backup")
    return wrong
