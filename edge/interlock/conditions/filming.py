"""Whether the work is recorded, where the permit's level asks for that (特级: the whole process, GB 30871-2022 5.2.11).

    code        what it says
    video_off   this box has no recorder
    video_lost  the recorder says nothing, cannot record, or its newest picture is too old
    video_room  what may be recorded would not last to the permit's end

On other permits the recorder does what it can, and none of this is asked.
"""

from edge.interlock.conditions.facts import PASS, Facts, Verdict, fail
from edge.interlock.evidence import OFF
from edge.interlock.rules import Number
from edge.interlock.state import Mode, Reason

WELL = ("ready", "recording")
CROWDED = ("full",)
"""Health of a recorder that has no room: how much there is says the rest."""


def is_filmed(f: Facts) -> bool:
    """The level of the permit that decides now asks for a recording of the whole work."""
    return f.permit is not None and f.rules.levels[f.permit.level].camera


def video(f: Facts) -> Verdict:
    """Before a release: the recorder is ready, and has room to the permit's end or as much as the pack asks for."""
    if not is_filmed(f):
        return PASS
    seen, ttl = f.snapshot.video, f.rules.video_ttl_s
    if seen is None:
        return fail("video_lost", "silent", None, ttl, "s")
    age_us = f.now_us - seen.at_us
    if not 0 <= age_us <= ttl.value * 1_000_000:
        return fail("video_lost", "silent", age_us // 1000, ttl, "s")
    if seen.health not in (*WELL, *CROWDED):
        return _unwell(seen.health, ttl)
    room, needed_s = f.rules.video_room_s, needed_s_of(f)
    if seen.left_s < needed_s:
        return Verdict((Reason("video_room", "", seen.left_s * 1000, needed_s * 1000, "s", room.clause),))
    return Verdict((), age_us)


def needed_s_of(f: Facts) -> int:
    """For how long there must be room: to the permit's end, at most as long as the pack asks for."""
    left_s = f.permit.exp - f.wall_s if f.permit is not None else 0
    return max(0, min(f.rules.video_room_s.value, left_s))


def video_running(f: Facts) -> Verdict:
    """While released: the newest picture on the disk is of this permit and young, or the release itself is."""
    if not is_filmed(f) or f.durable.mode is not Mode.RELEASED or f.permit is None:
        return PASS
    seen, ttl = f.snapshot.video, f.rules.video_ttl_s
    written_us = seen.written_us if seen is not None and seen.permit == f.permit.jti else 0
    age_us = f.now_us - max(written_us, f.durable.released_us)
    if 0 <= age_us <= ttl.value * 1_000_000:
        return Verdict((), age_us)
    health = "silent" if seen is None or f.now_us - seen.at_us > ttl.value * 1_000_000 else seen.health
    return fail("video_lost", health, age_us // 1000, ttl, "s")


def _unwell(health: str, ttl: Number) -> Verdict:
    return fail("video_off", rule=ttl, unit="s") if health == OFF else fail("video_lost", health, None, ttl, "s")
