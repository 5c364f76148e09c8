"""How many of a role are here at once: one by the packs, as many as a site's own rules ask for (PTW-10, BOX-03)."""

import pytest

from contracts.errors import ContractError
from contracts.permit import Person, Role
from edge.interlock import rules
from edge.interlock.conditions.facts import Verdict
from edge.interlock.evidence import Face
from edge.interlock.kernel import Relay
from edge.interlock.rules import Rules
from edge.interlock.state import Mode, Reason
from tests.edge.interlock.bench import GB, GUARDIAN, PERFORMER, SECOND, Bench, permit, replace

GUARDIANS = (GUARDIAN, Person("relief", "王监护", Role.GUARDIAN, 1005), Person("third", "周监护", Role.GUARDIAN, 1015))
PERFORMERS = (PERFORMER, Person("welder", "钱焊工", Role.PERFORMER, 1011), Person("helper", "孙辅工", Role.PERFORMER, 1012))
CREWS = {"guardian": GUARDIANS, "performer": PERFORMERS}
ROWS = {"guardian": "guardians_here_count", "performer": "performers_here_count"}
CODES = {"guardian": "few_guardians", "performer": "few_performers"}
CLAUSE = "works rule HW-5"
ROLES = pytest.mark.parametrize("role", ["guardian", "performer"])


def _rules(role: str, count: int) -> Rules:
    return replace(GB, **{ROWS[role]: replace(getattr(GB, ROWS[role]), value=count, clause=CLAUSE)})


class Crowd(Bench):
    """A box whose permit names three guardians and three performers; nobody but the first of each is here."""

    def __init__(self, bench: Bench, role: str, count: int) -> None:
        self.__dict__ = dict(bench.__dict__)
        self.rules = _rules(role, count)
        self.durable = replace(self.durable, permits=(permit(people=(*PERFORMERS, *GUARDIANS)),))

    def come(self, role: str, count: int, *, faces: int | None = None) -> "Crowd":
        """So many of a role are here, and so many of them looked into the camera just now."""
        for n, person in enumerate(CREWS[role]):
            self.badges[person.badge] = n < count
            if n >= count:
                self.badge_seen.pop(person.badge, None)
            self.looking.discard(person.id)
            self.faces.pop(person.id, None)
            if n < (count if faces is None else faces):
                self.looking.add(person.id)
        self.step()
        return self

    def judged(self, name: str) -> Verdict:
        step = self.step(ms=0)
        return step.verdicts[name]


@ROLES
@pytest.mark.parametrize(("count", "enough"), [(1, False), (2, True), (3, True)])
def test_as_many_are_here_as_the_site_asks_for(ready: Bench, role: str, count: int, enough: bool) -> None:
    """One fewer is too few, the number itself is enough, one more too."""
    box = Crowd(ready, role, 2).come(role, count)
    verdict = box.judged(role)
    assert verdict.ok is enough
    grace = GB.guardian_grace_s if role == "guardian" else GB.performer_grace_s
    assert verdict.grace_us == (0 if enough else grace.value * SECOND)
    if not enough:
        first, *absent = verdict.reasons
        assert first == Reason(CODES[role], "1 / 2", None, None, "", CLAUSE)
        assert [(reason.code, reason.subject) for reason in absent] == [
            ("badge_absent", person.name) for person in CREWS[role][1:]
        ]


@ROLES
@pytest.mark.parametrize(("faces", "enough"), [(1, False), (2, True), (3, True)])
def test_as_many_are_verified_as_the_site_asks_for(ready: Bench, role: str, faces: int, enough: bool) -> None:
    """A badge is no person: as many faces as badges."""
    box = Crowd(ready, role, 2).come(role, 3, faces=faces)
    for name in ("faces", "faces_again"):
        verdict = box.judged(name)
        assert verdict.ok is enough
        if not enough:
            first, *missing = verdict.reasons
            assert first == Reason(CODES[role], "1 / 2", None, None, "", CLAUSE)
            assert [(reason.code, reason.subject) for reason in missing] == [
                ("face_missing", person.name) for person in CREWS[role][1:]
            ]


@ROLES
def test_the_faces_are_as_old_as_the_last_one_that_is_needed(ready: Bench, role: str) -> None:
    box = Crowd(ready, role, 2).come(role, 3)
    for person, ago_s in zip(CREWS[role], (40, 7, 20), strict=True):
        box.looking.discard(person.id)
        box.faces[person.id] = Face(box.now - ago_s * SECOND, person.id, 350, "proven", "dlib")
    assert box.judged("faces") == Verdict((), 20 * SECOND)


