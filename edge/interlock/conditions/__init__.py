"""The conditions of a release and of its going on: one function each, in a table."""

from edge.interlock.conditions.facts import PASS, Facts, Verdict, facts
from edge.interlock.conditions.table import CONDITIONS, RELEASE, RUN, Condition, evaluate

__all__ = ["CONDITIONS", "PASS", "RELEASE", "RUN", "Condition", "Facts", "Verdict", "evaluate", "facts"]
