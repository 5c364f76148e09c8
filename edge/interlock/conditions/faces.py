"""Whose faces were verified: matched, alive, and never without their badge since.

A face that counts was seen by `vision` after it last became worthless (`Volatile.voids`): after a break, and after a
badge was away. Where the pack asks for proof, somebody has to have followed prompts that nobody could predict, or a
supervisor vouches for that person once (workflows, "Permit").
"""

from contracts.permit import PermitClaims, Person, Role
from edge.interlock.conditions.facts import PASS, Facts, Verdict
from edge.interlock.conditions.people import absence, asked_of, badge_here, too_few, who_counts
from edge.interlock.rules import Number
from edge.interlock.snapshot import PROVEN
from edge.interlock.state import Mode, Reason

ROLES = tuple(Role)
VOUCHED, NOT_PROVEN = "vouched", "not_proven"
"""A supervisor knows the person who could not prove to be alive; nobody does."""


def alive(f: Facts, person: str) -> tuple[int | None, str]:
    """When somebody was last known to be alive and how: ``proven`` by a challenge, ``vouched`` for by a supervisor.

    None where nobody knows: never, before a break, or before a time in which the badge was away.
    """
    void_us = f.volatile.voids.get(person, -1)
    proof, word = f.snapshot.proofs.get(person), f.volatile.vouch
    known: list[tuple[int, str]] = []
    if proof is not None and 0 <= proof.distance_milli <= f.rules.face_distance_milli.value:
        known.append((proof.at_us, PROVEN))
    if word is not None and word.person == person:
        known.append((word.at_us, VOUCHED))
    return max((each for each in known if each[0] > void_us), default=(None, ""))


def liveness(f: Facts, person: str) -> tuple[int | None, str]:
    """When and how somebody was last known to be alive as far as the rules ask for it; "" while no face was seen.

    What a face showed before it became worthless is not shown as its liveness.
    """
    seen = f.snapshot.faces.get(person)
    if seen is None:
        return None, ""
    if not f.rules.asks_for_proof:
        return seen.at_us, seen.liveness
    known_us, how = alive(f, person)
    return known_us, how or NOT_PROVEN


def tries_left(f: Facts, person: str) -> int:
    """How often somebody may still try to prove to be alive before a supervisor has to decide."""
    return max(0, f.rules.liveness_tries_count.value - f.durable.liveness_failed.get(person, 0))


def _unproven(f: Facts, person: Person) -> Reason:
    """That somebody is not known to be alive, or not for long enough ago: by new tries, or by a supervisor."""
    code, clause = "face_liveness", f.rules.liveness.clause
    if not tries_left(f, person.id):
        code, clause = "liveness_failed", f.rules.liveness_tries_count.clause
    return Reason(code, person.name, None, None, "", clause)


def _is_away(f: Facts, person: Person) -> bool:
    """Their badge went, or a break came, and it is not here now: what the camera sees of them will be void with it."""
    return person.id in f.volatile.voids and not badge_here(f, person)


def _face_reason(f: Facts, person: Person, ttl: Number, *, lasts: bool = False) -> tuple[Reason | None, int | None]:
    """Why a face does not count, and how long ago it was verified; `lasts`: for as long as the badge stays."""
    seen, rules = f.snapshot.faces.get(person.id), f.rules
    if seen is None:
        return Reason("face_missing", person.name, None, None, "", ttl.clause), None
    if seen.at_us <= f.volatile.voids.get(person.id, -1) or _is_away(f, person):
        return Reason("face_void", person.name, None, None, "", rules.badge_ttl_s.clause), None
    age_us, ttl_us, furthest = f.now_us - seen.at_us, ttl.value * 1_000_000, rules.face_distance_milli
    if not 0 <= seen.distance_milli <= furthest.value:
        return Reason("face_far", person.name, seen.distance_milli, furthest.value, "", furthest.clause), age_us
    if not lasts and not 0 <= age_us <= ttl_us:
        return _old(person, age_us, ttl), age_us
    if not rules.asks_for_proof:
        if rules.accepts_liveness(seen.liveness):
            return None, age_us
        return Reason("face_liveness", person.name, None, None, "", rules.liveness.clause), age_us
    known_us, _ = alive(f, person.id)
    if known_us is None:
        return _unproven(f, person), age_us
    age_us = max(age_us, f.now_us - known_us)
    if lasts or 0 <= age_us <= ttl_us:
        return None, age_us
    return (_old(person, age_us, ttl) if tries_left(f, person.id) else _unproven(f, person)), age_us


