"""Recordings at the bridge: an index by permit and clock offset, pictures that are what was committed to, and their end."""

import os
import stat
import time
from importlib import import_module
from types import SimpleNamespace

import msgspec
import pytest

from contracts import topics
from contracts.errors import ContractError
from contracts.media import MAX_PIECE_BYTES, Piece, check_answer, pack, read_answer
from contracts.video import MAX_SEGMENT_BYTES
from tests.cloud_bridge.box_side import BoxLog, connected
from tests.cloud_bridge.recordings import OFFSET_MS, Segment, segment
from tests.cloud_bridge.running import until
from tests.cloud_bridge.test_ingest import rejected
from tests.cloud_bridge.test_pages import client

DAY_MS = 86_400_000
GIB = 2**30
_boxes = iter(range(1000))


@pytest.fixture
def log(django_data):
    """A registered box of its own."""
    from cloud_bridge.boxes.registry import register

    found = BoxLog(f"box-video-{next(_boxes)}")
    register(found.box, found.vkey, name="录像盒")
    return found


@pytest.fixture
def shelf(django_data):
    from cloud_bridge.video.shelf import Shelf

    return Shelf(django_data.media)


@pytest.fixture
def intake(shelf):
    from cloud_bridge.video.intake import Intake

    return Intake(shelf, GIB)


def tell(log, *recorded: Segment, permit="HW-V-1", signed=True, **changes):
    """Their records come with the log, signed for; an event that is not of recordings is between them."""
    from cloud_bridge.boxes.store import store_batch

    first = len(log.leaves)
    for one in recorded:
        log.leaf()
        log.leaf("video.segment", permit=permit, **one.record(**changes))
    store_batch(log.box, *topics.unpack_batch(log.batch(first)))
    if signed:
        log.witness()


def clip_of(one: Segment):
    from cloud_bridge.video.models import Clip

    return Clip.objects.get(commitment=one.commitment)


def bring(intake, log, one: Segment, at=0):
    """All its pieces; the last answer."""
    taken = None
    for payload in one.pieces(at):
        taken = intake.take(log.box, payload)
    return taken.answer


# --- the index


def test_each_segment_of_the_log_is_a_row_with_permit_and_clock_offset(log):
    """ANT-11: structured data, linked to the permit, whether or not a picture ever comes."""
    one = segment()
    tell(log, one)
    clip = clip_of(one)
    assert (clip.box_id, clip.permit, clip.log, clip.seq) == (log.box, "HW-V-1", 1, 1)
    assert (clip.first_us, clip.last_us, clip.offset_ms) == (one.first_us, one.last_us, OFFSET_MS)
    assert clip.first_ms == one.first_us // 1000 + OFFSET_MS
    assert (clip.clock, clip.tq, clip.te, clip.frames, clip.bytes) == ("own", "sync", 5, 12, len(one.body))
    assert (clip.keep, clip.state, clip.until_ms) == (True, "recorded", clip.last_ms + 31 * DAY_MS)
    (row,) = client("shen").get("/api/v1/clips?permit=HW-V-1&box=" + log.box).json()
    assert (row["permit"], row["box"], row["offset_ms"], row["seq"]) == ("HW-V-1", log.box, OFFSET_MS, 1)
    assert client("shen").get("/api/v1/clips?permit=HW-none").json() == []


def test_the_index_is_read_to_its_end_piece_by_piece(log):
    """An hour of one box has 120 rows, a month has more than one answer."""
    several = [segment(first_us=10**12 + number * 10**8) for number in range(5)]
    tell(log, *several, permit="HW-V-P")
    got = [client("shen").get(f"/api/v1/clips?permit=HW-V-P&limit=2&offset={at}").json() for at in (0, 2, 4, 6)]
    assert [len(page) for page in got] == [2, 2, 1, 0]
    assert [row["commitment"] for page in got for row in page] == [one.commitment for one in several]


