"""Where the bridge keeps its rows: SQLite unless the environment names a PostgreSQL."""

from pathlib import Path

import pytest

from cloud_bridge.database import settings_of
from cloud_bridge.datadir import DataDir

DATA = DataDir(Path("/nowhere"))


def test_without_a_word_it_is_sqlite_in_the_data_directory():
    found = settings_of(DATA, "")
    assert (found["ENGINE"], found["NAME"]) == ("django.db.backends.sqlite3", "/nowhere/bridge.db")
    assert "synchronous=FULL" in found["OPTIONS"]["init_command"]


@pytest.mark.parametrize(("url", "parts"), [
    ("postgresql://hotbox:p%40ss@db.example:5433/bridge?sslmode=verify-full", ("bridge", "hotbox", "p@ss", "db.example", "5433")),
    ("postgresql://hotbox@/bridge?host=/run/postgresql", ("bridge", "hotbox", "", "/run/postgresql", "")),
    ("postgres:///bridge", ("bridge", "", "", "", "")),
])  # fmt: skip
def test_a_postgresql_is_taken_apart(url, parts):
    pytest.importorskip("psycopg")
    found = settings_of(DATA, url)
    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert tuple(found[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")) == parts
    assert found["OPTIONS"].get("sslmode") == ("verify-full" if "sslmode" in url else None)


@pytest.mark.parametrize("url", ["mysql://x/y", "postgresql://host", "bridge.db", "postgresql://u:secret@host:port/y"])
def test_anything_else_is_refused_and_no_password_is_shown(url):
    with pytest.raises(SystemExit) as refused:
        settings_of(DATA, url)
    assert "expected postgresql://USER@HOST:5432/DATABASE, got" in str(refused.value)
    assert "secret" not in str(refused.value)
