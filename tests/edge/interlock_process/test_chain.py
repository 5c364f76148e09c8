"""A box with a relay in series with its dead-man: the real process, both devices over their real lines."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from edge.audit.reader import Reader
from firmware_sim.client import facts
from tests.edge.cli.box import Box, until
from tests.edge.interlock_process.asking import answer, ready

pytestmark = pytest.mark.alone

BOARD = "relays: [{name: k2, kind: waveshare, unit_id: 3}]\n"


@pytest.fixture
def chain() -> Iterator[Box]:
    made = Box(BOARD)
    try:
        made.prepare()
        board = facts(made.folder / "site")["relays"]["k2"]
        settings = made.read()
        settings["relay"].update(rated_cycles=1000, serial="K1-0815", series=[{
            "name": "k2", "kind": "waveshare", "device": board["device"], "baud": board["baud"],
            "unit_id": board["unit_id"], "feedback": 0,
        }])  # fmt: skip
        made.write(settings)
        made.start()
        yield made
        made.end()
    finally:
        made.close()


def _state(box: Box) -> tuple[bool, bool]:
    """Contacts of the board and of the dead-man, seen from outside."""
    assert box.site is not None
    state = box.site.state()
    return bool(state["relays"]["k2"]["contact_closed"]), state["deadman"]["contact"] == "C"


def _events(box: Box, kind: str) -> list[dict[str, Any]]:
    log = Reader.open(box.folder / "data" / "audit" / "audit.db")
    try:
        return [event.data for event in log.events(0, log.size()) if event.type == kind]
    finally:
        log.close()


def test_a_chain_releases_in_order_and_one_welded_relay_of_it_is_a_fault(chain: Box) -> None:
    """BOX-04, EN ISO 13849-1: the discrepancy is seen although the dead-man opened the circuit."""
    assert chain.site is not None
    ready(chain)
    chain.site.press("arm")
    chain.wait_for(lambda s: s["state"] == "RELEASED" and s["relay"]["contact"] == "closed", "released")
    assert _state(chain) == (True, True)
    state = chain.site.state()
    assert state["relays"]["k2"]["contact_closed_us"] < state["deadman"]["contact_closed_us"]
    chain.site.fault("k2", "weld")
    chain.site.press("stop")
    chain.wait_for(lambda s: s["state"] == "FAULT", "a welded relay in series is a fault")
    assert _state(chain) == (True, False)
    until(lambda: _events(chain, "interlock.fault"), "it is in the log")
    assert [(e["code"], e["chan"]) for e in _events(chain, "interlock.fault")] == [("welded", "k2")]


def test_the_pulse_closes_both_and_the_primary_falls_by_itself(chain: Box) -> None:
    assert chain.site is not None
    chain.crew.badges |= {1003, 1004}
    chain.site.set("test_key", "test")
    chain.site.set("isolated", "yes")
    asked = msgspec.json.encode({"op": "relay_test", "people": ["wang", "zhao"]})
    until(lambda: answer(chain, asked)["ok"], "the pulse has begun")
    done = chain.wait_for(lambda s: s["relay_proof"] and not s["relay_proof"]["running"], "it has ended")
    assert done["relay_proof"]["ok"], done["relay_proof"]
    board = chain.site.state()["relays"]["k2"]
    assert board["flashes"] >= 1
    until(lambda: _state(chain) == (False, False), "both are open")
