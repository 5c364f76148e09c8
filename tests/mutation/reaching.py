"""Which tests run which lines: a mutant on a line that a test never runs cannot be noticed by it."""

from collections.abc import Iterable
from pathlib import Path

import coverage


class Reaching:
    """Records, test by test, the lines that run in some files, and answers from it.

    Args:
        files: what to record, as they are imported: the sown text's lines under the module's own path.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self._files = [path.as_posix() for path in files]
        self._tests: list[str] = []
        self._bits: dict[tuple[str, int], int] = {}
        self._coverage = coverage.Coverage(
            data_file=None, branch=False, include=self._files, config_file=False, messages=False
        )

    def start(self) -> None:
        """Begin to record."""
        self._coverage.start()

    def next_test(self, name: str) -> None:
        """What runs from now on runs for this test."""
        self._tests.append(name)
        self._coverage.switch_context(name)

    def stop(self) -> None:
        """End recording and keep, for each line, one bit a test."""
        self._coverage.stop()
        data = self._coverage.get_data()
        for at, name in enumerate(self._tests):
            data.set_query_context(name)
            for path in self._files:
                for line in data.lines(path) or ():
                    self._bits[path, line] = self._bits.get((path, line), 0) | 1 << at

    def tests(self, path: Path, lines: Iterable[int]) -> list[str]:
        """Tests that ran any of these lines, in the order in which they ran."""
        found = 0
        for line in lines:
            found |= self._bits.get((path.as_posix(), line), 0)
        return [name for at, name in enumerate(self._tests) if found >> at & 1]
