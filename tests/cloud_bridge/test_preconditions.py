"""Preconditions of a permit: entered in the form, signed with the content, shown, and carried to the box (PTW-11)."""

from datetime import timedelta

import msgspec
import pytest

from contracts import jws
from contracts.permit import PermitClaims, Precondition
from tests.cloud_bridge.box_side import BoxLog, read_keys
from tests.cloud_bridge.test_pages import client, decide, fields

COOLED = {"id": "", "text": "容器已冷却", "kind": "temperature", "limit": "37.5", "sensor": "vessel-1"}
BLINDED = {"id": "", "text": "7 号盲板已装", "kind": "isolation", "limit": "", "sensor": ""}
BRIEFED = {"id": "", "text": "安全交底完成", "kind": "confirm", "limit": "", "sensor": ""}
SEEN = {"id": "", "text": "阀 V-101 已关", "kind": "confirm", "limit": "", "sensor": "", "tag": "v-101"}


@pytest.fixture(scope="module")
def box(django_data):
    from cloud_bridge.boxes.registry import register

    return register("box-wants", BoxLog("box-wants").vkey)


def rows(*entered):
    return {f"precondition_{name}": [row.get(name, "") for row in entered] for name in SEEN}


def permit_of(answer):
    from cloud_bridge.permits.models import Permit

    assert answer.status_code == 302, answer.content.decode()
    return Permit.objects.get(jti=answer.url.split("/")[2])


def apply(box, *entered):
    return permit_of(client("shen").post("/permits/new", fields(box, **rows(*entered))))


def wanted(permit):
    from cloud_bridge.permits.content import preconditions_of

    return preconditions_of(permit)


def test_what_was_entered_is_signed_shown_and_carried_in_the_claims(box, django_data):
    from cloud_bridge.permits.signer import Keys, sign_all

    permit = apply(box, COOLED, BLINDED, SEEN)
    assert wanted(permit) == (
        Precondition("p1", "容器已冷却", "temperature", 37_500, "vessel-1"),
        Precondition("p2", "7 号盲板已装", "isolation"),
        Precondition("p3", "阀 V-101 已关", tag="v-101"),
    )
    for language, words in (
        ("zh-hans", ("不高于 37.5 °C", "隔离已证实", "读取点位 v-101 的标签")),
        ("en", ("at most 37.5 °C", "isolation proven", "by reading the tag of v-101")),
    ):
        page = client("fang", language).get(f"/permits/{permit.jti}/").content.decode()
        assert "容器已冷却" in page
        assert all(word in page for word in words)
    decide("fang", permit)
    decide("zhou", permit)
    sign_all(Keys.read(django_data))
    permit.refresh_from_db()
    keys = read_keys(django_data.public / "permit_keys.json")
    claims = jws.verify(permit.jws, jws.PERMIT, keys, PermitClaims)
    assert claims.preconditions == wanted(permit)
    shown = client("shen").get(f"/api/v1/permits/{permit.jti}").json()["preconditions"]
    assert [(p["id"], p["limit_milli"], p["tag"]) for p in shown] == [
        ("p1", 37_500, ""), ("p2", None, ""), ("p3", None, "v-101"),
    ]  # fmt: skip


def test_changing_a_precondition_takes_signatures_away(box):
    permit = apply(box, COOLED)
    signed = permit.content_sha256
    decide("fang", permit)
    changed = fields(box, **rows(COOLED | {"id": "p1", "limit": "60"}))
    permit_of(client("shen").post(f"/permits/{permit.jti}/edit", changed))
    permit.refresh_from_db()
    assert permit.content_sha256 != signed
    assert permit.valid_signatures() == []


def test_a_precondition_taken_away_behind_the_rules_back_is_never_signed(box, django_data):
    from cloud_bridge.permits.signer import Keys, sign_all

    permit = apply(box, COOLED, BLINDED)
    decide("fang", permit)
    decide("zhou", permit)
    permit.preconditions.filter(code="p1").delete()
    sign_all(Keys.read(django_data))
    permit.refresh_from_db()
    assert (permit.state, permit.jws) == ("revoked", "")


def test_a_row_that_no_box_would_read_is_revoked_and_the_signer_goes_on(box, django_data):
    from cloud_bridge.permits.content import content_of, digest
    from cloud_bridge.permits.models import Permit
    from cloud_bridge.permits.signer import Keys, sign_all

    permit, other = apply(box, COOLED), apply(box, BRIEFED)
    permit.preconditions.update(kind="hope")
    Permit.objects.filter(pk=permit.pk).update(content_sha256=digest(content_of(permit)))
    for each in (permit, other):
        each.refresh_from_db()
        decide("fang", each)
        decide("zhou", each)
    sign_all(Keys.read(django_data))
    permit.refresh_from_db()
    other.refresh_from_db()
    assert (permit.state, other.state) == ("revoked", "issued")
    assert "preconditions[0].kind" in permit.decided_note


