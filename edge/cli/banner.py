"""The state, large: a colour, a symbol and a word together, never a colour alone.

Letters and symbols are drawn as pixels, two to a character cell, so that the state reads from across a workshop.
"""

from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

from edge.cli.glyphs import pixels as glyph
from edge.cli.words import Words

LOST = "LOST"
"""No word from the interlock: not a state of the box but of our knowledge."""


class Look(NamedTuple):
    """How a state looks: a symbol for running text, and its colours."""

    symbol: str
    ink: str
    paper: str


LOOKS: dict[str, Look] = {
    "LOCKED": Look("■", "#ffffff", "#3d4654"),
    "PERMISSIVE_OK": Look("◆", "#ffffff", "#1d5fa8"),
    "ARMED": Look("▲", "#1a1a1a", "#e6b800"),
    "RELEASED": Look("●", "#ffffff", "#1a7f37"),
    "TRIPPED": Look("✖", "#ffffff", "#b3261e"),
    "FAULT": Look("!", "#ffffff", "#7a2d91"),
    LOST: Look("?", "#1a1a1a", "#ff9f1c"),
}

_SYMBOLS: dict[str, tuple[str, ...]] = {
    "LOCKED": ("######", "######", "######", "######", "######", "######"),
    "PERMISSIVE_OK": ("..##..", ".####.", "######", "######", ".####.", "..##.."),
    "ARMED": ("..##..", "..##..", ".####.", ".####.", "######", "######"),
    "RELEASED": (".####.", "######", "######", "######", "######", ".####."),
    "TRIPPED": ("##..##", "######", ".####.", ".####.", "######", "##..##"),
    "FAULT": ("..##..", "..##..", "..##..", "..##..", "......", "..##.."),
    LOST: (".####.", "##..##", "...##.", "..##..", "......", "..##.."),
}

_LETTERS: dict[str, tuple[str, ...]] = {
    "A": (".##.", "#..#", "#..#", "####", "#..#", "#..#"),
    "C": (".###", "#...", "#...", "#...", "#...", ".###"),
    "D": ("###.", "#..#", "#..#", "#..#", "#..#", "###."),
    "E": ("####", "#...", "###.", "#...", "#...", "####"),
    "F": ("####", "#...", "###.", "#...", "#...", "#..."),
    "I": ("###", ".#.", ".#.", ".#.", ".#.", "###"),
    "K": ("#..#", "#.#.", "##..", "##..", "#.#.", "#..#"),
    "L": ("#...", "#...", "#...", "#...", "#...", "####"),
    "M": ("#...#", "##.##", "#.#.#", "#...#", "#...#", "#...#"),
    "N": ("#..#", "##.#", "##.#", "#.##", "#.##", "#..#"),
    "O": (".##.", "#..#", "#..#", "#..#", "#..#", ".##."),
    "P": ("###.", "#..#", "#..#", "###.", "#...", "#..."),
    "R": ("###.", "#..#", "#..#", "###.", "#.#.", "#..#"),
    "S": (".###", "#...", ".##.", "...#", "...#", "###."),
    "T": ("#####", "..#..", "..#..", "..#..", "..#..", "..#.."),
    "U": ("#..#", "#..#", "#..#", "#..#", "#..#", ".##."),
    "V": ("#...#", "#...#", "#...#", ".#.#.", ".#.#.", "..#.."),
    "W": ("#...#", "#...#", "#...#", "#.#.#", "##.##", "#...#"),
    " ": ("..", "..", "..", "..", "..", ".."),
}
_ROWS = 6
_HALVES = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


def _word(word: str, wide: int) -> list[str]:
    """Pixel rows of a word; every pixel `wide` cells."""
    rows = [".".join(_LETTERS[letter][row] for letter in word) for row in range(_ROWS)]
    return ["".join(pixel * wide for pixel in row) for row in rows]


def _cells(pixels: list[str]) -> list[str]:
    """Two pixel rows to a line of half blocks."""
    return [
        "".join(_HALVES[upper == "#", lower == "#"] for upper, lower in zip(pixels[row], pixels[row + 1], strict=True))
        for row in range(0, len(pixels), 2)
    ]


def _tall(pixels: list[str]) -> list[str]:
    """Every pixel row twice."""
    return [row for row in pixels for _ in range(2)]


def _middle(rows: list[str], height: int, blank: str) -> list[str]:
    above = (height - len(rows)) // 2
    return [blank] * above + rows + [blank] * (height - above - len(rows))


def _english(word: str, room: int, *, double: bool) -> list[str]:
    """Drawn as large as the room allows; on a very narrow terminal the letters themselves."""
    large, small = _word(word, 2), _word(word, 1)
    if double and len(large[0]) <= room:
        return _cells(_tall(large))
    return _cells(small) if len(small[0]) <= room else [word]


def _chinese(word: str, room: int, height: int) -> list[str]:
    """Drawn in dots where sixteen of them fit; else the characters themselves, set apart."""
    if height < 8 or 17 * len(word) > room:
        return [" ".join(word)]
    drawn = [glyph(character) for character in word]
    return _cells([".".join(character[row] for character in drawn) for row in range(16)])


def banner(state: str, note: str, words: Words, width: int, height: int) -> list[Text]:
    """The band: symbol and word as large as `width` and `height` (3 or more lines) allow, `note` beside or below.

    Args:
        state: a state of the interlock, or LOST.
        note: a short text, such as since when.
        words: the language.
        width: columns.
        height: lines; the result has exactly so many.
    """
    look = LOOKS[state]
    style = f"bold {look.ink} on {look.paper}"
    word = words(f"state.{state}")
    double = height >= 8
    symbol = list(_SYMBOLS[state])
    symbol = _cells(_tall(["".join(pixel * 2 for pixel in row) for row in symbol]) if double else symbol)
    room = width - len(symbol[0]) - 4
    drawn = _chinese(word, room, height) if words.lang == "zh" else _english(word, room, double=double)
    tallest = max(len(symbol), len(drawn))
    side = " " * len(symbol[0])
    lines = [
        f"  {row}  {text}"
        for row, text in zip(_middle(symbol, tallest, side), _middle(drawn, tallest, ""), strict=True)
    ]
    above = (height - len(lines)) // 2
    lines = [""] * above + lines + [""] * (height - above - len(lines))
    return [Text(line, style) for line in _with_note(lines, note, width, height)]


def _with_note(lines: list[str], note: str, width: int, height: int) -> list[str]:
    """Pad every line to the width and put the note at the right of the lowest line where it fits."""
    padded = [line + " " * max(0, width - cell_len(line)) for line in lines]
    need = cell_len(note) + 2
    for row in range(height - 1, -1, -1):
        if note and cell_len(lines[row]) + need + 1 <= width:
            padded[row] = lines[row] + " " * (width - cell_len(lines[row]) - need) + note + "  "
            break
    return padded
