"""Every scene of the log's life, cut everywhere until 20,000 different disks were looked at; the controls must fail."""

from pathlib import Path

from tests.edge.audit.crash.cutting import CONTROLS, Found, control, cut_everywhere, scratch
from tests.edge.audit.crash.scenes import SCENES, record
from tests.soak.outcome import Outcome, Told

STATES = 20_000
DRAWS = 4
CONTROL_SHARE = 0.6


def run(_: Path, seed: int, told: Told) -> Outcome:
    """Rounds of all scenes, each recorded and cut anew, until there are enough."""
    figures: dict[str, int] = dict.fromkeys(("disks", "lost_acknowledged_events_on", "corrupt"), 0)
    problems: list[str] = []
    turn = 0
    while figures["disks"] < STATES and not problems:
        for scene in SCENES:
            with scratch() as folder:
                film, count = record(scene, folder / "set"), _count(told, "disks", figures["disks"], STATES)
                found = cut_everywhere(film, folder / "disk", seed + turn, draws=DRAWS, told=count)
            figures["disks"] += found.states
            figures["lost_acknowledged_events_on"] += found.losing
            figures["corrupt"] += found.corrupt
            figures[f"of: {scene}"] = figures.get(f"of: {scene}", 0) + found.states
            problems += [f"{scene}: {example}" for example in found.examples]
        turn += 1
    for name in CONTROLS:
        with scratch() as folder:
            found = control(name, folder, seed, share=CONTROL_SHARE, told=_count(told, f"control: {name}", 0, 1))
        figures[f"control: {name}"] = _said(found)
        if not found.losing:
            problems.append(f"control {name}: nothing was lost on {found.states} disks, so the cuts prove nothing")
    return Outcome(figures, problems)


def _said(found: Found) -> str:
    lost = f"lost up to {found.most_lost} events" if found.losing else "lost nothing"
    return f"{lost} on {found.losing:,}, broken {found.corrupt:,} of {found.states:,}"


def _count(told: Told, what: str, done: int, of: int):
    at = done

    def one() -> None:
        nonlocal at
        at += 1
        if not at % 20:
            told(what, at, max(at, of))

    return one
