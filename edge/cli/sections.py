"""The parts of the picture that `status` and `watch` share: each gives lines that fit the width they are told."""

import datetime
import math
from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

from edge.cli.banner import LOOKS
from edge.cli.words import Words, limits, number
from edge.config import CONTACTS
from edge.interlock.local_time import local_time, zone_name
from edge.interlock.presence_view import BEACON
from edge.interlock.status import ChannelView, CountdownView, PermitView, ReasonView, SeriesView, Status, VerdictView

GOOD, BAD, SOME, DIM, NOTE = "#3fb950", "bold #ff6b61", "bold #e6b800", "#8b949e", "#79c0ff"
TICK, CROSS = "✔", "✘"


_NARROW = 54
"""Below this a section leaves out what can be read elsewhere."""
_CLAUSE_MIN = 16
"""Columns that are worth beginning a clause in; it is cut at the edge, and `hotbox explain` has it whole."""


def fit(text: Text, width: int) -> Text:
    """One line, cut with an ellipsis where it is too long."""
    text.no_wrap = True
    text.truncate(width, overflow="ellipsis")
    return text


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Fill up to a number of columns (a Chinese character takes two); too long is cut with an ellipsis."""
    if cell_len(text) > width:
        cut = Text(text)
        cut.truncate(width, overflow="ellipsis")
        text = cut.plain
    gap = " " * (width - cell_len(text))
    return gap + text if right else text + gap


def rule(title: str, width: int, columns: Sequence[tuple[int, str]] = ()) -> Text:
    """A section's head: its title in a line, and column heads at their places."""
    line = Text().append("── ", DIM)
    line.append(title, "bold")
    line.append(" ")
    for at, head in columns:
        if at > line.cell_len + 1:
            line.append("─" * (at - line.cell_len - 1) + " ", DIM)
            line.append(head, DIM)
            line.append(" " if line.cell_len < width else "")
    line.append("─" * max(0, width - line.cell_len), DIM)
    return fit(line, width)


def flow(items: Iterable[Text], width: int, gap: int = 2) -> list[Text]:
    """Items beside each other, in as many lines as they need."""
    lines: list[Text] = []
    for item in items:
        if lines and lines[-1].cell_len + gap + item.cell_len <= width:
            lines[-1].append(" " * gap)
            lines[-1].append_text(item)
        else:
            lines.append(Text().append_text(item))
    return [fit(line, width) for line in lines]


def clock(t_ms: int) -> str:
    """Time of day at the box."""
    return datetime.datetime.fromtimestamp(t_ms / 1000).astimezone().strftime("%H:%M:%S")


def moment(t_ms: int) -> str:
    """Date and time to the millisecond at the box."""
    return datetime.datetime.fromtimestamp(t_ms / 1000).astimezone().isoformat(" ", "milliseconds")


def minute(t_s: int) -> str:
    """Day and time at the box, to the minute."""
    said = local_time(t_s)
    return said[5:16] if said[4:5] == "-" else said


# --- head, reasons ------------------------------------------------------------------------------------------------


def head(status: Status, words: Words, width: int) -> Text:
    """The box, its baseline, its permit, the time. SIMULATION is stamped loudly."""
    line = Text(f" {status.box} ", "bold")
    if status.baseline == "SIMULATION":
        line.append(f" {words('simulation')} ", "bold #1a1a1a on #e6b800")
    else:
        line.append(status.baseline, DIM)
    permit = status.permit
    line.append("  ")
    line.append(f"{words('permit')} ", DIM)
    line.append(f"{permit.id} {words(f'level.{permit.level}')} {permit.place}" if permit else words("no_permit"))
    tail = Text(clock(status.t)).append(f" ({zone_name(status.t // 1000)}) ", DIM)
    if status.loop_lag_ms >= 20:
        tail = Text(f"{words('lag', ms=round(status.loop_lag_ms))}  ", SOME).append_text(tail)
    fit(line, width - tail.cell_len - 1)
    line.append(" " * (width - line.cell_len - tail.cell_len))
    return line.append_text(tail)


