"""The whole run leaves nothing behind."""

import signal

import pytest

from tests import leftovers


def pytest_configure(config: pytest.Config) -> None:
    """Look at the very end of the run, after everything else has been given back."""
    # A run in the background of a shell ignores Ctrl-C, and every command that a test starts would too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput"):
        return  # one of several workers: the run that started it looks
    line = leftovers.mark()

    def look() -> None:
        found = leftovers.left(line)
        if found:
            raise SystemExit("the test run left behind:\n  " + "\n  ".join(found))

    config.add_cleanup(look)
