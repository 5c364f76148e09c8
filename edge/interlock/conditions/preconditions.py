"""What a permit asks for on site before work: confirmations, isolations, cooled equipment (PTW-11)."""

from contracts.permit import Precondition
from edge.interlock.conditions.facts import PASS, Facts, Verdict
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
    if proof is not None:
        return None
    if wanted.kind == "isolation":
        return Reason("isolation_unproven", wanted.text, None, None, "", "GB 30871-2022 5.2.2; PTW-11")
    return Reason("precondition", wanted.text, None, None, "", "PTW-11")


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
