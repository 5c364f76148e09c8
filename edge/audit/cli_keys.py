"""`hotbox audit keys` and `hotbox audit witness`: whose signatures count, and who vouches for how much of the log."""

import sqlite3
import time
from hashlib import sha256

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from contracts.checkpoint import NoteKey, verify, verify_cosignature
from contracts.errors import ContractError, printable
from contracts.event import Event
from edge.audit.case.evidence import BOX, WITNESS
from edge.audit.reader import Reader
from edge.audit.terminal import Db, Json, Trust, end, json_line, log_path, open_log, say, trusted

MISSING = 1


class KeyShown(msgspec.Struct, frozen=True):
    """A public key: whose, its line, its fingerprint as on the label, and whether the newest note bears its signature.

    `in_force` is None when the log holds no note that it could have signed.
    """

    role: str
    name: str
    id: str
    fingerprint: str
    vkey: str
    in_force: bool | None


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


def keys_command(ctx: typer.Context, db: Db = None, trust: Trust = None, as_json: Json = False) -> None:
    """公钥与指纹。Public keys with the fingerprint that stands on the box's label, and whether they sign this log.

    Exit code: 0 each key that is told of signs the newest note, 1 one does not (another box's log, or another
    epoch's key), 3 not readable or wrong use.
    """
    known = trusted(ctx, trust)
    reader = open_log(log_path(ctx, db))
    try:
        shown = [_key(reader, key) for key in known]
    except sqlite3.Error as error:
        end(str(error))
    finally:
        reader.close()
    if as_json:
        typer.echo(json_line({"origin": reader.origin, "keys": msgspec.to_builtins(shown)}))
    else:
        _print_keys(shown)
    raise typer.Exit(MISSING if any(key.in_force is False for key in shown) else 0)


def _key(reader: Reader, key: NoteKey) -> KeyShown:
    if key.kind == BOX:
        newest = reader.checkpoint()
        own = NoteKey(reader.origin, BOX, key.public)
        in_force = None if newest is None else _signed(newest[1], own) and _same_box(own, key)
        return KeyShown("box", key.name, key.id.hex(), fingerprint(key), key.vkey(), in_force)
    ack = reader.witnessed()
    in_force = None if ack is None else _vouched(ack.note, key) is not None
    return KeyShown("witness", key.name, key.id.hex(), fingerprint(key), key.vkey(), in_force)


def _same_box(one: NoteKey, other: NoteKey) -> bool:
    return one.name.rsplit("/", 1)[0] == other.name.rsplit("/", 1)[0]


def _signed(note: str, key: NoteKey) -> bool:
    try:
        return verify(note, key).origin == key.name
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
    heads = (say("归属", "whose"), say("名称", "name"), say("指纹", "fingerprint"), say("在用", "signs this log"))
    for head in heads:
        table.add_column(head, overflow="fold")
    states = {True: say("是", "yes"), False: say("否", "NO"), None: say("尚无签名", "nothing signed yet")}
    for key in shown:
        role = say("本机", "box") if key.role == "box" else say("见证方", "witness")
        table.add_row(role, printable(key.name), key.fingerprint, states[key.in_force])
    console = Console(soft_wrap=True, highlight=False)
    console.print(table)
    for key in shown:
        console.print(printable(key.vkey), markup=False)
    hint = say("请与设备铭牌或云桥登记的指纹核对", "compare the fingerprints with the box's label and the bridge")
    console.print(hint, style="dim", markup=False)


def witness_command(ctx: typer.Context, db: Db = None, trust: Trust = None, as_json: Json = False) -> None:
    """见证情况。Who vouches for how much of the log, since when, and how old the rest is.

    Exit code: 0 everything is witnessed, 4 the end is not yet, 1 nothing is, 3 not readable or wrong use.
    """
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
