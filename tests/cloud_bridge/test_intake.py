"""Segments that come in: the box's own lane against the real intake, a disk that fails, and the bound of the space."""

import os

import msgspec
import pytest

from contracts.commitment import commit
from contracts.media import MAX_PIECE_BYTES, Piece, pack
from edge.link.media import MediaLane
from tests.cloud_bridge.box_side import BoxLog
from tests.cloud_bridge.recordings import segment
from tests.cloud_bridge.test_pages import client
from tests.cloud_bridge.test_video import GIB, bring, clip_of, tell

_boxes = iter(range(1000))


def registered():
    from cloud_bridge.boxes.registry import register

    found = BoxLog(f"box-intake-{next(_boxes)}")
    register(found.box, found.vkey)
    return found


@pytest.fixture
def log(django_data):
    return registered()


@pytest.fixture
def shelf(django_data):
    """One of its own, with no recording counted but this test's."""
    from cloud_bridge.video.models import Clip
    from cloud_bridge.video.shelf import Shelf

    Clip.objects.filter(state="held").update(state="expired")
    return Shelf(django_data.media / f"shelf-{next(_boxes)}")


@pytest.fixture
def intake(shelf):
    return opened(shelf, GIB)


def opened(shelf, most):
    from cloud_bridge.video.intake import Intake

    return Intake(shelf, most)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def sent_by_a_box(intake, log, one, most_steps=500):
    """The box's lane sends it; the answer that ended it, and how many messages went."""
    clock, went = Clock(), 0
    lane = MediaLane(clock)
    lane.begin(one.commitment, len(one.body), one.salt.hex())
    for _ in range(most_steps):
        going = lane.going()
        if going is None:
            clock.now += 1.0
            continue
        lane.went(going)
        went += 1
        payload = pack(going.piece, one.body[going.piece.at : going.piece.at + going.bytes])
        answer = intake.take(log.box, payload).answer
        assert answer is None or lane.is_for(answer)
        ended = lane.answered(answer) if answer is not None else None
        if ended is not None:
            return ended.state, went
    return "", went


def test_a_box_sends_a_segment_as_it_is(log, intake, shelf):
    one = segment()
    tell(log, one)
    state, went = sent_by_a_box(intake, log, one)
    assert (state, went) == ("held", 1 + len(one.pieces()))
    assert shelf.is_sound(log.box, one.commitment)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_last_write_that_failed_stops_no_boxs_recordings(log, intake, shelf, monkeypatch, restarted):
    """BOX-05: a disk that was full at the last piece, or a power cut there; then it goes on."""
    from cloud_bridge.video import shelf as module

    one = segment()
    tell(log, one)

    def fails(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module, "_write", fails)
        assert sent_by_a_box(intake, log, one)[0] == "later"
    assert shelf.path(log.box, one.commitment, ".part").stat().st_size == len(one.body)
    state, went = sent_by_a_box(opened(shelf, GIB) if restarted else intake, log, one)
    assert (state, went) == ("held", 1), "nothing of it is sent again"
    assert clip_of(one).is_held


def test_a_whole_part_that_is_something_else_is_asked_for_anew(log, intake, shelf):
    """Negative control: what lay there is looked at, not believed."""
    one = segment()
    tell(log, one)
    shelf.append(log.box, one.commitment, 0, bytes(len(one.body)))
    taken = intake.take(log.box, one.piece())
    assert (taken.answer.state, taken.answer.have, taken.answer.again) == ("want", 0, True)
    assert sent_by_a_box(intake, log, one)[0] == "held"


def test_no_copy_that_is_something_else_ends_a_segment(log, intake):
    """ANT-11: whoever can publish for a box sends one after the other; the box's own is taken all the same, and counted."""
    one = segment()
    tell(log, one)
    forged = msgspec.structs.replace(one, body=one.body[:-9] + b"x" + one.body[-8:])
    last = [[intake.take(log.box, payload) for payload in forged.pieces()][-1] for _ in range(7)]
    assert [taken.answer.state for taken in last] == ["want", "want", "later", "want", "want", "later", "want"]
    assert all(taken.wrong.field == "media.commitment" for taken in last)
    page = client("an").get(f"/video/{clip_of(one).pk}/").content.decode()
    assert "收到但不符" in page
    assert "7 <span" in page
    assert sent_by_a_box(intake, log, one)[0] == "held"
    assert clip_of(one).is_held


