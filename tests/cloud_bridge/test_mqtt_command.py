"""`hotbox-bridge mqtt`, and the bridge over the mosquitto that it sets up (BOX-05, B1)."""

import asyncio
import json
import ssl
import stat
import subprocess

import pytest
from aiomqtt import Client, ProtocolVersion

from cloud_bridge.process import Broker
from contracts import topics
from tests.cloud_bridge.box_side import BoxLog, BoxSide
from tests.cloud_bridge.running import running
from tests.edge.link.mosquitto import MOSQUITTO
from tests.edge.link.site import free_port


@pytest.fixture(scope="module")
def box(cli):
    log = BoxLog("box-mqtt")
    cli("box", "add", log.box, "--vkey", log.vkey)
    return log


@pytest.fixture(scope="module")
def out(cli, tmp_path_factory):
    folder = tmp_path_factory.mktemp("broker") / "files"
    cli("mqtt", "setup", "--host", "broker.example", "--host", "192.0.2.20", "--out", str(folder))
    return folder


def test_setup_writes_all_that_mosquitto_needs(out, django_data):
    names = {"ca.pem", "server.pem", "server.key", "crl.pem", "acl", "mosquitto.conf"}
    assert {path.name for path in out.iterdir()} == names
    assert stat.S_IMODE((out / "server.key").stat().st_mode) == 0o640
    assert stat.S_IMODE((django_data.mqtt / "ca.key").stat().st_mode) == 0o600
    conf = (out / "mosquitto.conf").read_text()
    assert "cafile /etc/mosquitto/hotbox/ca.pem" in conf
    assert "listener 8883" in conf
    shown = subprocess.run(
        ["openssl", "x509", "-in", str(out / "server.pem"), "-noout", "-text"], capture_output=True, text=True, check=True
    ).stdout
    assert "DNS:broker.example, IP Address:192.0.2.20" in shown


def test_a_box_gets_a_certificate_and_rights_to_its_own_topics(cli, box, out, tmp_path):
    said = cli("mqtt", "box", box.box, "--out", str(tmp_path), "--hears", "site/co-1")
    assert "systemctl reload mosquitto" in said
    assert {path.name for path in tmp_path.iterdir()} == {"ca.pem", "box.pem", "box.key"}
    assert stat.S_IMODE((tmp_path / "box.key").stat().st_mode) == 0o600
    acl = (out / "acl").read_text()
    assert (
        "user box-mqtt\ntopic write hotbox/v1/box-mqtt/up/#\ntopic read hotbox/v1/box-mqtt/dn/#\ntopic read site/co-1\n"
        in acl
    )


def test_a_lost_box_loses_its_rights_and_its_certificate(cli, out, tmp_path):
    log = BoxLog("box-lost")
    cli("box", "add", log.box, "--vkey", log.vkey)
    cli("mqtt", "box", log.box, "--out", str(tmp_path))
    assert "user box-lost" in (out / "acl").read_text()
    cli("mqtt", "revoke", log.box)
    assert "user box-lost" not in (out / "acl").read_text()
    [row] = [row for row in json.loads(cli("mqtt", "list", "--json")) if row["name"] == log.box]
    assert row["revoked"]
    shown = subprocess.run(
        ["openssl", "crl", "-in", str(out / "crl.pem"), "-noout", "-text"], capture_output=True, text=True, check=True
    ).stdout
    assert shown.count("Serial Number:") == 1
    assert "with a certificate" in cli("mqtt", "revoke", log.box, code=2)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("box", "box-nobody", "--out", "x"), "a registered box"),
        (("box", "box-mqtt", "--out", "x", "--hears", "hotbox/v1/box-2/dn/ack"), "one topic outside hotbox/v1/"),
        (("box", "box-mqtt", "--out", "x", "--hears", "site/#"), "one topic outside hotbox/v1/"),
        (("box", "box-mqtt", "--out", "x", "--hears", "a\nuser box-2"), "one topic outside hotbox/v1/"),
        (("detector", "box-mqtt", "--topic", "a", "--out", "x"), "a name of its own"),
        (("detector", "hotbox-bridge-worker", "--topic", "a", "--out", "x"), "a name of its own"),
        (("revoke", "hotbox-bridge-ingest"), "with a certificate"),
    ],
)
def test_what_would_give_rights_of_others_is_refused(cli, box, out, words, expected):
    before = (out / "acl").read_text()
    assert expected in cli("mqtt", *words, code=2)
    assert (out / "acl").read_text() == before


