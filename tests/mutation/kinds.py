"""What kind of change a mutant is. Some kinds may not survive at all."""

import re
from enum import StrEnum

import libcst as cst


class Kind(StrEnum):
    """Kinds of change, the strictest first."""

    TRANSITION = "transition"
    TIMER = "timer"
    COMPARISON = "comparison"
    BOOLEAN = "boolean"
    BOUNDARY = "boundary"
    CALL = "call"
    ARGUMENT = "argument"
    VALUE = "value"
    MESSAGE = "message"
    TEXT = "text"


FORBIDDEN = frozenset({Kind.TRANSITION, Kind.TIMER, Kind.COMPARISON, Kind.BOOLEAN, Kind.BOUNDARY})
"""A survivor of these must be argued to be the same program; every other needs only its line of argument."""

WORDS = frozenset({Kind.MESSAGE, Kind.TEXT})
"""What people read; it may be listed by function. A message is what an error says beside its field."""

STATES = ("Mode", "Relay", "Phase", "Result", "Life", "Probe")
"""Enums whose members are states of the kernel or orders to the relay."""

_TRANSITION = re.compile(rf"\b(?:{'|'.join(STATES)})\.|\bmode=|first_out|reset_done|latch|\bfault\(|\btrip\(|\block\(")
_TIMER = re.compile(r"_(?:us|ms|s)\b|deadline|until|grace|\bnow\b")


def kind_of(original: cst.CSTNode, mutated: cst.CSTNode, before: str, after: str) -> Kind:
    """Kind of the change of `original` into `mutated`; `before` and `after` are the lines it changes."""
    if isinstance(original, cst.BaseString):
        return Kind.TEXT
    if isinstance(original, cst.Attribute):
        return Kind.TRANSITION
    if isinstance(original, (cst.ComparisonTarget, cst.BaseCompOp)):
        return Kind.COMPARISON
    if isinstance(original, cst.BaseNumber):
        return Kind.TIMER if _TIMER.search(before) else Kind.BOUNDARY
    if isinstance(original, (cst.BooleanOperation, cst.UnaryOperation, cst.IfExp, cst.If, cst.While, cst.CompIf, cst.Name)):
        return Kind.BOOLEAN
    if isinstance(original, (cst.BinaryOperation, cst.AugAssign)):
        return Kind.TIMER if _TIMER.search(before) else Kind.BOUNDARY
    if isinstance(original, cst.Call) and isinstance(mutated, cst.Call) and original.func is not mutated.func:
        return Kind.TIMER if _TIMER.search(before) else Kind.BOUNDARY
    if isinstance(original, (cst.Break, cst.Continue, cst.Match)):
        return Kind.BOOLEAN
    if _is_message(original, mutated):
        return Kind.MESSAGE
    if _TRANSITION.search(_only_in(before, after)):
        return Kind.TRANSITION
    if isinstance(original, cst.Expr):
        return Kind.CALL
    if isinstance(original, cst.Call) and isinstance(mutated, cst.Call):
        return Kind.TIMER if _TIMER.search(_only_in(before, after)) else Kind.ARGUMENT
    return Kind.TIMER if _TIMER.search(before.partition("=")[0]) else Kind.VALUE


def _is_message(original: cst.CSTNode, mutated: cst.CSTNode) -> bool:
    """A `ContractError` that still names its field and says something else."""
    if not isinstance(original, cst.Call) or not isinstance(mutated, cst.Call) or not mutated.args:
        return False
    named = isinstance(original.func, cst.Name) and original.func.value == "ContractError"
    return named and original.args[0].deep_equals(mutated.args[0])


def _only_in(before: str, after: str) -> str:
    """The part of `before` that the change took away."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    begin = max((before.rfind(mark, 0, start) for mark in "(, "), default=-1) + 1
    return before[begin : len(before) - end]
