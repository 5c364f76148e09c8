"""The site with every process by itself, as systemd's units have them, and kills of all of them at the same time.

A supervisor waits longer each time before it starts again what dies young, and twenty kills of one process within a
minute would mostly hit one that is not there. So here each one that was killed is started again at once, and is killed
again whether it has come up or not. The box's two processes are joined by a socket pair, as the supervisor joins them.
"""

import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from edge import sockets
from firmware_sim.client import short_path
from firmware_sim.demo.boxfile import Places, write
from firmware_sim.demo.processes import call, start, stop, until
from firmware_sim.demo.stage import BOX, Stage

KINDS = ("broker", "ingest", "link", "interlock")
BROKERS = ("embedded", "mosquitto")
MOSQUITTO = "/usr/sbin/mosquitto"
DOWN_S = (0.0, 0.4)
WORK_S = (0.1, 1.0)
"""How long one that is up may work before it is killed again."""
YOUNG_S = (0.05, 0.8)
YOUNG = 0.25
"""Share of the kills that come so soon after the start that it may not be up yet."""
UP_S = 6.0
"""One that is not up by then, because what it needs is down itself, is killed all the same."""
LAST_S, MOST_S = 30.0, 12.0
"""For the last ones to come up, and for each round of kills, on a machine that is busy with other work."""
_AGAIN_S = 0.2
_LOOK_S = 0.03


class Units(Stage):
    """Simulated site, broker, ingest, interlock and link; `close` ends all of them."""

    def __init__(self, root: Path, say: Callable[[str], None], broker: str = "embedded") -> None:
        """Use `root` for all files. `broker` is one of `BROKERS`."""
        super().__init__(root, say)
        self._broker = broker
        self._pair = sockets.pair()
        self._launched: dict[str, float] = {}

    def set(self) -> None:
        """Start everything and join it up."""
        self._processes["site"] = start("site", ["hotbox-sim", "site", "--dir", str(self.site_dir)], self.logs, {})
        until("the simulated site", lambda: True if (self.site_dir / "site.json").exists() else self._alive("site"), 30)
        places = Places(
            self.site_dir, self.box_dir, self.trust_dir, "127.0.0.1", self.broker_port, self.metrics_port,
            self.kiosk_port,
        )  # fmt: skip
        write(places, box=BOX)
        vkey = msgspec.json.decode(call(["hotbox", "-c", str(self.config), "provision", "--json"], {}))["vkey"]
        books = self._books(vkey)
        self.bridge("load", str(books))
        books.unlink()
        self.bridge("box", "trust", BOX, "--out", str(self.trust_dir))
        for kind in KINDS:
            self.launch(kind)
        for kind in KINDS:
            until(kind, lambda kind=kind: True if self.is_up(kind) else None, 30)

    def launch(self, name: str) -> None:
        """Start one of them and do not wait for it. From one thread only: they die with the thread that made them."""
        inner, outer = (end.fileno() for end in self._pair)
        box = ["python", "-m", "edge.process", name, str(self.config)]
        argv, env, pass_fds = {
            "broker": (self._broker_command(), self.env, ()),
            "ingest": (["hotbox-bridge", "ingest", "--broker", f"127.0.0.1:{self.broker_port}"], self.env, ()),
            "interlock": ([*box, f"link={inner}"], {}, (inner,)),
            "link": ([*box, f"link={outer}"], {}, (outer,)),
        }[name]
        self._launched[name] = time.time()
        self._processes[name] = start(name, argv, self.logs, env, pass_fds=pass_fds)

    def _broker_command(self) -> list[str]:
        if self._broker == "embedded":
            return ["hotbox-bridge", "broker", "--port", str(self.broker_port)]
        path = self.root / "mosquitto.conf"
        path.write_text(f"listener {self.broker_port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n", encoding="ascii")
        return [MOSQUITTO, "-c", str(path)]

    def is_up(self, kind: str) -> bool:
        """Whether it does its work, as far as one can see from outside."""
        if self.pid(kind) is None:
            return False
        if kind == "interlock":
            return _connects(socket.AF_UNIX, self.box_dir / "run" / "control.sock")
        if kind == "ingest":
            with suppress(FileNotFoundError):
                return (self.bridge_dir / "run" / "ingest.alive").stat().st_mtime >= self._launched[kind]
            return False
        return _connects(socket.AF_INET, self.broker_port if kind == "broker" else self.metrics_port)

    def close(self) -> None:
        """End everything, the box first."""
        for name in ("interlock", "link", "ingest"):
            if name in self._processes:
                stop(self._processes.pop(name))
        super().close()
        for end in self._pair:
            end.close()


