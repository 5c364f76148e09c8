"""A box of its own for the CLI's tests: the real interlock process on a simulated site, and a bridge's keys."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey

from contracts import jws
from contracts.checkpoint import note_key
from contracts.permit import Approval, Level, PermitClaims, Person, Precondition, Role
from edge import sockets
from edge.interlock import evidence
from firmware_sim.client import Site
from firmware_sim.demo import bottles

PYTHON = sys.executable
HOTBOX = [PYTHON, "-c", "from edge.cli import main; main()"]
PEOPLE = (
    Person("zhang", "张伟", Role.PERFORMER, 1001),
    Person("li", "李娜", Role.GUARDIAN, 1002),
)


def until(true: Callable[[], Any], what: str, seconds: float = 15.0) -> Any:
    """Poll until something holds; the deadline is the test's failure."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = true()
        if found:
            return found
        threading.Event().wait(0.03)
    raise AssertionError(f"not within {seconds:g} s: {what}")


def settings(folder: Path, site: dict[str, Any]) -> dict[str, Any]:
    """A box.yaml as a dict, for the devices of this site."""
    channels = [
        ("ch4-1", "gas", 1, "CH4", "%LEL", 0.1, 0, 100),
        ("o2-1", "gas", 2, "O2", "vol%", 0.01, 0, 25),
        ("co-1", "line", 1, "CO", "ppm", 1, 0, 500),
        ("h2s-1", "line", 2, "H2S", "ppm", 0.1, 0, 100),
    ]
    return {
        "box": "box-1",
        "domain": "example",
        "baseline": "SIMULATION",
        "data": str(folder / "data"),
        "run": str(folder / "run"),
        "buses": [
            {"name": "gas", "kind": "tcp", "poll_ms": 100, "turnaround_ms": 5, **site["gas_tcp"]},
            {"name": "io", "kind": "tcp", "poll_ms": 50, "turnaround_ms": 5, **site["inputs"]},
            {"name": "line", "kind": "rtu", "poll_ms": 500, "turnaround_ms": 10, **site["gas_rtu"]},
        ],
        "channels": [
            {
                "name": name, "bus": bus, "unit_id": unit_id, "gas": gas, "calibration_gas": gas, "unit": unit, "scale": scale,
                "range_low": low, "range_high": high, "serial": f"SN-{name}", "t90_s": 12, "calibration_due": bottles.certificate(),
            }
            for name, bus, unit_id, gas, unit, scale, low, high in channels
        ],
        "groups": [{"name": name, "vote": "1oo1", "channels": [name]} for name, *_ in channels],
        "sensors": [
            {"name": "temp-1", "unit_id": 21, "quantity": "temperature", "range_low": -40, "range_high": 400, "bus": "gas", "scale": 0.1},
            {"name": "box-temp", "unit_id": 22, "quantity": "temperature", "range_low": -40, "range_high": 125, "bus": "gas", "scale": 0.1},
            {"name": "wind-1", "unit_id": 23, "quantity": "wind", "range_low": 0, "range_high": 60, "bus": "gas", "scale": 0.1},
        ],
        "enclosure": "box-temp",
        "wind": "wind-1",
        "inputs": {"bus": "io", "unit_id": 10, "test_key": 10, "isolated": 11},
        "relay": {"device": site["deadman"]["device"]},
        "presence": {
            "fence": [[31.2299, 121.4732], [31.2299, 121.4742], [31.2309, 121.4742], [31.2309, 121.4732]],
            "quorum": ["gnss", "badge"],
            "beacon": 1009,
            "badges": {"secrets": str(folder / "badges.json"), "dbus_address": "unix:path=/nowhere"},
            "gnss": {"device": site["gnss"]["device"]},
        },
        "vision": {"camera": "http://127.0.0.1:1/", "templates": str(folder / "faces")},
        "roster": [
            {"id": "wang", "name": "王芳", "badge": 1003, "may": ["reset", "gas_test", "ticket_check", "clear_fault", "calibrate"]},
            {"id": "zhao", "name": "赵强", "badge": 1004, "may": ["clear_fault"]},
        ],
        "bridge": {
            "broker_host": "127.0.0.1", "broker_port": 1883, "id": "bridge-1",
            "permit_keys": str(folder / "permit_keys.json"), "command_keys": str(folder / "command_keys.json"),
            "witness": str(folder / "witness.vkey"),
        },
    }  # fmt: skip


