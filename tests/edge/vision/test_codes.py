"""A permit's codes on a phone before the camera: read from real MJPEG while vision runs, and from pictures on USB."""

import contextlib
import random
import socket
import time

import cv2
import msgspec
import numpy as np
import pytest
import segno

from contracts import jws, parts
from contracts.errors import ContractError
from edge.interlock.evidence import Camera, Face
from edge.vision import codes
from edge.vision.frames import ASK, READERS, Frames
from tests.edge.interlock.bench import permit
from tests.edge.presence.box import box

PERMIT = jws.sign(permit(), jws.PERMIT, jws.generate_key(), "permit-1").encode()
OTHER = jws.sign(permit(), jws.PERMIT, jws.generate_key(), "permit-1").encode()


def draw(folder, payload, *, only=None):
    """The pictures of a permit's codes, as the bridge's page draws them."""
    folder.mkdir(exist_ok=True)
    found = []
    for number, text in enumerate(parts.split(payload), start=1):
        if only is None or number in only:
            found.append(folder / f"part-{number:02}.png")
            segno.make_qr(text, error="m", boost_error=False).save(str(found[-1]), scale=6, border=4)
    return found


class Told(list):
    def __call__(self, found):
        self.append(codes.told(found))


@pytest.fixture
def phone(site, tmp_path):
    """Shows a permit's codes to the camera, and is put away in the end."""

    def hold(payload, **which):
        site.set("camera", "show", *draw(tmp_path / "phone", payload, **which))

    yield hold
    site.set("camera", "empty")


def test_a_permit_is_read_from_the_camera_without_vision(site, phone):
    """PTW-09, BOX-03: enrolment's way: the camera is free, so it is opened here."""
    phone(PERMIT)
    told = Told()
    boxed = msgspec.structs.replace(box(site.directory), run=str(site.directory / "nobody"))
    assert codes.from_camera(boxed, 40, told) == PERMIT
    count = len(parts.split(PERMIT))
    assert len(told) == count
    assert told[0].startswith(f"1 of {count}, missing")
    assert told[-1] == f"{count} of {count}"


async def test_while_vision_holds_the_camera_it_hands_out_pictures_and_goes_on_looking(site, vision, enrolled, phone):
    """Reading codes neither takes the camera from vision nor ends its looking for faces."""
    import asyncio

    await vision.interlock.until(lambda item: isinstance(item, Camera) and item.health == "ok")
    readers = site.state()["camera"]["readers"]
    phone(PERMIT)
    assert await asyncio.to_thread(codes.from_camera, enrolled, 40, Told()) == PERMIT
    assert site.state()["camera"]["readers"] == readers, "one reader: the camera was not opened again"
    site.set("camera", "performer")
    vision.interlock.want("performer")
    await vision.interlock.until(lambda item: isinstance(item, Face) and item.person == "performer")


async def test_whoever_asks_for_pictures_and_does_not_read_them_holds_up_nobody(site, vision, enrolled):
    """BOX-03: faces are found while others hang on the socket."""
    await vision.interlock.until(lambda item: isinstance(item, Camera) and item.health == "ok")
    with contextlib.ExitStack() as open_:
        for _ in range(READERS + 2):
            rude = open_.enter_context(socket.socket(socket.AF_UNIX))
            rude.connect(str(enrolled.frames_socket))
            with contextlib.suppress(OSError):
                rude.sendall(ASK * 200)
        site.set("camera", "performer")
        vision.interlock.want("performer")
        await vision.interlock.until(lambda item: isinstance(item, Face) and item.person == "performer")
        with pytest.raises(ContractError, match="vision process"), Frames(enrolled.frames_socket) as one_too_many:
            one_too_many.ask()
    site.set("camera", "empty")


def test_what_is_missing_when_the_time_is_over_is_said(site, phone):
    phone(PERMIT, only={1, 3})
    count = len(parts.split(PERMIT))
    boxed = msgspec.structs.replace(box(site.directory), run=str(site.directory / "nobody"))
    with pytest.raises(ContractError, match=f"2 of {count}, missing 2, 4"):
        codes.from_camera(boxed, 6, Told())


