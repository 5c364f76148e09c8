"""The panel's table as pictures in text: for `hotbox panel table`, and docs/panel.md. Pure.

``python -m edge.panel.legend docs/panel.md`` writes the table into the page, between its two marks.
"""

import sys
from pathlib import Path

from edge.panel.patterns import TABLE, Meaning, Rhythm
from edge.panel.wiring import LAMPS

STEP_MS = 150
SPAN_MS = 4800
BEGIN, END = "<!-- table -->", "<!-- end -->"
_LETTERS = {"red": "R", "amber": "A", "green": "G", "white": "W"}


def strip(rhythm: Rhythm, on: str = "█", off: str = "·", *, step_ms: int = STEP_MS, span_ms: int = SPAN_MS) -> str:
    """Its first seconds, one character a step: ``██··██····``."""
    return "".join(on if rhythm.at(at) else off for at in range(0, span_ms, step_ms))


def picture(meaning: Meaning, columns: int = 24) -> list[tuple[str, str]]:
    """Each output that does anything, with its strip."""
    show = TABLE[meaning]
    span = columns * STEP_MS
    rows = [(name, strip(show.rhythm(name), span_ms=span)) for name in LAMPS if show.rhythm(name).steps]
    if show.buzzer.steps:
        rows.append(("buzzer", strip(show.buzzer, "♪", span_ms=span)))
    return rows


def markdown() -> str:
    """The whole table: one row a meaning, strips of `SPAN_MS`."""
    lines = [
        "| meaning 含义 | lamps and buzzer, 4.8 s (█ lit, ♪ sounding) |",
        "|---|---|",
    ]
    for show in TABLE.values():
        rows = [(name, strip(show.rhythm(name))) for name in LAMPS if show.rhythm(name).steps]
        cells = [f"`{_LETTERS[name]} {row}`" for name, row in rows]
        if show.buzzer.steps:
            times = f" ×{show.buzzer.cycles}" if show.buzzer.cycles else ""
            cells.append(f"`♪ {strip(show.buzzer, '♪')}`{times}")
        lines.append(f"| **{show.zh}**<br>{show.en} | {'<br>'.join(cells)} |")
    return "\n".join(lines)


def put_in(page: str) -> str:
    """The page with the table as it is now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{markdown()}\n{END}{after}"


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(put_in(target.read_text(encoding="utf-8")), encoding="utf-8")
