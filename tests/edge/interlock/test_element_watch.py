"""Several contacts: each is watched by itself, one that does not follow is a fault although the others did."""

import msgspec
import pytest

from contracts.event import Severity
from edge.interlock.element_watch import watch_contacts
from edge.interlock.kernel import Relay
from edge.interlock.record import reason_data
from edge.interlock.site import SiteRelay
from edge.interlock.state import Mode, Reason, Trace
from edge.relay.element import ElementStatus
from tests.edge.interlock.bench import GB, SECOND, SITE, Bench
from tests.edge.interlock.changes import turn

replace = msgspec.structs.replace
CHAIN = replace(
    SITE, relays=(SiteRelay("", "K1-0815", 100), SiteRelay("k2", "relay.k2", 0), SiteRelay("k3", "relay.k3", 0))
)
MS = 1000


@pytest.fixture
def chain() -> Bench:
    return Bench(CHAIN).prepare()


def test_a_chain_releases_and_opens_like_one_relay(chain: Bench) -> None:
    chain.release()
    assert chain.series == {"k2": True, "k3": True}
    chain.press("stop")
    chain.run(0.4)
    assert (chain.mode, chain.series) == (Mode.TRIPPED, {"k2": False, "k3": False})


def test_one_welded_relay_in_series_is_a_fault_although_the_others_opened(chain: Bench) -> None:
    """Discrepancy, EN ISO 13849-1: never a reset, and the first-out names the trip, the consequence the device."""
    chain.release()
    chain.series_stuck.add("k2")
    chain.press("stop")
    chain.run(0.4)
    assert chain.mode is Mode.FAULT
    assert not chain.contact
    (fault,) = chain.found("interlock.fault")
    assert (fault.data["code"], fault.data["chan"]) == ("welded", "k2")


@pytest.mark.parametrize(("ms", "mode"), [(249, Mode.LOCKED), (250, Mode.LOCKED), (251, Mode.FAULT)])
def test_a_relay_in_series_has_the_settle_time_to_open(ms: int, mode: Mode) -> None:
    bench = Bench(CHAIN)
    bench.step()
    bench.series["k3"] = True
    bench.now = bench.volatile.commanded_us + ms * MS
    bench.step(ms=0)
    assert bench.mode is mode


def test_a_relay_in_series_that_does_not_close_trips_after_the_settle_time(chain: Bench) -> None:
    chain.series_stuck.add("k3")
    chain.arm()
    chain.acknowledge()
    chain.run(0.3)
    assert chain.mode is Mode.TRIPPED
    assert chain.durable.first_out is not None
    assert chain.durable.first_out.subject == "k3"


@pytest.mark.parametrize(
    ("confirmed", "primary", "series", "code", "named"),
    [
        (False, False, {"k2": False, "k3": True}, "feedback_not_closed", "k2"),
        (False, False, {"k2": True, "k3": False}, "feedback_not_closed", "k3"),
        (False, False, {"k2": True, "k3": True}, "feedback_not_closed", ""),
        (True, False, {"k2": False, "k3": False}, "feedback_lost", ""),
        (True, True, {"k2": False, "k3": True}, "feedback_lost", "k2"),
    ],
)
def test_the_contact_that_the_others_waited_for_is_named(
    chain: Bench, confirmed: bool, primary: bool, series: dict[str, bool], code: str, named: str
) -> None:
    """BOX-06: the primary relay closes behind those in series; once they were closed, it is the first to open."""
    chain.contact, chain.series = primary, series
    made = turn(chain, mode=Mode.RELEASED, confirmed=confirmed, released_us=chain.now - 251 * MS)
    (reason,) = made.verdicts["contact_closed"].reasons
    assert (reason.code, reason.subject) == (code, named)


