"""What the screen shows: the interlock's own words, the most urgent first (BOX-03, PTW-10)."""

import os
import time

import msgspec
import pytest

from edge.interlock.local_time import keep_site_clock
from edge.interlock.reasons import CATALOGUE
from edge.interlock.state import Mode
from edge.interlock.status import CountdownView, PermitAnswerView, PromptView
from edge.kiosk.picture import MOST, REFUSED_MS, STATE_WORDS, UNHEARD_MS, picture
from tests.edge.interlock.bench import Bench
from tests.edge.panel.test_patterns import _status

replace = msgspec.structs.replace


@pytest.fixture
def ready():
    return Bench().prepare()


@pytest.fixture
def released():
    return Bench().prepare().release()


def test_every_state_has_a_word():
    assert set(STATE_WORDS) == {mode.value for mode in Mode}


def test_a_box_without_permit_says_so_and_shows_nobody():
    bench = Bench()
    bench.step()
    shown = picture(_status(bench))
    assert (shown.state, shown.people, shown.permit) == ("LOCKED", (), "")
    assert CATALOGUE["permit_none"].todo_zh in [todo.todo.zh for todo in shown.todo]


@pytest.mark.parametrize(("offset_min", "clock"), [(480, "14:13"), (330, "11:43"), (-210, "02:43"), (0, "06:13")])
def test_the_time_of_day_is_the_sites_and_not_the_browsers(ready, monkeypatch, offset_min, clock):
    """utc_offset_min: a screen whose machine is set to another zone shows what every event of the box says."""
    monkeypatch.setenv("TZ", os.environ.get("TZ", "UTC"))
    try:
        keep_site_clock(offset_min)
        assert picture(replace(_status(ready), t=1_772_000_000_999)).clock == clock
    finally:
        monkeypatch.undo()
        time.tzset()


def test_who_is_missing_and_of_what(ready):
    ready.badges[1002] = False
    ready.looking.clear()
    ready.faces.clear()
    ready.run(21)
    shown = picture(_status(ready))
    assert [(p.role.zh, p.name, p.badge, p.face) for p in shown.people] == [
        ("监护人", "李监护", False, False), ("作业人", "张作业", True, False),
    ]  # fmt: skip
    assert "李监护" in shown.todo[0].why.zh


def test_more_than_fits_is_counted(ready):
    for name in ("door", "mains", "battery", "enclosure", "stop", "flame"):
        ready.pressed.add(name)
    ready.step()
    shown = picture(_status(ready))
    assert len(shown.todo) == MOST
    assert shown.more == 2


@pytest.mark.parametrize(("result", "number", "done"), [("open", 0, 0), ("open", 1, 0), ("open", 3, 2), ("passed", 8, 8), ("failed", 3, 2)])
def test_what_a_face_is_asked_to_do_is_shown_with_the_movements_that_were_seen(ready, result, number, done):
    """ANT-01"""
    asked = PromptView("performer", "张作业", "performer", "left", "请向左转头", "turn left", number, 8, 900, 3000, result)
    shown = picture(replace(_status(ready), prompt=asked)).prompt
    assert (shown.name, shown.action, shown.text.zh, shown.done, shown.of, shown.result) == ("张作业", "left", "请向左转头", done, 8, result)
    assert picture(_status(ready)).prompt is None


def test_ready_says_press_arm(ready):
    shown = picture(_status(ready))
    assert shown.state == "PERMISSIVE_OK"
    assert [todo.todo.zh for todo in shown.todo] == ["按“申请点火”按钮"]


def test_after_a_trip_the_cause_stands_first_and_the_reset_only_when_nothing_blocks_it(released):
    released.gas["ch4-1"].value = 42.0
    released.step()
    shown = picture(_status(released))
    assert shown.state == "TRIPPED"
    assert [todo.todo.zh for todo in shown.todo] == [CATALOGUE["gas_high"].todo_zh], "no reset while there is gas"
    assert [gas.name for gas in shown.gas if gas.alarm] == ["ch4-1"]
    released.gas["ch4-1"].value = 0.0
    released.run(1)
    assert "复位钥匙" in picture(_status(released)).todo[-1].todo.zh


