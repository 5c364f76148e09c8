"""What a permit asks for on site before work: confirmations, isolations, cooled equipment (PTW-11)."""

from contracts.permit import Precondition
from edge.interlock.conditions.devices import device_fault
from edge.interlock.conditions.facts import PASS, Facts, Verdict
from edge.interlock.conditions.gas_test import longest_break_us, today
from edge.interlock.conditions.sensors import measured
from edge.interlock.state import Confirmation, Reason, milli

CELSIUS = "°C"


def preconditions(f: Facts) -> Verdict:
    """Every precondition of the permit holds: confirmed or proven by a named person, or measured."""
    if f.permit is None:
        return PASS
    found = [missing(f, wanted) for wanted in f.permit.preconditions]
    return Verdict(tuple(reason for reason in found if reason is not None))


def proof_of(f: Facts, wanted: Precondition) -> Confirmation | None:
    """What is remembered of a precondition of the current permit."""
    return None if f.permit is None else f.durable.preconditions.get(f"{f.permit.jti}/{wanted.id}")


def missing(f: Facts, wanted: Precondition) -> Reason | None:
    """Why one precondition of the current permit does not hold, or None."""
    proof = proof_of(f, wanted)
    if wanted.kind == "temperature":
        return _warm(f, wanted, proof)
    unread = _unread(f, wanted, proof) if wanted.tag else None
    if unread is not None:
        return unread
    if wanted.kind == "isolation":
        return _unproven(f, wanted, proof)
    if proof is not None:
        return None
    return Reason("precondition", wanted.text, None, None, "", "PTW-11")


def _unread(f: Facts, wanted: Precondition, proof: Confirmation | None) -> Reason | None:
    """Why the tag of a point does not count as read: never by somebody known to be here, or too long ago."""
    rule, subject = f.rules.precondition_ttl_s, f"{wanted.text} [{wanted.tag}]"
    if proof is None:
        return Reason(device_fault(f, "nfc") or "tag_unread", subject, None, None, "", rule.clause)
    age_us = f.now_us - proof.at_us
    if not 0 <= age_us <= rule.value * 1_000_000:
        return Reason("tag_old", subject, age_us // 1000, rule.value * 1000, "s", rule.clause)
    return None


def _unproven(f: Facts, wanted: Precondition, proof: Confirmation | None) -> Reason | None:
    """Why an isolation is not known to hold: never proven, on another day, or before a break of the work."""
    if proof is None or proof.at_us > f.now_us:
        return Reason("isolation_unproven", wanted.text, None, None, "", "GB 30871-2022 5.2.2; PTW-11")
    rule, opening = f.rules.isolation_daily, f.durable.opening
    if not rule.value:
        return None
    age_us = f.now_us - proof.at_us
    if not today(f, age_us):
        return Reason("isolation_day", wanted.text, age_us // 1000, None, "s", rule.clause)
    if f.permit is not None and opening is not None and opening.at_us >= proof.at_us:
        longest_us, break_us = longest_break_us(f, f.permit), f.now_us - opening.at_us
        if break_us > longest_us:
            return Reason("isolation_break", wanted.text, break_us // 1000, longest_us // 1000, "s", rule.clause)
    return None


def _warm(f: Facts, wanted: Precondition, proof: Confirmation | None) -> Reason | None:
    """Why the equipment is not known to be cool enough now: by the box's own sensor where the permit names one."""
    rule = f.rules.precondition_ttl_s
    limit = wanted.limit_milli
    if wanted.sensor:
        return _hot_by_sensor(f, wanted)
    if proof is None or proof.value_milli is None or limit is None:
        return Reason("temperature_none", wanted.text, None, limit, CELSIUS, rule.clause)
    age_us = f.now_us - proof.at_us
    if not 0 <= age_us <= rule.value * 1_000_000:
        return Reason("temperature_old", wanted.text, age_us // 1000, rule.value * 1000, "s", rule.clause)
    if proof.value_milli > limit:
        return Reason("temperature_high", wanted.text, proof.value_milli, limit, CELSIUS, rule.clause)
    return None


def _hot_by_sensor(f: Facts, wanted: Precondition) -> Reason | None:
    limit, sensor = wanted.limit_milli, f.site.sensor.get(wanted.sensor)
    if sensor is None or sensor.quantity != "temperature" or limit is None:
        return Reason("temperature_none", wanted.text, None, limit, CELSIUS, "PTW-11")
    value = measured(f, sensor, "PTW-11")
    if isinstance(value, Reason):
        return value
    if not value <= limit / 1000:
        return Reason("temperature_high", wanted.text, milli(value), limit, CELSIUS, "PTW-11")
    return None
