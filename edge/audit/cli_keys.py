"""`hotbox audit keys` and `hotbox audit witness`: whose signatures count, and who vouches for how much of the log.

`keys rotate` and `witness add` ask the running box; everything else reads the log's file.
"""

import sqlite3
import time
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from contracts.checkpoint import NoteKey, verify_cosignature
from contracts.errors import ContractError, printable
from contracts.event import Event
from contracts.key_chain import KeyChain, trusted_chain
from edge.audit.case.evidence import BOX, WITNESS
from edge.audit.held import NOTE_BYTES
from edge.audit.reader import Reader
from edge.audit.terminal import Db, Json, Trust, ask_box, end, json_line, log_path, open_log, say, trusted

MISSING = 1


class KeyShown(msgspec.Struct, frozen=True):
    """A public key: whose, its line, its fingerprint as on the label, and whether it signs the newest note.

    `in_force` is None when the log holds no note that it could have signed. A key of the box signs what has more than
    `first` leaves, up to `last` of them (None: to the end); `trusted`: it is among the keys that were given.
    """

    role: str
    name: str
    id: str
    fingerprint: str
    vkey: str
    in_force: bool | None
    first: int = 0
    last: int | None = None
    trusted: bool = True


class WitnessShown(msgspec.Struct, frozen=True):
    """How far a witness vouches for the log: `size` leaves at `time_s` (0: for none), `tail` leaves came after."""

    name: str
    size: int
    time_s: int
    age_s: int
    tail: int
    oldest_tail_s: int


def fingerprint(key: NoteKey) -> str:
    """SHA-256 of the 32 key bytes as eight groups of four hex digits (its first half): what a label has room for."""
    digits = sha256(key.public).hexdigest()[:32]
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


keys_app = typer.Typer(invoke_without_command=True)


@keys_app.callback()
def keys_command(ctx: typer.Context, db: Db = None, trust: Trust = None, as_json: Json = False) -> None:
    """公钥、指纹与更换历史。Public keys with the fingerprint that stands on the box's label, and which signed what.

    Exit code: 0 the key that signs the newest note follows from the keys that are told of, and so does each of these;
    1 one does not (another box's log, or another epoch's key), 3 not readable or wrong use.
    """
    if ctx.invoked_subcommand is not None:
        return
    known = trusted(ctx, trust)
    reader = open_log(log_path(ctx, db))
    try:
        shown = _box_keys(reader, known) + [_witness_key(reader, key) for key in known if key.kind == WITNESS]
    except (sqlite3.Error, ContractError) as error:
        end(str(error))
    finally:
        reader.close()
    if as_json:
        typer.echo(json_line({"origin": reader.origin, "keys": msgspec.to_builtins(shown)}))
    else:
        _print_keys(shown)
    wrong = any(key.in_force is False and (key.role == "witness" or key.last is None) for key in shown)
    raise typer.Exit(MISSING if wrong else 0)


def _box_keys(reader: Reader, known: list[NoteKey]) -> list[KeyShown]:
    """The log's own keys in their order; where they do not follow from the given ones, those that were given."""
    given = [key for key in known if key.kind == BOX]
    newest = reader.checkpoint()
    try:
        found = trusted_chain(reader.origin, reader.rotations(), known)
        chain = found.chain
        signs = None if newest is None else _signed(newest[1], chain)
    except ContractError:
        return [_key_shown("box", key, in_force=False) for key in given]
    if found.strange is not None or found.beyond is not None or signs is False:
        return [_key_shown("box", key, in_force=False) for key in given]
    publics, shown = [key.public for key in given], []
    for index, key in enumerate(chain.keys):
        last = chain.firsts[index + 1] if index + 1 < len(chain.keys) else None
        shown.append(_key_shown(
            "box", key, in_force=last is None and signs if signs is not None else None, first=chain.firsts[index],
            last=last, trusted=key.public in publics,
        ))  # fmt: skip
    return shown