@ROLES
def test_a_permit_that_names_too_few_releases_nothing(ready: Bench, role: str) -> None:
    """And says why: everybody that it names is here."""
    box = Crowd(ready, role, 2)
    one = PERFORMERS if role == "guardian" else GUARDIANS
    box.durable = replace(box.durable, permits=(permit(people=(*one, CREWS[role][0])),))
    box.step()
    few = Reason(CODES[role], "1 / 2", None, None, "", CLAUSE)
    assert box.judged(role).reasons == (few,)
    assert box.judged("faces").reasons == (few,)


@ROLES
def test_nobody_here_is_too_few_too(ready: Bench, role: str) -> None:
    box = Crowd(ready, role, 2).come(role, 0)
    assert box.judged(role).reasons[0] == Reason(CODES[role], "0 / 2", None, None, "", CLAUSE)


@ROLES
def test_where_one_is_enough_the_absent_are_named_and_no_number(ready: Bench, role: str) -> None:
    box = Crowd(ready, role, 1).come(role, 0)
    assert [reason.code for reason in box.judged(role).reasons] == ["badge_absent"] * 3
    assert box.judged("faces").reasons[0].code == "face_missing"
    assert Crowd(ready, role, 1).come(role, 1).judged(role).ok


@ROLES
def test_no_number_lets_work_go_on_without_anybody(ready: Bench, role: str) -> None:
    """A pack that asks for none is as one that asks for one: the two keys of BOX-03 stay two."""
    box = Crowd(ready, role, 0).come(role, 0)
    assert [reason.code for reason in box.judged(role).reasons] == ["badge_absent"] * 3
    assert [reason.code for reason in box.judged("faces").reasons] == ["face_missing"] * 3
    assert Crowd(ready, role, 0).come(role, 1).judged(role).ok


def test_while_released_only_those_count_who_were_verified_for_it(ready: Bench) -> None:
    """Workflows "Permit": a third guardian who comes later does not stand in for one of the two."""
    box = Crowd(ready, "guardian", 2).come("guardian", 2)
    box.release()
    assert set(box.durable.crew) >= {"guardian", "relief"}
    box.badges[1005], box.badges[1015] = False, True
    for _ in range(GB.badge_ttl_s.value + 2):
        box.run(1)
    verdict = box.judged("guardian")
    assert [(reason.code, reason.subject) for reason in verdict.reasons] == [("few_guardians", "1 / 2"), ("badge_absent", "王监护")]
    assert box.mode is Mode.RELEASED, "the box warns first"
    box.run(GB.guardian_grace_s.value + 1)
    assert box.mode is Mode.TRIPPED
    assert box.step().relay is Relay.OPEN
    assert box.durable.first_out == Reason("few_guardians", "1 / 2", None, None, "", CLAUSE)


@ROLES
@pytest.mark.rule("guardians_here_count")
@pytest.mark.rule("performers_here_count")
@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_numbers_are_those_of_the_rules(ready: Bench, role: str, count: int) -> None:
    assert GB.guardians_here_count.clause == "GB 30871-2022 4.10; a site may ask for more"
    assert GB.performers_here_count.clause == "policy BOX-03; a site may ask for more"
    for here in range(4):
        assert Crowd(ready, role, count).come(role, here).judged(role).ok is (here >= count)


@ROLES
def test_a_sites_own_rules_ask_for_more_and_never_for_fewer(role: str) -> None:
    """Design "Rules": a site may only tighten."""
    header = "name: works-3\nzh: 三厂\nen: works 3\ntightens: gb30871-2022\n"

    def own(count: int) -> Rules:
        return rules.over(GB, rules.parse_site(f"{header}{ROWS[role]}: {{value: {count}, clause: x}}\n", "site.yaml"))

    assert getattr(own(2), ROWS[role]).value == 2
    assert getattr(own(1), ROWS[role]).value == 1
    with pytest.raises(ContractError, match=ROWS[role]):
        own(0)


def test_one_role_does_not_count_for_the_other(ready: Bench) -> None:
    box = Crowd(ready, "guardian", 2).come("performer", 3)
    assert not box.judged("guardian").ok
    assert box.judged("performer").ok
    assert [reason.code for reason in box.judged("faces").reasons] == ["few_guardians"]