def test_a_segment_counts_once_its_record_is_witnessed(log, intake):
    """ANT-11: whoever can publish for a box can write records, and nobody but its key signs for them."""
    from cloud_bridge.video.models import Clip

    one = segment()
    tell(log, one, signed=False)
    assert not Clip.objects.filter(commitment=one.commitment).exists()
    assert intake.take(log.box, one.piece()).answer.state == "later"
    log.witness()
    assert clip_of(one).seq == 1
    assert bring(intake, log, one).state == "held"


@pytest.mark.parametrize("signed_first", [False, True])
def test_a_log_that_nobody_signed_speaks_of_no_segment(log, intake, shelf, signed_first):
    """GB 30871-2022 B.3: another size, another time to keep it, told before the box's record or after it."""
    from cloud_bridge.video.expiry import sweep

    tell(log, segment())
    one = segment()
    forged = log.begun_by_another(2)
    forged.leaf("video.segment", permit="HW-V-X", **one.record(keep=False, keep_d=0, bytes=len(one.body) + 1))
    if signed_first:
        tell(log, one)
    forged.store()
    tell(log, one)
    clip = clip_of(one)
    assert (clip.log, clip.permit, clip.bytes, clip.keep) == (1, "HW-V-1", len(one.body), True)
    assert clip.until_ms == clip.last_ms + 31 * DAY_MS
    assert bring(intake, log, one).state == "held"
    sweep(shelf, int(time.time() * 1000) + DAY_MS, 0)
    assert clip_of(one).is_held
    assert shelf.is_sound(log.box, one.commitment)


def test_what_an_older_bridge_took_from_a_log_that_nobody_signed_is_put_right(log, intake):
    """ANT-11: by an update, from the box's own records, and nothing that lies here goes before that."""
    from django.apps import apps

    from cloud_bridge.video.models import Clip

    here, away = held(log, intake), segment()
    tell(log, away)
    Clip.objects.filter(box=log.box).update(log=2, seq=0, permit="HW-V-X", keep=False, bytes=1, until_ms=1)
    import_module("cloud_bridge.video.migrations.0002_witnessed_records_alone").follow_again(apps, None)
    assert clip_of(here).until_ms > (time.time() + 30 * 86_400) * 1000
    assert intake.take(log.box, away.piece()).answer.state == "later"
    tell(log, segment())
    for one, state in ((here, "held"), (away, "recorded")):
        clip = clip_of(one)
        assert (clip.log, clip.permit, clip.keep, clip.state) == (1, "HW-V-1", True, state)
        assert (clip.bytes, clip.until_ms) == (len(one.body), clip.last_ms + 31 * DAY_MS)
    assert bring(intake, log, away).state == "held"


def test_the_same_segment_twice_in_the_log_is_one_row(log):
    one = segment()
    tell(log, one, one)
    assert clip_of(one).seq == 1


def test_a_record_of_another_version_stands_in_the_log_alone(log):
    from cloud_bridge.video.models import Clip

    one = segment()
    tell(log, one, frames="many")
    assert not Clip.objects.filter(box=log.box).exists()


@pytest.mark.parametrize(
    "changes",
    [{"first_us": -1}, {"last_us": 0}, {"bytes": 0}, {"bytes": MAX_SEGMENT_BYTES + 1}, {"frames": 0}, {"frames": 2**40},
     {"keep_d": -1}, {"keep_d": 2**52}],
    ids=str,
)  # fmt: skip
def test_what_no_recorder_could_say_stands_in_the_log_alone(log, changes):
    """A box may sign any number; the index has columns for a recorder's."""
    from cloud_bridge.boxes.models import Event
    from cloud_bridge.video.models import Clip

    tell(log, segment(), **changes)
    assert not Clip.objects.filter(box=log.box).exists()
    assert Event.objects.filter(box_id=log.box, type="video.segment").exists()


@pytest.mark.parametrize("permit", ["", "a/b", "..\\x", "x" * 65])
def test_a_segment_of_no_permit_breaks_no_page(log, permit):
    from cloud_bridge.video.models import Clip

    tell(log, segment(), permit=permit)
    assert not Clip.objects.filter(box=log.box).exists()
    assert client("an").get("/video/").status_code == 200


