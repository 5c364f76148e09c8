"""What tags held to the reader prove: that a person's card was here, and who was at a point of the checklist."""

from contracts.permit import PermitClaims, Role
from edge.interlock.conditions.facts import Facts
from edge.interlock.conditions.people import badge_here
from edge.interlock.evidence import Tap


def untapped(f: Facts, claims: PermitClaims) -> str:
    """Whose card is still missing for the check-in, empty when nobody's is.

    Asked for only where the site has it so: then in each role somebody whose badge is here must have tapped. A card can
    be copied, so it stands beside badge and face and never in their place.
    """
    if not f.site.tap_check_in:
        return ""
    for role in Role:
        people = claims.people_in(role)
        if not any(badge_here(f, person) and tapped(f, person.id) for person in people):
            return " / ".join(person.name for person in people)
    return ""


def tapped(f: Facts, person: str) -> bool:
    """The person's card was read within its time to live."""
    tap = f.snapshot.taps.get(f"person {person}")
    return tap is not None and 0 <= f.now_us - tap.at_us <= f.rules.tap_ttl_s.value * 1_000_000


def at_point(f: Facts, point: Tap) -> str:
    """Who was at a point when its tag was read: whose card was read last before it, empty when that is too long ago."""
    pair_us = f.rules.tap_pair_s.value * 1_000_000
    taps = [tap for tap in f.snapshot.taps.values() if tap.what == "person" and 0 <= point.at_us - tap.at_us <= pair_us]
    return max(taps, key=lambda tap: tap.at_us).name if taps else ""
