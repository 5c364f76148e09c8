"""What a person enters at the box: each thing that is wrong alone is refused, with what was expected, came and helps."""

from collections.abc import Callable

import msgspec
import pytest

from contracts.errors import ContractError
from contracts.permit import Precondition
from edge.interlock import entering
from edge.interlock.conditions.facts import Facts, facts
from edge.interlock.evidence import Face
from edge.interlock.happenings import Confirmed, PermitAccepted, Reconfirmed, SuspendedHere
from edge.interlock.reasons import fill, text
from edge.interlock.state import MAX_PHOTOS, GasTest, Reconfirmation
from tests.edge.interlock.bench import GB, RELIEF, SECOND, WALL_S, Bench, permit
from tests.edge.interlock.wording import Wording

replace = msgspec.structs.replace
SHA = "cd" * 32
WANTED = (
    Precondition("cooled", "vessel below 60", "temperature", 60_000),
    Precondition("drained", "line drained", "isolation"),
    Precondition("probe", "wall", "temperature", 60_000, "TT-7"),
)
OLD_S = 3600
"""Age of the last approval of `asked`."""


@pytest.fixture
def asked() -> Bench:
    """A permit with preconditions, whose approval became too old."""
    bench = Bench()
    bench.step()
    bench.step(PermitAccepted(permit(preconditions=WANTED, approved_s=-OLD_S)))
    bench.step()
    return bench


def _facts(bench: Bench, **durable: object) -> Facts:
    kept = replace(bench.durable, **durable)
    return facts(bench.site, bench.rules, kept, bench.volatile, bench.snapshot(), bench.now)


def _refused(call: Callable[[], object]) -> tuple[str, str, str, str]:
    with pytest.raises(ContractError) as caught:
        call()
    error = caught.value
    return error.field, error.expected, error.came, error.hint


def _confirm(
    bench: Bench, which: str = "drained", person: str = "guardian", value: float | None = None, photo: str = "",
    number: str = "HW-1", *, kept: bool = True, **durable: object,
) -> Confirmed:  # fmt: skip
    return entering.confirm(_facts(bench, **durable), number, which, person, value, photo, kept=lambda name: kept and name == SHA)


# --- preconditions


def test_a_precondition_is_confirmed_by_somebody_who_is_here(asked: Bench) -> None:
    """PTW-11: of the permit or of the roster."""
    assert _confirm(asked) == Confirmed("HW-1", "drained", "guardian")
    assert _confirm(asked, person="leader") == Confirmed("HW-1", "drained", "leader")


@pytest.mark.parametrize(("permits", "number", "expected", "came"), [
    (True, "HW-9", "HW-1", "HW-9"), (True, "", "HW-1", "nothing"), (False, "HW-1", "a permit on this box", "HW-1"),
    (False, "", "a permit on this box", "nothing"),
])  # fmt: skip
def test_only_the_permit_that_decides_is_confirmed_for(
    asked: Bench, permits: bool, number: str, expected: str, came: str
) -> None:
    changes: dict[str, object] = {} if permits else {"permits": ()}
    assert _refused(lambda: _confirm(asked, number=number, **changes)) == ("permit", expected, came, "")


def test_an_unknown_precondition_is_answered_with_the_known_ones(asked: Bench) -> None:
    assert _refused(lambda: _confirm(asked, "swept")) == ("precondition", "cooled, drained, probe", "swept", "")
    none = "none: this permit has no preconditions"
    assert _refused(lambda: _confirm(asked, "swept", permits=(permit(),))) == ("precondition", none, "swept", "")


TTL_US = GB.badge_ttl_s.value * SECOND


@pytest.mark.parametrize(("age_us", "here"), [(TTL_US, True), (TTL_US + 1, False), (None, False)])
def test_whoever_confirms_must_be_here_by_badge(asked: Bench, age_us: int | None, here: bool) -> None:
    """badge_ttl_s: to the microsecond."""
    asked.badges[1002] = False
    del asked.badge_seen[1002]
    if age_us is not None:
        asked.badge_seen[1002] = asked.now - age_us
    if here:
        assert _confirm(asked).person == "guardian"
    else:
        assert _refused(lambda: _confirm(asked)) == (
            "person", "someone of the permit or roster whose badge is here", "guardian", "here: leader, performer",
        )  # fmt: skip


def test_nobody_here_and_nobody_named_is_said_so(asked: Bench) -> None:
    asked.badges = {}
    asked.badge_seen = {}
    assert _refused(lambda: _confirm(asked, person=""))[2:] == ("nothing", "here: nobody")


