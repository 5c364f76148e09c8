"""A definition as a drawing: SVG from the definition alone, without script and without inline style.

The main path runs down the left column, states aside stand between its rows in the middle, ends on the right. Every
transition has a lane of its own between two columns and a number where it arrives; the list beside it has the words.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from html import escape

from django.utils.translation import gettext as _

from cloud_bridge.flows.definition import durations
from cloud_bridge.flows.definition.model import By, Transition
from cloud_bridge.flows.engine.decide import sources
from cloud_bridge.flows.vocabulary import Flow

BOX_W, BOX_H, PITCH, LANE, EDGE = 192, 46, 92, 18, 26
MANY = 4
"""A transition out of more states than these is a flag at its target, not a bundle of lines."""
FLAG, APART = 136, 18
"""Room for a flag and its words; how far apart two lines arrive where there is room."""


@dataclass
class _Box:
    name: str
    x: float
    y: float
    flags: list[tuple[int, Transition, int]] = field(default_factory=list)
    stays: list[int] = field(default_factory=list)


@dataclass
class _Way:
    number: int
    row: Transition
    froms: list[str]
    lane: float = 0
    side: str = ""


def draw(flow: Flow) -> str:
    """The drawing."""
    definition = flow.definition
    main = [name for name, row in definition.states.items() if not row.final and not row.aside]
    aside = [name for name, row in definition.states.items() if row.aside and not row.final]
    ends = [name for name, row in definition.states.items() if row.final]
    ways, boxes = _sorted(flow, {name: _Box(name, 0, 0) for name in definition.states})
    columns = {**dict.fromkeys(main, 0), **dict.fromkeys(aside, 1), **dict.fromkeys(ends, 2)}
    rows = _rows(flow, main, aside, ends, ways)
    for way in ways:
        way.side = _side(columns, rows, way)
    lanes = {side: _pack(rows, [way for way in ways if way.side == side]) for side in ("left", "middle", "right")}
    flagged = any(box.flags and columns[name] == 0 for name, box in boxes.items())
    x = [max(LANE * lanes["left"] + EDGE, FLAG if flagged else 0)]
    x.append(x[0] + BOX_W + LANE * (lanes["middle"] + 1) + EDGE)
    room = FLAG if any(box.flags for box in boxes.values()) else 0
    x.append(x[1] + BOX_W + LANE * (lanes["right"] + 1) + EDGE + room)
    for name, box in boxes.items():
        box.x, box.y = x[columns[name]], 30 + rows[name] * PITCH
    width = x[2] + BOX_W + 12 if ends else x[1] + BOX_W + 12
    height = max(box.y for box in boxes.values()) + BOX_H / 2 + 24
    ports = _ports(boxes, ways)
    at = {"left": lambda n: x[0] - EDGE / 2 - n * LANE, "middle": lambda n: x[0] + BOX_W + EDGE / 2 + n * LANE,
          "right": lambda n: x[1] + BOX_W + EDGE / 2 + n * LANE}  # fmt: skip
    lines = [part for way in ways for part in _line(way, boxes, ports, at)]
    shapes = [part for box in boxes.values() for part in (*_shape(flow, box), *_flags(box, ports))]
    title = escape(str(definition.title))
    return (
        f'<svg class="flow" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        f'role="img" aria-label="{title}" xmlns="http://www.w3.org/2000/svg">{_MARKERS}'
        f"{''.join(lines)}{''.join(shapes)}</svg>"
    )


_MARKERS = "<defs>" + "".join(
    f'<marker id="flow-{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    f'<path d="M0 0 8 4 0 8z" class="flow-head {name}"/></marker>'
    for name in ("person", "box", "bridge", "timer")
) + "</defs>"


def legend() -> list[tuple[str, str]]:
    """What the colours mean: class and words."""
    return [
        ("person", _("a person")), ("box", _("the box")), ("bridge", _("the bridge")), ("timer", _("the clock")),
    ]  # fmt: skip


def _kind(row: Transition) -> str:
    return next(by.value for by in (By.TIMER, By.PERSON, By.BOX, By.BRIDGE) if by in row.by)


def _sorted(flow: Flow, boxes: dict[str, _Box]) -> tuple[list[_Way], dict[str, _Box]]:
    ways = []
    for number, row in enumerate(flow.definition.transitions.values(), 1):
        froms = list(sources(flow, row))
        if not row.to:
            for name in froms:
                boxes[name].stays.append(number)
        elif len(froms) > MANY:
            boxes[row.to].flags.append((number, row, len(froms)))
        else:
            ways.append(_Way(number, row, froms))
    return ways, boxes


def _rows(flow: Flow, main: list[str], aside: list[str], ends: list[str], ways: list[_Way]) -> dict[str, float]:
    """Rows of the main path one by one; the others as near to where they come from as there is room."""
    rows: dict[str, float] = {name: float(number) for number, name in enumerate(main)}
    for column, step in ((aside, 0.5), (ends, 0.0)):
        taken: set[float] = set()
        wanted = {
            name: min((rows[s] for way in ways if way.row.to == name for s in way.froms if s in rows), default=0.0)
            for name in column
        }
        for name in sorted(column, key=lambda one: wanted[one]):
            row = float(int(wanted[name])) + step
            while row in taken:
                row += 1
            taken.add(row)
            rows[name] = row
    del flow
    return rows


def _side(columns: dict[str, int], rows: dict[str, float], way: _Way) -> str:
    """Which of the three channels a transition runs in."""
    touched = {columns[name] for name in (*way.froms, way.row.to)}
    if touched == {0}:
        straight = len(way.froms) == 1 and rows[way.row.to] - rows[way.froms[0]] == 1
        return "straight" if straight else "left"
    return "right" if 2 in touched or touched == {1} else "middle"


def _pack(rows: dict[str, float], ways: list[_Way]) -> int:
    """Give each transition a lane, short ones nearest to the boxes; gives how many lanes there are."""
    spans: list[list[tuple[float, float]]] = []
    for way in sorted(ways, key=_span_of(rows)):
        low, high = _span(rows, way)
        for number, lane in enumerate(spans):
            if all(high < other_low or low > other_high for other_low, other_high in lane):
                lane.append((low, high))
                way.lane = number
                break
        else:
            spans.append([(low, high)])
            way.lane = len(spans) - 1
    return len(spans)


def _span(rows: dict[str, float], way: _Way) -> tuple[float, float]:
    touched = [rows[name] for name in (*way.froms, way.row.to)]
    return min(touched), max(touched)


def _span_of(rows: dict[str, float]):
    def length(way: _Way) -> tuple[float, int]:
        low, high = _span(rows, way)
        return high - low, way.number

    return length


def _ports(boxes: dict[str, _Box], ways: list[_Way]) -> dict[tuple[int, str], tuple[float, float]]:
    """Where each transition touches each box: spread over the side, in the order of where the other end is."""
    wanted: dict[tuple[str, str], list[tuple[float, int, str]]] = defaultdict(list)
    for name, box in boxes.items():
        wanted[name, "left"] += [(box.y, number, name) for number, _row, _count in box.flags]
    for way in ways:
        if way.side == "straight":
            continue
        for name in dict.fromkeys((*way.froms, way.row.to)):
            box, others = boxes[name], [boxes[one].y for one in (*way.froms, way.row.to) if one != name]
            wanted[name, _face(boxes, way, box)].append((sum(others) / max(len(others), 1), way.number, name))
    found = {}
    for (name, face), touching in wanted.items():
        box = boxes[name]
        step = min(APART, (BOX_H - 10) / max(len(touching) - 1, 1))
        for index, (_y, number, _name) in enumerate(sorted(touching)):
            x = box.x if face == "left" else box.x + BOX_W
            found[number, name] = (x, box.y + (index - (len(touching) - 1) / 2) * step)
    return found


def _face(boxes: dict[str, _Box], way: _Way, box: _Box) -> str:
    if way.side == "left":
        return "left"
    if way.side == "middle":
        return "right" if box.x == min(one.x for one in boxes.values()) else "left"
    return "left" if box.x == max(one.x for one in boxes.values()) else "right"


def _line(way: _Way, boxes: dict[str, _Box], ports: dict[tuple[int, str], tuple[float, float]], at) -> list[str]:
    kind, target = _kind(way.row), boxes[way.row.to]
    if way.side == "straight":
        source = boxes[way.froms[0]]
        x = source.x + BOX_W / 2
        top, bottom = source.y + BOX_H / 2, target.y - BOX_H / 2
        return [
            f'<path class="flow-line {kind}" d="M{x:.0f} {top:.0f}V{bottom - 1:.0f}" marker-end="url(#flow-{kind})"/>',
            _number(x, (top + bottom) / 2 - 2, way.number, kind),
        ]
    lane = at[way.side](way.lane)
    end_x, end_y = ports[way.number, way.row.to]
    parts = []
    for name in way.froms:
        if name == way.row.to:
            continue
        x, y = ports[way.number, name]
        parts.append(
            f'<path class="flow-line {kind}" d="M{x:.0f} {y:.1f}H{lane:.0f}V{end_y:.1f}'
            f'H{end_x + (-1 if end_x > lane else 1):.0f}" marker-end="url(#flow-{kind})"/>'
        )
    x = lane if abs(end_x - lane) < 34 else end_x + (-20 if end_x > lane else 20)
    y = end_y
    if x == lane:
        first = ports[way.number, way.froms[0]][1]
        y = end_y + (9 if first > end_y else -9) if abs(first - end_y) > 24 else (first + end_y) / 2
    return [*parts, _number(x, y, way.number, kind)]


def _number(x: float, y: float, number: int, kind: str) -> str:
    return (
        f'<circle class="flow-dot {kind}" cx="{x:.0f}" cy="{y:.1f}" r="8.5"/>'
        f'<text class="flow-number" x="{x:.0f}" y="{y + 3.6:.1f}">{number}</text>'
    )


def _shape(flow: Flow, box: _Box) -> list[str]:
    state = flow.definition.states[box.name]
    kind = "end" if state.final else "aside" if state.aside else "main"
    left, top = box.x, box.y - BOX_H / 2
    rect = (
        f'<rect class="flow-box {kind} free-{min(state.freedom, 5)}" x="{left:.0f}" y="{top:.0f}" width="{BOX_W}" '
        f'height="{BOX_H}" rx="{23 if state.final else 7}"/>'
    )
    parts = [rect]
    below = _times(flow, box.name)
    offset = -3 if below or box.stays else 5
    middle = left + BOX_W / 2
    title = escape(str(state.title))
    parts.append(f'<text class="flow-title" x="{middle:.0f}" y="{box.y + offset:.0f}">{title}</text>')
    if below:
        parts.append(f'<text class="flow-times" x="{middle:.0f}" y="{box.y + 14:.0f}">{escape(below)}</text>')
    elif box.stays:
        said = " ".join(f"↻{number}" for number in box.stays)
        parts.append(f'<text class="flow-times" x="{middle:.0f}" y="{box.y + 14:.0f}">{said}</text>')
    return parts


def _flags(box: _Box, ports: dict[tuple[int, str], tuple[float, float]]) -> list[str]:
    """Transitions out of many states, at the state they lead to."""
    parts = []
    for number, row, count in box.flags:
        x, y = ports[number, box.name]
        kind, line = _kind(row), f"M{x - 50:.0f} {y:.1f}H{x - 1:.0f}"
        parts += [
            f'<path class="flow-line {kind}" d="{line}" marker-end="url(#flow-{kind})"/>',
            _number(x - 22, y, number, kind),
            f'<text class="flow-many" x="{x - 54:.0f}" y="{y + 3.6:.1f}">{escape(_("from %s") % count)}</text>',
        ]
    return parts


def _times(flow: Flow, state: str) -> str:
    """The deadlines of a state, where they are few and its own."""
    found = []
    for ladder in flow.definition.ladders.values():
        if state not in ladder.states or len(ladder.states) > 3:
            continue
        for rung in ladder.rungs.values():
            lengths = [durations.parse(one) for one in rung.after.values() if isinstance(one, str)]
            if lengths:
                found.append(durations.say(min(lengths)))
    return " · ".join(dict.fromkeys(found)) if len(found) <= 4 else ""