@pytest.mark.parametrize(("ms", "named"), [(0, ""), (126, ""), (127, "k2"), (252, "k2")])
def test_a_contact_in_series_that_took_most_of_the_time_is_named_although_it_is_closed_now(chain: Bench, ms: int, named: str) -> None:
    """BOX-06: the primary relay waits for one that chatters or sticks for a while, and has no time left itself."""
    chain.contact, chain.series = False, {"k2": True, "k3": True}
    released_us = chain.now - 252 * MS
    chain.volatile = replace(chain.volatile, traces={"k2": Trace(True, (), released_us, released_us + ms * MS)})
    made = turn(chain, mode=Mode.RELEASED, confirmed=False, released_us=released_us)
    (reason,) = made.verdicts["contact_closed"].reasons
    assert (reason.code, reason.subject) == ("feedback_not_closed", named)


def test_it_is_known_since_when_a_contact_is_as_it_is(chain: Bench) -> None:
    chain.release()
    chain.run(0.3)
    closed_us = chain.volatile.traces["k2"].since_us
    assert chain.durable.released_us <= closed_us < chain.now - 200 * MS
    chain.run(0.2)
    assert chain.volatile.traces["k2"].since_us == closed_us
    chain.press("stop")
    chain.run(0.1)
    assert chain.volatile.traces["k2"].since_us > closed_us


def test_a_relay_in_series_that_opens_by_itself_trips(chain: Bench) -> None:
    chain.release()
    chain.run(0.3)
    chain.series["k2"] = False
    step = chain.step()
    assert step.relay is Relay.OPEN
    assert chain.durable.first_out is not None
    assert (chain.durable.first_out.code, chain.durable.first_out.subject) == ("feedback_lost", "k2")


def test_a_closed_contact_in_series_keeps_everything_locked(chain: Bench) -> None:
    chain.series["k2"] = True
    chain.step(ms=10)
    assert chain.last is not None
    reasons = chain.last.verdicts["contact_open"].reasons
    assert [(reason.code, reason.subject) for reason in reasons] == [("feedback_closed", "k2")]


@pytest.mark.parametrize(("age_ms", "silent"), [(0, False), (250, False), (250.001, True), (-0.001, True)])
def test_a_relay_in_series_that_nobody_hears_is_no_relay(chain: Bench, age_ms: float, silent: bool) -> None:
    """Unknown is "no": at the settle time it still counts, a hair later it does not, and neither from the future."""
    chain.step()
    chain.series_silent_since = chain.now - round(age_ms * MS)
    step = chain.step(ms=0)
    age_us = round(age_ms * MS)
    reason = Reason("series_silent", "k2", age_us, 250_000, "ms", GB.settle_ms.clause)
    assert step.verdicts["deadman"].reasons == ((reason,) if silent else ())


def test_a_relay_in_series_that_was_never_heard_is_named(chain: Bench) -> None:
    del chain.series["k3"]
    step = chain.step()
    assert [reason.subject for reason in step.verdicts["deadman"].reasons] == ["k3"]


def test_silence_in_series_trips_at_its_moment(chain: Bench) -> None:
    """Absence is not an event: the kernel asks to run again when the last word of a relay becomes too old."""
    chain.release()
    chain.run(0.3)
    chain.series_silent_since = chain.now
    step = chain.step(ms=10)
    assert step.next_us <= chain.series_silent_since + 250 * MS + 1
    for _ in range(23):
        chain.step(ms=10)
    chain.now = chain.series_silent_since + 250 * MS
    assert chain.step(ms=0).relay is Relay.HOLD
    chain.now += 1
    assert chain.step(ms=0).relay is Relay.OPEN
    assert chain.first_out == "series_silent"


def test_an_old_word_of_a_contact_is_not_judged() -> None:
    """It is silence, which trips; not a weld, which would need a repair."""
    bench = Bench(CHAIN)
    bench.run(0.4)
    bench.series["k2"] = True
    bench.series_silent_since = bench.now - 251 * MS
    bench.step(ms=0)
    assert bench.mode is Mode.LOCKED


