"""Mutants of a module, all of them in one source text behind switches, so that no mutant needs an import of its own.

mutmut finds the places and makes most of the changes. Added here: the negation of a comparison and of a condition,
one less for a number, `min` for `max` and `any` for `all`, a call left out, a state exchanged for another, and the
bodies of properties and of cached functions, which mutmut leaves alone.
"""

import ast
import difflib
import hashlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import libcst as cst
import msgspec
from mutmut.mutation.file_mutation import MutationVisitor, deep_replace
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

from tests.mutation.kinds import Kind, kind_of
from tests.mutation.scope import ROOT

_NEGATED = {
    cst.LessThan: cst.GreaterThanEqual,
    cst.LessThanEqual: cst.GreaterThan,
    cst.GreaterThan: cst.LessThanEqual,
    cst.GreaterThanEqual: cst.LessThan,
}
_SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}
_MEMBERS = {
    "Mode": ("LOCKED", "PERMISSIVE_OK", "ARMED", "RELEASED", "TRIPPED", "FAULT"),
    "Relay": ("OPEN", "HOLD", "CLOSE"),
}
_BARE = ("property", "cached_property", "functools.cache", "staticmethod", "classmethod")


class Mutant(msgspec.Struct, frozen=True):
    """One change of one function.

    Attributes:
        module: file below the repository.
        function: its name, with the class before a method's.
        number: which of the function's mutants.
        line: where the function begins.
        kind: what was changed.
        before, after: the lines that differ.
        nth: which of the changes of the function that read the same.
        runs_at: first and last line, in the sown text, of the statement that is changed: a test that runs none of
            them cannot notice. A change of the function's own head is everywhere in it.
    """

    module: str
    function: str
    number: int
    line: int
    kind: Kind
    before: str
    after: str
    nth: int = 1
    runs_at: tuple[int, int] = (0, 0)

    @property
    def lines(self) -> range:
        """The lines of `runs_at`."""
        return range(self.runs_at[0], self.runs_at[1] + 1)

    @property
    def name(self) -> str:
        """Name of the function's switch."""
        return f"{self.module}:{self.function}"

    @property
    def change(self) -> str:
        """What is changed, the same wherever it stands in its file."""
        return f"{self.name}: {self.before} → {self.after}"

    @property
    def shown(self) -> str:
        """Where it is and what it changes, on one line."""
        return f"{self.module}:{self.line} {self.function} [{self.kind}] {self.before} → {self.after}"


class Sown(msgspec.Struct, frozen=True):
    """A module with its mutants: the text to import instead, and what can be chosen in it."""

    code: str
    mutants: tuple[Mutant, ...]


def _comparisons(node: cst.ComparisonTarget) -> Iterable[cst.CSTNode]:
    if opposite := _NEGATED.get(type(node.operator)):
        yield node.with_changes(operator=opposite())


def _numbers(node: cst.Integer) -> Iterable[cst.CSTNode]:
    if node.evaluated_value > 0:
        yield node.with_changes(value=repr(node.evaluated_value - 1))


def _conditions(node: cst.If | cst.While | cst.CompIf) -> Iterable[cst.CSTNode]:
    bare = not isinstance(node.test, (cst.Name, cst.Attribute, cst.Call, cst.Subscript))
    inner = node.test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()]) if bare else node.test
    yield node.with_changes(test=cst.UnaryOperation(operator=cst.Not(), expression=inner))


def _calls(node: cst.Call) -> Iterable[cst.CSTNode]:
    if isinstance(node.func, cst.Name) and (other := _SWAPPED.get(node.func.value)):
        yield node.with_changes(func=cst.Name(other))


def _statements(node: cst.Expr) -> Iterable[cst.CSTNode]:
    if isinstance(node.value, cst.Call):
        yield cst.Pass()


def _states(node: cst.Attribute) -> Iterable[cst.CSTNode]:
    members = _MEMBERS.get(node.value.value, ()) if isinstance(node.value, cst.Name) else ()
    if node.attr.value in members:
        yield from (node.with_changes(attr=cst.Name(other)) for other in members if other != node.attr.value)


