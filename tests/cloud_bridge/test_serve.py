"""The bridge as a whole: started by one command, a permit from application to the box's acceptance, and its end."""

import contextlib
import json
import stat

import httpx
import psutil
import pytest

from contracts import jws
from contracts.permit import PermitClaims, Revocations
from tests.cloud_bridge.box_side import BoxLog, connected, read_keys
from tests.cloud_bridge.running import run_cli, until


@pytest.fixture(scope="module")
def box(bridge, tmp_path_factory):
    """A registered box and the folder with the keys that it trusts."""
    log = BoxLog("box-serve")
    bridge.add_box(log, name="动火盒 1", place="3# 平台")
    keys = tmp_path_factory.mktemp("trust")
    bridge.cli("box", "trust", log.box, "--out", str(keys))
    return log, keys


async def test_a_permit_goes_from_application_through_two_signatures_to_the_box(bridge, box):
    """BOX-08, PTW-03, PTW-07, PTW-26."""
    log, keys = box
    shen, fang, zhou = (bridge.visitor(name) for name in ("shen", "fang", "zhou"))
    async with connected(log, bridge.host, bridge.port, keys) as side:
        await side.state("LOCKED")
        jti = shen.apply(log.box)
        assert shen.json(f"/api/v1/permits/{jti}")["state"] == "pending_approval"
        fang.approve(jti)
        assert shen.json(f"/api/v1/permits/{jti}")["state"] == "pending_approval"
        zhou.approve(jti)
        token = (await side.wait_for("permit")).decode()
        claims = jws.verify(token, jws.PERMIT, read_keys(keys / "permit_keys.json"), PermitClaims)
        claims.check()
        assert (claims.jti, claims.aud, claims.lease_s) == (jti, log.box, 28_800)
        assert [(a.by, a.office) for a in claims.approvals] == [("fang", "安全环保部"), ("zhou", "生产部")]
        assert {(p.id, p.role.value, p.badge) for p in claims.people} == {
            ("performer", "performer", 1001),
            ("guardian", "guardian", 1002),
        }
        await side.acknowledged(bridge.witness, len(log.leaves))
        until(lambda: shen.json(f"/api/v1/permits/{jti}")["state"] == "accepted")

        # Revoked by a safety officer: the list reaches the box with a higher revision.
        lists = read_keys(keys / "permit_keys.json")
        first = jws.verify((await side.wait_for("revoke")).decode(), jws.REVOCATIONS, lists, Revocations)
        bridge.visitor("an").post(f"/permits/{jti}/revoke", {"reason": "工况变化"}, page=f"/permits/{jti}/")

        def revoked(payload):
            listed = jws.verify(payload.decode(), jws.REVOCATIONS, lists, Revocations)
            return jti in listed.revoked and listed.rev > first.rev

        await side.wait_for("revoke", revoked)
    assert shen.json(f"/api/v1/permits/{jti}")["state"] == "revoked"
    assert "工况变化" in shen.get(f"/permits/{jti}/")


def test_first_password_is_printed_once_kept_hashed_and_works(bridge):
    password = (bridge.data / "first_password").read_text().strip()
    assert bridge.output.read_text().count(password) == 1
    assert stat.S_IMODE((bridge.data / "first_password").stat().st_mode) == 0o600
    assert password.encode() not in (bridge.data / "bridge.db").read_bytes()
    assert "一次性密码" in bridge.visitor("admin", password).get("/")


def test_private_keys_are_closed_and_the_public_folder_holds_none(bridge):
    for path in ("signer/permit_key.pem", "signer/command_key.pem", "ingest/cosign_key.pem", "faces/faces_key.pem", "secret_key", "bridge.db"):
        assert stat.S_IMODE((bridge.data / path).stat().st_mode) == 0o600, path
    assert all(
        "PRIVATE" not in path.read_text() and '"d"' not in path.read_text()
        for path in (bridge.data / "public").iterdir()
    )


def test_check_finds_nothing_wrong_and_names_a_key_that_others_can_read(cli, django_data):
    from cloud_bridge.boxes.models import Alert

    Alert.objects.filter(open=True).update(open=False)  # of other tests, on the same data
    assert "✔" in cli("check")
    key = django_data.signer / "permit_key.pem"
    key.chmod(0o644)
    try:
        assert "permit_key.pem: expected mode 0600, got 0644" in cli("check", code=1)
    finally:
        key.chmod(0o600)


@pytest.mark.parametrize("name", ["signer", "worker", "ingest", "enrolment", "notify", "web-1"])
def test_a_process_that_dies_is_started_again(bridge, name):
    before = json.loads((bridge.data / "bridge.json").read_text())["processes"][name]
    title = f"hb-{name}"
    found = [p for p in psutil.Process(bridge.process.pid).children() if p.name() == title]
    assert len(found) == 1
    found[0].kill()
    until(lambda: [p for p in alive_children(bridge, title) if p != found[0]])
    until(lambda: httpx.get(f"{bridge.url}/healthz").status_code == 200)
    assert before


def alive_children(bridge, title):
    for child in psutil.Process(bridge.process.pid).children():
        with contextlib.suppress(psutil.Error):
            if child.name() == title and child.status() != psutil.STATUS_ZOMBIE:
                yield child


def test_serving_others_without_a_certificate_is_refused(tmp_path):
    done = run_cli(tmp_path / "data", "serve", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode != 0
    assert "expected HTTPS" in done.stderr
