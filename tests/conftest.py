"""The whole run leaves nothing behind."""

import os
import signal

import pytest
from hypothesis import settings

from tests import leftovers


def pytest_configure(config: pytest.Config) -> None:
    """Look at the very end of the run, after everything else has been given back."""
    # A run in the background of a shell ignores Ctrl-C, and every command that a test starts would too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Nor may a box or a site that somebody works with in this shell be taken for a test's own.
    for name in [name for name in os.environ if name.startswith("HOTBOX_")]:
        del os.environ[name]
    # An example is held to no time: a busy machine is no failure.
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")
    if hasattr(config, "workerinput"):
        return  # one of several workers: the run that started it looks
    line = leftovers.mark()

    def look() -> None:
        found = leftovers.left(line)
        if found:
            raise SystemExit("the test run left behind:\n  " + "\n  ".join(found))

    config.add_cleanup(look)
