"""Detectors that are due: they block a release and never hide a reading."""

from edge.interlock.conditions.facts import Facts, Verdict
from edge.interlock.state import Reason


def calibration(f: Facts) -> Verdict:
    """No channel's calibration is overdue. It blocks a release and never hides a reading."""
    due = [
        Reason(
            "calibration_due", channel.name, f.wall_s * 1000, channel.due_s * 1000, "unix_s", "JJG 693; domain Detector"
        )
        for channel in f.site.channels
        if channel.due_s and f.wall_s >= channel.due_s
    ]
    return Verdict(tuple(due))
