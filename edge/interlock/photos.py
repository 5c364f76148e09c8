"""Photos of what was measured by hand: kept beside the state under their commitment, which is what the log records.

``COMMITMENT.jpg`` (or .png) is the photo, ``COMMITMENT.salt`` its salt (`contracts.commitment`). Photos of older boxes
lie there under their plain SHA-256, without a salt, and are found as before.
"""

import hmac
import os
from hashlib import sha256
from pathlib import Path

import msgspec

from contracts.commitment import commit, fresh_salt, is_commitment, opens
from contracts.errors import ContractError
from edge.audit.schema import sync_directory

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
SALT = ".salt"
_MARK, _SECRET = ".seen", "marks.secret"
_FRAMES = frozenset(bytes([marker]) for marker in range(0xC0, 0xD0) if marker not in (0xC4, 0xC8, 0xCC))


def kept(folder: Path, commitment: str) -> bool:
    """Whether a photo with this commitment lies in the folder: a file whose beginning and end are a picture's."""
    if not is_commitment(commitment):
        return False
    for kind, *_ in _KINDS:
        path = folder / f"{commitment}{kind}"
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
    """Copy a photo into the folder, for its owner's eyes only; gives its commitment and whether it is new there.

    It is durable then, its name too: what the log says next is about a photo that a power cut leaves there.

    Raises:
        ContractError: too large, no whole JPEG or PNG, or a picture that was kept here before and erased.
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
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    mark, before = _mark(folder, body), sha256(body).hexdigest()
    if mark.is_file():
        known = mark.read_text(encoding="ascii")
        if not known:
            came = "one that was kept here before and erased"
            raise ContractError("photo", "a photo of this measurement", came, "measure again and take another photo")
        return known, False
    if (folder / f"{before}{kind}").is_file():
        return before, False
    salt = fresh_salt()
    commitment = commit(salt, body)
    _write(folder / f"{commitment}{SALT}", salt)
    _write(folder / f"{commitment}{kind}", body)
    _write(mark, commitment.encode())
    for each in (folder, *(each.parent for each in made)):
        sync_directory(each)
    return commitment, True


def _write(path: Path, body: bytes) -> None:
    """Whole on the disk before it has its name."""
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        target.write(body)
        target.flush()
        os.fsync(target.fileno())
    fresh.replace(path)


def _mark(folder: Path, body: bytes) -> Path:
    """The file that says that this picture was kept before, whatever became of it since: no photo counts twice.

    Its name says nothing to whoever lacks this folder's own secret. In it stands the photo's commitment, and nothing
    once it was erased: to whoever has the picture it would say which record is about it.
    """
    secret = folder / _SECRET
    if not secret.is_file():
        _write(secret, fresh_salt())
    return folder / f"{hmac.digest(secret.read_bytes(), body, 'sha256').hex()}{_MARK}"


def discard(folder: Path, commitment: str) -> None:
    """Take back a photo whose measurement was refused: it may be entered again."""
    for kind, *_ in _KINDS:
        path = folder / f"{commitment}{kind}"
        if path.is_file():
            _mark(folder, path.read_bytes()).unlink(missing_ok=True)
    erase(folder, commitment)


def there(folder: Path, commitment: str) -> bool:
    """Whether anything of a photo lies in the folder, its salt at least."""
    names = (SALT, *(kind for kind, *_ in _KINDS))
    return is_commitment(commitment) and any((folder / f"{commitment}{name}").is_file() for name in names)


def erase(folder: Path, commitment: str) -> bool:
    """Remove a photo for good, its salt first: from then on the commitment in the log proves nothing about it.

    What a flash card keeps of overwritten blocks is beyond any file system; whether there was anything to remove.

    Raises:
        OSError: something of it may be left; it can be erased again.
    """
    if not there(folder, commitment):
        return False
    # Before the salt: while that is there, an erasure that was cut short can be finished.
    for mark in folder.glob(f"*{_MARK}"):
        if mark.read_bytes() == commitment.encode():
            _overwrite(mark)
            os.truncate(mark, 0)
    for suffix in (SALT, *(kind for kind, *_ in _KINDS)):
        path = folder / f"{commitment}{suffix}"
        if path.is_file():
            _overwrite(path)
            path.unlink()
    sync_directory(folder)
    return True


def _overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())


class Photo(msgspec.Struct, frozen=True):
    """A kept photo. `sound`: it is what was committed to, None for one from before there were commitments."""

    commitment: str
    file: str
    bytes: int
    sound: bool | None


def listed(folder: Path) -> tuple[Photo, ...]:
    """Every photo of the folder, each against its commitment.

    Raises:
        OSError: a file cannot be read.
    """
    found = []
    for path in sorted(folder.glob("*")):
        if not is_commitment(path.stem) or path.suffix not in [kind for kind, *_ in _KINDS]:
            continue
        body, salt = path.read_bytes(), path.with_suffix(SALT)
        if salt.is_file():
            sound: bool | None = opens(path.stem, salt.read_bytes(), body)
        else:
            sound = None if sha256(body).hexdigest() == path.stem else False
        found.append(Photo(path.stem, path.name, len(body), sound))
    return tuple(found)
