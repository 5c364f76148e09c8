"""What in a case proves something: the checkpoints that cover its events, and the hashes around them.

`range.json` holds for each checkpoint the roots of what lies left and right of the span in the tree of that size: with
the leaves of the span they lead to the root that the box signed. One checkpoint is enough when the witness cosigned one
that covers the whole span; otherwise the box's own that does comes with it.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from contracts.checkpoint import NoteKey, verify_cosignature
from contracts.errors import ContractError
from contracts.key_chain import Rotation, trusted_chain
from contracts.merkle import range_proof, root_from_range
from edge.audit.reader import Reader

BOX, WITNESS = 1, 4
_FORGED = "compare the keys with the box's label and the bridge"


class Proof(msgspec.Struct, frozen=True):
    """One checkpoint: the file with its note, its size, the hashes around the events that it covers (hex)."""

    note: str
    size: int
    hashes: tuple[str, ...]


class Ranges(msgspec.Struct, frozen=True, omit_defaults=True):
    """`range.json`: the proofs, and how the log's key was changed, so that any of its keys leads to the others."""

    proofs: tuple[Proof, ...]
    rotations: tuple[Rotation, ...] = ()


class Proven(msgspec.Struct, frozen=True):
    """What the checkpoints show about ``[first, last]``: all of it is signed; up to which size it is witnessed.

    `witnessed_s` is when (seconds since 1970, 0: never), `by` who did.
    """

    first: int
    last: int
    witnessed: int = 0
    witnessed_s: int = 0
    by: str = ""


Leaves = Callable[[int], Iterable[bytes]]
"""Gives the leaf hashes of the span, as many as asked for."""


def gather(reader: Reader, first: int, last: int) -> tuple[Ranges, dict[str, str]]:
    """The proofs for a span and the notes that they speak of, by file name.

    Raises:
        ContractError: no checkpoint covers the span yet.
        LookupError: hashes are missing in the file.
    """
    ack = reader.witness_of(last) or reader.witnessed()
    notes: dict[int, str] = {}
    if ack is not None and ack.size > first:
        notes[ack.size] = ack.note
    if not any(size > last for size in notes):
        own = reader.checkpoint_of(last)
        if own is None:
            raise ContractError("range", "events that a checkpoint covers", f"seq {last} is newer", "try in a minute")
        notes[own[0]] = own[1]
    subtree = reader.subtree()
    files, proofs = {}, []
    for size, note in sorted(notes.items()):
        name = f"checkpoints/{size}.note"
        files[name] = note
        nodes = range_proof(first, min(last, size - 1), size, subtree)
        proofs.append(Proof(name, size, tuple(node.hex() for node in nodes)))
    return Ranges(tuple(proofs), reader.rotations()), files


def prove(
    ranges: Ranges, notes: dict[str, str], first: int, last: int, leaves: Leaves, trust: Sequence[NoteKey], origin: str
) -> Proven:
    """Check every checkpoint of a case against its events.

    Raises:
        ContractError: a signature, a root or a proof does not hold, or no checkpoint covers the end of the span.
    """
    own = [key for key in trust if key.kind == BOX]
    if not own or all(origin.rsplit("/", 1)[0] != key.name.rsplit("/", 1)[0] for key in own):
        raise ContractError("key", f"the log key of {origin}", own[0].name if own else "none", "name it with --trust")
    known = trusted_chain(origin, ranges.rotations, trust)
    if known.strange is not None:
        raise ContractError("key", "the keys that are trusted", f"another from {known.strange} events on", _FORGED)
    proven, covered = Proven(first, last), first
    for proof in ranges.proofs:
        note = notes[proof.note]
        stated = known.chain.verify(note)
        if (stated.origin, stated.size) != (origin, proof.size) or stated.size <= first:
            raise ContractError(proof.note, f"a checkpoint of {origin}", f"{stated.origin} at {stated.size}")
        end = min(last, stated.size - 1)
        nodes = [_node(node, proof.note) for node in proof.hashes]
        if root_from_range(first, stated.size, leaves(end - first + 1), nodes) != stated.root:
            raise ContractError(proof.note, "events that lead to its root", "another root", "run: hotbox audit verify")
        covered = max(covered, end + 1)
        for key in trust:
            if key.kind == WITNESS and stated.size > proven.witnessed:
                proven = _witnessed(proven, note, key)
    if covered <= last:
        raise ContractError("checkpoints", f"one that covers seq {last}", f"they end at {covered - 1}")
    return proven


def _node(text: str, name: str) -> bytes:
    if len(text) != 64 or not all(letter in "0123456789abcdef" for letter in text):
        raise ContractError(name, "hashes of 64 hex digits", repr(text[:80]))
    return bytes.fromhex(text)


def _witnessed(proven: Proven, note: str, witness: NoteKey) -> Proven:
    try:
        stated, time_s = verify_cosignature(note, witness)
    except ContractError:
        return proven
    return Proven(proven.first, proven.last, stated.size, time_s, witness.name)
