"""Templates: what is kept of a face. Vectors only, never a picture."""

from typing import TYPE_CHECKING, Annotated

import msgspec

from contracts.errors import ContractError
from contracts.permit import Id, Seconds, Sha256

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VERSION = 2
PLAIN_VERSION = 1
"""Files of this version were not sealed."""
FEWEST, MOST = 3, 5
PermitOrNone = Annotated[str, msgspec.Meta(max_length=64, pattern=r"\A[A-Za-z0-9._-]*\Z")]
_NUMBER_BYTES = 4
_LONGEST = 1024
_AGAIN = "enrol the person again"


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One person's enrolment by one engine; each vector is of little-endian float32. Times are seconds since 1970.

    Attributes:
        permit: the permit that it was sent for and ends with; empty when it stands until it is removed.
        expires: from then on it counts for nothing; 0 is never.
    """

    version: int
    person: Id
    engine: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    model_sha256: Sha256
    vectors: Annotated[tuple[bytes, ...], msgspec.Meta(min_length=FEWEST, max_length=MOST)]
    created: Seconds
    permit: PermitOrNone = ""
    expires: Seconds = 0


def pack(vectors: "NDArray[np.float32]") -> tuple[bytes, ...]:
    """Rows of vectors as a template keeps them."""
    return tuple(row.astype("<f4").tobytes() for row in vectors)


def unpack(template: Template) -> "NDArray[np.float32]":
    """A template's vectors as rows.

    Raises:
        ContractError: vectors of different or no length, or of what is no finite number.
    """
    import numpy as np

    length = len(template.vectors[0])
    for index, raw in enumerate(template.vectors):
        if len(raw) != length or not 0 < length <= _LONGEST * _NUMBER_BYTES or length % _NUMBER_BYTES:
            raise ContractError(f"vectors[{index}]", f"{length or 512} bytes", str(len(raw)), _AGAIN)
    rows = np.stack([np.frombuffer(raw, dtype="<f4") for raw in template.vectors]).astype(np.float32)
    if not np.isfinite(rows).all():
        raise ContractError("vectors", "finite numbers", "others", _AGAIN)
    return rows
