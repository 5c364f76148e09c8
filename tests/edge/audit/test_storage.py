"""The log's storage: it warns, it refuses a new release, it never ends one, and it counts what it writes (ANT-10, BOX-05)."""

import os
import re
import sqlite3
import threading
from pathlib import Path

import pytest

from contracts.event import Event, Severity
from edge.audit import storage, upkeep
from edge.audit.ledger import Ledger
from edge.audit.storage import Fill, Space, Storage, judge, own_bytes
from edge.audit.upkeep import Upkeep
from tests.edge.audit.site import Station, append_all, draft, until

MIB = 2**20
ROOMY = {"fs_free": 10**12, "fs_total": 10**12}
BIG_DISK = 10**10


@pytest.mark.parametrize(
    ("used", "before", "after"),
    [
        (8999, Fill.WELL, Fill.WELL),
        (9000, Fill.WELL, Fill.WARN),
        (9499, Fill.WELL, Fill.WARN),
        (9500, Fill.WELL, Fill.STOP),
        (12_000, Fill.WELL, Fill.STOP),
        (8800, Fill.WARN, Fill.WARN),
        (8799, Fill.WARN, Fill.WELL),
        (9500, Fill.WARN, Fill.STOP),
        (9300, Fill.STOP, Fill.STOP),
        (9299, Fill.STOP, Fill.WARN),
        (8799, Fill.STOP, Fill.WELL),
    ],
)
def test_ninety_per_cent_warn_ninety_five_stop_and_two_below_each_is_well_again(used: int, before: Fill, after: Fill) -> None:
    """At the limit and one byte to each side."""
    assert judge(Space(used, 10_000, **ROOMY), before) is after


@pytest.mark.parametrize(
    ("fs_total", "fs_free", "after"),
    [
        (BIG_DISK, 128 * MIB, Fill.WELL),
        (BIG_DISK, 128 * MIB - 1, Fill.WARN),
        (BIG_DISK, 64 * MIB, Fill.WARN),
        (BIG_DISK, 64 * MIB - 1, Fill.STOP),
        (20_000, 2000, Fill.WELL),
        (20_000, 1999, Fill.WARN),
        (20_000, 1000, Fill.WARN),
        (20_000, 999, Fill.STOP),
    ],
)
def test_a_disk_that_others_fill_counts_like_a_log_that_is_full(fs_total: int, fs_free: int, after: Fill) -> None:
    """64 MiB of a large disk, a twentieth of a small one."""
    assert judge(Space(0, 10_000, fs_free, fs_total), Fill.WELL) is after


class Stage:
    """An upkeep whose file is as large as the test says."""

    def __init__(self, folder: Path) -> None:
        self.file_bytes = 0
        self.upkeep = Upkeep(Storage(folder, 10_000), self, 90)

    def used(self) -> int:
        """As a ledger says it."""
        return self.file_bytes

    def look(self, used: int) -> list[str]:
        self.file_bytes = used
        return [said[0] for said in self.upkeep.look()]


def test_each_level_is_told_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    assert [stage.look(used) for used in (0, 9000, 9400, 8900, 9500, 9400, 9200, 100, 0)] == [
        [], ["storage.warning"], [], [], ["storage.full"], [], ["storage.warning"], ["storage.well"], [],
    ]  # fmt: skip


def test_what_is_told_names_the_sizes_and_how_bad_it_is(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.file_bytes = 9500
    ((kind, sev, data),) = stage.upkeep.look()
    assert (kind, sev) == ("storage.full", Severity.ALARM)
    assert (data["used"], data["budget"]) == (9500, 10_000)
    assert data["fs_total"] >= data["fs_free"] > 0


def test_a_filesystem_that_does_not_answer_is_a_full_one(tmp_path: Path) -> None:
    """Unknown is no."""
    folder = tmp_path / "gone"
    folder.mkdir()
    stage = Stage(folder)
    assert stage.look(0) == []
    (folder / "audit.reserve").unlink()
    folder.rmdir()
    assert stage.look(0) == ["storage.full"]
    assert stage.upkeep.fill is Fill.STOP


def test_what_was_written_is_told_every_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path)
    started = upkeep.time.monotonic()
    for after, told in ((3599, []), (3601, ["storage.health"]), (3700, []), (7202, ["storage.health"])):
        monkeypatch.setattr(upkeep.time, "monotonic", lambda after=after: started + after)
        assert stage.look(0) == told