def test_nothing_before_the_camera_is_said_with_what_to_do(site):
    boxed = msgspec.structs.replace(box(site.directory), run=str(site.directory / "nobody"))
    with pytest.raises(ContractError, match="hold the phone"):
        codes.from_camera(boxed, 2, Told())
    site.fault("camera", "black")
    try:
        with pytest.raises(ContractError, match="none: black"):
            codes.from_camera(boxed, 4, Told())
    finally:
        site.fault("camera", "none")


def test_a_folder_of_pictures_is_a_permit_in_any_order(tmp_path):
    """PTW-09: from a USB stick."""
    files = draw(tmp_path / "usb", PERMIT)
    (tmp_path / "usb" / "readme.txt").write_text("no picture")
    assert codes.pictures_of([tmp_path / "usb"]) == sorted(files)
    random.Random(1).shuffle(files)
    assert codes.from_pictures(files + files[:1], Told()) == PERMIT


def test_one_picture_may_show_several_codes(tmp_path):
    images = [cv2.imread(str(file)) for file in draw(tmp_path / "usb", PERMIT)]
    side = max(image.shape[0] for image in images)
    padded = [cv2.copyMakeBorder(i, 0, side - i.shape[0], 0, side - i.shape[1], cv2.BORDER_CONSTANT, value=(255,) * 3) for i in images]
    cv2.imwrite(str(tmp_path / "all.png"), np.hstack(padded))
    assert codes.from_pictures([tmp_path / "all.png"], Told()) == PERMIT


def test_pictures_of_two_permits_and_of_half_a_one_are_refused(tmp_path):
    mine, other = draw(tmp_path / "mine", PERMIT), draw(tmp_path / "other", OTHER)
    with pytest.raises(ContractError, match="the codes of one permit"):
        codes.from_pictures([*mine, *other], Told())
    with pytest.raises(ContractError, match="missing 1"):
        codes.from_pictures(mine[1:], Told())
    with pytest.raises(ContractError, match="missing 1"):
        codes.from_pictures([*mine[1:], other[0]], Told())


def test_what_is_no_picture_or_shows_no_code_is_refused(tmp_path):
    (tmp_path / "fake.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (tmp_path / "empty.png").touch()
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((200, 200), 127, np.uint8))
    segno.make_qr("WIFI:S:plant;;").save(str(tmp_path / "wifi.png"), scale=5)
    segno.make_qr("HB1/garbage").save(str(tmp_path / "bad.png"), scale=5)
    for name, said in (
        ("fake.png", "a picture of at most"), ("empty.png", "a picture of at most"), ("grey.png", "none in 1 pictures"),
        ("wifi.png", "none in 1 pictures"), ("bad.png", "HB1/digest"),
    ):  # fmt: skip
        with pytest.raises(ContractError, match=said):
            codes.from_pictures([tmp_path / name], Told())
    with pytest.raises(ContractError, match="at most 256 pictures"):
        codes.from_pictures([tmp_path / "grey.png"] * 257, Told())


def test_noise_never_becomes_a_permit():
    """ANT-10: the decoder is fed what a camera may see; nothing crashes, nothing is read."""
    chance = np.random.default_rng(7)
    reading = codes.Reading(Told())
    clean = cv2.imdecode(np.frombuffer(_png(parts.split(PERMIT)[0]), np.uint8), cv2.IMREAD_GRAYSCALE)
    began = time.monotonic()
    for share in np.linspace(0.02, 1.0, 40):
        noisy = np.where(chance.random(clean.shape) < share, chance.integers(0, 256, clean.shape), clean).astype(np.uint8)
        assert reading.see(noisy) is None
    assert reading.collected.assemblies in ((), (parts.begin(parts.read(parts.split(PERMIT)[0])),))
    assert time.monotonic() - began < 30


def _png(text):
    import io

    made = io.BytesIO()
    segno.make_qr(text, error="m", boost_error=False).save(made, kind="png", scale=6)
    return made.getvalue()
