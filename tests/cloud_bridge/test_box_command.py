"""`hotbox-bridge box`."""

import json

import pytest

from contracts.checkpoint import NoteKey
from tests.cloud_bridge.box_side import BoxLog, read_keys


@pytest.fixture(scope="module")
def log(cli):
    log = BoxLog("box-command")
    cli("box", "add", log.box, "--vkey", log.vkey, "--name", "维修间", "--place", "一楼")
    return log


def test_adding_a_box_prints_the_public_keys_of_the_bridge(cli, log, django_data):
    said = cli("box", "add", log.box, "--vkey", log.vkey)
    assert (django_data.public / "witness.vkey").read_text().strip() in said
    assert '"crv": "Ed25519"' in said
    assert "PRIVATE" not in said
    assert '"d"' not in said


def test_trust_writes_keys_that_a_box_can_read(cli, log, tmp_path):
    cli("box", "trust", log.box, "--out", str(tmp_path))
    assert set(read_keys(tmp_path / "permit_keys.json")).isdisjoint(read_keys(tmp_path / "command_keys.json"))
    assert NoteKey.parse((tmp_path / "witness.vkey").read_text()).kind == 4


def test_the_list_shows_name_state_and_log(cli, log):
    [row] = [row for row in json.loads(cli("box", "list", "--json")) if row["box"] == log.box]
    assert (row["name"], row["state"], row["stored"], row["witnessed"]) == ("维修间", "unknown", 0, 0)


def test_another_key_for_a_known_epoch_is_refused(cli, log):
    assert "a replaced box starts a new epoch" in cli("box", "add", log.box, "--vkey", BoxLog(log.box).vkey, code=2)


def test_a_second_epoch_is_refused_until_two_people_authorise_it(cli, log):
    assert "two people" in cli("box", "add", log.box, "--vkey", BoxLog(log.box, epoch=2).vkey, code=2)


@pytest.mark.parametrize("vkey", ["nonsense", BoxLog("another-box").vkey], ids=["no key", "another box's key"])
def test_a_wrong_key_is_refused_with_what_was_expected(cli, vkey):
    assert "expected" in cli("box", "add", "box-wrong", "--vkey", vkey, code=2)
