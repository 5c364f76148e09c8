"""Thirty days of events, one a second, drain to the bridge after the line comes back (BOX-05).

First over a line of 256 kbit/s with alarms at random moments, from which the hours for the whole follow; then the line
is lifted, the rest drains as fast as the bridge stores it, and both sides are compared leaf by leaf.
"""

import random
from pathlib import Path

from tests.edge.audit.site import BOX
from tests.edge.link import backlog
from tests.edge.link.mosquitto import MOSQUITTO
from tests.scenarios import both_sides
from tests.soak.outcome import MissingMeansError, Outcome, Told

EVENTS = backlog.MONTH
LIMITED_S = 600.0
ALARMS = 200
WHOLE_S = 6 * 3600.0
MOST_HOURS, MOST_WAIT_S, MOST_BYTES, MOST_MIB = 5.0, 2.0, 100.0, 64.0


def run(folder: Path, seed: int, told: Told, *, events: int = EVENTS, limited_s: float = LIMITED_S, alarms: int = ALARMS) -> Outcome:
    """The whole.

    Raises:
        MissingMeansError: there is no mosquitto.
    """
    if not Path(MOSQUITTO).exists():
        raise MissingMeansError(f"expected {MOSQUITTO}: apt-get install mosquitto")
    problems: list[str] = []
    with backlog.rig(folder / "rig", events, backlog.KBIT, told) as site:
        site.start_link(backlog.KBIT)
        figures = site.drain(limited_s, alarms, random.Random(seed), told).figures(backlog.KBIT)
        if not figures["leaves_behind_at_the_last_alarm"]:
            problems.append("the backlog was through before the last alarm, which met an idle line")
        rss_mib = site.link_rss_mib()
        site.line.set_rate(0)
        site.start_link(0)

        def drained() -> bool:
            told("the rest drains", min(site.stored(), events), events)
            return site.is_drained()

        site.until(drained, WHOLE_S, "everything witnessed")
        rss_mib = max(rss_mib, site.link_rss_mib())
        size = site.log.health().size
        same, difference = both_sides.first_difference(site.station.path, site.bridge_db, BOX)
        problems += [f"{size - same} of {size} events are not the same on both sides: {difference}"] if same != size else []
        problems += both_sides.disorder(site.bridge_db, BOX) + both_sides.bridge_doubts(site.bridge_db, BOX)
    figures |= {"events": size, "same_on_both_sides": same, "link_rss_mib": round(rss_mib, 1)}
    for name, most in (
        ("drain_hours", MOST_HOURS), ("drain_hours_full_line", MOST_HOURS), ("alarm_p99_s", MOST_WAIT_S),
        ("wire_bytes_per_event", MOST_BYTES), ("link_rss_mib", MOST_MIB),
    ):  # fmt: skip
        problems += [f"{name}: expected at most {most:g}, got {figures[name]:g}"] if figures[name] > most else []
    return Outcome(figures, problems[:20])
