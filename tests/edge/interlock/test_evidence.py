"""Who may say what, and when it is too old, too new or said before."""

import itertools

import msgspec
import pytest

from edge.interlock import evidence as ev
from edge.interlock.evidence import MAY_SEND, Source
from edge.interlock.snapshot import MAX_STRANGERS, MAX_SUBJECTS, AuditHealth, Clock, Refused, Snapshot, accept

EMPTY = Snapshot(Clock(0, 0, "sync", 0, 0), AuditHealth(writable=True, age_ms=0, rollback=False))
NOW = 1_000_000


def items(at_us: int) -> list[ev.Evidence]:
    """One of each kind."""
    return [
        ev.Badge(at_us, 1001, -60),
        ev.BadgeRefused(at_us, 1001, "stale"),
        ev.Device(at_us, "radio", "ok", 5),
        ev.Tap(at_us, "person", "performer"),
        ev.Position(at_us, True, -10, 1, 8, 90),
        ev.Face(at_us, "performer", 300, "proven", "dlib"),
        ev.FaceRefused(at_us, "guardian", 700),
        ev.Prompt(at_us, "performer", "n", "left", 1, 8, at_us + 3_000_000),
        ev.Camera(at_us, "ok", 25),
        ev.FaceKey(at_us, "A" * 43),
        ev.TemplateKept(at_us, "performer", "HW-1", 5, "dlib"),
        ev.TemplateRemoved(at_us, "performer", "HW-1", 5, "expired"),
        ev.TemplateRefused(at_us, "performer", "HW-1", 5, "template_older"),
        ev.TemplateUsed(at_us, "visitor", "HW-1", "d" * 64, "dlib"),
        ev.Video(at_us, "recording", "HW-1", at_us, 3600, 10, 512),
        ev.Segment(at_us, "HW-1", "boot-1", 1, 2, -5, 3, 4, "ab" * 32),
        ev.PermitOffer(at_us, "jws"),
        ev.RevocationOffer(at_us, "jws"),
        ev.CommandOffer(at_us, "jws"),
        ev.FaceOffer(at_us, "jws"),
        ev.AckOffer(at_us, "note"),
        ev.RemoteGas(at_us, "ch4-far", 12_500),
    ]


TOLD = (ev.FaceKey, ev.TemplateKept, ev.TemplateRemoved, ev.TemplateRefused)
"""What is written down and held against nothing: it says nothing of who is here."""
PASSED_ON = (*(kind for kind in MAY_SEND[Source.LINK] if kind is not ev.RemoteGas), ev.Segment, *TOLD)
"""What goes to somebody else: offers, which must verify, and segments, which go into the log."""
KEPT = [item for item in items(0) if not isinstance(item, PASSED_ON)]


@pytest.mark.parametrize(("source", "item"), list(itertools.product(Source, items(NOW - 1))), ids=str)
def test_a_table_fixes_what_each_source_may_send(source: Source, item: ev.Evidence) -> None:
    """`link` can never vouch for a face, a badge, a place or a picture; only it brings offers and gas from far away."""
    allowed = {
        Source.VISION: (
            ev.Face, ev.FaceRefused, ev.Prompt, ev.Camera, ev.Video, ev.Segment, ev.TemplateUsed, *TOLD,
        ),
        Source.PRESENCE: (ev.Badge, ev.BadgeRefused, ev.Device, ev.Tap, ev.Position),
        Source.LINK: (
            ev.PermitOffer, ev.RevocationOffer, ev.CommandOffer, ev.FaceOffer, ev.AckOffer, ev.RemoteGas,
        ),
    }.get(source, ())
    after, refused = accept(EMPTY, item, source, NOW)
    assert (refused is None) == isinstance(item, allowed)
    if refused is not None:
        assert after == EMPTY
        assert refused.why == "this source may not send it"


def _source(item: ev.Evidence) -> Source:
    return next(source for source, kinds in MAY_SEND.items() if isinstance(item, kinds))


@pytest.mark.parametrize("item", KEPT, ids=lambda item: type(item).__name__)
def test_stamps_from_the_future_are_rejected(item: ev.Evidence) -> None:
    future = msgspec.structs.replace(item, at_us=NOW + 1)
    after, refused = accept(EMPTY, future, _source(item), NOW)
    assert after == EMPTY
    assert refused is not None
    assert refused.why == "stamped in the future"


