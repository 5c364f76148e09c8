"""`hotbox-bridge notify`: channels for messages to people, people's addresses on them, and who was told when."""

import sys
import time
from dataclasses import asdict, dataclass
from typing import Annotated

import msgspec
import typer

from cloud_bridge.commands.output import fail, rows
from cloud_bridge.prepare import prepare, start_django
from contracts.errors import ContractError

app = typer.Typer(no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="As JSON. / 输出 JSON。")]
Name = Annotated[str, typer.Argument(help="Name of the channel. / 通道名。")]


@dataclass(frozen=True)
class _Shown:
    """A row of `list`."""

    channel: str
    kind: str
    goes_to: str
    hears: str
    sent: int
    failures: int
    detail: str


def _book(context: typer.Context):
    from cloud_bridge.notify import book

    try:
        return book.read(context.obj)
    except ContractError as error:
        fail(f"{error.field}: {error.expected}", error.came, error.hint or "correct it")


@app.command()
def run(context: typer.Context) -> None:
    """Send what is due; the only process that reads the channels' secrets. / 发送进程。"""
    start_django(context.obj)
    from cloud_bridge import processes

    processes.notify(context.obj)


@app.command("set")
def set_channel(
    context: typer.Context,
    name: Name,
    kind: Annotated[str, typer.Option(help="mail, sms, wecom, dingtalk or webhook. / 通道类型。")],
    title: Annotated[str, typer.Option(help="Name on pages. / 显示名。")] = "",
    hears: Annotated[str, typer.Option(help="addressed, emergency or all. / 接收范围。")] = "addressed",
    plain: Annotated[bool, typer.Option(help="Allow it without TLS to another machine. / 允许不加密。")] = False,
    field: Annotated[list[str] | None, typer.Option(help="SMS: NAME=VALUE with {phone}, {text}, {id}. / 短信字段。")] = None,
    answer: Annotated[str, typer.Option(help="SMS: FIELD=VALUE by which the gateway says yes. / 短信网关成功应答。")] = "",
) -> None:
    """Add or change a channel; its Apprise URL, which is secret, is read from standard input. / 设置通道，URL 从标准输入读取。"""
    prepare(context.obj)
    from cloud_bridge.notify import book as books
    from cloud_bridge.notify.records import mirror

    url = sys.stdin.readline().strip()
    if not url:
        fail("the channel's URL on standard input", "nothing", "write it as one line; it stands on no command line")
    told: dict[str, object] = {"kind": kind, "url": url, "title": title, "hears": hears, "plain": plain}
    if field:
        told["fields"] = dict(pair.partition("=")[::2] for pair in field)
    if answer:
        told["answer"] = dict(zip(("field", "equals"), answer.partition("=")[::2], strict=True))
    before = _book(context)
    said = msgspec.to_builtins(before)
    said["channels"] = said["channels"] | {name: told}
    try:
        made = books.parse(msgspec.yaml.encode(said))
    except ContractError as error:
        fail(f"{error.field}: {error.expected}", error.came, error.hint or "correct it")
    books.write(context.obj, made)
    mirror(made)
    typer.echo(f"{name}: {made.channels[name].shown}")


@app.command()
def remove(context: typer.Context, name: Name) -> None:
    """Take a channel out; what waits for it goes the people's next way. / 移除通道。"""
    prepare(context.obj)
    from cloud_bridge.notify import book as books
    from cloud_bridge.notify.records import mirror

    before = _book(context)
    if name not in before.channels:
        fail(f"one of {', '.join(sorted(before.channels)) or 'no channels'}", name, "run: hotbox-bridge notify list")
    made = msgspec.structs.replace(before, channels={k: v for k, v in before.channels.items() if k != name})
    books.write(context.obj, made)
    mirror(made)
    typer.echo(f"{name}: removed / 已移除")


