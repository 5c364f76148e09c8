"""`hotbox detector scan`: who answers on a bus, and by which profile. It never disturbs an interlock that has released.

A serial line is asked only when nobody else holds it: the interlock opens it for itself alone. On TCP the scan has a
connection of its own, is refused while the box is armed or released, and stops when it becomes so.
"""

import asyncio
from collections.abc import Callable
from typing import Annotated

import msgspec
import typer
from rich.progress import Progress
from rich.text import Text

from contracts.errors import ContractError
from edge.cli import printing, sections
from edge.cli.choices import choices
from edge.cli.client import Control, NoAnswer, status_of
from edge.cli.reading import Json
from edge.cli.words import Words
from edge.config import BoxConfig, Bus, load
from edge.gas.budget import scan_budget
from edge.gas.scan import Lost, Unit, families, scan

_BUSY = ("ARMED", "RELEASED")
_LARGEST = 247


class Found(msgspec.Struct, frozen=True):
    """A unit that answered, the channels and sensors that the configuration has for it, and what fits."""

    unit_id: int
    configured: tuple[str, ...]
    unit: Unit


def scan_command(
    context: typer.Context,
    bus: Annotated[str, typer.Argument(help="The bus, by its name in the configuration.")],
    units: Annotated[str, typer.Option(help="Unit ids to ask, such as 1-32 or 5.")] = "1-32",
    as_json: Json = False,
) -> None:
    """Ask every unit of a bus who it is, and say which profile fits best. Refused while the box is armed or released.

    Exit codes: 0, 1 refused or the line cannot be opened.
    """
    chosen = choices(context)
    config = load(chosen.config)
    wanted = next((one for one in config.buses if one.name == bus), None)
    if wanted is None:
        raise ContractError("bus", f"one of {', '.join(one.name for one in config.buses)}", bus)
    first, last = _range(units)
    may = _permission(config, wanted)
    may()
    found = asyncio.run(_scan(config, wanted, range(first, last + 1), may, chosen.words, quiet=as_json))
    if as_json:
        printing.document(found)
        return
    _show(found, wanted, last + 1 - first, chosen.words)


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    last = last or first
    if not (first.isdigit() and last.isdigit() and 1 <= int(first) <= int(last) <= _LARGEST):
        raise ContractError("--units", f"FIRST-LAST within 1 to {_LARGEST}, such as 1-32", text)
    return int(first), int(last)


def _permission(config: BoxConfig, bus: Bus) -> Callable[[], None]:
    """Raises when the scan could disturb: asked before it begins and before each unit."""

    def may() -> None:
        try:
            with Control(config.control_socket) as control:
                state = status_of(control.ask("status")).state
        except NoAnswer:
            return
        if state in _BUSY:
            raise ContractError("state", "a box that is not armed or released", state, "finish or stop the work first")
        if bus.kind == "rtu":
            hint = "stop the interlock first: systemctl stop hotbox-interlock"
            raise ContractError(f"buses.{bus.name}", "a serial line that nobody polls", "the interlock polls it", hint)

    return may


async def _scan(
    config: BoxConfig, bus: Bus, units: range, may: Callable[[], None], words: Words, *, quiet: bool
) -> list[Found]:
    from edge.gas.poller import LINES  # pymodbus takes its time to load

    found = []
    line = LINES[bus.kind](bus, scan_budget(config, bus, max(family.readable for family in families())))
    console = printing.screen(errors=True)
    try:
        with Progress(console=console, transient=True, disable=quiet or not console.is_terminal) as progress:
            task = progress.add_task(words("scanning", bus=bus.name), total=len(units))
            async for unit_id, unit in scan(line, units, may):
                progress.advance(task)
                if unit is not None:
                    here = [b.name for b in config.blocks if b.bus == bus.name and b.unit_id == unit_id]
                    found.append(Found(unit_id, tuple(here), unit))
    except Lost as lost:
        where = bus.host + f":{bus.port}" if bus.kind == "tcp" else bus.device
        hint = "check cable and power, and that no other program holds it"
        raise ContractError(f"buses.{bus.name}", f"a line that can be asked at {where}", str(lost), hint) from lost
    finally:
        line.close()
    return found


def _show(found: list[Found], bus: Bus, asked: int, words: Words) -> None:
    lines = [Text(words("scanned", n=len(found), asked=asked, bus=bus.name), "bold")]
    for one in found:
        fits = one.unit.fits
        line = Text(f"{one.unit_id:>4}  ").append(sections.pad(fits[0].profile if fits else "?", 28), sections.GOOD)
        line.append(sections.pad(", ".join(one.configured) or words("scan_new"), 20))
        line.append(" ".join(f"{register:04X}" for register in one.unit.registers[:8]), sections.DIM)
        lines.append(line)
        alike = [fit.profile for fit in fits[1:] if fit.score == fits[0].score]
        if alike:
            lines.append(Text(f"      {words('scan_alike', others=', '.join(alike))}", sections.SOME))
        elif not fits:
            lines.append(Text(f"      {words('scan_unknown')}", sections.SOME))
    printing.lines(printing.screen(), lines)
