"""The bridge's data directory: database, keys, secrets and what its processes leave for each other.

    DIR/bridge.db              SQLite
    DIR/secret_key             Django's secret, 0600
    DIR/first_password         one-time password of the first administrator, 0600; removed when it is changed
    DIR/signer/*.pem           permit and command key: only the signer process reads them
    DIR/ingest/cosign_key.pem  only the ingest process reads it
    DIR/faces/                 what only the enrolment process reads: the key that face templates are sealed with, the
                               one that signs what boxes get of them, and pictures where the site's policy keeps any
    DIR/notify/channels.yaml   what messages go out by, with its secrets, 0600: only the notify process reads it
    DIR/mqtt/                  certificates for the MQTT broker (cloud_bridge.pki)
    DIR/public/                public halves, for boxes
    DIR/media/                 recordings that came up (cloud_bridge.video.shelf)
    DIR/run/*.alive            touched by each process while it works
    DIR/bridge.json            address of a running bridge

All of it is closed to other users.
"""

import fcntl
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ENVIRONMENT = "HOTBOX_BRIDGE_DATA"


class DataDir:
    """Paths below one directory; creating them is `make`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @staticmethod
    def from_environment() -> "DataDir":
        """The directory that the environment names.

        Raises:
            SystemExit: the environment names none.
        """
        value = os.environ.get(ENVIRONMENT, "")
        if not value:
            raise SystemExit(f"data directory: expected --data DIR or {ENVIRONMENT}=DIR, got nothing; name a directory")
        return DataDir(Path(value).resolve())

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.root / "bridge.db"

    @property
    def signer(self) -> Path:
        """Folder of the keys that only the signer reads."""
        return self.root / "signer"

    @property
    def ingest(self) -> Path:
        """Folder of the key that only the ingest reads."""
        return self.root / "ingest"

    @property
    def faces(self) -> Path:
        """Folder of the keys that only the enrolment reads."""
        return self.root / "faces"

    @property
    def public(self) -> Path:
        """Folder of public keys."""
        return self.root / "public"

    @property
    def mqtt(self) -> Path:
        """Folder of the certificate authority and the bridge's own certificates for the broker."""
        return self.root / "mqtt"

    @property
    def media(self) -> Path:
        """Folder of recordings that came up."""
        return self.root / "media"

    @property
    def run(self) -> Path:
        """Folder of the processes' signs of life."""
        return self.root / "run"

    @property
    def bridge_json(self) -> Path:
        """Address of the running bridge."""
        return self.root / "bridge.json"

    @property
    def broker_port(self) -> Path:
        """Port that the embedded broker had last, so that boxes find it again."""
        return self.root / "broker_port"

    @property
    def first_password(self) -> Path:
        """One-time password of the first administrator."""
        return self.root / "first_password"

    def make(self) -> None:
        """Create the folders, closed to other users."""
        for folder in (self.root, self.signer, self.ingest, self.faces, self.public, self.run):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def secret_key(self) -> str:
        """Django's secret, made at first use."""
        path = self.root / "secret_key"
        if not path.exists():
            self.make()
            with self.lock("secret"):
                if not path.exists():
                    write_atomically(path, secrets.token_urlsafe(48), mode=0o600)
        return path.read_text(encoding="utf-8").strip()

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold an exclusive lock against other processes of this bridge."""
        with (self.run / f"{name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def write_atomically(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a file so that a reader sees the old or the new content, and a power cut leaves one of them."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).rename(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
