"""What the box says when it refuses: every message as a person reads it, in one file, so that words change on purpose.

`wording.toml` has a line for each case of a test; a test that refuses something hands its error here. ``…`` stands for
whatever may be there, such as the names of all rows.
"""

import tomllib
from pathlib import Path

import pytest

from contracts.errors import ContractError

SAID = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


class Wording:
    """The messages of one test."""

    def __init__(self, case: str) -> None:
        self.case = case

    def check(self, error: ContractError | str) -> None:
        """The whole message, field, expectation, what came and hint, is the one that is written down."""
        first, gap, last = SAID.get(self.case, "").partition("…")
        right = str(error).startswith(first) and str(error).endswith(last) if gap else str(error) == first
        assert right, f"is this what a person should read? then: {self.case!r} = '''{error}'''"


@pytest.fixture
def wording(request: pytest.FixtureRequest) -> Wording:
    """The messages of the running test case."""
    return Wording(f"{request.node.path.stem.removeprefix('test_')}: {request.node.name.removeprefix('test_')}")
