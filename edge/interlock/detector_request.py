"""What `hotbox detector bump` and `calibrate` must say before gas is applied. Pure."""

import math
from collections.abc import Collection
from typing import TYPE_CHECKING

from contracts.errors import ContractError, quote
from contracts.gas import Unit
from edge.gas.reading import Quality
from edge.interlock.conditions.facts import Facts
from edge.interlock.happenings import DetectorTestBegun
from edge.interlock.proving import DAY_S, UNPROVEN, Kind, terms
from edge.interlock.site import SiteChannel, end_of_day, last_whole_day
from edge.interlock.state import Mode

if TYPE_CHECKING:
    from edge.interlock.control import Request

_BOTTLE_CHARACTERS = 64


def check(request: "Request", f: Facts, here: Collection[str]) -> DetectorTestBegun:
    """Judge a request; `here` are ids of people with the right to calibrate whose badge is here.

    Raises:
        ContractError: the box may open or close on gas, the person is not here, or this gas would prove nothing.
    """
    if request.kind not in [kind.value for kind in Kind]:
        raise ContractError("kind", " or ".join(kind.value for kind in Kind), quote(request.kind))
    kind = Kind(request.kind)
    if f.durable.mode in (Mode.ARMED, Mode.RELEASED):
        raise ContractError("state", "a box that is not armed or released", f.durable.mode.value,
                            "finish or stop the work first")  # fmt: skip
    channel = _channel(request, f)
    if request.by not in here:
        wanted = "someone of the roster with the right calibrate whose badge is here"
        raise ContractError("by", wanted, request.by or "nothing", f"here and entitled: {', '.join(here) or 'nobody'}")
    if not 0 < len(request.bottle) <= _BOTTLE_CHARACTERS or not request.bottle.isprintable():
        wanted = f"the gas bottle's serial or lot number, at most {_BOTTLE_CHARACTERS} printable characters"
        raise ContractError("bottle", wanted, quote(request.bottle) if request.bottle else "nothing")
    _check_gas(request, channel)
    baseline = _baseline(channel, f)
    applied = _applied(request, channel, f, kind, baseline)
    if kind is Kind.BUMP and f.durable.detectors.get(channel.name, UNPROVEN).uncured_bump:
        raise ContractError("kind", "calibrate: its last bump test failed", "bump",
                            f"run hotbox detector calibrate {channel.name} first")  # fmt: skip
    return DetectorTestBegun(kind, channel.name, applied, request.by, request.bottle, _due(request, kind, f))


def _channel(request: "Request", f: Facts) -> SiteChannel:
    channel = next((channel for channel in f.site.channels if channel.name == request.channel), None)
    if channel is None:
        known = ", ".join(channel.name for channel in f.site.channels)
        raise ContractError("channel", f"one of {known}", quote(request.channel))
    if channel.name in f.volatile.exercises:
        raise ContractError("channel", "a channel that is not being tested", channel.name, "wait for that test's end")
    return channel


def _check_gas(request: "Request", channel: SiteChannel) -> None:
    wanted = channel.calibration_gas or channel.gas
    if request.gas != wanted:
        raise ContractError("gas", wanted, quote(request.gas), "test with the gas that it is calibrated with")
    unit = channel.limit.unit.value
    if request.unit != unit:
        hint = f"units are {', '.join(Unit)}; convert the bottle's value"
        raise ContractError("unit", unit, quote(request.unit), hint)


def _baseline(channel: SiteChannel, f: Facts) -> float:
    """What it reads before the gas: a sound reading within its limits, else nothing can be told from the test."""
    reading, limit = f.snapshot.readings.get(channel.name), channel.limit
    quality = reading.quality if reading is not None else Quality.NEVER
    if reading is None or quality is not Quality.GOOD or f.now_us - reading.at_us > channel.stale_us:
        said = "stale" if quality is Quality.GOOD else quality.value
        raise ContractError("channel", "a detector that reads", f"{channel.name}: {said}", "mend the detector first")
    value = reading.value
    low, high = limit.low, limit.high
    if value is None or (high is not None and value > high) or (low is not None and value < low):
        raise ContractError("channel", "clean air before the test", f"{quote(value)} {limit.unit.value}",
                            "take the gas away or ventilate, then begin")  # fmt: skip
    return value


def _applied(request: "Request", channel: SiteChannel, f: Facts, kind: Kind, baseline: float) -> float:
    """Gas that the detector must alarm on and can show, as it shows it."""
    given, limit = request.applied, channel.limit
    if given is None or not math.isfinite(given):
        raise ContractError("applied", f"the bottle's concentration in {limit.unit.value}", quote(given))
    value = given * channel.factor
    beyond = (limit.high is not None and value > limit.high) or (limit.low is not None and value < limit.low)
    if not beyond:
        bounds = [f"above {limit.high:g}" if limit.high is not None else "",
                  f"below {limit.low:g}" if limit.low is not None else ""]  # fmt: skip
        wanted = f"{' or '.join(filter(None, bounds))} {limit.unit.value}: gas that it must alarm on"
        raise ContractError("applied", wanted, f"{value:g}")
    low, high = channel.range_low * channel.factor, channel.range_high * channel.factor
    band = terms(kind, f.rules, step=value - baseline, full_scale=high, t90_us=channel.t90_us).band
    if value - band < low or value + band > high:
        wanted = f"within the range {low:g} to {high:g} with its tolerance of {band:.3g}"
        raise ContractError("applied", wanted, f"{value:g}", "use a bottle that the detector can show")
    return value


def _due(request: "Request", kind: Kind, f: Facts) -> int:
    """The end that the person gives a calibration, seconds since 1970; 0 for the pack's longest interval."""
    if not request.due:
        return 0
    if kind is Kind.BUMP:
        raise ContractError("due", "nothing: a bump test's end follows from the rules", quote(request.due))
    try:
        end_s = end_of_day(request.due, f.site.utc_offset_min)
    except ValueError as error:
        raise ContractError("due", "a date like 2027-03-31", quote(request.due)) from error
    longest = f.wall_s + f.rules.calibration_age_d.value * DAY_S
    if not f.wall_s < end_s <= longest:
        latest = last_whole_day(longest, f.site.utc_offset_min)
        wanted = f"after today and not after {latest} ({f.rules.calibration_age_d.clause})"
        raise ContractError("due", wanted, request.due)
    return end_s