def test_a_clock_that_is_ahead_keeps_nobodys_picture_longer(log):
    one = segment()
    tell(log, one, offset_ms=OFFSET_MS + 400 * DAY_MS)
    assert clip_of(one).until_ms <= time.time() * 1000 + 31 * DAY_MS


def test_a_clock_that_nobody_vouches_for_cannot_shorten_the_month(log, monkeypatch):
    one = segment(first_us=1)
    leaf = log.other_leaf
    monkeypatch.setattr(log, "other_leaf", lambda *a, **k: leaf(*a, **k).replace(b'"tq":"sync"', b'"tq":"none"'))
    tell(log, one)
    assert clip_of(one).until_ms >= time.time() * 1000 + 30 * DAY_MS


# --- coming in


def test_a_segment_comes_in_pieces_and_counts_once_its_commitment_opens(log, intake, shelf):
    one = segment()
    tell(log, one)
    assert intake.take(log.box, one.piece()).answer == _answer(one, "want", 0)
    answers = [intake.take(log.box, payload).answer for payload in one.pieces()]
    assert [each for each in answers if each is not None][-1] == _answer(one, "held", len(one.body))
    assert len([each for each in answers if each is not None]) < len(answers), "not each piece is answered"
    assert clip_of(one).is_held
    assert shelf.path(log.box, one.commitment).read_bytes() == one.body
    assert shelf.is_sound(log.box, one.commitment)
    for suffix in (".avi", ".salt"):
        assert stat.S_IMODE(shelf.path(log.box, one.commitment, suffix).stat().st_mode) == 0o600
    assert intake.take(log.box, one.piece()).answer == _answer(one, "held", len(one.body)), "asked again"


def _answer(one, state, have, **more):
    from contracts.media import MediaAnswer

    return MediaAnswer(one.commitment, have, state, **more)


def test_it_goes_on_where_it_was_after_a_restart_of_the_bridge(log, intake, shelf):
    """BOX-05"""
    from cloud_bridge.video.intake import Intake

    one = segment()
    tell(log, one)
    intake.take(log.box, one.piece())
    for payload in one.pieces()[:3]:
        intake.take(log.box, payload)
    fresh = Intake(shelf, GIB)
    have = fresh.take(log.box, one.piece()).answer.have
    assert have == 3 * MAX_PIECE_BYTES
    assert bring(fresh, log, one, have) == _answer(one, "held", len(one.body))


def test_a_gap_is_asked_for_and_what_came_twice_is_let_be(log, intake):
    one = segment()
    tell(log, one)
    pieces = one.pieces()
    intake.take(log.box, pieces[0])
    assert intake.take(log.box, pieces[2]).answer == _answer(one, "want", MAX_PIECE_BYTES, again=True)
    assert intake.take(log.box, pieces[0]).answer is None
    assert bring(intake, log, one, MAX_PIECE_BYTES).state == "held"


def test_nothing_is_taken_that_no_record_speaks_of(log, intake):
    one = segment()
    assert intake.take(log.box, one.piece()).answer.state == "later", "the log may be behind"
    assert bring(intake, log, one).state == "later"
    tell(log, one)
    assert bring(intake, log, one).state == "held"


def test_nothing_is_taken_of_another_size(log, intake):
    """And it is nobody's last word: the box that says so in its log sends that size."""
    one = segment()
    tell(log, one, bytes=len(one.body) + 1)
    answer = intake.take(log.box, one.piece()).answer
    assert (answer.state, str(len(one.body) + 1) in answer.detail) == ("later", True)
    assert clip_of(one).state == "recorded"


def test_another_boxs_segment_is_not_taken(log, intake, django_data):
    from cloud_bridge.boxes.registry import register

    one, other = segment(), BoxLog(f"box-video-{next(_boxes)}")
    register(other.box, other.vkey)
    tell(log, one)
    assert intake.take(other.box, one.piece()).answer.state == "later"
    with pytest.raises(ContractError, match="a registered box"):
        intake.take("nobody", one.piece())
    with pytest.raises(ContractError, match="a head"):
        intake.take(log.box, b"nonsense")


