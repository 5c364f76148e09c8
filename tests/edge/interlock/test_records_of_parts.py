"""What a record refers to is written once, whole and again after a day; nothing in it is lost on the way (KPI-16)."""

import msgspec
import pytest

from contracts.errors import ContractError
from contracts.event import MAX_INT, MAX_LEAF_BYTES
from edge.interlock.conditions import Verdict
from edge.interlock.decision_record import PART, Given, Part, Recorder, Start, digest, part_of, read, whole
from edge.interlock.happenings import Suspended
from edge.interlock.kernel import Step
from edge.interlock.state import Durable, Mode, Reason
from tests.edge.interlock.bench import GB, Bench
from tests.edge.interlock.wording import Wording

replace = msgspec.structs.replace
DAY_US = 86_400_000_000


@pytest.fixture
def step() -> Step:
    """A step of a box that is ready."""
    bench = Bench().prepare()
    assert bench.last is not None
    return bench.last


def _parts(recorder: Recorder, given: Given, at_us: int) -> list[str]:
    _, parts = recorder.step(replace(given, now_us=at_us), {})
    return [part.kind for part in parts]


def test_a_part_is_written_with_the_first_record_and_again_a_day_later(step: Step) -> None:
    """A log may be cut: whoever holds a day of it holds what its records refer to."""
    recorder, first = Recorder(), step.given.now_us
    assert set(_parts(recorder, step.given, first)) == {"Site", "Rules", "PermitClaims"}
    assert _parts(recorder, step.given, first + DAY_US - 1) == []
    assert set(_parts(recorder, step.given, first + DAY_US)) == {"Site", "Rules", "PermitClaims"}
    assert _parts(recorder, step.given, first + DAY_US + 1) == []


def test_what_an_event_carries_itself_is_not_written_again(step: Step) -> None:
    recorder = Recorder()
    wrote = recorder.wrote(step.given.rules, step.given.now_us)
    assert wrote == part_of(step.given.rules)
    assert "Rules" not in _parts(recorder, step.given, step.given.now_us)
    assert "Rules" in _parts(recorder, step.given, step.given.now_us + DAY_US)


def test_a_frozen_value_is_encoded_once(step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop has a millisecond; rules are sixty kilobytes."""
    recorder, made = Recorder(), []
    recorder.wrote(step.given.rules, step.given.now_us)
    monkeypatch.setattr(Recorder, "_part", lambda _self, value: made.append(value) or part_of(value))
    for _ in range(3):
        _parts(recorder, step.given, step.given.now_us)
    assert [type(value).__name__ for value in made].count("Rules") == 0
    assert [type(value).__name__ for value in made].count("Site") == 1


def test_a_head_says_which_rules_decided(step: Step) -> None:
    rows, _ = Recorder().step(step.given, step.verdicts)
    head = rows[0]["v"]
    assert head == {
        "what": "step", "now_us": step.given.now_us, "site": part_of(step.given.site).sha256,
        "rules": part_of(step.given.rules).sha256, "pack": GB.name, "pack_sha256": GB.sha256,
    }  # fmt: skip


def test_names_that_are_not_composed_are_escaped_and_stay_the_same() -> None:
    """The log takes NFC only; a permit's text may be anything that was signed."""
    part = part_of({"b": "e\u0301", "a": 1})
    assert part.pieces == ('{"a":1,"b":"e\\u0301"}',)
    assert msgspec.json.decode("".join(part.pieces)) == {"b": "e\u0301", "a": 1}


def test_keys_that_are_numbers_become_text() -> None:
    assert part_of({1: "x"}).pieces == ('{"1":"x"}',)


@pytest.mark.parametrize(
    ("number", "kept"),
    [(MAX_INT, MAX_INT), (-MAX_INT, -MAX_INT), (MAX_INT + 1, str(MAX_INT + 1)), (-MAX_INT - 1, str(-MAX_INT - 1))],
)
def test_a_number_that_json_readers_would_round_is_kept_as_text(number: int, kept: object) -> None:
    assert Recorder()._plain(number) == kept


@pytest.mark.parametrize(("length", "a_part"), [(16, False), (17, True)])
def test_a_long_list_is_a_part(length: int, a_part: bool) -> None:
    plain = Recorder()._plain(tuple(range(length)))
    assert isinstance(plain, dict) is a_part


def test_the_pieces_of_a_part_are_joined_and_its_hash_is_checked(wording: Wording) -> None:
    part = part_of({"a": "x" * 4000})
    assert whole(part.sha256, part.pieces) == "".join(part.pieces)
    with pytest.raises(ContractError) as caught:
        whole(part.sha256, part.pieces[:-1])
    wording.check(caught.value)


@pytest.mark.parametrize(
    "rows",
    [[], [{"k": "decision"}], [{}], ["text"], [{"k": "happened", "n": "Nothing", "v": {}}]],
    ids=["nothing", "an empty head", "no kind", "text", "an unknown happening"],
)
def test_what_is_no_record_is_refused(rows: list[object], wording: Wording) -> None:
    with pytest.raises(ContractError) as caught:
        read(rows, lambda _sha256: "")
    wording.check(caught.value)


def test_a_record_reads_back_to_what_it_was_made_from(step: Step) -> None:
    recorder = Recorder()
    rows, parts = recorder.step(step.given, step.verdicts)
    texts = {part.sha256: "".join(part.pieces) for part in parts}
    given, verdicts = read(rows, texts.__getitem__)
    assert given == step.given
    assert verdicts == digest(step.verdicts)
    split = [*rows[:2], {"k": "durable", "v": {"attempt": 7}}, *rows[2:]]
    again, _ = read(split, texts.__getitem__)
    assert isinstance(again, Given)
    assert (again.durable.attempt, again.durable.permits) == (7, step.given.durable.permits)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Reason("gas_high", "ch4-1", 25_000, 10_000), "gas_high ch4-1 25000/10000"),
        (Reason("gas_fault", "ch4-1"), "gas_fault ch4-1 -/-"),
        (Reason("x", "y", 0, 0), "x y 0/0"),
    ],
)
def test_a_verdict_is_kept_as_code_subject_value_and_limit(reason: Reason, said: str) -> None:
    assert digest({"gas": Verdict((reason,)), "stop": Verdict()}) == {"gas": [said]}


