"""One data directory for Django in this process, one real bridge for everything that needs processes."""

import contextlib
import logging
import os
import sys
import tempfile
from pathlib import Path

import pytest

from tests.cloud_bridge.running import PASSWORD, Bridge, running

PEOPLE = (("performer", "张伟", 1001), ("guardian", "李娜", 1002), ("leader", "王强", 1003))
USERS = (
    ("shen", "applicant", "申请人 沈静", "生产一部"),
    ("fang", "approver", "审批人 方敏", "安全环保部"),
    ("zhou", "approver", "审批人 周立", "生产部"),
    ("gu", "approver", "审批人 顾青", "安全环保部"),
    ("an", "safety_officer", "安全员 安然", "安全环保部"),
)


def forbid_opening(database: Path) -> None:
    """Make `open` refuse this database's files in this process, for good.

    Whoever closes such a file takes away the locks that SQLite holds on it in the same process (sqlite.org/howtocorrupt,
    2.2): the next process that ends then removes the journal, and what this one writes is seen by nobody any more.
    """

    def watch(event: str, arguments: tuple) -> None:
        if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            opened = Path(os.fsdecode(arguments[0]))
            if opened.parent == database.parent and opened.name.startswith(database.name):
                raise AssertionError(f"{opened}: read it in another process, such as cat, or by SQLite")

    sys.addaudithook(watch)


@pytest.fixture(scope="session")
def django_data():
    """Django, set up in this process on a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="hotbox-django-") as folder:
        before = dict(os.environ)
        from cloud_bridge.datadir import DataDir
        from cloud_bridge.prepare import prepare

        data = DataDir(Path(folder))
        prepare(data)
        forbid_opening(data.database)
        # Django's handler writes to the stream that this test's capture will close.
        logging.getLogger().handlers[:] = [
            h for h in logging.getLogger().handlers if type(h) is not logging.StreamHandler
        ]
        people_and_users()
        yield data
        from django.db import connections

        connections.close_all()
        for name in ("HOTBOX_BRIDGE_DATA", "DJANGO_SETTINGS_MODULE"):
            if name not in before:
                os.environ.pop(name, None)


def people_and_users() -> None:
    """People and users of the story, in a Django that is set up."""
    from django.contrib.auth.hashers import make_password
    from django.contrib.auth.models import Group

    from cloud_bridge.people.models import Person, User

    for code, name, badge in PEOPLE:
        Person.objects.create(code=code, name=name, badge=badge)
    secret = make_password(PASSWORD)
    for name, role, display, office in (*USERS, ("root", "admin", "管理员", "IT"), ("nobody", "", "访客", "")):
        user = User.objects.create(
            username=name, display_name=display, office=office, password=secret, is_staff=role == "admin"
        )
        user.groups.set(Group.objects.filter(name=role))


def furnish(bridge: Bridge) -> None:
    """The same in a running bridge, by one command."""
    bridge.cli(
        "manage",
        "shell",
        "--no-imports",
        "-c",
        "from tests.cloud_bridge.conftest import people_and_users; people_and_users()",
    )


_SHARED = pytest.StashKey[Bridge]()


def shared_bridge(request: pytest.FixtureRequest) -> Bridge:
    """One real bridge with its embedded broker for the whole run, ended with it."""
    config = request.config
    if _SHARED not in config.stash:
        folder = tempfile.TemporaryDirectory(prefix="hotbox-bridge-")
        stack = contextlib.ExitStack()
        stack.enter_context(folder)
        config.add_cleanup(stack.close)
        config.stash[_SHARED] = stack.enter_context(running(Path(folder.name) / "data"))
        furnish(config.stash[_SHARED])
    return config.stash[_SHARED]


@pytest.fixture(scope="session")
def bridge(request: pytest.FixtureRequest):
    """The real bridge."""
    return shared_bridge(request)


@pytest.fixture(scope="session")
def cli(django_data):
    """Commands in this process: what they print, after checking their exit code."""
    from typer.testing import CliRunner

    from cloud_bridge.cli import app

    def run(*words: str, code: int = 0, text: str | None = None) -> str:
        done = CliRunner().invoke(app, ["--data", str(django_data.root), *words], input=text)
        assert done.exit_code == code, f"{words}: {done.exit_code}\n{done.output}\n{done.exception!r}"
        return done.output

    return run
