"""`hotbox-bridge`: runs the bridge and its processes, and keeps its books of boxes, users and permits."""

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cloud_bridge import commands, processes
from cloud_bridge.datadir import ENVIRONMENT, DataDir
from cloud_bridge.prepare import announce, first_administrator, prepare, start_django
from cloud_bridge.process import Broker

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The cloud bridge of the hot-work boxes. / 动火作业盒子的云端桥接。",
)


@app.callback()
def _options(
    context: typer.Context,
    data: Annotated[Path, typer.Option(envvar=ENVIRONMENT, help="Data directory. / 数据目录。")],
) -> None:
    context.obj = DataDir(data.resolve())


def _broker(context: typer.Context, text: str) -> Broker:
    try:
        return Broker.parse(text, context.obj.mqtt)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


BrokerOption = Annotated[str, typer.Option("--broker", help="MQTT broker: HOST:PORT here, or mqtts://HOST:PORT. / MQTT 代理。")]


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address of the pages. / 网页地址。")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the pages, 0 = any free. / 网页端口，0 = 任意空闲端口。")] = 8460,
    broker: Annotated[str, typer.Option(help="Use this broker: HOST:PORT here, or mqtts://HOST:PORT. / 使用该 MQTT 代理。")] = "",
    embedded_broker: Annotated[
        bool,
        typer.Option(
            "--embedded-broker", help="Start the embedded broker on loopback (default). / 启动内置代理（默认）。"
        ),
    ] = False,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain (PEM). / 证书链。", exists=True)] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key (PEM). / 私钥。", exists=True)] = None,
) -> None:
    """Run everything: pages, ingest, worker, signer and, unless --broker names one, the broker. / 启动全部进程。"""
    from cloud_bridge.supervisor import Supervisor, Web

    if broker and embedded_broker:
        raise typer.BadParameter("--broker and --embedded-broker exclude each other: give one of them")
    web = Web(host, port, tls_cert, tls_key)
    web.check()
    chosen = _broker(context, broker) if broker else None
    if tls_cert:
        os.environ["HOTBOX_BRIDGE_TLS"] = "1"
    context.obj.bridge_json.unlink(missing_ok=True)
    prepare(context.obj)
    logging.basicConfig(level=logging.INFO)
    password = first_administrator(context.obj)
    if password:
        announce(password)
    from django.db import connections

    connections.close_all()
    raise typer.Exit(Supervisor(context.obj, web, chosen).run())


@app.command()
def ingest(context: typer.Context, broker: BrokerOption) -> None:
    """Receive, verify, store and witness what the boxes send. / 接收、校验、存储并见证盒子数据。"""
    start_django(context.obj)
    processes.ingest(context.obj, _broker(context, broker))


@app.command()
def worker(context: typer.Context, broker: BrokerOption) -> None:
    """Timers and delivery: expiry, revocation lists, permits until accepted. / 定时与下发。"""
    start_django(context.obj)
    processes.worker(context.obj, _broker(context, broker))


@app.command()
def signer(context: typer.Context) -> None:
    """Sign permits, revocation lists and commands; the only process that reads their keys. / 签名进程。"""
    start_django(context.obj)
    processes.signer(context.obj)


@app.command()
def enrolment(context: typer.Context) -> None:
    """Faces: pictures to sealed templates, templates to boxes; the only process that reads their keys. / 人脸登记进程。"""
    start_django(context.obj)
    processes.enrolment(context.obj)


@app.command()
def broker(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1. / 127.0.0.1 上的端口。", min=1, max=65535)],
) -> None:
    """Run the embedded broker on loopback: no access control, so never on a network. / 内置 MQTT 代理（仅本机）。"""
    del context
    processes.broker(port)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def manage(context: typer.Context) -> None:
    """Django's own commands. / Django 管理命令。"""
    prepare(context.parent.obj if context.parent else context.obj)
    from django.core.management import execute_from_command_line

    execute_from_command_line(["hotbox-bridge manage", *context.args])


commands.register(app)


def main() -> None:
    """Entry point."""
    app()


if __name__ == "__main__":
    sys.exit(main())
