"""The tool behind `make mutation`: what it changes, how it judges, and that its list is well formed."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.interlock.state import Mode
from tests.mutation import listed, scope, sowing, switch
from tests.mutation.kinds import STATES, Kind
from tests.mutation.reaching import Reaching
from tests.mutation.sowing import Mutant, Sown

SAMPLE = '''
"""A module that decides a little."""

from edge.interlock.state import Mode


class Window:
    """From one moment to another."""

    def __init__(self, since_us, until_us):
        self.since_us, self.until_us = since_us, until_us

    def holds(self, now_us):
        return self.since_us <= now_us < self.until_us

    @property
    def empty(self):
        return self.since_us >= self.until_us and not self.until_us


def current(mode, found, names):
    watched = found.name if found else ""
    if mode in (Mode.ARMED, Mode.RELEASED):
        found.remember(mode)
    candidates = [name for name in names if name != watched]
    return candidates[0]


def longest(names):
    return max(
        len(name)
        for name in names
        if name
    )
'''


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sown]:
    """The sample with its mutants."""
    root = tmp_path_factory.mktemp("sown")
    (root / "sample.py").write_text(SAMPLE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sowing, "ROOT", root)
        yield sowing.sow(Path("sample.py"))


def _of(sown: Sown, function: str) -> list[Mutant]:
    return [mutant for mutant in sown.mutants if mutant.function == function]


def test_every_change_is_named_by_the_lines_it_changes(sample: Sown) -> None:
    named = [(mutant.function, mutant.before, mutant.after, mutant.nth) for mutant in sample.mutants]
    assert len(set(named)) == len(named)
    was, becomes = "if mode in (Mode.ARMED, Mode.RELEASED):", "if mode in (Mode.ARMED, Mode.TRIPPED):"
    assert ("current", was, becomes, 1) in named


def test_the_sown_module_does_the_same_until_a_mutant_is_chosen(sample: Sown) -> None:
    space: dict[str, Any] = {"__name__": "sown"}
    exec(compile(sample.code, "sown", "exec"), space)
    window = space["Window"](10, 20)
    assert [window.holds(us) for us in (9, 10, 19, 20)] == [False, True, True, False]
    late = next(each for each in _of(sample, "Window.holds") if "return self.since_us < now_us <" in each.after)
    switch.choose(late.name, late.number)
    assert [window.holds(us) for us in (9, 10, 19, 20)] == [False, False, True, False]


@pytest.mark.parametrize(
    ("after", "runs_at"),
    [
        ("pass", ["found.remember(mode)"]),
        ("if mode not in (Mode.ARMED, Mode.RELEASED):", ["if mode in (Mode.ARMED, Mode.RELEASED):"]),
        ("return candidates[1]", ["return candidates[0]"]),
        ("return min(", ["return max(", "len(name)", "for name in names", "if name", ")"]),
        ("if not name", ["return max(", "len(name)", "for name in names", "if name", ")"]),
    ],
)
def test_a_change_is_asked_of_the_tests_that_run_its_statement(sample: Sown, after: str, runs_at: list[str]) -> None:
    text = sample.code.splitlines()
    found = [mutant for mutant in sample.mutants if after in mutant.after.split(" ⏎ ")]
    for mutant in found:
        assert [text[line - 1].strip() for line in mutant.lines] == runs_at
    assert found


def test_a_line_is_known_by_the_tests_that_ran_it(tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    code = "def larger(a, b):\n    if a > b:\n        return a\n    return b\n"
    space: dict[str, Any] = {}
    exec(compile(code, path.as_posix(), "exec"), space)
    found = Reaching([path])
    found.start()
    for name, pair in (("left", (2, 1)), ("right", (1, 2)), ("neither", ())):
        found.next_test(name)
        if pair:
            space["larger"](*pair)
    found.stop()
    assert [found.tests(path, range(line, line + 1)) for line in (2, 3, 4)] == [["left", "right"], ["left"], ["right"]]
    assert found.tests(path, range(3, 5)) == ["left", "right"]


def test_properties_are_changed_too(sample: Sown) -> None:
    assert {mutant.kind for mutant in _of(sample, "Window.empty")} == {Kind.COMPARISON, Kind.BOOLEAN}


@pytest.mark.parametrize(
    ("after", "kind"),
    [
        ("if mode in (Mode.LOCKED, Mode.RELEASED):", Kind.TRANSITION),
        ("if mode not in (Mode.ARMED, Mode.RELEASED):", Kind.COMPARISON),
        ("if not (mode in (Mode.ARMED, Mode.RELEASED)):", Kind.BOOLEAN),
        ("candidates = [name for name in names if name == watched]", Kind.COMPARISON),
        ("return candidates[1]", Kind.BOUNDARY),
        ("candidates = None", Kind.VALUE),
        ("pass", Kind.CALL),
        ('watched = found.name if found else "XXXX"', Kind.TEXT),
    ],
)
def test_a_change_is_of_the_kind_that_it_changes(sample: Sown, after: str, kind: Kind) -> None:
    assert [mutant.kind for mutant in _of(sample, "current") if mutant.after == after] == [kind]


def test_the_states_that_are_exchanged_are_those_of_the_kernel() -> None:
    from tests.mutation.sowing import _MEMBERS

    assert _MEMBERS["Mode"] == tuple(Mode.__members__)
    assert set(_MEMBERS) <= set(STATES)


def test_what_is_left_out_exists() -> None:
    for name in scope.OUTSIDE:
        assert (scope.ROOT / scope.PACKAGE / name).exists(), name
    for name in (*scope.TESTS, *scope.NOT_NEEDED):
        path, _, test = name.partition("::")
        assert (scope.ROOT / path).exists(), name
        assert not test or f"def {test}(" in (scope.ROOT / path).read_text(encoding="utf-8"), name


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
