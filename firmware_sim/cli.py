"""`hotbox-sim`: start a simulated site and change what happens on it."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from firmware_sim.client import Site
from firmware_sim.errors import SimulationError
from firmware_sim.scenario_cli import scenario_app

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
app.add_typer(scenario_app, name="scenario")

Directory = Annotated[Path | None, typer.Option("--dir", help="The site's directory.", show_default=False)]
# The variable counts only where the line names no site at all, neither before the command nor behind it.
DefaultDirectory = Annotated[
    Path | None, typer.Option("--dir", envvar="HOTBOX_SITE", help="The site's directory.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


@app.callback()
def _options(context: typer.Context, directory: DefaultDirectory = None) -> None:
    context.obj = directory


def _directory(context: typer.Context, directory: Path | None) -> Path:
    found = directory or context.obj
    if found is None:
        raise SimulationError("which site? give --dir DIR or set HOTBOX_SITE")
    return Path(found)


def _ask(context: typer.Context, directory: Path | None, as_json: bool, verb: str, *args: str) -> None:
    with Site(_directory(context, directory)) as site:
        result = site.ask(verb, *args)
    if as_json:
        _print(result)
    else:
        print("ok")


def _print(result: dict[str, Any]) -> None:
    print(msgspec.json.format(msgspec.json.encode(result)).decode())


@app.command("site")
def site_command(
    context: typer.Context,
    directory: Directory = None,
    config: Annotated[Path | None, typer.Option(help="Site file (YAML); without it the demo's site.")] = None,
) -> None:
    """Start every device, write DIR/site.json and stay until Ctrl-C."""
    from firmware_sim import settings, site  # the other commands answer faster without it

    code = asyncio.run(site.run(_directory(context, directory).resolve(), settings.load(config)))
    raise typer.Exit(code)


_NEGATIVE = {"ignore_unknown_options": True}
"""Words such as -20 are values."""


@app.command("set", context_settings=_NEGATIVE)
def set_command(context: typer.Context, words: list[str], directory: Directory = None, as_json: Json = False) -> None:
    """Change what is on the site.

    ch4-1 12.5 | temp-1 85 | hum-1 85 | vib-1 7.1 | gnss LAT LON | gnss nofix |
    badge performer here|away|weak|cloned|replay|doubled|forged|outdated | badge performer battery 12 |
    camera NAME[,NAME]|empty | camera act NAME left|right|up|down|blink|mouth|still [SECONDS [DEGREES]] |
    camera wear NAME helmet|mask|nothing | camera light PERCENT | camera swap NAME OTHER |
    camera photo NAME [TILT_DEG] | camera record FILE SECONDS | camera replay FILE|NAME |
    estop open|closed | stop open|closed | door open|closed | mains off|on |
    battery low|ok | enclosure hot|ok | flame seen|none |
    test_key run|test | isolated no|yes
    """
    _ask(context, directory, as_json, "set", *words)


@app.command("show")
def show_command(
    context: typer.Context, pictures: list[Path], directory: Directory = None, as_json: Json = False
) -> None:
    """Hold a phone before the camera that shows these pictures in turn; `set camera empty` puts it away."""
    _ask(context, directory, as_json, "set", "camera", "show", *(str(picture.resolve()) for picture in pictures))


@app.command()
def press(
    context: typer.Context,
    words: list[str],
    ms: Annotated[int | None, typer.Option(help="How long, in milliseconds.")] = None,
    directory: Directory = None,
    as_json: Json = False,
) -> None:
    """Press arm, stop, finish or reset; `nfc TAG` holds a tag to the reader: performer, guardian or any identifier."""
    _ask(context, directory, as_json, "press", *words, *([] if ms is None else [str(ms)]))


@app.command(context_settings=_NEGATIVE)
def fault(context: typer.Context, words: list[str], directory: Directory = None, as_json: Json = False) -> None:
    """Break something, or mend it with `none`: DEVICE FAULT [VALUE], such as `ch4-1 late 300`. `faults` lists them."""
    _ask(context, directory, as_json, "fault", *words)


@app.command("faults")
def faults_command(as_json: Json = False) -> None:
    """List every fault that can be made on a running site, device by device."""
    from firmware_sim.faults import CATALOGUE

    if as_json:
        print(msgspec.json.format(msgspec.json.encode(CATALOGUE)).decode())
        return
    for device in CATALOGUE:
        print(f"{device.names}  {device.zh} | {device.en}")
        for each in device.faults:
            print(f"  {each.kind:12} {each.value:16} {each.zh} | {each.en}")


@app.command()
def state(context: typer.Context, directory: Directory = None) -> None:
    """Print everything as JSON, as the devices themselves tell it."""
    with Site(_directory(context, directory)) as site:
        _print(site.state())


@app.command()
def lamps(context: typer.Context, directory: Directory = None) -> None:
    """Draw what the stack light and the buzzer did in the last six seconds, one character for 75 ms."""
    from firmware_sim.clock import now_us
    from firmware_sim.outputs import strips

    with Site(_directory(context, directory)) as site:
        for line in strips(site.state()["outputs"], now_us()):
            print(line)


def main() -> None:
    """Entry point; errors are one line and exit code 2."""
    try:
        app()
    except SimulationError as error:
        typer.echo(f"hotbox-sim: {error}", err=True)
        raise SystemExit(2) from None