def _old(person: Person, age_us: int, ttl: Number) -> Reason:
    return Reason("face_old", person.name, age_us // 1000, ttl.value * 1000, "s", ttl.clause)


def is_verified(f: Facts, person: Person) -> bool:
    """The face counts for a release."""
    return _face_reason(f, person, f.rules.face_ttl_s)[0] is None


def face_problem(f: Facts, person: Person) -> Reason | None:
    """Why a person's face does not count just now: for a release, or to go on with one."""
    if f.durable.mode is not Mode.RELEASED:
        return _face_reason(f, person, f.rules.face_ttl_s)[0]
    return _face_reason(f, person, f.rules.face_recheck_s, lasts=person.role is Role.PERFORMER)[0]


def face_left_ms(f: Facts, person: Person) -> int | None:
    """How long a face that counts goes on counting by its age alone; None where its badge is what keeps it."""
    if face_problem(f, person) is not None:
        return None
    row, age_us = f.rules.face_ttl_s, _face_reason(f, person, f.rules.face_ttl_s)[1]
    if f.durable.mode is Mode.RELEASED:
        row = f.rules.face_recheck_s
        if person.role is Role.PERFORMER:
            return None
    return max(0, row.value * 1000 - (age_us or 0) // 1000)


def _shown(f: Facts, permit: PermitClaims) -> tuple[tuple[Role, list[Person]], ...]:
    """Whose faces count in each role: of those with their badge here, else of all. Worked out once for the same facts.

    Badge and face must be the same person's: one guardian's badge does not lend itself to another's face.
    """
    known: tuple[tuple[Role, list[Person]], ...] | None = f.__dict__.get("shown")
    if known is None:
        named = [(role, who_counts(f, permit, role)) for role in ROLES]
        here = [(role, [each for each in people if badge_here(f, each)] or people) for role, people in named]
        known = f.__dict__["shown"] = tuple(here)
    return known


def _faces(f: Facts, ttl: Number, grace_us: int, *, again: bool) -> Verdict:
    if f.permit is None:
        return PASS
    reasons: list[Reason] = []
    ages: list[int] = []
    for role, people in _shown(f, f.permit):
        lasts = again and role is Role.PERFORMER
        found = [_face_reason(f, person, ttl, lasts=lasts) for person in people]
        good = [age for reason, age in found if reason is None and age is not None]
        asked = asked_of(f, role).value
        if good and len(good) >= asked:
            if not lasts:
                ages.append(sorted(good)[asked - 1])
            continue
        few = too_few(f, role, len(good))
        if few is not None:
            reasons.append(few)
        reasons.extend(reason for reason, _ in found if reason is not None)
        if few is None and not found:
            reasons.append(Reason("face_missing", role.value, None, None, "", ttl.clause))
    return Verdict(tuple(reasons), max(ages) if ages else None, grace_us)


def faces(f: Facts) -> Verdict:
    """Performer and guardian were both verified within their time to live: like two keys of a bank vault.

    Where a site asks for more of a role to be here, as many are verified.
    """
    return _faces(f, f.rules.face_ttl_s, 0, again=False)


def faces_again(f: Facts) -> Verdict:
    """While released the guardian is verified again on schedule; badges bridge the time between.

    The performer works under a mask: whom the badge never left is the one who was verified at the release. A badge
    that was away makes a face worthless, of whichever of the two.
    """
    return _faces(f, f.rules.face_recheck_s, f.rules.face_grace_s.value * 1_000_000, again=True)


def verified(f: Facts) -> tuple[str, ...]:
    """Ids of the permit's people whose badge is here and whose face was verified: the crew of a release."""
    return tuple(
        person.id
        for person in (f.permit.people if f.permit is not None else ())
        if unverified(f, person) is None
    )


def unverified(f: Facts, person: Person) -> Reason | None:
    """Why a person does not count as verified here now: badge away, or face not seen, too far off, too old."""
    if not badge_here(f, person):
        return Reason(absence(f, person.badge), person.name, None, None, "", f.rules.badge_ttl_s.clause)
    return _face_reason(f, person, f.rules.face_ttl_s)[0]
