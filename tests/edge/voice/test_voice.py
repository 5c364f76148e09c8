"""The spoken countdown (PTW-10): 「监护人离开，20秒后切断」, rendered by the real espeak-ng, played by a command of ours."""

import asyncio
import wave
from pathlib import Path

import msgspec
import pytest

from edge.config import Voice
from edge.interlock import view
from edge.interlock.status import AuditView, CountdownView, PromptView, Status
from edge.sockets import now_us
from edge.voice.sentences import graces, instants, left_s, request, sentence
from edge.voice.speaker import Speaker
from tests.edge.eventually import eventually
from tests.edge.interlock.bench import SECOND, Bench

replace = msgspec.structs.replace


def _status(bench: Bench) -> Status:
    step = bench.step(ms=0)
    return view.build(
        step.facts, step.verdicts, boot=1, audit=AuditView(1, 1, 0, True, 0), buses=(), events=(), loop_lag_ms=0,
        evaluations=1,
    )  # fmt: skip


@pytest.fixture
def absent() -> Status:
    """The guardian's badge is away and the grace has just begun; its end is 30 s from the machine's own now."""
    bench = Bench().prepare().release()
    bench.badges[1002] = False
    bench.run(20.1)
    status = _status(bench)
    ((condition, until_us),) = graces(status)
    assert condition == "guardian"
    moved = now_us() + 30 * SECOND - until_us
    countdowns = tuple(replace(view, until_us=view.until_us + moved) for view in status.countdowns)
    return replace(status, countdowns=countdowns)


@pytest.mark.parametrize(("now_us", "left"), [(0, 30), (1, 30), (999_999, 30), (1_000_000, 29), (30_000_000, 0)])
def test_seconds_left_are_rounded_up(now_us: int, left: int) -> None:
    assert left_s(30_000_000, now_us) == left


@pytest.mark.parametrize(
    ("grace_s", "numbers"), [(30, [30, 20, 10, 5]), (20, [20, 10, 5]), (4, [4]), (120, [120, 20, 10, 5])]
)
def test_it_is_said_at_the_beginning_and_at_twenty_ten_and_five(grace_s: int, numbers: list[int]) -> None:
    """PTW-10, GB 30871-2022 4.10."""
    found = instants(grace_s * SECOND, 0)
    assert [number for _, number in found] == numbers
    assert [at for at, _ in found[1:]] == [(grace_s - number) * SECOND for number in numbers[1:]]


def test_the_sentences_are_these() -> None:
    assert sentence("guardian", 20, "zh") == "监护人离开，20秒后切断"
    assert sentence("guardian", 20, "en") == "The guardian has left. Ignition opens in 20 seconds."
    assert "20" in sentence("something new", 20, "zh")


def _recording_synthesizer(folder: Path) -> str:
    """espeak-ng itself, and beside it a list of what it was given to say."""
    script = folder / "synthesizer"
    script.write_text(f'#!/bin/sh\nfor last; do :; done\necho "$last" >> {folder}/said\nexec espeak-ng "$@"\n', "utf-8")
    script.chmod(0o755)
    return str(script)


def _player(folder: Path) -> str:
    script = folder / "player"
    script.write_text(f'#!/bin/sh\ncp "$1" {folder}/played.wav\n', "utf-8")
    script.chmod(0o755)
    return str(script)