def test_people_of_the_permit_count_by_the_permits_badge(asked: Bench) -> None:
    """A badge that the permit gives somebody replaces the roster's."""
    people = (replace(permit().people[0], badge=1009), permit().people[1])
    assert _refused(lambda: _confirm(asked, person="engineer"))[0] == "person"
    del asked.badge_seen[1009]
    asked.badges[1009] = False
    with pytest.raises(ContractError):
        _confirm(asked, person="performer", permits=(replace(permit(), people=people, preconditions=WANTED),))


@pytest.mark.parametrize(("value", "photo", "came"), [(5.0, "", "5.0"), (None, SHA, "None"), (0.0, "", "0.0")])
def test_what_is_confirmed_is_not_measured(asked: Bench, value: float | None, photo: str, came: str) -> None:
    wanted = "no value: this precondition is confirmed, not measured"
    assert _refused(lambda: _confirm(asked, value=value, photo=photo)) == ("value", wanted, came, "leave it out")


@pytest.mark.parametrize("value", [-273.15, 0.0, 59.9996, 2000.0])
def test_a_measured_temperature_is_kept_in_thousandths_with_its_photo(asked: Bench, value: float) -> None:
    """PTW-11."""
    done = _confirm(asked, "cooled", value=value, photo=SHA)
    assert done == Confirmed("HW-1", "cooled", "guardian", round(value * 1000), SHA)


@pytest.mark.parametrize(
    ("value", "came"), [(None, "nothing"), (-273.16, "-273.16"), (2000.001, "2000.001"), (float("nan"), "nan")]
)
def test_a_temperature_that_cannot_be_is_refused(asked: Bench, value: float | None, came: str) -> None:
    wanted = "the measured temperature, -273.15 to 2000.0 °C"
    assert _refused(lambda: _confirm(asked, "cooled", value=value, photo=SHA)) == ("value", wanted, came, "enter --value")


def test_a_measurement_needs_a_photo_that_is_kept(asked: Bench) -> None:
    assert _refused(lambda: _confirm(asked, "cooled", value=5.0)) == (
        "photo", "a photo of the measurement", "nothing", "take one and name it with --photo",
    )  # fmt: skip
    wanted = ("photo", "a photo kept on this box", SHA, "enter it with hotbox permit confirm")
    assert _refused(lambda: _confirm(asked, "cooled", value=5.0, photo=SHA, kept=False)) == wanted
    assert _refused(lambda: _confirm(asked, "cooled", value=5.0, photo="x" * 99))[2] == "x" * 80


def test_what_a_sensor_measures_is_not_entered_by_hand(asked: Bench) -> None:
    assert _refused(lambda: _confirm(asked, "probe", value=5.0, photo=SHA)) == (
        "value", "the sensor TT-7, which measures this", "a value entered by hand", "check the sensor",
    )  # fmt: skip


# --- the guardian's word


def _again(bench: Bench, person: str = "guardian", number: str = "HW-1", **durable: object) -> Reconfirmed:
    return entering.reconfirm(_facts(bench, **durable), number, person)


def test_the_guardians_word_is_taken_when_the_approval_is_too_old(asked: Bench) -> None:
    """PTW-08."""
    assert _again(asked) == Reconfirmed("HW-1", "guardian")
    with pytest.raises(ContractError):
        _again(asked, number="HW-9")


@pytest.mark.parametrize(("person", "came"), [("performer", "performer"), ("leader", "leader"), ("", "nothing")])
def test_only_a_guardian_of_the_permit_gives_it(asked: Bench, person: str, came: str) -> None:
    two = replace(asked.durable.permits[0], people=(*permit().people, RELIEF))
    wanted = ("person", "a guardian of this permit (guardian, relief)", came, "")
    assert _refused(lambda: _again(asked, person, permits=(two,))) == wanted


@pytest.mark.parametrize(("missing", "code"), [("badge", "badge_absent"), ("face", "face_missing"), ("old", "face_old")])
def test_the_guardian_must_be_verified_here(asked: Bench, missing: str, code: str) -> None:
    """BOX-03."""
    asked.looking.discard("guardian")
    if missing == "badge":
        asked.badges[1002] = False
        del asked.badge_seen[1002]
    elif missing == "face":
        del asked.faces["guardian"]
    else:
        asked.faces["guardian"] = Face(asked.now - 181 * SECOND, "guardian", 350, "proven", "dlib")
    words = text(code)
    assert _refused(lambda: _again(asked)) == (
        "person", "the guardian here, badge and face", fill(words.en, "李监护"), fill(words.todo_en, "李监护"),
    )  # fmt: skip


