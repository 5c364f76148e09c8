"""Checkpoints: C2SP tlog-checkpoint text in a signed note, cosigned by the bridge (tlog-cosignature).

    hotbox.example/box-1/1        origin: log's name
    1500                          number of leaves
    CsUYapGGPo4dkMgIAUqom/...=    root hash

    — hotbox.example/box-1/1 <base64 of key id and signature>

The cosigned checkpoint is the end-to-end acknowledgement, the outbox cursor and the witness in one.
"""

import base64
import binascii
import re
import struct
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from contracts.errors import ContractError
from contracts.event import MAX_INT
from contracts.signer import Signer

_ED25519 = 0x01
_COSIGNATURE_V1 = 0x04
_DASH = "\u2014"
_KEY_ID_BYTES, _TIME_BYTES, _SIGNATURE_BYTES = 4, 8, 64
MAX_SIGNATURES = 16
"""C2SP signed-note: what a reader must at least accept. A bound, so that a note cannot keep the verifier busy."""
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_HINT = "use the text exactly as it was received"


def origin(domain: str, box: str, log: int) -> str:
    """Name of a box's log epoch."""
    return f"hotbox.{domain}/{box}/{log}"


class Checkpoint(msgspec.Struct, frozen=True):
    """A statement about a log: `size` leaves with this root (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The signed text, with its closing newline."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


class NoteKey(msgspec.Struct, frozen=True):
    """A public key that signs notes: `kind` 1 is Ed25519, 4 a cosigner. Printed as ``name+id+base64``."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes that stand before each signature."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def vkey(self) -> str:
        """The key as one line of text (C2SP vkey)."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"

    @staticmethod
    def parse(line: str) -> "NoteKey":
        """Read a vkey line.

        Raises:
            ContractError: the line is not a vkey or its key id does not fit the key.
        """
        try:
            name, key_id, data = line.strip().split("+", 2)
            raw = base64.b64decode(data, validate=True)
        except (ValueError, binascii.Error) as error:
            raise ContractError("vkey", "name+id+base64", repr(line), "copy the whole line") from error
        if len(raw) != 33 or raw[0] not in (_ED25519, _COSIGNATURE_V1):
            raise ContractError("vkey", "an Ed25519 key (33 bytes, kind 1 or 4)", f"{len(raw)} bytes")
        key = NoteKey(name, raw[0], raw[1:])
        if key.id.hex() != key_id:
            raise ContractError("vkey", f"key id {key.id.hex()}", key_id, "copy the whole line")
        return key


def note_key(name: str, private: Signer, *, cosigner: bool = False) -> NoteKey:
    """Public half of a signing key, under the name that its signatures carry."""
    public = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return NoteKey(name, _COSIGNATURE_V1 if cosigner else _ED25519, public)


def _line(key: NoteKey, signature: bytes) -> str:
    return f"{_DASH} {key.name} {base64.b64encode(key.id + signature).decode()}\n"


def sign(checkpoint: Checkpoint, name: str, private: Signer) -> str:
    """The box's signed note."""
    text = checkpoint.text()
    return f"{text}\n{_line(note_key(name, private), private.sign(text.encode()))}"


