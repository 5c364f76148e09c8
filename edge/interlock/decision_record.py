"""What a decision was made from, written down so that it can be made again (KPI-16). No I/O.

The kernel is pure: whoever has the arguments of `step` has the decision. A record is the list of small objects that
an event carries as `snapshot` (edge/audit/draft.py deals it out over leaves), made from the structs themselves, so
that a field which is added is recorded without a word here:

    {"k": "decision", "v": {"what": "step", "now_us": …, "site": SHA, "rules": SHA, "pack": …, "pack_sha256": …}}
    {"k": "durable", "v": {…}}                       what was remembered before; volatile and snapshot alike
    {"k": "snapshot.readings", "n": "ch4-1", "v": {…}}   one row for each entry of a dict
    {"k": "happened", "n": "Acknowledged", "v": {…}}
    {"k": "verdicts", "v": {"gas": ["gas_high ch4-1 25000/10000"], …}}  the conditions that did not pass

Verdicts that would fill a leaf are dealt out over several rows.

Fields at their default are left out. The log has no floats: a float is its shortest decimal text, which reads back
to the same float. What is large and seldom changes (site, rules, permits, long lists) is a *part*: written in full
once, by ``site.loaded``, ``rules.loaded``, ``permit.accepted`` or ``record.part``, as the text of its JSON with the
SHA-256 of that text, and referred to as ``{"$part": SHA}``. Parts are written again when the last time is a day ago.
"""

import functools
import json
import unicodedata
from collections.abc import Callable, Collection, Iterable
from enum import Enum
from hashlib import sha256
from typing import Any, get_args

import msgspec

from contracts.errors import ContractError
from contracts.event import MAX_INT, MAX_LEAF_BYTES
from contracts.permit import PermitClaims
from edge.interlock.conditions import Verdict
from edge.interlock.happenings import Happening
from edge.interlock.rules import Rules
from edge.interlock.site import Site
from edge.interlock.snapshot import Clock, Snapshot
from edge.interlock.state import Durable, Reason, Volatile

PART = "$part"
_AGAIN_US = 86_400_000_000
_LONG_TUPLE = 16
_ROW_BYTES = MAX_LEAF_BYTES // 2
_REASONS = 8
"""Reasons in one of several rows of verdicts: at most 500 bytes each."""
_CHUNK = 1500
"""Characters in one piece of a part's text: at most 6,000 bytes, twice that where quotes are escaped is split too."""
_KEPT = 256
_CACHED = 32
"""Parts in use at a time: 16 permits, site, rules, some long lists."""
_PLAIN = (int, str, bool, type(None))
_encode = msgspec.json.Encoder(order="sorted").encode
_HAPPENINGS: dict[str, type] = {kind.__name__: kind for kind in get_args(Happening)}
_REMEMBERED: tuple[tuple[str, type], ...] = (("durable", Durable), ("volatile", Volatile), ("snapshot", Snapshot))


class Given(msgspec.Struct, frozen=True):
    """The arguments of one `kernel.step`."""

    site: Site
    rules: Rules
    durable: Durable
    volatile: Volatile
    snapshot: Snapshot
    now_us: int
    happenings: tuple[Happening, ...] = ()


class Start(msgspec.Struct, frozen=True):
    """The arguments of one `restart.recover`; `found` is None when the state file was missing or damaged."""

    site: Site
    rules: Rules
    found: Durable | None
    first_start: bool
    boot_id: str
    now_us: int
    clock: Clock


class Part(msgspec.Struct, frozen=True):
    """Something large that is written once: which kind, the SHA-256 of its text, the text in pieces."""

    kind: str
    sha256: str
    pieces: tuple[str, ...]

    def data(self) -> dict[str, Any]:
        """As event data."""
        return {"part_of": self.kind, "sha256": self.sha256, "snapshot": list(self.pieces)}


def part_of(value: Any) -> Part:
    """The part that a struct, or what `Recorder` made plain, becomes."""
    text = _encode(msgspec.to_builtins(value, str_keys=True)).decode()
    if not unicodedata.is_normalized("NFC", text):
        text = json.dumps(json.loads(text), separators=(",", ":"))  # its keys are sorted already
    pieces = tuple(text[at : at + _CHUNK] for at in range(0, len(text), _CHUNK))
    return Part(type(value).__name__, sha256(text.encode()).hexdigest(), pieces)


@functools.cache
def _defaults(kind: type) -> tuple[tuple[str, Any], ...]:
    """A struct's fields with what each is when nothing is said."""
    return tuple(
        (field.name, field.default_factory() if callable(field.default_factory) else field.default)
        for field in msgspec.structs.fields(kind)
    )