def lamps(status: Status, words: Words, width: int) -> list[Text]:
    """What the stack light says about this status."""
    from edge.panel.patterns import say  # `watch` shows no lamps

    show = say(status).show
    line = Text().append(f"  {words('panel_says')}  ", DIM).append(show.zh if words.lang == "zh" else show.en)
    return [fit(line, width)]


def identify(status: Status, words: Words, width: int, *, lit: bool = True) -> list[Text]:
    """A loud line while the bridge asks which box this is; `lit` is the bright half of its flashing."""
    asked = [view for view in status.countdowns if view.what == "identify"]
    style = "bold blink #1a1a1a on #79c0ff" if lit else "bold #79c0ff on #1a1a1a"
    return [Text(pad(f" ◉ {words.pick(view)}  {words('identify_asked')}", width), style) for view in asked]


def meaning(status: Status, words: Words) -> str:
    """What the interlock says about its state, unless the state's word says the same."""
    said = status.state_zh if words.lang == "zh" else status.state_en
    return "" if said.casefold() == words(f"state.{status.state}").casefold() else said


def missing(status: Status) -> list[VerdictView]:
    """What fails of the set that counts now: run while released, else release."""
    released = status.state == "RELEASED"
    return [verdict for verdict in status.verdicts if not verdict.ok and (verdict.run if released else verdict.release)]


def _reading(value: str, unit: str) -> str:
    """Ages to a tenth of a second; everything else as the interlock says it."""
    return f"{float(value):.1f}".removesuffix(".0") if unit == "s" and value else value


def measure(reason: ReasonView, words: Words) -> str:
    """Value against limit: ``25 %LEL (limit 10)``; the limit alone when there is no value."""
    value = f"{_reading(reason.value, reason.unit)} {reason.unit}".strip() if reason.value else ""
    if reason.limit in ("", "0"):
        return value
    if not value:
        return f"{words('limit')} {reason.limit} {reason.unit}".strip()
    return f"{value} ({words('limit')} {reason.limit})"


def _short(reason: ReasonView) -> str:
    return f"{_reading(reason.value, reason.unit)}/{reason.limit} {reason.unit}"


def reason_lines(reason: ReasonView, words: Words, width: int, symbol: str, style: str) -> list[Text]:
    """What is wrong and its numbers; below it what to do and the clause."""
    first = Text(f"{symbol} ", style)
    first.append(words.pick(reason), "bold")
    if reason.value:
        full, short = f"  {measure(reason, words)}", f" {_short(reason)}"
        first.append(full if first.cell_len + cell_len(full) <= width or not reason.limit else short, style)
    second = Text().append("  → ", NOTE).append(words.todo(reason), NOTE)
    if reason.clause and width - second.cell_len >= _CLAUSE_MIN:
        second.append(f"  {reason.clause}", DIM)
    return [fit(first, width), fit(second, width)]


def first_out(status: Status, words: Words, width: int) -> list[Text]:
    """The cause that tripped it, what to do about it, and what came after."""
    cause = status.first_out
    if cause is None:
        return []
    lines = [rule(words("first_out"), width), *reason_lines(cause, words, width, LOOKS["TRIPPED"].symbol, BAD)]
    if status.consequences:
        what = (
            "、".join(map(words.pick, status.consequences))
            if words.lang == "zh"
            else "; ".join(map(words.pick, status.consequences))
        )
        lines.append(fit(Text(f"  {words('consequences', what=what)}", DIM), width))
    return lines