def _cosigned_message(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def cosign(note: str, name: str, private: Ed25519PrivateKey, time_s: int) -> str:
    """The same note with the bridge's cosignature and its time (seconds since 1970) added."""
    text, _ = _parts(note)
    signature = struct.pack(">Q", time_s) + private.sign(_cosigned_message(text, time_s))
    return note + _line(note_key(name, private, cosigner=True), signature)


def _unbase64(text: str, field: str) -> bytes:
    """Decode base64, and take only the one text that encodes these bytes."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise ContractError(field, "base64", repr(text[:80]), _HINT) from error
    if base64.b64encode(raw).decode() != text:
        raise ContractError(field, "base64 without spare bits", repr(text[:80]), _HINT)
    return raw


def _parts(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Split a note into its text and its (name, key id + signature) lines, at its last empty line (signed-note)."""
    text, gap, tail = note.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise ContractError("note", "text, empty line, signature lines", repr(note[:80]), _HINT)
    if _CONTROL.search(note):
        raise ContractError("note", "no control characters", repr(note[:80]), _HINT)
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise ContractError("note.signature", f"at most {MAX_SIGNATURES} lines", f"{len(lines)} lines", _HINT)
    signatures = []
    for line in lines:
        words = line.split(" ")
        if len(words) != 3 or words[0] != _DASH or not words[1]:
            raise ContractError("note.signature", f"{_DASH} name base64", repr(line[:80]), _HINT)
        raw = _unbase64(words[2], "note.signature")
        if len(raw) <= _KEY_ID_BYTES:
            raise ContractError("note.signature", "a key id and a signature", f"{len(raw)} bytes", _HINT)
        signatures.append((words[1], raw))
    return text + "\n", signatures


def _checkpoint(text: str) -> Checkpoint:
    lines = text.split("\n")
    if len(lines) < 4 or not all(lines[:-1]) or not lines[1].isascii() or not lines[1].isdigit():
        raise ContractError("checkpoint", "origin, size, root", repr(text[:80]), _HINT)
    if len(lines[1]) > len(str(MAX_INT)) or str(int(lines[1])) != lines[1] or int(lines[1]) > MAX_INT:
        raise ContractError("checkpoint.size", "a number below 2^53 without leading zeros", lines[1][:80], _HINT)
    root = _unbase64(lines[2], "checkpoint.root")
    if len(root) != 32:
        raise ContractError("checkpoint.root", "32 bytes", f"{len(root)} bytes", _HINT)
    return Checkpoint(lines[0], int(lines[1]), root)


def _valid(key: NoteKey, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def verify(note: str, key: NoteKey) -> Checkpoint:
    """The checkpoint that `key` signed in this note.

    Signatures by other keys are not looked at; one that claims to be by `key` and is not valid spoils the note.

    Raises:
        ContractError: no signature by `key`, or one that is not valid, or the text is not a checkpoint.
    """
    text, signatures = _parts(note)
    own = [raw[4:] for name, raw in signatures if name == key.name and raw[:4] == key.id]
    if own and all(_valid(key, text.encode(), signature) for signature in own):
        return _checkpoint(text)
    raise ContractError("note.signature", f"a valid signature by {key.name}", "none", "check which key signed it")


def stated(note: str) -> Checkpoint:
    """What a note says of a log. Nobody vouches for it: its signatures are there, and not looked at.

    Raises:
        ContractError: the text is not a checkpoint with signatures.
    """
    return _checkpoint(_parts(note)[0])


def verify_cosignature(note: str, witness: NoteKey) -> tuple[Checkpoint, int]:
    """The checkpoint and the time (seconds since 1970) at which `witness` cosigned it.

    Raises:
        ContractError: no cosignature by `witness`, or one that is not valid, or the text is not a checkpoint.
    """
    text, signatures = _parts(note)
    own = [raw[4:] for name, raw in signatures if name == witness.name and raw[:4] == witness.id]
    times = [_cosigned_at(witness, text, signature) for signature in own]
    if times and all(time_s is not None for time_s in times):
        return _checkpoint(text), max(time_s for time_s in times if time_s is not None)
    raise ContractError(
        "note.cosignature", f"a valid cosignature by {witness.name}", "none", "check which bridge answered"
    )


def _cosigned_at(witness: NoteKey, text: str, signature: bytes) -> int | None:
    """The time that stands in a cosignature, None when it is not valid."""
    if len(signature) != _TIME_BYTES + _SIGNATURE_BYTES:
        return None
    (time_s,) = struct.unpack(">Q", signature[:_TIME_BYTES])
    valid = _valid(witness, _cosigned_message(text, time_s), signature[_TIME_BYTES:])
    return int(time_s) if valid else None