def _connects(family: socket.AddressFamily, where: Path | int) -> bool:
    with socket.socket(family) as probe:
        probe.settimeout(0.5)
        try:
            if isinstance(where, Path):
                with short_path(where) as name:
                    probe.connect(name)
            else:
                probe.connect(("127.0.0.1", where))
        except OSError:
            return False
        return True


class _Victim:
    """One process: how often it is still to be killed, and when the next thing happens to it."""

    def __init__(self, kind: str, kills: int) -> None:
        self.kind, self.left = kind, kills
        self.due: float | None = None
        self.launched = time.monotonic()
        self.worked = True


class Killer:
    """Kills every kind at the same time, each at its own random moments, and starts again what was killed.

    Attributes:
        killed: how often each.
        at_work: how many of these hit one that was up.
    """

    def __init__(self, stage: Units, each: int, chance: random.Random, *, only_at_work: bool = False) -> None:
        """`each`: kills of each kind; with `only_at_work` as many that hit one that was up, whatever the others are."""
        self._stage, self._chance, self._only_at_work = stage, chance, only_at_work
        self._victims = [_Victim(kind, each) for kind in KINDS]
        self.killed: Counter[str] = Counter()
        self.at_work: Counter[str] = Counter()

    @property
    def left(self) -> int:
        """Kills that are still to come, of all kinds together."""
        return sum(victim.left for victim in self._victims)

    def is_done(self) -> bool:
        """Every one has been killed as often as it should, and is up again."""
        return not self.left and all(self._stage.is_up(kind) for kind in KINDS)

    def look(self) -> None:
        """Do what is due. From the thread that set the stage."""
        for victim in self._victims:
            self._look(victim, time.monotonic())

    def _look(self, victim: _Victim, now: float) -> None:
        kind = victim.kind
        if self._stage.pid(kind) is None:
            if victim.due is None or victim.worked:  # it ended by itself: a broker whose port was not free yet
                victim.due, victim.worked = now + _AGAIN_S, False
            elif now >= victim.due:
                self._stage.launch(kind)
                victim.launched, victim.due = now, None
                if victim.left and self._chance.random() < YOUNG:
                    victim.due = now + self._chance.uniform(*YOUNG_S)
        elif not victim.left:
            return
        elif victim.due is None:
            victim.worked = self._stage.is_up(kind)
            if victim.worked or now > victim.launched + UP_S:
                victim.due = now + self._chance.uniform(*WORK_S)
        elif now >= victim.due:
            self._stage.kill(kind)
            self.killed[kind] += 1
            self.at_work[kind] += victim.worked
            victim.left -= victim.worked or not self._only_at_work
            victim.due, victim.worked = now + self._chance.uniform(*DOWN_S), False


def kill_all(
    stage: Units, each: int, chance: random.Random, told: Callable[[int], None] = lambda _: None, *, only_at_work: bool = False,
) -> Killer:  # fmt: skip
    """Kill every kind so many times, all at once; returns when the last one is up again.

    Raises:
        TimeoutError: they do not come up again, or it takes forever.
    """
    killer, pause = Killer(stage, each, chance, only_at_work=only_at_work), threading.Event()
    end = time.monotonic() + LAST_S + MOST_S * each
    while not killer.is_done():
        if time.monotonic() > end:
            raise TimeoutError(f"expected {each} kills of each kind, came {dict(killer.killed)}")
        killer.look()
        told(each * len(KINDS) - killer.left)
        pause.wait(_LOOK_S)
    return killer
