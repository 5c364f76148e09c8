"""Roots and proofs equal an independent library's; canonical bytes equal RFC 8785 (ANT-09)."""

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from contracts.checkpoint import verify
from contracts.errors import ContractError
from contracts.key_chain import KeyChain
from edge.audit.prove import check, prove
from tests.edge.audit.oracles import DATA, TEXT, Trees, is_canonical
from tests.edge.audit.site import Station, append_all, checkpoint, draft, witness

SIZE = 1301


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Station:
    station = Station(tmp_path_factory.mktemp("log"))
    log = station.open(checkpoint_s=60)
    append_all(log, [draft({"n": number}) for number in range(1000)])
    witness(station, log)
    append_all(log, [draft({"n": number}) for number in range(SIZE - 1001)])
    log.close()
    return station


def test_roots_and_inclusion_proofs_equal_pymerkles(station: Station) -> None:
    reader = station.reader()
    trees = Trees(reader)
    for size in (1, 2, 3, 255, 256, 257, 511, 512, 513, 1000, 1024, 1025, SIZE):
        for index in {0, 1, size // 2, size - 1} & set(range(size)):
            assert trees.differs(index, size) == ""
    reader.close()


def test_proof_of_a_witnessed_event_verifies_with_both_keys_and_of_another_leaf_does_not(station: Station) -> None:
    reader = station.reader()
    label, bridge = station.trust()
    box = KeyChain.begin(label)
    proof = prove(reader, 512)
    leaf, other = reader.leaf(512), reader.leaf(513)
    proven = check(proof, leaf, box, bridge)
    assert (proven.index, proven.checkpoint.size, proven.time_s) == (512, 1001, 1_790_000_000)
    with pytest.raises(ContractError, match="root"):
        check(proof, other, box, bridge)
    with pytest.raises(ContractError, match="cosignature"):
        check(prove(reader, SIZE - 1), reader.leaf(SIZE - 1), box, bridge)
    assert check(prove(reader, SIZE - 1), reader.leaf(SIZE - 1), box).checkpoint.size == SIZE
    for broken in ("", "rubbish", proof.replace("index 512", "index 513"), proof.replace("@v1", "@v2"), proof[:200]):
        with pytest.raises(ContractError):
            check(broken, leaf, box, bridge)
    with pytest.raises(ContractError, match="0 to 1300"):
        prove(reader, SIZE)
    reader.close()


def test_proofs_read_tiles_and_not_the_whole_log(tmp_path: Path) -> None:
    """A proof in a log of 20,000 events takes milliseconds: it must not grow to seconds at 100,000."""
    station = Station(tmp_path)
    log = station.open(queue_events=20_000)
    append_all(log, [draft({"n": number}) for number in range(20_000)])
    note = checkpoint(log)
    log.close()
    reader = station.reader()
    assert reader.subtree()(0, reader.size()) == verify(note, station.trust()[0]).root
    started = time.perf_counter()
    for seq in (0, 9_999, 20_000):
        check(prove(reader, seq), reader.leaf(seq), KeyChain.begin(station.trust()[0]))
    assert time.perf_counter() - started < 0.5
    reader.close()


@settings(max_examples=300, deadline=None)
@given(data=DATA, what=TEXT)
def test_canonical_bytes_equal_rfc_8785(data: dict[str, Any], what: str) -> None:
    assert is_canonical(data, what) is not False
