"""What is wrong with a definition, or why an event is refused: expected, came, what to do; in the reader's language."""

from dataclasses import dataclass

from django.utils.translation import gettext as _


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where in the file, what was expected, what came, what to do."""

    path: str
    expected: str
    came: str
    todo: str
    line: int = 0

    def __str__(self) -> str:
        where = _("line %(line)s, %(path)s") % {"line": self.line, "path": self.path} if self.line else self.path
        return _("%(where)s: expected %(expected)s; found %(came)s. %(todo)s") % {
            "where": where or _("the whole file"), "expected": self.expected, "came": self.came, "todo": self.todo,
        }  # fmt: skip


class DefinitionError(Exception):
    """A definition that cannot be used, with everything that is wrong with it."""

    def __init__(self, origin: str, problems: tuple[Problem, ...]) -> None:
        self.origin = origin
        self.problems = problems
        super().__init__("\n".join(f"{origin}: {problem}" for problem in problems))


class Refused(Exception):  # noqa: N818 - it reads as a sentence where it is raised
    """An event that a case does not take, in the reader's language: what was expected, what came, what to do.

    `code` is the same in every language: the guard's name, or ``state``, ``role``, ``person``, ``step``, ``form``.
    """

    def __init__(self, code: str, expected: str, came: str, todo: str) -> None:
        self.code = code
        self.expected = expected
        self.came = came
        self.todo = todo
        super().__init__(
            _("Expected: %(expected)s. Found: %(came)s. %(todo)s")
            % {"expected": expected, "came": came, "todo": todo}
        )