def test_own_writes_are_what_the_kernel_counts(tmp_path: Path) -> None:
    """Within 5 per cent of what was written, the file's own bookkeeping included; a disk in memory wears out nothing."""
    before = own_bytes()
    with (tmp_path / "file").open("wb", buffering=0) as file:
        file.write(b"x" * 8 * MIB)
    written = own_bytes() - before
    counted = Path("/proc/self/io").read_text()
    assert int(re.search(r"^write_bytes: (\d+)", counted, re.MULTILINE)[1]) >= own_bytes() > 0
    on_a_disk = Path(f"/sys/dev/block/{os.major(tmp_path.stat().st_dev)}:{os.minor(tmp_path.stat().st_dev)}").exists()
    assert written <= 8 * MIB * 1.05
    assert written >= 8 * MIB or not on_a_disk


def test_the_device_below_the_log_is_counted_where_the_kernel_counts_it(tmp_path: Path) -> None:
    number = tmp_path.stat().st_dev
    there = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat").exists()
    wear = Storage(tmp_path, 1).wear()
    assert (wear.device > 0) is there
    assert wear.own == own_bytes()


def test_an_emmcs_own_estimate_is_read_for_a_partition_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = tmp_path / "mmcblk0"
    for folder in (disk / "device", disk / "mmcblk0p2"):
        folder.mkdir(parents=True)
    (disk / "device" / "life_time").write_text("0x01 0x0b\n")
    (disk / "device" / "pre_eol_info").write_text("0x02\n")
    (disk / "mmcblk0p2" / "stat").write_text("1 2 3 4 5 6 7 8 9 10 11\n")
    kept = Storage(tmp_path, 1)
    monkeypatch.setattr(kept, "_device", disk / "mmcblk0p2")
    assert (kept.wear().life, kept.wear().device) == ((1, 11, 2), 7 * 512)


def test_a_little_is_held_back_and_given_when_the_disk_is_full(tmp_path: Path) -> None:
    reserve = tmp_path / "audit.reserve"
    kept = Storage(tmp_path, 10_000)
    kept.keep_reserve(Space(8500, 10_000, **ROOMY))
    assert not reserve.exists(), "not when there is little left"
    kept.keep_reserve(Space(8499, 10_000, **ROOMY))
    assert reserve.stat().st_blocks * 512 >= storage.RESERVE_BYTES
    kept.give_reserve()
    assert not reserve.exists()
    kept.give_reserve()


def _told(station: Station) -> list[Event]:
    reader = station.reader()
    try:
        return [event for event in reader.events(0, 10**5) if event.type.startswith("storage.")]
    finally:
        reader.close()


def _grown(station: Station, mib: int) -> None:
    log = station.open()
    append_all(log, [draft({"text": "x" * 6000}) for _ in range(mib * 150)])
    log.close()


def test_a_log_at_its_budget_says_so_and_goes_on_recording(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """ANT-10: what refuses a new release does not end the recording of the one that runs."""
    monkeypatch.setattr(upkeep, "LOOK_S", 0.02)
    log = station.open(budget_mib=2)
    assert (log.health().full, log.health().budget) == ("", 2 * MIB)
    append_all(log, [draft({"text": "x" * 6000}) for _ in range(400)])
    until(lambda: log.health().full == "stop", "it never noticed")
    assert log.health().bytes > 2 * MIB * 0.95
    assert log.health().written_bytes > 0
    append_all(log, [draft()])
    assert log.health().writable
    until(lambda: _told(station) and _told(station)[-1].type == "storage.full", "it is not recorded")
    log.close()


def test_a_log_that_is_full_at_its_start_refuses_from_the_first_moment(station: Station) -> None:
    _grown(station, 2)
    log = station.open(budget_mib=2)
    assert log.health().full == "stop"
    log.close()
    (event,) = _told(station)
    assert (event.type, event.cat.value) == ("storage.full", "system")
    log = station.open(budget_mib=64)
    assert log.health().full == ""
    log.close()


def test_a_write_that_fails_gives_back_what_was_held(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the state file and the next start's own records fit."""
    log = station.open()
    reserve = station.path.with_name("audit.reserve")
    assert reserve.exists()
    failed = threading.Event()

    def fails(ledger: Ledger) -> dict[int, bytes]:
        failed.set()
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Ledger, "commit", fails)
    log.append(draft(sev=Severity.ALARM))
    assert failed.wait(8)
    until(lambda: not reserve.exists(), "it is held for ever")
    assert not log.close()
