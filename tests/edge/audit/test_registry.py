"""Every event that a box can write has its type, and nothing is described that no box writes (KPI-16, ANT-10)."""

import ast
from pathlib import Path
from typing import get_args, get_type_hints

import msgspec
import pytest

from contracts.events import REGISTRY, check, gas, identity, interlock
from contracts.events.fields import Data, Reasoned, Row
from edge.audit.health import AckVerdict
from edge.interlock.evidence import Tap
from edge.interlock.proving import Kind
from edge.interlock.state import POSITIONS, Mode
from tests import eventbook
from tests.edge.interlock.memory import as_written
from tests.prove.explore import Found, explore
from tests.prove.invariants import Transition

TRANSITIONS = 6_000
SEED = 4
FORMS = sorted({form for kind in REGISTRY.values() for form in kind.forms} | {Reasoned, Row}, key=lambda form: form.__qualname__)


def _literals(kind: object) -> set[str]:
    return set(get_args(kind))


def test_every_event_that_the_box_can_write_is_registered() -> None:
    """A new event comes with its type, its names in two languages and a page: nothing is written that nobody explains."""
    missing = {name: modules for name, modules in eventbook.written().items() if name not in REGISTRY}
    assert missing == {}


def test_every_registered_event_is_written_somewhere() -> None:
    assert set(REGISTRY) - set(eventbook.written()) == set()


def test_the_search_finds_the_places() -> None:
    who = eventbook.written()
    assert len(eventbook.sites()) > 80
    assert who["interlock.tripped"] == ("edge/interlock/restart.py", "edge/interlock/turn.py")
    assert who["gas.fault"] == ("edge/interlock/watching.py",)
    assert who["permit.void"] == ("edge/interlock/taking.py", "edge/interlock/watching.py")
    assert who["detector.bump_failed"] == ("edge/interlock/detector_tests.py",)
    assert who["storage.full"] == ("edge/audit/upkeep.py",)
    assert who["audit.outbox_old"] == ("edge/interlock/outbox_watch.py",)
    assert who["record.part"] == ("edge/interlock/journal.py",)
    assert who["system.boot"] == ("edge/audit/work.py",)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('def f(turn, bad):\n    turn.note("gas.alarm" if bad else "gas.fault")', {"gas.alarm", "gas.fault"}),
        ('def f(turn, bad):\n    kind = "a.b"\n    if bad:\n        kind = "a.c"\n    turn.note(kind)', {"a.b", "a.c"}),
        ('def f(turn, bad):\n    kind, x = ("a.b", 1) if bad else ("a.c", 2)\n    turn.note(kind)', {"a.b", "a.c"}),
        ('_E = {1: "a.b", 2: "a.c"}\ndef f(turn):\n    turn.note(_E[1])', {"a.b", "a.c"}),
        ('OLD, WELL = "a.b", "a.c"\ndef f():\n    return Said(OLD, 1)', {"a.b"}),
        ('def f(bad):\n    return ("a.b", Severity.INFO if bad else Severity.WARNING, {})', {"a.b"}),
        ('def f(kind):\n    return Note(f"{kind}.refused")', {"{kind}.refused"}),
        ("def told(turn, kind):\n    turn.note(kind)", {"{kind}"}),
        ("from edge.interlock.outbox_watch import WELL as W\ndef f():\n    return Said(W, 1)", {"audit.outbox_well"}),
        ("def put_plain(self, kind):\n    self.put(replace(_PLAIN, type=kind))", set()),
        ("def f(turn, note):\n    self._interlock.note(note)", set()),
    ],
)  # fmt: skip
def test_a_name_is_read_however_it_is_given(text: str, names: set[str]) -> None:
    found = eventbook.in_source("edge/interlock/example.py", text)
    assert {name for site in found for name in site.names} == names


@pytest.mark.parametrize("text", ["turn.note(made_up())", "turn.note(other)", "from contracts import event\nturn.note(event)"])
def test_a_name_that_cannot_be_read_is_an_error(text: str) -> None:
    """Else a new way of writing events would escape the search."""
    with pytest.raises(eventbook.UnreadableError, match=r"example\.py:"):
        eventbook.in_source("edge/interlock/example.py", text)


def test_names_that_are_put_together_while_running_are_listed_and_no_more() -> None:
    found = {(site.module, name) for site in eventbook.sites() for name in site.names if "{" in name}
    assert found == set(eventbook.DYNAMIC)
    offers = _first_arguments(eventbook.ROOT / "edge/interlock/offers.py", "_refused")
    assert {f"{kind}.refused" for kind in offers} == set(eventbook.DYNAMIC["edge/interlock/offers.py", "{kind}.refused"])
    verdicts = _first_arguments(eventbook.ROOT / "edge/audit/log.py", "_contradicted")
    assert {f"audit.{AckVerdict[name].value}_detected" for name in verdicts} == set(
        eventbook.DYNAMIC["edge/audit/log.py", "audit.{verdict}_detected"]
    )


def _first_arguments(path: Path, function: str) -> set[str]:
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    named = [node for node in calls if getattr(node.func, "id", getattr(node.func, "attr", "")) == function]
    return {getattr(node.args[0], "value" if isinstance(node.args[0], ast.Constant) else "attr") for node in named}


def test_no_draft_is_made_but_by_the_journal_and_by_the_log_itself() -> None:
    """Whatever else made one could write events that the search does not see."""
    made = set()
    for path in sorted((eventbook.ROOT / "edge").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Draft":
                made.add(path.relative_to(eventbook.ROOT).as_posix())
    assert made == {"edge/audit/log.py", "edge/interlock/journal.py"}


# --- what is said of them


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__qualname__)
def test_every_form_and_every_field_says_what_it_is(form: type[Data]) -> None:
    assert form.__doc__
    assert [field.name for field in eventbook.fields(form) if not field.says] == []
    assert {"part", "of", "head"} & {field.encode_name for field in msgspec.structs.fields(form)} == set()


def test_closed_sets_are_those_of_the_kernel() -> None:
    assert _literals(interlock.Quiet) <= {mode.value for mode in Mode}
    assert _literals(get_type_hints(gas.Point)["position"]) == set(POSITIONS)
    assert _literals(get_type_hints(gas.TestBegun)["test"]) == {kind.value for kind in Kind}
    assert _literals(get_type_hints(identity.TagRead)["what"]) == _literals(get_type_hints(Tap)["what"])


def test_the_page_is_fresh() -> None:
    """Otherwise: ``python -m tests.eventbook docs/events.md``."""
    assert eventbook.PAGE.read_text(encoding="utf-8") == eventbook.page()


def test_the_page_has_a_place_for_every_event() -> None:
    text = eventbook.PAGE.read_text(encoding="utf-8")
    for name, kind in REGISTRY.items():
        assert f"\n### {name}\n" in text
        assert kind.zh in text
        assert kind.en in text


# --- and that it is so


def test_every_event_of_a_search_through_the_kernels_states_fits_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bench holds every event of every other test of the kernel, and so of the recorded cases, to its type."""
    seen: set[str] = set()
    count = Found.count

    def held(found: Found, t: Transition) -> None:
        for note in t.step.notes:
            seen.add(note.type)
            assert check(as_written(note)) == "", note
        count(found, t)

    monkeypatch.setattr(Found, "count", held)
    for _ in explore(TRANSITIONS, SEED):
        pass
    assert len(seen) > 25
    assert seen >= {"interlock.tripped", "release.authorised", "relay.closed", "gas.alarm", "interlock.fault", "bypass.ended"}