def _read(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


async def test_the_countdown_is_rendered_and_played_with_the_right_numbers(absent: Status, tmp_path: Path) -> None:
    """The first sentence at once; later ones as time comes near, here by a clock that is moved on."""
    start, offset = now_us(), [0]
    speaker = Speaker(Voice((_player(tmp_path),), "zh", _recording_synthesizer(tmp_path)), lambda: start + offset[0])
    speaker.hear(absent)
    await eventually(lambda: speaker.spoken == 1, 10)
    assert _read(tmp_path / "said") == ["监护人离开，30秒后切断"]
    with wave.open(str(tmp_path / "played.wav")) as played:
        assert played.getnframes() / played.getframerate() > 1
    speaker.hear(absent)
    await speaker.close()
    offset[0] = 25_500_000
    speaker.hear(absent)
    await eventually(lambda: speaker.spoken == 2, 10)
    assert _read(tmp_path / "said")[1:] == ["监护人离开，5秒后切断"]
    assert speaker.ok
    await speaker.close()


async def test_a_box_that_is_looked_for_says_its_name_unless_a_warning_is_due(absent: Status, tmp_path: Path) -> None:
    asked = CountdownView("identify", "box-1", now_us() + 30 * SECOND, 30_000, 30_000, "", "")
    speaker = Speaker(Voice((_player(tmp_path),), "zh", _recording_synthesizer(tmp_path)))
    speaker.hear(replace(absent, countdowns=(asked,)))
    await eventually(lambda: speaker.spoken == 1, 10)
    assert _read(tmp_path / "said") == ["这是作业盒 box-1"]
    speaker.hear(replace(absent, countdowns=(asked, *absent.countdowns)))
    await eventually(lambda: speaker.spoken == 2, 10)
    assert _read(tmp_path / "said")[1].startswith("监护人离开")
    await speaker.close()


def _asked(status: Status, action: str = "left", number: int = 1, result: str = "open") -> Status:
    prompt = PromptView("performer", "张作业", "performer", action, "", "", number, 8, 900, 3000, result)
    return replace(status, prompt=prompt)


@pytest.mark.parametrize(("action", "result", "zh"), [
    ("look", "open", "张作业，请正对摄像头"), ("left", "open", "请向左转头"), ("right", "open", "请向右转头"),
    ("blink", "open", "请闭眼"), ("left", "passed", "张作业，核验通过"), ("left", "failed", "张作业，核验未通过"),
])  # fmt: skip
def test_each_movement_has_its_sentence(absent: Status, action: str, result: str, zh: str) -> None:
    """ANT-01"""
    prompt = _asked(absent, action, 1, result).prompt
    assert prompt is not None
    assert request(prompt, "zh") == zh
    assert request(prompt, "en").endswith(".")


@pytest.mark.parametrize(("language", "said"), [("zh", "请向左转头"), ("both", "请向左转头"), ("en", "Turn your head left.")])
async def test_a_movement_is_spoken_once_in_one_language(absent: Status, tmp_path: Path, language: str, said: str) -> None:
    """ANT-01: there is time for one."""
    quiet = replace(absent, countdowns=())
    speaker = Speaker(Voice((_player(tmp_path),), language, _recording_synthesizer(tmp_path)))  # type: ignore[arg-type]
    for status in (quiet, _asked(quiet), _asked(quiet)):
        speaker.hear(status)
    await eventually(lambda: speaker.spoken == 1, 10)
    speaker.hear(_asked(quiet, number=2))
    await eventually(lambda: speaker.spoken == 2, 10)
    assert _read(tmp_path / "said") == [said, said]
    speaker.hear(quiet)
    await speaker.close()


async def test_a_new_movement_cuts_the_old_one_short(absent: Status) -> None:
    """Whoever hears the old one follows it."""
    quiet = replace(absent, countdowns=())
    speaker = Speaker(Voice(("true",), "zh", "true"))
    speaker.hear(_asked(quiet))
    first = speaker._asking
    speaker.hear(_asked(quiet, "right", 2))
    assert first is not None
    await asyncio.gather(first, return_exceptions=True)
    assert first.cancelled()
    await eventually(lambda: speaker.spoken == 1, 5)
    await speaker.close()


async def test_a_return_ends_the_countdown(absent: Status, tmp_path: Path) -> None:
    speaker = Speaker(Voice(("true",), "zh", "true"))
    speaker.hear(absent)
    await eventually(lambda: speaker.spoken == 1, 5)
    running = list(speaker._running.values())
    speaker.hear(replace(absent, countdowns=()))
    await asyncio.gather(*running, return_exceptions=True)
    assert running[0].cancelled()
    await speaker.close()


@pytest.mark.parametrize(
    ("command", "synthesizer"), [(("true",), "/nowhere/espeak"), (("/nowhere/aplay",), "true"), (("false",), "true")]
)
async def test_without_a_voice_it_says_so_once_and_keeps_quiet(
    absent: Status, command: tuple[str, ...], synthesizer: str, caplog: pytest.LogCaptureFixture
) -> None:
    speaker = Speaker(Voice(command, "both", synthesizer))
    speaker.hear(absent)
    await eventually(lambda: not speaker.ok, 5)
    await eventually(lambda: len(caplog.records) == 1, 5)
    speaker.hear(replace(absent, countdowns=()))
    speaker.hear(absent)
    await eventually(lambda: not speaker.ok, 5)
    assert len([r for r in caplog.records if "countdown is silent" in r.message]) == 1
    await speaker.close()
