"""People with channels, and the real notify process."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.cloud_bridge.notify import wire
from tests.cloud_bridge.running import ROOT, clean_environment, until

SHANGHAI = ZoneInfo("Asia/Shanghai")
QUICK = {"retry_s": [0.1], "fall_back_s": 0.6, "give_up_s": 2.0}
NOON = int(datetime(2026, 7, 1, 12, 0, tzinfo=SHANGHAI).timestamp() * 1000)
MIDNIGHT = int(datetime(2026, 7, 2, 0, 30, tzinfo=SHANGHAI).timestamp() * 1000)
MORNING = int(datetime(2026, 7, 2, 7, 0, tzinfo=SHANGHAI).timestamp() * 1000)


@pytest.fixture
def clean(django_data):
    """Nobody was told anything, nobody has a channel."""
    from cloud_bridge.notify.book import path_of
    from cloud_bridge.notify.models import Channel, Delivery, Message, Reach, Wishes

    def wipe():
        for table in (Message, Delivery, Reach, Wishes, Channel):
            table.objects.all().delete()
        path_of(django_data).unlink(missing_ok=True)

    wipe()
    yield django_data
    wipe()


def user(name):
    from cloud_bridge.people.models import User

    return User.objects.get(username=name)


def set_book(data, **settings):
    """Write the channels file as an administrator would, whole; and let the pages know of it."""
    from cloud_bridge.datadir import write_atomically
    from cloud_bridge.notify import book, records

    text = json.dumps({"ordinary": QUICK, "emergency": QUICK} | settings)
    made = book.parse(text.encode())
    book.path_of(data).parent.mkdir(mode=0o700, exist_ok=True)
    write_atomically(book.path_of(data), text, mode=0o600)
    records.mirror(made)
    return made


def reach(name, *ways, language="zh-hans", quiet=(None, None)):
    """Somebody's channels in order: (channel, address)."""
    from cloud_bridge.notify.models import Reach, Wishes

    for position, (channel, address) in enumerate(ways, 1):
        Reach.objects.create(user=user(name), channel=channel, address=address, position=position)
    Wishes.objects.update_or_create(
        user=user(name), defaults={"language": language, "quiet_from": quiet[0], "quiet_to": quiet[1]}
    )


WAITING = {"permit": "HW-1", "hours": 2, "place": "3# 平台", "holder": {"zh-hans": "审批人", "en": "the approver"},
           "since_ms": NOON}  # fmt: skip


def tell(*names, cause="permit:HW-1:step-1", threshold="2h", emergency=False, at_ms=NOON, key="permit.waiting",
         values=None, subject="permit:HW-1", prefer=()):  # fmt: skip
    from cloud_bridge.notify import telling

    urgency = telling.Urgency.EMERGENCY if emergency else telling.Urgency.ORDINARY
    people = [user(name) for name in names]
    return telling.tell(cause, threshold, subject, people, urgency, key, values or WAITING, at_ms, prefer=prefer)


def deliveries(name=None):
    """channel, state, attempts of everything that is sent, in order."""
    from cloud_bridge.notify.models import Delivery

    rows = Delivery.objects.order_by("created_ms", "channel")
    if name:
        rows = rows.filter(user__username=name)
    return [(row.channel, row.state, row.attempts) for row in rows]


class Notifier:
    """`hotbox-bridge notify run`, as a process that can be killed."""

    def __init__(self, data, **environment):
        self.data, self.environment = data, environment
        self.output = data.root.parent / f"{data.root.name}-notify.log"
        self.process = None

    def start(self):
        alive = self.data.run / "notify.alive"
        alive.unlink(missing_ok=True)
        with self.output.open("a") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cloud_bridge.cli", "--data", str(self.data.root), "notify", "run"],
                stdout=file, stderr=subprocess.STDOUT, env=clean_environment() | self.environment, cwd=ROOT,
            )  # fmt: skip
        until(lambda: alive.exists() or self.process.poll() is not None, 30)
        assert self.process.poll() is None, self.output.read_text()
        return self

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def end(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
                raise

    def said(self):
        return self.output.read_text()


@pytest.fixture
def notifier(clean):
    """The notify process of this data directory; started by the test."""
    found = Notifier(clean)
    with contextlib.suppress(FileNotFoundError):
        found.output.unlink()
    yield found
    found.end()
    assert "Traceback" not in found.said(), found.said()
    found.output.unlink()


@pytest.fixture
def mailbox():
    with wire.mailbox() as found:
        yield found


@pytest.fixture
def receiver():
    with wire.receiver() as found:
        yield found


def mail_channel(box, **more):
    return {"kind": "mail", "url": f"mailto://127.0.0.1:{box.port}?from=hotbox@plant.example", "timeout_s": 2} | more


def hook_channel(got, **more):
    return {"kind": "webhook", "url": f"json://127.0.0.1:{got.port}/hook", "timeout_s": 2} | more


def sms_channel(got, **more):
    got.answer = lambda _r: (200, b'{"code": "0"}', {})
    return {
        "kind": "sms", "url": f"form://127.0.0.1:{got.port}/send", "fields": {"to": "{phone}", "text": "{text}"},
        "answer": {"field": "code", "equals": "0"}, "timeout_s": 2,
    } | more  # fmt: skip


def later(seconds):
    """A deadline as `until` wants none: wait so long that something that must not happen would have."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.05)
