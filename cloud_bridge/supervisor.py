"""`hotbox-bridge serve`: starts the bridge's processes, restarts those that die, takes them along when it ends."""

import json
import logging
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

from cloud_bridge import processes
from cloud_bridge.datadir import DataDir, write_atomically
from cloud_bridge.process import Broker, die_with_parent, is_loopback

log = logging.getLogger("hotbox-bridge")
WEB_WORKERS = 2
LONGEST_BACKOFF_S = 10.0
STABLE_S = 30.0
STOP_S = 6.0
UP_S = 60.0
BROKER_TRIES = 5
BROKER_UP_S = 15.0


@dataclass(frozen=True)
class Web:
    """Where the pages are served; outside of this machine only with a certificate."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None

    def check(self) -> None:
        """Refuse plain HTTP off localhost: phones and passwords need HTTPS.

        Raises:
            SystemExit: says what to do.
        """
        if bool(self.certificate) != bool(self.key):
            raise SystemExit("--tls-cert and --tls-key: expected both or none, got one; give the other file too")
        if not is_loopback(self.host) and not self.certificate:
            raise SystemExit(
                f"--host {self.host}: expected HTTPS outside of this machine, got no certificate; "
                "give --tls-cert FILE and --tls-key FILE, or use --host 127.0.0.1"
            )

    def listen(self) -> socket.socket:
        """The listening socket that all web workers share."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self.host, self.port))
        except OSError as error:
            raise SystemExit(
                f"--port {self.port}: expected a free port, got {error.strerror}; choose another, or 0"
            ) from error
        listener.listen(128)
        return listener

    def url(self, port: int) -> str:
        """Address for a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.certificate else 'http'}://{host}:{port}"


@dataclass
class Child:
    """One process: what it does, and when it may be started again."""

    name: str
    main: Callable[[], None]
    pid: int = 0
    started: float = 0.0
    failures: int = 0
    not_before: float = 0.0

    def start(self) -> None:
        """Fork it from the loaded program: it shares our memory until it writes, and it dies with us."""
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        self.started = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            self._live(parent)

    def _live(self, parent: int) -> NoReturn:
        code = 1
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            die_with_parent(parent, self.name)
            self.main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
            log.error("%s: %s", self.name, end)  # noqa: TRY400 - it says what to do itself
        except KeyboardInterrupt:
            code = 0
        except BaseException:
            log.exception("%s failed", self.name)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def ended(self) -> bool:
        """Whether it ended since the last look."""
        if not self.pid:
            return False
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            return False
        log.warning("%s ended with %s", self.name, os.waitstatus_to_exitcode(status))
        self.pid = 0
        return True

    def look_after(self) -> None:
        """Start it again when it died, later each time when it keeps dying."""
        now = time.monotonic()
        if self.ended():
            self.failures = 0 if now - self.started > STABLE_S else self.failures + 1
            self.not_before = now + min(LONGEST_BACKOFF_S, 0.25 * 2**self.failures)
        if not self.pid and now >= self.not_before:
            self.start()

    def end(self, deadline: float) -> None:
        """Wait for it to go after SIGTERM; kill it at the deadline."""
        while self.pid:
            pid, _status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
            elif time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                self.pid = 0
            else:
                time.sleep(0.02)


def free_port(host: str = "127.0.0.1") -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.2):
            return True
    except OSError:
        return False


@dataclass
class Supervisor:
    """Runs the bridge until SIGTERM or SIGINT."""

    data: DataDir
    web: Web
    broker: Broker | None
    children: list[Child] = field(default_factory=list)
    stopping: bool = False

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def _embedded_broker(self) -> Broker:
        """Start the embedded broker: on its old port, so that boxes find it, or on any that is free."""
        remembered = self.data.broker_port.read_text().strip() if self.data.broker_port.exists() else ""
        for _attempt in range(BROKER_TRIES):
            port = int(remembered) if remembered.isdigit() and _is_free(int(remembered)) else free_port()
            remembered = ""
            child = Child("broker", partial(processes.broker, port))
            child.start()
            deadline = time.monotonic() + BROKER_UP_S
            while time.monotonic() < deadline and not self.stopping and not child.ended():
                if _answers(port):
                    self.children.append(child)
                    write_atomically(self.data.broker_port, f"{port}\n")
                    return Broker("127.0.0.1", port)
                time.sleep(0.05)
            child.end(0)
            if self.stopping:
                raise SystemExit(0)
        raise SystemExit("broker: expected the embedded broker to start, got none; name one with --broker HOST:PORT")

    def run(self) -> int:
        """Serve; the exit code."""
        self.web.check()
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        self.data.bridge_json.unlink(missing_ok=True)
        listener = self.web.listen()
        port = int(listener.getsockname()[1])
        try:
            broker = self.broker or self._embedded_broker()
            self._add_processes(broker, listener)
            for child in self.children:
                if not child.pid:
                    child.start()
            told = False
            deadline = time.monotonic() + UP_S
            while not self.stopping:
                for child in self.children:
                    child.look_after()
                if not told and self._healthy(port):
                    self._tell(port, broker)
                    told = True
                if not told and time.monotonic() > deadline:
                    log.error("the bridge is not up after %.0f s; still trying", UP_S)
                    deadline = float("inf")
                time.sleep(0.1)
        finally:
            self._end()
            listener.close()
            self.data.bridge_json.unlink(missing_ok=True)
        return 0

    def _add_processes(self, broker: Broker, listener: socket.socket) -> None:
        web = partial(processes.web, listener, self.web.certificate, self.web.key)
        self.children += [
            Child("ingest", partial(processes.ingest, self.data, broker)),
            Child("worker", partial(processes.worker, self.data, broker)),
            Child("signer", partial(processes.signer, self.data)),
            Child("enrolment", partial(processes.enrolment, self.data)),
            Child("notify", partial(processes.notify, self.data)),
            *(Child(f"web-{number}", web) for number in range(1, WEB_WORKERS + 1)),
        ]

    def _healthy(self, port: int) -> bool:
        context = None
        if self.web.certificate:
            import ssl

            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # our own socket, asked by its address
        host = "127.0.0.1" if self.web.host in ("0.0.0.0", "localhost") else self.web.host  # noqa: S104
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{'https' if self.web.certificate else 'http'}://{host}:{port}/healthz", headers={"Host": "localhost"}
        )
        try:
            with urllib.request.urlopen(request, timeout=2, context=context) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _tell(self, port: int, broker: Broker) -> None:
        known = {
            "url": self.web.url(port),
            "broker": {"host": broker.host, "port": broker.port, "tls": broker.tls is not None},
            "pid": os.getpid(),
            "processes": {child.name: child.pid for child in self.children},
        }
        write_atomically(self.data.bridge_json, json.dumps(known, indent=2) + "\n")
        sys.stdout.write(f"Bridge: {known['url']}  broker {broker}\n")
        sys.stdout.flush()

    def _end(self) -> None:
        """End the children in the opposite order of their start; kill what does not go."""
        running = [child for child in reversed(self.children) if child.pid]
        for child in running:
            os.kill(child.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        for child in running:
            child.end(deadline)
