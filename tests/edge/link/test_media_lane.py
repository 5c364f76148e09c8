"""The lane of recordings: in pieces, from where the bridge has it, and never more under way than it may have."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.media import MAX_PIECE_BYTES, MediaAnswer, Piece, pack, unpack
from edge.link.media import LATER_S, PATIENCE_MAX_S, PATIENCE_S, SAME_GAP_S, WINDOW_BYTES, MediaLane

NAME, OTHER, SALT = "ab" * 32, "ef" * 32, "cd" * 32


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Bridge:
    """Keeps what comes in order. With the real one the lane goes in tests/cloud_bridge/test_intake.py."""

    def __init__(self, body: bytes) -> None:
        self.body, self.have = body, bytearray()

    def take(self, payload: bytes) -> MediaAnswer | None:
        piece, body = unpack(payload)
        if len(self.have) == len(self.body):
            return self._answer("held" if bytes(self.have) == self.body else "refused")
        if not body:
            return self._answer("want")
        if piece.at != len(self.have):
            return msgspec.structs.replace(self._answer("want"), again=True) if piece.at > len(self.have) else None
        self.have += body
        if len(self.have) == len(self.body):
            return self._answer("held" if bytes(self.have) == self.body else "refused")
        return self._answer("want") if len(self.have) % (4 * MAX_PIECE_BYTES) == 0 else None

    def _answer(self, state: str) -> MediaAnswer:
        return MediaAnswer(NAME, len(self.have), state)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lane(clock: Clock) -> MediaLane:
    made = MediaLane(clock)
    assert made.is_free
    return made


def go(lane: MediaLane, body: bytes) -> bytes | None:
    """What goes now, as it goes."""
    going = lane.going()
    if going is None:
        return None
    lane.went(going)
    return pack(going.piece, body[going.piece.at : going.piece.at + going.bytes])


def test_first_it_asks_how_much_is_there(lane: MediaLane) -> None:
    lane.begin(NAME, 10_000, SALT)
    going = lane.going()
    assert (going.piece, going.bytes) == (Piece(NAME, 10_000, SALT, signed=True, bound=True), 0)
    lane.went(going)
    assert lane.going() is None
    assert lane.answered(MediaAnswer(NAME, 4096, "want")) is None
    assert (lane.going().piece.at, lane.going().bytes) == (4096, 4096)


def test_it_goes_on_to_the_byte_where_the_bridge_has_it(lane: MediaLane) -> None:
    body = bytes(range(256)) * 40
    bridge = Bridge(body)
    bridge.have += body[:5000]
    lane.begin(NAME, len(body), SALT)
    ended = None
    while ended is None:
        answer = bridge.take(go(lane, body))
        ended = lane.answered(answer) if answer is not None else None
    assert (ended.state, bytes(bridge.have), lane.done) == ("held", body, 1)
    assert lane.is_free


def test_no_more_is_under_way_than_a_window(lane: MediaLane, clock: Clock) -> None:
    lane.begin(NAME, 10 * WINDOW_BYTES, SALT)
    go(lane, b"")
    lane.answered(MediaAnswer(NAME, 0, "want"))
    sent = 0
    while (going := lane.going()) is not None and going.bytes:
        lane.went(going)
        sent += going.bytes
    assert sent == WINDOW_BYTES
    lane.answered(MediaAnswer(NAME, WINDOW_BYTES // 2, "want"))
    assert lane.going().piece.at == WINDOW_BYTES
    lane.answered(MediaAnswer(NAME, 100, "want"))
    assert lane.going().piece.at == WINDOW_BYTES, "an answer that comes late takes nothing back"
    clock.now += PATIENCE_S


def test_a_gap_is_closed_once_however_often_it_is_told(lane: MediaLane, clock: Clock) -> None:
    lane.begin(NAME, 100_000, SALT)
    go(lane, b"")
    lane.answered(MediaAnswer(NAME, 0, "want"))
    for _ in range(5):
        go(lane, bytes(100_000))
    gap = MediaAnswer(NAME, 4096, "want", again=True)
    lane.answered(gap)
    assert lane.going().piece.at == 4096
    go(lane, bytes(100_000))
    lane.answered(gap)
    assert lane.going().piece.at == 2 * 4096, "each piece beyond the gap told of it"
    clock.now += SAME_GAP_S
    lane.answered(gap)
    assert lane.going().piece.at == 4096


def test_without_an_answer_it_asks_again_more_and_more_patiently(lane: MediaLane, clock: Clock) -> None:
    lane.begin(NAME, 10_000, SALT)
    waits = []
    for _ in range(8):
        assert lane.going() is not None
        lane.went(lane.going())
        waits.append(round(lane.wait_s(), 3))
        clock.now += waits[-1] - 0.01
        assert lane.going() is None
        clock.now += 0.01
    assert waits[:4] == [PATIENCE_S, 2 * PATIENCE_S, 4 * PATIENCE_S, 8 * PATIENCE_S]
    assert max(waits) == PATIENCE_MAX_S
    lane.answered(MediaAnswer(NAME, 0, "want"))
    lane.went(lane.going())
    assert lane.wait_s() == pytest.approx(PATIENCE_S)


def test_pieces_that_nobody_answers_end_in_a_question(lane: MediaLane, clock: Clock) -> None:
    lane.begin(NAME, 6000, SALT)
    go(lane, b"")
    lane.answered(MediaAnswer(NAME, 0, "want"))
    go(lane, bytes(6000))
    go(lane, bytes(6000))
    assert lane.going() is None
    clock.now += PATIENCE_S
    going = lane.going()
    assert going.bytes == 0
    lane.went(going)
    assert lane.going() is None, "until it is answered nothing goes on a guess"
    lane.answered(MediaAnswer(NAME, 4096, "want"))
    assert lane.going().piece.at == 4096


def test_after_a_new_connection_the_bridge_is_asked(lane: MediaLane) -> None:
    lane.begin(NAME, 100_000, SALT)
    go(lane, b"")
    lane.answered(MediaAnswer(NAME, 0, "want"))
    go(lane, bytes(100_000))
    lane.connected()
    assert lane.going().bytes == 0


@pytest.mark.parametrize("state", ["held", "refused", "later"])
def test_the_bridges_last_word_ends_it(lane: MediaLane, clock: Clock, state: str) -> None:
    lane.begin(NAME, 10_000, SALT)
    go(lane, b"")
    ended = lane.answered(MediaAnswer(NAME, 0, state))
    assert ended is not None
    assert (lane.going(), lane.done) == (None, int(state == "held"))
    assert lane.is_free is (state != "later")
    assert lane.wait_s() == (pytest.approx(LATER_S) if state == "later" else 0)
    clock.now += LATER_S
    assert lane.is_free


def test_a_bridge_that_takes_nothing_is_asked_ever_more_rarely(lane: MediaLane, clock: Clock) -> None:
    pauses = []
    for _ in range(6):
        lane.begin(NAME, 10_000, SALT)
        lane.answered(MediaAnswer(NAME, 0, "later"))
        pauses.append(lane.wait_s())
        clock.now += lane.wait_s()
    assert pauses == pytest.approx([5, 10, 20, 40, 60, 60])
    lane.begin(NAME, 10_000, SALT)
    lane.answered(MediaAnswer(NAME, 0, "want"))
    lane.answered(MediaAnswer(NAME, 0, "later"))
    assert lane.wait_s() == pytest.approx(LATER_S)


@pytest.mark.parametrize("answer", [MediaAnswer(OTHER, 0, "held"), MediaAnswer(NAME, 10_001, "want")])
def test_words_about_something_else_change_nothing(lane: MediaLane, answer: MediaAnswer) -> None:
    assert lane.answered(answer) is None
    lane.begin(NAME, 10_000, SALT)
    assert lane.answered(answer) is None
    assert not lane.is_free


def test_a_segment_that_is_gone_is_dropped(lane: MediaLane) -> None:
    lane.begin(NAME, 10_000, SALT)
    lane.drop()
    assert (lane.is_free, lane.going()) == (True, None)


@given(st.lists(st.integers(0, 9), max_size=300), st.integers(1, 60_000))
def test_whatever_is_lost_on_the_way_it_comes_whole(fate: list[int], size: int) -> None:
    """Pieces and answers are lost, connections break; in the end it is there, byte for byte."""
    clock = Clock()
    lane, body = MediaLane(clock), bytes(number * 7 % 251 for number in range(size))
    bridge, step = Bridge(body), 0
    lane.begin(NAME, size, SALT)
    for _ in range(2000):
        what = fate[step] if step < len(fate) else 9
        step += 1
        payload = go(lane, body)
        if payload is None:
            clock.now += PATIENCE_MAX_S
            continue
        if what == 0:
            continue  # lost on its way up
        answer = bridge.take(payload)
        if what == 1:
            lane.connected()
        if answer is None or what == 2:
            continue  # lost on its way down
        if lane.answered(answer) is not None:
            break
    assert bytes(bridge.have) == body
    assert lane.done == 1
