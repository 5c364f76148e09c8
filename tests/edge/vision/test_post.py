"""The real vision process takes templates that the interlock hands on, knows the person then, and forgets with the permit."""

import asyncio
import time

import msgspec
import pytest

from contracts import jws
from contracts.face import FaceClaims, seal
from edge import sockets
from edge.interlock.evidence import (
    Camera,
    Face,
    FaceBundle,
    FaceKey,
    Film,
    Standing,
    TemplateKept,
    TemplateRefused,
    TemplateRemoved,
    Wanted,
    encode_message,
)
from edge.interlock.rules import PACKS
from edge.vision.post import Post
from faces import policy
from faces.enrolment import decode, enrol
from faces.templates import Template
from tests.cloud_bridge.enrolling import pictures
from tests.edge.presence.box import box
from tests.edge.vision.conftest import VisionProcess

SIGNING = jws.generate_key()
PERMIT = Standing("HW-1", ("performer",))


def told(person, permit):
    return lambda item: isinstance(item, TemplateKept | TemplateRemoved) and (item.person, item.permit) == (person, permit)


@pytest.fixture(scope="module")
def fresh(site, engine, tmp_path_factory):
    """A box where nobody is enrolled, and the performer's template as the bridge has it."""
    stills = [decode(str(number), body) for number, body in enumerate(pictures("performer"))]
    made = enrol(engine, "performer", stills, policy.read(PACKS / "gb30871-2022.yaml"), {}, created=int(time.time()))
    folder = tmp_path_factory.mktemp("here")
    keys = folder / "faces_keys.json"
    keys.write_bytes(msgspec.json.encode({"keys": [SIGNING.as_dict(private=False) | {"kid": "faces-1"}]}))
    known = box(site.directory)
    here = msgspec.structs.replace(
        known, data=str(folder / "data"),
        vision=msgspec.structs.replace(known.vision, templates=str(folder / "faces")),
        bridge=msgspec.structs.replace(known.bridge, faces_keys=str(keys)),
    )  # fmt: skip
    return here, made.template


@pytest.fixture
def running(fresh, site, tmp_path):
    site.set("camera", "empty")
    process = VisionProcess(fresh[0], tmp_path)
    yield process
    assert process.stop() == 0


def say(process, message):
    sockets.send(process.interlock._end, encode_message(message))


def want(process, *permits):
    say(process, Wanted(("performer",), (), "", "arming", permits=permits, permit="HW-1"))


def statement(template: Template, key: str, iat: int = 0):
    now = int(time.time())
    claims = FaceClaims("bridge", "box-1", "HW-1", "performer", iat or now, now + 3600)
    scoped = msgspec.structs.replace(template, permit="HW-1", expires=now + 3600)
    return jws.sign(seal(msgspec.json.encode(scoped), claims, key), jws.FACE, SIGNING, "faces-1")


async def test_a_template_from_the_bridge_makes_a_person_known_until_its_permit_is_over(fresh, site, running):
    """BOX-01, PTW-07: through the real process, and through its restart."""
    want(running, PERMIT)
    key = await running.interlock.until(lambda item: isinstance(item, FaceKey))
    say(running, FaceBundle(statement(fresh[1], key.key)))
    kept = await running.interlock.until(told("performer", "HW-1"))
    assert isinstance(kept, TemplateKept)
    site.set("camera", "performer")
    await running.interlock.until(lambda item: isinstance(item, Face) and item.person == "performer")
    site.set("camera", "empty")
    want(running)
    gone = await running.interlock.until(told("performer", "HW-1"))
    assert gone.why == "permit_over"


async def test_nothing_is_believed_or_deleted_before_the_interlock_says_which_permits_stand(fresh, running, site):
    """An interlock that has not spoken yet, or one of before, ends nobody's work."""
    say(running, FaceBundle("nonsense"))
    say(running, Wanted(("performer",), (), "", "arming", permit="HW-1"))
    told_before = await running.interlock.listen(1.5)
    assert not [item for item in told_before if isinstance(item, FaceKey | TemplateRefused | TemplateRemoved)]
    want(running, PERMIT)
    refused = await running.interlock.until(lambda item: isinstance(item, TemplateRefused))
    assert refused.code == "template_forged"


async def test_a_flood_of_statements_costs_no_more_than_its_queue(fresh, running):
    await running.interlock.until(lambda item: isinstance(item, Camera))
    for number in range(500):
        say(running, FaceBundle(f"nonsense {number}"))
    await running.interlock.until(lambda item: isinstance(item, Camera))  # it has read what the socket holds
    want(running, PERMIT)
    await running.interlock.until(lambda item: isinstance(item, TemplateRefused))
    refused = [i for i in await running.interlock.listen(1.0) if isinstance(i, TemplateRefused)]
    assert len(refused) <= 64


async def test_the_time_is_the_one_that_the_interlock_believes(fresh):
    """PTW-07: by vision's own clock nothing is deleted; while nobody knows the time nothing is over."""
    post = Post(fresh[0], asyncio.to_thread, lambda _: True)
    assert post._time_s() < 1_000_000_000
    post.hear(Film("", on=False, keep=False, keep_d=30, wall_s=1_800_000_000))
    assert post._time_s() == 1_800_000_000
    post.hear(Film("", on=False, keep=False, keep_d=30, wall_s=0))
    assert post._time_s() < 1_000_000_000
