"""What a point's tag confirms: the preconditions of the current permit that name it, by whoever was there with it.

A tag can be carried and copied: that it was read says who brought it here when, beside that person's badge. It says
nothing of a valve. So it confirms what the permit asks to be seen, and every other condition stands.
"""

from contracts.event import Category
from edge.interlock.conditions.people import known_here
from edge.interlock.evidence import Tap
from edge.interlock.state import Confirmation
from edge.interlock.turn import Turn, replace


def confirm(turn: Turn, point: Tap, person: str) -> None:
    """Remember who was at a point; a card without its owner's badge, or no card, confirms nothing."""
    claims = turn.f.permit
    if claims is None or person not in known_here(turn.f):
        return
    for wanted in claims.preconditions:
        if wanted.tag and wanted.tag == point.name:
            proof = Confirmation(person, point.at_us)
            turn.d = replace(turn.d, preconditions={**turn.d.preconditions, f"{claims.jti}/{wanted.id}": proof})
            actor = ("person", person)
            turn.note("permit.precondition", Category.PERMIT, actor=actor, id=wanted.id, tag=wanted.tag)
