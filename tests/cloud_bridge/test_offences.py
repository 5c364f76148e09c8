"""A refused face accuses nobody; an offence is what an officer confirmed after hearing the worker (ANT-02)."""

import time

import pytest

from contracts import topics
from tests.cloud_bridge.box_side import BoxLog
from tests.cloud_bridge.enrolling import person, user
from tests.cloud_bridge.test_pages import apply, client, decide, state

SEEN = {"code": "stranger", "chan": "", "nearest": "performer", "distance_milli": 640, "limit_milli": 600}


@pytest.fixture
def log(django_data, request):
    from cloud_bridge.boxes.registry import register
    from cloud_bridge.offences.models import Candidate, Offence
    from cloud_bridge.people.models import Suspension

    found = BoxLog(f"box-face-{abs(hash(request.node.name)) % 10**8}")
    register(found.box, found.vkey, name="反应釜盒")
    yield found
    Offence.objects.all().delete()
    Candidate.objects.all().delete()
    Suspension.objects.all().delete()


def refused(log, permit="HW-1", signed=True, **changes):
    """A refused face in the box's log, signed for; the candidates that stand then."""
    from cloud_bridge.boxes.store import store_batch
    from cloud_bridge.offences.models import Candidate

    first = len(log.leaves)
    log.leaf("identity.refused", "warning", permit, **(SEEN | changes))
    store_batch(log.box, *topics.unpack_batch(log.batch(first)))
    if signed:
        log.witness()
    return list(Candidate.objects.filter(box_id=log.box))


def judge(officer, candidate, decision="confirm", who="shifu", finding="监控录像核对工牌", statement="师傅让我替一下", language="zh-hans"):
    fields = {"decision": decision, "person": who, "finding": finding, "statement": statement}
    return client(officer, language).post(f"/refused-faces/{candidate.pk}/", fields)


def offences(code="shifu"):
    from cloud_bridge.offences.models import Offence

    return list(Offence.objects.filter(person__code=code).order_by("number"))


def suspended(code="shifu"):
    from cloud_bridge.people.standing import barred

    return bool(barred([person(code)]))


@pytest.fixture(autouse=True)
def _shifu(django_data):
    person("shifu", "石福", 6001)


def test_a_refused_face_in_the_log_is_a_candidate_and_nobodys_offence(log):
    """At once with the record; the one whom the face resembles is not the one who stood there."""
    (found,) = refused(log)
    assert (found.nearest, found.distance_milli, found.permit, found.state) == ("performer", 640, "HW-1", "open")
    assert not offences("performer")
    assert not suspended("performer")


def test_whoever_can_publish_for_a_box_puts_nobodys_name_before_the_officers(log):
    """ANT-02: `nearest` is a person's name; a record that nobody signed for names none."""
    (found,) = refused(log)
    forged = log.begun_by_another(2)
    forged.leaf("identity.refused", "warning", "HW-1", **(SEEN | {"nearest": "shifu"}))
    forged.leaf("identity.refused", "warning", "HW-1", **SEEN)
    forged.store()
    assert len(refused(log, "HW-1", signed=False)) == 1
    found.refresh_from_db()
    assert (found.count, found.nearest) == (1, "performer")
    log.witness()
    found.refresh_from_db()
    assert found.count == 2


def test_the_same_face_again_is_the_same_candidate_and_another_permit_another_one(log):
    refused(log)
    (found,) = refused(log, distance_milli=650)
    assert found.count == 2
    assert len(refused(log, permit="HW-2")) == 2


def test_after_a_while_or_once_judged_it_is_a_new_one(log):
    from cloud_bridge.offences.models import Candidate
    from cloud_bridge.offences.receivers import SAME_MS

    (found,) = refused(log)
    Candidate.objects.filter(pk=found.pk).update(first_ms=found.first_ms - SAME_MS - 5000, last_ms=found.last_ms - SAME_MS - 5000)
    second = next(row for row in refused(log) if row.pk != found.pk)
    judge("an", second, "dismiss", finding="送水人员路过")
    assert len(refused(log)) == 3


def test_a_log_that_says_strange_things_harms_nothing(log):
    (found,) = refused(log, nearest=["x"], distance_milli="far", limit_milli=2**40)
    assert (found.distance_milli, found.limit_milli) == (-1, -1)


@pytest.mark.parametrize("permit", ["a/b", "../x", "HW 1", "动火", "x" * 65, "?", "#"])
def test_a_permit_that_is_no_number_breaks_no_page(log, permit):
    """One box's odd word must not take the officers' pages from them; its leaf keeps it."""
    (candidate,) = refused(log, permit)
    assert candidate.permit == ""
    for page in ("/refused-faces/", f"/refused-faces/{candidate.pk}/", "/", f"/boxes/{log.box}/"):
        assert client("an").get(page).status_code == 200, page
    assert judge("an", candidate, "dismiss").status_code == 302


