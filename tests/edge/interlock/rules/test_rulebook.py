"""docs/rules.md is what the packs and the tests say today, and no row decides without a test of its edge."""

import pytest

from edge.interlock import rules
from edge.interlock.rules.lines import lines
from tests import rulebook


@pytest.fixture(scope="module")
def proofs() -> dict[str, dict[str, int]]:
    return rulebook.proofs()


def test_every_row_that_the_kernel_decides_by_has_a_test_of_its_boundary(proofs: dict[str, dict[str, int]]) -> None:
    """Mark the test with ``@pytest.mark.rule("row")``; see test_boundaries.py."""
    missing = {
        line.id
        for name in ("gb30871-2022", "osha-nfpa")
        for line in lines(rules.load(name))
        if rulebook.is_decided(line) and not proofs.get(line.id, {}) | proofs.get(line.name, {})
    }
    assert missing == set()


def test_no_test_proves_a_row_that_is_not_there(proofs: dict[str, dict[str, int]]) -> None:
    known = {
        key
        for name in ("gb30871-2022", "osha-nfpa")
        for line in lines(rules.load(name))
        for key in (line.id, line.name)
    }
    assert set(proofs) <= known


def test_the_page_is_not_stale(proofs: dict[str, dict[str, int]]) -> None:
    """Otherwise: ``python -m tests.rulebook docs/rules.md``."""
    assert rulebook.PAGE.read_text(encoding="utf-8") == rulebook.page(proofs)
