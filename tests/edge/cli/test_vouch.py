"""`hotbox face vouch`: a supervisor decides on somebody who could not prove a living face, and the log says so."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.edge.cli.box import PEOPLE, Box, make

WHY = ("--reason", "eye operation last week; known to me for years")


def _proof(settings: dict[str, Any]) -> None:
    """A site that asks for living faces, and a supervisor."""
    settings["roster"].append({"id": "chen", "name": "陈主管", "badge": 1006, "may": ["supervise"]})
    settings["site_rules"] = settings["data"] + "-rules.yaml"
    rules = "name: s\nzh: 厂\nen: s\ntightens: SIMULATION\nliveness: {value: proven, clause: policy ANT-01}\n"
    Path(settings["site_rules"]).write_text(rules, encoding="utf-8")


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    for made in make(_proof):
        made.crew.everybody()
        file = made.folder / "permit.jws"
        file.write_text(made.permit())
        assert made.hotbox("permit", "import", str(file)).returncode == 0
        yield made


def _of(status: dict[str, Any], person: str) -> dict[str, Any]:
    return next(each for each in status["people"] if each["id"] == person)


def _vouch(box: Box, *words: str, person: str = "zhang", by: str = "chen", lang: str = "en") -> Any:
    return box.hotbox("face", "vouch", person, "--by", by, *WHY, *words, lang=lang)


def _turn_key(box: Box) -> None:
    assert box.site is not None
    box.site.press("reset", 300)


def test_a_supervisor_decides_once_the_tries_are_used_up(box: Box) -> None:
    """ANT-01: never before, never from away, never for oneself; what was decided is on the screen and in the log."""
    seen = box.wait_for(lambda s: s["people"] and all(p["badge_ok"] and p["liveness"] == "not_proven" for p in s["people"]), "seen")
    assert not any(person["face_ok"] for person in seen["people"])
    left = _of(seen, "zhang")["tries_left"]
    assert left == 2
    assert f"{left} left" in _vouch(box).stderr
    for count in range(left):
        box.crew.end_try("zhang", "failed")
        box.wait_for(lambda s, count=count: _of(s, "zhang")["tries_left"] == left - 1 - count, "the try counts")
    assert "liveness_failed" in {r["code"] for v in box.status()["verdicts"] if v["condition"] == "faces" for r in v["reasons"]}

    absent = _vouch(box)
    assert absent.returncode == 1
    assert "whose badge is here" in absent.stderr
    box.crew.badges.add(1006)
    said: list[str] = []

    def typed(_: dict[str, Any]) -> bool:
        done = _vouch(box)
        said.append(done.stdout)
        return done.returncode == 0

    waiting = box.wait_for(typed, "the supervisor's badge is heard")
    assert "chen turns the reset key" in said[-1]
    assert not _of(waiting, "zhang")["face_ok"], "a command decides nothing"
    assert [each["subject"] for each in box.status()["countdowns"] if each["what"] == "vouching"] == ["zhang"]
    _turn_key(box)
    counted = box.wait_for(lambda s: _of(s, "zhang")["face_ok"], "the word counts")
    assert _of(counted, "zhang")["liveness"] == "vouched"
    assert "vouched for by a supervisor" in box.hotbox("status").stdout
    events = [msgspec.json.decode(line) for line in box.hotbox("audit", "tail", "-n", "80", "--json").stdout.splitlines()]
    told = next(event for event in events if event["type"] == "identity.vouched")
    assert (told["actor"]["id"], told["data"]["chan"], told["data"]["decision"]) == ("chen", "zhang", "vouched")
    assert told["data"]["why"] == WHY[1]
    assert (told["data"]["uid"], told["data"]["confirmed"]) == (os.getuid(), "key")

    second = _vouch(box, person="li")
    assert second.returncode == 1


def test_new_tries_are_granted_in_both_languages(box: Box) -> None:
    """ANT-01"""
    box.crew.badges.add(1006)
    for _ in range(2):
        box.crew.end_try("li", "failed")
    box.wait_for(lambda s: _of(s, "li")["tries_left"] == 0, "no try is left")
    done = _vouch(box, "--again", person="li", lang="zh")
    assert done.returncode == 0, done.stderr
    assert "准许 li 再次活体检测" in done.stdout
    assert "chen 须在 30 秒内" in done.stdout
    assert _of(box.status(), "li")["tries_left"] == 0
    _turn_key(box)
    box.wait_for(lambda s: _of(s, "li")["tries_left"] == 2, "new tries")
    assert {person.id for person in PEOPLE} == {"zhang", "li"}


def test_a_movement_that_is_asked_for_is_in_the_status(box: Box) -> None:
    asked = box.wait_for(lambda s: s["prompt"] is None, "nothing is asked for")
    assert asked["prompt"] is None
    box.crew.end_try("li", "open")
    shown = box.wait_for(lambda s: s["prompt"] is not None, "the prompt")["prompt"]
    assert (shown["person"], shown["action"], shown["number"], shown["of"]) == ("li", "left", 3, 8)
    assert "turn your head to the left" in box.hotbox("status").stdout


def test_json_says_what_was_decided(box: Box) -> None:
    refused = _vouch(box, "--json", person="nobody")
    assert refused.returncode == 1
