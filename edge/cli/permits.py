"""`hotbox permit`: the permit on this box, its preconditions and its approval. Nothing here releases."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.cells import cell_len
from rich.text import Text

from contracts.errors import ContractError
from edge.cli import printing, sections
from edge.cli.acting import ask
from edge.cli.choices import Choices, choices
from edge.cli.importing import import_command
from edge.cli.reading import Json, ask_status
from edge.cli.words import Words
from edge.config import read
from edge.interlock import photos
from edge.interlock.status import PermitView, PersonView, PreconditionView, ReasonView

permit_app = typer.Typer(no_args_is_help=True, help="The permit on this box.")


class _Shown(msgspec.Struct, frozen=True):
    permit: PermitView | None
    people: tuple[PersonView, ...]
    preconditions: tuple[ReasonView, ...]


@permit_app.command("show")
def permit_show_command(context: typer.Context, as_json: Json = False) -> None:
    """Show the accepted permit.

    Exit codes: 0, 3 the interlock does not answer.
    """
    chosen = choices(context)
    words = chosen.words
    status, _ = ask_status(chosen)
    open_ = tuple(reason for v in status.verdicts if v.condition == "preconditions" for reason in v.reasons)
    if as_json:
        printing.document(_Shown(status.permit, status.people, open_))
        return
    permit = status.permit
    if permit is None:
        printing.lines(printing.screen(), [words("permit_none_here")])
        return
    rows = [
        ("permit_id", permit.id),
        ("permit_level", sections.level(permit, words)),
        ("permit_place", f"{permit.place}  {words('permit_confined')}" if permit.confined else permit.place),
        ("permit_content", permit.content),
        ("permit_method", permit.method),
        ("permit_window", f"{sections.minute(permit.nbf)} – {sections.minute(permit.exp)}"),
        ("permit_approvers", "、".join(permit.approvers)),
        ("permit_approved", sections.minute(permit.approved_at)),
        ("permit_people", "、".join(f"{p.name} ({words(f'role.{p.role}')}, {p.id}, {p.badge})" for p in status.people)),
    ]
    if checked := sections.ticket_check(status, words):
        rows.append(("permit_checked", checked))
    rows += [("permit_preconditions", _line(wanted, words)) for wanted in permit.preconditions]
    wide = max(cell_len(words(key)) for key, _ in rows) + 2
    printing.lines(
        printing.screen(),
        [Text().append(sections.pad(words(key), wide), sections.DIM).append(value) for key, value in rows],
    )


permit_app.command("import")(import_command)


def _line(wanted: PreconditionView, words: Words) -> str:
    """A precondition in one line: whether it holds, its id, what must hold, and by whom or by what it is known."""
    mark = sections.TICK if wanted.ok else sections.CROSS
    limit = "" if wanted.limit == "" else f" ≤ {wanted.limit} °C"
    value = "" if wanted.value == "" else f" {wanted.value} °C"
    source = wanted.by or wanted.sensor or wanted.tag
    kind = words(f"precondition.{wanted.kind}")
    return f"{mark} {wanted.id} ({kind}): {wanted.text}{limit}{f' [{source}{value}]' if source else ''}"


@permit_app.command("confirm")
def confirm_command(
    context: typer.Context,
    precondition: Annotated[str, typer.Argument(help="Id of the precondition.")],
    by: Annotated[str, typer.Option(help="Id of the person who confirms; the badge must be here.")],
    value: Annotated[
        float | None, typer.Option(help="Measured temperature in °C, for a temperature.", show_default=False)
    ] = None,
    photo: Annotated[
        Path | None, typer.Option(help="JPEG or PNG of the measurement; a copy is kept.", show_default=False)
    ] = None,
) -> None:
    """Confirm a precondition of the permit on site; a temperature is entered with its value and a photo.

    Exit codes: 0 confirmed, 1 refused, 3 the interlock does not answer.
    """
    chosen = choices(context)
    status, _ = ask_status(chosen)
    fields: dict[str, Any] = {
        "permit": status.permit.id if status.permit else "", "precondition": precondition, "person": by, "value": value,
    }  # fmt: skip
    raw = ask(chosen, "confirm", **fields) if photo is None else _ask_with_photo(chosen, photo, fields)
    limit_milli = msgspec.json.decode(raw, type=_Confirmed).limit_milli
    if value is not None and limit_milli is not None and value * 1000 > limit_milli:
        hot = chosen.words("measured_hot", what=precondition, value=f"{value:g}", limit=f"{limit_milli / 1000:g}")
        then = chosen.words("measured_hot_next")
        shown = [Text(f"{sections.CROSS} {hot}", sections.BAD), Text(f"→ {then}", sections.NOTE)]
    else:
        shown = [Text(f"{sections.TICK} {chosen.words('confirmed', what=precondition)}", sections.GOOD)]
    printing.lines(printing.screen(), shown)


@permit_app.command("withdraw")
def withdraw_command(
    context: typer.Context,
    precondition: Annotated[str, typer.Argument(help="Id of the precondition.")],
    by: Annotated[str, typer.Option(help="Id of the person who takes it back.")],
) -> None:
    """Take back that a precondition holds: the relay opens at once, and nothing is released before a new confirmation.

    Exit codes: 0 taken back, 1 refused, 3 the interlock does not answer.
    """
    chosen = choices(context)
    status, _ = ask_status(chosen)
    permit = status.permit.id if status.permit else ""
    ask(chosen, "withdraw", permit=permit, precondition=precondition, person=by)
    printing.lines(
        printing.screen(), [Text(f"{sections.TICK} {chosen.words('withdrawn', what=precondition)}", sections.GOOD)]
    )


class _Confirmed(msgspec.Struct, frozen=True):
    limit_milli: int | None


def _ask_with_photo(chosen: Choices, photo: Path, fields: dict[str, Any]) -> bytes:
    """Keep the photo, then ask; a refused measurement leaves none behind.

    Raises:
        ContractError: no picture, one that is kept already, or the interlock refuses.
    """
    folder = read(chosen.config).photos
    _look_at(photo)
    digest, fresh = photos.keep(folder, photo)
    if not fresh:
        came = "one that this box has kept before"
        raise ContractError("photo", "a photo of this measurement", came, "measure again and take another photo")
    try:
        return ask(chosen, "confirm", photo=digest, **fields)
    except ContractError:
        photos.discard(folder, digest)
        raise


def _look_at(photo: Path) -> None:
    """Refuse what no camera made: a header alone is no picture. Without the vision extra the interlock's look is all.

    Raises:
        ContractError: it does not decode.
    """
    try:
        import cv2
    except ImportError:
        return
    if not photo.is_file() or photo.stat().st_size > photos.MAX_BYTES:
        return  # `keep` says what is wrong
    if cv2.imread(str(photo), cv2.IMREAD_REDUCED_GRAYSCALE_8) is None:
        raise ContractError("photo", "a JPEG or PNG picture that can be read", photo.name, "take it again")


class _Again(msgspec.Struct, frozen=True):
    reconfirmed: str
    good_for_s: int


@permit_app.command("reconfirm")
def reconfirm_command(
    context: typer.Context,
    by: Annotated[str, typer.Option(help="Id of the guardian; badge and face must be here.")],
    as_json: Json = False,
) -> None:
    """Confirm at the box that an approval which has become too old still stands; then test the gas again.

    Exit codes: 0 confirmed, 1 refused, 3 the interlock does not answer.
    """
    chosen = choices(context)
    words = chosen.words
    status, _ = ask_status(chosen)
    raw = ask(chosen, "reconfirm", permit=status.permit.id if status.permit else "", person=by)
    if as_json:
        printing.document(raw)
        return
    done = msgspec.json.decode(raw, type=_Again)
    printing.lines(
        printing.screen(),
        [
            Text(f"{sections.TICK} {words('reconfirmed', id=done.reconfirmed, who=by)}", sections.GOOD),
            Text(f"→ {words('reconfirmed_next', m=done.good_for_s // 60)}", sections.NOTE),
        ],
    )


class _Checked(msgspec.Struct, frozen=True):
    checked: str
    by: str
    day: int


@permit_app.command("check")
def check_command(
    context: typer.Context,
    by: Annotated[str, typer.Option(help="Id of the shift leader; the badge must be here.")],
    permit: Annotated[
        str, typer.Option(help="Number of the ticket. Default: the current permit of this box.", show_default=False)
    ] = "",
    as_json: Json = False,
) -> None:
    """Check the ticket before ignition, every day, as a shift leader who is neither crew nor approver of this permit.

    Exit codes: 0 checked, 1 refused, 3 the interlock does not answer.
    """
    chosen = choices(context)
    words = chosen.words
    if not permit:
        status, _ = ask_status(chosen)
        permit = status.permit.id if status.permit else ""
    raw = ask(chosen, "ticket_check", permit=permit, person=by)
    if as_json:
        printing.document(raw)
        return
    done = msgspec.json.decode(raw, type=_Checked)
    text = words("ticket_check_done", who=done.by, id=done.checked, n=done.day)
    printing.lines(
        printing.screen(),
        [Text(f"{sections.TICK} {text}", sections.GOOD), Text(f"→ {words('ticket_check_next')}", sections.NOTE)],
    )
