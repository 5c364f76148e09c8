"""Who is here: badges, faces, and nobody else."""

from contracts.permit import PermitClaims, Person, Role
from edge.interlock.conditions.devices import device_fault
from edge.interlock.conditions.facts import PASS, Facts, Verdict
from edge.interlock.evidence import FaceRefused
from edge.interlock.reasons import CATALOGUE
from edge.interlock.rules import Number
from edge.interlock.site import SitePerson
from edge.interlock.state import Mode, Reason, usable

ROLES = tuple(Role)


def _who(f: Facts, permit: PermitClaims, role: Role) -> list[Person]:
    """Who counts in a role: anyone the permit names; while released only those who were verified for this release.

    A relief is verified and armed anew (workflows, "Permit").
    """
    if f.durable.mode is not Mode.RELEASED:
        return [person for person in permit.people if person.role is role]
    crew = f.durable.crew
    return [person for person in permit.people if person.role is role and person.id in crew]


def _badge_age_us(f: Facts, person: Person) -> int | None:
    seen = f.snapshot.badges.get(person.badge)
    return None if seen is None else f.now_us - seen.at_us


def absence(f: Facts, badge: int) -> str:
    """Why a badge is not here, as far as is known: nobody can be heard, or it was heard and is not believed."""
    broken = device_fault(f, "radio")
    if broken:
        return broken
    refused = f.snapshot.refused_badges.get(badge)
    if refused is None or not 0 <= f.now_us - refused.at_us <= f.rules.badge_ttl_s.value * 1_000_000:
        return "badge_absent"
    code = f"badge_{refused.why}"
    return code if code in CATALOGUE else "badge_refused"


def badge_here(f: Facts, person: Person) -> bool:
    """The badge was heard within its time to live."""
    age_us = _badge_age_us(f, person)
    return age_us is not None and 0 <= age_us <= f.rules.badge_ttl_s.value * 1_000_000


def _asked(f: Facts, role: Role) -> Number:
    """How many of a role must be here at once: by the pack one, by a site's own rules perhaps more (PTW-10, BOX-03)."""
    return f.rules.guardians_here_count if role is Role.GUARDIAN else f.rules.performers_here_count


def _few(f: Facts, role: Role, count: int) -> Reason | None:
    """That fewer are here than a site asks for; None where one is enough, whose absence says it all."""
    asked = _asked(f, role)
    if asked.value <= 1:
        return None
    return Reason(f"few_{role.value}s", f"{count} / {asked.value}", None, None, "", asked.clause)


def _badges(f: Facts, role: Role, grace: Number) -> Verdict:
    if f.permit is None:
        return PASS
    ttl_us = f.rules.badge_ttl_s.value * 1_000_000
    ages = []
    missing: list[Reason] = []
    for person in _who(f, f.permit, role):
        age_us = _badge_age_us(f, person)
        if age_us is not None and 0 <= age_us <= ttl_us:
            ages.append(age_us)
        else:
            value = None if age_us is None else age_us // 1000
            missing.append(
                Reason(
                    absence(f, person.badge),
                    person.name,
                    value,
                    f.rules.badge_ttl_s.value * 1000,
                    "s",
                    f"{grace.clause}; {f.rules.badge_ttl_s.clause}",
                )
            )
    # Not everybody of the role must be here: a permit may name several.
    if ages and len(ages) >= _asked(f, role).value:
        return Verdict((), max(ages))
    few = _few(f, role, len(ages))
    if few is not None:
        missing.insert(0, few)
    elif not missing:
        missing.append(Reason("badge_absent", role.value, None, None, "", grace.clause))
    return Verdict(tuple(missing), None, grace.value * 1_000_000)


def entitled(f: Facts, right: str) -> tuple[SitePerson, ...]:
    """People of the roster who may do something here and whose badge is here now."""
    ttl_us = f.rules.badge_ttl_s.value * 1_000_000
    return tuple(
        person
        for person in f.site.roster
        if right in person.may
        and (seen := f.snapshot.badges.get(person.badge)) is not None
        and 0 <= f.now_us - seen.at_us <= ttl_us
    )


def known_here(f: Facts) -> set[str]:
    """Ids of people of the permit and of the roster whose badges are here."""
    ttl_us = f.rules.badge_ttl_s.value * 1_000_000
    people: tuple[SitePerson, ...] = f.site.roster
    badges = {person.id: person.badge for person in people}
    badges |= {person.id: person.badge for person in (f.permit.people if f.permit else ())}
    seen = f.snapshot.badges
    return {who for who, badge in badges.items() if badge in seen and 0 <= f.now_us - seen[badge].at_us <= ttl_us}


def guardian(f: Facts) -> Verdict:
    """A guardian is on post, or as many as the site asks for."""
    return _badges(f, Role.GUARDIAN, f.rules.guardian_grace_s)


