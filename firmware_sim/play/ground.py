"""Sets up a simulated site and a box on it, without broker or bridge: the permit comes on a stick."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from firmware_sim import host
from firmware_sim.client import Site, facts
from firmware_sim.demo.box import Box
from firmware_sim.demo.boxfile import Places, write
from firmware_sim.demo.processes import DemoError, call, start, stop, until
from firmware_sim.demo.stage import free_port
from firmware_sim.play.crew import Crew
from firmware_sim.play.paper import PEOPLE, permit, write_trust

BOX = "box-1"
_TRIES = 3
_RUN = "import sys; sys.executable = sys.argv.pop(1); from edge.cli import main; main()"
"""`hotbox`, which starts its processes by another interpreter."""
RULES = "SIMULATION"


class Ground:
    """Everything that runs for scenarios. `close` ends all of it."""

    def __init__(self, root: Path, say: Callable[[str], None]) -> None:
        """Use `root` for all files; `say` is told what is being set up."""
        self.site_dir, self.box_dir, self.trust_dir, self.logs = (root / n for n in ("site", "box", "trust", "logs"))
        shutil.rmtree(root, ignore_errors=True)
        self.logs.mkdir(parents=True)
        self.config = self.box_dir / "box.yaml"
        self._say = say
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._machine: dict[str, str] = {}
        self.site: Site
        self.box: Box
        self.crew: Crew

    def set(self) -> None:
        """Start the site and the box, enrol the crew, import the permit, bump-test every detector."""
        self._say("site")
        settings = self.logs.parent / "site.yaml"
        # Clock and disk can be broken only where this may mount; everything else needs no rights.
        with_host = os.geteuid() == 0
        settings.write_text("host: {}\n" if with_host else "{}\n", encoding="utf-8")
        argv = ["hotbox-sim", "site", "--dir", str(self.site_dir), "--config", str(settings)]
        self._processes["site"] = start("site", argv, self.logs, {})
        until("the simulated site", self._site_up, 30)
        self._machine = facts(self.site_dir).get("host", {})
        self._say("box")
        key = write_trust(self.trust_dir)
        write(Places(self.site_dir, self.box_dir, self.trust_dir, "127.0.0.1", free_port(), free_port()), box=BOX)
        self._own_disk()
        with ThreadPoolExecutor(2) as pool:
            for each in [pool.submit(self._enrol, person.id) for person in PEOPLE]:
                each.result()
        self.start_box()
        self.site = Site(self.site_dir)
        self.box = Box(self.config)
        self.crew = Crew(self.site, self.box)
        self.crew.come()
        self.box.wait("the box", lambda s: all(c["quality"] == "good" for c in s["channels"]), 40)
        ticket = self.logs.parent / "permit.jws"
        ticket.write_text(permit(key, BOX, "site-1", RULES), encoding="ascii")
        self.box.run("permit", "import", str(ticket))
        self._say("bump tests")
        self.box.wait("the leader's badge", lambda s: any(p["badge_ok"] for p in s["people"]), 20)
        self._prove()
        self.crew.gas_test()

    def _prove(self) -> None:
        """Bump tests; one that a busy machine spoilt is made again, as people do."""
        for _ in range(_TRIES - 1):
            with contextlib.suppress(DemoError):
                self.crew.bump_tests()
                return
        self.crew.bump_tests()

    def _own_disk(self) -> None:
        """Put the box's data on the machine's own disk, where there is one."""
        if not self._machine:
            return
        config = yaml.safe_load(self.config.read_text(encoding="utf-8"))
        config["data"] = self._machine["disk"] + "/data"
        config["vision"]["templates"] = self._machine["disk"] + "/faces"
        self.config.write_text(yaml.safe_dump(config, allow_unicode=True, sort_keys=False), encoding="utf-8")

    def _enrol(self, name: str) -> None:
        stills = sorted((self.site_dir / "stills" / name).glob("*.jpg"))
        words = [word for still in stills for word in ("--still", str(still))]
        call(["hotbox", "-c", str(self.config), "enrol", name, *words], {}, before=self._before())

    def _before(self) -> list[str]:
        return host.command(self._machine) if self._machine else []

    def start_box(self) -> None:
        """`hotbox run` on this site's machine; its processes keep the machine's time."""
        argv = ["hotbox", "-c", str(self.config), "run"]
        if self._machine:
            keeping_time = host.interpreter(self._machine, self.box_dir / "python")
            argv = ["python", "-c", _RUN, str(keeping_time), *argv[1:]]
        self._processes["box"] = start("box", argv, self.logs, {}, before=self._before())

    def restart_box(self) -> None:
        """End the box in good order and start it anew, as a technician does after a full disk."""
        stop(self._processes.pop("box"))
        self.start_box()

    def _site_up(self) -> bool | None:
        if (self.site_dir / "site.json").exists():
            return True
        self._alive("site")
        return None

    def _alive(self, name: str) -> None:
        if self._processes[name].poll() is not None:
            log = self.logs / f"{name}.log"
            told = log.read_text(encoding="utf-8", errors="replace").strip()[-400:]
            raise DemoError(f"{name} ended with code {self._processes[name].returncode}: {told}")

    def close(self) -> None:
        """End everything, the box first."""
        if hasattr(self, "box"):
            self.box.close()
        if hasattr(self, "site"):
            self.site.close()
        for name in ("box", "site"):
            if name in self._processes:
                stop(self._processes.pop(name))
