"""The quick ways to a tree's nodes, in the tiles and in the verifier, lead to the same nodes as the tree itself (ANT-09)."""

from contracts.merkle import Frontier, leaf_hash
from edge.audit import leaves, tiles


def test_nodes_in_place_and_roots_in_pairs_are_those_of_the_tree() -> None:
    hashes = [leaf_hash(b"%d" % number) for number in range(tiles.WIDTH + 10)]
    tree, nodes = Frontier(), list[bytes]()
    for size, leaf in enumerate(hashes):
        assert tiles._root(b"".join(hashes[:size])) == tree.root(), size
        tree = tree.append(leaf)
        leaves._grow(nodes, size, leaf)
        assert tuple(nodes) == tree.nodes, size
