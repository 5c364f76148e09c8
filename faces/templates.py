"""Templates: what is kept of a face. Vectors only, never a picture."""

from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np

from contracts.errors import ContractError
from contracts.permit import Id
from faces.engine import VECTOR_LENGTH

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 1
FEWEST, MOST = 3, 5


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One person's enrolment; each vector is 128 little-endian float32. `created` is in seconds since 1970."""

    version: int
    person: Id
    engine: str
    model_sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
    vectors: Annotated[tuple[bytes, ...], msgspec.Meta(min_length=FEWEST, max_length=MOST)]
    created: int


def pack(vectors: "NDArray[np.float32]") -> tuple[bytes, ...]:
    """Rows of vectors as a template keeps them."""
    return tuple(row.astype("<f4").tobytes() for row in vectors)


def unpack(template: Template) -> "NDArray[np.float32]":
    """A template's vectors as rows.

    Raises:
        ContractError: a vector is not 128 finite numbers.
    """
    again = "enrol the person again"
    for index, raw in enumerate(template.vectors):
        if len(raw) != VECTOR_LENGTH * 4:
            raise ContractError(f"vectors[{index}]", f"{VECTOR_LENGTH * 4} bytes", str(len(raw)), again)
    rows = np.stack([np.frombuffer(raw, dtype="<f4") for raw in template.vectors]).astype(np.float32)
    if not np.isfinite(rows).all():
        raise ContractError("vectors", "finite numbers", "others", again)
    return rows