def test_before_setup_it_says_what_to_run(tmp_path):
    from typer.testing import CliRunner

    from cloud_bridge.cli import app

    done = CliRunner().invoke(app, ["--data", str(tmp_path), "mqtt", "list"])
    assert (done.exit_code, "hotbox-bridge mqtt setup" in done.output) == (2, True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.20:1883", "mqtts://"),
        ("broker.example:1883", "mqtts://"),
        ("mqtt://broker.example:1883", "mqtts://"),
        ("mqtts://broker.example:8883", "certificates for"),
        ("http://127.0.0.1:1883", "HOST:PORT"),
        ("127.0.0.1", "HOST:PORT"),
        ("127.0.0.1:0", "HOST:PORT"),
        (":1883", "HOST:PORT"),
    ],
)
def test_plain_mqtt_off_this_machine_is_refused(tmp_path, text, expected):
    with pytest.raises(ValueError, match=f"expected .*{expected}"):
        Broker.parse(text, tmp_path)


@pytest.mark.parametrize("text", ["127.0.0.1:1883", "mqtt://127.0.0.1:1883", "[::1]:1883", "localhost:1883"])
def test_plain_mqtt_on_this_machine_is_allowed(tmp_path, text):
    assert Broker.parse(text, tmp_path).tls is None


def test_serve_refuses_plain_mqtt_over_a_network_before_it_does_anything(tmp_path):
    from tests.cloud_bridge.running import run_cli

    done = run_cli(tmp_path / "data", "serve", "--broker", "192.0.2.20:1883")
    assert done.returncode == 2
    assert "mqtts://" in done.stderr
    assert not (tmp_path / "data" / "bridge.db").exists()


async def test_bridge_and_box_meet_over_mosquitto(tmp_path):
    """The commands as they are typed, a real mosquitto, the real bridge; the box has nothing but its certificate."""
    from tests.cloud_bridge.running import run_cli

    data, files, port = tmp_path / "data", tmp_path / "broker", free_port()
    log = BoxLog("box-7")
    log.leaf()

    def say(*words):
        done = run_cli(data, *words)
        assert done.returncode == 0, done.stdout + done.stderr

    setup = ("--host", "127.0.0.1", "--out", str(files), "--at", str(files), "--port", str(port))
    say("mqtt", "setup", *setup)
    say("box", "add", log.box, "--vkey", log.vkey)
    say("mqtt", "box", log.box, "--out", str(tmp_path / "box"))
    with (files / "mosquitto.conf").open("a") as file:
        file.write("user root\n")
    broker = subprocess.Popen(  # noqa: ASYNC220 - it outlives the bridge's own processes
        [MOSQUITTO, "-c", str(files / "mosquitto.conf")], stderr=subprocess.DEVNULL
    )
    try:
        with running(data, "--broker", f"mqtts://127.0.0.1:{port}") as bridge:
            assert json.loads((data / "bridge.json").read_text())["broker"]["tls"] is True
            tls = ssl.create_default_context(cafile=str(tmp_path / "box" / "ca.pem"))
            tls.load_cert_chain(tmp_path / "box" / "box.pem", tmp_path / "box" / "box.key")
            async with Client(
                "127.0.0.1", port, identifier=log.box, protocol=ProtocolVersion.V5, tls_context=tls
            ) as client:
                await client.subscribe(topics.dn(log.box, "+"), qos=1)
                side = BoxSide(log, client)
                await _witnessed(side, bridge)
    finally:
        broker.kill()
        broker.wait()


async def _witnessed(side, bridge):
    task = asyncio.create_task(side.listen())
    try:
        await side.sync()
        await side.acknowledged(bridge.witness, 1)
        revocations = await side.wait_for("revoke")
        assert revocations, "the worker's topics are open, too"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
