"""One connection writes the log, ever: SQLite up to 3.51.2 can corrupt a file when two do (findings/audit 1)."""

import ast
import sqlite3
from pathlib import Path

import pytest

from edge.audit import AuditError
from edge.audit.schema import has_wal_reset_bug
from tests.edge.audit.site import Station

EDGE = Path(__file__).parents[3] / "edge"


def _users(name: str) -> set[str]:
    """Modules below edge/ that use this name, or this attribute of a module."""
    found = set()
    for path in EDGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            words = {
                ast.Attribute: lambda n: f"{ast.unparse(n.value)}.{n.attr}", ast.Name: lambda n: n.id,
            }.get(type(node), lambda _: "")  # fmt: skip
            if words(node) == name:
                found.add(str(path.relative_to(EDGE)))
    return found


def test_nobody_else_opens_the_log_for_writing() -> None:
    assert _users("open_writer") == {"audit/recovery.py"}
    assert not {module for module in _users("sqlite3.connect") if not module.startswith("audit/")}


def test_nobody_else_opens_the_log_would_be_noticed() -> None:
    """Negative control: the search finds what is there."""
    assert "audit/schema.py" in _users("sqlite3.connect")


@pytest.mark.parametrize(
    ("version", "bug"),
    [((3, 6, 23), False), ((3, 7, 0), True), ((3, 40, 1), True), ((3, 51, 2), True), ((3, 51, 3), False), ((3, 54, 1), False)],
)
def test_versions_with_the_bug_are_known(version: tuple[int, ...], bug: bool) -> None:
    assert has_wal_reset_bug(version) is bug


def test_the_start_records_whether_its_sqlite_has_it(station: Station) -> None:
    station.open().close()
    reader = station.reader()
    boot = reader.events(0, 1)[0]
    reader.close()
    assert boot.data["wal_reset_bug"] is has_wal_reset_bug(sqlite3.sqlite_version_info)


def test_an_old_sqlite_is_refused_before_it_touches_the_log(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    with pytest.raises(AuditError, match=r"needs SQLite 3\.37\.0"):
        station.open()
    assert not station.path.exists()
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 37, 0))
    station.open().close()
