"""`hotbox audit prove`: the proof that one event is in the log, and the check of such a proof wherever it came from."""

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
import typer
from rich.console import Console

from contracts.checkpoint import NoteKey
from contracts.errors import ContractError, printable
from contracts.key_chain import Rotation, trusted_chain
from edge.audit.case.evidence import WITNESS
from edge.audit.prove import Proven, check, index_of, note_of, prove
from edge.audit.terminal import Db, Json, Trust, end, json_line, log_path, open_log, say, trusted

PROVEN, WRONG, UNWITNESSED = 0, 1, 4
_LONGEST = 2**20


class Shown(msgspec.Struct, frozen=True):
    """What `prove --json` prints. `leaf` is None when the event's bytes were deleted; `rotations`: changes of key."""

    seq: int
    leaf: str | None
    proof: str
    rotations: tuple[Rotation, ...] = ()


def prove_command(
    ctx: typer.Context,
    seq: Annotated[int | None, typer.Argument(help="Number of the event. 事件序号。")] = None,
    db: Db = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write here. 输出文件。")] = None,
    checked: Annotated[
        Path | None,
        typer.Option("--check", help="Check this proof, as `prove` or `prove --json` made it. 核验此证明。"),
    ] = None,
    trust: Trust = None,
    as_json: Json = False,
) -> None:
    """证明某事件在日志中,或核验证明。Proof that an event is in the log (C2SP .tlog-proof), or with --check its check.

    What `--json` gives is checked without the log: the event and the changes of key are in it. Exit code of a check:
    0 it holds and is witnessed, 4 only the box signed it, 1 it does not hold, 3 not readable or wrong use.
    """
    if (seq is None) is (checked is None):
        end(say("请给出事件序号,或用 --check 指定证明", "name an event, or a proof with --check"))
    if checked is not None:
        _check(ctx, checked, db, trusted(ctx, trust), as_json=as_json)
    reader = open_log(log_path(ctx, db))
    try:
        assert seq is not None  # noqa: S101 - one of the two is given
        leaf = reader.leaf(seq)
        shown = Shown(seq, None if leaf is None else leaf.decode(), prove(reader, seq), reader.rotations())
        if out is not None:
            out.write_text(json.dumps(msgspec.to_builtins(shown)) if as_json else shown.proof, encoding="utf-8")
    except (sqlite3.Error, LookupError, ContractError, OSError) as error:
        end(str(error))
    finally:
        reader.close()
    if shown.leaf is None:
        # The proof holds, of a hash: the bytes were deleted once they were witnessed.
        _aside(say(
            f"序号 {seq} 的原文已在本机清理,云桥仍有留存",
            f"the bytes of seq {seq} were deleted here once they were witnessed: the bridge has them",
        ))  # fmt: skip
    if out is not None:
        typer.echo(say(f"已写入 {out}", f"written to {out}"))
    elif as_json:
        typer.echo(json.dumps(msgspec.to_builtins(shown), ensure_ascii=False))
    else:
        typer.echo(shown.proof, nl=False)


def _aside(text: str) -> None:
    Console(stderr=True, soft_wrap=True).print(text, style="yellow", markup=False)


def _check(ctx: typer.Context, file: Path, db: Path | None, known: list[NoteKey], *, as_json: bool) -> NoReturn:
    """Say whether a proof holds, and end."""
    shown = _read(ctx, file, db)
    if shown.leaf is None:
        end(say("证明不含事件原文,请用 --db 指定含有它的日志", "the proof is without its event: name a log with --db"))
    origin = note_of(shown.proof).split("\n", 1)[0]
    try:
        keys = trusted_chain(origin, shown.rotations, known).chain
    except ContractError as error:
        end(str(error))
    try:
        proven = check(shown.proof, shown.leaf.encode(), keys)
    except (ContractError, ValueError) as error:
        Console(stderr=True, soft_wrap=True).print(printable(str(error)), style="bold red", markup=False)
        raise typer.Exit(WRONG) from None
    if proven.index != shown.seq:
        _aside(say("证明属于另一事件", f"the proof is about seq {proven.index}, the file says {shown.seq}"))
        raise typer.Exit(WRONG)
    proven = _witnessed(shown, proven, known)
    code = PROVEN if proven.time_s else UNWITNESSED
    if as_json:
        typer.echo(json_line({
            "origin": origin, "seq": proven.index, "size": proven.checkpoint.size, "witnessed_at": proven.time_s,
            "exit_code": code,
        }))  # fmt: skip
    else:
        size = proven.checkpoint.size
        typer.echo(printable(say(
            f"成立:序号 {proven.index} 在 {origin} 中(检查点 {size})",
            f"it holds: seq {proven.index} is in {origin}, under the checkpoint of {size} events",
        )))  # fmt: skip
        if not proven.time_s:
            typer.echo(say("尚无见证:仅由设备自身签名", "it is not witnessed: only the box signed it"))
    raise typer.Exit(code)


def _witnessed(shown: Shown, proven: Proven, known: Sequence[NoteKey]) -> Proven:
    """With the time at which one of the witnesses cosigned it, if one did."""
    assert shown.leaf is not None  # noqa: S101 - looked at before
    for witness in known:
        if witness.kind == WITNESS:
            try:
                chain = trusted_chain(proven.checkpoint.origin, shown.rotations, known).chain
                return check(shown.proof, shown.leaf.encode(), chain, witness)
            except ContractError:
                continue
    return proven


def _read(ctx: typer.Context, file: Path, db: Path | None) -> Shown:
    """The proof in a file; one without its event is completed from the log."""
    try:
        with file.open("rb") as source:
            raw = source.read(_LONGEST)
        if raw.startswith(b"{"):
            shown = msgspec.json.decode(raw, type=Shown)
        else:
            text = raw.decode("utf-8")
            shown = Shown(-1 if (index := index_of(text)) is None else index, None, text)
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        end(f"{file}: {error}")
    if shown.leaf is not None:
        return shown
    reader = open_log(log_path(ctx, db))
    try:
        leaf = reader.leaf(shown.seq)
        return msgspec.structs.replace(
            shown, leaf=None if leaf is None else leaf.decode("utf-8", "replace"), rotations=reader.rotations()
        )
    except (sqlite3.Error, ContractError) as error:
        end(str(error))
    finally:
        reader.close()