def test_what_is_not_what_was_committed_to_never_counts(log, intake, shelf):
    """It is asked for again, and after three times later; the box's own copy is taken whenever it comes."""
    one = segment()
    tell(log, one)
    forged = msgspec.structs.replace(one, body=one.body[:-9] + b"x" + one.body[-8:])
    for attempt in (1, 2, 3):
        taken = None
        for payload in forged.pieces():
            taken = intake.take(log.box, payload)
        assert taken.wrong.field == "media.commitment"
        expected = _answer(one, "want", 0, again=True) if attempt < 3 else "later"
        assert (taken.answer if attempt < 3 else taken.answer.state) == expected
        assert not shelf.path(log.box, one.commitment).exists()
        assert not shelf.path(log.box, one.commitment, ".part").exists()
    assert (clip_of(one).state, clip_of(one).tries) == ("recorded", 3)
    assert bring(intake, log, one).state == "held"


def test_a_full_shelf_takes_nothing_more_and_deletes_nothing(log, shelf):
    from django.db.models import Sum

    from cloud_bridge.video.intake import Intake
    from cloud_bridge.video.models import Clip

    first, second = segment(), segment()
    tell(log, first, second)
    used = Clip.objects.filter(state="held").aggregate(used=Sum("bytes"))["used"] or 0
    small = Intake(shelf, used + shelf.coming() + len(first.body) + 10)
    assert bring(small, log, first).state == "held"
    assert small.take(log.box, second.piece()).answer.state == "later"
    assert clip_of(first).is_held


def test_what_is_coming_in_counts_as_what_is_here(log, shelf):
    """Or a box could fill the disk with segments that it never ends."""
    from django.db.models import Sum

    from cloud_bridge.video.intake import Intake
    from cloud_bridge.video.models import Clip

    first, second = segment(), segment()
    tell(log, first, second)
    used, before = Clip.objects.filter(state="held").aggregate(used=Sum("bytes"))["used"] or 0, shelf.coming()
    small = Intake(shelf, used + before + len(first.body) + MAX_PIECE_BYTES)
    for payload in first.pieces()[:-1]:
        small.take(log.box, payload)
    assert shelf.coming() - before == len(first.pieces()[:-1]) * MAX_PIECE_BYTES
    assert small.take(log.box, second.piece()).answer.state == "later"
    assert small.take(log.box, first.piece()).answer.state == "want", "its own part does not stand in its way"
    assert small.take(log.box, first.pieces()[-1]).answer.state == "held"