def test_the_first_offence_is_a_warning(log):
    """ANT-02: 首次警告."""
    (found,) = refused(log)
    assert judge("an", found).status_code == 302
    (made,) = offences()
    assert (made.number, made.warning, made.statement, made.officer_name) == (1, True, "师傅让我替一下", "安全员 安然")
    assert not suspended()
    found.refresh_from_db()
    assert (found.state, found.judged_by) == ("confirmed", "an")


def test_the_second_suspends_until_retraining_is_recorded(log):
    """ANT-02: 二次停岗培训."""
    for permit in ("HW-1", "HW-2"):
        judge("an", refused(log, permit=permit)[0])
    assert [made.number for made in offences()] == [1, 2]
    assert suspended()
    assert "石福" in client("an").get("/refused-faces/").content.decode()
    client("an").post("/suspensions/shifu/lift", {"training": ""})
    assert suspended(), "nothing shows the training"
    client("shen").post("/suspensions/shifu/lift", {"training": "x"})
    assert suspended(), "an applicant may not"
    client("an").post("/suspensions/shifu/lift", {"training": "动火安全再培训 2026-11-20 合格"})
    assert not suspended()


def test_a_third_one_suspends_again_and_one_while_suspended_is_recorded_too(log):
    for number in (1, 2, 3):
        judge("an", refused(log, permit=f"HW-{number}")[0])
    assert [made.number for made in offences()] == [1, 2, 3]
    assert offences()[1].suspension == offences()[2].suspension
    client("an").post("/suspensions/shifu/lift", {"training": "合格"})
    judge("an", refused(log, permit="HW-4")[0])
    assert suspended()


NOT_CONFIRMED = {
    "nobody was heard": {"statement": "  "},
    "nothing was found out": {"finding": ""},
    "nobody is named": {"who": ""},
}


@pytest.mark.parametrize("changes", NOT_CONFIRMED.values(), ids=NOT_CONFIRMED)
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_there_is_no_offence_without_finding_person_and_statement(log, changes, language):
    (found,) = refused(log)
    answer = judge("an", found, language=language, **changes)
    assert answer.status_code == 422
    assert ("应为" if language == "zh-hans" else "Expected") in answer.content.decode()
    assert not offences()


def test_only_a_safety_officer_judges_and_never_the_own_case(log):
    (found,) = refused(log)
    for stranger in ("shen", "fang", "root", "nobody"):
        assert judge(stranger, found).status_code == 403
        assert client(stranger).get("/refused-faces/").status_code == 403
    officer = user("an")
    officer.person = person("shifu")
    officer.save()
    try:
        assert judge("an", found).status_code == 422
    finally:
        officer.person = None
        officer.save()
    assert not offences()


@pytest.mark.parametrize("decision", ["dismiss", "confirm"])
@pytest.mark.parametrize("how", ["on the crew", "resembled"])
def test_an_officer_whom_the_case_concerns_judges_nothing_in_it(log, how, decision):
    """Whoever lent the place, or lost it, does not say that nothing was."""
    from cloud_bridge.boxes.models import Box

    permit = apply(Box.objects.get(pk=log.box), guardian="shifu")
    (found,) = refused(log, permit=permit.jti, nearest="shifu" if how == "resembled" else "performer")
    officer = user("an")
    officer.person = person("shifu")
    officer.save()
    try:
        answer = judge("an", found, decision, who="performer", finding="没有什么")
        assert (answer.status_code, "与本案无关" in answer.content.decode()) == (422, True)
    finally:
        officer.person = None
        officer.save()
    found.refresh_from_db()
    assert found.state == "open"
    assert judge("an", found, decision).status_code == 302, "another officer may"


def test_two_impostors_are_two_cases_however_near(log):
    refused(log, nearest="performer")
    refused(log, nearest="guardian")
    refused(log, nearest="", distance_milli=-1)
    cases = refused(log, nearest="performer", code="face_far")
    assert sorted((row.nearest, row.code, row.count) for row in cases) == [
        ("", "stranger", 1), ("guardian", "stranger", 1), ("performer", "face_far", 1), ("performer", "stranger", 1),
    ]  # fmt: skip


def test_a_case_does_not_grow_on_for_ever(log):
    """A face that is refused every nine minutes is not one happening all day."""
    from cloud_bridge.offences.models import Candidate
    from cloud_bridge.offences.receivers import SAME_MS

    (found,) = refused(log)
    Candidate.objects.filter(pk=found.pk).update(first_ms=found.first_ms - SAME_MS - 5000)
    assert [row.count for row in refused(log)] == [1, 1]


