"""The names and forms of a case's files, which making it and verifying it share."""

import re

import msgspec

from contracts.merkle import leaf_hash

KIND = "hotbox case 1"
ENTRIES, RANGE, MANIFEST, VKEYS, WHOLE = "entries.jsonl", "range.json", "manifest.json", "vkeys.txt", "audit.db"
WITHHELD = b'{"withheld":"%s"}'
_WITHHELD = re.compile(rb'\{"withheld":"([0-9a-f]{64})"\}')


class File(msgspec.Struct, frozen=True):
    """A file of the case."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """`manifest.json`. It is not signed: it shows what was damaged on the way, the checkpoints show what was forged."""

    kind: str
    origin: str
    first: int
    last: int
    permit: str
    withheld: int
    made_s: int
    files: dict[str, File]


def hash_of(line: bytes) -> bytes:
    """Leaf hash of one line of `entries.jsonl`, without its newline."""
    withheld = _WITHHELD.fullmatch(line)
    return bytes.fromhex(withheld[1].decode("ascii")) if withheld else leaf_hash(line)
