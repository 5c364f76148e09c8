"""`hotbox bypass`: a failed detector of a pair is left out by two people, loudly, and only while the other is well."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.edge.cli.box import Box, make

WHY = ("--reason", "head sent to the workshop", "--measure", "portable meter, read by the guardian")


def _pair(settings: dict[str, Any]) -> None:
    """Two more heads that vote 1oo2, and two people who may bypass one."""
    first = settings["channels"][0]
    settings["channels"] += [{**first, "name": f"ch4-{n}", "unit_id": n + 1, "serial": f"SN-{n}"} for n in (2, 3)]
    settings["groups"].append({"name": "pair", "vote": "1oo2", "channels": ["ch4-2", "ch4-3"]})
    for person in settings["roster"]:
        person["may"].append("bypass")


@pytest.fixture(scope="module")
def pair() -> Iterator[Box]:
    yield from make(_pair)


def _set(box: Box, channel: str = "ch4-2", *people: str, minutes: str = "30") -> Any:
    by = [word for person in people or ("wang", "zhao") for word in ("--by", person)]
    return box.hotbox("bypass", "set", channel, *by, *WHY, "--minutes", minutes)


def _votes(box: Box) -> set[str]:
    """Channels whose vote trips now."""
    gas = next(verdict for verdict in box.status()["verdicts"] if verdict["condition"] == "gas")
    return {reason["subject"] for reason in gas["reasons"]}


def test_a_failed_head_is_left_out_by_two_people_and_votes_again_when_it_is_taken_back(pair: Box) -> None:
    assert pair.site is not None
    pair.wait_for(lambda _: not _votes(pair), "clean air")
    pair.site.fault("ch4-2", "silent")
    pair.wait_for(lambda _: _votes(pair) == {"ch4-2"}, "the silent head votes")
    pair.crew.badges |= {1003, 1004}
    pair.wait_for(lambda _: _set(pair, minutes="1000").returncode == 1 and "zhao" not in _set(pair, minutes="1000").stderr, "here")

    refused = _set(pair, minutes="1000")
    assert "1 to 480 minutes" in refused.stderr
    assert "1000" in refused.stderr
    assert "last healthy" in _set(pair, "ch4-1").stderr
    assert "two different people" in _set(pair, "ch4-2", "wang", "wang").stderr

    done = _set(pair)
    assert done.returncode == 0, done.stderr
    assert "ch4-2 is bypassed" in done.stdout
    pair.wait_for(lambda _: not _votes(pair), "its failure does not vote")
    shown = pair.hotbox("status").stdout
    assert "BYPASS of ch4-2" in shown
    assert "head sent to the workshop" in shown
    listed = msgspec.json.decode(pair.hotbox("bypass", "list", "--json").stdout)
    assert [(bypass["channel"], bypass["by"]) for bypass in listed] == [("ch4-2", ["wang", "zhao"])]
    assert "旁路 ch4-2" in pair.hotbox("bypass", "list", lang="zh").stdout
    assert _set(pair, "ch4-3").returncode == 1, "one at a time"

    pair.site.fault("ch4-3", "silent")
    pair.wait_for(lambda _: _votes(pair) == {"ch4-3"}, "the head that is left trips alone")
    pair.site.fault("ch4-3", "none")
    pair.wait_for(lambda _: not _votes(pair), "well again")

    ended = pair.hotbox("bypass", "end", "ch4-2", "--by", "zhao")
    assert ended.returncode == 0, ended.stderr
    pair.wait_for(lambda _: _votes(pair) == {"ch4-2"}, "it votes again")
    assert pair.hotbox("bypass", "end", "ch4-2", "--by", "zhao").returncode == 1
    tail = pair.hotbox("audit", "tail", "-n", "40").stdout
    assert "bypass.started" in tail
    assert "bypass.ended" in tail
