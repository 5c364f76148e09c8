"""The bridge is killed and comes back: its children go with it, and every event is there once."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys

import psutil

from cloud_bridge.process import SignOfLife
from tests.cloud_bridge.box_side import BoxLog, connected
from tests.cloud_bridge.running import ROOT, clean_environment, running, until

RENEW_S = 30
"""How often lists are renewed (cloud_bridge.permits.delivery, which cannot be imported before Django is set up)."""


def free_port():
    from cloud_bridge.supervisor import free_port

    return free_port()


@contextlib.contextmanager
def broker_alone(data, port):
    """`hotbox-bridge broker`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cloud_bridge.cli", "--data", str(data), "broker", "--port", str(port)],
        env=clean_environment(),
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


async def test_killed_with_its_children_and_started_again_it_has_every_event_once(tmp_path):
    data, port, log = tmp_path / "data", free_port(), BoxLog("box-restart")
    with broker_alone(data, port):
        with running(data, "--broker", f"127.0.0.1:{port}") as bridge:
            bridge.add_box(log)
            for step in range(30):
                log.leaf(step=step)
            async with connected(log, bridge.host, bridge.port) as side:
                await side.send("log", log.batch(0, 20))
                await side.send("cp", log.note(20))
                await side.acknowledged(bridge.witness, 20)
            children = psutil.Process(bridge.process.pid).children()
            assert len(children) == 7, "ingest, worker, signer, enrolment, notify, two web workers; the broker is not ours"
            os.kill(bridge.process.pid, signal.SIGKILL)
            until(lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children))
        with running(data, "--broker", f"127.0.0.1:{port}") as bridge:
            async with connected(log, bridge.host, bridge.port) as side:
                await side.acknowledged(bridge.witness, 20)
                await side.sync()
                await side.acknowledged(bridge.witness, 30)
            assert "30 records unchanged, witnessed up to 30" in bridge.cli("audit", "verify")
            assert json.loads(bridge.cli("audit", "verify", "--json"))[0]["ok"] is True


async def test_a_broker_that_was_killed_has_what_boxes_need_again_long_before_the_next_renewal(tmp_path):
    """BOX-08: the revocation list is the box's lease; the embedded broker forgets what was retained."""
    data, port, log = tmp_path / "data", free_port(), BoxLog("box-forgotten")
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(broker_alone(data, port))
        bridge = stack.enter_context(running(data, "--broker", f"127.0.0.1:{port}"))
        bridge.add_box(log)
        log.leaf()
        async with connected(log, bridge.host, bridge.port) as side:
            await side.wait_for("revoke")
            await side.sync()
            await side.acknowledged(bridge.witness, 1)
        first.kill()
        first.wait()
        stack.enter_context(broker_alone(data, port))
        until(lambda: _listens(port))
        async with asyncio.timeout(RENEW_S / 3), connected(log, bridge.host, bridge.port) as side:
            await side.wait_for("revoke")
            await side.acknowledged(bridge.witness, 1)


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_changed_byte_in_the_stored_log_is_found_and_named(cli, django_data):
    from cloud_bridge.boxes.models import Event
    from cloud_bridge.boxes.registry import register
    from cloud_bridge.boxes.store import store_batch
    from contracts import topics

    log = BoxLog("box-tampered")
    register(log.box, log.vkey)
    for step in range(5):
        log.leaf(step=step)
    store_batch(log.box, topics.BatchHead(log.origin, 0, 5), log.leaves)
    assert "5 records unchanged" in cli("audit", "verify", log.box, code=4)
    row = Event.objects.get(box=log.box, seq=3)
    Event.objects.filter(pk=row.pk).update(leaf=bytes(row.leaf).replace(b'"step":3', b'"step":4'))
    assert "record 4 does not continue the chain" in cli("audit", "verify", log.box, code=1)


def test_a_sign_of_life_goes_when_the_process_stops_working(tmp_path):
    alive = SignOfLife(tmp_path, "ingest")
    alive.touch()
    assert (tmp_path / "ingest.alive").exists()
    alive.pause()
    assert not (tmp_path / "ingest.alive").exists()