_OPERATORS: list[tuple[type, Callable[[Any], Iterable[cst.CSTNode]]]] = [
    *mutation_operators,
    (cst.ComparisonTarget, _comparisons),
    (cst.Integer, _numbers),
    ((cst.If, cst.While, cst.CompIf), _conditions),  # type: ignore[list-item]
    (cst.Call, _calls),
    (cst.Expr, _statements),
    (cst.Attribute, _states),
]


class _Visitor(MutationVisitor):
    """mutmut's walk, into properties and cached functions too."""

    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.FunctionDef) and node.decorators:
            return not all(_code(each.decorator) in _BARE for each in node.decorators)
        return bool(super()._skip_node_and_children(node))


def _code(node: cst.CSTNode) -> str:
    return cst.Module([]).code_for_node(node)


def sow(path: Path) -> Sown:
    """Every mutant of a module; `path` is below the repository."""
    text = (ROOT / path).read_text(encoding="utf-8")
    wrapper = cst.MetadataWrapper(cst.parse_module(text))
    visitor = _Visitor(_OPERATORS, IgnoredCode(set(), set(), set()))
    module = wrapper.visit(visitor)
    lines = wrapper.resolve(cst.metadata.PositionProvider)
    spans = _Spans(lines, wrapper.resolve(cst.metadata.ParentNodeProvider))
    by_function: dict[cst.CSTNode, list[tuple[cst.CSTNode, cst.CSTNode]]] = {}
    for each in visitor.mutations:
        if isinstance(each.contained_by_top_level_function, cst.FunctionDef):
            found = by_function.setdefault(each.contained_by_top_level_function, [])
            found.append((each.original_node, each.mutated_node))
    mutants: list[Mutant] = []
    body: list[Any] = []
    for statement in module.body:
        if statement in by_function:
            switch, made = _arranged(path, statement, "", by_function[statement], spans)
            body.extend(switch)
            mutants.extend(made)
        elif isinstance(statement, cst.ClassDef):
            inner: list[Any] = []
            for part in statement.body.body:
                if part not in by_function:
                    inner.append(part)
                    continue
                switch, made = _arranged(path, part, statement.name.value, by_function[part], spans)
                inner.extend(switch)
                mutants.extend(made)
            body.append(statement.with_changes(body=statement.body.with_changes(body=inner)))
        else:
            body.append(statement)
    first = next((at for at, statement in enumerate(body) if not _is_docstring(statement)), 0)
    body.insert(first, cst.parse_statement("from tests.mutation.switch import switched as _switched\n"))
    code = module.with_changes(body=body).code
    return Sown(code, tuple(_placed(mutants, text, code)))


class _Spans:
    """Lines of statements in the module as it is written."""

    def __init__(
        self, positions: Mapping[cst.CSTNode, cst.metadata.CodeRange], parents: Mapping[cst.CSTNode, cst.CSTNode]
    ) -> None:
        self._positions = positions
        self._parents = parents

    def of(self, node: cst.CSTNode) -> tuple[int, int]:
        """First and last line of a node."""
        found = self._positions[node]
        return found.start.line, found.end.line

    def statement(self, node: cst.CSTNode, function: cst.CSTNode) -> tuple[int, int]:
        """Those that a change of `node` is on: its statement, or a block's head; all of `function` in its own head."""
        while not isinstance(node, (cst.SimpleStatementLine, cst.BaseCompoundStatement, cst.ExceptHandler, cst.MatchCase)):
            node = self._parents[node]
        if node is function or isinstance(node, cst.SimpleStatementLine):
            return self.of(node)
        first, last = self.of(node)
        block = node.cases[0] if isinstance(node, cst.Match) else node.body
        return first, min(last, max(first, self.of(block)[0] - 1))


def _placed(mutants: list[Mutant], written: str, sown: str) -> Iterator[Mutant]:
    """The mutants with their lines in the sown text, where each function stands further down than it was written."""
    was, now = _functions(written), _functions(sown)
    for mutant in mutants:
        down = now[mutant.function] - was[mutant.function]
        yield msgspec.structs.replace(mutant, runs_at=(mutant.runs_at[0] + down, mutant.runs_at[1] + down))