def why_not(status: Status, words: Words, width: int, rows: int) -> list[Text]:
    """Everything that stands between here and a release, in at most `rows` lines (two or more)."""
    verdicts = missing(status)
    title = words("at_risk") if status.state == "RELEASED" else words("why_not")
    lines = [rule(title, width)]
    reasons = [reason for verdict in verdicts for reason in verdict.reasons]
    if not reasons:
        lines.append(fit(Text(f"{TICK} {words('nothing_missing')}", GOOD), width))
        hint = {"PERMISSIVE_OK": "press_arm", "ARMED": "hold"}.get(status.state)
        if hint:
            lines.append(fit(Text(f"  → {words(hint)}", NOTE), width))
        return lines[:rows]
    full = 1 + 2 * len(reasons) <= rows
    fitting = len(reasons) if full or 1 + len(reasons) <= rows else rows - 2
    for reason in reasons[:fitting]:
        both = reason_lines(reason, words, width, CROSS, BAD)
        lines.extend(both if full else both[:1])
    if fitting < len(reasons):
        lines.append(fit(Text(f"  {words('and_more', n=len(reasons) - fitting)}", DIM), width))
    return lines


# --- bypasses -----------------------------------------------------------------------------------------------------


def bypasses(status: Status, words: Words, width: int) -> list[Text]:
    """Every detector whose failure does not vote: who allowed it, why, what watches instead."""
    lines = []
    for bypass in status.bypasses:
        left = words.span(bypass.left_ms)
        lines.append(fit(Text(f"! {words('bypass_of', channel=bypass.channel, left=left)}", BAD), width))
        for key, value in (("bypass_by", ", ".join(bypass.by)), ("bypass_reason", bypass.reason),
                           ("bypass_measure", bypass.measure)):  # fmt: skip
            lines.append(fit(Text(f"  {words(key)} ", DIM).append(value), width))
    return [rule(words("bypasses"), width), *lines] if lines else []


# --- countdowns and bars ------------------------------------------------------------------------------------------


