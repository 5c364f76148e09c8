"""Every code, event, state and condition can be read by a person, in Chinese and in English; every number has a clause."""

import ast
import re
from pathlib import Path

import msgspec
import pytest

from contracts.events import REGISTRY
from edge.interlock import offers, view
from edge.interlock.conditions import CONDITIONS
from edge.interlock.reasons import CATALOGUE, fill, text
from edge.interlock.state import Mode, Reason
from edge.interlock.status import AuditView
from edge.interlock.texts import STATES, describe
from tests.edge.interlock.bench import Bench

SOURCES = sorted(Path(view.__file__).parent.rglob("*.py"))
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def _strings(node: ast.expr) -> set[str]:
    """The constants that an argument may take."""
    if isinstance(node, ast.IfExp):
        return _strings(node.body) | _strings(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def _first_arguments(*functions: str) -> set[str]:
    """Constants given first to these functions or methods anywhere in the package."""
    found: set[str] = set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in functions:
                    found |= _strings(node.args[0])
    return found


CODES = _first_arguments("Reason", "fail", "_vote") | set(offers._CODES.values()) | set(offers._UNREADABLE.values()) | {"invalid", "gas_fault", "gas_stale", "gas_frozen", "gas_warm_up"}  # fmt: skip
_KIND = re.compile(rf"(?:{'|'.join({kind.partition('.')[0] for kind in REGISTRY})})\.[a-z_]+")


def _kinds() -> set[str]:
    """Every constant that looks like a type of event."""
    trees = [ast.walk(ast.parse(source.read_text(encoding="utf-8"))) for source in SOURCES if source.stem != "texts"]
    constants = {node.value for tree in trees for node in tree if isinstance(node, ast.Constant)}
    return {value for value in constants if isinstance(value, str) and _KIND.fullmatch(value)}


KINDS = _kinds()


def test_the_search_finds_the_codes() -> None:
    assert {"gas_high", "permit_void", "permit_suspended", "feedback_not_closed", "welded", "unclean_restart"} <= CODES
    assert {"interlock.tripped", "permit.void", "permit.suspended", "fire_watch.started", "cli.request"} <= KINDS


@pytest.mark.parametrize("code", sorted(CODES | set(CATALOGUE)))
def test_every_reason_says_what_and_what_to_do_in_both_languages(code: str) -> None:
    entry = text(code)
    for chinese in (entry.zh, entry.todo_zh):
        assert _CHINESE.search(chinese)
    for english in (entry.en, entry.todo_en):
        assert english
        assert english.isascii()
    shown = view.reason_view(Reason(code, "ch4-1", 12_345, 10_000, "%LEL", "GB 30871-2022 5.3.2"))
    assert (shown.value, shown.limit) == ("12.345", "10")
    for words in (shown.zh, shown.en, shown.todo_zh, shown.todo_en):
        assert "{" not in words
    assert fill("{subject} {subject}", "x") == "x x"


@pytest.mark.parametrize("kind", sorted(KINDS | {f"{kind}.refused" for kind in ("permit", "revocations", "command")}))
def test_every_event_has_a_text(kind: str) -> None:
    zh, en = REGISTRY[kind].zh, REGISTRY[kind].en
    assert _CHINESE.search(zh)
    assert en.isascii()
    assert describe(kind, {}) == (zh, en)


def test_an_event_is_told_with_its_first_reason() -> None:
    data = {"code": "gas_high", "chan": "ch4-1", "value_milli": 30_000, "unit": "%LEL"}
    assert describe("interlock.tripped", data) == (
        "切断：ch4-1 超上限 30 %LEL",
        "tripped: ch4-1 is over its limit 30 %LEL",
    )
    assert describe("permit.refused", {"code": "forged"})[1] == "permit refused: its signature is not valid"
    assert describe("permit.refused", {"code": "forged", "n": 12})[1].endswith("not valid (12 more before)")


def test_every_state_and_condition_has_a_text() -> None:
    assert set(STATES) == {mode.value for mode in Mode}
    for zh, en in STATES.values():
        assert _CHINESE.search(zh)
        assert en.isascii()
    for condition in CONDITIONS:
        assert _CHINESE.search(condition.zh)
        assert condition.en.isascii()


@pytest.mark.parametrize("where", ["new", "released", "tripped"])
def test_the_status_can_be_built_in_every_state(bench: Bench, where: str) -> None:
    """`hotbox status`, `watch` and the pages read this document."""
    bench.step()
    if where != "new":
        bench.prepare().release()
    if where == "tripped":
        bench.badges[1002] = False
        bench.run(30)
        bench.gas["ch4-1"].value = float("nan")
        bench.step()
    step = bench.step()
    built = view.build(
        step.facts, step.verdicts, boot=1, audit=AuditView(1, 1, 0, True, 0), buses=(), events=(), loop_lag_ms=0.0,
        evaluations=1,
    )  # fmt: skip
    assert built.state == bench.mode.value
    assert len(built.verdicts) == len(CONDITIONS)
    assert msgspec.json.encode(built)


def test_a_countdown_is_shown_while_a_person_is_missed(released: Bench) -> None:
    released.badges[1002] = False
    released.run(25)
    assert released.last is not None
    built = view.build(
        released.last.facts, released.last.verdicts, boot=1, audit=AuditView(1, 1, 0, True, 0), buses=(), events=(),
        loop_lag_ms=0.0, evaluations=1,
    )  # fmt: skip
    (countdown,) = [c for c in built.countdowns if c.what == "grace"]
    assert "李监护" in countdown.zh
    assert 24_000 < countdown.left_ms <= 26_000
