"""Writes docs/events.md: every event that a box can write, its names, its fields and who writes it.

    python -m tests.eventbook docs/events.md

The events are those of `contracts.events`; who writes them is read from the code: a test fails when one is written
that is not registered, when one is registered that nobody writes, and when the page is not what this writes.
"""

import ast
import enum
import functools
import inspect
import re
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from contracts.event import Category
from contracts.events import REGISTRY, EventType
from contracts.events.fields import Data, Reasoned, Row

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "events.md"
WRITERS = ("edge/interlock", "edge/audit")
"""Packages that hand events to the log."""
DYNAMIC = {
    ("edge/interlock/offers.py", "{kind}.refused"): ("permit.refused", "revocations.refused", "command.refused"),
    ("edge/interlock/history.py", "{kind}"): (
        "gas.changed", "gas.minute", "gas.trace", "gas.trace_ended", "interlock.minute",
    ),
    ("edge/audit/log.py", "audit.{verdict}_detected"): ("audit.rollback_detected", "audit.fork_detected"),
}
"""Names that are put together while running, or handed to a function of another name: ``{kind}``."""
_CALLS = ("Note", "put_plain", "_own", "Said")
"""Calls whose first argument is an event's name; `note` of a turn and of the journal's constants beside them."""
_FORWARDS = ("note", "put_plain", "_own")
"""Functions that are given a name and pass it on: where they are called it is read."""


# --- who writes what ----------------------------------------------------------------------------------------------


class Site(NamedTuple):
    """A place in the code that names events: constants, or the pattern of a name that is put together."""

    module: str
    line: int
    names: frozenset[str]


class UnreadableError(AssertionError):
    """A place that writes an event whose name cannot be read from the code."""


@functools.cache
def sites() -> tuple[Site, ...]:
    """Every place that names an event in order to write it.

    Raises:
        UnreadableError: write the name so that it can be read, or list it in `DYNAMIC`.
    """
    found: list[Site] = []
    for folder in WRITERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            found += in_source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    return tuple(found)


def in_source(module: str, text: str) -> list[Site]:
    """The places in one module."""
    tree = ast.parse(text)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    found = []
    for node in ast.walk(tree):
        named = _named(node, module)
        if named is not None:
            names = frozenset(_values(named, module, tree, parents))
            if names:
                found.append(Site(module, named.lineno, names))
    return found


def written() -> dict[str, tuple[str, ...]]:
    """Event → the modules that write it."""
    found: dict[str, set[str]] = {}
    for site in sites():
        for name in site.names:
            for one in DYNAMIC.get((site.module, name), (name,)):
                found.setdefault(one, set()).add(site.module)
    return {name: tuple(sorted(modules)) for name, modules in sorted(found.items())}


def _named(node: ast.AST, module: str) -> ast.expr | None:
    """The expression that names an event, where a node writes one."""
    if isinstance(node, ast.Tuple) and len(node.elts) > 1:
        named = _is_severity(node.elts[1]) and not isinstance(node.elts[0], ast.Dict)
        return node.elts[0] if named else None
    if not isinstance(node, ast.Call):
        return None
    match node.func:
        case ast.Name(id=name):
            is_note = name == "note"
        case ast.Attribute(attr=name, value=ast.Name(id=owner)):
            is_note = name == "note" and (owner == "turn" or (owner == "self" and module.endswith("interlock/turn.py")))
        case ast.Attribute(attr=name):
            is_note = False
        case _:
            return None
    if name in ("replace", "Draft"):
        return next((word.value for word in node.keywords if word.arg == "type"), None)
    return node.args[0] if node.args and (is_note or name in _CALLS) else None


def _is_severity(node: ast.expr) -> bool:
    if isinstance(node, ast.IfExp):
        return _is_severity(node.body) and _is_severity(node.orelse)
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Severity"