@pytest.mark.parametrize(
    ("ahead_s", "state"), [(-5, "issued"), (30, "approved"), (90, "revoked")], ids=["before", "a little ahead", "ahead"]
)
def test_no_permit_is_issued_before_it_was_approved(box, django_data, ahead_s, state):
    """PTW-08: the signer waits for a clock a little ahead of its own; an approval dated further ahead is none."""
    from django.utils import timezone

    from cloud_bridge.permits.signer import Keys, sign_all

    permit = apply(box)
    decide("fang", permit)
    decide("zhou", permit)
    permit.signatures.filter(identity="zhou").update(at=timezone.now() + timedelta(seconds=ahead_s))
    sign_all(Keys.read(django_data))
    permit.refresh_from_db()
    assert (permit.state, bool(permit.jws)) == (state, state == "issued")
    if state == "revoked":
        assert "approvals[1].at" in permit.decided_note


def test_a_permit_without_preconditions_keeps_the_hash_of_its_signatures(box):
    from cloud_bridge.permits.content import content_of, digest

    permit = apply(box)
    assert "preconditions" not in msgspec.to_builtins(content_of(permit))
    assert digest(content_of(permit)) == permit.content_sha256


def test_names_are_made_for_new_rows_and_kept_for_old_ones(box):
    permit = apply(box, COOLED, BLINDED, BRIEFED)
    kept = [COOLED | {"id": "p2"}, BRIEFED, BLINDED | {"id": "lock-7"}, BRIEFED | {"text": "监火人到位"}]
    permit_of(client("shen").post(f"/permits/{permit.jti}/edit", fields(box, **rows(*kept))))
    assert [each.id for each in wanted(permit)] == ["p2", "p1", "lock-7", "p3"]


def test_the_form_of_a_permit_shows_its_rows_again(box):
    permit = apply(box, COOLED, BRIEFED, SEEN)
    page = client("shen").get(f"/permits/{permit.jti}/edit").content.decode()
    for text in ('value="容器已冷却"', 'value="37.5"', 'value="vessel-1"', 'value="安全交底完成"', 'value="p2"', 'value="v-101"'):
        assert text in page
    assert 'value="容器已冷却"' in client("shen").get("/permits/new").content.decode(), (
        "the last permit fills a new one"
    )


def test_empty_rows_do_not_count_and_text_is_composed(box):
    empty = dict.fromkeys(COOLED, "") | {"kind": "confirm"}
    permit = apply(box, empty, BRIEFED | {"text": "  cafe\u0301 geku\u0308hlt "}, empty)
    assert wanted(permit) == (Precondition("p1", "café gekühlt"),)


@pytest.mark.parametrize(
    ("row", "zh", "en"),
    [
        (COOLED | {"limit": ""}, "应填写温度上限", "Expected the highest temperature"),
        (COOLED | {"limit": "2001"}, "2000", "2000"),
        (COOLED | {"limit": "warm"}, "输入一个数", "Enter a number"),
        (COOLED | {"limit": "NaN"}, "输入一个数", "Enter a number"),
        (COOLED | {"sensor": "a b"}, "应为由字母、数字", "Expected a name of letters"),
        (BLINDED | {"limit": "40"}, "上限和传感器只用于设备温度", "Limit and sensor belong to a temperature only"),
        (
            BRIEFED | {"sensor": "vessel-1"},
            "上限和传感器只用于设备温度",
            "Limit and sensor belong to a temperature only",
        ),
        (COOLED | {"tag": "v-101"}, "设备温度须实测", "A temperature is measured"),
        (SEEN | {"tag": "阀门"}, "应为由字母、数字", "Expected a name of letters"),
        (COOLED | {"text": ""}, "应填写需满足的条件", "Expected what must hold"),
        (BRIEFED | {"text": "x" * 81}, "80", "80"),
        (BRIEFED | {"text": "已\u202e冷却"}, "不可见字符", "hidden characters"),
        (BRIEFED | {"text": "已\n冷却"}, "不可见字符", "hidden characters"),
        (BRIEFED | {"kind": "hope"}, "hope", "hope"),
    ],
    ids=str,
)
def test_a_row_says_what_was_expected_in_both_languages(box, row, zh, en):
    from cloud_bridge.permits.models import Permit

    before = Permit.objects.count()
    for language, text in (("zh-hans", zh), ("en", en)):
        answer = client("shen", language).post("/permits/new", fields(box, **rows(BRIEFED, row)))
        assert answer.status_code == 422
        page = answer.content.decode()
        assert text in page
        assert "安全交底完成" in page, "what was good stays"
    assert Permit.objects.count() == before


def test_more_than_a_permit_carries_or_one_name_twice_is_refused(box):
    many = [BRIEFED | {"text": f"条件 {n}"} for n in range(17)]
    answer = client("shen").post("/permits/new", fields(box, **rows(*many)))
    assert answer.status_code == 422
    assert "最多 16 项" in answer.content.decode()
    assert len(wanted(apply(box, *many[:16]))) == 16
    twice = client("shen").post("/permits/new", fields(box, **rows(COOLED | {"id": "a"}, BRIEFED | {"id": "a"})))
    assert "实际有重复" in twice.content.decode()
