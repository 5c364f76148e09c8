"""Sets the stage: simulated site, broker, bridge, box; all on this machine, all on loopback."""

import secrets
import shutil
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import yaml

from contracts.checkpoint import NoteKey, origin
from firmware_sim.client import Site
from firmware_sim.demo.box import Box
from firmware_sim.demo.boxfile import Places, write
from firmware_sim.demo.browser import Browser
from firmware_sim.demo.processes import DemoError, call, start, stop, until

BOX = "box-1"
OTHER_BOX = "box-2"
CREW = {"performer": ("张作业", 1001), "guardian": ("李监护", 1002)}
USERS = {
    "applicant": ("申请人王工", "检修车间", "applicant"),
    "approver1": ("审批人赵主任", "所在基层单位", "approver"),
    "approver2": ("审批人钱部长", "安全管理部门", "approver"),
    "safety": ("安全员孙工", "安全管理部门", "safety_officer"),
}


def free_port() -> int:
    """A loopback port that is free now; the embedded broker cannot choose one itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Stage:
    """Everything that runs during the demo. `close` ends all of it."""

    def __init__(self, root: Path, say: Callable[[str], None]) -> None:
        """Use `root` for all files; what an earlier stage left there is removed first, nothing else."""
        self.root = root
        self.site_dir, self.bridge_dir, self.box_dir, self.trust_dir = (
            root / n for n in ("site", "bridge", "box", "trust")
        )
        self.logs = root / "logs"
        for folder in (self.site_dir, self.bridge_dir, self.box_dir, self.trust_dir, self.logs):
            shutil.rmtree(folder, ignore_errors=True)
        for folder in (root, self.logs, self.trust_dir):
            folder.mkdir(parents=True, exist_ok=True)
        self._say = say
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.passwords = {name: secrets.token_urlsafe(12) for name in USERS}
        self.env = {"HOTBOX_BRIDGE_DATA": str(self.bridge_dir), "PYTHONUNBUFFERED": "1"}
        self.broker_port = free_port()
        self.web_port = free_port()
        self.metrics_port = free_port()
        self.kiosk_port = free_port()
        self.config = self.box_dir / "box.yaml"
        self._browsers: dict[str, Browser] = {}
        self.url = ""
        self.first_password = ""
        self.site: Site
        self.box: Box

    # --- setting it

    def set(self) -> None:
        """Start everything and join it up."""
        # Started from this thread only: a child asks to die with the thread that made it.
        self._say("site, broker, bridge")
        self._processes["site"] = start("site", ["hotbox-sim", "site", "--dir", str(self.site_dir)], self.logs, {})
        self.start_broker()
        self.start_bridge()
        self.first_password = (self.bridge_dir / "first_password").read_text(encoding="utf-8").strip()
        until("the simulated site", lambda: True if (self.site_dir / "site.json").exists() else self._alive("site"), 30)
        self._say("box")
        places = Places(
            self.site_dir, self.box_dir, self.trust_dir, "127.0.0.1", self.broker_port, self.metrics_port,
            self.kiosk_port, proof=True,
        )  # fmt: skip
        write(places, box=BOX)
        provisioned = call(["hotbox", "-c", str(self.config), "provision", "--json"], {})
        vkey = msgspec.json.decode(provisioned)["vkey"]
        books = self._books(vkey)
        self.bridge("load", str(books))
        books.unlink()
        self.bridge("box", "trust", BOX, "--out", str(self.trust_dir))
        with ThreadPoolExecutor(2) as pool:
            for each in [pool.submit(self._enrol, name) for name in CREW]:
                each.result()
        self.start_box()
        self.launch("actor")
        self.box = Box(self.config)
        self.site = Site(self.site_dir)

    def _alive(self, name: str) -> None:
        if self._processes[name].poll() is not None:
            raise DemoError(
                f"{name} ended with code {self._processes[name].returncode}; see {self.logs / (name + '.log')}"
            )

    def start_broker(self) -> None:
        """The embedded broker as a process of its own; waits until it listens."""
        self.launch("broker")
        until("the broker", lambda: self._listens(self.broker_port, "broker"), 20)

    def start_bridge(self) -> None:
        """Pages, ingest, worker, signer; waits until they are up."""
        (self.bridge_dir / "bridge.json").unlink(missing_ok=True)
        self.launch("bridge")
        ready = self.bridge_dir / "bridge.json"
        until("the bridge", lambda: True if ready.exists() else self._alive("bridge"), 40)
        self.url = msgspec.json.decode(ready.read_bytes())["url"].rstrip("/")

    def start_box(self) -> None:
        """`hotbox run`: the four processes in the foreground."""
        self.launch("box")

    def launch(self, name: str) -> None:
        """Start broker, bridge, box or the people who follow its screen, and do not wait for it."""
        serve = ["hotbox-bridge", "serve", "--port", str(self.web_port), "--broker", f"127.0.0.1:{self.broker_port}"]
        argv, env = {
            "broker": (["hotbox-bridge", "broker", "--port", str(self.broker_port)], self.env),
            "bridge": (serve, self.env),
            "box": (["hotbox", "-c", str(self.config), "run"], {}),
            "actor": (["python", "-m", "firmware_sim.play.actor", str(self.site_dir), self.screen], {}),
        }[name]
        self._processes[name] = start(name, argv, self.logs, env)

    @property
    def screen(self) -> str:
        """Address of the box's own page."""
        return f"http://127.0.0.1:{self.kiosk_port}"

    def pid(self, name: str) -> int | None:
        """Process id of site, broker, bridge or box; None when it does not run."""
        process = self._processes.get(name)
        return process.pid if process is not None and process.poll() is None else None

    def _listens(self, port: int, name: str) -> bool | None:
        self._alive(name)
        with socket.socket() as probe:
            return True if probe.connect_ex(("127.0.0.1", port)) == 0 else None

    def _foreign_key(self, vkey: str) -> str:
        """Another box's log key: here only its name matters."""
        key = NoteKey.parse(vkey)
        domain = key.name.split("/")[0].removeprefix("hotbox.")
        return NoteKey(origin(domain, OTHER_BOX, 1), key.kind, key.public).vkey()

    def _enrol(self, name: str) -> None:
        stills = sorted((self.site_dir / "stills" / name).glob("*.jpg"))
        still_args = [word for still in stills for word in ("--still", str(still))]
        call(["hotbox", "-c", str(self.config), "enrol", name, *still_args], {})

    def _books(self, vkey: str) -> Path:
        """The site's boxes, people and users as one file for `hotbox-bridge load`."""
        books = {
            "boxes": [
                {"box": BOX, "vkey": vkey, "name": "1 号动火盒", "place": "三号罐区"},
                {"box": OTHER_BOX, "vkey": self._foreign_key(vkey), "name": "2 号动火盒", "place": "五号泵房"},
            ],
            "people": [{"code": code, "name": name, "badge": badge} for code, (name, badge) in CREW.items()],
            "users": [
                {"user": user, "roles": [role], "display": name, "office": office, "password": self.passwords[user]}
                for user, (name, office, role) in USERS.items()
            ],
        }
        path = self.root / "books.yaml"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(books, allow_unicode=True), encoding="utf-8")
        return path

    # --- using it

    def bridge(self, *argv: str, stdin: str = "") -> str:
        """Run `hotbox-bridge`."""
        return call(["hotbox-bridge", *argv], self.env, stdin)

    def browser(self, user: str) -> Browser:
        """This user's session; signs in when there is none."""
        if user not in self._browsers:
            self._browsers[user] = Browser(self.url, user, self.passwords[user])
        return self._browsers[user]

    def kill(self, name: str) -> None:
        """Kill -9 a process; its children go with it by themselves."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def interlock_pid(self) -> int:
        """Process id of the running interlock."""
        box = self._processes["box"].pid

        def look() -> int | None:
            children = Path(f"/proc/{box}/task/{box}/children").read_text(encoding="ascii").split()
            for child in children:
                if b"\x00interlock\x00" in Path(f"/proc/{child}/cmdline").read_bytes():
                    return int(child)
            return None

        return until("the interlock's process", look)

    def close(self) -> None:
        """End everything, the box first."""
        for browser in self._browsers.values():
            browser.close()
        if hasattr(self, "box"):
            self.box.close()
        if hasattr(self, "site"):
            self.site.close()
        for name in ("actor", "box", "bridge", "broker", "site"):
            if name in self._processes:
                stop(self._processes.pop(name))