def _values(node: ast.expr, module: str, tree: ast.Module, parents: dict[ast.AST, ast.AST]) -> set[str]:
    """What an expression may be; nothing when it only passes on what was named elsewhere."""
    match node:
        case ast.Constant(value=str(value)):
            return {value} - {""}
        case ast.IfExp(body=body, orelse=orelse):
            return _values(body, module, tree, parents) | _values(orelse, module, tree, parents)
        case ast.JoinedStr(values=pieces):
            return {"".join(_piece(piece) for piece in pieces)}
        case ast.Subscript(value=ast.Name(id=name)):
            tables = [value for value in _assigned(tree, name) if isinstance(value, ast.Dict)]
            rows = [row for table in tables for row in table.values]
            if rows:
                return {value for row in rows for value in _values(row, module, tree, parents)}
        case ast.Starred() | ast.Attribute(attr="type"):
            return set()
        case ast.Name(id=name):
            scope: ast.AST = node
            while scope is not tree:
                scope = parents[scope]
                if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
                    continue
                if isinstance(scope, ast.Module):
                    scope, name = _imported(scope, name)
                values = _assigned(scope, name)
                if values:
                    return {found for value in values for found in _values(value, module, tree, parents)}
                if isinstance(scope, ast.Module):
                    break
                arguments = scope.args
                if name in [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]:
                    return set() if scope.name in _FORWARDS else {f"{{{name}}}"}
    raise UnreadableError(f"{module}:{node.lineno}: {ast.unparse(node)} names an event, and cannot be read")


def _piece(node: ast.expr) -> str:
    if isinstance(node, ast.FormattedValue):
        return f"{{{ast.unparse(node.value)}}}"
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _assigned(scope: ast.AST, name: str) -> list[ast.expr]:
    """Everything that a name is bound to in a scope: alone, or as one of several."""
    found: list[ast.expr] = []
    body = scope.body if isinstance(scope, ast.Module) else list(ast.walk(scope))
    for node in body:
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            targets: list[ast.expr] = [node.target]
        elif isinstance(node, ast.Assign):
            targets = node.targets
        else:
            continue
        for target in targets:
            found += _bound(target, node.value, name)
    return found


def _imported(tree: ast.Module, name: str) -> tuple[ast.Module, str]:
    """Where a module's name comes from: itself, or a module of ours that it imports it from, and its name there."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            path = ROOT / f"{node.module.replace('.', '/')}.py"
            for alias in node.names:
                if (alias.asname or alias.name) == name and path.is_file():
                    return ast.parse(path.read_text(encoding="utf-8")), alias.name
    return tree, name


def _bound(target: ast.expr, value: ast.expr | None, name: str) -> Iterator[ast.expr]:
    if isinstance(target, ast.Name) and target.id == name and value is not None:
        yield value
    elif isinstance(target, ast.Tuple):
        choices = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
        for choice in choices:
            if isinstance(choice, ast.Tuple) and len(choice.elts) == len(target.elts):
                for one, its in zip(target.elts, choice.elts, strict=True):
                    yield from _bound(one, its, name)


# --- the page -----------------------------------------------------------------------------------------------------

SECTIONS = {
    Category.PERMIT: ("作业票", "permits"),
    Category.IDENTITY: ("人员与设备", "people, and the devices that see them"),
    Category.GAS: ("气体与探测器", "gas and detectors"),
    Category.INTERLOCK: ("联锁与继电器", "interlock and relay"),
    Category.BYPASS: ("旁路", "bypasses"),
    Category.CLI: ("指令", "commands"),
    Category.CLOCK: ("时钟", "clock"),
    Category.AUDIT: ("日志自身", "the log itself"),
    Category.SYSTEM: ("启停与存储", "starts, ends and storage"),
    Category.CONFIG: ("配置", "configuration"),
}
_SHARED: dict[type, str] = {Reasoned: "[reason](#a-reason)", Row: "[row](#a-row-of-a-decisions-record)"}
_PLAIN = {str: "text", int: "integer", bool: "true or false", object: "anything", Any: "anything", dict: "object"}


class Field(NamedTuple):
    """A field of a form as people read it."""

    name: str
    kind: str
    optional: bool
    says: str


def fields(form: type[Data], prefix: str = "", *, shared: bool = True) -> list[Field]:
    """A form's fields in their order, those of what is nested after it; `shared` leaves out what has its own table."""
    found = []
    for field in msgspec.structs.fields(form):
        kind, nested, says, optional = _read(field.type)
        name = f"{prefix}{field.encode_name}"
        found.append(Field(name, kind, optional or not field.required, says))
        if nested is not None and not (shared and nested in _SHARED):
            found += fields(nested, f"{name}{'[]' if kind.startswith('list') else ''}.")
    return found


