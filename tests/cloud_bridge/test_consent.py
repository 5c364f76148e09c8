"""Before a picture is taken somebody agrees to exact words, before a witness who knows who it is; and may always end it."""

import re
import time
from hashlib import sha256 as digest

import pytest

from tests.cloud_bridge.enrolling import agreed, enrolled, person, user
from tests.cloud_bridge.test_pages import client


@pytest.fixture(autouse=True)
def _nobody_agreed(django_data):
    """Each test begins with nobody enrolled and the default policy."""
    from cloud_bridge.enrolment.models import Consent, FaceDelivery, FacePolicy, FaceTemplate

    for table in (FaceDelivery, FaceTemplate, Consent, FacePolicy):
        table.objects.all().delete()


def shown(officer, code, language="zh-hans"):
    """The page, and the hash of the words on it."""
    page = client(officer, language).get(f"/faces/{code}/").content.decode()
    found = re.search(r'name="text_sha256" value="([0-9a-f]{64})"', page)
    return page, found[1] if found else ""


def agree(officer, code, sha256, language="zh-hans", **changes):
    fields = {"text_sha256": sha256, "signed_as": person(code).name, "looked": "1"} | changes
    return client(officer, language).post(f"/faces/{code}/consent", fields)


def held(code):
    from cloud_bridge.enrolment import service

    return service.current_consent(person(code))


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_a_person_reads_signs_and_the_record_says_who_when_and_to_which_words(language):
    page, sha256 = shown("an", "performer", language)
    assert ("人脸信息处理单独同意书" if language == "zh-hans" else "Separate consent") in page
    assert agree("an", "performer", sha256, language).url == "/faces/performer/"
    consent = held("performer")
    assert (consent.text.sha256, consent.text.language) == (sha256, language)
    assert (consent.signed_as, consent.witness, consent.witness_name) == ("张伟", "an", "安全员 安然")
    assert consent.given_ms > 0
    assert digest(consent.text.text.encode()).hexdigest() == sha256


REFUSED = {
    "nobody has looked who it is": {"looked": ""},
    "another name": {"signed_as": "李娜"},
    "no name": {"signed_as": ""},
    "other words": {"text_sha256": "0" * 64},
}


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED)
def test_without_the_persons_own_name_and_a_look_at_the_identity_there_is_no_consent(changes):
    """ANT-01, CER-09: the face that is enrolled is the face of the name."""
    _, sha256 = shown("an", "performer")
    agree("an", "performer", changes.pop("text_sha256", sha256), **changes)
    assert held("performer") is None


def test_a_name_may_be_typed_with_other_spaces_and_widths():
    _, sha256 = shown("an", "performer")
    agree("an", "performer", sha256, signed_as=" 张　伟 ")
    assert held("performer") is not None


def test_whoever_may_not_enrol_sees_and_records_nothing():
    """shen applies for permits, nobody has no role."""
    _, sha256 = shown("an", "performer")
    for stranger in ("shen", "fang", "nobody"):
        assert client(stranger).get("/faces/").status_code == 403
        assert client(stranger).get("/faces/performer/").status_code == 403
        assert agree(stranger, "performer", sha256).status_code == 403
    assert held("performer") is None
    assert client().get("/faces/").url.startswith("/accounts/login/")


@pytest.fixture
def officer_of_the_crew(django_data):
    """A safety officer who also works at the boxes."""
    officer = user("an")
    officer.person = person("anran", "安然")
    officer.save()
    yield officer
    officer.person = None
    officer.save()


def test_nobody_enrols_the_own_face(officer_of_the_crew):
    """Or the one face that everybody's templates must differ from would be nobody's to check."""
    page, sha256 = shown("an", "anran")
    assert sha256 == ""
    agree("an", "anran", sha256, signed_as="安然")
    assert held("anran") is None
    assert "任何人不能登记自己的人脸" in page


def test_a_change_of_the_words_needs_a_new_consent():
    from cloud_bridge.enrolment.models import FacePolicy

    agreed("performer")
    assert held("performer") is not None
    FacePolicy.objects.create(pk=1, operator="某化工有限公司", contact="privacy@site.example")
    assert held("performer") is None, "these are other words"
    page, _ = shown("an", "performer")
    assert "某化工有限公司" in page
    assert "privacy@site.example" in page


def test_the_words_say_when_pictures_are_kept():
    from cloud_bridge.enrolment.models import FacePolicy

    assert "照片不保存" in shown("an", "performer")[0]
    FacePolicy.objects.create(pk=1, keep_stills=True)
    assert "照片按本单位规定另行留存" in shown("an", "performer")[0]


def test_a_new_consent_ends_the_old_one_and_both_stay_on_record():
    from cloud_bridge.enrolment.models import Consent

    first, second = agreed("performer"), agreed("performer", language="en")
    first.refresh_from_db()
    assert (first.ended_why, second.ended_ms) == ("replaced", 0)
    assert Consent.objects.count() == 2