def test_a_part_tells_what_it_is() -> None:
    assert Part("Rules", "ab", ("x", "y")).data() == {"part_of": "Rules", "sha256": "ab", "snapshot": ["x", "y"]}


@pytest.mark.parametrize(("more", "a_part"), [(0, False), (1, True)])
def test_a_row_that_fills_half_a_leaf_stays_and_one_byte_more_is_a_part(more: int, a_part: bool) -> None:
    recorder = Recorder()
    bare = len(msgspec.json.encode({"k": "durable", "v": ""}))
    text = "x" * (MAX_LEAF_BYTES // 2 - bare + more)
    row = recorder._fitting({"k": "durable", "v": text})
    assert row == {"k": "durable", "v": {PART: part_of(text).sha256} if a_part else text}


def test_a_state_is_plain_text() -> None:
    """No member of an enum is left in what the log gets."""
    plain = Recorder()._plain(Mode.ARMED)
    assert (plain, type(plain)) == ("ARMED", str)


def test_what_stands_at_its_default_is_left_out_empty_tables_too() -> None:
    assert Recorder()._plain(Durable()) == {}


def test_the_numbers_of_a_long_list_are_text_as_everywhere() -> None:
    recorder = Recorder()
    plain = recorder._plain((1.5,) * 17)
    (part,) = recorder._fresh
    assert part == part_of(["1.5"] * 17)
    assert part.kind == "list"
    assert plain == {PART: part.sha256}


def test_a_long_row_is_written_once_however_often_it_comes(step: Step) -> None:
    recorder = Recorder()
    given = replace(step.given, happenings=(Suspended("HW-1", "x" * 6000, void=False),))
    assert "dict" in _parts(recorder, given, given.now_us)
    assert _parts(recorder, given, given.now_us) == []


def test_only_so_many_values_are_kept_alive() -> None:
    recorder = Recorder()
    values = [{"n": number} for number in range(40)]
    for value in values:
        recorder._refer(value)
    assert [kept for kept, _ in recorder._hashes.values()] == values[-32:]


def test_the_list_of_what_is_written_begins_anew_when_it_is_full() -> None:
    """Twice is a leaf too many; a list that grew for ever would end the process."""
    recorder = Recorder()
    parts = [part_of({"n": number}) for number in range(257)]
    for part in parts[:256]:
        recorder._note(part)
    assert len(recorder._written) == 256
    recorder._note(parts[256])
    assert list(recorder._written) == [parts[256].sha256]


def test_a_start_has_no_verdicts(step: Step) -> None:
    """KPI-16: it was decided from the state file alone."""
    start = Start(step.given.site, GB, Durable(attempt=3), False, "boot-2", 77, step.given.snapshot.clock)
    rows, parts = Recorder().start(start)
    assert read(rows, {part.sha256: "".join(part.pieces) for part in parts}.__getitem__) == (start, {})


def test_a_part_may_refer_to_another(step: Step) -> None:
    """A row that is a part holds a list that is one."""
    given = replace(step.given, durable=Durable(void=tuple(f"HW-{number}" for number in range(20))))
    rows, parts = Recorder().step(given, step.verdicts)
    texts = {part.sha256: "".join(part.pieces) for part in parts}
    (row,) = [row for row in rows if row["k"] == "durable"]
    assert row["v"]["void"].keys() == {PART}
    texts["outer"] = msgspec.json.encode(row["v"]).decode()
    row["v"] = {PART: "outer"}
    assert read(rows, texts.__getitem__) == (given, digest(step.verdicts))