@pytest.mark.parametrize("item", [i for i in KEPT if not isinstance(i, ev.FaceRefused)], ids=lambda i: type(i).__name__)
@pytest.mark.parametrize("later_us", [0, -1])
def test_sending_again_renews_nothing(item: ev.Evidence, later_us: int) -> None:
    """A replay, or an older item that comes late, is rejected."""
    first = msgspec.structs.replace(item, at_us=NOW - 10)
    again = msgspec.structs.replace(item, at_us=NOW - 10 + later_us)
    held, refused = accept(EMPTY, first, _source(item), NOW)
    assert refused is None
    after, refused = accept(held, again, _source(item), NOW)
    assert after == held
    assert refused is not None
    assert refused.why == "not newer than the last"


def test_an_older_refused_face_is_rejected_too() -> None:
    held, _ = accept(EMPTY, ev.FaceRefused(10, "x", 700), Source.VISION, NOW)
    _, refused = accept(held, ev.FaceRefused(9, "x", 700), Source.VISION, NOW)
    assert refused is not None


def test_a_refused_face_is_held_against_the_newest_of_those_that_are_kept() -> None:
    held, _ = accept(EMPTY, ev.FaceRefused(10, "x", 900), Source.VISION, NOW)
    held, _ = accept(held, ev.FaceRefused(20, "x", 500), Source.VISION, NOW)
    assert len(held.strangers) == 2
    assert accept(held, ev.FaceRefused(19, "x", 400), Source.VISION, NOW)[1] is not None
    assert accept(held, ev.FaceRefused(20, "x", 400), Source.VISION, NOW)[1] is None


def test_two_strangers_in_one_frame_are_both_kept() -> None:
    """PTW-24: a nearly known face does not hide the stranger beside it, nor does it stay itself behind one."""
    held = EMPTY
    for distance in (520, 800, 530):
        held, refused = accept(held, ev.FaceRefused(10, "guardian", distance), Source.VISION, NOW)
        assert refused is None
    assert [seen.distance_milli for seen in held.strangers] == [800, 530]


def test_a_proof_is_kept_while_the_face_is_seen_again() -> None:
    """ANT-01: whoever proved to be alive and then works on is not asked with every picture."""
    proof = ev.Face(5, "p", 300, "proven", "e", "n")
    held, _ = accept(EMPTY, proof, Source.VISION, NOW)
    seen = ev.Face(6, "p", 310, "not_proven", "e", "n")
    held, _ = accept(held, seen, Source.VISION, NOW)
    assert (held.faces["p"], held.proofs["p"]) == (seen, proof)


def test_badges_and_faces_of_different_people_do_not_age_each_other() -> None:
    held, _ = accept(EMPTY, ev.Badge(100, 1, -60), Source.PRESENCE, NOW)
    held, refused = accept(held, ev.Badge(50, 2, -60), Source.PRESENCE, NOW)
    assert refused is None
    assert {number: badge.at_us for number, badge in held.badges.items()} == {1: 100, 2: 50}


def test_a_crowd_does_not_lock_out_the_guardian() -> None:
    """A plant has more badges than the box remembers: the one seen longest ago makes room."""
    held = EMPTY
    for number in range(1, MAX_SUBJECTS + 20):
        held, refused = accept(held, ev.Badge(number, number, -60), Source.PRESENCE, NOW)
        assert refused is None
        held, refused = accept(held, ev.Face(number, f"p{number}", 1, "proven", "e"), Source.VISION, NOW)
        assert refused is None
        held, _ = accept(held, ev.FaceRefused(number, "x", 2000 - number), Source.VISION, NOW)
    assert len(held.badges) == len(held.faces) == MAX_SUBJECTS
    assert len(held.strangers) == MAX_STRANGERS
    assert MAX_SUBJECTS + 19 in held.badges
    assert 1 not in held.badges


@pytest.mark.parametrize("item", items(5), ids=lambda item: type(item).__name__)
def test_every_item_survives_the_socket(item: ev.Evidence) -> None:
    assert ev.decode(ev.encode(item)) == item


