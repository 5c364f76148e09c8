"""`hotbox-bridge load FILE`: boxes, people and users of a whole site from one YAML file."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from cloud_bridge.commands.output import fail, rows
from cloud_bridge.commands.people import save_person, save_user
from cloud_bridge.people.roles import Role
from cloud_bridge.prepare import prepare
from contracts.errors import ContractError, from_msgspec


class BoxRow(msgspec.Struct, forbid_unknown_fields=True):
    """A box and its log key."""

    box: str
    vkey: str
    name: str = ""
    place: str = ""


class PersonRow(msgspec.Struct, forbid_unknown_fields=True):
    """Someone who works at the boxes."""

    code: str
    name: str
    badge: Annotated[int, msgspec.Meta(ge=1, le=2**32 - 1)]
    office: str = ""


class UserRow(msgspec.Struct, forbid_unknown_fields=True):
    """Someone who signs in. Without `password` a one-time password is made and printed."""

    user: str
    roles: list[Role]
    display: str = ""
    office: str = ""
    person: str = ""
    password: str = ""


class Books(msgspec.Struct, forbid_unknown_fields=True):
    """The file."""

    boxes: list[BoxRow] = []
    people: list[PersonRow] = []
    users: list[UserRow] = []


def load(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="YAML with boxes, people, users. / 含 boxes、people、users 的 YAML。", exists=True)
    ],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON. / 输出 JSON。")] = False,
) -> None:
    """Register all of a file's boxes, people and users, or nothing. / 批量登记盒子、人员与用户（全部成功或全部不做）。"""
    import yaml

    try:
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
        books = msgspec.convert(raw, Books)
    except yaml.YAMLError as error:
        fail("YAML", str(error).replace("\n", " "), f"correct {file.name}")
    except msgspec.ValidationError as error:
        problem = from_msgspec(error, file.name, raw, Books)
        fail(f"{problem.field or file.name}: {problem.expected}", problem.came, problem.hint)
    prepare(context.obj)
    from django.db import transaction

    from cloud_bridge.boxes.registry import register

    done = []
    with transaction.atomic():
        for box in books.boxes:
            try:
                register(box.box, box.vkey, name=box.name, place=box.place)
            except ContractError as error:
                fail(f"{error.field}: {error.expected}", error.came, error.hint or "correct it")
            done.append({"kind": "box", "id": box.box, "password": ""})
        for person in books.people:
            save_person(person.code, person.name, person.badge, person.office)
            done.append({"kind": "person", "id": person.code, "password": ""})
        for user in books.users:
            password = save_user(
                user.user,
                user.roles,
                display=user.display,
                office=user.office,
                person=user.person,
                password=user.password,
            )
            done.append({"kind": "user", "id": user.user, "password": "" if user.password else password})
    rows("loaded", ("kind", "id", "password"), done, as_json=as_json)