@pytest.mark.parametrize("by", ["officer", "self"])
def test_withdrawing_deletes_the_template_at_once(django_data, by, officer_of_the_crew):
    """PIPL 15, GDPR 7(3)."""
    from cloud_bridge.enrolment.models import Consent, FaceTemplate

    code = "anran" if by == "self" else "performer"
    if by == "self":
        agreed("anran", "root")  # another one does it for an officer
    else:
        enrolled(django_data, code)
        assert FaceTemplate.objects.count() == 1
    answer = client("an").post(f"/faces/{code}/withdraw")
    assert answer.status_code == 302
    assert not FaceTemplate.objects.exists()
    ended = Consent.objects.get(person__code=code, ended_why="withdrawn")
    assert (ended.ended_name, ended.ended_ms > 0) == ("安全员 安然", True)


def test_somebody_else_cannot_withdraw_for_another():
    agreed("performer")
    assert client("shen").post("/faces/performer/withdraw").status_code == 302
    assert held("performer") is not None


def test_people_who_left_or_whom_no_permit_needs_are_forgotten(django_data):
    from cloud_bridge.enrolment import service
    from cloud_bridge.enrolment.models import Consent, FacePolicy, FaceTemplate

    now = int(time.time())
    enrolled(django_data, "performer", created=now)
    enrolled(django_data, "retired", created=now - 400 * 86_400)
    left = person("gone")
    enrolled(django_data, "gone", created=now)
    left.active = False
    left.save()
    assert set(service.forget_unneeded()) == {"retired", "gone"}
    assert [held.person.code for held in FaceTemplate.objects.all()] == ["performer"]
    assert set(Consent.objects.exclude(ended_ms=0).values_list("person__code", "ended_why")) == {
        ("retired", "unused"), ("gone", "left"),
    }  # fmt: skip
    FacePolicy.objects.create(pk=1, unused_days=500)
    assert service.forget_unneeded() == []


def test_the_list_shows_who_engine_and_age_and_never_a_number_of_a_face(django_data):
    import numpy as np

    rows = np.full((3, 128), 0.123456, np.float32)
    enrolled(django_data, "performer", rows)
    for page in (client("an").get("/faces/"), client("an").get("/faces/performer/")):
        text = page.content.decode()
        assert "dlib-test" in text
        assert "0.123456" not in text
        assert rows[0].tobytes() not in page.content
    assert "未登记" in client("root").get("/faces/").content.decode()


def test_the_administration_offers_no_way_to_a_template(django_data):
    answer = client("root").get("/admin/")
    assert "/admin/enrolment/facepolicy/" in answer.content.decode()
    assert "facetemplate" not in answer.content.decode()
    assert client("root").get("/admin/enrolment/facepolicy/add/").status_code == 200


def test_a_bridge_without_the_engine_says_where_people_are_enrolled(monkeypatch):
    monkeypatch.setattr("cloud_bridge.enrolment.available.find_spec", lambda _name: None)
    text = client("an").get("/faces/performer/").content.decode()
    assert "hotbox enrol" in text
    assert "text_sha256" not in text
    answer = client("an").post("/faces/performer/stills", data="{}", content_type="application/json")
    assert (answer.status_code, "盒子" in answer.json()["message"]) == (409, True)


def test_the_list_says_whether_pictures_are_kept():
    from cloud_bridge.enrolment.models import FacePolicy

    assert "never a picture" in client("an", "en").get("/faces/").content.decode()
    FacePolicy.objects.create(pk=1, keep_stills=True)
    page = client("an", "en").get("/faces/").content.decode()
    assert "never a picture" not in page
    assert "the pictures of each enrolment" in page


@pytest.mark.parametrize(("language", "words"), [
    ("zh-hans", ("录像", "消息代理", "直接在盒子上登记的人脸不会因此删除")),
    ("en", ("also films the place of work", "message broker", "enrolled directly at a box is not deleted by this")),
])  # fmt: skip
def test_the_words_name_recordings_and_what_a_withdrawal_does_not_reach(language, words):
    page, _ = shown("an", "performer", language)
    assert all(each in page for each in words)


def test_whoever_agreed_to_older_words_is_asked_again():
    """A change of any word is a new version."""
    from cloud_bridge.enrolment import consent
    from cloud_bridge.enrolment.models import Consent, ConsentText

    text = "the words of version 1"
    old = ConsentText.objects.create(sha256=consent.digest(text), version="1", language="en", text=text)
    made = Consent.objects.create(
        person=person("performer"), text=old, given_ms=1, signed_as="张伟", witness="an", witness_name="an"
    )
    assert old.version < consent.VERSION
    assert held("performer") is None
    assert Consent.objects.get(pk=made.pk).ended_ms == 0, "what was agreed to stays, with its words"
