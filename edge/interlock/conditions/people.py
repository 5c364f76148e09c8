"""Who is here: badges, and nobody else. Whose faces count is `faces`."""

from contracts.permit import PermitClaims, Person, Role
from edge.interlock.conditions.devices import device_fault
from edge.interlock.conditions.facts import PASS, Facts, Verdict
from edge.interlock.evidence import FaceRefused
from edge.interlock.reasons import CATALOGUE
from edge.interlock.rules import Number
from edge.interlock.site import SitePerson
from edge.interlock.state import Mode, Reason, usable

NEARLY_US = 5_000_000
"""Longer than a turn of the head: who is recognised again within it was not refused."""


def who_counts(f: Facts, permit: PermitClaims, role: Role) -> list[Person]:
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


def asked_of(f: Facts, role: Role) -> Number:
    """How many of a role must be here at once: by the pack one, by a site's own rules perhaps more (PTW-10, BOX-03)."""
    return f.rules.guardians_here_count if role is Role.GUARDIAN else f.rules.performers_here_count


def too_few(f: Facts, role: Role, count: int) -> Reason | None:
    """That fewer are here than a site asks for; None where one is enough, whose absence says it all."""
    asked = asked_of(f, role)
    if asked.value <= 1:
        return None
    return Reason(f"few_{role.value}s", f"{count} / {asked.value}", None, None, "", asked.clause)


def _badges(f: Facts, role: Role, grace: Number) -> Verdict:
    if f.permit is None:
        return PASS
    ttl_us = f.rules.badge_ttl_s.value * 1_000_000
    ages = []
    missing: list[Reason] = []
    for person in who_counts(f, f.permit, role):
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
    if ages and len(ages) >= asked_of(f, role).value:
        return Verdict((), max(ages))
    few = too_few(f, role, len(ages))
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


def nearly_known(f: Facts) -> FaceRefused | None:
    """The newest refused face when it resembles somebody who was not recognised about then.

    Of somebody who is, single pictures are refused while the head turns away.
    """
    seen = f.snapshot.strangers[-1] if f.snapshot.strangers else None
    if seen is None or f.now_us - seen.at_us > NEARLY_US:
        return None
    known = f.snapshot.faces.get(seen.nearest)
    return None if known is not None and seen.at_us - known.at_us <= NEARLY_US else seen


def stranger(f: Facts) -> Verdict:
    """Nobody whom the permit does not name stands before the camera, nor did within the pack's time."""
    seen, limit = intruder(f), f.rules.stranger_distance_milli
    if seen is None:
        return PASS
    return Verdict((Reason("stranger", "", seen.distance_milli, limit.value, "", limit.clause),))
