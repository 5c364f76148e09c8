"""A real interlock process with its crew: keys, permit, configuration, and the evidence that other processes would send.

The bench plays vision, presence and link over inherited socket pairs, exactly as `hotbox run` connects them, and the
CLI over control.sock. What is sent is true for the box: badges here, faces verified, inside the fence.
"""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import msgspec
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey

from contracts import jws
from contracts.checkpoint import note_key
from contracts.permit import Approval, Level, PermitClaims, Person, Role
from edge import sockets
from edge.config import PROOF_INPUTS, SIMULATION
from edge.interlock import evidence
from edge.interlock.evidence import Source
from firmware_sim.client import short_path
from firmware_sim.demo.bottles import certificate
from firmware_sim.demo.boxfile import EXAMPLE
from tests.bench.plant import LateError

BOX = "box-1"
PERMIT = "bench-1"
LEADER, SAFETY = 1003, 1004
PEOPLE = (
    Person("performer", "张三", Role.PERFORMER, 1001),
    Person("guardian", "李四", Role.GUARDIAN, 1002),
)
_START_S = 20.0
_RESEND_S = 0.3
_LOOK_S = 0.02
_HASH = "0" * 64


def permit(key: OKPKey, level: Level = Level.GRADE_1) -> str:
    """A permit for the crew, one level up, that is good for four hours."""
    below = Level.GRADE_1 if level is Level.SPECIAL else Level.GRADE_2
    now = int(time.time())
    claims = PermitClaims(
        iss="bridge", aud=BOX, jti=PERMIT, iat=now, nbf=now - 60, exp=now + 4 * 3600, as_of=now, lease_s=4 * 3600,
        work="hot_work", level=level, base_level=below, method="electric welding", place="bench", content="weld", rules=SIMULATION,
        people=PEOPLE, content_sha256=_HASH,
        approvals=(Approval("a1", "王五", "safety", now, _HASH), Approval("a2", "赵六", "owner", now, _HASH)),
    )  # fmt: skip
    return jws.sign(claims, jws.PERMIT, key, "bench")