@pytest.mark.parametrize(
    "datagram",
    [
        b"", b"null", b"[]", b"{}", b"\xff\xfe", b'{"kind":"badge"}', b'{"kind":"gas","at_us":1}',
        b'{"kind":"badge","at_us":-1,"badge":1,"rssi_dbm":-60}',
        b'{"kind":"badge","at_us":1.5,"badge":1,"rssi_dbm":-60}',
        b'{"kind":"badge","at_us":9007199254740992,"badge":1,"rssi_dbm":-60}',
        b'{"kind":"badge","at_us":1,"badge":1,"rssi_dbm":-60,"extra":1}',
        b'{"kind":"badge","at_us":1,"badge":-1,"rssi_dbm":-60}',
        b'{"kind":"badge","at_us":1,"badge":1,"rssi_dbm":9007199254740993}',
        b'{"kind":"position","at_us":1,"inside":1,"edge_m":0,"fix_quality":1,"satellites":9,"hdop_centi":90}',
        b'{"kind":"position","at_us":1,"inside":true,"edge_m":99999999999,"fix_quality":1,"satellites":9,"hdop_centi":9}',
        '{"kind":"face","at_us":1,"person":"李","distance_milli":1,"liveness":"proven","engine":"e"}'.encode(),
        b'{"kind":"face","at_us":1,"person":"a\\nb","distance_milli":1,"liveness":"proven","engine":"e"}',
        b'{"kind":"face","at_us":1,"person":"' + b"a" * 65 + b'","distance_milli":1,"liveness":"p","engine":"e"}',
    ],
)  # fmt: skip
def test_a_datagram_that_the_log_could_not_write_down_is_no_evidence(datagram: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError)):
        ev.decode(datagram)


@pytest.mark.parametrize("message", [ev.Wanted(("a",), (1,), "n", "arming", ("a",)), ev.Told(b"{}"), ev.Pulse(b"{}")], ids=str)
def test_every_message_survives_the_socket(message: ev.Message) -> None:
    assert ev.decode_message(ev.encode_message(message)) == message


# --- whole


@pytest.mark.parametrize(
    ("t", "at_us", "now_us", "wall_s"),
    [(5_999, 0, 0, 5), (5_999, 0, 999, 5), (5_999, 0, 1_000, 6), (6_000, 5_000, 4_999, 5), (0, 7, 2_000_007, 2)],
)
def test_the_wall_clock_goes_on_from_where_it_was_read(t: int, at_us: int, now_us: int, wall_s: int) -> None:
    """Whole seconds, rounded down; also to a moment just before the reading."""
    assert repr(Clock(t, at_us, "sync", 0, 0).wall_s(now_us)) == str(wall_s)


KINDS = {
    ev.Badge: "badges", ev.BadgeRefused: "refused_badges", ev.Device: "devices", ev.Tap: "taps", ev.Position: "position", ev.Face: "faces",
    ev.FaceRefused: "strangers", ev.Prompt: "prompt", ev.Camera: "camera", ev.Video: "video",
    ev.RemoteGas: "remotes", ev.TemplateUsed: "templates",
}  # fmt: skip


@pytest.mark.parametrize("item", [item for item in items(NOW) if type(item) in KINDS], ids=lambda item: type(item).__name__)
def test_an_item_of_this_very_moment_is_kept_where_it_belongs_and_nowhere_else(item: ev.Evidence) -> None:
    after, refused = accept(EMPTY, item, _source(item), NOW)
    assert refused is None
    changed = {name for name in EMPTY.__struct_fields__ if getattr(EMPTY, name) != getattr(after, name)}
    proof = {"proofs"} if isinstance(item, ev.Face) else set()
    assert changed == {KINDS[type(item)]} | proof
    held = getattr(after, KINDS[type(item)])
    assert held in (item, (item,)) or list(held.values()) == [item]


@pytest.mark.parametrize("item", items(NOW), ids=lambda item: type(item).__name__)
def test_a_refusal_says_who_what_and_why(item: ev.Evidence) -> None:
    kind, source = type(item).__name__, _source(item)
    late = msgspec.structs.replace(item, at_us=NOW + 1)
    assert accept(EMPTY, item, Source.CONTROL, NOW) == (EMPTY, Refused(Source.CONTROL, kind, "this source may not send it"))
    assert accept(EMPTY, late, source, NOW) == (EMPTY, Refused(source, kind, "stamped in the future"))
    held, _ = accept(EMPTY, item, source, NOW)
    older = msgspec.structs.replace(item, at_us=NOW - 1)
    # Offers are judged elsewhere by what they say, and not kept here.
    kept = type(item) in KINDS
    assert accept(held, older, source, NOW) == (held, Refused(source, kind, "not newer than the last") if kept else None)


@pytest.mark.parametrize("first", [ev.Badge(0, 1, -60), ev.Face(0, "p", 1, "proven", "e"), ev.FaceRefused(0, "x", 700)])
def test_a_stamp_of_the_boots_first_microsecond_is_evidence(first: ev.Evidence) -> None:
    """0 is a time; nothing before it is."""
    held, refused = accept(EMPTY, first, _source(first), NOW)
    assert refused is None
    assert held != EMPTY


