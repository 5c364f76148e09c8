"""`hotbox run`: hands over to the supervisor, or becomes the one process."""

import pytest

from tests.edge.cli.box import Box


@pytest.mark.parametrize("words", [("run",), ("run", "interlock")])
def test_a_box_that_may_not_start_ends_with_code_two_and_the_reason(box: Box, words: tuple[str, ...]) -> None:
    """BOX-12: a bus that cannot keep its poll period is refused before anything is driven."""
    changed = box.read()
    changed["buses"][2]["poll_ms"] = 100
    shown = box.hotbox("-c", str(box.write(changed, "slow.yaml")), *words)
    assert shown.returncode == 2
    assert "hotbox interlock: buses.line.poll_ms: expected at least" in shown.stderr
