"""Nobody goes on with a one-time password: pages lead to the one where it is changed, the API refuses."""

import pytest

from tests.cloud_bridge.running import CHANGE_PASSWORD, PASSWORD
from tests.cloud_bridge.test_pages import client

GIVEN = "given-by-the-administrator-9"


@pytest.fixture
def newcomer(django_data):
    """An applicant who still has the one-time password."""
    from django.contrib.auth.models import Group

    from cloud_bridge.people.models import User

    user = User(username="newcomer", display_name="新人")
    user.set_password(GIVEN)
    user.one_time_password = True
    user.save()
    user.groups.set(Group.objects.filter(name="applicant"))
    yield user
    user.delete()


def change(visitor, new, again=None, old=GIVEN):
    return visitor.post(CHANGE_PASSWORD, {"oldpassword": old, "password1": new, "password2": again or new})


@pytest.mark.parametrize(
    "page", ["/", "/permits/", "/permits/new", "/permits/X/", "/boxes/none/", "/admin/", "/api/v1/docs", "/nothing"]
)
def test_every_page_leads_to_the_change_of_a_one_time_password(newcomer, page):
    visitor = client("newcomer")
    for answer in (visitor.get(page), visitor.post(page)):
        assert (answer.status_code, answer.headers["Location"]) == (302, CHANGE_PASSWORD)


@pytest.mark.parametrize(
    "path", ["/api/v1/boxes", "/api/v1/permits", "/api/v1/openapi.json", "/api/v1/nothing", "/events/stream?after=0"]
)
def test_the_api_refuses_a_one_time_password_and_says_where_to_change_it(newcomer, path):
    answer = client("newcomer").get(path)
    assert answer.status_code == 403
    told = answer.json()
    assert (told["code"], told["change_at"]) == ("one_time_password", CHANGE_PASSWORD)
    assert "expected your own, got the one-time password" in told["detail"]


def test_changing_signing_out_language_and_health_stay_open(newcomer):
    visitor = client("newcomer")
    page = visitor.get(CHANGE_PASSWORD).content.decode()
    assert "您使用的是一次性密码" in page
    assert "/permits/new" not in page, "no way round in the navigation"
    assert visitor.get("/healthz").status_code == client().get("/healthz").status_code
    assert visitor.get("/static/web/style.css").status_code == 200
    assert visitor.post("/language", {"language": "en", "next": CHANGE_PASSWORD}).headers["Location"] == CHANGE_PASSWORD
    assert visitor.post("/accounts/logout/").headers["Location"].startswith("/accounts/login/")


def test_the_own_password_opens_everything(newcomer):
    visitor = client("newcomer")
    answer = change(visitor, PASSWORD)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert visitor.get("/permits/new").status_code == 200
    assert visitor.get("/api/v1/boxes").status_code == 200


def test_the_one_time_password_is_no_own_password(newcomer):
    visitor = client("newcomer")
    assert "实际与一次性密码相同" in change(visitor, GIVEN).content.decode()
    assert change(visitor, "short").status_code == 200
    assert visitor.get("/permits/").status_code == 302


def test_a_change_by_another_leaves_the_first_administrators_file(newcomer, django_data):
    django_data.first_password.write_text("kept\n")
    try:
        change(client("newcomer"), PASSWORD)
        assert django_data.first_password.exists()
    finally:
        django_data.first_password.unlink()


def test_a_password_that_an_administrator_gives_is_a_one_time_one(newcomer):
    from cloud_bridge.people.models import User

    root = client("root")
    change(client("newcomer"), PASSWORD)
    given = {"password1": GIVEN, "password2": GIVEN, "usable_password": "true"}
    answer = root.post(f"/admin/people/user/{newcomer.pk}/password/", given)
    assert answer.status_code == 302, answer.content.decode()
    newcomer.refresh_from_db()
    assert newcomer.check_password(GIVEN)
    assert newcomer.one_time_password
    fresh = given | {"username": "fresh", "display_name": "新来", "office": "", "person": ""}
    answer = root.post("/admin/people/user/add/", fresh)
    assert answer.status_code == 302, answer.content.decode()
    assert User.objects.get(username="fresh").one_time_password
    root.post(
        f"/admin/people/user/{newcomer.pk}/change/", {"username": "newcomer", "display_name": "新人", "is_active": "on"}
    )
    change(client("newcomer"), PASSWORD)
    newcomer.refresh_from_db()
    assert not newcomer.one_time_password
    User.objects.filter(username="fresh").delete()
