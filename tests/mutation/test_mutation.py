"""The tool behind `make mutation`: what it changes, how it judges, and that its list is well formed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.interlock.state import Mode
from tests.mutation import listed, scope, switch
from tests.mutation.kinds import STATES, Kind
from tests.mutation.sowing import Mutant, Sown, sow

FACTS = Path("edge/interlock/conditions/facts.py")
STATE = Path("edge/interlock/state.py")


@pytest.fixture(scope="module")
def state() -> Sown:
    """The kernel's memory with its mutants."""
    return sow(STATE)


def _of(sown: Sown, function: str) -> list[Mutant]:
    return [mutant for mutant in sown.mutants if mutant.function == function]


def test_every_change_is_named_by_the_lines_it_changes(state: Sown) -> None:
    named = [(mutant.function, mutant.before, mutant.after, mutant.nth) for mutant in state.mutants]
    assert len(set(named)) == len(named)
    assert ("usable", "return not over and wall_s < permit.exp", "return not over and wall_s <= permit.exp", 1) in named


def test_the_sown_module_does_the_same_until_a_mutant_is_chosen(state: Sown) -> None:
    spaces: dict[str, object] = {"__name__": "sown"}
    exec(compile(state.code, "sown", "exec"), spaces)
    bypass: Callable[..., object] = spaces["Bypass"]  # type: ignore[assignment]
    new = bypass("ch", (), "", "", 10, 20)
    assert [new.holds(us) for us in (9, 10, 19, 20)] == [False, True, True, False]  # type: ignore[attr-defined]
    late = next(each for each in _of(state, "Bypass.holds") if each.after == "return self.since_us < now_us < self.until_us")
    switch.choose(late.name, late.number)
    assert [new.holds(us) for us in (9, 10, 19, 20)] == [False, False, True, False]  # type: ignore[attr-defined]


def test_properties_are_changed_too(state: Sown) -> None:
    assert {mutant.kind for mutant in _of(state, "Durable.latched")} >= {Kind.COMPARISON, Kind.BOOLEAN}


@pytest.mark.parametrize(
    ("after", "kind"),
    [
        ("if durable.mode in (Mode.LOCKED, Mode.RELEASED):", Kind.TRANSITION),
        ("if durable.mode not in (Mode.ARMED, Mode.RELEASED):", Kind.COMPARISON),
        ("if not (durable.mode in (Mode.ARMED, Mode.RELEASED)):", Kind.BOOLEAN),
        ("if permit.jti != watched:", Kind.COMPARISON),
        ("return candidates[1]", Kind.BOUNDARY),
        ("candidates = None", Kind.VALUE),
        ('watched = durable.fire_watch.permit if durable.fire_watch else "XXXX"', Kind.TEXT),
    ],
)
def test_a_change_is_of_the_kind_that_it_changes(state: Sown, after: str, kind: Kind) -> None:
    assert [mutant.kind for mutant in _of(state, "current_permit") if mutant.after == after] == [kind]


def test_the_states_that_are_exchanged_are_those_of_the_kernel() -> None:
    from tests.mutation.sowing import _MEMBERS

    assert _MEMBERS["Mode"] == tuple(Mode.__members__)
    assert set(_MEMBERS) <= set(STATES)


def test_what_is_left_out_exists() -> None:
    for name in scope.OUTSIDE:
        assert (scope.ROOT / scope.PACKAGE / name).exists(), name
    for name in (*scope.TESTS, *scope.NOT_NEEDED):
        assert (scope.ROOT / name).exists(), name


def test_every_list_belongs_to_a_module_and_reads() -> None:
    modules = {listed.path_of(path.as_posix()): path.as_posix() for path in scope.modules()}
    for path in scope.SURVIVORS.rglob("*.toml"):
        assert path in modules, path
        assert listed.read(modules[path]), path


ONE = Mutant("edge/interlock/state.py", "usable", 0, 1, Kind.COMPARISON, "a < b", "a <= b")
WORD = Mutant("edge/interlock/state.py", "decode", 0, 1, Kind.TEXT, '"a"', '"b"')
ENTRY = "[[survivor]]\nfunction = 'usable'\nbefore = 'a < b'\nafter = 'a <= b'\nwhy = 'both sides are never equal here'\n"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int]:
    """Writes the list of state.py."""
    monkeypatch.setattr(listed, "SURVIVORS", tmp_path)
    return (tmp_path / "state.toml").write_text


@pytest.mark.parametrize(
    ("text", "survived", "wrong"),
    [
        ("", [ONE], "unlisted"),
        (ENTRY, [ONE], "unargued"),
        (ENTRY + "same = true\n", [ONE], ""),
        (ENTRY, [], "stale"),
        ("[[survivor]]\nfunction = 'decode'\nkind = 'text'\nwhy = 'words of an error for people'\n", [WORD], ""),
    ],
)
def test_the_list_and_the_run_must_agree(write: Callable[[str], int], text: str, survived: list[Mutant], wrong: str) -> None:
    write(text)
    found = listed.problems("edge/interlock/state.py", survived, [ONE, WORD], whole=True)
    assert [name for name, entries in found.items() if entries] == ([wrong] if wrong else [])


def test_only_words_may_be_listed_together(write: Callable[[str], int]) -> None:
    write("[[survivor]]\nfunction = 'usable'\nkind = 'comparison'\nwhy = 'too many to look at one by one'\n")
    with pytest.raises(ValueError, match=r"usable: expected before and after"):
        listed.read("edge/interlock/state.py")
