"""log.sqlite: the case's events as tables that a person can ask. For reading only: it proves nothing.

Made with sqlite-utils, row by row in batches, so that a month of events takes no more memory than an hour.
"""

import json
import time
from pathlib import Path
from typing import Any

import msgspec

from contracts.event import Event
from contracts.refusals import is_refusal
from contracts.runs import Trace
from edge.audit.case.facts import gas_points, people_of, permit_of, reasons_of
from edge.interlock.texts import describe

_BATCH = 500
_TABLES: dict[str, dict[str, Any]] = {
    "event": {
        "seq": int, "time": str, "t": int, "type": str, "what": str, "what_zh": str, "category": str, "severity": str,
        "result": str, "actor": str, "actor_kind": str, "permit": str, "attempt": str, "data": str,
    },
    "permit": {
        "seq": int, "permit": str, "level": str, "place": str, "method": str, "content": str, "valid_from": str,
        "valid_to": str,
    },
    "person": {"seq": int, "permit": str, "id": str, "name": str, "role": str, "badge": int, "signed_at": str},
    "decision": {"seq": int, "time": str, "type": str, "permit": str, "pack": str, "now_us": int},
    "verdict": {"seq": int, "condition": str, "reason": str},
    "gas": {
        "seq": int, "t": int, "time": str, "chan": str, "unit": str, "value": float, "low": float, "high": float,
        "limit": float, "limit_low": float, "limit_high": float, "quality": str, "from": str,
    },
    "trip": {
        "seq": int, "time": str, "permit": str, "first_out": str, "text": str, "text_zh": str, "chan": str,
        "value": float, "limit": float, "unit": str, "clause": str, "was_released": int, "opened_after_ms": int,
    },
    "refusal": {
        "seq": int, "time": str, "type": str, "permit": str, "reason": str, "text": str, "text_zh": str, "chan": str,
        "value": float, "limit": float, "unit": str, "clause": str,
    },
    "run": {
        "seq": int, "last": int, "permit": str, "attempt": str, "closed_from": str, "closed_to": str, "closed_ms": int,
        "covered_ms": int, "end": str,
    },
    "gap": {"seq": int, "kind": str, "from": str, "to": str, "ms": int},
    "command": {"seq": int, "time": str, "actor": str, "uid": int, "op": str, "result": str, "data": str},
}  # fmt: skip
_FREE = ("event", "run", "gap")
"""Tables whose `seq` need not be one of the case's events: a run may have begun before it."""
_VIEWS = {
    "timeline": "SELECT seq, time, what, what_zh, actor, permit, result FROM event ORDER BY seq",
    "who": "SELECT permit, name, role, id, badge, signed_at FROM person ORDER BY permit, role, name",
    "interceptions": (
        "SELECT reason, text, text_zh, count(*) AS times, min(time) AS first, max(time) AS last "
        "FROM refusal GROUP BY reason, chan ORDER BY times DESC, reason"
    ),
    "gas_extremes": (
        "SELECT chan, unit, min(value) AS lowest, max(value) AS highest, count(*) AS readings FROM gas GROUP BY chan"
    ),
}


def clock(t_ms: int) -> str:
    """Local time with its offset, to the millisecond."""
    moment = time.localtime(t_ms / 1000)
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', moment)}.{t_ms % 1000:03d} {time.strftime('%z', moment)}"


