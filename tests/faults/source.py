"""Which source a run of the matrix tried: results of another are none of its."""

import hashlib
import subprocess
from pathlib import Path
from typing import NamedTuple

_ROOT = Path(__file__).parents[2]
_PARTS = ("configs", "contracts", "faces", "edge", "firmware_sim", "tests")
"""What a run is made of."""


class Source(NamedTuple):
    """`text` is for people; `known` is False outside a repository, where no two runs can be told to be of one source."""

    text: str
    known: bool


def checked_out(root: Path = _ROOT) -> Source:
    """The commit that is checked out, and what of it was changed: ``3f2a… clean`` or ``3f2a… changed (9c41…)``."""
    try:
        commit = _git(root, "rev-parse", "--short=12", "HEAD").decode().strip()
        status = _git(root, "status", "--porcelain", "--untracked-files=all", "--", *_PARTS)
        if not status:
            return Source(f"commit {commit}, clean", known=True)
        changed = hashlib.sha256(status + _git(root, "diff", "HEAD", "--", *_PARTS))
        for name in _git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", *_PARTS).split(b"\0"):
            if name:
                changed.update(name + (root / name.decode()).read_bytes())
    except (OSError, subprocess.CalledProcessError):
        return Source("no commit is known", known=False)
    return Source(f"commit {commit}, changed ({changed.hexdigest()[:12]})", known=True)


def _git(root: Path, *words: str) -> bytes:
    return subprocess.run(["git", "-C", str(root), *words], check=True, capture_output=True).stdout
