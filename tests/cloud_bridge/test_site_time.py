"""People read the site's clock: no count of seconds reaches a page, a note or a table."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.cloud_bridge.box_side import BoxLog
from tests.cloud_bridge.test_pages import apply, client, decide

NOON = datetime(2030, 1, 1, 12, 0, 5, tzinfo=UTC)
NOON_S = int(NOON.timestamp())
SITE = "2030-01-01 20:00:05"
"""That noon by the clock of a site in China."""


@pytest.fixture(scope="module")
def box(django_data):
    from cloud_bridge.boxes.registry import register

    return register("box-clock", BoxLog("box-clock").vkey)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (f"exp: expected after now ({NOON_S}), got {NOON_S}; it has expired", f"exp: expected after now ({SITE}), got {SITE}; it has expired"),
        (f"at {NOON_S}000.", f"at {SITE}."),
        ("DH-20300101-001", "DH-20300101-001"), ("1234567890", "1234567890"), ("12.1893456005", "12.1893456005"),
        (f"sha {NOON_S}ab", f"sha {NOON_S}ab"), ("13912345678", "13912345678"), ("", ""),
    ],
)  # fmt: skip
def test_what_a_machine_counts_is_read_by_the_sites_clock(django_data, said, read):
    from cloud_bridge.site_time import with_times

    assert with_times(said) == read


@pytest.mark.parametrize("unit", ["unix_s", "s"])
def test_a_reason_with_a_moment_shows_the_sites_clock_and_one_with_a_duration_its_seconds(django_data, unit):
    """`unix_s` from a present box, `s` in logs of older ones."""
    from django.utils import translation

    from cloud_bridge.web import wording

    due = {
        "code": "calibration_due",
        "chan": "ch4-1",
        "value_milli": NOON_S * 1000,
        "limit_milli": NOON_S * 1000,
        "unit": unit,
    }
    old = {"code": "gas_test_old", "chan": "", "value_milli": 1_900_000, "limit_milli": 1_800_000, "unit": "s"}
    with translation.override("en"):
        assert wording.event_detail("interlock.arm_refused", due).endswith(f"{SITE}, limit {SITE}")
        assert wording.event_detail("interlock.arm_refused", old).endswith("1900 s, limit 1800 s")


def test_a_boxs_refusal_stands_on_the_permit_by_the_sites_clock(box, django_data):
    from cloud_bridge.boxes.signals import box_answered
    from cloud_bridge.permits.signer import Keys, sign_all
    from contracts.topics import Response

    permit = apply(box)
    decide("fang", permit)
    decide("zhou", permit)
    sign_all(Keys.read(django_data))
    detail = f"exp: expected after now ({NOON_S}), got {NOON_S}"
    box_answered.send(
        sender=type(box), box=box, response=Response(permit.jti, "permit", ok=False, code="expired", detail=detail)
    )
    page = client("shen").get(f"/permits/{permit.jti}/").content.decode()
    assert f"after now ({SITE})" in page
    assert str(NOON_S) not in page


def test_a_persons_ten_digits_stay_what_they_are(box):
    permit = apply(box)
    client("shen").post(f"/permits/{permit.jti}/revoke", {"reason": f"工单 {NOON_S}"})
    assert f"工单 {NOON_S}" in client("shen").get(f"/permits/{permit.jti}/").content.decode()


def test_a_permits_window_stands_everywhere_by_the_sites_clock(box, cli, monkeypatch):
    """Pages, the command's table, and ISO 8601 for programs."""
    from django.utils import timezone

    permit = apply(box)
    monkeypatch.setenv("COLUMNS", "200")
    local = f"{timezone.localtime(permit.ends):%H:%M:%S}"
    for page in (f"/permits/{permit.jti}/", "/permits/"):
        assert local in client("shen").get(page).content.decode()
    assert local[:5] in client("shen").get(f"/permits/{permit.jti}/edit").content.decode()
    assert local in cli("permit", "list")
    assert permit.ends.isoformat() in cli("permit", "list", "--json")
    written = permit.history.first().at
    assert f"{timezone.localtime(written):%Y-%m-%d %H:%M:%S}" in cli("permit", "show", permit.jti)


def test_a_refusal_of_the_rules_names_the_end_by_the_sites_clock(django_data):
    from cloud_bridge.permits import workflow
    from contracts.permit import Level

    with pytest.raises(workflow.Refused) as caught:
        workflow.check_window(Level.GRADE_2, NOON - timedelta(hours=1), NOON, NOON + timedelta(hours=1))
    assert caught.value.came == SITE
