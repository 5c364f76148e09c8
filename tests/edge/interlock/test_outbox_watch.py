"""The bridge's long silence is said at each of two limits, once, and once when it is over (BOX-05)."""

import pytest

from contracts.event import Severity
from edge.interlock.outbox_watch import OLD, WELL, Level, judge
from tests.edge.interlock.bench import GB

WARN_S, ALARM_S = GB.outbox_warn_s.value, GB.outbox_alarm_s.value


@pytest.mark.rule("outbox_warn_s", "outbox_alarm_s")
@pytest.mark.parametrize(
    ("age_s", "level", "severity"),
    [
        (0, Level.WELL, None),
        (WARN_S, Level.WELL, None),
        (WARN_S + 1, Level.OLD, Severity.WARNING),
        (ALARM_S, Level.OLD, Severity.WARNING),
        (ALARM_S + 1, Level.TOO_OLD, Severity.ALARM),
    ],
)
def test_each_limit_is_said_beyond_it(age_s: int, level: Level, severity: Severity | None) -> None:
    """policy BOX-05: an hour without the bridge's witness is looked into;
    policy BOX-05: a day of records that nobody else can prove.
    """
    told, said = judge(Level.WELL, age_s, GB)
    assert told is level
    if severity is None:
        assert said is None
        return
    row = GB.outbox_alarm_s if severity is Severity.ALARM else GB.outbox_warn_s
    assert (said.type, said.sev) == (OLD, severity)
    assert said.data == {"age_s": age_s, "limit_s": row.value, "clause": row.clause}


@pytest.mark.parametrize("level", [Level.OLD, Level.TOO_OLD])
@pytest.mark.parametrize("age_s", [WARN_S + 1, ALARM_S])
def test_nothing_is_said_twice_and_an_alarm_is_no_warning_again(level: Level, age_s: int) -> None:
    assert judge(level, age_s, GB) == (level, None)


def test_a_warning_becomes_an_alarm_once() -> None:
    level, said = judge(Level.OLD, ALARM_S + 1, GB)
    assert (level, said.sev) == (Level.TOO_OLD, Severity.ALARM)
    assert judge(level, ALARM_S + 1, GB) == (Level.TOO_OLD, None)


@pytest.mark.parametrize("level", [Level.OLD, Level.TOO_OLD])
@pytest.mark.parametrize("age_s", [0, WARN_S])
def test_that_it_is_over_is_said_once(level: Level, age_s: int) -> None:
    level, said = judge(level, age_s, GB)
    assert (said.type, said.sev, said.data) == (WELL, Severity.INFO, {"age_s": age_s})
    assert judge(level, age_s, GB) == (Level.WELL, None)
