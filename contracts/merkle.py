"""RFC 6962 Merkle tree: leaf hashes, a frontier that grows, inclusion and consistency proofs.

A frontier is the list of roots of the perfect subtrees that make up a tree of `size` leaves, largest
first: at most 53 hashes, enough to append and to compute the root (findings/audit 2.4).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256

import msgspec

from contracts.errors import ContractError

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256 of a leaf with RFC 6962's 0x00 prefix."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of two children with RFC 6962's 0x01 prefix."""
    return sha256(b"\x01" + left + right).digest()


class Frontier(msgspec.Struct, frozen=True):
    """Roots of the perfect subtrees of a tree with `size` leaves, largest subtree first."""

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> "Frontier":
        """The frontier with one more leaf; `leaf` is a leaf hash."""
        nodes = list(self.nodes)
        node, size = leaf, self.size
        while size & 1:
            node = node_hash(nodes.pop(), node)
            size >>= 1
        nodes.append(node)
        return Frontier(self.size + 1, tuple(nodes))

    def root(self) -> bytes:
        """The tree's root hash."""
        if not self.nodes:
            return EMPTY_ROOT
        root = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            root = node_hash(node, root)
        return root

    def pack(self) -> bytes:
        """The nodes one after the other, 32 bytes each; the size travels beside them."""
        return b"".join(self.nodes)

    @staticmethod
    def unpack(size: int, packed: bytes) -> "Frontier":
        """Undo `pack`.

        Raises:
            ContractError: the number of nodes does not fit the size.
        """
        if len(packed) != 32 * size.bit_count():
            raise ContractError(
                "frontier",
                f"{32 * size.bit_count()} bytes for {size} leaves",
                f"{len(packed)} bytes",
                "rebuild it from the leaves",
            )
        return Frontier(size, tuple(packed[at : at + 32] for at in range(0, len(packed), 32)))


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << ((size - 1).bit_length() - 1)


Subtree = Callable[[int, int], bytes]
"""Root of the leaves ``[first, last)``."""


def over(leaves: Sequence[bytes]) -> Subtree:
    """A `Subtree` over leaf hashes held in memory."""

    def root(first: int, last: int) -> bytes:
        frontier = Frontier()
        for leaf in leaves[first:last]:
            frontier = frontier.append(leaf)
        return frontier.root()

    return root


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """Audit path of leaf `index` in the tree of `size` leaves (RFC 6962 2.1.1)."""
    if not 0 <= index < size:
        raise ContractError("index", f"0 to {size - 1}", str(index), "ask for a leaf that the tree holds")

    def path(first: int, last: int) -> list[bytes]:
        if last - first == 1:
            return []
        middle = first + _split(last - first)
        if index < middle:
            return [*path(first, middle), subtree(middle, last)]
        return [*path(middle, last), subtree(first, middle)]

    return path(0, size)


def root_from_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """Root that an inclusion proof leads to; compare it with the checkpoint's (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        raise ContractError("index", f"0 to {size - 1}", str(index))
    node, at, last = leaf, index, size - 1
    for sibling in proof:
        if last == 0:
            raise ContractError("proof", "fewer hashes", f"{len(proof)} hashes")
        if at & 1 or at == last:
            node = node_hash(sibling, node)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            node = node_hash(node, sibling)
        at >>= 1
        last >>= 1
    if last:
        raise ContractError("proof", "more hashes", f"{len(proof)} hashes")
    return node


def consistency_proof(old: int, size: int, subtree: Subtree) -> list[bytes]:
    """Proof that the tree of `old` leaves is a prefix of the tree of `size` leaves (RFC 6962 2.1.2)."""
    if not 0 < old <= size:
        raise ContractError("old size", f"1 to {size}", str(old))

    def path(first: int, last: int, whole: bool) -> list[bytes]:
        if old - first == last - first:
            return [] if whole else [subtree(first, last)]
        middle = first + _split(last - first)
        if old <= middle:
            return [*path(first, middle, whole), subtree(middle, last)]
        return [*path(middle, last, False), subtree(first, middle)]

    return path(0, size, True)


def _outside(first: int, last: int, size: int) -> Iterator[tuple[int, int]]:
    """The largest subtrees of a tree of `size` leaves that hold none of ``[first, last]``, from left to right."""

    def walk(start: int, end: int) -> Iterator[tuple[int, int]]:
        if end <= first or start > last:
            yield start, end
        elif start < first or end > last + 1:
            middle = start + _split(end - start)
            yield from walk(start, middle)
            yield from walk(middle, end)

    return walk(0, size)


def _check_range(first: int, last: int, size: int) -> None:
    if not 0 <= first <= last < size:
        hint = "ask for leaves that the tree holds"
        raise ContractError("range", f"within 0 to {size - 1}", f"{first} to {last}", hint)


def range_proof(first: int, last: int, size: int, subtree: Subtree) -> list[bytes]:
    """Roots of what lies around the leaves `first` to `last`, left to right: at most two for each level of the tree.

    Raises:
        ContractError: the tree of `size` leaves does not hold them.
    """
    _check_range(first, last, size)
    return [subtree(start, end) for start, end in _outside(first, last, size)]


def root_from_range(first: int, size: int, leaves: Iterable[bytes], proof: Sequence[bytes]) -> bytes:
    """Root that the leaf hashes from `first` on and a `range_proof` lead to, in a tree of `size` leaves.

    Reads `leaves` once and keeps none of them. Compare the root with the checkpoint's: no leaf of the range can then be
    another, be missing, or stand elsewhere.

    Raises:
        ContractError: there are no leaves, more than the tree holds, or the proof has another number of hashes.
    """
    count = 0
    left = [end - start for start, end in _outside(first, first, size) if end <= first] if 0 <= first < size else []
    if len(proof) < len(left):
        raise ContractError("proof", f"{len(left)} hashes or more", f"{len(proof)} hashes")
    parts = _Parts()
    for width, node in zip(left, proof, strict=False):
        parts.add(width, node)
    for leaf in leaves:
        parts.add(1, leaf)
        count += 1
    _check_range(first, first + count - 1, size)
    right = [end - start for start, end in _outside(first, first + count - 1, size) if start >= first + count]
    if len(proof) != len(left) + len(right):
        raise ContractError("proof", f"{len(left) + len(right)} hashes", f"{len(proof)} hashes")
    for width, node in zip(right, proof[len(left) :], strict=True):
        parts.add(width, node)
    return parts.root()


class _Parts:
    """Perfect and last subtrees, joined as soon as two of the same width stand side by side."""

    def __init__(self) -> None:
        self._widths: list[int] = []
        self._nodes: list[bytes] = []

    def add(self, width: int, node: bytes) -> None:
        while self._widths and self._widths[-1] == width and not width & (width - 1):
            node = node_hash(self._nodes.pop(), node)
            width += self._widths.pop()
        self._widths.append(width)
        self._nodes.append(node)

    def root(self) -> bytes:
        root = self._nodes[-1]
        for node in reversed(self._nodes[:-1]):
            root = node_hash(node, root)
        return root
