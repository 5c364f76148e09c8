"""`hotbox-bridge user` and `hotbox-bridge person`."""

import json

from tests.cloud_bridge.running import PASSWORD


def test_a_user_gets_name_office_role_and_a_hashed_password(cli, django_data):
    cli(
        "user",
        "add",
        "hua",
        "--role",
        "approver",
        "--display",
        "花蕾",
        "--office",
        "设备部",
        "--password-stdin",
        text=PASSWORD + "\n",
    )
    [row] = [row for row in json.loads(cli("user", "list", "--json")) if row["user"] == "hua"]
    assert (row["name"], row["office"], row["roles"]) == ("花蕾", "设备部", "approver")
    from cloud_bridge.people.models import User

    user = User.objects.get(username="hua")
    assert user.check_password(PASSWORD)
    assert not user.one_time_password
    assert PASSWORD not in user.password


def test_without_a_password_a_one_time_one_is_printed(cli, django_data):
    said = cli("user", "add", "yu", "--role", "applicant")
    from cloud_bridge.people.models import User

    user = User.objects.get(username="yu")
    assert user.check_password(said.strip().rsplit(" ", 1)[1])
    assert user.one_time_password


def test_an_approver_without_an_office_is_refused(cli):
    assert "two different offices" in cli("user", "add", "x", "--role", "approver", code=2)


def test_a_user_cannot_borrow_a_persons_code(cli):
    assert "--person performer" in cli("user", "add", "performer", "--role", "approver", "--office", "A", code=2)


def test_a_user_who_is_one_of_the_crew_signs_under_the_persons_code(cli, django_data):
    cli("person", "add", "welder-9", "--name", "焊工九", "--badge", "9009")
    cli("user", "add", "nine", "--role", "approver", "--office", "班组", "--person", "welder-9")
    from cloud_bridge.people.models import User

    assert User.objects.get(username="nine").identity == "welder-9"


def test_a_badge_belongs_to_one_person(cli):
    assert "expected a valid person" in cli("person", "add", "second", "--name", "乙", "--badge", "1001", code=2)
    badges = {row["code"]: row["badge"] for row in json.loads(cli("person", "list", "--json"))}
    assert badges["guardian"] == 1002
