"""Signed notes and leaves of the log, read by two implementations: each is the other's oracle.

`edge/audit/case/verifier.py` shares no line with `contracts`: what one accepts and the other refuses is a fault of one.
"""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from unittest import mock

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts import checkpoint
from contracts import event as events
from contracts.checkpoint import Checkpoint, cosign, note_key, sign
from contracts.errors import ContractError
from edge.audit.case import verifier
from tests.fuzz.targets import Feed, Target

_BOX = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_BRIDGE = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
_NAME, _WITNESS = "hotbox.example/box-1/1", "bridge.example"
_KEYS = (note_key(_NAME, _BOX), note_key(_WITNESS, _BRIDGE, cosigner=True))
_THEIRS = tuple(verifier.Key(key.vkey()) for key in _KEYS)


def _note_corpus(chance: random.Random) -> list[bytes]:
    notes = [sign(Checkpoint(_NAME, chance.randrange(1, 10**6), chance.randbytes(32)), _NAME, _BOX) for _ in range(8)]
    return [note.encode() for note in (*notes, *(cosign(note, _WITNESS, _BRIDGE, 1_790_000_000) for note in notes))]


def _note_seal(data: bytes) -> bytes:
    """Sign what the text now says, whatever it is."""
    text = data.rpartition(b"\n\n")[0] + b"\n"
    raw = _KEYS[0].id + _BOX.sign(text)
    line = f"\u2014 {_NAME} {checkpoint.base64.b64encode(raw).decode()}\n".encode()
    return text + b"\n" + line


def _ours(text: str) -> tuple[str, int, bytes, int] | None:
    for read in (
        lambda: (*msgspec.structs.astuple(checkpoint.verify(text, _KEYS[0])), 0),
        lambda: (*msgspec.structs.astuple((found := checkpoint.verify_cosignature(text, _KEYS[1]))[0]), found[1]),
    ):
        try:
            return read()
        except ContractError:
            continue
    return None


def _other(text: str) -> tuple[str, int, bytes, int] | None:
    for key in _THEIRS:
        try:
            return verifier.open_note(text, key)
        except ValueError:
            continue
    return None


def _note_feed() -> Feed:
    def feed(data: bytes) -> str | None:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            return None
        ours, theirs = _ours(text), _other(text)
        if ours != theirs:
            return f"one reads {ours}, the other {theirs}: {data!r}"
        return None if ours is None else ""

    return feed


@contextmanager
def _note_broken() -> Iterator[None]:
    """Signatures are no longer checked."""
    with mock.patch.object(checkpoint, "_valid", return_value=True):
        yield


def _leaf_corpus(chance: random.Random) -> list[bytes]:
    found, prev = [], events.FIRST_PREV
    for seq in range(20):
        data = {"n": chance.randrange(-(10**9), 10**9), "text": '气体 é \\ " \n \x7f', "list": [None, True, {"a": "b"}]}
        event = events.Event(
            v=1, box="box-1", log=1, seq=seq, boot=1, t=1_790_000_000_000, m=seq, tq="rtc", te=5,
            cat=events.Category.GAS, type="gas.record", sev=events.Severity.INFO, src="interlock",
            actor=events.Actor("box", ""), res=events.ActionResult.OK, permit="", corr="", data=data, prev=prev,
        )  # fmt: skip
        found.append(events.encode(event))
        prev = events.hash_of(found[-1])
    return found


def _leaf_seal(data: bytes) -> bytes:
    """Put what can be read as JSON into canonical form again."""
    try:
        value = json.loads(data)
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return data


def _leaf_feed() -> Feed:
    def feed(data: bytes) -> str | None:
        ours = theirs = None
        with suppress(ContractError, ValueError, RecursionError):
            ours = msgspec.to_builtins(events.decode(data))
        with suppress(ValueError):
            theirs = verifier.read_event(data)
        if ours != theirs:
            return f"one reads {ours}, the other {theirs}: {data!r}"
        return None if ours is None else ""

    return feed


@contextmanager
def _leaf_broken() -> Iterator[None]:
    """A leaf is taken that is not in canonical form."""
    with mock.patch.object(events, "decode", lambda body: msgspec.json.decode(body, type=events.Event)):
        yield


TARGETS = (
    Target("signed notes", 20_000, _note_corpus, _note_feed, _note_seal, _note_broken),
    Target("log leaves", 100_000, _leaf_corpus, _leaf_feed, _leaf_seal, _leaf_broken),
)
