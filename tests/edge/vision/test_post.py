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
    RemovalLogged,
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


class Desk:
    """A post whose words a test takes, or does not take, in the interlock's place."""

    def __init__(self, config):
        self.takes, self.told, self._moved = True, [], asyncio.Event()
        self.post = Post(config, self._work, self._send)
        self._task = asyncio.create_task(self.post.run())

    async def _work(self, task):
        done = await asyncio.to_thread(task)
        self._moved.set()
        return done

    def _send(self, item):
        self._moved.set()
        if self.takes:
            self.told.append(item)
        return self.takes

    def want(self, *permits):
        self.post.hear(Wanted(("performer",), (), "", "arming", permits=permits, permit="HW-1"))

    async def see(self, test):
        """Wait until something is so."""
        async with asyncio.timeout(60):
            while not test():
                self._moved.clear()
                await self._moved.wait()

    async def until(self, kind, iat=0):
        """The first of that kind that was told, of that statement; it is forgotten, and all that was told."""

        def found():
            return [item for item in self.told if isinstance(item, kind) and (not iat or item.iat == iat)]

        await self.see(found)
        first = found()[0]
        self.told.clear()
        return first

    async def stop(self):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def test_a_deletion_is_told_until_the_log_has_it(fresh, monkeypatch):
    """ANT-01, PTW-07: through an interlock that takes nothing, one that does not answer, and a restart."""
    monkeypatch.setattr("edge.vision.post.AGAIN_S", 0.2)
    monkeypatch.setattr("edge.vision.post.TIDY_S", 0.1)
    first = Desk(fresh[0])
    first.want(PERMIT)
    key = await first.until(FaceKey)
    first.post.hear(FaceBundle(statement(fresh[1], key.key)))
    iat = (await first.until(TemplateKept)).iat

    def waits(desk):
        return iat in {removed.iat for removed in desk.post._deliveries.removals.waiting}

    first.takes = False
    first.want()
    await first.see(lambda: waits(first))
    assert not [item for item in first.told if isinstance(item, TemplateRemoved)]
    first.takes = True
    gone = await first.until(TemplateRemoved, iat)
    again = await first.until(TemplateRemoved, iat)
    assert (gone.person, gone.why) == (again.person, again.why) == ("performer", "permit_over")
    assert again.at_us > gone.at_us
    await first.stop()
    second = Desk(fresh[0])
    second.want()
    await second.until(TemplateRemoved, iat)
    second.post.hear(RemovalLogged(gone.person, gone.permit, gone.iat, gone.why))
    await second.see(lambda: not waits(second))
    await second.stop()
    third = Desk(fresh[0])
    third.want()
    await third.until(FaceKey)
    await third.until(FaceKey)
    assert not waits(third)
    assert iat not in {key[2] for key in third.post._removed_s}
    await third.stop()


async def test_six_hundred_forged_statements_cost_a_genuine_one_nothing(fresh, monkeypatch, caplog):
    """ANT-09: neither its place, nor its word to the interlock, nor a search of the folder for each."""
    from edge.vision.deliveries import Deliveries

    tidied, tidy = [], Deliveries.tidy
    monkeypatch.setattr(Deliveries, "tidy", lambda self, permits, now_s: (tidied.append(1), tidy(self, permits, now_s))[1])
    desk = Desk(fresh[0])
    desk.want(PERMIT)
    key = await desk.until(FaceKey)
    desk.takes = False
    for number in range(600):
        desk.post.hear(FaceBundle(f"nonsense {number}"))
        if number % 50 == 49:
            await desk.see(lambda: not desk.post._letters)
    desk.post.hear(FaceBundle(statement(fresh[1], key.key)))
    await desk.see(lambda: desk.post._untold)
    desk.takes = True
    desk.want(PERMIT)
    assert isinstance(desk.told[0], TemplateKept)
    assert [item.code for item in desk.told[1:]] == ["template_forged"]
    assert len(tidied) == 1
    assert caplog.text.count("is refused") == 1
    desk.want()
    await desk.until(TemplateRemoved)
    await desk.stop()