@app.command("list")
def list_channels(context: typer.Context, as_json: AsJson = False) -> None:
    """The channels, without their secrets, and how they are doing. / 列出通道。"""
    prepare(context.obj)
    from cloud_bridge.notify.models import Channel

    known = {row.name: row for row in Channel.objects.all()}
    found = []
    for name, channel in sorted(_book(context).channels.items()):
        row = known.get(name)
        found.append(
            asdict(
                _Shown(
                    name, channel.kind.value, channel.shown, channel.hears.value, row.sent if row else 0,
                    row.failures if row else 0, row.detail if row else "",
                )
            )
        )  # fmt: skip
    rows("channels", tuple(_Shown.__dataclass_fields__), found, as_json=as_json)


@app.command()
def reach(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="User name. / 用户名。")],
    name: Name,
    address: Annotated[str, typer.Argument(help="Mail address or phone number, or none. / 邮箱或手机号。")] = "",
    position: Annotated[int, typer.Option(help="Order in which it is tried. / 尝试顺序。", min=1, max=99)] = 1,
    language: Annotated[str, typer.Option(help="zh-hans or en. / 消息语言。")] = "",
) -> None:
    """Where somebody is reached. / 设置某人的接收地址。"""
    prepare(context.obj)
    from cloud_bridge.notify import addresses
    from cloud_bridge.notify.models import Channel, Reach, Wishes
    from cloud_bridge.people.models import User

    found = User.objects.filter(username=user).first()
    if found is None:
        fail("a user", user, "run: hotbox-bridge user list")
    channel = Channel.objects.filter(name=name, present=True).first()
    if channel is None:
        fail("a channel", name, "run: hotbox-bridge notify list")
    wrong = addresses.problem(channel, address)
    if wrong:
        fail("an address that fits the channel", "another", wrong)
    if language and language not in ("zh-hans", "en"):
        fail("zh-hans or en", language, "correct it")
    Reach.objects.update_or_create(user=found, channel=name, defaults={"address": address, "position": position})
    if language:
        Wishes.objects.update_or_create(user=found, defaults={"language": language})
    typer.echo(f"{user}: {name} {address}".rstrip())


@app.command("test")
def send_test(
    context: typer.Context,
    name: Name,
    to: Annotated[str, typer.Option(help="Mail address or phone number; a group needs none. / 接收地址。")] = "",
) -> None:
    """Send one test message now, and say what the other side answered: exit 0 when it took it. / 发送测试消息。"""
    prepare(context.obj)
    from cloud_bridge.notify import channels, texts
    from cloud_bridge.notify.book import PERSONAL
    from cloud_bridge.notify.models import new_id

    channel = _book(context).channels.get(name)
    if channel is None:
        fail("a channel", name, "run: hotbox-bridge notify list")
    if channel.kind in PERSONAL and not to:
        fail("--to with an address", "none", "a mail and an SMS go to somebody")
    said = [texts.said("test", {"by": "hotbox-bridge notify test", "channel": name}, tongue) for tongue in ("zh-hans", "en")]
    text = "\n".join(body for _title, body in said)
    letter = channels.Letter(new_id(), f"{said[0][0]} / {said[1][0]}", text, False, at_ms=time.time_ns() // 1_000_000)
    outcome = channels.send(name, channel, to, letter)
    typer.echo(f"{'✔' if outcome.ok else '✘'} {name}: {outcome.detail}")
    raise typer.Exit(0 if outcome.ok else 1)


@app.command()
def told(
    context: typer.Context,
    subject: Annotated[str, typer.Argument(help="The case, such as permit:HW-1. / 事项，如 permit:HW-1。")],
    as_json: AsJson = False,
) -> None:
    """Who was told when about a case: taken by the channel, and seen. / 何人何时被告知。"""
    prepare(context.obj)
    from cloud_bridge.notify.told import told as told_of

    found = told_of("en", subject=subject)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        return
    from cloud_bridge.site_time import at_site, from_ms

    def at(ms: int) -> str:
        return at_site(from_ms(ms)) if ms else "–"

    rows(
        subject, ("who", "what", "written", "taken", "seen", "ways"),
        [
            {"who": row.name or row.recipient or "nobody", "what": row.title, "written": at(row.created_ms),
             "taken": at(row.taken_ms), "seen": at(row.seen_ms),
             "ways": ", ".join(f"{way.channel} {way.address}: {way.state}" for way in row.ways) or "–"}
            for row in found
        ],
        as_json=False,
    )  # fmt: skip
