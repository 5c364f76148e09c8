"""Permits that nobody approves, workers that are killed at random, a definition that changes half-way.

Each threshold of each permit fires once, by the definition that the permit began under, and not late.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cloud_bridge.running import ROOT, clean_environment

HOURS = {"fuse_remind": 2, "fuse_escalate": 4, "fuse_freeze": 8}
LEFT_S = 300.0
SHORTER = 0.9
"""What the change makes of the fuse: permits that began before it keep theirs."""
Told = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Size:
    """How many cases, how fast they come, how long an hour is, how many workers, and how often one is killed."""

    cases: int
    rate: float
    hour_s: float
    workers: int
    kill_every_s: tuple[float, float]
    grace_s: float = 6.0


def run(folder: Path, size: Size, seed: int, told: Told = lambda *_: None, database: str = "") -> dict[str, Any]:
    """The figures of `stand.tally`, and how often a worker was killed."""
    folder.mkdir(parents=True, exist_ok=True)
    local = folder / "flows"
    local.mkdir()
    _write_rules(local, size.hour_s)
    env = clean_environment() | {
        "HOTBOX_BRIDGE_DATA": str(folder / "data"), "HOTBOX_BRIDGE_FLOWS": str(local), "DJANGO_SETTINGS_MODULE": "cloud_bridge.settings",
    }  # fmt: skip
    if database:
        env["HOTBOX_BRIDGE_DATABASE"] = database
    with (folder / "output").open("w") as output:
        return _run(size, random.Random(seed), told, env, output)


def _write_rules(folder: Path, hour_s: float) -> None:
    """The base's own rules: an hour is this long. Replaced at one blow, as an administrator's editor does."""
    rules = {
        "name": "scaled", "title": {"en": "scaled", "zh": "缩短"}, "tightens": "permit",
        "tunables": {name: {"value": f"{hours * hour_s:g} s"} for name, hours in HOURS.items()},
    }  # fmt: skip
    new = folder / "new"
    new.write_text(yaml.safe_dump(rules, allow_unicode=True), encoding="utf-8")
    new.rename(folder / "permit.yaml")


def _start(words: list[str], env: dict[str, str], output: Any, **options: Any) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.cloud_bridge.flows.stand", *words], env=env, cwd=ROOT, stderr=output, text=True, **options
    )


def _run(size: Size, chance: random.Random, told: Told, env: dict[str, str], output: Any) -> dict[str, Any]:
    # The tables are made before anybody works on them.
    _tally(env, output)
    work = _start(["work", str(size.workers)], env, output, stdout=subprocess.PIPE)
    feed = None
    try:
        pids: list[int] = []
        threading.Thread(target=_follow, args=(work, pids), daemon=True).start()
        feed = _start(["feed", str(size.cases), str(size.rate)], env, output, stdout=subprocess.PIPE)
        threading.Thread(target=_change, args=(feed, Path(env["HOTBOX_BRIDGE_FLOWS"]), size.hour_s * SHORTER), daemon=True).start()
        began = time.monotonic()
        whole_s = size.cases / size.rate + 8 * size.hour_s + size.grace_s
        kills = 0
        while time.monotonic() - began < whole_s or feed.poll() is None:
            time.sleep(chance.uniform(*size.kill_every_s))
            assert work.poll() is None, "the workers' parent is gone"
            assert feed.poll() in (None, 0), "the feeder failed"
            if feed.poll() is None:
                whole_s = max(whole_s, time.monotonic() - began + 8 * size.hour_s + size.grace_s)
            if pids and time.monotonic() - began < whole_s - size.grace_s:
                os.kill(chance.choice(pids), signal.SIGKILL)
                kills += 1
            told("seconds", round(time.monotonic() - began), round(whole_s))
        # Nobody is killed any more: what is left is given time, so that late is told from lost.
        end = time.monotonic() + LEFT_S
        while (figures := _tally(env, output))["rows_left"] and time.monotonic() < end:
            told("left", figures["fires"], 3 * size.cases)
        return {"kills": kills, "workers": size.workers, **figures}
    finally:
        for process in filter(None, (feed, work)):
            process.terminate()
            process.wait(20)


def _follow(work: subprocess.Popen, pids: list[int]) -> None:
    for line in work.stdout:
        pids[:] = json.loads(line)


def _change(feed: subprocess.Popen, folder: Path, hour_s: float) -> None:
    """Once the feeder is half-way, the definition changes under it."""
    if feed.stdout.readline():
        _write_rules(folder, hour_s)


def _tally(env: dict[str, str], output: Any) -> dict[str, Any]:
    done = _start(["tally"], env, output, stdout=subprocess.PIPE)
    said, _nothing = done.communicate(timeout=300)
    assert done.returncode == 0, said
    return json.loads(said)


def problems(figures: dict[str, Any], cases: int, most_s: float) -> list[str]:
    """What is not as it must be."""
    wanted = {
        "cases": cases, "frozen": cases, "fires": 3 * cases, "fired_twice": 0, "missed": 0, "out_of_order": 0, "early": 0,
        "messages_wrong": 0, "rows_left": 0, "errors": 0, "versions": 2, "by_another_version": 0,
    }  # fmt: skip
    found = [f"{name}: expected {value}, got {figures[name]}" for name, value in wanted.items() if figures[name] != value]
    if figures.get("late_max_s", 0.0) > most_s:
        found.append(f"late_max_s: expected at most {most_s}, got {figures['late_max_s']}")
    if not figures["kills"]:
        found.append("kills: expected some, got none: it shows nothing")
    return found
