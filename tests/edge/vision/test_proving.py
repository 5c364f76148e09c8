"""Living faces before the real process: a drawn welder follows the arrows, a photograph and a swapped person do not."""

import asyncio

import pytest

from edge.interlock import rules
from edge.interlock.evidence import Face, FaceRefused, Prompt
from firmware_sim.play.actor import Actor

pytestmark = [pytest.mark.alone, pytest.mark.timeout(120)]
GB = rules.load("gb30871-2022")
WITHIN_S = 15
"""What a welder may take (issue: prompts)."""


class Followed:
    """The people before the camera do what each prompt asks; gives the prompts and proofs of a try."""

    def __init__(self, site, vision):
        self._site, self._vision = site, vision
        self._actor = Actor(self._act)
        self.stands_in = {}
        """Who moves in the place of whom."""

    def _act(self, person, action, seconds, degrees):
        turned = [degrees] if degrees else []
        self._site.set("camera", "act", self.stands_in.get(person, person), action, seconds, *turned)

    async def one(self, *people, nonce="n1", urgency="arming", after=None):
        """Everything that is told of one try of the first of `people`; `after` is called with each prompt."""
        told = []
        self._vision.interlock.want(*people, urgency=urgency, nonce=nonce, prove=people[:1])
        while True:
            item = await self._vision.interlock.until(lambda item: isinstance(item, Prompt | Face), within_s=30)
            told.append(item)
            if not isinstance(item, Prompt) or item.nonce != nonce:
                continue
            if after is not None:
                after(item)
            if item.result != "open":
                return told
            shown = {"person": item.person, "action": item.action, "done": max(0, item.number - 1), "result": item.result}
            await asyncio.to_thread(self._actor.read, {"prompt": shown})


@pytest.fixture
def followed(site, vision):
    return Followed(site, vision)


def prompts(told):
    return [item for item in told if isinstance(item, Prompt)]


def proofs(told):
    return [item for item in told if isinstance(item, Face) and item.liveness == "proven"]


async def test_a_welder_proves_a_living_face_in_time(site, followed):
    """ANT-01, BOX-03: as many turns as the pack asks for, one at a time, within 15 s of the first prompt."""
    site.set("camera", "performer,guardian")
    told = await followed.one("performer", "guardian")
    asked = prompts(told)
    assert asked[-1].result == "passed", asked[-1]
    assert [item.number for item in asked[:-1]] == list(range(GB.liveness_actions_count.value + 2))
    assert {item.action for item in asked[1:-2]} <= {"left", "right"}
    assert (asked[-1].at_us - asked[0].at_us) / 1e6 <= WITHIN_S
    [proof] = proofs(told)
    assert (proof.person, proof.nonce, proof.at_us) == ("performer", "n1", asked[-1].at_us)
    assert 0 <= proof.distance_milli <= GB.face_distance_milli.value
    assert told.index(proof) < told.index(asked[-1])


async def test_nobody_turns_into_a_stranger_by_turning_the_head(site, vision, followed):
    """PTW-24: while arrows are followed the turned face is nobody else's to judge."""
    site.set("camera", "performer")
    await followed.one("performer", nonce="n2")
    assert not any(isinstance(item, FaceRefused) for item in vision.interlock.seen)


async def test_a_photograph_that_is_tilted_as_the_arrows_ask_proves_nothing(site, followed):
    """ANT-01"""
    site.set("camera", "photo", "performer")
    told = await followed.one("performer", nonce="n3")
    assert prompts(told)[-1].result in ("failed", "dropped")
    assert proofs(told) == []


async def test_whoever_steps_into_the_place_in_the_middle_proves_nothing(site, followed):
    """ANT-01: another face on the frames that count."""
    site.set("camera", "performer")

    def swap(prompt):
        if prompt.number == 2 and prompt.result == "open":
            site.set("camera", "swap", "performer", "impostor")
            followed.stands_in["performer"] = "impostor"

    told = await followed.one("performer", nonce="n4", after=swap)
    assert prompts(told)[-1].result == "failed"
    assert proofs(told) == []


async def test_the_guardian_alone_is_asked_while_released(site, followed):
    """BOX-04: the re-check, beside a performer under a mask."""
    site.set("camera", "performer,guardian")
    site.set("camera", "wear", "performer", "mask")
    told = await followed.one("guardian", "performer", nonce="n5", urgency="recheck")
    site.set("camera", "wear", "performer", "nothing")
    assert prompts(told)[-1].result == "passed"
    assert {item.person for item in proofs(told)} == {"guardian"}


async def test_a_camera_that_stops_in_the_middle_ends_the_try(site, vision, followed):
    """ANT-01: silence is no movement."""
    site.set("camera", "performer")

    def stop(prompt):
        if prompt.number == 1 and prompt.result == "open":
            site.fault("camera", "stall")

    told = await followed.one("performer", nonce="n6", after=stop)
    site.fault("camera", "none")
    assert prompts(told)[-1].result in ("failed", "dropped")
    assert proofs(told) == []
