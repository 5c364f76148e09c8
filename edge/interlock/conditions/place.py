"""Where the box stands, and whether the camera sees it."""

from edge.interlock.conditions.devices import device_fault
from edge.interlock.conditions.facts import PASS, Facts, Verdict, fail
from edge.interlock.conditions.people import absence
from edge.interlock.evidence import SLOW
from edge.interlock.state import Reason


def place(f: Facts) -> Verdict:
    """The proofs of place in the site's quorum hold: a position inside the fence, the beacon fixed to the site.

    All of them, or as many as the site says (PTW-04: beacon or GPS). A proof that is missing may be outvoted then; a
    sound position outside the fence never is, for it does not leave the place unknown, it denies it.
    """
    asked = proofs(f)
    if not asked:
        return fail("place_unknown")
    held = [proof for proof in asked if proof.ok]
    said = {reason.code for proof in asked for reason in proof.reasons}
    counted = held if len(held) >= needed(f) and "place_outside" not in said else asked
    ages = [proof.age_us for proof in counted if proof.age_us is not None]
    return Verdict(tuple(reason for proof in counted for reason in proof.reasons), max(ages, default=None))


def proofs(f: Facts) -> list[Verdict]:
    """What each proof of the quorum says."""
    return [judge(f) for name, judge in (("gnss", _position), ("badge", _beacon)) if name in f.site.quorum]


def needed(f: Facts) -> int:
    """How many proofs must hold: what the site says, or all."""
    return f.site.quorum_need or len(f.site.quorum)


def _beacon(f: Facts) -> Verdict:
    seen, ttl = f.snapshot.badges.get(f.site.beacon), f.rules.badge_ttl_s
    age_us = None if seen is None else f.now_us - seen.at_us
    if age_us is not None and 0 <= age_us <= ttl.value * 1_000_000:
        return Verdict((), age_us)
    code = absence(f, f.site.beacon)
    code = "beacon_lost" if code == "badge_absent" else code
    return fail(code, str(f.site.beacon), None if age_us is None else age_us // 1000, ttl, "s")


def _position(f: Facts) -> Verdict:
    fix = f.snapshot.position
    ttl = f.rules.position_ttl_s
    if fix is None:
        return fail(device_fault(f, "gnss") or "place_unknown", rule=ttl, unit="s")
    age_us = f.now_us - fix.at_us
    if not 0 <= age_us <= ttl.value * 1_000_000:
        return fail(device_fault(f, "gnss") or "place_unknown", "", age_us // 1000, ttl, "s")
    if fix.satellites < f.rules.position_min_satellites.value or fix.fix_quality < 1:
        return fail("place_poor", "satellites", fix.satellites * 1000, f.rules.position_min_satellites)
    if fix.hdop_centi > f.rules.position_max_hdop_centi.value:
        worst = f.rules.position_max_hdop_centi
        return Verdict((Reason("place_poor", "HDOP", fix.hdop_centi * 10, worst.value * 10, "", worst.clause),))
    if not fix.inside:
        return Verdict((Reason("place_outside", "", fix.edge_m * 1000, 0, "m", "BOX-02"),))
    return Verdict((), age_us)


def camera(f: Facts) -> Verdict:
    """The camera shows a living picture, and who is in it is looked at in time."""
    found = _picture(f)
    if found.ok and f.snapshot.camera is not None and f.snapshot.camera.health == SLOW:
        return fail("camera_slow", rule=f.rules.stranger_s, unit="s")
    return found


def _picture(f: Facts) -> Verdict:
    seen = f.snapshot.camera
    ttl = f.rules.camera_ttl_s
    if seen is None:
        return fail("camera_lost", "absent", None, ttl, "s")
    age_us = f.now_us - seen.at_us
    if not 0 <= age_us <= ttl.value * 1_000_000:
        return fail("camera_lost", "silent", age_us // 1000, ttl, "s")
    return Verdict((), age_us) if seen.health in ("ok", SLOW) else fail("camera_lost", seen.health, None, ttl, "s")


def camera_running(f: Facts) -> Verdict:
    """For levels whose whole process is filmed (特级), the camera must go on."""
    if f.permit is None or not f.rules.levels[f.permit.level].camera:
        return PASS
    return _picture(f)
