"""Who may work: asked whenever a permit goes a step, so that nobody works who is suspended (ANT-02)."""

from collections.abc import Iterable

from cloud_bridge.people.models import Person, Suspension


def barred(people: Iterable[Person]) -> list[Person]:
    """Those of them who are suspended, in their order."""
    out = barred_now()
    return [person for person in people if person.pk in out]


def barred_now() -> frozenset[int]:
    """Primary keys of everybody who is suspended."""
    return frozenset(Suspension.objects.filter(lifted_ms=0).values_list("person_id", flat=True))
