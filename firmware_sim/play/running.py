"""Plays scenarios in turn on one site, set up for them or already running, and reports what came of them."""

import contextlib
import signal
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

import msgspec
from rich.console import Console
from rich.table import Table

from firmware_sim.client import Site
from firmware_sim.demo.box import Box, reasons
from firmware_sim.errors import SimulationError
from firmware_sim.play.crew import Crew
from firmware_sim.play.ground import Ground
from firmware_sim.play.player import Outcome, Played, Player
from firmware_sim.scenario import Scenario


class Attached(msgspec.Struct, frozen=True):
    """A site and a box that somebody else runs."""

    site: Path
    config: Path


class Playground:
    """Where scenarios are played: a crew, and a way to start the box anew."""

    def __init__(self, crew: Crew, ground: Ground | None) -> None:
        """`ground` is None where somebody else runs the site."""
        self.crew, self._ground = crew, ground

    @property
    def has_host(self) -> bool:
        """Whether the machine's clock and disk can be broken here."""
        return "host" in self.crew.site.state()

    def play(self, name: str, scenario: Scenario, console: Console) -> Outcome:
        """Play one scenario; a box whose log could not be written is started anew behind it, as a technician does."""
        if "host" in scenario.needs and not self.has_host:
            raise SimulationError(
                f"{name}: expected a site with a `host`: its own disk and clock; see docs of site.yaml"
            )
        outcome = Player(self.crew, lambda step: show_step(console, step)).play(name, scenario)
        if self._ground is not None and "audit_unwritable" in reasons(self.crew.box.status):
            self._ground.restart_box()
            self.crew.box.wait("the box's new start", lambda s: "audit_unwritable" not in reasons(s), 30)
        return outcome


@contextlib.contextmanager
def playground(attached: Attached | None, console: Console) -> Iterator[Playground]:
    """A site and a box, ended with the context if they were started for it."""
    if attached is not None:
        box = Box(attached.config)
        try:
            with Site(attached.site) as site:
                box.wait("the box's word", bool, 10)
                yield Playground(Crew(site, box), None)
        finally:
            box.close()
        return
    with tempfile.TemporaryDirectory(prefix="hotbox-scenario-") as folder, _in_good_order():
        ground = Ground(Path(folder) / "ground", lambda what: console.print(f"   … {what}", style="dim"))
        try:
            ground.set()
            yield Playground(ground.crew, ground)
        finally:
            ground.close()


@contextlib.contextmanager
def _in_good_order() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, so that nothing stays behind."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def play_all(
    chosen: Sequence[tuple[str, Scenario]], attached: Attached | None, console: Console, again: int = 0
) -> list[Outcome]:
    """Play them in turn; one that fails is played up to `again` times more, and keeps no other from being played."""
    outcomes = []
    with playground(attached, console) as where:
        for name, scenario in chosen:
            head = f"{name}  {scenario.title.zh} | {scenario.title.en}"
            console.print(f"\n[bold]{_plain(head)}[/]  {' '.join(scenario.requirements)}", highlight=False)
            console.print(f"[dim]{_plain(scenario.purpose.zh)} | {_plain(scenario.purpose.en)}[/]", highlight=False)
            for plays in range(1, again + 2):
                outcome = msgspec.structs.replace(where.play(name, scenario, console), plays=plays)
                show_end(console, outcome)
                if outcome.ok:
                    break
            outcomes.append(outcome)
    return outcomes


def show_step(console: Console, step: Played) -> None:
    """One line a step; what came instead in a second one."""
    mark = " " if not step.expectation else ("[green]✔[/]" if step.ok else "[bold red]✘[/]")
    ms = f"  [bold]{step.ms:.0f} ms[/]" if step.ms is not None and step.expectation else ""
    words = f"  {step.zh} | {step.en}" if step.zh else ""
    console.print(f"{step.at_s:6.1f} s {mark} {_plain(step.told)}{ms}[dim]{_plain(words)}[/]", highlight=False)
    if step.first_zh:
        said = f"{step.first_zh} | {step.first_en}"
        console.print(f"           首出 first-out: {_plain(said)}", highlight=False)
    if step.came and not (step.expectation and step.ok):
        style = "dim" if step.ok else "red"
        console.print(f"           [{style}]{_plain(step.came)}[/]", highlight=False)


def show_end(console: Console, outcome: Outcome) -> None:
    """How it ended."""
    if outcome.error:
        console.print(f"         [bold red]✘[/] [red]{_plain(outcome.error)}[/]", highlight=False)


def table(outcomes: Sequence[Outcome]) -> Table:
    """All of them, a line each."""
    passed = sum(outcome.ok for outcome in outcomes)
    shown = Table(title=f"{passed}/{len(outcomes)} · {sum(outcome.seconds for outcome in outcomes):.0f} s")
    for head in ("场景 scenario", "标题 title", "要求 requirements", "结果 result", "秒 s"):
        shown.add_column(head)
    for outcome in outcomes:
        plays = f" ({outcome.plays}×)" if outcome.plays > 1 else ""
        result = f"[green]✔ 通过 ok[/]{plays}" if outcome.ok else f"[red]✘ 失败 FAILED[/]{plays}\n{_plain(outcome.why)}"
        title = f"{outcome.zh}\n[dim]{outcome.en}[/]"
        shown.add_row(outcome.name, title, " ".join(outcome.requirements), result, f"{outcome.seconds:.1f}")
    return shown


def _plain(text: str) -> str:
    return text.replace("[", "\\[")
