"""`python -m firmware_sim.demo [--once] [--json FILE] [--dir DIR] [--lang zh|en]`: plays the story.

Without --once the site stays up afterwards until Ctrl-C, SIGTERM or the terminal's end.
With --once the exit code is 0 only if every step passed.
"""

import argparse
import contextlib
import locale
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

import msgspec
from rich.console import Console
from rich.table import Table

from firmware_sim.demo.stage import BOX, Stage
from firmware_sim.demo.story import TITLES, Outcome, Story

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _language() -> str:
    given = os.environ.get("LC_ALL") or os.environ.get("LANG") or locale.getlocale()[0] or ""
    return "zh" if given.lower().startswith("zh") else "en"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="play the story once and exit")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the outcome as JSON")
    parser.add_argument("--dir", type=Path, help="folder for everything, begun anew each time (default: temporary)")
    parser.add_argument("--lang", choices=("zh", "en"), default=_language(), help="language of the story")
    given = parser.parse_args()
    if given.dir and given.dir.is_dir() and any(given.dir.iterdir()) and not (given.dir / "logs").is_dir():
        # The stage empties its folder first, and this one is somebody's.
        parser.error(f"--dir {given.dir}: expected an empty folder or an earlier demo's, got one with other files")
    return given


def _print_step(console: Console, outcome: Outcome, title: str) -> None:
    mark = "[bold green]✔[/]" if outcome.ok else "[bold red]✘[/]"
    ms = "" if outcome.ms is None else f" [bold]{outcome.ms:.0f} ms[/]"
    console.print(f"{mark} {outcome.id:>2}  {title}{ms}", highlight=False)
    console.print(f"       [{'dim' if outcome.ok else 'red'}]{_plain(outcome.detail)}[/]", highlight=False)


def _plain(text: str) -> str:
    return text.replace("[", "\\[")


def _table(outcomes: list[Outcome], lang: str, seconds: float) -> Table:
    zh = lang == "zh"
    passed = sum(outcome.ok for outcome in outcomes)
    table = Table(title=f"{passed}/{len(TITLES)} · {seconds:.0f} s")
    for head in ("#", "步骤", "结果", "毫秒") if zh else ("#", "step", "result", "ms"):
        table.add_column(head, justify="right" if head in ("#", "ms", "毫秒") else "left")
    done = {outcome.id: outcome for outcome in outcomes}
    for number, titles in TITLES.items():
        outcome = done.get(number)
        word = (
            ("未到" if zh else "not reached")
            if outcome is None
            else (("通过" if zh else "ok") if outcome.ok else ("失败" if zh else "FAILED"))
        )
        style = "green" if outcome and outcome.ok else "red"
        symbol = "✔" if outcome and outcome.ok else "✘"
        ms = "" if outcome is None or outcome.ms is None else f"{outcome.ms:.0f}"
        table.add_row(str(number), titles[0 if zh else 1], f"[{style}]{symbol} {word}[/]", ms)
    return table


def _write(path: Path, outcomes: list[Outcome], times: dict[str, float]) -> None:
    trip = {
        name: round(times[name], 1) if name in times else None for name in ("gas_ms", "silent_ms", "kill_ms", "stop_ms")
    }
    report = {"steps": outcomes, "trip": trip}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


def _stay(console: Console, stage: Stage, lang: str) -> None:
    zh = lang == "zh"
    activate = f"export HOTBOX_CONFIG={stage.config} HOTBOX_SITE={stage.site_dir} HOTBOX_BRIDGE_DATA={stage.bridge_dir}"
    console.rule("现场保持运行，Ctrl-C 结束" if zh else "the site stays up until Ctrl-C")
    console.print(f"{stage.url}   admin / {stage.first_password}", highlight=False)
    for user, password in stage.passwords.items():
        console.print(f"   {user} / {password}", highlight=False)
    console.print(f"\n{activate}", highlight=False, soft_wrap=True)
    for command in (
        ".venv/bin/hotbox watch",
        ".venv/bin/hotbox explain",
        ".venv/bin/hotbox-sim set ch4-1 18",
        ".venv/bin/hotbox audit tail -f",
    ):
        console.print(f"   {command}", highlight=False)
    signal.pause()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in _ENDING:
        # A closed terminal signals us, and make passes it on: the second must not cut the tidying up short.
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _end_in_good_order() -> None:
    """Tidy up whatever ends the demo. A shell's background job inherits SIGINT as ignored, so all are set by name."""
    for number in _ENDING:
        if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
            continue  # nohup: somebody wants it to outlive the terminal
        signal.signal(number, _interrupt)


def main() -> int:
    """Play; gives the exit code."""
    arguments = _arguments()
    console = Console()
    _end_in_good_order()
    with tempfile.TemporaryDirectory(prefix="hotbox-demo-") as temporary:
        stage = Stage(
            (arguments.dir or Path(temporary)).resolve(), lambda what: console.print(f"   … {what}", style="dim")
        )
        story = Story(stage)
        outcomes: list[Outcome] = []
        began = time.monotonic()
        console.print(f"hotbox · {BOX} · SIMULATION\n", style="bold")
        try:
            for outcome in story.play():
                outcomes.append(outcome)
                _print_step(console, outcome, TITLES[outcome.id][0 if arguments.lang == "zh" else 1])
            seconds = time.monotonic() - began
            console.print(_table(outcomes, arguments.lang, seconds))
            if arguments.json:
                _write(arguments.json, outcomes, story.times)
            passed = len(outcomes) == len(TITLES) and all(outcome.ok for outcome in outcomes)
            if not arguments.once:
                _stay(console, stage, arguments.lang)
        except KeyboardInterrupt:
            passed = not arguments.once
            with contextlib.suppress(OSError):  # the terminal is gone
                console.print("\n结束中…" if arguments.lang == "zh" else "\nending…")
        finally:
            stage.close()
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