@pytest.mark.parametrize(("age_us", "judged"), [(0, True), (250_000, True), (250_001, False)])
def test_the_last_word_of_a_contact_is_judged_within_the_settle_time(chain: Bench, age_us: int, judged: bool) -> None:
    made = turn(chain, mode=Mode.LOCKED)
    made.v = replace(made.v, commanded_us=chain.now - SECOND)
    made.snapshot = replace(made.snapshot, series={"k2": ElementStatus("k2", True, chain.now - age_us)})
    watch_contacts(made)
    assert made.d.mode is (Mode.FAULT if judged else Mode.LOCKED)


def test_contacts_that_did_nothing_new_change_nothing_that_is_remembered(chain: Bench) -> None:
    chain.run(0.4)
    made = turn(chain)
    durable, volatile = made.d, made.v
    watch_contacts(made)
    assert made.d is durable
    assert made.v is volatile


# --- chatter


@pytest.mark.rule("chatter_count")
@pytest.mark.parametrize(("times", "mode"), [(2, Mode.LOCKED), (3, Mode.LOCKED), (4, Mode.FAULT)])
@pytest.mark.parametrize("name", ["", "k2"])
def test_a_feedback_contact_that_changes_too_often_is_a_fault(times: int, mode: Mode, name: str) -> None:
    """Row chatter_count (policy): one below, at it, one above, all within the settle time."""
    bench = Bench(CHAIN)
    bench.step()
    for change in range(times):
        closed = change % 2 == 0
        if name:
            bench.series[name] = closed
        else:
            bench.contact = closed
        bench.step(ms=10)
    assert bench.mode is mode
    if mode is Mode.FAULT:
        assert bench.durable.first_out == Reason("chatter", name, 4000, 3000, "", GB.chatter_count.clause)
        (fault,) = bench.found("interlock.fault")
        assert fault.data == reason_data(bench.durable.first_out)


def test_changes_of_more_than_a_second_ago_are_forgotten() -> None:
    """Each opening follows a command of its own here, each closing follows none."""
    bench = Bench(CHAIN)
    bench.step()
    for change in range(12):
        bench.series["k2"] = change % 2 == 0
        bench.volatile = replace(bench.volatile, commanded_us=bench.now + 150 * MS)
        bench.step(ms=170)
    assert bench.mode is Mode.LOCKED
    assert len(bench.volatile.traces["k2"].changes) == 3


def test_quick_work_at_the_buttons_is_no_chattering(chain: Bench) -> None:
    """Four releases and four stops within a second: each change follows its command."""
    began = chain.now
    for _ in range(4):
        chain.release()
        chain.press("stop")
        chain.step(ms=10)
        chain.test_gas()
        chain.press("reset")
        chain.step(ms=0)
    assert chain.now - began < 1_000_000
    assert chain.mode is Mode.PERMISSIVE_OK
    assert [trace.changes for trace in chain.volatile.traces.values()] == [(), (), ()]


def test_one_change_follows_a_command_and_no_second(chain: Bench) -> None:
    """The contact closes as told, opens and closes again by itself: two changes that nothing commanded."""
    chain.release()
    chain.step(ms=10)
    for closed in (False, True):
        chain.contact = closed
        chain.step(ms=10)
    assert len(chain.volatile.traces[""].changes) == 2


def test_a_change_against_the_command_is_counted_however_early() -> None:
    """A contact that closes in the moment of the command to open did not follow it."""
    bench = Bench(CHAIN)
    bench.step()
    bench.volatile = replace(bench.volatile, commanded_us=bench.now + 5 * MS)
    bench.series["k2"] = True
    bench.step(ms=10)
    assert len(bench.volatile.traces["k2"].changes) == 1