@pytest.mark.parametrize("bound", [False, True])
@pytest.mark.parametrize("by", [-1, 1])
def test_nobody_has_the_bridge_sign_the_end_of_anothers_segment(log, shelf, bound, by):
    """ANT-11: not with a piece of another size, before the segment came, while it comes, or with another salt."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from cloud_bridge.video.intake import Intake

    one = segment()
    tell(log, one)
    intake = Intake(shelf, GIB, Ed25519PrivateKey.generate())
    others = [
        Piece(one.commitment, len(one.body) + by, one.salt.hex(), signed=True, bound=bound),
        Piece(one.commitment, len(one.body) + by, "0" * 64, signed=True, bound=bound),
    ]
    for begun in (False, True):
        for piece in others:
            answer = intake.take(log.box, pack(piece, b"")).answer
            assert (answer.state, answer.signature, str(len(one.body)) in answer.detail) == ("later", "", True)
        if not begun:
            intake.take(log.box, one.pieces()[0])
    assert intake.take(log.box, one.piece()).answer.have == MAX_PIECE_BYTES, "what had come is still here"
    assert sent_by_a_box(intake, log, one)[0] == "held"


def test_the_bridges_answer_names_the_piece_that_it_answers(log, shelf):
    """A box that asked so hears no other; one of before gets what it can read."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from cloud_bridge.video.intake import Intake
    from contracts.checkpoint import note_key
    from contracts.media import check_answer, is_to

    key, one = Ed25519PrivateKey.generate(), segment()
    tell(log, one)
    intake = Intake(shelf, GIB, key)
    own = Piece(one.commitment, len(one.body), one.salt.hex(), signed=True, bound=True)
    asked = intake.take(log.box, pack(own, b"")).answer
    assert (asked.state, is_to(asked, own)) == ("want", True)
    assert sent_by_a_box(intake, log, one)[0] == "held"
    for piece in (own, msgspec.structs.replace(own, salt="0" * 64)):
        answer = intake.take(log.box, pack(piece, b"")).answer
        check_answer(answer, log.box, note_key("bridge", key, cosigner=True))
        assert (answer.state, is_to(answer, piece), is_to(answer, own)) == ("held", True, piece == own)


def test_an_update_takes_again_what_copies_had_ended(log, intake):
    from importlib import import_module

    from django.apps import apps

    from cloud_bridge.video.models import Clip

    one = segment()
    tell(log, one)
    Clip.objects.filter(commitment=one.commitment).update(state="refused")
    assert sent_by_a_box(intake, log, one)[0] == "refused"
    import_module("cloud_bridge.video.migrations.0004_never_refused").take_again(apps, None)
    assert sent_by_a_box(intake, log, one)[0] == "held"


def test_the_last_word_is_signed_for_a_box_that_wants_it_so(log, shelf):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from cloud_bridge.video.intake import Intake
    from contracts.checkpoint import note_key
    from contracts.media import check_answer

    key, one = Ed25519PrivateKey.generate(), segment()
    tell(log, one)
    intake = Intake(shelf, GIB, key)
    assert sent_by_a_box(intake, log, one)[0] == "held"
    asked = Piece(one.commitment, len(one.body), one.salt.hex(), signed=True)
    answer = intake.take(log.box, pack(asked, b"")).answer
    check_answer(answer, log.box, note_key("bridge", key, cosigner=True))
    assert intake.take(log.box, one.piece()).answer.signature == "", "an older box would not read it"


def test_no_piece_may_speak_of_another_size_than_the_first(log, shelf, intake):
    """What is counted is what the log says: more than that is never written."""
    one = segment()
    body = os.urandom(300_000)
    one = msgspec.structs.replace(one, body=body, commitment=commit(one.salt, body))
    tell(log, one, bytes=2, frames=1)
    assert intake.take(log.box, pack(Piece(one.commitment, 2, one.salt.hex()), b"")).answer.state == "want"
    assert {intake.take(log.box, payload).answer.state for payload in one.pieces()} == {"later"}
    assert not clip_of(one).is_held
    assert shelf.parts() == {}


def test_a_segment_has_its_place_from_its_first_word_on(log, shelf):
    """Twenty that are begun side by side take no more than one would."""
    many = [segment(4) for _ in range(20)]
    tell(log, *many)
    most = max(len(one.body) for one in many) + 100
    intake = opened(shelf, most)
    begun = [intake.take(log.box, one.piece()).answer.state for one in many]
    assert begun == ["want"] + ["later"] * 19
    for one in reversed(many):
        for payload in one.pieces():
            intake.take(log.box, payload)
    held = [one for one in many if clip_of(one).is_held]
    assert sum(len(one.body) for one in held) + shelf.coming() <= most
    assert held


