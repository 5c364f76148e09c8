"""`hotbox detector`: where each detector is in its life, and the guided bump test and calibration.

The interlock measures and judges; this shows what it says.
"""

import datetime
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import typer
from rich.cells import cell_len
from rich.console import Group
from rich.live import Live
from rich.text import Text

from contracts.errors import ContractError
from edge.cli import printing, sections
from edge.cli.choices import Choices, choices
from edge.cli.client import Control, status_of
from edge.cli.detector_scan import scan_command
from edge.cli.detector_watch import watch_command
from edge.cli.reading import Json, ask_status
from edge.cli.words import Words, number
from edge.config import read
from edge.interlock.status import ChannelView, ExerciseView, ProofView, Status

detector_app = typer.Typer(no_args_is_help=True, help="Gas detectors: find, watch, bump-test, calibrate, replace.")
detector_app.command("scan")(scan_command)
detector_app.command("watch")(watch_command)

_BAR = 40
_LOOKS = {"IN_SERVICE": sections.GOOD, "BUMP_DUE": sections.SOME, "CAL_DUE": sections.SOME, "WARMUP": sections.SOME}

Channel = Annotated[str, typer.Argument(help="The channel's name.")]
Gas = Annotated[str, typer.Option(help="The bottle's gas: the one that the channel measures.")]
Applied = Annotated[float, typer.Option(help="The bottle's concentration; it must exceed the alarm limit.")]
Unit = Annotated[str, typer.Option(help="Its unit: the channel's own.")]
By = Annotated[str, typer.Option(help="Id of the person, entitled to calibrate and here by badge.")]
Bottle = Annotated[str, typer.Option(help="The bottle's serial or lot number.")]


# --- list -----------------------------------------------------------------------------------------------------------


@detector_app.command("list")
def list_command(context: typer.Context, as_json: Json = False) -> None:
    """List every channel: state, value, until when its bump test and calibration are good.

    Exit codes: 0, 3 the interlock does not answer.
    """
    chosen = choices(context)
    status, _ = ask_status(chosen)
    if as_json:
        printing.document(status.channels)
        return
    words = chosen.words
    heads = ("channel", "gas", "det_state", "value", "det_bump", "det_last", "det_cal", "det_serial")
    rows = [[words(head) for head in heads]]
    rows += [
        [
            channel.name,
            words.pick(channel),
            words.known(f"life.{channel.life}", channel.life),
            f"{number(channel.value)} {channel.unit}",
            moment(channel.bump_due),
            _response(channel.bump, words),
            moment(channel.calibration_due),
            channel.serial or "–",
        ]
        for channel in status.channels
    ]
    wide = [max(cell_len(row[column]) for row in rows) + 2 for column in range(len(heads))]
    found = [Text("".join(sections.pad(cell, wide[at]) for at, cell in enumerate(rows[0])).rstrip(), sections.DIM)]
    for channel, row in zip(status.channels, rows[1:], strict=True):
        line = Text()
        for at, cell in enumerate(row):
            line.append(sections.pad(cell, wide[at]), _LOOKS.get(channel.life, sections.BAD) if at == 2 else "")
        found.append(line)
    for remote in status.remotes:
        said = f"{number(remote.value)} {remote.unit}"
        found.append(Text(f"{remote.name}  {words.pick(remote)}  {said}  MQTT: {words('only_trips')}", sections.DIM))
    printing.lines(printing.screen(), found)


def moment(seconds: int) -> str:
    """A local date and minute, or a dash for what is unknown or not passed."""
    if not seconds:
        return "–"
    return datetime.datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")


def _response(proof: ProofView | None, words: Words) -> str:
    if proof is None:
        return words("never")
    return words.span(proof.response_ms) if proof.response_ms is not None else "–"


# --- bump and calibrate ----------------------------------------------------------------------------------------------


