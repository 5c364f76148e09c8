"""A frame of `hotbox watch` as a picture that loads nothing and looks the same in every viewer.

Textual's SVG names web fonts and leaves the width of each run to the viewer. Here every word stands at its own
column and blocks are drawn as rectangles, so letters and bars fit whatever font the reader has.
"""

import html
import re

from rich.cells import cell_len

_CELL = 12.2
_LINE = 24.4
_ABOVE = 18.5
"""Textual's numbers: width and height of a character cell, and from its top to the baseline."""

_FONT_FACE = re.compile(r"@font-face\s*\{.*?\}\s*", re.DOTALL)
_FONT_FAMILY = re.compile(r"font-family:\s*[^;]+;")
_TEXT = re.compile(
    r'<text class="(?P<cls>[^"]+)" x="(?P<x>[\d.]+)" y="(?P<y>[\d.]+)" textLength="[\d.]+"[^>]*>(?P<body>[^<]*)</text>'
)
_RUN = re.compile(r"█+|▀+|▄+|─+|[\u2e80-\uffef]|[^\s█▀▄─\u2e80-\uffef]+")
_BLOCKS = {"█": (0.0, 1.0), "▀": (0.0, 0.5), "▄": (0.5, 0.5), "─": (0.48, 0.05)}
_FONTS = "font-family: 'DejaVu Sans Mono', 'Noto Sans Mono CJK SC', 'Noto Sans CJK SC', monospace;"


def self_contained(svg: str) -> str:
    """Rewrite Textual's screenshot."""
    svg = _FONT_FAMILY.sub(_FONTS, _FONT_FACE.sub("", svg))
    svg = svg.replace("font-variant-east-asian: full-width;", "").replace("font-size: 20px;", "font-size: 20.2px;")
    return _TEXT.sub(_place, svg)


def _place(found: re.Match[str]) -> str:
    cls, x, y = found["cls"], float(found["x"]), float(found["y"])
    line = html.unescape(found["body"]).replace("\xa0", " ")
    parts = []
    for run in _RUN.finditer(line):
        word = run[0]
        at = x + cell_len(line[: run.start()]) * _CELL
        wide = cell_len(word) * _CELL
        block = _BLOCKS.get(word[0])
        if block is None:
            stretch = f' textLength="{wide:.1f}"' if len(word) > 1 else ""
            parts.append(f'<text class="{cls}" x="{at:.1f}" y="{y:.1f}"{stretch}>{html.escape(word)}</text>')
        else:
            top, share = block
            parts.append(
                f'<rect class="{cls}" x="{at:.1f}" y="{y - _ABOVE + top * _LINE:.1f}" width="{wide + 0.2:.1f}"'
                f' height="{share * _LINE + 0.2:.1f}" shape-rendering="crispEdges"/>'
            )
    return "".join(parts)
