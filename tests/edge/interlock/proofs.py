"""Faces that are recognised and people who follow arrows, on the bench; and a supervisor who decides."""

import msgspec
import pytest

from edge.interlock.evidence import Face, Prompt, Tap
from edge.interlock.happenings import PermitAccepted, VouchAsked
from edge.interlock.liveness import due
from tests.edge.interlock.bench import GB, SECOND, Bench, permit

replace = msgspec.structs.replace
TRIES = GB.liveness_tries_count.value
PAUSE_US = GB.liveness_pause_s.value * SECOND
TTL_US = GB.face_ttl_s.value * SECOND
AGAIN_US, AHEAD_US = GB.face_recheck_s.value * SECOND, GB.face_ahead_s.value * SECOND


@pytest.fixture
def unproven() -> Bench:
    """All is well but the proofs: both faces are recognised, nobody has followed an arrow yet."""
    bench = Bench()
    bench.looking = set()
    bench.step()
    bench.step(PermitAccepted(permit()))
    for who in ("performer", "guardian"):
        see(bench, who)
    bench.test_gas()
    bench.check_ticket()
    bench.step()
    assert bench.missing() <= {"face_liveness", "check_in_none"}
    return bench


def see(bench: Bench, who: str, liveness: str = "not_proven", distance: int = 350) -> None:
    """A face in the picture of now."""
    bench.now += 1
    bench.faces[who] = Face(bench.now, who, distance, liveness, "dlib", "n")


def prove(bench: Bench, who: str) -> None:
    see(bench, who, "proven")
    say(bench, who, "passed")


def say(bench: Bench, who: str, result: str, why: str = "", number: int = 3) -> None:
    """The last word of a try."""
    bench.now += 1
    bench.prompt = Prompt(bench.now, who, "n", "left", number, 8, bench.now + 3 * SECOND, result, why)  # type: ignore[arg-type]
    bench.step(ms=0)


def fail(bench: Bench, who: str, times: int = TRIES) -> None:
    for _ in range(times):
        say(bench, who, "failed", "wrong")


def asked(bench: Bench) -> tuple[str, ...]:
    step = bench.step(ms=0)
    return due(step.facts)


def ask(bench: Bench, who: str, number: int, nonce: str = "n") -> None:
    """A movement is asked for."""
    bench.now += 1
    bench.prompt = Prompt(bench.now, who, nonce, "left", number, 8, bench.now + 3 * SECOND)
    bench.step(ms=0)


@pytest.fixture
def stuck(unproven: Bench) -> Bench:
    """The performer's tries are used up; the guardian has passed; the supervisor is here."""
    unproven.badges[1006] = True
    unproven.step()
    prove(unproven, "guardian")
    fail(unproven, "performer")
    see(unproven, "performer")
    unproven.step(ms=0)
    return unproven


def vouch(by: str = "leader", **changes: object) -> VouchAsked:
    return replace(VouchAsked(1000, "performer", by, "known to me for years"), **changes)


def decide(bench: Bench, asked: VouchAsked) -> None:
    """Typed in, then confirmed by hand with the reset key."""
    bench.step(asked)
    bench.press("reset")


def tap(bench: Bench, who: str = "leader") -> None:
    """Somebody's card is held to the reader."""
    bench.now += 1
    bench.taps[f"person {who}"] = Tap(bench.now, "person", who)
    bench.step(ms=0)


def supervised(bench: Bench) -> Bench:
    """The shift leader may supervise."""
    roster = tuple(replace(each, may=(*each.may, "supervise")) if each.id == "leader" else each for each in bench.site.roster)
    bench.site = replace(bench.site, roster=roster)
    return bench