@detector_app.command("bump")
def bump_command(
    context: typer.Context, channel: Channel, gas: Gas, applied: Applied, unit: Unit, by: By, bottle: Bottle,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Guide a bump test: apply gas, the interlock measures the response and judges it, take the gas away.

    Exit codes: 0 passed, 1 failed, given up or refused, 3 the interlock does not answer.
    """
    _guide(choices(context), as_json=as_json, kind="bump", channel=channel, gas=gas, applied=applied, unit=unit, by=by,
           bottle=bottle)  # fmt: skip


@detector_app.command("calibrate")
def calibrate_command(
    context: typer.Context, channel: Channel, gas: Gas, applied: Applied, unit: Unit, by: By, bottle: Bottle,
    due: Annotated[
        str, typer.Option(help="End of the calibration, such as 2027-03-31. Default: the longest that the rules allow.")
    ] = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Guide a calibration: apply gas, adjust the head by its manual, the interlock verifies it, take the gas away.

    Exit codes: 0 passed, 1 failed (out of service), given up or refused, 3 the interlock does not answer.
    """
    _guide(choices(context), as_json=as_json, kind="calibration", channel=channel, gas=gas, applied=applied, unit=unit,
           by=by, bottle=bottle, due=due)  # fmt: skip


@detector_app.command("replace")
def replace_command(
    context: typer.Context, channel: Channel,
    serial: Annotated[str, typer.Option(help="The new head's serial number.")],
    due: Annotated[str, typer.Option(help="Last day of its calibration by its certificate, such as 2027-03-31.")],
    by: By, as_json: Json = False,
) -> None:  # fmt: skip
    """Record that a head was exchanged. The new one needs a bump test before the next release.

    Exit codes: 0 recorded, 1 refused, 3 the interlock does not answer.
    """
    chosen = choices(context)
    with Control(read(chosen.config).control_socket) as control:
        raw = control.ask("detector_replace", channel=channel, serial=serial, due=due, by=by)
    if as_json:
        printing.document(raw)
        return
    words = chosen.words
    said = Text(f"{sections.TICK} {words('det_replaced', channel=channel, serial=serial)}", sections.GOOD)
    printing.lines(printing.screen(), [said, Text(f"→ {words('det_replaced_do', channel=channel)}", sections.NOTE)])


class _Frame(msgspec.Struct, frozen=True):
    """What the test looks like just now, as `--json` prints it."""

    channel: str
    value: float | None
    test: ExerciseView


class _End(msgspec.Struct, frozen=True):
    """How it ended, as `--json` prints it last."""

    channel: str
    kind: str
    passed: bool
    result: ProofView | None
    bump_due: int
    calibration_due: int


def _guide(chosen: Choices, *, as_json: bool, **request: Any) -> None:
    path = read(chosen.config).control_socket
    kind, name = request["kind"], request["channel"]
    with Control(path) as control, Control(path) as watching:
        before = _last(status_of(control.ask("status")), name, kind)
        control.ask("detector_test", **request)
        watching.watch()
        try:
            end = _show(_frames(watching, name, kind, before), chosen.words, kind, as_json=as_json)
        except KeyboardInterrupt:
            control.ask("detector_test_stop", channel=name)
            end = _End(name, kind, False, None, 0, 0)
    if as_json:
        printing.exact(msgspec.Raw(msgspec.json.encode(end)))
    else:
        _show_end(end, request["unit"], chosen.words)
    if not end.passed:
        raise typer.Exit(printing.REFUSED)


def _channel(status: Status, name: str) -> ChannelView | None:
    return next((channel for channel in status.channels if channel.name == name), None)


def _last(status: Status, name: str, kind: str) -> ProofView | None:
    """The result that is kept, None before the first."""
    channel = _channel(status, name)
    if channel is None:
        return None
    return channel.bump if kind == "bump" else channel.calibration


def _frames(watching: Control, name: str, kind: str, before: ProofView | None) -> Iterator[_Frame | _End]:
    """The test as it goes on, and its end."""
    while True:
        status = status_of(watching.read())
        channel = _channel(status, name)
        if channel is None:
            raise ContractError("channel", "a channel of this box", name, "the box was configured anew")
        if channel.test is not None:
            yield _Frame(name, channel.value, channel.test)
            continue
        result = _last(status, name, kind)
        fresh = result is not None and (before is None or result.t != before.t)
        passed = fresh and result is not None and result.result == "passed"
        yield _End(name, kind, passed, result if fresh else None, channel.bump_due, channel.calibration_due)
        return


def _show(frames: Iterator[_Frame | _End], words: Words, kind: str, *, as_json: bool) -> _End:
    """Show each frame: one line of JSON, a live picture on a terminal, else a line at each new phase."""
    console = printing.screen()
    live = Live(console=console, auto_refresh=False) if console.is_terminal and not as_json else None
    phase = ""
    if live is not None:
        live.start()
    try:
        for frame in frames:
            if isinstance(frame, _End):
                return frame
            if as_json:
                printing.exact(msgspec.Raw(msgspec.json.encode(frame)))
            elif live is not None:
                live.update(Group(*picture(frame, words, kind)), refresh=True)
            elif frame.test.phase != phase:
                phase = frame.test.phase
                printing.lines(console, [picture(frame, words, kind)[0]])
                sys.stdout.flush()
    finally:
        if live is not None:
            live.stop()
    raise RuntimeError("the watch ended without an end")


def picture(frame: _Frame, words: Words, kind: str) -> list[Text]:
    """What to do now, the reading between clean air and the bottle's value, the response."""
    test = frame.test
    left = words.span(test.left_ms)
    phase = "phase.apply_calibration" if test.phase == "apply" and kind == "calibration" else f"phase.{test.phase}"
    low, high = sorted((test.low, test.high))
    todo = words(phase, left=left, low=number(low), high=number(high))
    step = test.applied - test.baseline
    share = 0.0 if frame.value is None or not step else (frame.value - test.baseline) / step
    filled = max(0, min(_BAR, round(share * _BAR)))
    within = frame.value is not None and low <= frame.value <= high
    bar = Text().append("█" * filled, sections.GOOD if within else sections.SOME)
    bar.append("░" * (_BAR - filled), sections.DIM).append(f" {number(frame.value)} / {number(test.applied)}")
    lines = [Text(f"→ {todo}", sections.NOTE), bar]
    if test.response_ms is not None:
        said = words("test_response", s=words.span(test.response_ms), allowed=words.span(test.allowed_ms))
        lines.append(Text(said, sections.DIM))
    return lines


def _show_end(end: _End, unit: str, words: Words) -> None:
    what, result = words(f"test.{end.kind}"), end.result
    console = printing.screen()
    if result is None or result.result == "aborted":
        lines = [Text(f"{sections.CROSS} {words('test_given_up', what=what)}", sections.BAD)]
        if result is not None and result.code != "test_aborted":
            lines.append(Text(f"→ {words.pick(result)}", sections.NOTE))
        printing.lines(console, lines)
        return
    if not end.passed:
        said = words("test_failed", what=what, why=words.pick(result))
        printing.lines(console, [Text(f"{sections.CROSS} {said}", sections.BAD)])
        return
    said = words(
        "test_passed", what=what, channel=end.channel, value=number(result.reading), unit=unit,
        s=words.span(result.response_ms or 0),
    )  # fmt: skip
    until = moment(end.bump_due if end.kind == "bump" else end.calibration_due)
    printing.lines(
        console,
        [
            Text(f"{sections.TICK} {said}", sections.GOOD),
            Text(f"  {words('test_until', time=until)}"),
            Text(f"→ {words('test_gas_again')}", sections.NOTE),
        ],
    )
