"""`hotbox reset`, `suspend` and `gas-test`: what a person may tell the interlock. Nothing here releases."""

import math
import sys
from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text

from contracts.errors import ContractError
from edge.cli import printing, sections
from edge.cli.choices import Choices, choices
from edge.cli.client import Control
from edge.cli.next_steps import still_missing
from edge.cli.reading import Json, ask_status
from edge.cli.words import Words, limits
from edge.config import read
from edge.interlock.status import ReasonView, Status

POSITIONS = ("up", "middle", "down")
_POINT = "POSITION:GAS:UNIT:VALUE, such as up:CH4:%LEL:0.0"


def ask(chosen: Choices, op: str, **fields: Any) -> msgspec.Raw:
    """Put one request to the interlock.

    Raises:
        ContractError: it refuses.
        NoAnswer: it does not answer.
    """
    with Control(read(chosen.config).control_socket) as control:
        return control.ask(op, **fields)


# --- reset --------------------------------------------------------------------------------------------------------


class _Window(msgspec.Struct, frozen=True):
    window_s: int
    authorised_here: tuple[str, ...]
    next: str


class _Opened(msgspec.Struct, frozen=True):
    window_s: int
    authorised_here: tuple[str, ...]
    missing: tuple[ReasonView, ...]
    state: str


