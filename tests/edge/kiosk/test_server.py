"""The page's server: what it serves, to whom, and that an old picture is none."""

import asyncio
import contextlib
import socket

import httpx
import msgspec
import pytest

from contracts import jws
from edge.interlock.state import Durable
from edge.interlock.status import PermitAnswerView
from edge.kiosk.server import LOST, SILENT_S, WATCHERS, Board, Screen
from edge.kiosk.signer import PlaceSigner
from edge.panel.wiring import Kiosk
from tests.edge.interlock.bench import Bench
from tests.edge.panel.test_patterns import _status


@pytest.fixture
def status():
    token = PlaceSigner("box-1", jws.generate_key()).token(Durable(), 1, 1)
    return msgspec.structs.replace(_status(Bench().prepare()), place_token=token)


@pytest.fixture
async def screen():
    made = Screen(Kiosk(port=0))
    task = asyncio.create_task(made.serve())
    yield made
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    made.close()


@pytest.fixture
async def client(screen):
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{screen.port}") as made:
        yield made


@pytest.mark.parametrize("path", ["/", "/kiosk.js", "/kiosk.css"])
async def test_everything_it_serves_is_its_own_and_runs_no_inline_script(client, path):
    answer = await client.get(path)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http://" not in answer.text
    assert "https://" not in answer.text
    assert "<script>" not in answer.text
    assert " style=" not in answer.text


async def test_a_foreign_name_is_not_answered(client):
    """A page elsewhere that renames itself to this machine reads nothing."""
    assert (await client.get("/", headers={"host": "evil.example"})).status_code == 400


async def _first(client):
    async with client.stream("GET", "/live") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                return msgspec.json.decode(line.removeprefix("data: "))
    raise AssertionError("the stream ended")


async def test_the_stream_begins_with_what_is_known(client, screen, status):
    assert await _first(client) == {"lost": True}
    screen.board.hear(status)
    assert (await _first(client))["state"] == "PERMISSIVE_OK"


async def test_a_new_status_arrives_at_once(client, screen, status):
    screen.board.hear(status)
    async with client.stream("GET", "/live") as answer, asyncio.timeout(5):
        lines = answer.aiter_lines()
        async for line in lines:
            if "PERMISSIVE_OK" in line:
                screen.board.hear(msgspec.structs.replace(status, state="RELEASED"))
            elif "RELEASED" in line:
                break


def test_what_the_interlock_said_too_long_ago_is_not_shown(status):
    now = [100.0]
    board = Board(lambda: now[0])
    assert board.now() == LOST
    board.hear(status)
    now[0] += SILENT_S
    assert b"PERMISSIVE_OK" in board.now()
    now[0] += 0.001
    assert board.now() == LOST


async def test_the_code_is_a_picture_and_gone_when_nobody_speaks(client, screen, status):
    assert (await client.get("/qr.svg")).status_code == 503
    screen.board.hear(status)
    answer = await client.get("/qr.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.text.startswith("<svg")
    assert "<script" not in answer.text
    screen.board.hear(msgspec.structs.replace(status, place_token=""))
    assert (await client.get("/qr.svg")).status_code == 503


async def test_the_acceptance_is_a_picture_and_gone_with_the_permit(client, screen, status):
    """PTW-09."""
    screen.board.hear(status)
    assert (await client.get("/receipt.svg")).status_code == 503
    screen.board.hear(msgspec.structs.replace(status, permit_answer=PermitAnswerView(accepted="HW-1", receipt="x" * 400)))
    assert (await client.get("/receipt.svg")).text.startswith("<svg")


async def test_one_screen_too_many_is_told_so(client, screen):
    screen.board.watchers = WATCHERS
    assert (await client.get("/live")).status_code == 503


async def test_a_port_in_use_leaves_the_link_without_a_screen(caplog):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        screen = Screen(Kiosk(port=taken.getsockname()[1]))
        assert screen.port == 0
        assert "no screen" in caplog.text
        serving = asyncio.create_task(screen.serve())
        done, _ = await asyncio.wait([serving], timeout=0.05)
        assert not done
        serving.cancel()
        screen.close()