def countdowns(status: Status, words: Words, width: int, now_us: int) -> list[Text]:
    """A line of text and a shrinking bar for each."""
    lines = []
    for countdown in sorted(status.countdowns, key=lambda c: c.until_us):
        left_ms = max(0, (countdown.until_us - now_us) // 1000)
        lines += _countdown(countdown, left_ms, words, width)
    return [rule(words("countdowns"), width), *lines] if lines else []


def _countdown(countdown: CountdownView, left_ms: int, words: Words, width: int) -> list[Text]:
    urgent = countdown.what == "grace" or left_ms < 10_000
    style = BAD if countdown.what in ("grace", "bypass") else (SOME if urgent else NOTE)
    left = words.span(left_ms)
    if countdown.what == "grace":
        text = Text(f"! {words.pick(countdown)}", style)
        if text.cell_len > width:
            text = Text(f"! {words('opens_soon', who=countdown.subject)}", style)
        return [fit(text, width), _shrinking(left_ms, countdown.total_ms, left, style, width)]
    name = Text(f"{words.pick(countdown)} {countdown.subject if countdown.what == 'attempt' else ''}".strip())
    room = width - name.cell_len - 1
    if room >= 18:
        return [name.append(" ").append_text(_shrinking(left_ms, countdown.total_ms, left, style, room))]
    return [fit(name, width), _shrinking(left_ms, countdown.total_ms, left, style, width)]


def _shrinking(left_ms: int, total_ms: int, label: str, style: str, width: int) -> Text:
    cells = max(1, width - max(cell_len(label), 6) - 1)
    full = min(cells, round(cells * left_ms / total_ms)) if total_ms else 0
    bar = Text("█" * full, style)
    bar.append("─" * (cells - full), DIM)
    bar.append(f" {label}", style)
    return bar


def _place(value: float, low: float, high: float, cells: int) -> int:
    return max(0, min(cells, round((value - low) / (high - low) * cells)))


def gas_bar(channel: ChannelView, cells: int) -> Text:
    """A bar whose scale puts the limit where one sees it.

    With an upper limit alone the bar ends at twice that limit, so the mark stands in the middle whatever the
    detector's range; with two limits it shows as much on either side as lies between them.
    """
    if channel.limit_high is None or channel.limit_low is None:
        bottom = 0.0
        top = 2 * channel.limit_high if channel.limit_high is not None else channel.range_high
        top = min(top, channel.range_high) or 1.0
    else:
        band = channel.limit_high - channel.limit_low
        bottom, top = max(0.0, channel.limit_low - band), channel.limit_high + band
    if channel.quality != "good" or channel.value is None:
        bar = Text("╌" * cells, DIM)
    else:
        full = _place(channel.value, bottom, top, cells)
        bar = Text("█" * full, BAD if channel.alarm else GOOD)
        bar.append("─" * (cells - full), DIM)
    for limit in (channel.limit_low, channel.limit_high):
        if limit is not None:
            at = min(cells - 1, _place(limit, bottom, top, cells))
            bar = bar[:at].append("┃", "bold #e6b800").append_text(bar[at + 1 :])
    return bar


def gas(status: Status, words: Words, width: int, rows: int) -> list[Text]:
    """One line a channel: name, bar with its limits marked, value, limits, quality, age. Bad ones first when cut."""
    channels = list(status.channels)
    weaker = _degraded(status, words, width)[: max(0, rows - 2)]
    room = max(1, rows - 1 - len(weaker))
    cut = len(channels) > room
    if cut:
        channels = sorted(channels, key=lambda c: not (c.alarm or c.quality != "good"))[: room - 1]
    name_w = min(max((cell_len(c.name) for c in status.channels), default=4), max(6, width // 5))
    wide, widest = width >= _NARROW, width >= 72
    quality_w = (
        max(cell_len(words.known(f"quality.{c.quality}", c.quality)) for c in status.channels) if status.channels else 4
    )
    quality_w = max(quality_w, *(cell_len(words(key)) for key in ("doubted", "alarm", "quality.good"))) + 2
    fixed = name_w + 1 + 6 + 1 + 5 + 1 + quality_w + (12 if wide else 0) + (8 if widest else 0)
    bar_w = min(40, max(5, width - fixed - 1))
    value_at = name_w + 1 + bar_w + 1
    heads = [(value_at + 1, words("value")), (value_at + 13, words("limit" if wide else "quality"))]
    if wide:
        heads.append((value_at + 25, words("quality")))
    if widest:
        heads.append((value_at + 25 + quality_w + 1, words("age")))
    lines = [rule(words("gas"), width, heads)]
    for channel in channels:
        good = channel.quality == "good"
        style = BAD if channel.alarm or not good else ""
        line = Text(pad(channel.name, name_w) + " ", style)
        line.append_text(gas_bar(channel, bar_w))
        value = number(channel.value) if good else (f"({number(channel.value)})" if channel.value is not None else "–")
        line.append(" " + pad(value, 6, right=True), style or "bold")
        line.append(" " + pad(channel.unit, 5) + " ", DIM)
        if wide:
            line.append(pad(limits(channel.limit_low, channel.limit_high), 12), DIM)
        symbol, word = (
            (CROSS, words.known(f"quality.{channel.quality}", channel.quality))
            if not good
            else (TICK, words("quality.good"))
        )
        if good and channel.alarm:
            symbol, word = CROSS, words(_alarm(channel))
        line.append(pad(f"{symbol} {word}", quality_w), style or GOOD)
        if widest:
            line.append(" " + words.age(channel.age_ms), DIM)
        lines.append(fit(line, width))
    if cut:
        lines.append(fit(Text(words("more_events", n=len(status.channels) - len(channels)), DIM), width))
    return lines + [fit(line, width) for line in weaker]


def _degraded(status: Status, words: Words, width: int) -> list[Text]:
    """Groups whose vote is weaker than it should be, and what they act as."""
    weak = []
    for group in status.groups:
        if group.degraded:
            acts = words.known(f"acts.{group.acts_as}", group.acts_as)
            weak.append(Text(words("group_degraded", name=group.name, vote=group.vote, acts=acts), SOME))
    return flow(weak, width)


def _alarm(channel: ChannelView) -> str:
    """What a channel that votes to trip on a sound reading says: gas, a failed calibration, or no oxygen beside it."""
    if channel.life == "OUT_OF_SERVICE":
        return "life.OUT_OF_SERVICE"
    low = -math.inf if channel.limit_low is None else channel.limit_low
    high = math.inf if channel.limit_high is None else channel.limit_high
    within = channel.value is not None and low <= channel.value <= high
    return "doubted" if within and channel.life != "OVER_RANGE" else "alarm"


# --- people, relay, inputs, audit, buses, events -----------------------------------------------------------------


def people(status: Status, words: Words, width: int, rows: int) -> list[Text]:
    """Who is named by the permit, with badge and face and how long ago; then what is wrong with badges and devices."""
    wrong = [fit(line, width) for line in _presence(status, words)]
    if not status.people:
        return [rule(words("people"), width), fit(Text(words("nobody"), DIM), width), *wrong][:rows]
    cell = 10 if width < _NARROW else 14
    name_w = width - 2 * cell
    lines = [rule(words("people"), width, [(name_w, words("badge")), (name_w + cell, words("face"))])]
    for person in status.people:
        line = Text(pad(f"{words(f'role.{person.role}')} {person.name}", name_w - 1) + " ")
        for ok, age_ms in ((person.badge_ok, person.badge_age_ms), (person.face_ok, person.face_age_ms)):
            line.append(pad(f"{TICK if ok else CROSS} {words.age(age_ms)}", cell), GOOD if ok else BAD)
        lines.append(fit(line, width))
    told = [fit(line, width) for line in _proofs(status, words)]
    return [*lines, *told, *wrong][:rows]


def _proofs(status: Status, words: Words) -> Iterator[Text]:
    """Who is asked to move just now, and who counts by a supervisor's word."""
    asked = status.prompt
    if asked is not None:
        yield Text(words("face_asked", who=asked.name, what=words.pick(asked), n=asked.number, of=asked.of), NOTE)
    for person in status.people:
        if person.liveness == "vouched":
            yield Text(words("face_by_word", who=person.name), SOME)


def _presence(status: Status, words: Words) -> Iterator[Text]:
    """Devices that fail, and badges whose battery is low."""
    for device in status.devices:
        if not device.ok:
            yield Text(f"{CROSS} {words.pick(device)}", BAD)
    for badge in status.badges:
        if badge.low:
            who = words("beacon") if badge.name == BEACON else badge.name
            yield Text(f"! {words('battery_low', badge=badge.badge, name=who, percent=badge.battery)}", SOME)


def _contact(state: str, words: Words) -> str:
    symbol = {"closed": "●", "open": "○"}.get(state, "?")
    return f"{symbol} {words(state if state in ('open', 'closed') else 'unknown')}"


def relay(status: Status, words: Words, width: int) -> list[Text]:
    """What is commanded, what the contact does, what the dead-man controller says and why it opened last."""
    view = status.relay
    latch, _, cause = view.deadman.partition(" ")
    agree = view.commanded == latch == view.contact
    style = BAD if not agree else (GOOD if view.contact == "closed" else "")
    items = [
        Text().append(f"{words('commanded')} ", DIM).append(_contact(view.commanded, words), style),
        Text().append(f"{words('contact')} ", DIM).append(_contact(view.contact, words), style),
    ]
    if view.contact == "unknown" and view.status_age_ms is not None:
        items[-1].append(f" ({words('last_heard', age=words.age(view.status_age_ms))})", style)
    deadman = Text().append(f"{words('latch')} ", DIM).append(_contact(latch, words), style)
    if cause:
        code = cause.strip("()")
        deadman.append(f" ({words.known(f'cause.{code}', code)})" if code else "", DIM)
    items.append(deadman)
    if view.used_percent is not None:
        items.append(Text(_closings(view.closings, view.rated_cycles, view.used_percent, words), DIM))
    if not agree and "unknown" not in (latch, view.contact):
        items.append(Text(f"{CROSS} {words('disagree')}", BAD))
    items += [_in_series(one, view.commanded, words) for one in view.series]
    return [rule(words("relay"), width), *flow(items, width)]


def _in_series(one: SeriesView, commanded: str, words: Words) -> Text:
    """Its name, its contact against what is commanded, its closings and their share of its rated life."""
    style = BAD if one.contact != commanded else (GOOD if one.contact == "closed" else "")
    shown = Text().append(f"{words('in_series', name=one.name)} ", DIM).append(_contact(one.contact, words), style)
    if one.contact == "unknown" and one.age_ms is not None:
        shown.append(f" ({words('last_heard', age=words.age(one.age_ms))})", style)
    return shown.append(f"  {_closings(one.cycles, one.rated_cycles, one.used_percent, words)}", DIM)


def _closings(made: int, rated: int, used: int | None, words: Words) -> str:
    return words("closings", made=made) if used is None else words("closings_of", made=made, rated=rated, used=used)


def inputs(status: Status, words: Words, width: int) -> list[Text]:
    """E-stop, stop and contacts are healthy or operated; buttons are idle or pressed; a silent module is neither."""
    items = []
    wired = tuple(name for name in CONTACTS if name in status.inputs)
    for name in ("estop", "stop", *wired, "arm", "finish", "reset"):
        on = status.inputs.get(name)
        text = Text().append(f"{words(f'input.{name}')} ", DIM)
        if on is None:
            text.append(f"? {words('unknown')}", BAD)
        elif name in ("estop", "stop", *wired):
            operated = words.known(f"operated.{name}", words("operated"))
            text.append(TICK if on else f"{CROSS} {operated}", GOOD if on else BAD)
        else:
            text.append(f"▼ {words('pressed')}" if on else "–", SOME if on else DIM)
        items.append(text)
    return flow(items, width, 1 if width < _NARROW else 2)


def audit(status: Status, words: Words, width: int) -> list[Text]:
    """How much is written and witnessed."""
    view = status.audit
    if not view.writable:
        return [fit(Text(f"{words('audit')} {CROSS} {words('audit_unwritable')}", BAD), width)]
    behind = view.size - view.acked
    items = [
        Text()
        .append(f"{words('audit')} ", DIM)
        .append(*((f"{CROSS} ", BAD) if view.rollback else (f"{TICK} ", GOOD)))
        .append(words("audit_short", acked=view.acked, size=view.size))
    ]
    if view.rollback:
        items.append(Text(words("audit_rollback"), BAD))
    if behind:
        late = view.unacked_age_ms > 60_000
        text = words("audit_behind", n=behind, age=words.span(view.unacked_age_ms))
        items.append(Text(f"! {text}" if late else text, SOME if late else DIM))
    if view.epoch_pending:
        items.append(Text(f"{CROSS} {words('audit_pending', n=view.epoch)}", BAD))
    if view.full:
        percent, free = view.bytes * 100 // max(view.budget, 1), view.fs_free >> 20
        text = words(f"audit_{view.full}", percent=percent, free=free)
        items.append(Text(f"! {text}", BAD if view.full == "stop" else SOME))
    return flow(items, width)


def video(status: Status, words: Words, width: int) -> list[Text]:
    """What is recorded and for how long there is room; nothing on a box that records nothing."""
    view = status.video
    if view is None or view.health == "off":
        return []
    style = {"recording": GOOD, "ready": ""}.get(view.health, BAD)
    items = [Text().append(f"{words('video')} ", DIM).append(words.known(f"video.{view.health}", view.health), style)]
    if view.health == "recording":
        items[0].append(f" {view.permit}", style)
    room = words("video_space", left=words.span(view.left_s * 1000), used=view.used_mib, most=view.most_mib)
    return flow([*items, Text(room, DIM)], width)


def sensors(status: Status, words: Words, width: int) -> list[Text]:
    """Process sensors: value, unit, how old when it is not fresh; a bad one with what is wrong; nothing without any.

    Behind them the last words of detectors fed over MQTT.
    """
    items = []
    for sensor in status.sensors:
        good = sensor.quality == "good"
        item = Text().append(f"{sensor.name} ", DIM)
        item.append(f"{TICK if good else CROSS} ", GOOD if good else BAD)
        item.append(f"{number(sensor.value)} {sensor.unit}", "" if good else BAD)
        if not good:
            item.append(f" {words.known(f'quality.{sensor.quality}', sensor.quality)}", BAD)
        if not good or sensor.age_ms is None or sensor.age_ms > _FRESH_MS:
            item.append(f" {words.age(sensor.age_ms)}", DIM)
        items.append(item)
    for remote in status.remotes:
        if remote.value is not None:
            said = Text(f"{remote.name} {number(remote.value)} {remote.unit}", BAD if remote.alarm else "")
            items.append(said.append(f" MQTT: {words('alarm') if remote.alarm else words('only_trips')}", DIM))
    return flow([Text(words("sensors"), DIM), *items], width) if items else []


def buses(status: Status, words: Words, width: int) -> list[Text]:
    """Cycle against budget, and bad frames since the start."""
    items = [Text(f"{words('buses')}", DIM)]
    for bus in status.buses:
        item = Text(f"{bus.name} ").append(TICK if bus.ok else f"{CROSS} {words('down')}", GOOD if bus.ok else BAD)
        item.append(f" {words('bus_line', cycle=f'{bus.cycle_ms:.0f}', budget=f'{bus.budget_ms:.0f}')}", DIM)
        if bus.errors:
            item.append(f" {words('bus_errors', n=bus.errors)}", SOME)
        items.append(item)
    return flow(items, width)


_FRESH_MS = 2000
"""A sensor's word needs no age up to here: room on a small screen."""
_SEVERITY = {"alarm": (LOOKS["TRIPPED"].symbol, BAD), "fault": ("!", BAD), "warning": ("!", SOME)}


def events(status: Status, words: Words, width: int, rows: int) -> list[Text]:
    """The last events, newest at the bottom, filling `rows` lines at most."""
    lines = [rule(words("events"), width)]
    if not status.events:
        return [*lines, fit(Text(words("no_events"), DIM), width)][:rows]
    for event in status.events[-max(0, rows - 1) :] if rows > 1 else ():
        symbol, style = _SEVERITY.get(event.sev, ("·", ""))
        line = Text().append(f"{clock(event.t)} ", DIM)
        line.append(f"{symbol} ", style or DIM)
        line.append(words.pick(event), style)
        lines.append(fit(line, width))
    return lines[:rows]


def ticket_check(status: Status, words: Words) -> str:
    """Whether a shift leader has checked the ticket today, and who; empty where nobody has and none is asked for."""
    check = status.permit.checked if status.permit is not None else None
    if check is not None:
        said = words("ticket_checked", who=check.name, n=check.day, at=minute(check.t))
        return f"{TICK if check.ok else CROSS} {said}"
    asked = any(verdict.condition == "ticket_check" and not verdict.ok for verdict in status.verdicts)
    return f"{CROSS} {words('ticket_unchecked')}" if asked else ""


def level(view: PermitView, words: Words) -> str:
    """The level, with the one by place and work where that is lower: ``grade 1 (grade 2, also at night …)``."""
    approved = words(f"level.{view.level}")
    if view.base_level in ("", view.level):
        return approved
    return words("permit_raised", level=approved, base=words(f"level.{view.base_level}"))


def permit(status: Status, words: Words, width: int) -> list[Text]:
    """The permit: number and level, where and what, until when, who approved and who checked it."""
    view = status.permit
    if view is None:
        return []
    first = Text().append(view.id, "bold").append(f"  {level(view, words)}  ").append(view.place)
    if view.confined:
        first.append(f"  {words('permit_confined')}", SOME)
    second = Text(view.content).append(f"  {view.method}", DIM)
    third = Text().append(words("until", time=minute(view.exp)), NOTE).append(f"  {'、'.join(view.approvers)}", DIM)
    checked = ticket_check(status, words)
    fourth = (Text(checked, DIM if checked.startswith(TICK) else SOME),) if checked else ()
    return [rule(words("permit"), width), *(fit(line, width) for line in (first, second, third, *fourth))]