def test_several_people_may_have_offended_in_one_case(log):
    """The one who stood there, and the one who let it happen."""
    (found,) = refused(log)
    assert judge("an", found).status_code == 302
    assert judge("an", found).status_code == 422, "not the same person twice"
    assert judge("an", found, "dismiss").status_code == 422, "what is confirmed is not dismissed"
    assert judge("an", found, who="guardian", statement="我没看住").status_code == 302
    assert [len(offences(code)) for code in ("shifu", "guardian")] == [1, 1]
    page = client("an").get(f"/refused-faces/{found.pk}/").content.decode()
    assert all(word in page for word in ("师傅让我替一下", "我没看住"))
    assert 'value="dismiss"' not in page


def test_what_was_judged_is_not_judged_again(log):
    (found,) = refused(log)
    judge("an", found, "dismiss", finding="送水人员路过")
    assert judge("an", found).status_code == 422
    assert not offences()
    page = client("an").get(f"/refused-faces/{found.pk}/").content.decode()
    assert "送水人员路过" in page
    assert 'name="decision"' not in page


def test_a_dismissal_needs_a_reason(log):
    (found,) = refused(log)
    assert judge("an", found, "dismiss", finding="").status_code == 422


def bar(code="shifu"):
    """Suspended, and nothing done about it yet."""
    from cloud_bridge.people.models import Suspension

    Suspension.objects.create(person=person(code), since_ms=int(time.time() * 1000), why="x", by="x", by_name="x")


def suspend(code="shifu"):
    from cloud_bridge.offences import service

    return service._suspend(person(code), user("an"), "test")


def test_a_suspended_person_is_on_no_new_permit(log):
    """The form says so beside the name, and the service refuses whatever the form was."""
    from cloud_bridge.boxes.models import Box
    from cloud_bridge.permits import service
    from cloud_bridge.permits.workflow import Refused
    from tests.cloud_bridge.test_pages import fields

    site = Box.objects.get(pk=log.box)
    permit = apply(site, performer="shifu")
    bar()
    for role in ("performer", "guardian", "other_performers"):
        answer = client("shen").post("/permits/new", fields(site, **{role: "shifu"}))
        assert answer.status_code == 422
        assert "已停岗" in answer.content.decode()
    with pytest.raises(Refused, match="石福"):
        service.approve(user("fang"), permit.jti, permit.content_sha256)


def test_suspending_somebody_takes_the_live_permits_back(log, django_data):
    """The box refuses at once: what names a suspended person is revoked, signed or not."""
    from cloud_bridge.boxes.models import Box, RevocationList
    from cloud_bridge.permits.signer import Keys, sign_permit

    site = Box.objects.get(pk=log.box)
    signed, fresh, other = (apply(site, performer=who) for who in ("shifu", "shifu", "performer"))
    for officer in ("fang", "zhou"):
        signed.refresh_from_db()
        decide(officer, signed)
    signed.refresh_from_db()
    assert sign_permit(signed, Keys.read(django_data))
    suspend()
    assert [state(permit) for permit in (signed, fresh, other)] == ["revoked", "revoked", "pending_approval"]
    assert RevocationList.objects.get(box=site).wanted
    assert "石福" in signed.decided_note


def test_nobody_signs_a_permit_whose_people_were_suspended_meanwhile(log, django_data):
    from cloud_bridge.boxes.models import Box
    from cloud_bridge.permits.signer import Keys, sign_permit

    permit = apply(Box.objects.get(pk=log.box), performer="shifu")
    for officer in ("fang", "zhou"):
        permit.refresh_from_db()
        decide(officer, permit)
    permit.refresh_from_db()
    bar()
    assert not sign_permit(permit, Keys.read(django_data))


def test_pages_show_what_waits_and_only_to_who_may_judge(log):
    (found,) = refused(log)
    page = client("an").get("/").content.decode()
    assert '<span class="waiting">1</span>' in page
    assert "人脸被拒" not in client("shen").get("/").content.decode().split("</nav>")[0]
    text = client("an", "en").get(f"/refused-faces/{found.pk}/").content.decode()
    assert "0.64" in text
    assert "not who stood there" in text


def test_whom_a_refused_face_resembles_is_for_those_who_look_into_it(log):
    """The record is everybody's, the hint is not: it accuses nobody, and would be read as if it did."""
    refused(log)

    def data(reader):
        (found,) = client(reader).get(f"/api/v1/events?box={log.box}&type=identity.refused").json()["events"]
        return found["event"]["data"]

    assert (data("an")["nearest"], data("an")["distance_milli"]) == ("performer", 640)
    assert data("shen") == {"code": "stranger", "chan": "", "limit_milli": 600}
