"""A real mosquitto, set up as `hotbox-bridge mqtt` sets it up, and clients with its certificates."""

import contextlib
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from cloud_bridge.pki import INGEST, Authority
from edge.config import Tls
from edge.link.tls import context
from tests.edge.link.site import free_port

MOSQUITTO = "/usr/sbin/mosquitto"
UP_S = 15.0


class Mosquitto:
    """Certificates and configuration in one folder, and the broker that runs on them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, 0
        self.authority = Authority.make(folder / "mqtt", "bridge")
        self.out = folder / "broker"
        self.out.mkdir()
        self.authority.book.out = self.authority.book.at = str(self.out)
        certificate, key = self.authority.issue("127.0.0.1", "server", hosts=("127.0.0.1",))
        (self.out / "server.pem").write_text(certificate)
        (self.out / "server.key").write_text(key)
        (self.out / "ca.pem").write_text((folder / "mqtt" / "ca.pem").read_text())
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """On the port that it had, or on any that is free."""
        for _ in range(5):
            port = self.port or free_port()
            self.authority.book.port = port
            configuration = self.authority.write_configuration()
            if os.geteuid() == 0:  # it would become a user who may not read our temporary folder
                with configuration.open("a") as file:
                    file.write("user root\n")
            self.authority.write_broker()
            self._process = subprocess.Popen(
                [MOSQUITTO, "-c", str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            if self._answers(port):
                self.port = port
                return
            self.kill()
        raise AssertionError("no mosquitto came up")

    def _answers(self, port: int) -> bool:
        deadline = time.monotonic() + UP_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
            time.sleep(0.02)
        return False

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(5)
            self._process = None

    def certificate(self, name: str, kind: str = "box", *, by: Authority | None = None, **more: object) -> Tls:
        """A client's files; `by` another authority than the broker's makes a foreigner."""
        certificate, key = (by or self.authority).issue(name, kind, **more)
        self.authority.write_broker()
        place = self.folder / f"{name}-{len((by or self.authority).book.issued)}"
        place.mkdir()
        (place / "box.pem").write_text(certificate)
        (place / "box.key").write_text(key)
        return Tls(str(self.out / "ca.pem"), str(place / "box.pem"), str(place / "box.key"))

    def ingest(self) -> ssl.SSLContext:
        """The bridge's ingest."""
        return context(self.certificate(INGEST, "bridge"))


@contextlib.contextmanager
def mosquitto(folder: Path) -> Iterator[Mosquitto]:
    """Not started yet, so that the certificates can be made before; killed at the end."""
    made = Mosquitto(folder)
    try:
        yield made
    finally:
        made.kill()