def test_the_fire_watch_after_a_reset_has_its_own_word(released):
    status = replace(_status(released), state="TRIPPED", reset_done=True)
    shown = picture(status)
    assert (shown.state, shown.word.zh) == ("WATCH", "看火中")


def test_the_countdown_that_matters_most_comes_first(released):
    grace = CountdownView("grace", "li", 7, 20_000, 30_000, "长句", "long", "guardian")
    status = _status(released)
    assert [left.what for left in picture(status).left] == ["deadline"]
    shown = picture(replace(status, countdowns=(*status.countdowns, grace)))
    assert [left.what for left in shown.left] == ["grace", "deadline"]
    assert shown.left[0].left_ms == 20_000


@pytest.mark.parametrize("quality", ["stale", "never", "bad_frame"])
def test_an_old_value_is_not_shown_as_a_value(ready, quality):
    """Unknown is no."""
    status = _status(ready)
    first = replace(status.channels[0], quality=quality, value=0.0)
    gas = picture(replace(status, channels=(first, *status.channels[1:]))).gas[0]
    assert (gas.value, gas.good) == ("–", False)
    assert gas.note.zh
    assert gas.note.en


def test_simulation_is_stamped(ready):
    assert not picture(_status(ready)).simulation
    assert picture(replace(_status(ready), baseline="SIMULATION")).simulation


ANSWER = PermitAnswerView(accepted="HW-1", receipt="x" * 400 + "0123456789abcdef")


@pytest.mark.parametrize(("unacked_ms", "shown"), [(0, ""), (UNHEARD_MS - 1, ""), (UNHEARD_MS, "0123456789abcdef")])
def test_the_acceptance_is_shown_while_the_bridge_does_not_hear_the_box(ready, unacked_ms, shown):
    """PTW-09: without a network the screen answers; with one the log does, and the screen has room for the rest."""
    status = _status(ready)
    status = replace(status, permit_answer=ANSWER, audit=replace(status.audit, unacked_age_ms=unacked_ms))
    assert picture(status).receipt == shown
    assert picture(status).accepted == ("HW-1" if shown else "")
    assert picture(replace(status, permit_answer=PermitAnswerView())).receipt == ""


def _refused(status, **changes):
    answer = PermitAnswerView(refused="HW-2", code="expired", refused_t=status.t)
    return picture(replace(status, permit_answer=replace(answer, **changes)))


def test_a_refused_permit_is_said_in_words_with_what_to_do(ready):
    first = _refused(_status(ready)).todo[0]
    assert first.why.zh == "作业票 HW-2 被拒：已过期"
    assert first.why.en == "permit HW-2 refused: it has expired"
    assert first.todo.en == CATALOGUE["expired"].todo_en
    unread = _refused(_status(ready), refused="", code="forged").todo[0]
    assert unread.why.en == "permit refused: its signature is not valid"


@pytest.mark.parametrize(("ago_ms", "said"), [(0, True), (REFUSED_MS, True), (REFUSED_MS + 1, False), (-1, False)])
def test_a_refusal_is_said_for_two_minutes(ready, ago_ms, said):
    status = _status(ready)
    assert ("refused" in _refused(status, refused_t=status.t - ago_ms).todo[0].why.en) is said


def test_what_opened_ignition_comes_before_a_refused_permit(released):
    """The cause of a trip is never pushed off the screen."""
    assert all("refused" not in todo.why.en for todo in _refused(_status(released)).todo)
    released.gas["ch4-1"].value = 42.5
    released.step()
    assert all("refused" not in todo.why.en for todo in _refused(_status(released)).todo)