class Recorder:
    """Makes records and remembers which parts the log has. One for each open log."""

    def __init__(self) -> None:
        """Nothing is written yet."""
        self._written: dict[str, int] = {}
        self._hashes: dict[int, tuple[Any, str]] = {}
        self._fresh: list[Part] = []
        self._now_us = 0

    def wrote(self, value: Any, now_us: int) -> Part:
        """A part that an event of its own carries: records need only refer to it from now on."""
        part = self._part(value)
        self._keep(value, part.sha256)
        self._written[part.sha256] = now_us
        return part

    def forget(self) -> None:
        """Leaves are gone, or what was handed over never became any: refer to no part that may have gone with them."""
        self._written.clear()

    def step(self, given: Given, verdicts: dict[str, Verdict]) -> tuple[list[dict[str, Any]], tuple[Part, ...]]:
        """The record of a step, and the parts that have to be written before it."""
        self._begin(given.now_us)
        rows = [self._head("step", given.site, given.rules, {})]
        for name in ("durable", "volatile", "snapshot"):
            rows += self._remembered(name, getattr(given, name))
        rows += [
            self._fitting({"k": "happened", "n": type(happening).__name__, "v": self._plain(happening)})
            for happening in given.happenings
        ]
        return rows + _told(verdicts), tuple(self._fresh)

    def start(self, start: Start) -> tuple[list[dict[str, Any]], tuple[Part, ...]]:
        """The record of a start, and the parts that have to be written before it."""
        self._begin(start.now_us)
        more = {"first_start": start.first_start, "boot_id": start.boot_id, "clock": self._plain(start.clock)}
        rows = [self._head("start", start.site, start.rules, more)]
        if start.found is not None:
            rows += self._remembered("durable", start.found)
        return rows, tuple(self._fresh)

    def _begin(self, now_us: int) -> None:
        self._fresh, self._now_us = [], now_us

    def _head(self, what: str, site: Site, rules: Rules, more: dict[str, Any]) -> dict[str, Any]:
        head = {
            "what": what, "now_us": self._now_us, "site": self._refer(site), "rules": self._refer(rules),
            "pack": rules.name, "pack_sha256": rules.sha256, **more,
        }  # fmt: skip
        return {"k": "decision", "v": head}

    def _remembered(self, name: str, value: msgspec.Struct) -> list[dict[str, Any]]:
        """A row with the fields that differ from their default; a dict's entries get a row each."""
        own: dict[str, Any] = {}
        rows: list[dict[str, Any]] = []
        for field, default in _defaults(type(value)):
            held = getattr(value, field)
            if held == default:
                continue
            if isinstance(held, dict):
                key = f"{name}.{field}"
                rows += [self._fitting({"k": key, "n": str(n), "v": self._plain(v)}) for n, v in held.items()]
            else:
                own[field] = self._plain(held)
        return [self._fitting({"k": name, "v": own}), *rows]

    def _fitting(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row, its value as a part when it would fill a leaf."""
        if len(_encode(row)) > _ROW_BYTES:
            row["v"] = {PART: self._note(part_of(row["v"]))}
        return row

    def _plain(self, value: Any) -> Any:
        """Text, integers, lists and objects that the log accepts."""
        if isinstance(value, _PLAIN):
            return value.value if isinstance(value, Enum) else _whole(value)
        if isinstance(value, float):
            return repr(value)
        if isinstance(value, PermitClaims) or (isinstance(value, tuple) and len(value) > _LONG_TUPLE):
            return {PART: self._refer(value)}
        if isinstance(value, msgspec.Struct):
            return {
                field: self._plain(held)
                for field, default in _defaults(type(value))
                if (held := getattr(value, field)) != default
            }
        if isinstance(value, dict):
            return {str(self._plain(key)): self._plain(held) for key, held in value.items()}
        return self._plain_items(value) if isinstance(value, Collection) else msgspec.to_builtins(value)

    def _plain_items(self, value: Iterable[Any]) -> list[Any]:
        return [self._plain(item) for item in value]

    def _refer(self, value: Any) -> str:
        """The hash of a frozen value's part, which is encoded once and written when it is due."""
        known = self._hashes.get(id(value))
        if known is not None and known[0] is value and not self._due(known[1]):
            return known[1]
        part = self._part(value)
        self._keep(value, part.sha256)
        return self._note(part)

    def _part(self, value: Any) -> Part:
        return part_of(self._plain_items(value) if isinstance(value, tuple) else value)

    def _keep(self, value: Any, part_sha256: str) -> None:
        while len(self._hashes) >= _CACHED:
            del self._hashes[next(iter(self._hashes))]
        self._hashes[id(value)] = (value, part_sha256)

    def _due(self, part_sha256: str) -> bool:
        written = self._written.get(part_sha256)
        return written is None or self._now_us - written >= _AGAIN_US

    def _note(self, part: Part) -> str:
        if self._due(part.sha256):
            if len(self._written) >= _KEPT:
                self._written.clear()
            self._written[part.sha256] = self._now_us
            self._fresh.append(part)
        return part.sha256


def _whole(value: Any) -> Any:
    """An integer that JSON readers keep; a larger one as text."""
    return str(value) if isinstance(value, int) and abs(value) > MAX_INT else value


def digest(verdicts: dict[str, Verdict]) -> dict[str, list[str]]:
    """The conditions that do not pass, each with its reasons: code, subject, value against limit in thousandths."""
    return {
        name: [_digest(reason) for reason in verdict.reasons] for name, verdict in verdicts.items() if not verdict.ok
    }


def _told(verdicts: dict[str, Verdict]) -> list[dict[str, Any]]:
    """The digest as a row; as several, a few reasons of one condition each, when one would fill a leaf."""
    found = digest(verdicts)
    row: dict[str, Any] = {"k": "verdicts", "v": found}
    if len(_encode(row)) <= _ROW_BYTES:
        return [row]
    return [
        {"k": "verdicts", "v": {name: reasons[at : at + _REASONS]}}
        for name, reasons in found.items()
        for at in range(0, len(reasons), _REASONS)
    ]


def _digest(reason: Reason) -> str:
    value = "-" if reason.value_milli is None else reason.value_milli
    limit = "-" if reason.limit_milli is None else reason.limit_milli
    return f"{reason.code} {reason.subject} {value}/{limit}"


# --- reading ------------------------------------------------------------------------------------------------------

PartText = Callable[[str], str]
"""Gives a part's text by its SHA-256. Raises ContractError when the log lacks it."""


def whole(part_sha256: str, pieces: Iterable[str]) -> str:
    """A part's text from the pieces of its event.

    Raises:
        ContractError: these are not the pieces of that part.
    """
    text = "".join(pieces)
    came = sha256(text.encode()).hexdigest()
    if came != part_sha256:
        raise ContractError("sha256", part_sha256, came, "the part of this record is damaged")
    return text


def read(rows: Iterable[Any], text: PartText) -> tuple[Given | Start, dict[str, list[str]]]:
    """What a record was made from, and the digest of the verdicts at that time.

    Raises:
        ContractError: it is no record, a part is missing, or it was written by a version that this one cannot read.
    """
    head: dict[str, Any] = {}
    held: dict[str, dict[str, Any]] = {name: {} for name, _ in _REMEMBERED}
    happened: list[Happening] = []
    verdicts: dict[str, list[str]] = {}
    seen: set[str] = set()
    try:
        for row in rows:
            kind, value = row["k"], _resolved(row.get("v"), text)
            seen.add(kind)
            name, _, field = kind.partition(".")
            if kind == "decision":
                head = value
            elif kind == "happened":
                happened.append(_convert(value, _HAPPENINGS[row["n"]]))
            elif kind == "verdicts":
                for condition, reasons in value.items():
                    verdicts.setdefault(condition, []).extend(reasons)
            elif field:
                held[name].setdefault(field, {})[row["n"]] = value
            elif name in held:
                held[name] |= value
        site = msgspec.json.decode(text(head["site"]), type=Site)
        rules = msgspec.json.decode(text(head["rules"]), type=Rules)
        remembered = {name: _convert(held[name], kind) for name, kind in _REMEMBERED if name in seen}
        if head["what"] == "start":
            found = remembered.get("durable")
            clock = _convert(head["clock"], Clock)
            return Start(site, rules, found, head["first_start"], head["boot_id"], head["now_us"], clock), verdicts
        return Given(site, rules, now_us=head["now_us"], happenings=tuple(happened), **remembered), verdicts
    except (KeyError, TypeError, AttributeError, msgspec.MsgspecError) as error:
        raise ContractError(
            "snapshot", "the record of a decision", f"{type(error).__name__}: {error}",
            "choose a decision's event; one of older software is made again by that software (see site.loaded)",
        ) from error  # fmt: skip


def _convert(value: Any, kind: type) -> Any:
    return msgspec.convert(value, kind, strict=False)


def _resolved(value: Any, text: PartText) -> Any:
    """The value with every reference to a part replaced by it."""
    if isinstance(value, dict):
        if value.keys() == {PART}:
            return _resolved(msgspec.json.decode(text(value[PART])), text)
        return {key: _resolved(held, text) for key, held in value.items()}
    return [_resolved(item, text) for item in value] if isinstance(value, list) else value