def test_a_place_that_nobody_uses_is_another_boxs(shelf, monkeypatch):
    from cloud_bridge.video import intake as module

    log, other = registered(), registered()
    one, two = segment(4), segment(4)
    tell(log, one)
    tell(other, two)
    intake = opened(shelf, max(len(one.body), len(two.body)) + 100)
    assert intake.take(log.box, one.piece()).answer.state == "want"
    assert intake.take(other.box, two.piece()).answer.state == "later"
    monkeypatch.setattr(module, "IDLE_S", 0.0)
    assert intake.take(other.box, two.piece()).answer.state == "want"


def test_a_disk_that_fills_while_a_segment_comes_takes_no_more_of_it(log, intake, shelf, monkeypatch):
    one = segment()
    tell(log, one)
    pieces = one.pieces()
    intake.take(log.box, pieces[0])
    with monkeypatch.context() as patch:
        patch.setattr(type(shelf), "spare", lambda _: MAX_PIECE_BYTES - 1)
        assert intake.take(log.box, pieces[1]).answer.state == "later"
    assert shelf.coming() == MAX_PIECE_BYTES
    assert bring(intake, log, one, MAX_PIECE_BYTES).state == "held"


def test_what_must_be_kept_is_taken_when_ordinary_recordings_are_no_more(log, shelf):
    """GB 30871-2022 B.3: 特级 first."""
    first, ordinary, kept = segment(), segment(4), segment(4)
    tell(log, first)
    tell(log, ordinary, keep=False)
    tell(log, kept)
    intake = opened(shelf, len(first.body) + 2 * len(kept.body))
    assert bring(intake, log, first).state == "held"
    small = opened(shelf, int(len(first.body) * 8 / 7) + 8)
    assert len(kept.body) * 7 > len(first.body), "it would fit into no eighth"
    assert small.take(log.box, ordinary.piece()).answer.state == "later"
    small = opened(shelf, len(first.body) + len(kept.body) + 8)
    assert (len(first.body) + len(ordinary.body)) * 8 > 7 * (len(first.body) + len(kept.body) + 8)
    assert small.take(log.box, ordinary.piece()).answer.state == "later"
    assert small.take(log.box, kept.piece()).answer.state == "want"


def test_one_box_does_not_keep_the_others_out(shelf):
    """Whatever it says of its recordings: the last quarter is for boxes that have less than their share."""
    greedy, modest = registered(), registered()
    many, one = [segment(4) for _ in range(12)], segment(4)
    tell(greedy, *many)
    tell(modest, one)
    size = max(len(each.body) for each in (*many, one))
    intake = opened(shelf, 8 * size)
    assert bring(intake, modest, one).state == "held"
    states = [bring(intake, greedy, each).state for each in many]
    assert states.count("held") in (5, 6)
    two = segment(4)
    tell(modest, two)
    assert bring(intake, modest, two).state == "held"


def test_a_full_shelf_is_told_on_the_page_by_check_and_in_the_metrics(log, shelf, intake, monkeypatch, cli):
    from cloud_bridge.video.intake import GIB as NAME

    one = segment()
    tell(log, one)
    assert bring(intake, log, one).state == "held"
    full = "The space for recordings is full"
    assert full not in client("an", "en").get("/video/").content.decode()
    monkeypatch.setenv(NAME, "0")
    assert full in client("an", "en").get("/video/").content.decode()
    assert "录像空间已满" in client("an").get("/video/").content.decode()
    assert "✘ recordings: expected less than 7/8 of 0 bytes" in cli("check", "--quick", code=1)
    lines = client("an").get("/metrics").content.decode().splitlines()
    assert "hotbox_bridge_video_most_bytes 0" in lines
    used = next(line for line in lines if line.startswith("hotbox_bridge_video_bytes "))
    assert int(used.split()[1]) >= len(one.body)


def test_an_ask_costs_little_however_many_recordings_there_are(log, shelf):
    """The thread that writes what all boxes send does not count the shelf for each message."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    one = segment(4)
    tell(log, one)
    intake = opened(shelf, 10)
    assert intake.take(log.box, one.piece()).answer.state == "later"
    with CaptureQueriesContext(connection) as seen:
        assert intake.take(log.box, one.piece()).answer.state == "later"
    assert len(seen) == 2, [each["sql"] for each in seen]
    assert not any("SUM" in each["sql"] for each in seen)
