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


def test_a_tile_that_is_added_whole_gives_the_rows_of_its_leaves_one_by_one() -> None:
    hashes = [leaf_hash(b"%d" % number) for number in range(3 * tiles.WIDTH + 5)]
    one, whole = tiles.TileWriter(0, []), tiles.TileWriter(0, [])
    for first in range(0, 3 * tiles.WIDTH, tiles.WIDTH):
        row = hashes[first : first + tiles.WIDTH]
        by_leaf = [tile for leaf in row for tile in one.append(leaf)]
        assert whole.complete(b"".join(row), tiles._root(b"".join(row))) == by_leaf
    rest = hashes[3 * tiles.WIDTH :]
    assert [whole.append(leaf) for leaf in rest] == [one.append(leaf) for leaf in rest]
