"""`hotbox detector watch`: what detectors read, live; for looking at a head while its gas flows."""

from typing import Annotated

import msgspec
import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from contracts.errors import ContractError
from edge.cli import printing, sections
from edge.cli.choices import choices
from edge.cli.client import NoAnswer, follow, status_of
from edge.cli.words import Words, number
from edge.config import read
from edge.interlock.status import ChannelView, RemoteView, Status

_BAR = 24


class Row(msgspec.Struct, frozen=True):
    """One line of `--json`: the moment in ms since 1970, and every channel that was asked for."""

    t: int
    channels: tuple[ChannelView, ...]
    remotes: tuple[RemoteView, ...]


def watch_command(
    context: typer.Context,
    channels: Annotated[list[str] | None, typer.Argument(help="Channels to watch; all without any.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON a line, twice a second.")] = False,
    count: Annotated[int, typer.Option(help="End after so many looks; 0 goes on until Ctrl-C.", min=0)] = 0,
) -> None:
    """Watch what detectors read, live.

    Exit codes: 0 ended by Ctrl-C or --count, 1 no such channel, 3 the interlock does not answer.
    """
    chosen = choices(context)
    words, wanted = chosen.words, tuple(channels or ())
    console = printing.screen()
    live = Live(console=console, auto_refresh=False) if console.is_terminal and not as_json else None
    looks = 0
    try:
        if live is not None:
            live.start()
        for found in follow(read(chosen.config).control_socket):
            if isinstance(found, NoAnswer):
                raise found
            row = _row(status_of(found), wanted)
            if as_json:
                printing.exact(msgspec.Raw(msgspec.json.encode(row)))
            elif live is not None:
                live.update(Group(*picture(row, words)), refresh=True)
            else:
                printing.lines(console, picture(row, words))
            looks += 1
            if looks == count:
                return
    except KeyboardInterrupt:
        return
    finally:
        if live is not None:
            live.stop()


def _row(status: Status, wanted: tuple[str, ...]) -> Row:
    known = [channel.name for channel in status.channels] + [remote.name for remote in status.remotes]
    missing = [name for name in wanted if name not in known]
    if missing:
        raise ContractError("channel", f"one of {', '.join(known)}", missing[0])
    named = wanted or known
    return Row(
        status.t,
        tuple(channel for channel in status.channels if channel.name in named),
        tuple(remote for remote in status.remotes if remote.name in named),
    )


def picture(row: Row, words: Words) -> list[Text]:
    """One line a detector: name, reading, share of its range, quality, age."""
    lines = []
    for channel in row.channels:
        line = Text(sections.pad(channel.name, 12)).append(sections.pad(words.pick(channel), 10), sections.DIM)
        look = sections.BAD if channel.alarm else (sections.GOOD if channel.quality == "good" else sections.SOME)
        line.append(sections.pad(f"{number(channel.value)} {channel.unit}", 16, right=True), look)
        share = 0.0 if channel.value is None else channel.value / channel.range_high
        filled = max(0, min(_BAR, round(share * _BAR)))
        line.append("  ").append("█" * filled, look).append("░" * (_BAR - filled), sections.DIM)
        quality = words.known(f"quality.{channel.quality}", channel.quality)
        line.append(f"  {words('alarm') if channel.alarm and channel.quality == 'good' else quality}", look)
        line.append(f"  {_age(channel.age_ms, words)}  {channel.serial}".rstrip(), sections.DIM)
        lines.append(line)
    for remote in row.remotes:
        line = Text(sections.pad(remote.name, 12)).append(sections.pad(words.pick(remote), 10), sections.DIM)
        look = sections.BAD if remote.alarm else sections.DIM
        line.append(sections.pad(f"{number(remote.value)} {remote.unit}", 16, right=True), look)
        line.append(f"  MQTT  {words('alarm') if remote.alarm else words('only_trips')}", look)
        lines.append(line.append(f"  {_age(remote.age_ms, words)}", sections.DIM))
    return lines


def _age(age_ms: int | None, words: Words) -> str:
    return words("never") if age_ms is None else words.span(age_ms)
