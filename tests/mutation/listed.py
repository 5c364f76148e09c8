"""The list of survivors that are argued, one TOML file a module, and what is wrong with it after a run.

A change is named by its function and by the lines it changes, so the list outlives every other change of the file::

    [[survivor]]
    function = "Turn.judge"
    before = "if age_s > limit_s:"
    after = "if age_s >= limit_s:"
    same = true                       # the same program: asked for where a comparison, boundary … was changed
    why = "ages are whole seconds and the caller …"

A whole function's changed words may be listed at once, with ``kind = "text"`` or ``"message"`` in place of `before` and
`after`.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec

from tests.mutation.kinds import FORBIDDEN, WORDS, Kind
from tests.mutation.scope import PACKAGE, SURVIVORS
from tests.mutation.sowing import Mutant

Why = Annotated[str, msgspec.Meta(min_length=20)]


class Survivor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change that may survive, and why; `nth` when several changes of the function read the same."""

    function: str
    why: Why
    before: str = ""
    after: str = ""
    nth: int = 1
    kind: Kind | None = None
    same: bool = False

    def covers(self, mutant: Mutant) -> bool:
        """Whether it speaks of this mutant."""
        if self.function not in (mutant.function, "*"):
            return False
        if self.kind:
            return self.kind is mutant.kind
        return (self.before, self.after, self.nth) == (mutant.before, mutant.after, mutant.nth)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    survivor: list[Survivor] = []


def path_of(module: str) -> Path:
    """The file with a module's list."""
    return SURVIVORS / Path(module).relative_to(PACKAGE).with_suffix(".toml")


def read(module: str) -> list[Survivor]:
    """A module's list; empty when it has none.

    Raises:
        ValueError: the file does not say what is expected; with its name.
    """
    path = path_of(module)
    if not path.exists():
        return []
    try:
        listed = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File).survivor
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"{path.name}: {error}") from error
    for entry in listed:
        if bool(entry.kind) == bool(entry.before or entry.after) or (entry.kind and entry.kind not in WORDS):
            raise ValueError(f'{path.name}: {entry.function}: expected before and after, or kind = "text"')
    return listed


def problems(module: str, survived: list[Mutant], made: list[Mutant], *, whole: bool) -> dict[str, list[Any]]:
    """What the list and the run disagree about.

    Args:
        module: the module.
        survived: its survivors.
        made: every mutant that was tried.
        whole: the whole module was tried.

    Returns:
        unlisted: survivors without an argument. unargued: survivors of a forbidden kind that are not argued to be
        the same program. stale: entries whose mutants are killed or do not exist any more.
    """
    listed = read(module)
    found: dict[str, list[Any]] = {"unlisted": [], "unargued": [], "stale": []}
    for mutant in survived:
        entry = next((entry for entry in listed if entry.covers(mutant)), None)
        if entry is None:
            found["unlisted"].append(mutant)
        elif mutant.kind in FORBIDDEN and not entry.same:
            found["unargued"].append(mutant)
    for entry in listed:
        looked_at = whole or any(entry.covers(mutant) for mutant in made)
        if looked_at and not any(entry.covers(mutant) for mutant in survived):
            found["stale"].append(entry)
    return found


def as_toml(mutant: Mutant) -> str:
    """An entry for a survivor, to be completed."""
    nth = f"nth = {mutant.nth}\n" if mutant.nth > 1 else ""
    same = "same = true\n" if mutant.kind in FORBIDDEN else ""
    return (
        f"[[survivor]]\nfunction = {_quoted(mutant.function)}\nbefore = {_quoted(mutant.before)}\n"
        f'after = {_quoted(mutant.after)}\n{nth}{same}why = ""\n'
    )


def _quoted(text: str) -> str:
    return f"'{text}'" if "'" not in text else msgspec.json.encode(text).decode()
