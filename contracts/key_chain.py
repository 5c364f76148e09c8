"""The keys that sign one log, one after the other: each was endorsed by the one before it, in the log itself.

The record ``key.rotated`` is the last leaf under a checkpoint of the old key; every larger checkpoint is the new one's.
Both keys sign the same text: the old one says that the new one follows it, the new one that it is at hand.

    hotbox-key-rotation/v1
    hotbox.example/box-1/1     the log's origin
    1500                       leaves that the old key signs for, this record the last of them
    ...                        vkey of the old key
    ...                        vkey of the new key

No checkpoint can be read as this text, nor this as one: a checkpoint's second line is a number.
"""

import base64
import binascii
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from contracts.checkpoint import Checkpoint, NoteKey, note_key, verify
from contracts.errors import ContractError
from contracts.event import MAX_INT, Event
from contracts.signer import Signer

ROTATED = "key.rotated"
"""Type of the event."""
_KIND = 1
_CONTEXT = "hotbox-key-rotation/v1"
_FIELDS = ("old_vkey", "new_vkey", "endorsed", "accepted")


class Rotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One change of the log's key.

    Attributes:
        first: leaves that the old key signs for; the record of the change is the last of them.
        old_vkey, new_vkey: both keys, as lines.
        endorsed, accepted: signatures of the old and of the new key over the text of the change, in base64.
    """

    first: int
    old_vkey: str
    new_vkey: str
    endorsed: str
    accepted: str

    def data(self) -> dict[str, Any]:
        """What the event says; `first` follows from its place."""
        return {name: getattr(self, name) for name in _FIELDS}

    def message(self, origin: str) -> bytes:
        """The text that both keys signed."""
        return f"{_CONTEXT}\n{origin}\n{self.first}\n{self.old_vkey}\n{self.new_vkey}\n".encode()


def rotate(origin: str, first: int, old: Signer, new: Signer) -> Rotation:
    """The change from `old` to `new` after `first` leaves, signed by both.

    Raises:
        OSError: a key lies in a device that does not answer.
    """
    said = Rotation(first, note_key(origin, old).vkey(), note_key(origin, new).vkey(), "", "")
    message = said.message(origin)
    endorsed, accepted = (base64.b64encode(key.sign(message)).decode() for key in (old, new))
    return Rotation(first, said.old_vkey, said.new_vkey, endorsed, accepted)


def rotation_of(event: Event) -> Rotation:
    """What a ``key.rotated`` event says.

    Raises:
        ContractError: fields are missing, of another kind or too many.
    """
    said = {name: value for name, value in event.data.items() if name in _FIELDS and isinstance(value, str)}
    if set(event.data) != set(_FIELDS) or set(said) != set(_FIELDS):
        raise ContractError("data", f"text in {', '.join(_FIELDS)}", ", ".join(sorted(event.data))[:120] or "nothing")
    return Rotation(event.seq + 1, **said)


class KeyChain(msgspec.Struct, frozen=True):
    """The keys of one log in their order: `keys[i]` signs what is larger than `firsts[i]`, up to `firsts[i + 1]`."""

    keys: tuple[NoteKey, ...]
    firsts: tuple[int, ...] = (0,)

    @staticmethod
    def begin(key: NoteKey) -> "KeyChain":
        """A log whose key was never changed."""
        return KeyChain((key,))

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.keys[0].name

    @property
    def newest(self) -> NoteKey:
        """The key in force."""
        return self.keys[-1]

    def at(self, size: int) -> NoteKey:
        """The key that signs a checkpoint over so many leaves."""
        return self.keys[max(0, bisect_left(self.firsts, size) - 1)]

    def after(self, rotation: Rotation) -> "KeyChain":
        """With one more key.

        Raises:
            ContractError: it does not follow: another key's word, another log's, out of order, or a signature is wrong.
        """
        old, new = self.newest, NoteKey.parse(rotation.new_vkey)
        if rotation.old_vkey != old.vkey():
            raise ContractError("old_vkey", old.vkey(), rotation.old_vkey[:200], "only the key in force names the next")
        if (new.name, new.kind) != (self.origin, _KIND) or new.vkey() != rotation.new_vkey:
            raise ContractError("new_vkey", f"a log key named {self.origin}", rotation.new_vkey[:200])
        if any(new.public == key.public for key in self.keys):
            raise ContractError("new_vkey", "a key that never signed this log", rotation.new_vkey[:200])
        if not self.firsts[-1] < rotation.first <= MAX_INT:
            raise ContractError("first", f"more than {self.firsts[-1]} leaves", str(rotation.first))
        message = rotation.message(self.origin)
        for field, key in (("endorsed", old), ("accepted", new)):
            if not _signed(key, message, getattr(rotation, field)):
                raise ContractError(field, f"a signature by {key.vkey()}", "none that is valid", "the old key decides")
        return KeyChain((*self.keys, new), (*self.firsts, rotation.first))

    def verify(self, note: str) -> Checkpoint:
        """The checkpoint in this note, signed by the key that was in force at its size.

        Raises:
            ContractError: no valid signature by that key, or the text is not a checkpoint.
        """
        key = self.at(_size(note))
        try:
            return verify(note, key)
        except ContractError as error:
            for other in self.keys:
                if other != key and _verifies(note, other):
                    raise ContractError(
                        "note.signature", f"a signature by {key.id.hex()}, in force at {_size(note)} leaves",
                        f"one by {other.id.hex()}", "a key signs nothing before its time, nor after it",
                    ) from error  # fmt: skip
            raise


def _signed(key: NoteKey, message: bytes, signature: str) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
        if base64.b64encode(raw).decode() != signature:
            return False
        Ed25519PublicKey.from_public_bytes(key.public).verify(raw, message)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def _size(note: str) -> int:
    """The size that a note speaks of; 0 for a text that is none."""
    line = "".join(note.split("\n", 2)[1:2])
    return int(line) if line.isascii() and line.isdigit() and len(line) <= len(str(MAX_INT)) else 0


def _verifies(note: str, key: NoteKey) -> bool:
    try:
        verify(note, key)
    except ContractError:
        return False
    return True


def chain_from(key: NoteKey, rotations: Iterable[Rotation]) -> KeyChain:
    """The keys of a log: as the first change says, or `key` alone when there was none.

    Raises:
        ContractError: a change does not follow from the one before it.
    """
    chain: KeyChain | None = None
    for rotation in rotations:
        if chain is None:
            old = NoteKey.parse(rotation.old_vkey)
            if (old.name, old.kind) != (key.name, _KIND):
                raise ContractError("old_vkey", f"a log key named {key.name}", rotation.old_vkey[:200])
            chain = KeyChain.begin(old)
        chain = chain.after(rotation)
    return chain or KeyChain.begin(key)


class Trusted(msgspec.Struct, frozen=True):
    """A log's keys, held against those that are trusted.

    Attributes:
        chain: the keys.
        strange: where the log goes on with another key than the trusted one (leaves before it), None: nowhere.
        beyond: the first trusted key that comes after all of the log's own, or None.
    """

    chain: KeyChain
    strange: int | None = None
    beyond: NoteKey | None = None


def trusted_chain(origin: str, rotations: Sequence[Rotation], trust: Sequence[NoteKey]) -> Trusted:
    """The keys of the log `origin`, as far as one of the trusted ones vouches for them.

    Args:
        origin: the log's name.
        rotations: the changes that the log, or a case of it, tells of, in order.
        trust: public keys; the box's own in the order in which they came into force. Those that carry the name of this
            log are taken as its history, from the first of them on. Without any such, one of another epoch of the same
            box is enough.

    Raises:
        ContractError: no trusted key is among the log's (field ``key``), or a change does not follow (another field).
    """
    box = origin.rpartition("/")[0]
    own = [key for key in trust if key.kind == _KIND and key.name.rpartition("/")[0] == box]
    exact = [key for key in own if key.name == origin]
    if not own:
        raise ContractError("key", f"the log key of {origin}", "none", "name it with --trust")
    first = exact[0] if exact else own[-1]
    chain = chain_from(NoteKey(origin, _KIND, first.public), rotations)
    publics = [key.public for key in chain.keys]
    if not exact:
        if any(key.public in publics for key in own):
            return Trusted(chain)
        raise ContractError("key", f"a key of {origin}", "keys of other epochs alone", "name it with --trust")
    if first.public not in publics:
        raise ContractError("key", f"a key of {origin}", first.vkey(), "take its keys from its label or the bridge")
    at = publics.index(first.public)
    if all(key.public in publics for key in exact):
        return Trusted(chain)
    for offset, key in enumerate(exact):
        if at + offset >= len(publics):
            return Trusted(chain, beyond=key)
        if publics[at + offset] != key.public:
            return Trusted(chain, strange=chain.firsts[at + offset])
    return Trusted(chain)