def write_config(directory: Path, key: OKPKey, parts: dict[str, Any], deadman: str) -> Path:
    """Write trust files and the example configuration with `parts` (buses, channels, groups …) put in."""
    directory.mkdir(parents=True)
    public = msgspec.json.encode({"keys": [{**key.as_dict(private=False), "kid": "bench"}]})
    for name in ("permit_keys.json", "command_keys.json"):
        (directory / name).write_bytes(public)
    witness = note_key("bridge", Ed25519PrivateKey.generate(), cosigner=True)
    (directory / "witness.vkey").write_text(witness.vkey() + "\n", encoding="utf-8")
    config: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    for section in ("sensors", "enclosure", "wind", "panel"):
        del config[section]
    own = {"box": BOX, "baseline": SIMULATION, "data": str(directory / "data"), "run": str(directory / "run")}
    config.update(own | parts)
    # Nobody turns a key here: on a box without these inputs a drill leaves a fault.
    config["inputs"] = {key: at for key, at in config["inputs"].items() if key not in PROOF_INPUTS}
    for channel in config["channels"]:
        channel["calibration_due"] = certificate()
    config["relay"]["device"] = deadman
    config["presence"]["badges"].update(secrets=str(directory / "badges.json"), dbus_address="unix:path=/nowhere")
    # No such line is ever opened: presence is played here.
    config["presence"]["gnss"]["device"] = "/dev/pts/gnss"
    config["vision"].update(camera="http://127.0.0.1:1/", templates=str(directory / "faces"))
    config["vision"]["video"].update(folder=str(directory / "video"), most_mib=256, upload="none")
    config["bridge"].update(
        broker_host="127.0.0.1", broker_port=1, tls=None, permit_keys=str(directory / "permit_keys.json"),
        command_keys=str(directory / "command_keys.json"), witness=str(directory / "witness.vkey"),
    )  # fmt: skip
    path = directory / "box.yaml"
    path.write_text(yaml.safe_dump(config, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


class _Crew(threading.Thread):
    """Sends evidence again and again, reads what the interlock tells, keeps its newest status."""

    def __init__(self, ends: dict[Source, socket.socket]) -> None:
        super().__init__(name="crew", daemon=True)
        self._ends = ends
        self._news = threading.Condition()
        self._status: dict[str, Any] = {}
        self._nonce = ""
        self._over = threading.Event()

    def run(self) -> None:
        due = 0.0
        by_socket = {end: source for source, end in self._ends.items()}
        while not self._over.is_set():
            if time.monotonic() >= due:
                due = time.monotonic() + _RESEND_S
                self._send()
            for end in select.select(list(by_socket), [], [], max(0.0, due - time.monotonic()))[0]:
                try:
                    datagram = end.recv(sockets.MAX_DATAGRAM)
                except ConnectionError:
                    datagram = b""
                if not datagram:
                    return
                self._hear(evidence.decode_message(datagram))

    def stop(self) -> None:
        self._over.set()
        self.join()

    def _send(self) -> None:
        at = sockets.now_us()
        presence = [evidence.Badge(at, badge, -50) for badge in (*(person.badge for person in PEOPLE), LEADER, SAFETY)]
        vision = [evidence.Face(at, person.id, 300, "not_proven", "bench", self._nonce) for person in PEOPLE]
        for item in (*presence, evidence.Position(at, True, -20, 1, 9, 90)):
            self.send(Source.PRESENCE, item)
        for item in (*vision, evidence.Camera(at, "ok", 3)):
            self.send(Source.VISION, item)

    def send(self, source: Source, item: evidence.Evidence) -> None:
        """Send one item; a full or closed socket loses it, and nobody plays a process that runs."""
        if source not in self._ends:
            return
        with suppress(OSError):
            sockets.send(self._ends[source], evidence.encode(item))

    def _hear(self, message: evidence.Message) -> None:
        if isinstance(message, evidence.Wanted):
            self._nonce = message.nonce
        if isinstance(message, evidence.Pulse):
            with self._news:
                self._status = msgspec.json.decode(message.status)
                self._news.notify_all()

    def wait(self, true: Callable[[dict[str, Any]], bool], seconds: float) -> dict[str, Any] | None:
        """The first status for which `true` holds, None when there was none in time."""
        with self._news:
            held = self._news.wait_for(lambda: bool(self._status) and true(self._status), seconds)
            return self._status if held else None


class Box:
    """A running interlock and its crew; usable as a context manager."""

    def __init__(self, config: Path, key: OKPKey, *, log: Path | None = None, real: Sequence[Source] = (),
                 level: Level = Level.GRADE_1, command: Sequence[str] = (sys.executable,)) -> None:  # fmt: skip
        """Start the interlock and hand it a permit.

        `log` takes its standard error, else it is inherited. The processes of `real` run, too, instead of being
        played; `command` runs Python for all of them.
        """
        settings = yaml.safe_load(config.read_text(encoding="utf-8"))
        self._control_path = Path(settings["run"]) / "control.sock"
        self._gases = {(channel["gas"], channel["unit"]) for channel in settings["channels"] if "unit" in channel}
        ours, theirs = {}, {}
        for source in (Source.VISION, Source.PRESENCE, Source.LINK):
            ours[source], theirs[source] = sockets.pair()
        pairs = [f"{source.value}={end.fileno()}" for source, end in theirs.items()]
        self._argv = [*command, "-m", "edge.process"]
        self._log = log.open("a") if log else None
        self.process = self._start("interlock", str(config), *pairs, ends=list(theirs.values()))
        self._others = [
            self._start(source.value, str(config), f"{source.value}={ours[source].fileno()}", ends=[ours[source]])
            for source in real
        ]
        for end in (*theirs.values(), *(ours.pop(source) for source in real)):
            end.close()
        self._ends = ours
        self._crew = _Crew(ours)
        self._crew.start()
        self._open: list[Any] = [*ours.values()]
        try:
            self._control = self._connect()
            self._lines = self._control.makefile("rb")
            self._open += [self._lines, self._control]
            self._hand_in(permit(key, level))
        except BaseException:
            # Nobody else ends the processes of a box that never came up.
            self.__exit__()
            raise

    def _hand_in(self, signed: str) -> None:
        """The permit: from the bridge, or, where a real link is none of ours, carried to the box."""
        if Source.LINK in self._ends:
            self._crew.send(Source.LINK, evidence.PermitOffer(sockets.now_us(), signed))
            return
        answer = self.ask("permit_import", jws=signed)
        if not answer["ok"]:
            raise LateError(f"the permit was refused: {answer['error']}")

    def _start(self, *words: str, ends: Sequence[socket.socket]) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*self._argv, *words], pass_fds=[end.fileno() for end in ends], stderr=self._log)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for other in self._others:
            other.terminate()
        for other in self._others:
            other.wait()
        self._crew.stop()
        if self._log is not None:
            self._log.close()
        for closing in self._open:
            closing.close()

    def _connect(self) -> socket.socket:
        end = time.monotonic() + _START_S
        while time.monotonic() < end and self.process.poll() is None:
            control = socket.socket(socket.AF_UNIX)
            try:
                with short_path(self._control_path) as name:
                    control.connect(name)
            except OSError:
                control.close()
                self._crew.wait(lambda _: False, 0.05)
                continue
            control.settimeout(_START_S)
            return control
        raise LateError(f"the interlock did not come up (exit code {self.process.poll()})")

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Ask over control.sock."""
        self._control.sendall(msgspec.json.encode({"op": op, **fields}) + b"\n")
        answer: dict[str, Any] = msgspec.json.decode(self._lines.readline())
        return answer

    def test_gas(self) -> None:
        """Enter a gas test with good values."""
        points = [
            {"position": position, "gas": gas, "unit": unit, "value": 20.9 if gas == "O2" else 0.0}
            for gas, unit in sorted(self._gases)
            for position in ("up", "middle", "down")
        ]
        answer = self.ask("gas_test", analyst="leader", serial="bench", sampled="now", points=points)
        if not answer["ok"]:
            raise LateError(f"gas test refused: {answer['error']}")

    def check_ticket(self) -> None:
        """The shift leader checks the ticket."""
        answer = self.ask("ticket_check", permit=PERMIT, person="leader")
        if not answer["ok"]:
            raise LateError(f"ticket check refused: {answer['error']}")

    def bump_test(self, applied: dict[str, float], expose: Callable[[str, bool], None], seconds: float) -> None:
        """Bump-test every detector: `applied` by gas; `expose` gives a channel its gas, or takes it away again.

        Raises:
            LateError: a test was refused or did not pass in time; says which.
        """
        end = time.monotonic() + seconds
        open_heads: set[str] = set()
        while True:
            status = self.ask("status")["result"]
            channels = status["channels"]
            for channel in channels:
                name, test = channel["name"], channel["test"]
                wants = test is not None and test["phase"] != "clear"
                if wants is not (name in open_heads):
                    expose(name, wants)
                    open_heads ^= {name}
                if channel["life"] == "BUMP_DUE" and test is None and not wants:
                    self.ask(
                        "detector_test", kind="bump", channel=name, gas=channel["gas"], unit=channel["unit"],
                        applied=applied[channel["gas"]], by="leader", bottle="bench",
                    )  # fmt: skip
            if not open_heads and all(channel["life"] == "IN_SERVICE" for channel in channels):
                return
            if time.monotonic() > end:
                said = ", ".join(f"{channel['name']} {channel['life']} {channel['bump']}" for channel in channels)
                raise LateError(f"bump tests not passed within {seconds:g} s: {said}")
            self._crew.wait(lambda _: False, 0.05)

    def wait(self, *states: str, seconds: float) -> bool:
        """Wait until the interlock says that it is in one of these states."""
        return self._wait(lambda status: status["state"] in states, seconds) is not None

    def first_out(self, seconds: float) -> str:
        """Code of the latched first cause, once it has tripped; empty when it has not in time."""
        status = self._wait(lambda status: status["state"] == "TRIPPED" and status["first_out"] is not None, seconds)
        return status["first_out"]["code"] if status else ""

    def _wait(self, true: Callable[[dict[str, Any]], bool], seconds: float) -> dict[str, Any] | None:
        """The first status for which `true` holds, as `link` is told it; asked for where a real `link` is told instead."""
        if Source.LINK in self._ends:
            return self._crew.wait(true, seconds)
        end = time.monotonic() + seconds
        while not true(status := self.ask("status")["result"]):
            if time.monotonic() >= end:
                return None
            self._crew.wait(lambda _: False, _LOOK_S)
        return status

    def make_ready(self, press: Callable[[str], None], seconds: float) -> None:
        """Whatever tripped it, with everybody and everything in place: gas test and reset, until it may be armed.

        Raises:
            LateError: it may not; says why.
        """
        end = time.monotonic() + seconds
        while not self.wait("PERMISSIVE_OK", seconds=0):
            if time.monotonic() > end:
                raise LateError(f"not ready to arm within {seconds:g} s: {self.why_not()}")
            # Right after the start the leader's badge may not have been heard yet, nor the permit have come.
            with suppress(LateError):
                self.test_gas()
                self.check_ticket()
            press("reset")
            self.wait("PERMISSIVE_OK", seconds=0.3)

    def release(self, press: Callable[[str], None], seconds: float) -> None:
        """From wherever it is to RELEASED.

        Raises:
            LateError: it does not release; says why.
        """
        end = time.monotonic() + seconds
        while not self.wait("RELEASED", seconds=0):
            self.make_ready(press, max(0.0, end - time.monotonic()))
            press("arm")
            self.wait("RELEASED", seconds=0.5)

    def why_not(self) -> str:
        """State and every failing condition."""
        status = self.ask("status")["result"]
        failing = [f"{v['condition']} ({', '.join(r['code'] for r in v['reasons'])})" for v in status["verdicts"] if not v["ok"]]
        first = status["first_out"]
        after = f" after {first['code']} {first['subject']}".rstrip() if first else ""
        return f"{status['state']}{after}: {'; '.join(failing)}"

    def clear_fault(self, press: Callable[[str], None], seconds: float) -> None:
        """Two named people prove the repaired relay and leave a latched fault; a trip is what remains.

        Raises:
            LateError: it stays; says why.
        """
        both = ["leader", "safety"]
        end = time.monotonic() + seconds
        # Asked, not heard: the last status that was told may be the trip before the fault.
        while self.ask("status")["result"]["state"] == "FAULT":
            if time.monotonic() > end:
                raise LateError(f"the fault stays: {self.why_not()}")
            if self.ask("relay_test", people=both, drill=True, isolated=True)["ok"]:
                self._wait(lambda status: (proof := status["relay_proof"]) is not None and proof["ok"] and not proof["running"], 5)
            self.ask("reset", fault_by=both)
            press("reset")
            self.wait("TRIPPED", seconds=0.5)

    def pause(self) -> None:
        """Stop it, so that it takes no time from what else is measured; the dead-man opens."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on; it trips for the gap."""
        os.kill(self.process.pid, signal.SIGCONT)