class Crew:
    """Stands in the place of the presence and vision processes: says on their sockets who is here, five times a second."""

    def __init__(self) -> None:
        self.badges: set[int] = {1009}
        self.faces: set[str] = set()
        self.liveness = "not_proven"
        self.nonce = self._spent = self._permit = ""
        self._pairs = {source: sockets.pair() for source in (evidence.Source.PRESENCE, evidence.Source.VISION)}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._talk, daemon=True)
        self._thread.start()

    def ends(self) -> dict[str, socket.socket]:
        """What the interlock inherits."""
        return {source.value: pair[0] for source, pair in self._pairs.items()}

    def everybody(self) -> None:
        """All come to the box."""
        self.badges |= {1001, 1002, 1003}
        self.faces |= {person.id for person in PEOPLE}

    def close(self) -> None:
        self._end.set()
        self._thread.join()
        for pair in self._pairs.values():
            for end in pair:
                end.close()

    def _talk(self) -> None:
        presence, vision = (pair[1] for pair in self._pairs.values())
        for end in (presence, vision):
            end.setblocking(False)
        while not self._end.wait(0.2):
            now = sockets.now_us()
            sockets.send(presence, evidence.encode(evidence.Position(now, True, -40, 4, 9, 90)))
            sockets.send(vision, evidence.encode(evidence.Camera(now, "ok", 2)))
            for badge in sorted(self.badges):
                sockets.send(presence, evidence.encode(evidence.Badge(now, badge, -60)))
            for person in sorted(self.faces):
                sockets.send(vision, evidence.encode(evidence.Face(now, person, 310, self.liveness, "dlib", self.nonce)))
            for end in (presence, vision):
                with contextlib.suppress(BlockingIOError):
                    while datagram := end.recv(sockets.MAX_DATAGRAM):
                        message = evidence.decode_message(datagram)
                        if isinstance(message, evidence.Wanted):
                            self.nonce, self._permit = message.nonce, message.permit

    def end_try(self, person: str, result: str, why: str = "late") -> None:
        """What the camera says of somebody who was asked to turn the head; each try has a nonce of its own."""
        until(lambda: self._permit and self.nonce != self._spent, "another question, under a permit")
        self._spent = self._spent if result == "open" else self.nonce
        now = sockets.now_us()
        told = evidence.Prompt(now, person, self.nonce, "left", 3, 8, now + 3_000_000, result, why)  # type: ignore[arg-type]
        sockets.send(self._pairs[evidence.Source.VISION][1], evidence.encode(told))


