"""A permit may name more than one performer and guardian: a site asks for so many at once (PTW-10, BOX-03)."""

import pytest

from contracts import jws
from contracts.permit import MAX_PEOPLE, PermitClaims, Role
from tests.cloud_bridge.box_side import BoxLog, read_keys
from tests.cloud_bridge.test_pages import apply, client, decide, fields


@pytest.fixture(scope="module")
def box(django_data):
    from cloud_bridge.boxes.registry import register
    from cloud_bridge.people.models import Person

    for n in range(MAX_PEOPLE):
        Person.objects.create(code=f"hand-{n}", name=f"工{n}", badge=3000 + n)
    return register("box-crew", BoxLog("box-crew").vkey)


def test_further_people_are_signed_and_carried_in_the_claims(box, django_data):
    from cloud_bridge.permits.signer import Keys, sign_all

    permit = apply(box, other_performers=["hand-0"], other_guardians=["hand-1", "hand-2"])
    decide("fang", permit)
    decide("zhou", permit)
    sign_all(Keys.read(django_data))
    permit.refresh_from_db()
    claims = jws.verify(permit.jws, jws.PERMIT, read_keys(django_data.public / "permit_keys.json"), PermitClaims)
    assert [person.id for person in claims.people_in(Role.PERFORMER)] == ["performer", "hand-0"]
    assert [person.id for person in claims.people_in(Role.GUARDIAN)] == ["guardian", "hand-1", "hand-2"]
    page = client("fang").get(f"/permits/{permit.jti}/").content.decode()
    assert "工1" in page


def test_the_form_shows_them_again_and_they_can_be_taken_out(box):
    permit = apply(box, other_guardians=["hand-3"])
    page = client("shen").get(f"/permits/{permit.jti}/edit").content.decode()
    assert '<option value="hand-3" selected>' in page
    signed = permit.content_sha256
    assert client("shen").post(f"/permits/{permit.jti}/edit", fields(box)).status_code == 302
    permit.refresh_from_db()
    assert permit.crew.count() == 2
    assert permit.content_sha256 != signed


@pytest.mark.parametrize(
    "twice",
    [{"other_guardians": ["performer"]}, {"other_performers": ["guardian"]}, {"other_performers": ["performer"]},
     {"other_performers": ["hand-4"], "other_guardians": ["hand-4"]}],
    ids=str,
)  # fmt: skip
def test_everybody_is_named_once_in_one_role(box, twice):
    for language, words in (("zh-hans", "每人只应列名一次"), ("en", "Expected everybody once")):
        answer = client("shen", language).post("/permits/new", fields(box, **twice))
        assert answer.status_code == 422
        assert words in answer.content.decode()


@pytest.mark.parametrize(("others", "status"), [(MAX_PEOPLE - 2, 302), (MAX_PEOPLE - 1, 422)])
def test_a_permit_names_no_more_people_than_a_box_reads(box, others, status):
    hands = [f"hand-{n}" for n in range(others)]
    assert client("shen").post("/permits/new", fields(box, other_guardians=hands)).status_code == status


def test_what_no_form_would_send_is_refused_too(box):
    """The service is what the API and tests use: it does not trust a form."""
    from dataclasses import replace

    from cloud_bridge.people.models import Person, User
    from cloud_bridge.permits import service
    from cloud_bridge.permits.forms import PermitForm
    from cloud_bridge.permits.workflow import Refused

    form = PermitForm(_query(fields(box)))
    assert form.is_valid(), form.errors
    application, shen = form.application(), User.objects.get(username="shen")
    for changes in (
        {"other_guardians": (application.performer,)},
        {"other_guardians": tuple(Person.objects.filter(code__startswith="hand-")[: MAX_PEOPLE - 1])},
    ):
        with pytest.raises(Refused):
            service.apply(shen, replace(application, **changes))


def _query(data):
    from django.http import QueryDict

    query = QueryDict(mutable=True)
    for name, value in data.items():
        query[name] = value.pk if name == "box" and hasattr(value, "pk") else value
    return query
