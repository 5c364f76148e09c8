"""The command line's look through vision's camera: what vision answers is a picture, or an error that says what to do."""

import asyncio
import os
import socket
import threading

import msgspec
import numpy as np
import pytest

from contracts.errors import ContractError
from edge.vision import frames
from edge.vision.camera import Frame
from edge.vision.frames import ASK, ASK_COLOUR, READERS, SPACING_S, Frames, FrameServer
from edge.vision.picture import Health
from tests.edge.presence.box import box


@pytest.fixture
def vision(tmp_path):
    """Something in vision's place: vision(b"…") answers the first question so; gives the path of its socket."""
    made = []

    def answering(said):
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(tmp_path / "frames.sock"))
        server.listen(1)

        def serve():
            with server.accept()[0] as peer:
                assert peer.recv(1) in (ASK, ASK_COLOUR)
                peer.sendall(said)

        thread = threading.Thread(target=serve)
        thread.start()
        made.append((server, thread))
        return tmp_path / "frames.sock"

    yield answering
    for server, thread in made:
        thread.join(5)
        server.close()


def test_a_picture_comes_with_its_health_and_time(vision):
    with Frames(vision(b'{"health":"ok","at_us":7,"width":2,"height":1,"planes":3}\n\x01\x02\x03\x04\x05\x06')) as asked:
        head, image = asked.ask_colour()
    assert (head.health, head.at_us) == ("ok", 7)
    assert (image == np.array([[[1, 2, 3], [4, 5, 6]]])).all()


def test_a_camera_without_a_picture_says_what_is_wrong_with_it(vision):
    with Frames(vision(b'{"health":"frozen"}\n')) as asked:
        head, image = asked.ask()
    assert (head.health, image) == ("frozen", None)


@pytest.mark.parametrize(
    "said",
    [
        b"", b"\n", b"[]\n", b"\xff\n", b'{"health":"\xff"}\n', b'{"deep":' + b"[" * 240 + b"\n",
        b'{"health":"ok","width":-1,"height":-1,"planes":3}\nx',
        b'{"health":"ok","width":2,"height":1,"planes":3}\n\x01\x02',
        b'{"health":"ok","width":2,"height":1,"planes":1}\n\x01\x02\x03\x04\x05\x06',
        b'{"health":"ok","width":65536,"height":65536,"planes":3}\n',
        b'{"health":"ok","width":2,"height":1,"planes":0}\n\x01\x02\x03\x04\x05\x06',
    ],
    ids=["nothing", "empty", "a list", "no text", "no word", "depth", "negative", "short", "grey", "huge", "no planes"],
)  # fmt: skip
def test_anything_else_is_no_picture(vision, said):
    """Whatever a picture made of vision, the command line says so and ends in order."""
    with Frames(vision(said)) as asked, pytest.raises(ContractError, match="camera"):
        asked.ask_colour()


# --- vision's end


@pytest.fixture
async def served(tmp_path):
    """What vision serves, and a list whose last element says how."""
    made = []

    async def serving(**settings):
        uids = settings.pop("uids", {})
        boxed = msgspec.structs.replace(box(tmp_path), uids=uids)
        server = FrameServer(boxed, lambda: PICTURE, lambda: Health.OK, **settings)
        await server.start()
        made.append(server)
        return boxed.frames_socket

    yield serving
    for server in made:
        await server.stop()


PICTURE = Frame(np.full((2, 3, 3), 7, np.uint8), 7, b"")


def colour_of(path):
    with Frames(path) as asked:
        return asked.ask_colour()


async def hung_up(reader):
    async with asyncio.timeout(5):
        try:
            return await reader.read() == b""
        except ConnectionResetError:
            return True


@pytest.mark.parametrize("name", ["link", "presence", "panel"])
async def test_another_process_of_the_box_gets_no_picture(served, monkeypatch, name):
    """A process that was taken over must not watch the people before the box."""
    path = await served(uids={name: 4711})
    monkeypatch.setattr(frames, "_uid_of", lambda _: 4711)
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(ASK_COLOUR)
    assert await hung_up(reader)
    writer.close()


@pytest.mark.parametrize("uid", [0, os.geteuid(), 4712], ids=["root", "vision itself", "a person of the group"])
async def test_people_of_the_group_and_vision_itself_do(served, monkeypatch, uid):
    path = await served(uids={"link": 4711, "vision": os.geteuid(), "presence": "nobody-of-this-name"})
    monkeypatch.setattr(frames, "_uid_of", lambda _: uid)
    _, image = await asyncio.to_thread(colour_of, path)
    assert (image == PICTURE.image).all()


async def test_silent_readers_are_hung_up_on_and_make_room(served):
    """Else two of them would keep everybody from enrolling."""
    path = await served(idle_s=0.2)
    silent = [await asyncio.open_unix_connection(str(path)) for _ in range(READERS)]
    for reader, _ in silent:
        assert await hung_up(reader)
    _, image = await asyncio.to_thread(colour_of, path)
    assert image is not None
    for _, writer in silent:
        writer.close()


async def test_a_reader_that_never_stops_asking_is_answered_at_a_bounded_rate(served):
    path = await served()
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(ASK * 100)
    began_s = asyncio.get_running_loop().time()
    for _ in range(5):
        await reader.readline()
        await reader.readexactly(6)
    assert asyncio.get_running_loop().time() - began_s >= 4 * SPACING_S
    writer.close()
