"""The vision process on real MJPEG: the permit's people are verified, others refused, a dead picture shows nobody."""

import asyncio
import os
import signal
import time
from hashlib import sha256
from pathlib import Path

import psutil
import pytest

from edge.evidence_client import EvidenceClient
from edge.interlock import rules
from edge.interlock.evidence import SLOW, Camera, Face, FaceRefused, TemplateUsed, Video
from edge.sockets import now_us
from edge.vision.picture import Health
from edge.vision.process import SLOW_S
from edge.vision.process import _Process as Process
from tests.edge.vision.conftest import VisionProcess


def face_of(person):
    return lambda item: isinstance(item, Face) and item.person == person


def refusal(item):
    return isinstance(item, FaceRefused)


def faces(items, since_us=0):
    return [item for item in items if isinstance(item, Face | FaceRefused) and item.at_us > since_us]


def show(site, names):
    """Put people before the camera; gives a time from which on its frames show them."""
    site.set("camera", names)
    return now_us() + 300_000


async def test_performer_and_guardian_are_verified_in_one_frame(site, vision):
    """BOX-01, BOX-03, PTW-07"""
    site.set("camera", "performer,guardian")
    vision.interlock.want("performer", "guardian")
    first = await vision.interlock.until(face_of("performer"))
    await vision.interlock.until(lambda item: face_of("guardian")(item) and item.at_us >= first.at_us)
    seen = faces(vision.interlock.seen)
    both = {item.at_us for item in seen if item.person == "performer"} & {i.at_us for i in seen if i.person == "guardian"}
    assert both
    assert all(0 <= item.distance_milli <= 500 for item in seen)
    assert {(item.liveness, item.engine) for item in seen} == {("not_proven", "dlib-hog-resnet-v1")}


async def test_nobody_is_recognised_by_a_template_that_the_log_does_not_have(site, enrolled, tmp_path):
    """BOX-01, ANT-09: nor taken for a stranger meanwhile."""
    site.set("camera", "performer")
    running = VisionProcess(enrolled, tmp_path)
    try:
        running.interlock.records = False
        running.interlock.want("performer")
        used = await running.interlock.until(lambda item: isinstance(item, TemplateUsed))
        assert not faces(await running.interlock.listen(3.0))
        running.interlock.records = True
        seen = await running.interlock.until(face_of("performer"))
        digest = sha256((Path(enrolled.vision.templates) / "performer.face").read_bytes()).hexdigest()
        assert (used.person, used.permit, used.digest, seen.template) == ("performer", "", digest, digest)
    finally:
        running.interlock.records = True
        assert running.stop() == 0


async def test_performer_and_guardian_are_verified_one_after_the_other(site, vision):
    """BOX-03: each comes to the camera alone."""
    vision.interlock.want("performer", "guardian")
    site.set("camera", "performer")
    await vision.interlock.until(face_of("performer"))
    site.set("camera", "guardian")
    await vision.interlock.until(face_of("guardian"))


async def test_performer_alone_is_never_the_guardian(site, vision):
    """BOX-03: one of two faces is not both."""
    shown_us = show(site, "performer")
    vision.interlock.want("performer", "guardian")
    await vision.interlock.until(lambda item: face_of("performer")(item) and item.at_us > shown_us)
    await vision.interlock.listen(0.5)
    assert {item.person for item in faces(vision.interlock.seen, shown_us)} == {"performer"}


async def test_impostor_is_refused(site, vision):
    """BOX-01, ANT-01"""
    shown_us = show(site, "impostor")
    vision.interlock.want("performer", "guardian")
    refused = await vision.interlock.until(lambda item: refusal(item) and item.at_us > shown_us)
    assert refused.nearest in ("performer", "guardian")
    assert refused.distance_milli > 500
    await vision.interlock.listen(0.5)
    assert {type(item) for item in faces(vision.interlock.seen, shown_us)} == {FaceRefused}


async def test_impostor_beside_the_performer_changes_nothing_for_either(site, vision):
    """BOX-01, BOX-03"""
    shown_us = show(site, "performer,impostor")
    vision.interlock.want("performer", "guardian")
    await vision.interlock.until(face_of("performer"))
    await vision.interlock.until(refusal)
    await vision.interlock.until(refusal)
    assert not any(face_of("guardian")(item) for item in faces(vision.interlock.seen, shown_us))


async def test_enrolled_person_whom_the_permit_does_not_name_is_refused(site, vision):
    """PTW-07"""
    shown_us = show(site, "guardian")
    vision.interlock.want("performer")
    refused = await vision.interlock.until(lambda item: refusal(item) and item.at_us > shown_us)
    assert refused.nearest == "performer"
    assert not any(isinstance(item, Face) for item in faces(vision.interlock.seen, shown_us))


async def test_person_who_is_not_enrolled_is_refused_without_a_distance(site, vision):
    """BOX-01"""
    site.set("camera", "performer")
    vision.interlock.want("nobody-enrolled", "../performer")
    refused = await vision.interlock.until(refusal)
    assert (refused.nearest, refused.distance_milli) == ("", -1)


