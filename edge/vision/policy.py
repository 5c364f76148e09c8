"""By which numbers this box judges faces: the rows of its rule pack, as `faces` takes them."""

from edge.interlock.rules import Rules
from faces.policy import ROWS, Policy, from_rows


def policy_of(rules: Rules) -> Policy:
    """The policy of a box with these rules."""
    return from_rows({name: getattr(rules, name).value for name in ROWS})