def _read(kind: Any) -> tuple[str, type[Data] | None, str, bool]:
    """A type in words, the struct in it, what is said of it, and whether it may be left out."""
    if typing.get_origin(kind) is Annotated:
        inner, *metas = typing.get_args(kind)
        words, nested, says, optional = _read(inner)
        told = [meta.description for meta in metas if isinstance(meta, msgspec.Meta) and meta.description]
        return words, nested, told[-1] if told else says, optional
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        every = typing.get_args(kind)
        parts = [_read(one) for one in every if one not in (types.NoneType, msgspec.UnsetType)]
        words = ", ".join(dict.fromkeys(part[0] for part in parts)) + (" or null" if types.NoneType in every else "")
        return words, parts[0][1], parts[0][2], msgspec.UnsetType in every
    if typing.get_origin(kind) is list:
        words, nested, _, _ = _read(typing.get_args(kind)[0])
        return f"list of {words}", nested, "", False
    if typing.get_origin(kind) is Literal:
        return ", ".join(f"`{value}`" for value in typing.get_args(kind)), None, "", False
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return ", ".join(f"`{member.value}`" for member in kind), None, "", False
    if isinstance(kind, type) and issubclass(kind, Data):
        return _SHARED.get(kind, "object"), kind, "", False
    return _PLAIN[typing.get_origin(kind) or kind], None, "", False


def page() -> str:
    """The whole page."""
    who = written()
    parts = [_HEAD.format(number=len(REGISTRY)), _table(Reasoned), _ROW.format(what=_told(Row)), _table(Row)]
    for cat, (zh, en) in SECTIONS.items():
        kinds = [kind for kind in REGISTRY.values() if kind.cat is cat]
        parts.append(f"\n## {en[0].upper()}{en[1:]} · {zh}\n\n| event | 名称 | name | severity |\n|---|---|---|---|")
        for kind in kinds:
            sev = ", ".join(one.value for one in kind.sev)
            parts.append(f"| [`{kind.name}`](#{_anchor(kind.name)}) | {kind.zh} | {kind.en} | {sev} |")
        parts += [_entry(kind, who.get(kind.name, ())) for kind in kinds]
    return "\n".join(parts) + "\n"


def _entry(kind: EventType, modules: tuple[str, ...]) -> str:
    """One event: names, how loud, how it may end, who writes it, and each form of its data."""
    links = ", ".join(f"[{module}](../{module})" for module in modules)
    ends = ", ".join(one.value for one in kind.res)
    lines = [f"\n### {kind.name}\n\n**{kind.zh} · {kind.en}**: {', '.join(kind.sev)}; result {ends}; written by {links}"]
    for form in kind.forms:
        lines += ["", _told(form)]
        if msgspec.structs.fields(form):
            lines += ["", _table(form)]
    return "\n".join(lines)


def _told(form: type[Data]) -> str:
    return re.sub(r"\s+", " ", inspect.getdoc(form) or "")


def _table(form: type[Data]) -> str:
    rows = ["| field | type | says |", "|---|---|---|"]
    for field in fields(form):
        absent = ", may be absent" if field.optional else ""
        rows.append(f"| `{field.name}` | {field.kind}{absent} | {field.says.replace('|', chr(92) + '|')} |")
    return "\n".join(rows)


def _anchor(name: str) -> str:
    return name.replace(".", "")


_HEAD = """# Events · 日志事件

Made by `python -m tests.eventbook docs/events.md` from `contracts/events` and the code that writes them; do not edit.

**中文提要** 盒子写入审计日志的全部 {number} 种事件：名称、严重程度、每个字段的类型与含义，以及由哪个模块写入。数值一律为整数（千分之一），
日志中没有浮点数。表中 “may be absent” 表示可以不出现，“null” 表示没有测得。运行中若有事件与此处不符，照常记录，仅在 `hotbox audit status`
与指标 `hotbox_audit_untyped_total` 中计数，绝不影响放行或切断。

An event is one leaf of the log: the frame in [contracts/event.py](../contracts/event.py) (box, number, both clocks,
category, type, severity, who, result, permit, attempt, hash of the leaf before) and `data`, which is typed here. Numbers
are integers, thousandths where they were measured: the log has no floats. A field that "may be absent" is left out, never
null; null is a value of its own. An event whose list does not fit one leaf goes on in the next ones: the first says
`part` 1 `of` how many, the later ones have nothing but `part`, `of`, `head` (number of the first) and their share of
`snapshot`, at severity info.

A box that writes something which is not as described here goes on: the event is kept as it is and counted, in
`hotbox audit status` and as the metric `hotbox_audit_untyped_total`. Tests hold every writer to this page.

`audit_late`, `audit_unwritable` and the other reason codes that begin with `audit_` are what the log itself trips or
refuses by; the first-out of such a trip says which.

## A reason

Its words, and what to do about it, stand in the box's catalogue under `code`.
"""

_ROW = """
## A row of a decision's record

{what} `hotbox explain` makes the decision again and shows it.
"""


def main() -> None:
    """Write the page to the file that is named, or to the terminal."""
    text = page()
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