def test_unknown_badges_are_kept_apart_from_known_ones_that_are_not_believed() -> None:
    """PTW-24: only "unknown" says that somebody is here."""
    held = EMPTY
    sent = [ev.BadgeRefused(at, 9000 + at, why) for at, why in ((1, "unknown"), (2, "stale"), (3, "unknown"), (4, "forged"))]
    for item in sent:
        held, refused = accept(held, item, Source.PRESENCE, NOW)
        assert refused is None
    assert held.unknown_badges == {9001: sent[0], 9003: sent[2]}
    assert held.refused_badges == {9002: sent[1], 9004: sent[3]}


@pytest.mark.parametrize("count", [64, 65])
def test_sixty_four_are_kept_and_the_one_seen_longest_ago_goes(count: int) -> None:
    """Whoever came first but was seen since stays."""
    held = EMPTY
    for number in range(count - 1):
        held, _ = accept(held, ev.Badge(number, number, -60), Source.PRESENCE, NOW)
    held, _ = accept(held, ev.Badge(500, 0, -60), Source.PRESENCE, NOW)
    held, _ = accept(held, ev.Badge(501, 999, -60), Source.PRESENCE, NOW)
    assert set(held.badges) == {*range(count - 1), 999} - ({1} if count == 65 else set())
    assert (MAX_SUBJECTS, MAX_STRANGERS) == (64, 32)


def test_a_refused_face_is_as_new_as_the_last_not_as_the_first() -> None:
    held, _ = accept(EMPTY, ev.FaceRefused(5, "x", 1), Source.VISION, NOW)
    held, _ = accept(held, ev.FaceRefused(9, "x", 2), Source.VISION, NOW)
    assert accept(held, ev.FaceRefused(8, "x", 3), Source.VISION, NOW)[1] is not None
    assert accept(held, ev.FaceRefused(9, "x", 3), Source.VISION, NOW)[1] is None


def test_refused_faces_are_kept_the_newest_last_and_the_oldest_of_too_many_makes_room() -> None:
    held = EMPTY
    for number in range(MAX_STRANGERS + 2):
        held, refused = accept(held, ev.FaceRefused(5, "x", 900 - number), Source.VISION, NOW)
        assert refused is None, "faces of one frame share its stamp"
    assert [seen.distance_milli for seen in held.strangers] == [898 - number for number in range(MAX_STRANGERS)]


@pytest.mark.parametrize(
    ("older", "newer", "kept"),
    [(700, 699, [700, 699]), (700, 700, [700]), (700, 701, [701]), (-1, 700, [-1, 700]), (700, -1, [-1]), (0, -1, [-1]), (1, 0, [1, 0])],
)
def test_however_many_nearly_known_faces_follow_the_stranger_is_kept(older: int, newer: int, kept: list[int]) -> None:
    """PTW-24: only a face at least as strange stands for an older one; that without any template is the strangest."""
    held = EMPTY
    for number, distance in enumerate((older, *([newer] * 2 * MAX_STRANGERS)), 1):
        held, _ = accept(held, ev.FaceRefused(number, "x", distance), Source.VISION, NOW)
    assert [seen.distance_milli for seen in held.strangers] == kept
    assert held.strangers[-1].at_us == 1 + 2 * MAX_STRANGERS


def test_another_template_voids_what_was_seen_by_the_one_before() -> None:
    """BOX-01: its face and its proof, of that person alone; a face by any other than the told one is refused."""
    one, other = "1" * 64, "2" * 64
    held, refused = accept(EMPTY, ev.TemplateUsed(1, "p", "", one, "e"), Source.VISION, NOW)
    assert refused is None
    held, refused = accept(held, ev.Face(2, "p", 300, "proven", "e", template=one), Source.VISION, NOW)
    assert refused is None
    held, _ = accept(held, ev.Face(2, "g", 300, "proven", "e"), Source.VISION, NOW)
    held, _ = accept(held, ev.TemplateUsed(3, "p", "", one, "e"), Source.VISION, NOW)
    assert set(held.faces) == set(held.proofs) == {"p", "g"}, "told again, nothing changed"
    for template in ("", other):
        held, refused = accept(held, ev.Face(4, "p", 300, "proven", "e", template=template), Source.VISION, NOW)
        assert refused is not None
        assert refused.why == "seen with a template that was not told"
    held, _ = accept(held, ev.TemplateUsed(5, "p", "", other, "e"), Source.VISION, NOW)
    assert set(held.faces) == set(held.proofs) == {"g"}
    held, _ = accept(held, ev.TemplateUsed(6, "g", "", other, "e"), Source.VISION, NOW)
    assert not held.faces
