"""The log's tree beside pymerkle's, its canonical bytes beside rfc8785's."""

from typing import Any

import msgspec
import pymerkle
import rfc8785
from hypothesis import strategies as st

from contracts import event as events
from contracts.errors import ContractError
from contracts.event import MAX_INT
from contracts.merkle import inclusion_proof, leaf_hash, root_from_inclusion
from edge.audit.draft import Place, event_at
from edge.audit.reader import Reader
from tests.edge.audit.site import draft

TEXT = st.text(st.characters(blacklist_categories=("Cs",)), max_size=20)
KEYS = st.text(st.characters(max_codepoint=127), max_size=8)
VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INT, MAX_INT) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
DATA = st.dictionaries(KEYS, VALUES, max_size=5)
"""What an event may hold."""


class Trees:
    """The tree that a log's tiles make, and the one that pymerkle makes of the same leaves."""

    def __init__(self, reader: Reader) -> None:
        """Of all leaves that the log has; `reader` stays open."""
        self.size = reader.size()
        leaves = reader.leaves(0, self.size, 10**9)
        self._hashes = [leaf_hash(leaf) for leaf in leaves]
        self._ours, self._theirs = reader.subtree(), pymerkle.InmemoryTree(algorithm="sha256")
        for leaf in leaves:
            self._theirs.append_entry(leaf)

    def differs(self, index: int, size: int) -> str:
        """How root and inclusion proof of one leaf in the tree of `size` leaves differ; "" when they do not."""
        root = self._theirs.get_root(size)
        if self._ours(0, size) != root:
            return f"root of {size}"
        proof = inclusion_proof(index, size, self._ours)
        path = self._theirs.prove_inclusion(index + 1, size).serialize()["path"]
        if [node.hex() for node in proof] != path[1:]:  # pymerkle's path begins with the leaf itself
            return f"path of {index} in {size}"
        return "" if root_from_inclusion(index, size, self._hashes[index], proof) == root else f"proof of {index} in {size}"


def is_canonical(data: dict[str, Any], what: str) -> bool | None:
    """Whether an event's bytes are those of RFC 8785 and lead back to it; None: refused, as its text is not NFC.

    Raises:
        ContractError: refused for another reason.
    """
    event = event_at(draft(what=what), Place("box-1", 1, 1, 0, "0" * 64), data, events.Severity.INFO)
    try:
        body = events.encode(event)
    except ContractError as error:
        if "NFC" in str(error):
            return None
        raise
    return bool(body == rfc8785.dumps(msgspec.to_builtins(event)) and events.decode(body) == event)
