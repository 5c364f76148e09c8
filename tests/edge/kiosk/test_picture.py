"""What the screen shows: the interlock's own words, the most urgent first (BOX-03, PTW-10)."""

import msgspec
import pytest

from edge.interlock.reasons import CATALOGUE
from edge.interlock.state import Mode
from edge.interlock.status import CountdownView
from edge.kiosk.picture import MOST, STATE_WORDS, picture
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