def _key_shown(
    role: str, key: NoteKey, *, in_force: bool | None, first: int = 0, last: int | None = None, trusted: bool = True
) -> KeyShown:
    return KeyShown(role, key.name, key.id.hex(), fingerprint(key), key.vkey(), in_force, first, last, trusted)


def _witness_key(reader: Reader, key: NoteKey) -> KeyShown:
    ack = reader.witnessed()
    return _key_shown("witness", key, in_force=None if ack is None else _vouched(ack.note, key) is not None)


def _signed(note: str, chain: KeyChain) -> bool:
    try:
        return chain.verify(note).origin == chain.origin
    except ContractError:
        return False


def _vouched(note: str, key: NoteKey) -> tuple[int, int] | None:
    """Size and time of a note that this witness cosigned."""
    try:
        stated, time_s = verify_cosignature(note, key)
    except ContractError:
        return None
    return stated.size, time_s


def _print_keys(shown: list[KeyShown]) -> None:
    table = Table(box=None)
    heads = (
        say("归属", "whose"), say("名称", "name"), say("指纹", "fingerprint"), say("签署范围", "signs"),
        say("在用", "signs this log"),
    )  # fmt: skip
    for head in heads:
        table.add_column(head, overflow="fold")
    states = {True: say("是", "yes"), False: say("否", "NO"), None: say("尚无签名", "nothing signed yet")}
    for key in shown:
        role = say("本机", "box") if key.role == "box" else say("见证方", "witness")
        state = states[key.in_force] if key.last is None else say("已更换", "until it was changed")
        table.add_row(role, printable(key.name), key.fingerprint, _span(key), state)
    console = Console(soft_wrap=True, highlight=False)
    console.print(table)
    for key in shown:
        console.print(printable(key.vkey), markup=False)
    hint = say("请与设备铭牌或云桥登记的指纹核对", "compare the fingerprints with the box's label and the bridge")
    console.print(hint, style="dim", markup=False)
    if not all(key.trusted for key in shown):
        hint = say("未列出的密钥由前一密钥签名认可", "keys that were not named are endorsed by the key before them")
        console.print(hint, style="dim", markup=False)


def _span(key: KeyShown) -> str:
    """Which records a key signs."""
    if key.role != "box":
        return ""
    if key.last is None:
        return say(f"序号 {key.first} 起", f"from seq {key.first} on")
    return say(f"序号 {key.first} 至 {key.last - 1}", f"seq {key.first} to {key.last - 1}")


@keys_app.command("rotate")
def rotate_command(ctx: typer.Context, as_json: Json = False) -> None:
    """更换日志密钥。Have the box sign its log with a new key from now on; the old one endorses it in the log.

    Only while nobody works. Exit code: 0 changed, 1 refused, 3 the box does not answer or wrong use.
    """
    done = ask_box(ctx, "keys_rotate")
    key = NoteKey.parse(done["vkey"])
    if as_json:
        typer.echo(json_line({"vkey": key.vkey(), "first": done["first"], "fingerprint": fingerprint(key)}))
        return
    first = done["first"]
    typer.echo(say(f"密钥已更换:序号 {first} 起由新密钥签署", f"changed: the new key signs from seq {first} on"))
    typer.echo(say(f"新指纹:{fingerprint(key)}", f"new fingerprint: {fingerprint(key)}"))
    typer.echo(key.vkey())
    typer.echo(say(
        "请更新设备铭牌,并另存新密钥文件;云桥自日志中得知新密钥",
        "change the label on the box, and keep a copy of the new key file; the bridge learns of it from the log",
    ))  # fmt: skip


witness_app = typer.Typer(invoke_without_command=True)


