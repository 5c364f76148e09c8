"""Where the bridge keeps its rows: SQLite in the data directory, or PostgreSQL by ``HOTBOX_BRIDGE_DATABASE``."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from cloud_bridge.datadir import DataDir

ENVIRONMENT = "HOTBOX_BRIDGE_DATABASE"
EXAMPLE = "postgresql://USER@HOST:5432/DATABASE"
LOCK_TIMEOUT_MS = 10_000


def settings_of(data: DataDir, url: str) -> dict[str, Any]:
    """Django's settings of the database; an empty `url` is SQLite.

    A password belongs into ~/.pgpass or PGPASSFILE: what stands in an environment is read by others. A folder as
    ``host`` (``postgresql:///DATABASE?host=/run/postgresql``) is a Unix socket.

    Raises:
        SystemExit: the address is none of PostgreSQL, or its driver is missing.
    """
    if not url:
        return _sqlite(data)
    parts = urlsplit(url)
    name = unquote(parts.path.removeprefix("/"))
    try:
        port = parts.port or ""
    except ValueError:
        port = None
    if parts.scheme not in ("postgresql", "postgres") or not name or port is None:
        shown = url if parts.password is None else url.replace(parts.password, "…")
        raise SystemExit(
            f"{ENVIRONMENT}: expected {EXAMPLE}, got {shown}; correct it, or leave it out for SQLite in {data.root}"
        )
    try:
        import psycopg  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise SystemExit(
            f"{ENVIRONMENT}: expected the package psycopg for PostgreSQL, got none; install hotbox[bridge]"
        ) from error
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(options.pop("host", parts.hostname or "")),
        "PORT": str(options.pop("port", port)),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**options, "options": f"-c lock_timeout={LOCK_TIMEOUT_MS}"},
        "TEST": {"NAME": name},
    }


def _sqlite(data: DataDir) -> dict[str, Any]:
    # Settings of findings/stack: with Django's defaults concurrent writers got "database is locked".
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(data.database),
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            "timeout": 10,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON",
        },
        "TEST": {"NAME": str(data.database)},
    }
