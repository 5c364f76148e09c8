"""The report of a case as one HTML page: who, what, limits with clauses, first-out, trace, gas, refusals, timeline.

Everything that comes from events is hostile: it goes through `_safe` alone, which leaves neither markup nor marks that
change a line's direction. The page has no script and asks nobody for anything.
"""

from collections.abc import Callable, Iterable
from html import escape

from contracts.errors import printable
from contracts.runs import percent
from edge.audit.case.evidence import Proven
from edge.audit.case.facts import Allowed
from edge.audit.case.plot import plot
from edge.audit.case.story import MOST_AT_EACH_END, MOST_ROWS, Story
from edge.audit.case.tables import clock
from edge.audit.case.words import WORDS, say
from edge.audit.trace_words import END_WORDS, GAP_WORDS

_STYLE = """
@page { size: A4; margin: 14mm 12mm; }
* { box-sizing: border-box; }
body { font: 10.5pt/1.45 "Noto Sans CJK SC", "Noto Sans SC", "Microsoft YaHei", system-ui, sans-serif; color: #111;
  margin: 0 auto; padding: 1rem; max-width: 210mm; }
h1 { font-size: 18pt; margin: 0 0 .2rem; }
h2 { font-size: 13pt; margin: 1.3rem 0 .4rem; border-bottom: 1px solid #888; }
table { border-collapse: collapse; width: 100%; font-size: 9.5pt; } thead { display: table-header-group; }
th, td { text-align: left; vertical-align: top; padding: .2rem .4rem; border-bottom: 1px solid #ccc;
  overflow-wrap: anywhere; }
td.n, th.n { text-align: right; white-space: nowrap; } td.t { white-space: nowrap; font-variant-numeric: tabular-nums; }
tr { break-inside: avoid; } svg { width: 100%; height: auto; break-inside: avoid; display: block; margin: .3rem 0; }
.box { border: 2px solid #111; padding: .5rem .8rem; margin: .8rem 0; break-inside: avoid; } .box p { margin: .2rem 0; }
.stamp { border: 3px double #111; padding: .4rem .8rem; font-weight: bold; } .hint { color: #444; font-size: 9pt; }
.alarm td { font-weight: bold; } .gap { color: #9a1c00; }
.mark { border: 1px solid #111; padding: 0 .25em; font-size: 8.5pt; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem .9rem; margin: .3rem 0; } dt { color: #444; }
dd { margin: 0; overflow-wrap: anywhere; }
svg .axis, svg .value, svg .limit, svg .trip { fill: none; stroke: #111; } svg .axis { stroke: #777; }
svg .value { stroke: #0b4a8f; stroke-width: 1.6; } svg .limit { stroke: #9a1c00; stroke-dasharray: 6 4; }
svg .trip { stroke: #111; stroke-dasharray: 2 2; } svg .alarm { fill: #9a1c00; stroke: none; }
svg text { font-size: 11px; fill: #222; paint-order: stroke; stroke: #fff; stroke-width: 3px; }
svg .name { font-weight: bold; font-size: 12px; }
svg .limit-text { fill: #9a1c00; } svg .trip-text { font-weight: bold; }
@media screen { body { background: #fff; } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_MARKS = {"alarm": "alarm", "warning": "warning"}

Say = Callable[..., str]


def render(story: Story, origin: str, proven: Proven, withheld: int, *, chinese: bool) -> str:
    """The page. `proven` is what was checked when the case was made."""

    def words(key: str, *values: object) -> str:
        return say(key, *values, chinese=chinese)

    about = words("of_permit", story.permit) if story.permit else words("everything")
    sections = [
        f"<h1>{words('title')}</h1><p>{_safe(about)}</p>",
        f'<p class="stamp">{words("simulation")}</p>' if story.baseline == "SIMULATION" else "",
        _facts(story, origin, proven, words),
        _verification(story, proven, withheld, words),
        _permits(story, words),
        _people(story, words),
        _trips(story, words, chinese=chinese),
        _trace(story, words, chinese=chinese),
        _gas(story, words),
        _refusals(story, words, chinese=chinese),
        _timeline(story, words, chinese=chinese),
    ]
    body = "\n".join(filter(None, sections))
    return (
        f'<!DOCTYPE html>\n<html lang="{words("lang")}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width"><title>{words("title")}: {_safe(about)}</title>'
        f"<style>{_STYLE}</style></head><body><main>\n{body}\n</main></body></html>\n"
    )


def _safe(value: object) -> str:
    """Text of others: one line, bounded, visible, without markup."""
    return escape(printable(str(value), 600), quote=True)


def _table(heads: Iterable[str], rows: Iterable[str]) -> str:
    head = "".join(f'<th scope="col">{head}</th>' for head in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _list(pairs: Iterable[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{term}</dt><dd>{text}</dd>" for term, text in pairs) + "</dl>"


def _facts(story: Story, origin: str, proven: Proven, words: Say) -> str:
    pairs = [
        (words("log"), _safe(origin)),
        (words("span"), words("span_of", proven.first, proven.last)),
        (words("when"), words("from_to", clock(story.first_t), clock(story.last_t)) if story.events else "–"),
    ]
    return _list(pairs) + f'<p class="hint">{words("clock")}</p>'


def _verification(story: Story, proven: Proven, withheld: int, words: Say) -> str:
    lines = [words("unchanged", proven.first, proven.last)]
    if proven.witnessed:
        upto = min(proven.last, proven.witnessed - 1)
        lines.append(words("witnessed", _safe(proven.by), clock(proven.witnessed_s * 1000), upto))
        if upto < proven.last:
            lines.append(words("partly", upto + 1, proven.last))
    else:
        lines.append(words("not_witnessed"))
    if withheld:
        lines.append(words("withheld", withheld))
    if story.entangled:
        lines.append(words("entangled", story.entangled))
    lines.append(words("check_it"))
    body = "".join(f"<p>{line}</p>" for line in lines)
    return f'<section class="box"><h2>{words("proof")}</h2>{body}</section>'


def _permits(story: Story, words: Say) -> str:
    parts = []
    for claims in story.permits.values():
        pairs = [
            (words("permit"), _safe(claims.jti)),
            (words("level"), words(claims.level.value)),
            (words("place"), _safe(claims.place)),
            (words("method"), _safe(claims.method)),
            (words("content"), _safe(claims.content)),
            (words("valid"), words("from_to", clock(claims.nbf * 1000), clock(claims.exp * 1000))),
        ]
        parts.append(_list(pairs))
    return f"<h2>{words('permit')}</h2>{''.join(parts)}" if parts else ""


def _people(story: Story, words: Say) -> str:
    rows = []
    for (permit, role, _), who in story.people.items():
        word, _, office = role.partition(" ")
        shown = f"{words(word) if word in WORDS else _safe(word)} {_safe(office)}".strip()
        signed = clock(who.signed_s * 1000) if who.signed_s else "–"
        badge = "–" if who.badge is None else who.badge
        cells = (_safe(who.name), shown, _safe(who.id), badge, signed, _safe(permit))
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    heads = [words(key) for key in ("name", "role", "id", "badge", "signed", "permit")]
    return f"<h2>{words('who')}</h2>{_table(heads, rows)}" if rows else ""


def _trips(story: Story, words: Say, *, chinese: bool) -> str:
    if not story.trips:
        return f"<h2>{words('trips')}</h2><p>{words('no_trips_here' if story.entangled else 'no_trips')}</p>"
    rows = []
    for number, trip in enumerate(story.trips, start=1):
        cause = trip.cause
        text = (cause.zh if chinese else cause.en) if cause else "–"
        value = _value(cause.value_milli, cause.unit) if cause else "–"
        limit = _value(cause.limit_milli, cause.unit) if cause else "–"
        state = words("released") if trip.released else words("locked")
        relay = "–" if trip.relay_ms is None else f"{trip.relay_ms} {words('ms')}"
        rows.append(
            f'<tr><td class="n">{number}</td><td class="t">{clock(trip.t)}<br>seq {trip.seq}</td>'
            f'<td><strong>{_safe(text)}</strong><br>{state}</td><td class="t">{value}</td><td class="t">{limit}</td>'
            f'<td>{_safe(cause.clause if cause else "")}</td><td class="t">{relay}</td></tr>'
        )
    more = words("more_trips", story.trip_count, MOST_ROWS) if story.trip_count > len(story.trips) else ""
    heads = ["", *(words(key) for key in ("when", "first_out", "value", "limit", "clause", "relay"))]
    return f'<h2>{words("trips")}</h2>{_table(heads, rows)}<p class="hint">{more}</p>'


def _value(milli: int | None, unit: str) -> str:
    return "–" if milli is None else f"{milli / 1000:g} {_safe(unit)}"


def _trace(story: Story, words: Say, *, chinese: bool) -> str:
    """Every run of the closed relay; what it lacks is said in words, not by colour alone."""
    head = f"<h2>{words('trace')}</h2>"
    found = story.trace
    if found is None:
        return f"{head}<p>{words('no_trace')}</p>"
    unjudged = f'<p class="hint">{words("unjudged", len(found.unjudged))}</p>' if found.unjudged else ""
    if not found.intervals:
        return head + (unjudged or f"<p>{words('never_closed')}</p>")
    rows = []
    for run in found.intervals[:MOST_ROWS]:
        lacking = [
            f'<strong class="gap">{GAP_WORDS[gap.kind][0 if chinese else 1]}</strong>: '
            f"{clock(gap.first_ms)}, {(gap.last_ms - gap.first_ms) / 1000:g} s"
            for gap in run.gaps
        ]
        rows.append(
            f'<tr><td class="t">{clock(run.first_ms)}<br>seq {run.first}</td><td>{_safe(run.permit)}</td>'
            f'<td class="n">{run.closed_ms / 1000:g} s</td><td>{END_WORDS[run.end][0 if chinese else 1]}</td>'
            f"<td>{'<br>'.join(lacking) or words('traced')}</td></tr>"
        )
    share = percent(found.covered_ms, found.closed_ms)
    said = words("trace_sum", len(found.intervals), f"{found.closed_ms / 1000:g}", share)
    more = words("more_runs", MOST_ROWS) if len(found.intervals) > MOST_ROWS else ""
    heads = [words(key) for key in ("closed_at", "permit", "closed_for", "ended", "lacking")]
    hint = f'<p class="hint">{words("trace_hint")} {more}</p>'
    return f"{head}<p><strong>{said}</strong></p>{_table(heads, rows)}{unjudged}{hint}"


def _gas(story: Story, words: Say) -> str:
    trips = [(number, trip.t) for number, trip in enumerate(story.trips, start=1)]
    drawings = []
    for chan, curve in sorted(story.gas.items()):
        curve.thin(story.tripped)
        ordered = sorted(curve.points, key=lambda point: point.t)  # what was around an alarm is written after it
        bounds = {bound for allowed, _ in curve.allowed for bound in allowed.bounds}
        title = f"{words('gas')}: {chan}"
        drawings.append(plot(chan, ordered, trips, (story.first_t, story.last_t), title, bounds))
        drawings += [_allowed(allowed, unit, words) for allowed, unit in curve.allowed]
        if curve.left_out:
            drawings.append(f'<p class="hint">{words("left_out", _safe(chan), curve.left_out)}</p>')
    if story.gas_not_drawn:
        drawings.append(f'<p class="hint">{words("not_drawn", _safe(", ".join(sorted(story.gas_not_drawn))))}</p>')
    if not any(drawings):
        return f"<h2>{words('gas')}</h2><p>{words('no_gas')}</p>"
    return f'<h2>{words("gas")}</h2><p class="hint">{words("gas_hint")}</p>' + "".join(drawings)


def _allowed(allowed: Allowed, unit: str, words: Say) -> str:
    """The limits that a channel was held against, such as "19.5 to 23.5 vol%", and where they come from."""
    low, high = (None if bound is None else f"{bound / 1000:g}" for bound in (allowed.low_milli, allowed.high_milli))
    span = f"≤ {high}" if low is None else f"≥ {low}" if high is None else f"{low}–{high}"
    return f'<p class="hint">{words("limit")} {span} {_safe(unit)} · {_safe(allowed.clause)}</p>'


def _refusals(story: Story, words: Say, *, chinese: bool) -> str:
    if not story.refusals:
        return f"<h2>{words('refusals')}</h2><p>{words('no_refusals')}</p>"
    rows = [
        f'<tr><td class="n">{found.times}</td><td>{_safe(found.cause.zh if chinese else found.cause.en)}</td>'
        f'<td>{_safe(found.cause.clause)}</td><td class="t">{clock(found.first)}</td></tr>'
        for found in sorted(story.refusals.values(), key=lambda found: -found.times)
    ]
    heads = [words(key) for key in ("times", "reason", "clause", "when")]
    return f"<h2>{words('refusals')}</h2>{_table(heads, rows)}"


def _timeline(story: Story, words: Say, *, chinese: bool) -> str:
    lines = story.lines()
    rows = []
    for line in lines:
        mark = _MARKS.get(line.sev.value) or (line.res if line.res in ("denied", "failed") else "")
        shown = f'<span class="mark">{words(mark)}</span> ' if mark else ""
        rows.append(
            f'<tr class="{line.sev.value}"><td class="n">{line.seq}</td><td class="t">{clock(line.t)}</td>'
            f"<td>{shown}{_safe(line.zh if chinese else line.en)}</td><td>{_safe(line.actor)}</td></tr>"
        )
    cut = words("shortened", story.events, MOST_AT_EACH_END) if len(lines) + story.quiet < story.events else ""
    quiet = words("quiet", story.quiet) if story.quiet else ""
    heads = ["seq", *(words(key) for key in ("when", "event", "actor"))]
    return f'<h2>{words("timeline")}</h2><p class="hint">{cut} {quiet}</p>{_table(heads, rows)}'
