"""`hotbox enrol`: the main command line mounts `enrol_command`."""

import datetime
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer

from contracts.errors import ContractError
from edge import users
from edge.cli.client import Control, NoAnswer
from edge.config import BoxConfig, load
from faces import loading
from faces.refusals import EnrolmentRefusedError

REFUSED = 1
BAD_INPUT = 2


def enrol_command(
    person: Annotated[str, typer.Argument(help="Id of the person, as on permits. 人员编号, 与作业票一致")] = "",
    still: Annotated[
        list[Path] | None, typer.Option(help="A still with this face alone; give 3 to 5. 仅含本人的照片, 3 至 5 张")
    ] = None,
    camera: Annotated[int, typer.Option(help="Take this many stills with the box's camera. 用摄像头拍摄的张数")] = 0,
    listed: Annotated[bool, typer.Option("--list", help="Who is enrolled, without pictures. 列出已登记人员")] = False,
    remove: Annotated[str, typer.Option(metavar="PERSON", help="Delete this person's templates. 删除此人的模板")] = "",
    permit: Annotated[str, typer.Option(help="With --remove: only what came for this permit. 仅删除该作业票的模板")] = "",
    migrate: Annotated[bool, typer.Option("--migrate", help="Seal plain files of older versions. 加密旧版明文模板")] = False,
    config: Annotated[Path, typer.Option("-c", "--config", help="Box configuration. 盒子配置文件")] = Path(
        "configs/box.example.yaml"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable. 输出 JSON")] = False,
) -> None:
    """Enrol a person's face: 3 to 5 stills, or the box's camera. 登记人脸.

    Exit codes: 0 done, 1 refused (the reason is printed), 2 wrong input or configuration.
    """
    try:
        box = load(config)
        ledger = _nothing if listed else _ledger(box)
        users.become_owner(Path(box.vision.templates))
        _one_of(person, listed, remove, migrate)
        if listed:
            _list(box, as_json=as_json)
        elif remove:
            _remove(box, remove, permit or None, ledger, as_json=as_json)
        elif migrate:
            _migrate(box, ledger, as_json=as_json)
        else:
            _enrol(box, person, still or [], camera, ledger, as_json=as_json)
    except EnrolmentRefusedError as refused:
        if as_json:
            typer.echo(json.dumps({"ok": False, "why": refused.why, "en": refused.en, "zh": refused.zh}))
        else:
            typer.echo(f"✘ {refused.zh}\n  {refused.en}", err=True)
        raise typer.Exit(REFUSED) from None
    except (ContractError, NoAnswer, OSError) as error:
        typer.echo(f"✘ {error}", err=True)
        raise typer.Exit(BAD_INPUT) from None


def _one_of(*asked: str | bool) -> None:
    """Refuse to do nothing, or two things."""
    count = sum(map(bool, asked))
    if count != 1:
        came = "several of them" if count else "none of them"
        raise ContractError("enrol", "PERSON, --list, --remove PERSON or --migrate", came, "one at a time")


Change = Literal["enrolled", "removed", "sealed"]
Ledger = Callable[[Change, str, str], None]
"""Has a change written down before it is made: what, whose, the digest of the file."""


def _nothing(_change: Change, _person: str, _digest: str) -> None:
    """Nothing is written down."""


def _ledger(box: BoxConfig) -> Ledger:
    """The interlock's log, asked as whoever runs this command: who that is, the kernel tells it.

    Without an interlock nothing can be released either, and it writes down each template before that is first used.
    """
    try:
        control = Control(box.control_socket)
    except NoAnswer as nobody:
        if not isinstance(nobody.__cause__, FileNotFoundError | ConnectionRefusedError):
            raise  # one is there, and does not hear us: nothing is changed behind its back
        typer.echo(
            "! 联锁未运行：模板首次使用前仍会记入日志\n"
            "  the interlock is not running: it records a template before it is first used", err=True,
        )  # fmt: skip
        return _nothing

    def write(change: Change, person: str, digest: str) -> None:
        control.ask("template_change", kind=change, person=person, commitment=digest)

    return write


def _enrol(
    box: BoxConfig, person: str, stills: list[Path], camera: int, ledger: Ledger, *, as_json: bool
) -> None:
    from edge.vision.enrol import enrol, enrol_from_camera

    announce = partial(ledger, "enrolled", person)
    if camera:
        done = enrol_from_camera(box, person, camera, announce=announce)
    else:
        done = enrol(box, person, stills, announce=announce)
    if as_json:
        _json(done)
        return
    typer.echo(f"✔ 已登记 {done.person}: {done.stills} 张照片, 最大差异 {done.spread:.2f}")
    typer.echo(f"  enrolled {done.person}: {done.stills} stills, largest difference {done.spread:.2f}")
    if done.nearest_distance is not None:
        typer.echo(f"  最接近者 / nearest: {done.nearest}, {done.nearest_distance:.2f}")


def _list(box: BoxConfig, *, as_json: bool) -> None:
    """Names, engines and ages; never a vector."""
    from edge.vision.enrol import store_of

    found = store_of(box, loading.identity(box.vision.engine)).entries()
    if as_json:
        _json(found)
        return
    for one in found:
        scope = f"作业票 / permit {one.permit}" if one.permit else "长期 / standing"
        until = f", 至 / until {_day(one.expires)}" if one.expires else ""
        since = f", {one.engine}, {_day(one.created)}" if one.created else ""
        typer.echo(f"{'✔' if one.usable else '✘'} {one.person}  {scope}{since}{until}")
        if one.why:
            typer.echo(f"  {one.why}")
    if not found:
        typer.echo("尚无人登记\nnobody is enrolled")


def _remove(box: BoxConfig, person: str, permit: str | None, ledger: Ledger, *, as_json: bool) -> None:
    from edge.vision.enrol import store_of

    store = store_of(box, loading.identity(box.vision.engine))
    store.path(person, permit or "")
    mine = [each.permit for each in store.entries() if each.person == person and permit in (None, each.permit)]
    if mine:
        ledger("removed", person, store.digest(person, mine[0]) if len(mine) == 1 else "")
    gone = store.remove(person, permit)
    if as_json:
        _json(gone)
    elif gone:
        typer.echo(f"✔ 已删除 {person} 的 {len(gone)} 个模板\n  removed {len(gone)} of {person}")
    if not gone:
        raise ContractError("person", "somebody who is enrolled", person, "see hotbox enrol --list")


def _migrate(box: BoxConfig, ledger: Ledger, *, as_json: bool) -> None:
    from edge.vision.enrol import store_of

    done = store_of(box, loading.identity(box.vision.engine)).migrate(partial(ledger, "sealed"))
    if as_json:
        _json(done)
        return
    names = ", ".join(done) or "-"
    typer.echo(f"✔ 已加密 {len(done)} 个模板: {names}\n  sealed {len(done)}: {names}")


def _json(document: Any) -> None:
    typer.echo(msgspec.json.encode(document))


def _day(seconds: int) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).astimezone().strftime("%Y-%m-%d")
