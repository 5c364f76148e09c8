"""``python -m tests.cloud_bridge.flows.stand feed|work|tally …``: processes of the escalation test, each a real one.

They share a data directory (or a PostgreSQL database) by the environment, as the bridge's own processes do.
"""

import json
import os
import signal
import sys
import time
from collections import Counter
from datetime import timedelta
from functools import partial
from pathlib import Path

RUNGS = ("fuse.remind", "fuse.escalate", "fuse.freeze")
APPLICANT = {"identity": "shen", "name": "沈静", "office": "生产一部", "roles": ("applicant",)}
FACTS = {
    "applicant": "shen", "barred": [], "complete": True, "jsa_confirmed": True, "people_qualified": True,
    "simops_computed": True, "level_computed": True,
}  # fmt: skip


def _django() -> Path:
    from cloud_bridge.datadir import DataDir
    from cloud_bridge.prepare import prepare

    data = DataDir.from_environment()
    prepare(data)
    return data


def feed(count: int, rate: float) -> None:
    """Open permits and submit them, at most `rate` a second; then they wait for approvers who never come.

    Half-way it says so on standard output.
    """
    _django()
    from django.utils import timezone

    from cloud_bridge.flows import cases
    from cloud_bridge.flows.definition.model import By
    from cloud_bridge.flows.engine.case import Actor, Event

    applicant = Actor(**APPLICANT)
    began = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        if number == count // 2:
            print("half-way", flush=True)
        now = timezone.now()
        data = {"level": "grade_2", "starts": now.isoformat(), "ends": (now + timedelta(hours=9)).isoformat()}
        cases.begin("permit", f"DH-{number:05d}", applicant, data)
        cases.happen("permit", f"DH-{number:05d}", Event("submit", By.PERSON, applicant, facts=FACTS))


def work(count: int) -> None:
    """Run workers as `serve` does, and start each again at once when it dies; their numbers go to standard output."""
    data = _django()
    from django.db import connections

    from cloud_bridge import processes
    from cloud_bridge.enrolment import deliveries  # noqa: F401 - loaded once, before the workers fork
    from cloud_bridge.flows import worker  # noqa: F401
    from cloud_bridge.insight import follower  # noqa: F401
    from cloud_bridge.permits import delivery  # noqa: F401
    from cloud_bridge.process import Broker
    from cloud_bridge.supervisor import Child, free_port
    from cloud_bridge.video import expiry  # noqa: F401

    connections.close_all()
    nobody = Broker("127.0.0.1", free_port())
    children = [Child(f"worker-{number}", partial(processes.worker, data, nobody)) for number in range(count)]
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    for child in children:
        child.start()
    told = []
    while not stopping:
        for child in children:
            if child.ended():
                child.start()
        pids = [child.pid for child in children]
        if pids != told:
            print(json.dumps(pids), flush=True)
            told = pids
        time.sleep(0.01)
    for child in children:
        os.kill(child.pid, signal.SIGTERM)
    for child in children:
        child.end(time.monotonic() + 5)


def tally() -> None:
    """What fired, how late, and what does not add up; as JSON."""
    _django()
    from cloud_bridge.flows.models import Case, Deadline, Fate, History, Outbox, Version

    rows = list(History.objects.filter(via__in=RUNGS).values_list("case__subject", "via", "at", "due", "rev"))
    late = sorted((at - due).total_seconds() for _subject, _via, at, due, _rev in rows)
    fires = Counter((subject, via) for subject, via, *_rest in rows)
    order = {subject: [] for subject, *_rest in rows}
    for subject, via, _at, _due, _rev in sorted(rows, key=lambda row: (row[0], row[4])):
        order[subject].append(via)
    messages = Counter(Outbox.objects.filter(kind="notify").values_list("case__subject", flat=True))
    cases = list(Case.objects.values_list("subject", "state"))
    lengths = {row.pk: _lengths(row) for row in Version.objects.all()}
    submitted = dict(History.objects.filter(via="submit").values_list("case__subject", "at"))
    version_of = dict(Case.objects.values_list("subject", "version_id"))
    figures = {
        "versions": len(lengths),
        "by_another_version": sum(
            abs((due - submitted[subject]).total_seconds() - lengths[version_of[subject]][via]) > 0.001
            for subject, via, _at, due, _rev in rows
        ),
        "cases": len(cases),
        "frozen": sum(state == "frozen" for _subject, state in cases),
        "fires": len(rows),
        "fired_twice": sum(count - 1 for count in fires.values()),
        "missed": sum(1 for subject, _state in cases for rung in RUNGS if (subject, rung) not in fires),
        "out_of_order": sum(tuple(seen) != RUNGS[: len(seen)] for seen in order.values()),
        "early": sum(seconds < 0 for seconds in late),
        # One for the submission, one for each rung: no message was lost, none is double.
        "messages_wrong": sum(messages[subject] != 4 for subject, _state in cases),
        "rows_left": Deadline.objects.filter(fate=Fate.WAITS, name__startswith="fuse.").count(),
        "errors": Deadline.objects.exclude(error="").count(),
    }
    if late:
        figures |= {
            "late_p50_s": round(late[len(late) // 2], 3),
            "late_p99_s": round(late[int(len(late) * 0.99)], 3),
            "late_max_s": round(late[-1], 3),
        }
    print(json.dumps(figures))


def _lengths(version) -> dict[str, float]:
    """How long after the submission each rung is due, in seconds, by the text of a version."""
    from cloud_bridge.flows import versions
    from cloud_bridge.flows.definition import durations

    rungs = versions.pinned(version.pk).definition.ladders["fuse"].rungs
    return {f"fuse.{name}": durations.parse(rung.after["total"]).total_seconds() for name, rung in rungs.items()}


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["feed", many, rate]:
            feed(int(many), float(rate))
        case ["work", many]:
            work(int(many))
        case ["tally"]:
            tally()
        case other:
            raise SystemExit(f"expected feed N RATE, work N or tally, got {other}")
