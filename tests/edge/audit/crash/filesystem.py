"""A file system that a power cut can be played on: ``python -m tests.edge.audit.crash.filesystem MOUNT DISK [LIAR]``.

One folder, held in memory by `Medium`: any program works on it, and nothing tells it that it is watched. It begins with
the files in DISK. ``cut SEED FOLDER`` written to `.powercut` lays out one disk that a cut at this moment could leave.
Files whose name ends in LIAR are never synced, whatever they are told; so is the folder's list of names for ``.``.
"""

import errno
import itertools
import os
import random
import stat
import sys
from pathlib import Path
from typing import Any

import mfusepy

from tests.edge.audit.crash import CONTROL
from tests.edge.audit.crash.disk import Files, Link, Medium, Rename, Resize, Step, Sync, SyncNames, Unlink, Write

_NO_MATTER = ("-shm", "audit.lock", "audit.reserve")
_HIDDEN = ".fuse_hidden"
"""What libfuse calls a file that was deleted while it is open."""


class Cuttable(mfusepy.Operations):
    """The operations that a box's log needs."""

    use_ns = True

    def __init__(self, before: Files, liar: str) -> None:
        """`before` is durable."""
        self._medium = Medium(before, lambda name: bool(liar) and (name.endswith(liar) if name else liar == "."))
        self._names = {name: number for number, name in enumerate(before)}
        self._bodies = {number: bytearray(body) for number, body in enumerate(before.values())}
        self._numbers = itertools.count(len(before))
        self._modes: dict[int, int] = {}

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        """The folder, the control file, or a file."""
        name, owner = path[1:], {"st_uid": os.getuid(), "st_gid": os.getgid()}
        if not name:
            return {"st_mode": stat.S_IFDIR | 0o700, "st_nlink": 2, **owner}
        if name == CONTROL:
            return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": 0, **owner}
        number = self._number(path)
        mode, size = self._modes.get(number, 0o600), len(self._bodies[number])
        return {"st_mode": stat.S_IFREG | mode, "st_nlink": 1, "st_size": size, "st_ino": number + 2, **owner}

    def readdir(self, path: str, fh: int) -> list[str]:
        """All names."""
        return [".", "..", *self._names]

    def create(self, path: str, mode: int, fi: object = None) -> int:
        """A new file."""
        number = next(self._numbers)
        self._names[path[1:]], self._bodies[number], self._modes[number] = number, bytearray(), mode & 0o777
        self._did(Link(path[1:], number), path)
        return number

    def open(self, path: str, flags: int) -> int:
        """A file that is there."""
        if path[1:] == CONTROL:
            return 0
        if flags & os.O_TRUNC:
            self.truncate(path, 0)
        return self._number(path)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        """Bytes of it."""
        return bytes(self._bodies[fh][offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        """Bytes into it; a command, for the control file."""
        if path[1:] == CONTROL:
            self._command(data.decode())
            return len(data)
        body = self._bodies[fh]
        body.extend(bytes(max(0, offset + len(data) - len(body))))
        body[offset : offset + len(data)] = data
        self._did(Write(fh, offset, bytes(data)), path)
        return len(data)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        """Another size."""
        if path[1:] == CONTROL:
            return 0
        number = self._number(path)
        body = self._bodies[number]
        del body[length:]
        body.extend(bytes(length - len(body)))
        self._did(Resize(number, length), path)
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        """Its contents are durable."""
        self._did(Sync(fh), path)
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        """The names are durable."""
        self._did(SyncNames(), path)
        return 0

    def rename(self, old: str, new: str) -> int:
        """Another name."""
        number = self._number(old)
        del self._names[old[1:]]
        self._names[new[1:]] = number
        self._did(Rename(old[1:], new[1:], number), new)
        return 0

    def unlink(self, path: str) -> int:
        """A name less; nobody has it open, libfuse sees to that."""
        del self._bodies[self._number(path)]
        del self._names[path[1:]]
        self._did(Unlink(path[1:]), path)
        return 0

    def chmod(self, path: str, mode: int) -> int:
        """Who may read it."""
        self._modes[self._number(path)] = mode & 0o777
        return 0

    def utimens(self, path: str, times: object = None) -> int:
        """Nobody asks for times."""
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        """A gigabyte, mostly free."""
        return {"f_bsize": 4096, "f_frsize": 4096, "f_blocks": 1 << 18, "f_bfree": 1 << 17, "f_bavail": 1 << 17}

    def _number(self, path: str) -> int:
        if path[1:] not in self._names:
            raise mfusepy.FuseOSError(errno.ENOENT)
        return self._names[path[1:]]

    def _did(self, step: Step, path: str) -> None:
        if not path.endswith(_NO_MATTER):
            self._medium.take(step)

    def _command(self, text: str) -> None:
        word, seed, folder = text.split()
        if word != "cut":
            raise mfusepy.FuseOSError(errno.EINVAL)
        chance = random.Random(int(seed))
        files = self._medium.after(chance.choice(self._medium.plans(chance)))
        for name, body in files.items():
            if not name.startswith(_HIDDEN) and not name.endswith(_NO_MATTER):
                Path(folder, name).write_bytes(body)


def main() -> None:
    """Mount, and serve until it is unmounted."""
    mount, disk, *liar = sys.argv[1:]
    before = {file.name: file.read_bytes() for file in sorted(Path(disk).iterdir())}
    operations = Cuttable(before, liar[0] if liar else "")
    mfusepy.FUSE(operations, mount, foreground=True, nothreads=True, attr_timeout=0, entry_timeout=0, fsname="hotbox-cuts")


if __name__ == "__main__":
    main()
