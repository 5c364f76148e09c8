"""`hotbox-bridge mqtt`: certificates and access list for mosquitto, where boxes and bridge meet over a network."""

from pathlib import Path
from typing import Annotated

import typer

from cloud_bridge.commands.output import fail, rows
from cloud_bridge.datadir import write_atomically
from cloud_bridge.keys import bridge_id
from cloud_bridge.pki import INGEST, INSTALLED, PORT, RESERVED, WORKER, Authority
from cloud_bridge.prepare import prepare
from contracts.errors import ContractError

app = typer.Typer(no_args_is_help=True)
_RELOAD = "reload mosquitto / 重新加载: systemctl reload mosquitto"


@app.command()
def setup(
    context: typer.Context,
    host: Annotated[list[str], typer.Option(help="Broker's name or address, may be repeated. / 代理地址，可重复。")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for mosquitto's files. / mosquitto 文件输出目录。")],
    at: Annotated[str, typer.Option(help="Where they lie on the broker's machine. / 代理主机上的目录。")] = INSTALLED,
    port: Annotated[int, typer.Option(help="Port of the broker. / 代理端口。", min=1, max=65535)] = PORT,
) -> None:
    """Make the authority, the bridge's certificates and all that mosquitto needs. / 生成证书与 mosquitto 配置。"""
    context.obj.make()
    folder = context.obj.mqtt
    authority = Authority.make(folder, bridge_id())
    authority.book.out, authority.book.at, authority.book.port = str(out.resolve()), at, port
    for name in (INGEST, WORKER):
        if not (folder / f"{name}.pem").exists():
            _write(folder, name, *authority.issue(name, "bridge"))
    out.mkdir(parents=True, exist_ok=True)
    # mosquitto reads its key as a user of its own, by the folder's group.
    _write(out, "server", *authority.issue(host[0], "server", hosts=tuple(host)), mode=0o640)
    write_atomically(out / "ca.pem", (folder / "ca.pem").read_text())
    for path in (authority.write_configuration(), *authority.write_broker()):
        typer.echo(str(path))
    typer.echo(f"put them at {at}, readable by mosquitto; then: hotbox-bridge serve --broker mqtts://{host[0]}:{port}")


@app.command()
def box(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the box. / 盒子名。")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write ca.pem, box.pem, box.key to. / 输出目录。")],
    hears: Annotated[list[str] | None, typer.Option(help="Topic of a detector, may be repeated. / 探测器主题。")] = None,
) -> None:
    """A registered box's certificate for the broker. / 为已登记的盒子签发证书。"""
    prepare(context.obj)
    from cloud_bridge.boxes.models import Box

    if not Box.objects.filter(pk=name, active=True).exists():
        fail("a registered box", name, f"run: hotbox-bridge box add {name} --vkey LINE")
    if name.startswith(RESERVED):
        fail(f"a box whose name does not begin with {RESERVED}", name, "the bridge itself has those names")
    _issue(context, name, "box", tuple(hears or ()), out)


@app.command()
def detector(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the detector. / 探测器名。")],
    topic: Annotated[list[str], typer.Option(help="Topic that it writes, may be repeated. / 其写入的主题。")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write ca.pem, box.pem, box.key to. / 输出目录。")],
) -> None:
    """The certificate of a detector that speaks MQTT: it may write its own topics, and read none. / 签发探测器证书。"""
    prepare(context.obj)
    from cloud_bridge.boxes.models import Box

    if Box.objects.filter(pk=name).exists() or name.startswith(RESERVED):
        fail("a name of its own", name, "boxes and the bridge have other rights; choose another name")
    _issue(context, name, "detector", tuple(topic), out)


@app.command()
def revoke(
    context: typer.Context, name: Annotated[str, typer.Argument(help="Box or detector. / 盒子或探测器。")]
) -> None:
    """Take back the certificates of a box or detector that was lost. / 吊销证书。"""
    authority = _authority(context)
    if name.startswith(RESERVED) or not authority.revoke(name):
        fail("a box or detector with a certificate", name, "run: hotbox-bridge mqtt list")
    _publish(authority)


@app.command("list")
def list_certificates(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="As JSON. / 输出 JSON。")] = False
) -> None:
    """All certificates: whose, until when, taken back or not. / 列出证书。"""
    found = [
        {"name": one.name, "kind": one.kind, "until": one.until, "revoked": one.revoked, "topics": ", ".join(one.topics)}
        for one in _authority(context).book.issued
    ]
    rows("certificates", ("name", "kind", "until", "revoked", "topics"), found, as_json=as_json)


def _authority(context: typer.Context) -> Authority:
    try:
        return Authority.open(context.obj.mqtt)
    except ContractError as error:
        fail(f"{error.field}: {error.expected}", error.came, error.hint)


def _issue(context: typer.Context, name: str, kind: str, topics: tuple[str, ...], out: Path) -> None:
    authority = _authority(context)
    try:
        certificate, key = authority.issue(name, "box" if kind == "box" else "detector", topics=topics)
    except ContractError as error:
        fail(f"{error.field}: {error.expected}", error.came, error.hint or "correct it")
    out.mkdir(parents=True, exist_ok=True)
    _write(out, "box", certificate, key)
    write_atomically(out / "ca.pem", (context.obj.mqtt / "ca.pem").read_text())
    for file in ("ca.pem", "box.pem", "box.key"):
        typer.echo(str(out / file))
    _publish(authority)


def _publish(authority: Authority) -> None:
    """Tell the broker."""
    try:
        for path in authority.write_broker():
            typer.echo(str(path))
    except OSError as error:
        fail("the folder of mosquitto's files", str(error), "run: hotbox-bridge mqtt setup --host NAME --out DIR")
    typer.echo(_RELOAD)


def _write(folder: Path, name: str, certificate: str, key: str, *, mode: int = 0o600) -> None:
    write_atomically(folder / f"{name}.key", key, mode=mode)
    write_atomically(folder / f"{name}.pem", certificate)