async def test_looks_are_bounded_by_the_urgency(site, vision):
    """At most 2.5 a second while arming; a known face one every two seconds to check again, none when nobody is asked for."""
    site.set("camera", "performer")
    vision.interlock.want("performer")
    await vision.interlock.until(face_of("performer"))
    assert 1 <= len(faces(await vision.interlock.listen(0.9))) <= 3
    vision.interlock.want("performer", urgency="recheck")
    first = await vision.interlock.until(face_of("performer"))
    second = await vision.interlock.until(lambda item: face_of("performer")(item) and item.at_us > first.at_us + 500_000)
    assert 1_500_000 < second.at_us - first.at_us < 4_000_000
    vision.interlock.want("performer", urgency="idle")
    await vision.interlock.until(lambda item: isinstance(item, Camera))
    watched = psutil.Process(vision.process.pid)
    before_s = sum(watched.cpu_times()[:2])
    later = await vision.interlock.listen(0.9)
    assert faces(later) == []
    health = [item for item in later if isinstance(item, Camera)]
    assert 1 <= len(health) <= 3
    assert all(item.frames > 0 for item in health)
    assert {type(item) for item in later} == {Camera, Video}, "and how the recorder is, nothing else"
    assert sum(watched.cpu_times()[:2]) - before_s < 0.4
    assert os.getpriority(os.PRIO_PROCESS, vision.process.pid) >= 5


async def test_whoever_comes_in_while_released_is_seen_between_two_looks_at_the_crew(site, vision):
    """PTW-24: each look in between costs the finding of faces alone until one is new."""
    site.set("camera", "performer,guardian")
    vision.interlock.want("performer", "guardian", urgency="recheck")
    await vision.interlock.until(face_of("guardian"))
    site.set("camera", "performer,guardian,impostor")
    refused = await vision.interlock.until(refusal)
    again = await vision.interlock.until(lambda item: refusal(item) and item.at_us > refused.at_us)
    third = await vision.interlock.until(lambda item: refusal(item) and item.at_us > again.at_us)
    told = {item.at_us for item in vision.interlock.seen if face_of("performer")(item)}
    refusals = {refused.at_us, again.at_us, third.at_us}
    assert refusals - told, "a stranger is told of in looks that leave the crew out"


@pytest.mark.parametrize(("ago_s", "late"), [(SLOW_S - 0.5, False), (SLOW_S + 0.1, True), (float("inf"), True)])
@pytest.mark.parametrize("looking", [True, False])
@pytest.mark.parametrize("health", [Health.OK, Health.STALLED])
def test_a_camera_whose_faces_nobody_has_looked_at_in_time_is_slow(enrolled, ago_s, late, looking, health):
    """PTW-24: then nobody knows who is in view; a picture that is bad anyway says what is wrong with it."""
    process = Process(enrolled, EvidenceClient(enrolled, None), rules.load("gb30871-2022"))
    process._looking, process._looked_s = looking, time.monotonic() - ago_s
    assert process._keeping_up(health) == (SLOW if looking and late and health is Health.OK else health.value)


async def test_people_are_recognised_again_after_a_stall(site, vision):
    """BOX-01"""
    site.set("camera", "performer")
    vision.interlock.want("performer")
    await vision.interlock.until(face_of("performer"))
    site.fault("camera", "stall")
    await vision.interlock.until(lambda item: isinstance(item, Camera) and item.health == "stalled")
    stalled_us = now_us()
    assert faces(await vision.interlock.listen(0.6)) == []
    site.fault("camera", "none")
    again = await vision.interlock.until(face_of("performer"))
    assert again.at_us > stalled_us


@pytest.mark.alone
async def test_frozen_picture_verifies_nobody(site, vision):
    """BOX-01, ANT-01: not even in the seconds before it is known to be frozen."""
    site.set("camera", "performer")
    vision.interlock.want("performer")
    await vision.interlock.until(face_of("performer"))
    site.fault("camera", "frozen")
    frozen_us = now_us()
    told = await vision.interlock.until(lambda item: isinstance(item, Camera) and item.health == "frozen")
    assert told.at_us - frozen_us <= 2_000_000, "found and told within two seconds"
    late = [item for item in faces(vision.interlock.seen) if item.at_us > frozen_us + 600_000]
    assert late == []


async def test_frames_that_waited_while_the_process_was_stopped_show_nobody(site, vision):
    """BOX-01: whoever left meanwhile is not verified from the camera's backlog."""
    site.set("camera", "performer")
    vision.interlock.want("performer")
    await vision.interlock.until(face_of("performer"))
    vision.process.send_signal(signal.SIGSTOP)
    try:
        stopped_us = now_us()
        await asyncio.sleep(0.4)  # the backlog fills with the performer's pictures
        site.set("camera", "empty")
        await asyncio.sleep(0.8)
    finally:
        vision.process.send_signal(signal.SIGCONT)
    await vision.interlock.until(lambda item: isinstance(item, Camera) and item.health == "ok" and item.at_us > stopped_us)
    later = faces(await vision.interlock.listen(1.0), stopped_us)
    assert later == []