def _functions(text: str) -> dict[str, int]:
    """Where each function and method begins."""
    found: dict[str, int] = {}
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.ClassDef):
            inner = [each for each in statement.body if isinstance(each, ast.FunctionDef)]
            found |= {f"{statement.name}.{each.name}": each.lineno for each in inner}
        elif isinstance(statement, ast.FunctionDef):
            found[statement.name] = statement.lineno
    return found


def _is_docstring(statement: cst.CSTNode) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and isinstance(statement.body[0], cst.Expr)


def _arranged(
    path: Path, function: Any, class_name: str, changes: Sequence[tuple[cst.CSTNode, cst.CSTNode]], spans: _Spans
) -> tuple[list[Any], list[Mutant]]:
    """A function as its mutants, a table of them, and itself behind a switch."""
    name = f"{class_name}.{function.name.value}" if class_name else function.name.value
    bare = function.with_changes(decorators=[], leading_lines=[], lines_after_decorators=[])
    original = _code(bare).splitlines()
    copies: list[Any] = []
    mutants: list[Mutant] = []
    seen: set[tuple[str, ...]] = set()
    alike: Counter[tuple[str, str]] = Counter()
    for old, new in changes:
        changed: Any = deep_replace(bare, old, new)
        text = _code(changed).splitlines()
        if text == original or tuple(text) in seen:
            continue
        seen.add(tuple(text))
        before, after = _difference(original, text)
        alike[before, after] += 1
        number = len(mutants)
        kind = kind_of(old, new, before, after)
        line, at = spans.of(function)[0], spans.statement(old, function)
        mutants.append(Mutant(path.as_posix(), name, number, line, kind, before, after, alike[before, after], at))
        copies.append(changed.with_changes(name=cst.Name(f"_mutant_{number}_{function.name.value}")))
    pairs = ", ".join(f'"{mutant.number}": _mutant_{mutant.number}_{function.name.value}' for mutant in mutants)
    decorator = cst.parse_module(f'@_switched({{{pairs}}}, "{path.as_posix()}:{name}")\ndef f(): pass\n').body[0]
    switch = function.with_changes(decorators=[*function.decorators, *decorator.decorators])  # type: ignore[union-attr]
    return [*copies, switch], mutants


def _difference(original: list[str], changed: list[str]) -> tuple[str, str]:
    sides: tuple[list[str], list[str]] = ([], [])
    for tag, a, b, c, d in difflib.SequenceMatcher(None, original, changed, autojunk=False).get_opcodes():
        if tag != "equal":
            sides[0].extend(line.strip() for line in original[a:b])
            sides[1].extend(line.strip() for line in changed[c:d])
    return " ⏎ ".join(sides[0]), " ⏎ ".join(sides[1])


def remembered(path: Path, cache: Path) -> Sown:
    """`sow`, or what it gave for the same text before."""
    parts = [(ROOT / path).read_bytes(), path.as_posix().encode(), importlib.metadata.version("mutmut").encode()]
    parts += [Path(__file__).with_name(name).read_bytes() for name in ("sowing.py", "kinds.py")]
    kept = cache / hashlib.sha256(b"\0".join(parts)).hexdigest()
    if kept.exists():
        return msgspec.msgpack.decode(kept.read_bytes(), type=Sown)
    sown = sow(path)
    cache.mkdir(exist_ok=True)
    kept.write_bytes(msgspec.msgpack.encode(sown))
    return sown


class Finder(importlib.abc.MetaPathFinder):
    """Imports modules with their mutants instead of as they are."""

    def __init__(self, sown: dict[str, Sown]) -> None:
        self._sown = {_module_name(path): (ROOT / path, each.code) for path, each in sown.items()}

    def install(self) -> None:
        """Come before every other finder."""
        sys.meta_path.insert(0, self)

    def find_spec(self, name: str, _path: object, _target: object = None) -> importlib.machinery.ModuleSpec | None:
        """The module with its mutants, if it has any."""
        if name not in self._sown:
            return None
        path, code = self._sown[name]
        spec = importlib.util.spec_from_file_location(name, path, loader=_Loader(name, str(path), code))
        if spec and path.name == "__init__.py":
            spec.submodule_search_locations = [str(path.parent)]
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, code: str) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, _name: str) -> Any:
        return compile(self._code, self.path, "exec", dont_inherit=True)


def _module_name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
