"""Whenever the power goes: no acknowledged event is lost, and the log that is found verifies (BOX-05, ANT-09).

A recorded stretch of the log's life is cut after every single step that reaches the disk, and each disk that the cut
could leave is opened by the box's own start. `make soak ARGS="cuts"` looks at all of them.
"""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from edge.audit import keys, recovery
from edge.audit.recovery import Owner, Predecessor
from tests.edge.audit.crash.cutting import CONTROLS, control, cut_everywhere, scratch
from tests.edge.audit.crash.disk import (
    Link,
    Medium,
    Recording,
    Rename,
    Resize,
    Step,
    Sync,
    SyncNames,
    Told,
    Unlink,
    Write,
    cuts,
)
from tests.edge.audit.crash.scenes import SCENES, record

SHARE = 0.7
ALL = 3000
AT_LEAST = dict.fromkeys(SCENES, 260) | {
    "decisions of several leaves": 600, "the first key": 170, "putting a bad log aside": 110,
    "again during the start after a cut": 75,
}  # fmt: skip
"""Different disks of each scene."""
CONTROL_SHARE = 0.1


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch() as path:
        yield path


def test_enough_disks_are_looked_at() -> None:
    assert sum(AT_LEAST.values()) >= ALL


@pytest.mark.parametrize("scene", SCENES)
def test_no_cut_loses_an_acknowledged_event(scene: str, folder: Path) -> None:
    """BOX-05."""
    found = cut_everywhere(record(scene, folder / "set"), folder / "disk", 1, share=SHARE)
    assert not found.bad, "\n".join(found.examples)
    assert found.states >= AT_LEAST[scene]


@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_notices_a_disk_that_never_syncs(scene: str, folder: Path) -> None:
    """Negative controls: a harness that cannot fail proves nothing."""
    film = record(scene, folder / "set")
    assert cut_everywhere(film, folder / "disk", 1, share=CONTROL_SHARE, lies=lambda _: True, enough=1).bad


def test_a_key_whose_folder_is_not_synced_is_found_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(keys, "sync_directory", lambda _: None)
        film = record("the first key", folder / "set")
    assert cut_everywhere(film, folder / "disk", 1, enough=1).bad


def test_a_key_that_is_overwritten_before_the_next_one_has_its_name_is_found_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = keys.sync_directory
    with monkeypatch.context() as patch:
        # The folder is synced for the prepared key, never after it took the old one's name.
        patch.setattr(keys, "sync_directory", lambda path: real(path) if (path / "log.pem.next").exists() else None)
        film = record("changing the key", folder / "set")
    assert cut_everywhere(film, folder / "disk", 1, enough=1).bad


def test_putting_the_wal_aside_first_is_found_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wal_first(path: Path, owner: Owner, now_s: int, reason: str) -> tuple[Predecessor, int]:
        checkpoint, log, _ = recovery._last_words(path, owner)
        bad = path.with_name(f"{path.name}.bad-{now_s}")
        recovery._take_along(path, bad)
        path.rename(bad)
        return Predecessor(reason, bad.name, checkpoint), log

    with monkeypatch.context() as patch:
        patch.setattr(recovery, "put_aside", wal_first)
        film = record("putting a bad log aside", folder / "set")
    assert cut_everywhere(film, folder / "disk", 1, enough=1).bad


@pytest.mark.parametrize("name", CONTROLS)
def test_a_log_that_syncs_less_or_a_disk_that_lies_is_found_out(name: str, folder: Path) -> None:
    assert control(name, folder, 1, share=CONTROL_SHARE).losing


# --- the disk itself ----------------------------------------------------------------------------------------------


def _ends(*steps: Step) -> set[tuple[tuple[str, bytes], ...]]:
    """Every disk that cuts after the last step leave."""
    found = set()
    for seed in range(200):
        recording = Recording({"a": b"old"}, steps, len(steps) - 1)
        found |= {tuple(sorted(cut.files.items())) for cut in cuts(recording, Random(seed))}
    return found


def test_what_was_not_synced_may_be_there_or_not() -> None:
    assert _ends(Write(0, 0, b"new")) == {(("a", b"old"),), (("a", b"new"),)}
    assert _ends(Write(0, 0, b"new"), Sync(0)) == {(("a", b"new"),)}


def test_writes_that_were_not_synced_may_come_in_another_order() -> None:
    assert _ends(Write(0, 0, b"x"), Write(0, 1, b"y")) == {(("a", body),) for body in (b"old", b"xld", b"oyd", b"xyd")}
    assert {body for ((_, body),) in _ends(Write(0, 0, b"x"), Write(0, 0, b"y"))} == {b"old", b"xld", b"yld"}


def test_a_write_may_be_torn_between_sectors() -> None:
    bodies = {body for ((_, body),) in _ends(Write(0, 510, b"12345"))}
    assert bodies == {b"old", b"old" + bytes(507) + b"12", b"old" + bytes(509) + b"345", b"old" + bytes(507) + b"12345"}


def test_a_name_holds_once_the_folder_was_synced_and_not_before() -> None:
    new = (Link("b", 1), Write(1, 0, b"b"), Sync(1))
    assert _ends(*new) == {(("a", b"old"),), (("a", b"old"), ("b", b"b"))}
    assert _ends(*new, SyncNames()) == {(("a", b"old"), ("b", b"b"))}
    assert _ends(*new, SyncNames(), Rename("b", "a", 1)) == {(("a", b"old"), ("b", b"b")), (("a", b"b"),)}
    assert _ends(Unlink("a")) == {(), (("a", b"old"),)}


def test_a_file_that_was_renamed_before_it_was_synced_may_be_empty() -> None:
    assert (("a", b""),) in _ends(Link("b", 1), Write(1, 0, b"new"), Rename("b", "a", 1), SyncNames())


def test_a_file_that_shrank_may_be_long_again() -> None:
    assert _ends(Resize(0, 1)) == {(("a", b"old"),), (("a", b"o"),)}


def test_a_liar_syncs_nothing() -> None:
    medium = Medium({"a": b"old"}, lambda name: name == "a")
    medium.take(Write(0, 0, b"new"))
    medium.take(Sync(0))
    assert medium.after(medium.plans(Random(0))[0]) == {"a": b"old"}


def test_the_disk_that_keeps_least_is_looked_at_after_every_promise() -> None:
    steps = [step for number in range(50) for step in (Write(0, 0, b"%03d" % number), Told("n", number))]
    found = list(cuts(Recording({"a": b"old"}, steps), Random(0), 0.0))
    least = {cut.told["n"] for cut in found if cut.told and cut.files == {"a": b"old"}}
    assert least == set(range(50))
