"""The check at the end of every test run (tests/conftest.py) finds what it looks for."""

import os
import socket
import subprocess
import sys

import pytest

from tests import leftovers

WAIT = "import sys; print('up', flush=True); sys.stdin.read()"


@pytest.fixture
def process():
    with subprocess.Popen([sys.executable, "-c", WAIT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdout.readline() == b"up\n"
        yield started
        started.communicate()


@pytest.fixture
def line():
    return f"{leftovers.MARK}={os.environ[leftovers.MARK]}"


def test_a_process_that_still_runs_is_found(process, line):
    assert any(each.startswith(f"process {process.pid} ") for each in leftovers.left(line, grace_s=0))


def test_an_orphan_is_found_by_what_it_inherited(line):
    """Whoever started it is gone, so it is nobody's child here."""
    start = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {WAIT!r}])"
    with subprocess.Popen([sys.executable, "-c", start], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == b"up\n"
        parent.wait()
        assert any(WAIT in each for each in leftovers.processes_with(line))
        assert not any(WAIT in each for each in leftovers.children())
        parent.stdin.close()


def test_a_listening_socket_is_found_until_it_is_closed():
    before = leftovers.listening()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = f"{server.getsockname()[1]:04X}"
        assert [each for each in leftovers.listening() if each not in before] == [f"0100007F:{port}"]
    assert leftovers.listening() == before
