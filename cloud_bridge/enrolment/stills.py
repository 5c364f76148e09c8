"""Pictures that a site's policy keeps: files under their salted commitments, for the enrolment process's eyes only.

``DIR/faces/stills/COMMITMENT.jpg`` and ``.salt`` (`contracts.commitment`): the database knows the commitment alone, so
once the salt is erased it proves nothing about anybody.
"""

import logging
import os
from pathlib import Path

from cloud_bridge.datadir import DataDir
from contracts.commitment import commit, fresh_salt, is_commitment

log = logging.getLogger(__name__)
_SALT, _PICTURE = ".salt", ".jpg"


def folder(data: DataDir) -> Path:
    """Where they lie."""
    return data.faces / "stills"


def keep(data: DataDir, body: bytes) -> str:
    """Keep a picture, durably; gives its commitment."""
    place = folder(data)
    place.mkdir(mode=0o700, exist_ok=True)
    salt = fresh_salt()
    commitment = commit(salt, body)
    for suffix, content in ((_SALT, salt), (_PICTURE, body)):
        handle = os.open(place / f"{commitment}{suffix}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    _sync(place)
    return commitment


def erase(data: DataDir, commitment: str) -> None:
    """Erase a picture, its salt first; what a flash card keeps of overwritten blocks is beyond any file system."""
    for suffix in (_SALT, _PICTURE):
        path = folder(data) / f"{commitment}{suffix}"
        if path.exists():
            with path.open("r+b") as file:
                file.write(bytes(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()


def erase_others(data: DataDir, kept: set[str]) -> list[str]:
    """Erase every picture that no template refers to any more; gives their commitments."""
    place = folder(data)
    if not place.exists():
        return []
    there = {path.stem for path in place.iterdir() if is_commitment(path.stem)}
    gone = []
    for commitment in sorted(there - kept):
        try:
            erase(data, commitment)
        except OSError as error:  # one that cannot go keeps no other; it is tried again
            log.warning("the picture %s cannot be erased: %s", commitment, error)
        else:
            gone.append(commitment)
    if gone:
        _sync(place)
    return gone


def _sync(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
