"""The command line's look through vision's camera: what vision answers is a picture, or an error that says what to do."""

import socket
import threading

import numpy as np
import pytest

from contracts.errors import ContractError
from edge.vision.frames import ASK, ASK_COLOUR, Frames


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
