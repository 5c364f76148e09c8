"""The real bridge as its own processes, and people who use it over HTTP."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from contracts.checkpoint import NoteKey
from tests.cloud_bridge.box_side import BoxLog

ROOT = Path(__file__).parents[2]
UP_S = 45
CHANGE_PASSWORD = "/accounts/password/change/"
PASSWORD = "correct horse battery staple"


@dataclass
class Bridge:
    """A running bridge."""

    data: Path
    url: str
    host: str
    port: int
    process: subprocess.Popen
    output: Path

    @property
    def witness(self) -> NoteKey:
        return NoteKey.parse((self.data / "public" / "witness.vkey").read_text())

    def cli(self, *words: str, code: int = 0, text: str | None = None) -> str:
        done = run_cli(self.data, *words, text=text)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def add_box(self, log: BoxLog, **options: str) -> None:
        self.cli(
            "box", "add", log.box, "--vkey", log.vkey, *(word for k, v in options.items() for word in (f"--{k}", v))
        )

    def add_boxes(self, logs: list[BoxLog]) -> None:
        """Many boxes by one command."""
        calls = "; ".join(f"register({log.box!r}, {log.vkey!r})" for log in logs)
        self.cli("manage", "shell", "--no-imports", "-c", f"from cloud_bridge.boxes.registry import register; {calls}")

    def visitor(self, user: str, password: str = PASSWORD) -> "Visitor":
        visitor = Visitor(self.url)
        visitor.sign_in(user, password)
        return visitor


def run_cli(data: Path, *words: str, text: str | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "cloud_bridge.cli", "--data", str(data), *words],
        input=text,
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
        env=clean_environment(),
        cwd=ROOT,
    )


def clean_environment() -> dict[str, str]:
    """Ours, without what another test may have set for Django in this process."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("HOTBOX_", "DJANGO_"))}


@contextlib.contextmanager
def running(data: Path, *options: str):
    """`hotbox-bridge serve` on free ports, ended with everything it started."""
    output = data.parent / f"{data.name}.log"
    with output.open("a") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "cloud_bridge.cli", "--data", str(data), "serve", "--port", "0", *options],
            stdout=file,
            stderr=subprocess.STDOUT,
            env=clean_environment(),
            cwd=ROOT,
        )
    try:
        known = wait_until_up(data, process, output)
        yield Bridge(data, known["url"], known["broker"]["host"], known["broker"]["port"], process, output)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_up(data: Path, process: subprocess.Popen, output: Path) -> dict:
    deadline = time.monotonic() + UP_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError):
            known = json.loads((data / "bridge.json").read_text())
            if known["pid"] == process.pid:
                return known
        assert process.poll() is None, output.read_text()
        time.sleep(0.05)
    raise AssertionError(f"the bridge is not up\n{output.read_text()}")


class Visitor:
    """Somebody with a browser: follows redirects, sends the form's token, keeps cookies."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, follow_redirects=True, timeout=20)

    def get(self, path: str, code: int = 200) -> str:
        answer = self.http.get(path)
        assert answer.status_code == code, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer.text

    def json(self, path: str):
        return json.loads(self.get(path))

    def post(self, path: str, fields: dict[str, str], code: int = 200, page: str | None = None) -> httpx.Response:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(page or path))
        assert token, f"no form on {page or path}"
        answer = self.http.post(
            path, data=fields | {"csrfmiddlewaretoken": token[1]}, headers={"Referer": str(self.http.base_url)}
        )
        assert answer.status_code == code, f"{path}: {answer.status_code} {answer.text[:3000]}"
        return answer

    def sign_in(self, user: str, password: str) -> None:
        answer = self.post("/accounts/login/", {"login": user, "password": password})
        assert answer.url.path in ("/", CHANGE_PASSWORD), answer.text

    def apply(self, box: str, hours: float = 2, **changes: str) -> str:
        """Fill in and submit the application; the permit's number."""
        now = datetime.now().astimezone()
        fields = {
            "box": box,
            "level": "grade_2",
            "place": "3# 反应釜平台",
            "content": "更换法兰，焊接",
            "method": "焊条电弧焊",
            "starts": now.isoformat(timespec="seconds"),
            "ends": (now + timedelta(hours=hours)).isoformat(timespec="seconds"),
            "performer": "performer",
            "guardian": "guardian",
            "action": "submit",
        }
        answer = self.post("/permits/new", fields | changes)
        return answer.url.path.split("/")[2]

    def approve(self, jti: str, code: int = 200, password: str = PASSWORD) -> httpx.Response:
        page = self.get(f"/permits/{jti}/")
        shown = re.search(r'name="content_sha256" value="([0-9a-f]{64})"', page)
        assert shown, page
        fields = {"decision": "approve", "content_sha256": shown[1], "password": password}
        return self.post(f"/permits/{jti}/decide", fields, code, page=f"/permits/{jti}/")


def until(look, deadline_s: float = 15, every_s: float = 0.05):
    """What `look` returns once it is true."""
    deadline = time.monotonic() + deadline_s
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"never true: {look}"
        time.sleep(every_s)
