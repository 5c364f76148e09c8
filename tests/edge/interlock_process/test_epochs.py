"""A box whose log was lost records and does not arm, in the process that drives the relay (ANT-09, BOX-05)."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contracts.checkpoint import NoteKey, cosign
from edge import sockets
from edge.audit.reader import Reader
from edge.interlock import evidence
from tests.edge.cli.box import Box, make_idle, until


@pytest.fixture(scope="module")
def worked() -> Iterator[Box]:
    """A box that has worked for a while, and was ended."""
    for box in make_idle():
        box.start()
        assert _audit(box)["ok"], "a new box needs no bridge"
        assert box.ask("permit_import", jws=box.permit())["ok"]
        assert box.end() == 0
        yield box


def _audit(box: Box) -> dict[str, Any]:
    found: dict[str, Any] = next(v for v in box.status()["verdicts"] if v["condition"] == "audit")
    return found


def _codes(box: Box) -> list[str]:
    return [reason["code"] for reason in _audit(box)["reasons"]]


def test_a_log_that_is_gone_with_its_epoch_is_noticed_and_opens_only_with_the_bridges_word(worked: Box) -> None:
    """The state file alone remembers that there was one."""
    shutil.rmtree(worked.folder / "data" / "audit")
    inner, outer = sockets.pair()
    worked.start(link=inner)
    inner.close()
    assert _codes(worked) == ["audit_epoch"]
    shown = worked.hotbox("status").stdout
    assert "the log begins anew" in shown
    log = Reader.open(worked.folder / "data" / "audit" / "audit.db")
    assert (log.log, log.events(0, 1)[0].type) == (2, "audit.epoch_started")
    _, note = until(log.checkpoint, "a checkpoint")
    signed = cosign(note, worked.witness.name, worked.witness_key, 1_790_000_000)
    assert sockets.send(outer, evidence.encode(evidence.AckOffer(sockets.now_us(), signed)))
    until(lambda: _audit(worked)["ok"], "the bridge's cosignature allows it")
    until(lambda: "audit.epoch_authorised" in [event.type for event in log.events(0, 100)], "it is recorded")
    log.close()
    outer.close()
    assert worked.end() == 0


def test_a_key_that_is_gone_stops_the_start_and_says_what_to_do(worked: Box) -> None:
    """Another key would take the good log for a bad one."""
    key = worked.folder / "data" / "keys" / "log_key.pem"
    kept = key.rename(key.with_suffix(".kept"))
    refused = worked.hotbox("provision")
    assert refused.returncode == 1
    assert "restore it from its backup" in refused.stdout + refused.stderr
    assert not key.exists()
    kept.rename(key)
    worked.start()
    assert _audit(worked)["ok"]
    assert worked.end() == 0


def test_a_replaced_box_is_provisioned_with_the_number_of_its_next_log(worked: Box, tmp_path: Path) -> None:
    """The old card is gone; the bridge knows two logs of this box."""
    file = worked.write(worked.read() | {"data": str(tmp_path / "data")}, "replaced.yaml")
    done = msgspec.json.decode(worked.hotbox("-c", str(file), "provision", "--log-epoch", "3", "--json").stdout)
    assert NoteKey.parse(done["vkey"]).name == "hotbox.example/box-1/3"
    assert done["bridge_command"].startswith("hotbox-bridge box authorise box-1 --epoch 3 ")
    again = worked.hotbox("-c", str(file), "provision", "--log-epoch", "2")
    assert again.returncode == 1
    assert "at least 3" in again.stderr + again.stdout


def test_a_record_that_the_card_has_spoilt_does_not_keep_the_box_from_starting() -> None:
    """A failing card may take any record; every start reads the newest of them (BOX-05)."""
    for box in make_idle():
        box.start()
        assert box.end() == 0
        path = box.folder / "data" / "audit" / "audit.db"
        log = Reader.open(path)
        raw = path.read_bytes()
        bodies = [body for seq in reversed(range(log.size() - 1)) if (body := log.leaf(seq)) is not None]
        log.close()
        body = next(body for body in bodies if raw.count(body) == 1)  # a long one is cut into pages
        path.write_bytes(raw.replace(body, body.replace(b'"v":1', b'"v"\xff1')))
        box.start()
        assert box.status()["audit"]["epoch"] == 2
        assert _codes(box) == ["audit_epoch"]
        assert box.end() == 0