class Tables:
    """Writes the file; `close` when all events were added."""

    def __init__(self, path: Path) -> None:
        """Create it. Raises ImportError where sqlite-utils is not installed."""
        import sqlite_utils  # the one command that needs it; the others verify a log where it is not installed

        self._db = sqlite_utils.Database(path)
        self._rows: dict[str, list[dict[str, Any]]] = {name: [] for name in _TABLES}
        self._waiting = 0
        self._trip: dict[str, Any] | None = None
        for name, columns in _TABLES.items():
            keys = [] if name in _FREE else [("seq", "event", "seq")]
            self._db[name].create(columns, pk="seq" if name == "event" else None, foreign_keys=keys)

    def add(self, event: Event) -> None:
        """One event, its parts joined."""
        when = clock(event.t)
        zh, en = describe(event.type, event.data)
        data = {key: value for key, value in event.data.items() if key != "snapshot"}
        self._rows["event"].append({
            "seq": event.seq, "time": when, "t": event.t, "type": event.type, "what": en, "what_zh": zh,
            "category": event.cat.value, "severity": event.sev.value, "result": event.res.value,
            "actor": event.actor.id, "actor_kind": event.actor.k, "permit": event.permit, "attempt": event.corr,
            "data": json.dumps(data, ensure_ascii=False),
        })  # fmt: skip
        self._decision(event, when)
        self._permit(event)
        self._gas(event)
        self._stops(event, when)
        if event.cat.value == "cli":
            self._rows["command"].append({
                "seq": event.seq, "time": when, "actor": event.actor.id, "uid": event.data.get("uid"),
                "op": event.data.get("op"), "result": event.res.value, "data": json.dumps(data, ensure_ascii=False),
            })  # fmt: skip
        self._waiting += 1
        if self._waiting >= _BATCH:
            self._flush()

    def trace(self, found: Trace) -> None:
        """The runs of the closed relay, and what each lacks."""
        self._rows["run"] += [
            {
                "seq": run.first, "last": run.last, "permit": run.permit, "attempt": run.attempt,
                "closed_from": clock(run.first_ms), "closed_to": clock(run.last_ms), "closed_ms": run.closed_ms,
                "covered_ms": run.covered_ms, "end": run.end.value,
            }
            for run in found.intervals
        ]  # fmt: skip
        self._rows["gap"] += [
            {
                "seq": gap.seq, "kind": gap.kind.value, "from": clock(gap.first_ms), "to": clock(gap.last_ms),
                "ms": gap.last_ms - gap.first_ms,
            }
            for gap in found.gaps
        ]  # fmt: skip

    def _decision(self, event: Event, when: str) -> None:
        for row in event.data.get("snapshot", ()):
            held = row.get("v") if isinstance(row, dict) else None
            if not isinstance(held, dict):
                continue
            if row.get("k") == "decision":
                self._rows["decision"].append({
                    "seq": event.seq, "time": when, "type": event.type, "permit": event.permit,
                    "pack": held.get("pack"), "now_us": held.get("now_us"),
                })  # fmt: skip
            elif row.get("k") == "verdicts":
                self._rows["verdict"] += [
                    {"seq": event.seq, "condition": name, "reason": str(reason)}
                    for name, reasons in held.items()
                    for reason in reasons
                ]

    def _permit(self, event: Event) -> None:
        claims = permit_of(event)
        if claims is not None:
            self._rows["permit"].append({
                "seq": event.seq, "permit": claims.jti, "level": claims.level.value, "place": claims.place,
                "method": claims.method, "content": claims.content, "valid_from": clock(claims.nbf * 1000),
                "valid_to": clock(claims.exp * 1000),
            })  # fmt: skip
        self._rows["person"] += [
            {
                "seq": event.seq, "permit": event.permit, "id": who.id, "name": who.name, "role": who.role,
                "badge": who.badge, "signed_at": clock(who.signed_s * 1000) if who.signed_s else None,
            }
            for who in people_of(event)
        ]

    def _gas(self, event: Event) -> None:
        self._rows["gas"] += [
            {
                "seq": event.seq, "t": t, "time": clock(t), "chan": row.chan, "unit": row.unit,
                "value": _plain(row.value_milli), "low": _plain(row.low_milli), "high": _plain(row.high_milli),
                "limit": _plain(row.limit_milli), "limit_low": _plain(row.allowed.low_milli if row.allowed else None),
                "limit_high": _plain(row.allowed.high_milli if row.allowed else None), "quality": row.quality,
                "from": event.type,
            }
            for t, row in gas_points(event)
        ]  # fmt: skip

    def _stops(self, event: Event, when: str) -> None:
        if event.type == "relay.opened" and self._trip is not None:
            self._trip["opened_after_ms"] = event.data.get("ms")
            self._trip = None
        if event.type != "interlock.tripped" and not is_refusal(event):
            return
        for reason in reasons_of(event):
            row = {
                "seq": event.seq, "time": when, "permit": event.permit, "text": reason.en, "text_zh": reason.zh,
                "chan": reason.chan, "value": _plain(reason.value_milli), "limit": _plain(reason.limit_milli),
                "unit": reason.unit, "clause": reason.clause,
            }  # fmt: skip
            if event.type == "interlock.tripped":
                self._trip = {**row, "first_out": reason.code, "was_released": int(bool(event.data.get("released")))}
                self._rows["trip"].append(self._trip)
                return
            self._rows["refusal"].append({**row, "type": event.type, "reason": reason.code})

    def _flush(self, *, last: bool = False) -> None:
        held = self._trip
        for name, rows in self._rows.items():
            # A trip waits for the word of the contact.
            ready = [row for row in rows if last or row is not held]
            if ready:
                self._db[name].insert_all(ready, batch_size=_BATCH)
            self._rows[name] = [row for row in rows if row is held] if not last else []
        self._waiting = 0

    def close(self, metadata: dict[str, Any]) -> None:
        """Write what is left, the views and what this file is."""
        self._flush(last=True)
        rows = [{"key": key, "value": _word(value)} for key, value in metadata.items()]
        self._db["metadata"].insert_all(rows, pk="key")
        for table, column in (("event", "type"), ("event", "t"), ("gas", "chan"), ("refusal", "reason")):
            self._db[table].create_index([column])
        for name, query in _VIEWS.items():
            self._db.create_view(name, query)
        self._db.close()


def _plain(milli: int | None) -> float | None:
    return None if milli is None else milli / 1000


def _word(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
