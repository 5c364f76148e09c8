"""Broker, ingest, link and interlock, each killed a hundred times at work and all at the same time (BOX-05, ANT-10).

Once over the embedded broker, once over mosquitto. In the end both sides are counted, verified and compared: no event
lost, none double, every one in its place.
"""

import random
from pathlib import Path
from typing import Any

from firmware_sim.demo.processes import code
from firmware_sim.demo.stage import BOX
from tests.scenarios import both_sides, kills, units
from tests.soak.outcome import MissingMeansError, Outcome, Told

EACH = 100
"""Kills of each kind that hit one that was up, over each broker; those that came too soon are made, too."""


def run(folder: Path, seed: int, told: Told, *, each: int = EACH) -> Outcome:
    """One broker after the other.

    Raises:
        MissingMeansError: there is no mosquitto.
    """
    if not Path(units.MOSQUITTO).exists():
        raise MissingMeansError(f"expected {units.MOSQUITTO}: apt-get install mosquitto")
    figures: dict[str, Any] = {}
    problems: list[str] = []
    for broker in units.BROKERS:
        found = _one(folder / broker, broker, seed, told, each)
        figures |= {f"{broker}_{name}": value for name, value in found.figures.items()}
        problems += [f"{broker}: {problem}" for problem in found.problems]
    return Outcome(figures, problems[:20])


def _one(folder: Path, broker: str, seed: int, told: Told, each: int) -> Outcome:
    of = each * len(units.KINDS)
    with kills.units_set(folder, broker) as stage:
        killer = kills.run_units(stage, each, random.Random(seed), lambda killed: told(broker, killed, of), only_at_work=True)
        bridge_db = stage.bridge_dir / "bridge.db"
        ours, theirs = both_sides.box_leaves(kills.log_file(stage)), both_sides.bridge_leaves(bridge_db, BOX)
        problems = kills.too_little(ours, killer) + both_sides.differences(ours, theirs) + both_sides.disorder(bridge_db, BOX) + both_sides.bridge_doubts(bridge_db, BOX)
        for argv, env in (
            (["hotbox", "-c", str(stage.config), "audit", "verify"], {}),
            (["hotbox-bridge", "audit", "verify", BOX], stage.env),
        ):
            number, text = code(argv, env)
            problems += [f"{argv[0]} audit verify: exit code {number}: {text.strip()}"] if number else []
    figures: dict[str, Any] = {f"{kind}_killed": killer.killed[kind] for kind in units.KINDS}
    figures |= {f"{kind}_killed_at_work": killer.at_work[kind] for kind in units.KINDS}
    return Outcome(figures | {"events_at_the_box": len(ours), "events_at_the_bridge": len(theirs)}, problems)
