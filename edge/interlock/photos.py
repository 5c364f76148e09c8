"""Photos of what was measured by hand: kept beside the state under their SHA-256, which is what the log records."""

import os
import re
from hashlib import sha256
from pathlib import Path

from contracts.errors import ContractError

MAX_BYTES = 8 * 2**20
_KINDS = (
    (".jpg", b"\xff\xd8\xff", b"\xff\xd9"),
    (".png", b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"),
)
"""How a whole picture begins and ends. A camera may write padding behind the end."""
_PADDING = 64
_DIGEST = re.compile(r"[0-9a-f]{64}")


def kept(folder: Path, digest: str) -> bool:
    """Whether a photo with this SHA-256 lies in the folder."""
    return _DIGEST.fullmatch(digest) is not None and any((folder / f"{digest}{kind}").is_file() for kind, *_ in _KINDS)


def keep(folder: Path, file: Path) -> tuple[str, bool]:
    """Copy a photo into the folder, for its owner's eyes only; gives its SHA-256 and whether it is new there.

    Raises:
        ContractError: too large, or no whole JPEG or PNG.
        OSError: it cannot be read or kept.
    """
    with file.open("rb") as source:
        body = source.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise ContractError(
            "photo", f"at most {MAX_BYTES // 2**20} MiB", f"{file.stat().st_size} bytes", "make it smaller"
        )
    kind = next((kind for kind, head, tail in _KINDS if body.startswith(head) and tail in body[-_PADDING:]), None)
    if kind is None:
        raise ContractError("photo", "a whole JPEG or PNG picture", f"{file.name}, {len(body)} bytes", "take it again")
    digest = sha256(body).hexdigest()
    path = folder / f"{digest}{kind}"
    if path.is_file():
        return digest, False
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        target.write(body)
        target.flush()
        os.fsync(target.fileno())
    fresh.replace(path)
    return digest, True


def discard(folder: Path, digest: str) -> None:
    """Take back a photo whose measurement was refused."""
    for kind, *_ in _KINDS:
        (folder / f"{digest}{kind}").unlink(missing_ok=True)