def test_a_chattering_contact_opens_a_release_for_good(chain: Bench) -> None:
    chain.release()
    for change in range(6):
        chain.series_stuck.add("k2")
        chain.series["k2"] = change % 2 == 1
        chain.step(ms=10)
    assert chain.mode is Mode.FAULT
    assert not chain.latch


def test_the_first_look_at_a_contact_is_no_change() -> None:
    bench = Bench(CHAIN)
    bench.series["k2"] = True
    bench.step()
    told = bench.volatile.commanded_us
    now = bench.now
    assert bench.volatile.traces == {
        "": Trace(False, (), told, now), "k2": Trace(True, (), 0, now), "k3": Trace(False, (), told, now),
    }  # fmt: skip


# --- life


def _used(bench: Bench, count: int) -> None:
    bench.durable = replace(bench.durable, cycles={"K1-0815": count})


@pytest.mark.rule("contact_life_percent")
@pytest.mark.parametrize(("before", "warned"), [(88, False), (89, True), (90, False), (98, False)])
def test_the_closing_that_reaches_the_share_warns_once(chain: Bench, before: int, warned: bool) -> None:
    """Row contact_life_percent (policy): with 100 rated the 90th closing warns, the 89th and the 91st do not."""
    _used(chain, before)
    chain.release()
    assert chain.durable.cycles == {"K1-0815": before + 1, "relay.k2": 1, "relay.k3": 1}
    found = chain.found("relay.contact_life")
    assert bool(found) is warned
    if warned:
        worn = Reason("contact_worn", "", 90_000, 100_000, "", GB.contact_life_percent.clause)
        assert (found[0].sev, found[0].data) == (Severity.WARNING, reason_data(worn))


@pytest.mark.parametrize(("before", "warned"), [(898, False), (899, True), (900, False)])
def test_the_share_is_counted_to_the_single_closing(chain: Bench, before: int, warned: bool) -> None:
    """Of 1,000 rated the 900th warns; the relay in series that is worn is named."""
    chain.site = replace(CHAIN, relays=(CHAIN.relays[0], SiteRelay("k2", "K2-7", 1000), CHAIN.relays[2]))
    chain.durable = replace(chain.durable, cycles={"K2-7": before})
    chain.release()
    assert [note.data["chan"] for note in chain.found("relay.contact_life")] == (["k2"] if warned else [])


@pytest.mark.parametrize(("count", "ok"), [(99, True), (100, False), (101, False)])
def test_at_the_rated_life_nothing_is_released_any_more(chain: Bench, count: int, ok: bool) -> None:
    """A release-only condition: what runs goes on."""
    _used(chain, count)
    step = chain.step()
    assert step.verdicts["contact_life"].ok is ok
    if not ok:
        worn = Reason("contact_worn", "", count * 1000, 100_000, "", GB.contact_life_percent.clause)
        assert step.verdicts["contact_life"].reasons == (worn,)
        chain.press("arm")
        assert chain.mode is Mode.LOCKED


def test_a_contact_that_never_closed_has_its_whole_life(chain: Bench) -> None:
    chain.site = replace(CHAIN, relays=(SiteRelay("", "new", 1), *CHAIN.relays[1:]))
    chain.durable = replace(chain.durable, cycles={})
    assert chain.step().verdicts["contact_life"].ok


def test_the_last_rated_closing_runs_to_its_end(chain: Bench) -> None:
    _used(chain, 99)
    chain.release()
    chain.run(1)
    assert chain.mode is Mode.RELEASED


def test_a_contact_without_a_rating_is_counted_and_never_worn(chain: Bench) -> None:
    chain.durable = replace(chain.durable, cycles={"relay.k2": 10**9})
    chain.release()
    assert chain.durable.cycles["relay.k2"] == 10**9 + 1
    assert not chain.found("relay.contact_life")


def test_the_count_survives_a_restart(chain: Bench) -> None:
    chain.release()
    chain.restart()
    chain.step()
    assert chain.durable.cycles["K1-0815"] == 1
