"""The Merkle tree against an independent implementation and RFC 6962's own vectors."""

from hashlib import sha256

import pytest
from pymerkle import InmemoryTree, verify_consistency, verify_inclusion

from contracts.errors import ContractError
from contracts.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    over,
    range_proof,
    root_from_inclusion,
    root_from_range,
)

VECTORS = [bytes.fromhex(leaf) for leaf in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def test_the_roots_of_the_published_vectors() -> None:
    """Certificate Transparency's test vectors for RFC 6962."""
    frontier = Frontier()
    assert frontier.root() == EMPTY_ROOT == sha256(b"").digest()
    for leaf, root in zip(VECTORS, ROOTS, strict=True):
        frontier = frontier.append(leaf_hash(leaf))
        assert frontier.root().hex() == root


def _leaves(size: int) -> list[bytes]:
    return [f"leaf {index}".encode() for index in range(size)]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 31, 32, 33])
def test_roots_and_proofs_agree_with_pymerkle(size: int) -> None:
    tree = InmemoryTree(algorithm="sha256")
    hashes = []
    for leaf in _leaves(size):
        tree.append_entry(leaf)
        hashes.append(leaf_hash(leaf))
    subtree = over(hashes)
    assert subtree(0, size) == tree.get_root()
    for index in range(size):
        ours = inclusion_proof(index, size, subtree)
        assert root_from_inclusion(index, size, hashes[index], ours) == tree.get_root()
        theirs = tree.prove_inclusion(index + 1, size)
        verify_inclusion(hashes[index], tree.get_root(), theirs)
        assert [node.hex() for node in ours] == theirs.serialize()["path"][1:]
    for old in range(1, size + 1):
        proof = consistency_proof(old, size, subtree)
        verify_consistency(tree.get_root(old), tree.get_root(size), tree.prove_consistency(old, size))
        assert len(proof) <= 2 * size.bit_length()


@pytest.mark.parametrize("size", [1, 2, 7, 8, 20])
def test_a_frontier_survives_its_packing(size: int) -> None:
    frontier = Frontier()
    for leaf in _leaves(size):
        frontier = frontier.append(leaf_hash(leaf))
    assert Frontier.unpack(size, frontier.pack()) == frontier
    assert len(frontier.pack()) == 32 * size.bit_count()
    for wrong in (frontier.pack() + b"x", frontier.pack()[:-1]):
        with pytest.raises(ContractError) as caught:
            Frontier.unpack(size, wrong)
        assert caught.value.field == "frontier"


@pytest.mark.parametrize("size", [2, 5, 9])
def test_a_bent_proof_leads_elsewhere(size: int) -> None:
    hashes = [leaf_hash(leaf) for leaf in _leaves(size)]
    subtree = over(hashes)
    root = subtree(0, size)
    for index in range(size):
        proof = inclusion_proof(index, size, subtree)
        assert root_from_inclusion(index, size, leaf_hash(b"another"), proof) != root
        for at in range(len(proof)):
            bent = [*proof[:at], node_hash(proof[at], proof[at]), *proof[at + 1 :]]
            assert root_from_inclusion(index, size, hashes[index], bent) != root
        for wrong in (proof[:-1], [*proof, proof[0]]):
            with pytest.raises(ContractError) as caught:
                root_from_inclusion(index, size, hashes[index], wrong)
            assert caught.value.field == "proof"


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_a_leaf_that_is_not_there_has_no_proof(index: int, size: int) -> None:
    for ask in (lambda: inclusion_proof(index, size, over([])), lambda: root_from_inclusion(index, size, b"", [])):
        with pytest.raises(ContractError) as caught:
            ask()
        assert caught.value.field == "index"


@pytest.mark.parametrize(("old", "size"), [(0, 3), (4, 3), (-1, 3)])
def test_a_tree_cannot_be_the_prefix_of_a_smaller_one(old: int, size: int) -> None:
    with pytest.raises(ContractError) as caught:
        consistency_proof(old, size, over([]))
    assert caught.value.field == "old size"


def test_a_leaf_cannot_pose_as_a_node() -> None:
    """RFC 6962: the prefixes 0x00 and 0x01 keep them apart."""
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)


def test_a_range_and_its_proof_lead_to_the_root_for_all_ranges_of_small_trees() -> None:
    hashes = [leaf_hash(leaf) for leaf in _leaves(33)]
    for size in range(1, 34):
        subtree = over(hashes[:size])
        root = subtree(0, size)
        for first in range(size):
            for last in range(first, size):
                proof = range_proof(first, last, size, subtree)
                assert root_from_range(first, size, iter(hashes[first : last + 1]), proof) == root
                assert len(proof) <= 2 * size.bit_length()
                if first == last:
                    assert sorted(proof) == sorted(inclusion_proof(first, size, subtree))


@pytest.mark.parametrize("size", [1, 2, 7, 8, 13, 21])
def test_a_bent_range_leads_elsewhere(size: int) -> None:
    """Another leaf, a leaf less or more, two leaves swapped, another place, another proof."""
    hashes = [leaf_hash(leaf) for leaf in _leaves(size)]
    subtree = over(hashes)
    root = subtree(0, size)

    def leads(first: int, leaves: list[bytes], proof: list[bytes]) -> bytes | None:
        try:
            return root_from_range(first, size, leaves, proof)
        except ContractError:
            return None

    for first in range(size):
        for last in range(first, size):
            proof, leaves = range_proof(first, last, size, subtree), hashes[first : last + 1]
            for at in range(len(leaves)):
                assert leads(first, [*leaves[:at], b"x" * 32, *leaves[at + 1 :]], proof) != root
                assert leads(first, [*leaves[:at], *leaves[at + 1 :]], proof) != root
            for at in range(len(leaves) - 1):
                swapped = [*leaves[:at], leaves[at + 1], leaves[at], *leaves[at + 2 :]]
                assert leads(first, swapped, proof) != root
            assert leads(first, [*leaves, b"x" * 32], proof) != root
            for at in range(len(proof)):
                assert leads(first, leaves, [*proof[:at], b"x" * 32, *proof[at + 1 :]]) != root
                assert leads(first, leaves, [*proof[:at], *proof[at + 1 :]]) != root
            assert leads(first, leaves, [*proof, b"x" * 32]) != root
            for elsewhere in (-1, first + 1, size):
                assert leads(elsewhere, leaves, proof) != root


@pytest.mark.parametrize(("first", "last", "size"), [(-1, 0, 3), (2, 1, 3), (0, 3, 3), (0, 0, 0)])
def test_a_range_that_is_not_there_has_no_proof(first: int, last: int, size: int) -> None:
    with pytest.raises(ContractError) as caught:
        range_proof(first, last, size, over([]))
    assert caught.value.field == "range"