class Box:
    """One simulated site with one interlock."""

    def __init__(self, more_devices: str = "") -> None:
        # Unix sockets have short names: pytest's folders are too deep.
        self.folder = Path(tempfile.mkdtemp(prefix="hb-cli-"))
        self.config = self.folder / "box.yaml"
        self.crew = Crew()
        self.permit_key = OKPKey.generate_key("Ed25519", {"kid": "permit-1"})
        self.command_key = OKPKey.generate_key("Ed25519", {"kid": "command-1"})
        self.witness_key = Ed25519PrivateKey.generate()
        self.witness = note_key("bridge-1", self.witness_key, cosigner=True)
        self.interlock: subprocess.Popen[bytes] | None = None
        # Whoever is here, the crew says: the site needs neither its camera nor its radio, which cost the most to start.
        devices = self.folder / "site.yaml"
        devices.write_text("camera: null\nbadges: null\n" + more_devices)
        self._site_process = subprocess.Popen(
            [PYTHON, "-c", "from firmware_sim.cli import main; main()", "site", "--dir", str(self.folder / "site"),
             "--config", str(devices)],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        self.site: Site | None = None

    def prepare(self) -> None:
        """Wait for the site, write the keys and box.yaml."""
        file = self.folder / "site" / "site.json"
        until(file.exists, "the simulated site is up", 60)
        facts = msgspec.json.decode(file.read_bytes())
        self.site = Site(self.folder / "site")
        for name, key in (("permit", self.permit_key), ("command", self.command_key)):
            text = msgspec.json.encode({"keys": [key.as_dict(private=False)]})
            (self.folder / f"{name}_keys.json").write_bytes(text)
        (self.folder / "witness.vkey").write_text(self.witness.vkey() + "\n")
        (self.folder / "badges.json").write_text("{}")
        (self.folder / "badges.json").chmod(0o600)
        self.write(settings(self.folder, facts))

    def write(self, box: dict[str, Any], name: str = "box.yaml") -> Path:
        """Write a configuration file."""
        path = self.folder / name
        path.write_text(yaml.safe_dump(box, allow_unicode=True))
        return path

    def read(self) -> dict[str, Any]:
        """The configuration as a dict, to be changed and written under another name."""
        found: dict[str, Any] = yaml.safe_load(self.config.read_text())
        return found

    def start(self, **more: socket.socket) -> None:
        """Start the interlock and wait until it answers; `more` are ends of other sources' sockets, by source."""
        ends = {**self.crew.ends(), **more}
        for end in ends.values():
            os.set_inheritable(end.fileno(), True)
        self.interlock = subprocess.Popen(
            [PYTHON, "-m", "edge.process", "interlock", str(self.config)]
            + [f"{name}={end.fileno()}" for name, end in ends.items()],
            pass_fds=[end.fileno() for end in ends.values()],
        )
        until((self.folder / "run" / "control.sock").exists, "the interlock answers", 30)

    def kill(self) -> None:
        """As the power would."""
        assert self.interlock is not None
        self.interlock.kill()
        self.interlock.wait()
        (self.folder / "run" / "control.sock").unlink(missing_ok=True)

    def end(self) -> int:
        """As its unit would; gives the exit code."""
        assert self.interlock is not None
        self.interlock.terminate()
        code = self.interlock.wait(20)
        (self.folder / "run" / "control.sock").unlink(missing_ok=True)
        return code

    def close(self) -> None:
        if self.site is not None:
            self.site.close()
        for process in (self.interlock, self._site_process):
            if process is not None and process.poll() is None:
                process.terminate()
        for process in (self.interlock, self._site_process):
            if process is not None:
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.crew.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- asking

    def hotbox(
        self, *words: str, lang: str = "en", env: dict[str, str] | None = None, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run the CLI to its end."""
        surroundings = {**os.environ, "HOTBOX_LANG": lang, "COLUMNS": "100", **(env or {})}
        surroundings.pop("NO_COLOR", None)
        return subprocess.run(
            [*HOTBOX, "-c", str(self.config), *words],
            capture_output=True,
            text=True,
            env=surroundings,
            timeout=40,
            input=stdin,
            check=False,
        )

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Ask on the socket itself; gives the result."""
        with socket.socket(socket.AF_UNIX) as asked:
            asked.settimeout(5)
            asked.connect(str(self.folder / "run" / "control.sock"))
            asked.sendall(msgspec.json.encode({"op": op, **fields}) + b"\n")
            with asked.makefile("rb") as lines:
                answer = msgspec.json.decode(lines.readline())
        assert answer["ok"], answer
        result: dict[str, Any] = answer["result"]
        return result

    def status(self) -> dict[str, Any]:
        """The status document."""
        return self.ask("status")

    def bump(self) -> None:
        """Bump-test every detector with the site's own gas; on a busy machine a reading that came late spoils one."""
        for _ in range(3):
            left = [each for each in self.status()["channels"] if (each["bump"] or {}).get("result") != "passed"]
            if not left:
                return
            self._bump(left)
        assert {channel["bump"]["result"] for channel in self.status()["channels"]} == {"passed"}

    def _bump(self, channels: list[dict[str, Any]]) -> None:
        assert self.site is not None
        for channel in channels:
            name = channel["name"]
            self.wait_for(lambda s, name=name: _read(s, name), f"{name} reads")
            self.ask(
                "detector_test", kind="bump", channel=name, gas=channel["gas"], unit=channel["unit"],
                applied=bottles.APPLIED[channel["gas"]], by="wang", bottle="B-1",
            )  # fmt: skip
        bottles.open_and_close(
            self.site, self.status, lambda: not any(channel["test"] for channel in self.status()["channels"]), 20
        )

    def wait_for(self, true: Callable[[dict[str, Any]], Any], what: str) -> dict[str, Any]:
        """Wait until the status document says so."""
        return until(lambda: (found := self.status()) and true(found) and found, what)

    def failing(self) -> set[str]:
        return {verdict["condition"] for verdict in self.status()["verdicts"] if not verdict["ok"]}

    # --- the bridge's part

    def permit(self, number: str = "HW-1", **changes: Any) -> str:
        """A signed permit."""
        now = int(time.time())
        digest = "a" * 64
        claims = PermitClaims(
            iss="bridge-1", aud="box-1", jti=number, iat=now, nbf=now - 60, exp=now + 7200, as_of=now, lease_s=3600,
            work="hot_work", level=Level.GRADE_1, base_level=Level.GRADE_2, method="电焊 arc welding", place="罐区 T-301 tank farm", content="更换法兰 replace flange",
            rules="SIMULATION", people=PEOPLE, content_sha256=digest,
            approvals=(
                Approval("sun", "孙丽", "车间主任", now, digest),
                Approval("qian", "钱军", "安全科", now, digest),
            ),
            preconditions=(Precondition("cooled", "设备已降温 vessel cooled"),) if changes.pop("precondition", False) else (),
        )  # fmt: skip
        return jws.sign(msgspec.structs.replace(claims, **changes), jws.PERMIT, self.permit_key, "permit-1")

    def release(self) -> None:
        """Permit, people, gas test, ticket check, arm: until the relay is closed."""
        assert self.site is not None
        file = self.folder / "permit.jws"
        file.write_text(self.permit())
        self.crew.everybody()
        assert self.hotbox("permit", "import", str(file)).returncode == 0
        self.wait_for(lambda s: s["people"] and all(p["badge_ok"] for p in s["people"]), "badges are here")
        self.bump()
        done = self.hotbox("gas-test", "--analyst", "wang", "--serial", "GT-7", "--sampled", "now", *points())
        assert done.returncode == 0, done.stderr
        checked = self.hotbox("permit", "check", "--by", "wang")
        assert checked.returncode == 0, checked.stderr
        self.wait_for(lambda s: s["state"] == "PERMISSIVE_OK", "all conditions are met")
        self.site.press("arm", 300)
        self.wait_for(lambda s: s["relay"]["contact"] == "closed", "the contact is closed")


def _read(status: dict[str, Any], name: str) -> bool:
    """Whether that detector reads; on a busy machine one may be late for a moment."""
    return next(channel["quality"] == "good" for channel in status["channels"] if channel["name"] == name)


def points() -> list[str]:
    """A complete gas test of clean air."""
    air = (("CH4", "%LEL", "0.0"), ("O2", "vol%", "20.9"), ("CO", "ppm", "0"), ("H2S", "ppm", "0"))
    found = []
    for position in ("up", "middle", "down"):
        for gas, unit, value in air:
            found += ["--point", f"{position}:{gas}:{unit}:{value}"]
    return found


def make(change: Callable[[dict[str, Any]], None] | None = None) -> Iterator[Box]:
    """A box that runs, and is gone afterwards; `change` edits its configuration first."""
    for box in make_idle():
        if change is not None:
            settings = box.read()
            change(settings)
            box.write(settings)
        box.start()
        yield box


def make_idle() -> Iterator[Box]:
    """A box whose interlock is not started yet, and which is gone afterwards."""
    box = Box()
    try:
        box.prepare()
        yield box
    finally:
        box.close()