LIMIT_S = GB.approval_age_s.value


@pytest.mark.parametrize(
    ("age_s", "error_ms", "came"),
    [(LIMIT_S, 0, f"{LIMIT_S} s old"), (LIMIT_S + 1, 0, ""), (LIMIT_S, 1, ""), (LIMIT_S - 1, 1000, f"{LIMIT_S} s old"),
     (-60, 0, "0 s old")],
)  # fmt: skip
def test_an_approval_that_stands_needs_no_word(asked: Bench, age_s: int, error_ms: int, came: str) -> None:
    """approval_age_s: to the second; what the clock may be off counts as age."""
    asked.clock_error_ms = error_ms
    asked.now = 1_000 * SECOND
    (held,) = asked.durable.permits
    # The newest approval counts.
    approvals = tuple(replace(given, at=WALL_S - age_s - back) for given, back in zip(held.approvals, (9000, 0), strict=True))
    claims = replace(held, approvals=approvals)
    if came:
        wanted = ("permit", f"an approval older than {LIMIT_S} s", came, "it stands: nothing to confirm")
        assert _refused(lambda: _again(asked, permits=(claims,))) == wanted
    else:
        assert _again(asked, permits=(claims,)) == Reconfirmed("HW-1", "guardian")


def test_a_permit_that_was_released_before_needs_no_word(asked: Bench) -> None:
    wanted = f"an approval older than {LIMIT_S} s"
    came = "a permit that was released before"
    assert _refused(lambda: _again(asked, ignited=("HW-1",))) == ("permit", wanted, came, "it stands: nothing to confirm")


def test_a_word_that_stands_is_not_given_twice(asked: Bench) -> None:
    test = GasTest(asked.now, WALL_S, "leader", "PGM", ())
    word = Reconfirmation("HW-1", "guardian", asked.now)
    assert _refused(lambda: _again(asked, reconfirmed=word, gas_test=test)) == (
        "permit", "an approval not yet re-confirmed", "one that stands", "nothing to confirm",
    )  # fmt: skip


# --- stopping


@pytest.mark.parametrize("relief", [True, False])
def test_anybody_stops_the_work_and_whether_they_are_here_is_kept(asked: Bench, relief: bool) -> None:
    """GB 30871-2022 4.10: never refused."""
    assert entering.suspend(_facts(asked), "guardian", relief) == SuspendedHere("guardian", relief, present=True)
    assert entering.suspend(_facts(asked, permits=()), "guardian", relief).present is False
    assert entering.suspend(_facts(asked), "x", relief).person == "x"
    assert entering.suspend(_facts(asked), "x" * 64, relief) == SuspendedHere("x" * 64, relief, present=False)


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb", "y" * 200])
def test_a_name_that_cannot_be_written_down_is_refused(asked: Bench, name: str) -> None:
    assert _refused(lambda: entering.suspend(_facts(asked), name, relief=False)) == (
        "person", "who stops it, at most 64 characters", repr(name[:80]), "",
    )  # fmt: skip


def test_a_photo_that_was_used_before_is_no_photo_of_this_measurement(asked: Bench, wording: Wording) -> None:
    """PTW-11: the same picture at 0, 1 and 2 h is one measurement."""
    done = _confirm(asked, "cooled", value=5.0, photo=SHA)
    step = asked.step(done)
    assert step.durable.photos == (SHA,)
    with pytest.raises(ContractError) as caught:
        _confirm(asked, "cooled", value=5.0, photo=SHA)
    wording.check(caught.value)


@pytest.mark.parametrize("before", [MAX_PHOTOS - 1, MAX_PHOTOS])
def test_the_newest_photos_are_remembered(asked: Bench, before: int) -> None:
    asked.durable = msgspec.structs.replace(asked.durable, photos=tuple(map(str, range(before))))
    kept = asked.step(_confirm(asked, "cooled", value=5.0, photo=SHA)).durable.photos
    assert (kept[0], kept[-1], len(kept)) == (str(before + 1 - MAX_PHOTOS), SHA, MAX_PHOTOS)
    assert asked.step(_confirm(asked)).durable.photos == kept, "what is confirmed has no photo"
