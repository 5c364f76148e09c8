"""`hotbox-bridge user` and `hotbox-bridge person`."""

import secrets
import sys
from typing import Annotated

import typer

from cloud_bridge.commands.output import fail, rows
from cloud_bridge.people.roles import Role
from cloud_bridge.prepare import prepare

user_app = typer.Typer(no_args_is_help=True)
person_app = typer.Typer(no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="As JSON. / 输出 JSON。")]


@user_app.command("add")
def add_user(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="User name. / 用户名。")],
    role: Annotated[list[Role], typer.Option(help="Role, may be repeated. / 角色，可重复。")],
    display: Annotated[str, typer.Option(help="Name on pages and permits. / 姓名。")] = "",
    office: Annotated[str, typer.Option(help="Office; approvers need one. / 职务或部门。")] = "",
    person: Annotated[str, typer.Option(help="Code of the person this user is. / 对应现场人员编号。")] = "",
    password_stdin: Annotated[
        bool, typer.Option(help="Read the password from standard input. / 从标准输入读取密码。")
    ] = False,
) -> None:
    """Add a user, or give an existing one other roles. Without --password-stdin a one-time password is printed. / 添加用户。"""
    prepare(context.obj)
    given = sys.stdin.readline().rstrip("\n") if password_stdin else ""
    if password_stdin and not given:
        fail("a password on standard input", "nothing", "write it as one line")
    password = save_user(name, role, display=display, office=office, person=person, password=given)
    typer.echo(
        f"{name}: {', '.join(r.value for r in role)}"
        + (f", one-time password {password}" if password and not given else "")
    )


def save_user(name: str, role: list[Role], *, display: str, office: str, person: str, password: str) -> str:
    """Add or change a user; gives the password: the given one, a new one-time password, or "" when it stays."""
    from django.contrib.auth.models import Group
    from django.core.exceptions import ValidationError
    from django.db import transaction

    from cloud_bridge.people.models import Person, User

    if Role.APPROVER in role and not office:
        fail("--office for an approver", "none", "permits need approvers of two different offices")
    crew = Person.objects.filter(code=person).first() if person else None
    if person and crew is None:
        fail("the code of a person", person, f"run: hotbox-bridge person add {person} --name NAME --badge NUMBER")
    if crew is None and Person.objects.filter(code=name).exists():
        fail("a user name that is no person's code", name, f"give --person {name}, or choose another user name")
    with transaction.atomic():
        user = User.objects.filter(username=name).first() or User(username=name)
        fresh = user.pk is None
        user.display_name = display or user.display_name or name
        user.office = office or user.office
        user.person = crew or user.person
        user.is_staff = Role.ADMIN in role
        chosen = password or (secrets.token_urlsafe(9) if fresh else "")
        if chosen:
            user.set_password(chosen)
            user.one_time_password = not password
        try:
            user.full_clean()
        except ValidationError as error:
            fail("a valid user", "; ".join(error.messages), "correct it")
        user.save()
        user.groups.set(Group.objects.filter(name__in=[r.value for r in role]))
    return chosen


@user_app.command("list")
def list_users(context: typer.Context, as_json: AsJson = False) -> None:
    """All users. / 列出用户。"""
    prepare(context.obj)
    from cloud_bridge.people.models import User

    found = [
        {
            "user": u.username,
            "name": u.display_name,
            "office": u.office,
            "roles": ", ".join(sorted(r.value for r in u.roles)),
            "person": u.person.code if u.person else "",
            "active": u.is_active,
        }
        for u in User.objects.order_by("username")
    ]
    rows("users", ("user", "name", "office", "roles", "person", "active"), found, as_json=as_json)


@person_app.command("add")
def add_person(
    context: typer.Context,
    code: Annotated[str, typer.Argument(help="Code, as in the box's roster. / 人员编号。")],
    name: Annotated[str, typer.Option(help="Name. / 姓名。")],
    badge: Annotated[int, typer.Option(help="Badge number. / 胸牌号。", min=1, max=2**32 - 1)],
    office: Annotated[str, typer.Option(help="Office. / 部门。")] = "",
) -> None:
    """Add a person, or change name, badge, office. / 添加现场人员。"""
    prepare(context.obj)
    save_person(code, name, badge, office)
    typer.echo(f"{code}: {name}, badge {badge}")


def save_person(code: str, name: str, badge: int, office: str) -> None:
    """Add or change a person at the boxes."""
    from django.core.exceptions import ValidationError

    from cloud_bridge.people.models import Person

    person = Person.objects.filter(code=code).first() or Person(code=code)
    person.name, person.badge, person.office = name, badge, office or person.office
    try:
        person.full_clean()
    except ValidationError as error:
        fail("a valid person", "; ".join(error.messages), "correct it")
    person.save()


@person_app.command("list")
def list_people(context: typer.Context, as_json: AsJson = False) -> None:
    """All people at the boxes. / 列出现场人员。"""
    prepare(context.obj)
    from cloud_bridge.people.models import Person

    found = [
        {"code": p.code, "name": p.name, "badge": p.badge, "office": p.office, "active": p.active}
        for p in Person.objects.all()
    ]
    rows("people", ("code", "name", "badge", "office", "active"), found, as_json=as_json)
