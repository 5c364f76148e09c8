"""The child that sees strangers' pictures is believed in nothing, and has nothing to take."""

import asyncio
import os
import subprocess
import sys
import time

import msgspec
import numpy as np
import pytest

from contracts.errors import ContractError
from tests.cloud_bridge.enrolling import template_of
from tests.cloud_bridge.running import ROOT, clean_environment

ASKED = b"a picture"


@pytest.fixture
def child(django_data, tmp_path, monkeypatch):
    """Ask another program in the child's place: child("import sys; …"), what the parent makes of it."""
    from cloud_bridge.enrolment import enrolling, wire

    def ask(program):
        place = tmp_path / "child"
        place.write_text(f"#!{sys.executable}\nimport os, sys, time\nout = sys.stdout.buffer\n{program}\n")
        place.chmod(0o700)
        monkeypatch.setattr(enrolling.sys, "executable", str(place))
        return asyncio.run(enrolling.measure(wire.Measure("performer", int(time.time()), (ASKED,))))

    return ask


def test_an_answer_comes_through(child):
    """The control: what the other programs say wrong, this one says right."""
    answer = child(
        "from cloud_bridge.enrolment import wire\n"
        "asked = wire.unpacked(sys.stdin.buffer.read()[4:], wire.Measure)\n"
        "out.write(wire.packed(wire.Answer(ok=False, why=asked.person, zh='不', en=asked.stills[0].decode())))"
    )
    assert (answer.ok, answer.why, answer.en) == (False, "performer", ASKED.decode())


@pytest.mark.parametrize(
    "program",
    [
        "sys.exit(1)",
        "out.write(b'')",
        "out.write((2**31).to_bytes(4)); out.flush()\nwhile True: out.write(bytes(1 << 20))",
        "out.write((4).to_bytes(4) + b'\\xff\\xff\\xff\\xff')",
        "out.write((9).to_bytes(4) + b'\\x81\\xa1a\\x91\\x91\\x91\\x91\\x91\\x91')",
        "out.write((9).to_bytes(4) + b'\\x82\\xa2ok\\xc2\\xa2zh\\xa1'[:9])",
        "out.write((5).to_bytes(4) + b'\\x81\\xa2ok\\xc2' + b'more than it said')",
        "out.write((100).to_bytes(4) + b'ends before')",
        "out.write((5).to_bytes(4) + b'\\x81\\xa2ok\\xc2'); out.flush(); os.kill(os.getpid(), 9)",
    ],
    ids=["fails", "silent", "endless", "no message", "nested", "half", "more", "short", "killed"],
)
def test_whatever_else_it_says_is_a_failure_in_words(child, program):
    answer = child(program)
    assert (answer.ok, answer.why, bool(answer.zh and answer.en)) == (False, "failed", True)


def test_a_child_that_hangs_is_ended(child, monkeypatch, tmp_path):
    from cloud_bridge.enrolment import enrolling

    monkeypatch.setattr(enrolling, "PATIENCE_S", 5.0)
    said = tmp_path / "number"
    answer = child(f"open({str(said)!r}, 'w').write(str(os.getpid()))\nsys.stdin.buffer.read()\ntime.sleep(600)")
    assert answer.why == "failed"
    with pytest.raises(ProcessLookupError):
        os.kill(int(said.read_text()), 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"person": "guardian"}, {"permit": "HW-1"}, {"expires": 2_000_000_000}, {"created": 4_000_000_000}, {"version": 1},
        {"vectors": (b"\0" * 512, b"\0" * 512, b"\0" * 516)},
        {"vectors": (np.full(128, np.nan, "<f4").tobytes(),) * 3},
    ],
    ids=lambda changes: next(iter(changes)),
)  # fmt: skip
def test_a_template_that_is_not_what_was_asked_for_is_not_kept(django_data, changes):
    """BOX-03: a picture that took the child over enrols nobody as somebody else."""
    from cloud_bridge.enrolment import enrolling, wire

    made = msgspec.structs.replace(template_of("performer"), **changes)
    with pytest.raises(ContractError):
        enrolling.template_in(wire.Answer(ok=True, template=msgspec.json.encode(made)), "performer")


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", b'{"person":"\xff"}', b"[" * 5000])
def test_what_is_no_template_is_refused(django_data, body):
    from cloud_bridge.enrolment import enrolling, wire

    with pytest.raises(ContractError):
        enrolling.template_in(wire.Answer(ok=True, template=body), "performer")
    whole = msgspec.json.encode(template_of("performer"))
    assert enrolling.template_in(wire.Answer(ok=True, template=whole), "performer") == template_of("performer")


def test_once_its_engine_is_loaded_the_child_opens_nothing_any_more(tmp_path):
    """Neither the templates' key nor a line to anybody, and it starts no process."""
    secret = tmp_path / "template.key"
    secret.write_text("secret")
    code = (
        "import os, socket, sys; from cloud_bridge.enrolment import measure; measure.confine()\n"
        "print(open(sys.argv[1]).read())\n"
        "measure.shut()\n"
        "for act in (lambda: open(sys.argv[1]), socket.socket, os.pipe):\n"
        "    try: act(); print('opened')\n"
        "    except OSError as error: print(error.errno)\n"
        "os.close(0)\n"
        "try: open(sys.argv[1]); print('opened in the place of another')\n"
        "except OSError as error: print(error.errno)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(secret)], capture_output=True, text=True, cwd=ROOT, env=clean_environment(),
        check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["secret", "24", "24", "24", "24"], done.stderr


READS_ITS_PARENT = """
import ctypes, os, sys
from cloud_bridge import process, processes
from cloud_bridge.enrolment.measure import confine, shut

libc = ctypes.CDLL(None, use_errno=True)
key = ctypes.create_string_buffer(b"the key of templates")
parent = os.getpid()
if os.getuid() == 0:  # as a service runs: a user of its own, to whom the kernel lets its own processes be read
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
libc.prctl(4, 1, 0, 0, 0)
libc.prctl(0x59616D61, -1, 0, 0, 0)  # where Yama says otherwise


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


async def work():
    child = os.fork()
    if not child:
        confine(); shut()
        here = ctypes.create_string_buffer(20)
        ours, theirs = Vector(ctypes.addressof(here), 20), Vector(ctypes.addressof(key), 20)
        read = libc.process_vm_readv(parent, ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0)
        wrote = libc.process_vm_writev(parent, ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0)
        os.write(1, b"%d %d %s" % (read, wrote, here.raw))
        os._exit(0)
    os.waitpid(child, 0)

if sys.argv[1] == "open":
    processes.keep_memory_private = lambda: None
processes._run(work())
"""


def _read_by_its_child(how):
    command = (sys.executable, "-c", READS_ITS_PARENT, how)
    done = subprocess.run(command, capture_output=True, timeout=60, env=clean_environment(), cwd=ROOT, check=True)
    return done.stdout


def test_whoever_takes_the_child_over_reads_nothing_of_the_process_that_holds_the_keys():
    """They have one user; the kernel keeps them apart because the bridge's processes ask for it."""
    assert _read_by_its_child("private").startswith(b"-1 -1 ")


def test_a_process_that_did_not_ask_for_it_would_be_read():
    """Negative control: the child reads what it can."""
    assert b"the key of templates" in _read_by_its_child("open")
