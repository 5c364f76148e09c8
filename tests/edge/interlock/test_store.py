"""The state file: durable before it is said, whole or not at all."""

import threading
from pathlib import Path

import msgspec
import pytest

from edge.interlock.state import DamagedStateError, Durable, Mode, Reason, decode, encode
from edge.interlock.store import StateStore
from tests.edge.interlock.bench import Bench, permit

DEADLINE_S = 10.0


def _saved(path: Path, durable: Durable) -> None:
    store = StateStore(path)
    done = threading.Event()
    store.save(durable, done.set)
    assert done.wait(DEADLINE_S)
    store.close()


def _some_states() -> list[Durable]:
    bench = Bench()
    states = [bench.durable]
    bench.prepare(permit())
    states.append(bench.durable)
    bench.arm()
    states.append(bench.durable)
    bench.acknowledge()
    bench.gas["ch4-1"].value = 40.0
    bench.step()
    states.append(bench.durable)
    return states


@pytest.mark.parametrize("durable", _some_states(), ids=lambda d: d.mode.value)
def test_every_state_comes_back_as_it_was(durable: Durable) -> None:
    assert decode(encode(durable)) == durable


def test_the_file_holds_the_state_when_the_store_says_so(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "state.json"
    store = StateStore(path)
    seen: list[Durable | None] = []
    done = threading.Event()

    def look() -> None:
        seen.append(decode(path.read_bytes()))
        done.set()

    state = Durable(boot_id="b", mode=Mode.TRIPPED, first_out=Reason("gas_high", "ch4-1", 1, 2, "%LEL"))
    store.save(state, look)
    assert done.wait(DEADLINE_S)
    store.close()
    assert seen == [state]
    assert [name.name for name in path.parent.iterdir()] == ["state.json"], "no temporary file is left"
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_newest_state_wins_and_every_acknowledgement_comes(tmp_path: Path) -> None:
    store = StateStore(tmp_path / "state.json")
    told: list[int] = []
    for attempt in range(200):
        store.save(Durable(boot_id="b", attempt=attempt), lambda attempt=attempt: told.append(attempt))
    store.close()
    assert told == list(range(200))
    assert decode((tmp_path / "state.json").read_bytes()).attempt == 199


def test_closing_writes_what_waits(tmp_path: Path) -> None:
    store = StateStore(tmp_path / "state.json")
    store.save(Durable(boot_id="last"))
    store.close()
    assert decode((tmp_path / "state.json").read_bytes()).boot_id == "last"


def test_the_first_state_is_on_disk_before_anything_else_happens(tmp_path: Path) -> None:
    """A box that dies in its first second comes back as new, not as one that lost its state."""
    store = StateStore(tmp_path / "state.json")
    store.begin(Durable(boot_id="b"))
    assert store.load() == (Durable(boot_id="b"), True)
    store.close()


def test_no_file_is_not_a_damaged_file(tmp_path: Path) -> None:
    store = StateStore(tmp_path / "state.json")
    assert store.load() == (None, False)
    store.close()


GOOD = encode(Durable(boot_id="b", mode=Mode.TRIPPED, first_out=Reason("gas_high")))


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"{}\n", b"null", GOOD[:-30], GOOD[: len(GOOD) // 2], GOOD.replace(b"TRIPPED", b"LOCKED"),
     GOOD.replace(b"gas_high", b"gas_\xff\xfeig"), b"\xff" * 100, b"\0" * 500, GOOD.replace(b'"attempt":0', b'"attempt":1'),
     b"[" * 100_000],
)  # fmt: skip
def test_a_damaged_file_is_kept_aside_and_counts_as_unknown(tmp_path: Path, body: bytes) -> None:
    """An unknown state starts TRIPPED: `{}` is not a locked box, and a flipped bit is not a state."""
    path = tmp_path / "state.json"
    path.write_bytes(body)
    store = StateStore(path)
    assert store.load() == (None, True)
    store.close()
    assert not path.exists()
    assert path.with_suffix(".bad").read_bytes() == body


@pytest.mark.parametrize("position", range(0, len(GOOD), 37))
def test_one_flipped_bit_is_found(position: int) -> None:
    body = bytearray(GOOD)
    body[position] ^= 0x01
    with pytest.raises(DamagedStateError):
        decode(bytes(body))


def test_a_wrong_content_with_a_right_seal_is_damaged_too() -> None:
    from hashlib import sha256

    body = msgspec.json.encode({"mode": "OPEN"})
    with pytest.raises(DamagedStateError):
        decode(b"%b\n%b\n" % (body, sha256(body).hexdigest().encode()))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_after_a_failed_write_nothing_is_acknowledged_any_more(tmp_path: Path) -> None:
    """A full disk: `failed` says so and stays, although the next write works."""
    path = tmp_path / "state.json"
    _saved(path, Durable(boot_id="old"))
    store = StateStore(path)
    path.with_suffix(".new").symlink_to("/dev/full")
    told: list[str] = []
    store.save(Durable(boot_id="lost"), lambda: told.append("lost"))
    for _ in range(1000):
        if store.failed:
            break
        threading.Event().wait(0.01)
    assert "No space left" in store.failed
    assert decode(path.read_bytes()).boot_id == "old", "the old state is still whole"
    path.with_suffix(".new").unlink()
    store.save(Durable(boot_id="new"), lambda: told.append("new"))
    store.close()
    assert told == []
    assert store.failed
    assert decode(path.read_bytes()).boot_id == "new", "a latch on a doubtful disk is better than none"


def test_a_caller_whose_loop_is_gone_does_not_end_the_writer(tmp_path: Path) -> None:
    def gone() -> None:
        raise RuntimeError("Event loop is closed")

    store = StateStore(tmp_path / "state.json")
    store.save(Durable(boot_id="one"), gone)
    done = threading.Event()
    store.save(Durable(boot_id="two"), done.set)
    assert done.wait(DEADLINE_S)
    store.close()
    assert store.failed == ""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_ends_for_whatever_reason_is_a_doubtful_disk(tmp_path: Path) -> None:
    """Nothing is written any more, so the log's health must say so and end any release."""

    def broken() -> None:
        raise ValueError("a defect of whoever asked to be told")

    store = StateStore(tmp_path / "state.json")
    store.save(Durable(boot_id="one"), broken)
    store._thread.join(DEADLINE_S)
    assert store.failed == "the writer thread ended"
    store.close()
