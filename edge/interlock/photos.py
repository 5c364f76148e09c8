"""Photos of what was measured by hand: kept beside the state under their SHA-256, which is what the log records."""

import os
import re
from hashlib import sha256
from pathlib import Path

from contracts.errors import ContractError

MAX_BYTES = 8 * 2**20
SIDE_PX = (240, 20_000)
"""A picture on which a gauge can be read, and no camera makes a larger one."""
_KINDS = (
    (".jpg", b"\xff\xd8\xff", b"\xff\xd9"),
    (".png", b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"),
)
"""How a whole picture begins and ends. A camera may write padding behind the end."""
_PADDING = 64
_HEAD = 2**18
"""Its size stands within this much of its beginning, behind what cameras put there (EXIF, a thumbnail)."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_FRAMES = frozenset(bytes([marker]) for marker in range(0xC0, 0xD0) if marker not in (0xC4, 0xC8, 0xCC))


def kept(folder: Path, digest: str) -> bool:
    """Whether a photo with this SHA-256 lies in the folder: a file whose beginning and end are a picture's."""
    if _DIGEST.fullmatch(digest) is None:
        return False
    for kind, *_ in _KINDS:
        path = folder / f"{digest}{kind}"
        if path.is_file():
            with path.open("rb") as source:
                head = source.read(_HEAD)
                source.seek(-min(path.stat().st_size, _PADDING), os.SEEK_END)
                return _kind(head, source.read()) == kind
    return False


def _kind(head: bytes, tail: bytes) -> str | None:
    """The kind of picture that begins and ends like this; None for none, or one of no plausible size."""
    for kind, first, last in _KINDS:
        if head.startswith(first) and last in tail:
            size = _png_size(head) if kind == ".png" else _jpeg_size(head)
            return kind if size is not None and all(SIDE_PX[0] <= side <= SIDE_PX[1] for side in size) else None
    return None


def _png_size(head: bytes) -> tuple[int, int] | None:
    """Width and height from IHDR, which comes first."""
    if head[8:16] != b"\0\0\0\rIHDR":
        return None
    return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    """Width and height from the frame's header, segment by segment up to there."""
    at = 2
    while head[at : at + 1] == b"\xff":
        if head[at + 1 : at + 2] in _FRAMES:
            return int.from_bytes(head[at + 7 : at + 9]), int.from_bytes(head[at + 5 : at + 7])
        at += 2 + int.from_bytes(head[at + 2 : at + 4])
    return None


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
    kind = _kind(body[:_HEAD], body[-_PADDING:])
    if kind is None:
        wanted = f"a whole JPEG or PNG picture, each side {SIDE_PX[0]} to {SIDE_PX[1]} pixels"
        raise ContractError("photo", wanted, f"{file.name}, {len(body)} bytes", "take it again")
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
