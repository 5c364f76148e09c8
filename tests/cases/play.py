"""Plays a case and writes down what was decided."""

from tests.cases.case import Case, seconds
from tests.cases.world import World


def play(case: Case) -> str:
    """Every decision of a case, a line each: time since its start, kind, what."""
    lines: list[str] = []

    def told(world: World, kind: str, what: str) -> None:
        lines.append(f"{_clock(world.now - world.began)}  {kind:<7}  {what}")

    world = World(case, told)
    lines[:] = [f"{_clock(0)}  start    {world.mode.value}"]
    for entry in case.timeline:
        entry = dict(entry)  # noqa: PLW2901
        world.play_until(world.began + round(seconds(entry.pop("at")) * 1e6))
        ((verb, value),) = entry.items()
        world.do(verb, value)
    world.play_until(world.began + round(seconds(case.until) * 1e6))
    first_out = f", first-out {world.first_out}" if world.first_out else ""
    lines.append(f"{_clock(world.now - world.began)}  end      {world.mode.value}{first_out}")
    missing = ", ".join(sorted(world.failing())) or "nothing"
    lines.append(f"{'':>12}  missing  {missing}")
    return "\n".join(lines) + "\n"


def _clock(us: int) -> str:
    seconds_, milli = divmod(us // 1000, 1000)
    minutes, second = divmod(seconds_, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:>2}:{minute:02}:{second:02}.{milli:03}"
