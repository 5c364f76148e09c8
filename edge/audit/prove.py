"""Proof that one event is in the log, as a C2SP .tlog-proof text that anyone can check offline.

    c2sp.org/tlog-proof@v1
    index 1234
    <hash, base64>
    ...

    <checkpoint>

The checkpoint is the cosigned one when it covers the event.
"""

import base64
import binascii
import re

import msgspec

from contracts.checkpoint import Checkpoint, NoteKey, verify_cosignature
from contracts.errors import ContractError
from contracts.key_chain import KeyChain
from contracts.merkle import inclusion_proof, leaf_hash, root_from_inclusion
from edge.audit.reader import Reader

_HEAD = "c2sp.org/tlog-proof@v1"


class Proven(msgspec.Struct, frozen=True):
    """What a proof shows: the leaf is number `index` of `checkpoint`; witnessed at `time_s` (0: not witnessed)."""

    index: int
    checkpoint: Checkpoint
    time_s: int


def prove(reader: Reader, seq: int) -> str:
    """The .tlog-proof of event `seq`.

    Raises:
        ContractError: the log has no such event, or no checkpoint covers it yet.
        LookupError: hashes are missing in the file.
    """
    if not 0 <= seq < reader.size():
        raise ContractError("seq", f"0 to {reader.size() - 1}", str(seq), "see `hotbox audit tail`")
    ack, own = reader.witnessed(), reader.checkpoint()
    if ack is not None and ack.size > seq:
        size, note = ack.size, ack.note
    elif own is not None and own[0] > seq:
        size, note = own
    else:
        raise ContractError("seq", "an event that a checkpoint covers", str(seq), "try again in a minute")
    hashes = inclusion_proof(seq, size, reader.subtree())
    lines = [_HEAD, f"index {seq}", *(base64.b64encode(node).decode() for node in hashes)]
    return "\n".join(lines) + "\n\n" + note


def note_of(proof: str) -> str:
    """The checkpoint in a .tlog-proof, unchecked; "" when there is none."""
    return proof.partition("\n\n")[2]


def index_of(proof: str) -> int | None:
    """The number of the leaf that a .tlog-proof says it is about, unchecked; None when it says none."""
    found = re.search("^index ([0-9]{1,16})$", proof.partition("\n\n")[0], re.MULTILINE | re.ASCII)
    return int(found[1]) if found else None


def check(proof: str, leaf: bytes, keys: KeyChain, witness: NoteKey | None = None) -> Proven:
    """Check a .tlog-proof against the leaf that it is about.

    Args:
        proof: its text.
        leaf: the exact bytes of the event.
        keys: the log's keys: the one that was in force at the checkpoint's size signed it.
        witness: whose cosignature the checkpoint must have.

    Raises:
        ContractError: it proves nothing: wrong form, signature, cosignature or leaf.
    """
    head, gap, note = proof.partition("\n\n")
    lines = head.split("\n")
    if not gap or lines[0] != _HEAD:
        raise ContractError("proof", _HEAD, repr(lines[0][:40]), "use the file exactly as it was exported")
    if len(lines) > 1 and lines[1].startswith("extra "):
        del lines[1]
    word, _, number = lines[1].partition(" ") if len(lines) > 1 else ("", "", "")
    if word != "index" or not number.isascii() or not number.isdigit() or len(number) > 16:
        raise ContractError("proof.index", "index NUMBER", repr(lines[1][:40] if len(lines) > 1 else ""))
    try:
        hashes = [base64.b64decode(line, validate=True) for line in lines[2:]]
    except binascii.Error as error:
        raise ContractError("proof.hashes", "base64", str(error)) from error
    checkpoint = keys.verify(note)
    if checkpoint.origin != keys.origin:
        raise ContractError("proof", f"a checkpoint of {keys.origin}", checkpoint.origin[:80], "it is of another log")
    time_s = verify_cosignature(note, witness)[1] if witness is not None else 0
    root = root_from_inclusion(int(number), checkpoint.size, leaf_hash(leaf), hashes)
    if root != checkpoint.root:
        raise ContractError("proof", "a path to the checkpoint's root", "another", "this leaf was not logged")
    return Proven(int(number), checkpoint, time_s)