def performer(f: Facts) -> Verdict:
    """A performer is here, or as many as the site asks for."""
    return _badges(f, Role.PERFORMER, f.rules.performer_grace_s)


def _face_reason(f: Facts, person: Person, ttl: Number) -> tuple[Reason | None, int | None]:
    seen = f.snapshot.faces.get(person.id)
    if seen is None:
        return Reason("face_missing", person.name, None, None, "", ttl.clause), None
    age_us = f.now_us - seen.at_us
    furthest = f.rules.face_distance_milli
    if not 0 <= seen.distance_milli <= furthest.value:
        return Reason("face_far", person.name, seen.distance_milli, furthest.value, "", furthest.clause), age_us
    if not f.rules.accepts_liveness(seen.liveness):
        return Reason("face_liveness", person.name, None, None, "", f.rules.liveness.clause), age_us
    if not 0 <= age_us <= ttl.value * 1_000_000:
        return Reason("face_old", person.name, age_us // 1000, ttl.value * 1000, "s", ttl.clause), age_us
    return None, age_us


def _shown(f: Facts, permit: PermitClaims) -> tuple[tuple[Role, list[Person]], ...]:
    """Whose faces count in each role: of those with their badge here, else of all. Worked out once for the same facts.

    Badge and face must be the same person's: one guardian's badge does not lend itself to another's face.
    """
    known: tuple[tuple[Role, list[Person]], ...] | None = f.__dict__.get("shown")
    if known is None:
        named = [(role, _who(f, permit, role)) for role in ROLES]
        here = [(role, [each for each in people if badge_here(f, each)] or people) for role, people in named]
        known = f.__dict__["shown"] = tuple(here)
    return known


def _faces(f: Facts, ttl: Number, grace_us: int) -> Verdict:
    if f.permit is None:
        return PASS
    reasons: list[Reason] = []
    ages: list[int] = []
    for role, people in _shown(f, f.permit):
        found = [_face_reason(f, person, ttl) for person in people]
        good = [age for reason, age in found if reason is None and age is not None]
        asked = _asked(f, role).value
        if good and len(good) >= asked:
            ages.append(sorted(good)[asked - 1])
            continue
        few = _few(f, role, len(good))
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
    return _faces(f, f.rules.face_ttl_s, 0)


def faces_again(f: Facts) -> Verdict:
    """Both are verified again on schedule while released; badges bridge the time between."""
    return _faces(f, f.rules.face_recheck_s, f.rules.face_grace_s.value * 1_000_000)


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


def unknown_badges(f: Facts) -> tuple[int, ...]:
    """Badges near the box that neither its roster nor any permit that stands names, heard within their time.

    Whether such a badge verified does not matter: it is not believed for who it is, only for somebody being here. A
    stale or forged copy of a known badge is no proof of a person and does not count. Worked out once for the same
    facts.
    """
    known: tuple[int, ...] | None = f.__dict__.get("unknown_badges")
    if known is None:
        known = f.__dict__["unknown_badges"] = _unknown_badges(f)
    return known


def _unknown_badges(f: Facts) -> tuple[int, ...]:
    if f.permit is None:
        return ()
    # The deciding permit may just have ended: its crew did not enter, and nothing is released under it any more.
    named = f.site.badges | {person.badge for person in f.permit.people}
    seen = {**f.snapshot.unknown_badges, **f.snapshot.badges}
    others = [badge for badge in seen if badge not in named]
    if not others:
        return ()
    standing = [permit for permit in f.durable.permits if usable(f.durable, permit, f.wall_s)]
    crews = {person.badge for permit in standing for person in permit.people}
    ttl_us = f.rules.unknown_badge_s.value * 1_000_000
    return tuple(badge for badge in others if badge not in crews and 0 <= f.now_us - seen[badge].at_us <= ttl_us)


def unknown_badge(f: Facts) -> Verdict:
    """Nobody with a badge that is on no permit and not on the roster is near, where the pack trips on that."""
    row = f.rules.unknown_badge_trips
    if not row.value:
        return PASS
    return Verdict(
        tuple(Reason("badge_unknown", str(badge), None, None, "", row.clause) for badge in unknown_badges(f))
    )


def intruder(f: Facts) -> FaceRefused | None:
    """The newest face that is nobody's of the permit, within its time: evidence of danger, which outlasts a look."""
    limit, ttl_us = f.rules.stranger_distance_milli, f.rules.stranger_s.value * 1_000_000
    for seen in reversed(f.snapshot.strangers):
        if f.now_us - seen.at_us <= ttl_us and not 0 <= seen.distance_milli < limit.value:
            return seen
    return None


def stranger(f: Facts) -> Verdict:
    """Nobody whom the permit does not name stands before the camera, nor did within the pack's time."""
    seen, limit = intruder(f), f.rules.stranger_distance_milli
    if seen is None:
        return PASS
    return Verdict((Reason("stranger", "", seen.distance_milli, limit.value, "", limit.clause),))
