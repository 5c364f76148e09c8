"""For whom a tag stands, and the reader at its work over a real serial line."""

import asyncio
import json

import pytest

from contracts.errors import ContractError
from edge import config, sockets
from edge.interlock.evidence import Device, Tap
from edge.presence import nfc, process, tags
from edge.presence.tags import Tag, identifier, issue, load, withdraw
from tests.edge.eventually import eventually
from tests.edge.presence.box import FENCE, Interlock, box, simulated_site

CARD = "04A10000000001"


def test_a_tag_is_handed_out_given_another_meaning_and_withdrawn(tmp_path):
    file = tmp_path / "tags.json"
    issue(file, CARD, Tag(person="zhang"))
    assert load(file) == {CARD: Tag(person="zhang")}
    assert file.stat().st_mode & 0o777 == 0o640
    with pytest.raises(ContractError, match="stands for zhang; --replace"):
        issue(file, CARD, Tag(point="p1"))
    issue(file, CARD, Tag(point="p1"), replace=True)
    with pytest.raises(ContractError, match="stands for p1"):
        issue(file, CARD, Tag(point="p2"))
    assert load(file) == {CARD: Tag(point="p1")}
    withdraw(file, CARD)
    assert load(file) == {}
    with pytest.raises(ContractError, match="known: none"):
        withdraw(file, CARD)
    assert [path.name for path in tmp_path.iterdir()] == ["tags.json"]


@pytest.mark.parametrize(
    ("text", "plain"), [("04:a1:b2:c3", "04A1B2C3"), ("04 A1 B2 C3 D4 E5 F6", "04A1B2C3D4E5F6"), ("0" * 20, "0" * 20)]
)
def test_identifiers_are_read_as_they_are_printed(text, plain):
    assert identifier(text) == plain


@pytest.mark.parametrize("text", ["", "04A1", "04A1B2C3D4", "G4A1B2C3", "04A1B2C3\n"])
def test_what_is_no_identifier_is_refused(text):
    with pytest.raises(ContractError, match="8, 14 or 20 hex digits"):
        identifier(text)


@pytest.mark.parametrize(
    "entries", [{CARD: {}}, {CARD: {"person": "a", "point": "b"}}, {"xx": {"person": "a"}}, {CARD: {"person": "a b"}}, []], ids=str
)
def test_a_file_that_says_something_else_is_refused(tmp_path, entries):
    file = tmp_path / "tags.json"
    file.write_text(json.dumps(entries))
    file.chmod(0o640)
    with pytest.raises(ContractError, match=r"presence\.nfc\.tags"):
        load(file)


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_may_write_is_refused(tmp_path, mode):
    file = tmp_path / "tags.json"
    issue(file, CARD, Tag(person="zhang"))
    file.chmod(mode)
    with pytest.raises(ContractError, match="chmod 640"):
        load(file)


def test_a_missing_file_says_how_it_is_made(tmp_path):
    with pytest.raises(ContractError, match="hotbox provision tag"):
        load(tmp_path / "none.json")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with simulated_site(tmp_path_factory.mktemp("nfc"), "badges", "nfc") as running:
        yield running


@pytest.fixture
async def reading(site, tmp_path, monkeypatch):
    """The presence process with a reader, the interlock's end of its socket, and the file of tags."""
    monkeypatch.setattr(nfc, "RETRY_S", 0.1)
    site.fault("nfc", "none")
    site.press("nfc", "performer", 1)  # whatever the test before still held there is taken away
    await eventually(lambda: not site.state()["nfc"]["field"])
    file = tmp_path / "tags.json"
    issue(file, CARD, Tag(person="performer"))
    issue(file, "04B10000000001", Tag(point="point-1"))
    whole = box(site.directory)
    device = config.Nfc(str(site.directory / "nfc"), str(file))
    presence = config.Presence(FENCE, ("badge",), badges=whole.presence.badges, nfc=device)
    ours, theirs = sockets.pair()
    work = asyncio.create_task(process.run(box(site.directory, presence=presence), theirs))
    try:
        yield Interlock(ours), file
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        ours.close()


def tap(item):
    return isinstance(item, Tap)


def reader(*healths):
    return lambda item: isinstance(item, Device) and item.device == "nfc" and item.health in healths


async def test_a_card_and_a_point_and_a_stranger_are_told_apart_and_each_once(site, reading):
    """PTW-04, PTW-11"""
    interlock, _ = reading
    await interlock.until(reader("ok"))
    for name, what, said in (
        ("performer", "person", "performer"), ("point-1", "point", "point-1"), ("stranger", "unknown", "0B0B0B0B"),
    ):  # fmt: skip
        before_us = sockets.now_us()
        site.press("nfc", name, 700)
        read = await interlock.until(tap)
        assert (read.what, read.name) == (what, said)
        assert before_us <= read.at_us <= sockets.now_us()
        assert not [item for item in await interlock.listen(0.4) if tap(item)], "held for longer, told once"
    await interlock.listen(0.8)
    site.press("nfc", "performer")
    await interlock.until(tap)


async def test_a_tag_that_was_withdrawn_is_unknown_at_once(site, reading):
    interlock, file = reading
    await interlock.until(reader("ok"))
    withdraw(file, CARD)
    site.press("nfc", "performer")
    assert (await interlock.until(tap)).what == "unknown"
    file.unlink()
    await interlock.listen(1.0)
    site.press("nfc", "point-1")
    assert (await interlock.until(tap)).what == "unknown"


@pytest.mark.parametrize("fault", ["silent", "corrupt", "error"])
async def test_a_reader_that_fails_is_reported_and_comes_back(site, reading, fault):
    interlock, _ = reading
    await interlock.until(reader("ok"))
    site.fault("nfc", fault)
    site.press("nfc", "performer", 60_000)
    await interlock.until(reader("silent"))
    assert not [item for item in interlock.seen if tap(item)]
    site.fault("nfc", "none")
    await interlock.until(tap)
    await interlock.until(reader("ok"))
    site.press("nfc", "performer", 1)


async def test_a_reader_that_is_not_there_is_absent(site, tmp_path, monkeypatch):
    monkeypatch.setattr(nfc, "RETRY_S", 0.1)
    found = nfc.NfcReader(config.Nfc(str(tmp_path / "none"), ""), print)
    found.health = "ok"
    work = asyncio.create_task(found.run())
    try:
        async with asyncio.timeout(5):
            while found.health != "absent":  # noqa: ASYNC110 - the reader tells nobody
                await asyncio.sleep(0.01)
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def test_a_reader_without_a_file_of_tags_is_refused_at_the_start(site, tmp_path):
    whole = box(site.directory)
    device = config.Nfc(str(site.directory / "nfc"), str(tmp_path / "none.json"))
    presence = config.Presence(FENCE, ("badge",), badges=whole.presence.badges, nfc=device)
    with pytest.raises(ContractError, match=tags.FIELD):
        await process.run(box(site.directory, presence=presence), None)