def reset_command(
    context: typer.Context,
    fault: Annotated[bool, typer.Option("--fault", help="Clear a latched fault: two entitled people.")] = False,
    by: Annotated[
        list[str] | None, typer.Option(help="Id of a person who clears the fault; twice.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Open the reset window and say what is still missing. It never resets: someone entitled turns the key on site.

    Exit codes: 0 the window is open, 1 refused, 3 the interlock does not answer.
    """
    chosen = choices(context)
    words = chosen.words
    status, _ = ask_status(chosen)
    people = tuple(by or ())
    waits = any(verdict.condition == "latch" and not verdict.ok for verdict in status.verdicts)
    if status.state not in ("TRIPPED", "FAULT") and not waits:
        raise ContractError(
            "state", "TRIPPED, FAULT", status.state, words("reset_nothing", state=words(f"state.{status.state}"))
        )
    if status.state == "FAULT" and (not fault or len(set(people)) != 2):
        raise ContractError("--fault --by", "--fault --by A --by B", " ".join(people) or "–", words("reset_fault_two"))
    if status.reset_done and not waits:
        printing.lines(printing.screen(), [Text(f"{sections.TICK} {words('reset_watch')}", sections.GOOD)])
        return
    raw = ask(chosen, "reset", fault_by=people if fault else ())
    window = msgspec.json.decode(raw, type=_Window)
    missing = still_missing(status)
    if as_json:
        printing.document(_Opened(window.window_s, window.authorised_here, missing, status.state))
        return
    _show_window(window, missing, words)


def _show_window(window: _Window, missing: tuple[ReasonView, ...], words: Words) -> None:
    console = printing.screen()
    width = printing.width(console)
    found = [Text(f"{sections.TICK} {words('reset_open', s=window.window_s)}", sections.GOOD)]
    if window.authorised_here:
        found.append(
            Text(f"{sections.TICK} {words('reset_here', who='、'.join(window.authorised_here))}", sections.GOOD)
        )
    else:
        found.append(Text(f"{sections.CROSS} {words('reset_nobody')}", sections.BAD))
    if missing:
        found.append(Text(words("reset_missing"), "bold"))
        for reason in missing:
            found += sections.reason_lines(reason, words, width, sections.CROSS, sections.BAD)
    else:
        found.append(Text(f"{sections.TICK} {words('reset_ready')}", sections.GOOD))
    found.append(Text(f"→ {words('reset_turn')}", sections.NOTE))
    printing.lines(console, found)


# --- suspend ------------------------------------------------------------------------------------------------------


class _Suspended(msgspec.Struct, frozen=True):
    suspended_by: str
    present: bool


def suspend_command(
    context: typer.Context,
    by: Annotated[str, typer.Option(help="Id of the person who stops the work.")],
    relief: Annotated[bool, typer.Option("--relief", help="Another guardian takes over.")] = False,
    as_json: Json = False,
) -> None:
    """Stop the work at once: the relay opens and latches. For a relief, the new guardian is verified before a new arm.

    Exit codes: 0 suspended, 1 refused, 3 the interlock does not answer.
    """
    chosen = choices(context)
    words = chosen.words
    raw = ask(chosen, "suspend", person=by, relief=relief)
    if as_json:
        printing.document(raw)
        return
    done = msgspec.json.decode(raw, type=_Suspended)
    found = [Text(f"{sections.TICK} {words('suspended', who=done.suspended_by)}", sections.GOOD)]
    if not done.present:
        found.append(Text(f"! {words('suspended_absent', who=done.suspended_by)}", sections.NOTE))
    found.append(Text(f"→ {words('suspended_relief' if relief else 'suspended_next')}", sections.NOTE))
    printing.lines(printing.screen(), found)


# --- gas test -----------------------------------------------------------------------------------------------------


class Point(msgspec.Struct, frozen=True):
    """One value of a gas test, as control.sock wants it."""

    position: str
    gas: str
    unit: str
    value: float


def _finite(text: str) -> float | None:
    """A number that an instrument can show; None for words, `nan` and `inf`."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def parse_point(text: str) -> Point:
    """Read ``up:CH4:%LEL:0.0``.

    Raises:
        ContractError: another form.
    """
    parts = text.split(":")
    if len(parts) != 4 or not all(parts):
        raise ContractError("--point", _POINT, repr(text))
    value = _finite(parts[3])
    if value is None:
        raise ContractError("--point", _POINT, repr(text), "the last part is the number that the instrument showed")
    if parts[0] not in POSITIONS:
        raise ContractError("--point", _POINT, repr(text), f"the position is {', '.join(POSITIONS)}")
    return Point(parts[0], parts[1], parts[2], value)


class _Tested(msgspec.Struct, frozen=True):
    points: int
    analyst: str
    sampled: int


def gas_test_command(
    context: typer.Context,
    analyst: Annotated[str, typer.Option(help="Id of the gas analyst, whose badge must be here.")] = "",
    serial: Annotated[str, typer.Option(help="The instrument's serial number.")] = "",
    sampled: Annotated[
        str, typer.Option(help="When the air was sampled: now, or HH:MM by the site's clock.")
    ] = "",
    calibrated_until: Annotated[
        str, typer.Option(help="End of the instrument's calibration, such as 2027-03-31.")
    ] = "",
    point: Annotated[
        list[str] | None, typer.Option(help=f"One value: {_POINT}; positions up, middle, down.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Enter a gas test before work. What is missing is asked for on a terminal.

    Exit codes: 0 recorded, 1 refused, 3 the interlock does not answer.
    """
    chosen = choices(context)
    words = chosen.words
    points = [parse_point(text) for text in point or ()]
    if sys.stdin.isatty():
        analyst = analyst or typer.prompt(words("ask_analyst"))
        serial = serial or typer.prompt(words("ask_serial"))
        sampled = sampled or typer.prompt(words("ask_sampled"))
        calibrated_until = calibrated_until or typer.prompt(words("ask_calibrated_until"))
        points = points or _prompt_points(ask_status(chosen)[0], words)
    raw = ask(
        chosen, "gas_test", analyst=analyst, serial=serial, sampled=sampled, points=points,
        calibrated_until=calibrated_until,
    )  # fmt: skip
    if as_json:
        printing.document(raw)
        return
    done = msgspec.json.decode(raw, type=_Tested)
    text = words("gas_test_done", n=done.points, analyst=done.analyst, at=sections.minute(done.sampled))
    printing.lines(printing.screen(), [Text(f"{sections.TICK} {text}", sections.GOOD)])


def _prompt_points(status: Status, words: Words) -> list[Point]:
    """Ask for every gas of the box in every position, in the detectors' units."""
    gases = {(c.gas, c.unit): c for c in status.channels}
    found = []
    for position in POSITIONS:
        for (gas, unit), channel in gases.items():
            limit = limits(channel.limit_low, channel.limit_high)
            question = words(
                "ask_value", position=words(f"position.{position}"), gas=words.pick(channel), unit=unit, limit=limit
            )
            while True:
                answer = str(typer.prompt(question)).strip()
                value = _finite(answer)
                if value is not None:
                    found.append(Point(position, gas, unit, value))
                    break
                typer.echo(words("ask_number"), err=True)
    return found