def test_a_disk_that_others_have_filled_takes_nothing(log, intake, shelf, monkeypatch):
    from cloud_bridge.video import shelf as module

    one = segment()
    tell(log, one)
    shelf.root.mkdir(parents=True, exist_ok=True)
    found = os.statvfs(shelf.root)

    def fails(_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(module, "LEAST_FREE_BYTES", 10**18)
        fields = ("f_frsize", "f_blocks", "f_bavail")
        facts = {name: getattr(found, name) for name in fields} | {"f_bavail": found.f_blocks // 20}
        patch.setattr(module.os, "statvfs", lambda _: SimpleNamespace(**facts))
        assert intake.take(log.box, one.piece()).answer.state == "later"
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "statvfs", fails)
        assert intake.take(log.box, one.piece()).answer.state == "later"
    assert bring(intake, log, one).state == "held"


@pytest.mark.parametrize("state", ["erased", "expired"])
def test_what_went_while_it_came_in_does_not_come_back(log, intake, shelf, state):
    """Its row says that it is gone: the last piece brings nothing back."""
    from cloud_bridge.video.models import Clip

    one = segment()
    tell(log, one)
    for payload in one.pieces()[:-1]:
        intake.take(log.box, payload)
    Clip.objects.filter(commitment=one.commitment).update(state=state)
    assert intake.take(log.box, one.pieces()[-1]).answer.state == "refused"
    assert clip_of(one).state == state
    assert not list(shelf.path(log.box, one.commitment).parent.glob(f"{one.commitment}*"))


def test_a_disk_that_fails_is_no_loss(log, intake, shelf, monkeypatch):
    one = segment()
    tell(log, one)
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", lambda *_: 0)
        assert intake.take(log.box, one.pieces()[0]).answer.state == "later"
    assert bring(intake, log, one).state == "held"


def test_a_part_that_is_too_long_begins_anew(log, intake, shelf):
    one = segment()
    tell(log, one)
    shelf.append(log.box, one.commitment, 0, bytes(len(one.body) + 1))
    assert intake.take(log.box, one.piece()).answer.have == 0


def test_many_boxes_may_begin_at_once(log, intake, monkeypatch):
    from cloud_bridge.video import intake as module

    monkeypatch.setattr(module, "MOST_OPEN", 2)
    several = [segment(4) for _ in range(4)]
    tell(log, *several)
    for payloads in zip(*(one.pieces() for one in several), strict=True):
        for payload in payloads:
            intake.take(log.box, payload)
    for one in several:
        answer = intake.take(log.box, one.piece()).answer
        assert (bring(intake, log, one, answer.have) if answer.state == "want" else answer).state == "held"


@pytest.mark.parametrize(("said", "most"), [(None, 64 * GIB), ("7", 7 * GIB)])
def test_how_much_disk_recordings_may_take_is_said_by_the_environment(django_data, monkeypatch, said, most):
    from cloud_bridge.video.intake import GIB as NAME
    from cloud_bridge.video.intake import most_bytes

    monkeypatch.delenv(NAME, raising=False)
    if said is not None:
        monkeypatch.setenv(NAME, said)
    assert most_bytes() == most
    monkeypatch.setenv(NAME, "plenty")
    with pytest.raises(SystemExit, match="whole number of GiB"):
        most_bytes()


# --- their end


def held(log, intake, **changes):
    one = segment()
    tell(log, one, **changes)
    assert bring(intake, log, one).state == "held"
    return one


def test_after_its_month_a_recording_goes_with_its_salt_and_the_row_stays(log, intake, shelf):
    """GB 30871-2022 B.3"""
    from cloud_bridge.video.expiry import sweep

    one = held(log, intake)
    until, due = clip_of(one).until_ms, clip_of(one).due_ms
    sweep(shelf, until, due)
    assert clip_of(one).is_held
    assert sweep(shelf, until + 1, due) >= 1
    assert clip_of(one).state == "expired"
    assert not list(shelf.path(log.box, one.commitment).parent.glob(f"{one.commitment}*"))
    assert intake.take(log.box, one.piece()).answer.state == "refused"


def test_a_bridge_whose_clock_is_set_forward_deletes_nothing_that_must_be_kept(log, intake, shelf):
    """GB 30871-2022 B.3: neither what lay here nor what comes in meanwhile, until the bridge has run for a month."""
    from cloud_bridge.video.expiry import Counter, sweep
    from cloud_bridge.video.models import RunningTime

    uptime = [5_000]
    counter = Counter(lambda: uptime[0])
    began = counter.count()
    kept, loose = held(log, intake), held(log, intake, keep=False)
    a_year_on = clip_of(kept).until_ms + 365 * DAY_MS
    sweep(shelf, a_year_on, counter.count())
    assert (clip_of(kept).state, clip_of(loose).state) == ("held", "expired")
    uptime[0] += 30 * DAY_MS
    sweep(shelf, a_year_on, counter.count())
    assert clip_of(kept).is_held
    restarted = Counter(lambda: uptime[0] % DAY_MS)
    assert restarted.count() == began + 30 * DAY_MS == RunningTime.now(), "another start of the machine goes on from there"
    uptime[0] += DAY_MS // 2
    assert restarted.count() == began + 30 * DAY_MS + DAY_MS // 2
    assert counter.count() == began + 30 * DAY_MS + DAY_MS // 2, "two workers count one time"
    sweep(shelf, a_year_on, began + 31 * DAY_MS - 1)
    assert clip_of(kept).is_held
    sweep(shelf, a_year_on, began + 31 * DAY_MS)
    assert clip_of(kept).state == "expired"


def test_one_file_that_cannot_be_deleted_keeps_no_other(log, intake, shelf, monkeypatch):
    from cloud_bridge.video.expiry import sweep
    from cloud_bridge.video.shelf import Shelf

    stuck, other = held(log, intake), held(log, intake)
    erase = Shelf.erase

    def fails(self, box, commitment):
        if commitment == stuck.commitment:
            raise OSError(5, "Input/output error")
        erase(self, box, commitment)

    with monkeypatch.context() as patch:
        patch.setattr(Shelf, "erase", fails)
        sweep(shelf, clip_of(other).until_ms + 1, clip_of(other).due_ms)
    assert (clip_of(stuck).state, clip_of(other).state) == ("held", "expired")
    sweep(shelf, clip_of(stuck).until_ms + 1, clip_of(stuck).due_ms)
    assert clip_of(stuck).state == "expired"


def test_what_never_came_is_expired_too(log, shelf):
    from cloud_bridge.video.expiry import sweep

    one = segment()
    tell(log, one)
    sweep(shelf, clip_of(one).until_ms + 1, clip_of(one).due_ms)
    assert clip_of(one).state == "expired"


def test_what_stopped_coming_in_is_forgotten(log, intake, shelf):
    from cloud_bridge.video.expiry import sweep

    one = segment()
    tell(log, one)
    intake.take(log.box, one.pieces()[0])
    part = shelf.path(log.box, one.commitment, ".part")
    sweep(shelf, 0, 0)
    assert part.exists()
    os.utime(part, (0, 0))
    sweep(shelf, 0, 0)
    assert not part.exists()


@pytest.mark.parametrize(("keep", "state"), [(False, "erased"), (True, "held")])
def test_what_was_erased_on_site_goes_here_too_unless_it_must_be_kept(log, intake, shelf, keep, state):
    """A box that was taken over must not have the evidence against it deleted elsewhere."""
    from cloud_bridge.boxes.store import store_batch

    one = held(log, intake, keep=keep)
    first = len(log.leaves)
    log.leaf("evidence.erased", "warning", kind="video", commitment=one.commitment, why="a passer-by")
    log.leaf("evidence.erased", "warning", kind="video", commitment="0" * 64, why="unknown here")
    log.leaf("evidence.erased", "warning", kind="photo", commitment=one.commitment, why="of another kind")
    store_batch(log.box, *topics.unpack_batch(log.batch(first)))
    assert clip_of(one).is_held, "not before the box's signed checkpoint covers the record"
    log.witness()
    assert clip_of(one).state == state
    assert shelf.path(log.box, one.commitment).exists() is keep


def test_a_log_that_nobody_signed_erases_nothing(log, intake, shelf):
    """Whoever can publish for a box can begin an epoch of its log; the box's key is what its evidence hangs on."""
    from cloud_bridge.boxes.witness import Held, agree

    one = held(log, intake, keep=False)
    forged = log.begun_by_another(2)
    forged.leaf("evidence.erased", "warning", kind="video", commitment=one.commitment, why="x")
    forged.store()
    with pytest.raises((ContractError, Held)):
        agree(log.box, forged.note().encode())
    assert clip_of(one).is_held
    assert shelf.is_sound(log.box, one.commitment)


# --- looking


def test_a_safety_officer_sees_the_pictures_and_is_written_down(log, intake):
    from cloud_bridge.video.models import Viewing

    one = held(log, intake, permit="HW-V-2")
    clip = clip_of(one)
    reader = client("an", "en")
    page = reader.get(f"/video/{clip.pk}/").content.decode()
    assert "is what the log committed to" in page
    assert str(clip.first_ms) in page
    picture = reader.get(f"/video/{clip.pk}/0.jpg")
    assert (picture.status_code, picture["Content-Type"], picture.content[:2]) == (200, "image/jpeg", b"\xff\xd8")
    assert reader.get(f"/video/{clip.pk}/11.jpg").status_code == 200
    assert reader.get(f"/video/{clip.pk}/12.jpg").status_code == 404
    saved = reader.get(f"/video/{clip.pk}/clip.avi")
    assert b"".join(saved.streaming_content) == one.body
    reader.get(f"/video/{clip.pk}/")
    assert Viewing.objects.filter(clip=clip).count() == 1, "one look in an hour"
    other = client("root", "en")
    assert other.get(f"/video/{clip.pk}/3.jpg").status_code == 200
    assert Viewing.objects.filter(clip=clip, user="root").count() == 1, "who takes the pictures alone looks, too"
    assert "安然" in reader.get("/permits/HW-V-2/video/").content.decode()


@pytest.mark.parametrize("user", ["shen", "fang", "nobody"])
def test_others_see_that_there_is_a_recording_and_no_picture(log, intake, user):
    """People are on it: it is not for everybody."""
    one = held(log, intake, permit="HW-V-3")
    clip, reader = clip_of(one), client(user, "en")
    page = reader.get("/permits/HW-V-3/video/").content.decode()
    assert one.commitment in page
    assert str(OFFSET_MS) in page
    assert f"/video/{clip.pk}/" not in page
    for path in ("", "0.jpg", "clip.avi"):
        assert reader.get(f"/video/{clip.pk}/{path}").status_code == 403
    assert "HW-V-3" in reader.get("/video/").content.decode()


def test_a_segment_that_is_not_here_says_where_it_is(log):
    one = segment()
    tell(log, one, permit="HW-V-4")
    clip, reader = clip_of(one), client("an", "en")
    assert "at the box" in reader.get(f"/video/{clip.pk}/").content.decode()
    assert reader.get(f"/video/{clip.pk}/0.jpg").status_code == 404
    assert reader.get(f"/video/{clip.pk}/clip.avi").status_code == 404
    assert reader.get("/permits/HW-none/video/").status_code == 404


def test_a_file_that_somebody_changed_is_told(log, intake, shelf):
    one = held(log, intake)
    path = shelf.path(log.box, one.commitment)
    body = bytearray(path.read_bytes())
    body[-1] ^= 1
    path.write_bytes(body)
    clip = clip_of(one)
    assert "is NOT what the log committed to" in client("an", "en").get(f"/video/{clip.pk}/").content.decode()
    path.unlink()
    reader = client("an", "en")
    assert reader.get(f"/video/{clip.pk}/").status_code == 200
    assert reader.get(f"/video/{clip.pk}/0.jpg").status_code == 404
    assert reader.get(f"/video/{clip.pk}/clip.avi").status_code == 404


# --- over the wire


async def test_a_box_sends_a_recording_to_the_real_bridge(bridge):
    """ANT-11: real broker, real ingest."""
    log, one = BoxLog("box-video-wire"), segment()
    bridge.add_box(log)
    log.leaf("video.segment", permit="HW-V-9", **one.record())
    async with connected(log, bridge.host, bridge.port) as side:

        async def ask(payload, test):
            await side.send("media", payload)
            return read_answer(await side.wait_for("media", lambda body: test(read_answer(body))))

        assert (await ask(one.piece(), lambda answer: True)).state == "later"
        await side.sync()
        await side.acknowledged(bridge.witness, 1)
        assert (await ask(one.piece(), lambda answer: answer.state == "want")).have == 0
        for payload in one.pieces():
            await side.send("media", payload)
        assert read_answer(await side.wait_for("media", lambda body: read_answer(body).state == "held")).have == len(one.body)
        wanted = pack(Piece(one.commitment, len(one.body), one.salt.hex(), signed=True), b"")
        check_answer(await ask(wanted, lambda answer: bool(answer.signature)), log.box, bridge.witness)
        await side.send("media", b"nonsense")
        until(lambda: "piece" in rejected(bridge, log))
    reader = bridge.visitor("an")
    (row,) = reader.json("/api/v1/clips?permit=HW-V-9")
    assert (row["state"], row["offset_ms"]) == ("held", OFFSET_MS)
    assert "作业录像" in reader.get("/permits/HW-V-9/video/")
    assert len(one.body) <= MAX_SEGMENT_BYTES