@witness_app.command("add")
def add_command(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A note of `hotbox-bridge audit held`. 云桥留存的见证文本。")],
    as_json: Json = False,
) -> None:
    """带入云桥的见证。Bring the box a checkpoint that the bridge cosigned, on a stick: no network is needed.

    It counts as if it had come over the line: a new epoch of the log arms from then on.
    Exit code: 0 taken, 1 refused, 3 the box does not answer or wrong use.
    """
    try:
        with file.open("rb") as source:
            raw = source.read(NOTE_BYTES + 1)
        note = raw.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        end(f"{file}: {error}")
    if len(raw) > NOTE_BYTES:
        end(say(f"{file} 过大,不是见证文本", f"{file} is too long for a note"))
    done = ask_box(ctx, "witness_add", note=note)
    if as_json:
        typer.echo(json_line(done))
        return
    size = done["size"]
    if done["verdict"] == "known":
        typer.echo(say(f"已知:此前已见证至序号 {size - 1}", f"known already: witnessed up to seq {size - 1}"))
        return
    typer.echo(say(f"已接受:见证至序号 {size - 1}", f"taken: witnessed up to seq {size - 1}"))
    if done["opens_epoch"]:
        typer.echo(say("新日志纪元已获批准,可重新布防", "the new epoch is authorised: the box may arm again"))


@witness_app.callback()
def witness_command(ctx: typer.Context, db: Db = None, trust: Trust = None, as_json: Json = False) -> None:
    """见证情况。Who vouches for how much of the log, since when, and how old the rest is.

    Exit code: 0 everything is witnessed, 4 the end is not yet, 1 nothing is, 3 not readable or wrong use.
    """
    if ctx.invoked_subcommand is not None:
        return
    witnesses = [key for key in trusted(ctx, trust) if key.kind == WITNESS]
    reader = open_log(log_path(ctx, db))
    try:
        size = reader.size()
        shown = [_witness(reader, key, size) for key in witnesses]
    except (sqlite3.Error, ContractError) as error:
        end(str(error))
    finally:
        reader.close()
    if as_json:
        typer.echo(json_line({"origin": reader.origin, "size": size, "witnesses": msgspec.to_builtins(shown)}))
    else:
        for line in _witness_lines(shown, size):
            Console(soft_wrap=True, highlight=False).print(line, markup=False)
    most = max((witness.size for witness in shown), default=0)
    raise typer.Exit(0 if most >= size > 0 else 4 if most else MISSING)


def _witness(reader: Reader, key: NoteKey, size: int) -> WitnessShown:
    found, now_s = (0, 0), int(time.time())
    for note in reader.acknowledgements():
        vouched = _vouched(note, key)
        if vouched is not None:
            found = vouched
            break
    tail = reader.events(found[0], 1) if found[0] < size else list[Event]()
    return WitnessShown(
        key.name, found[0], found[1], max(0, now_s - found[1]) if found[1] else 0, size - found[0],
        max(0, now_s - tail[0].t // 1000) if tail else 0,
    )  # fmt: skip


def _witness_lines(shown: list[WitnessShown], size: int) -> list[str]:
    if not shown:
        return [say("没有见证方公钥:请用 --trust 指定", "no witness's key is known: name it with --trust")]
    lines = []
    for witness in shown:
        name = printable(witness.name)
        if not witness.size:
            lines.append(say(f"{name}:尚未见证", f"{name}: vouches for nothing yet"))
            continue
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(witness.time_s))
        lines.append(say(
            f"{name}:{when} 见证至序号 {witness.size - 1}(共 {size} 条),距今 {witness.age_s} 秒",
            f"{name}: vouched at {when} for seq 0 to {witness.size - 1} of {size} events, {witness.age_s} s ago",
        ))  # fmt: skip
        if witness.tail:
            lines.append(say(
                f"其后 {witness.tail} 条未见证,最早一条距今 {witness.oldest_tail_s} 秒",
                f"not witnessed after that: {witness.tail}, the oldest {witness.oldest_tail_s} s old",
            ))  # fmt: skip
    return lines
