"""`hotbox-bridge faces`: who is enrolled, withdrawal on paper, another key for the templates. Never a vector, never a picture."""

import getpass
import time
from typing import Annotated

import typer

from cloud_bridge.commands.output import fail, rows
from cloud_bridge.prepare import prepare

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_faces(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="As JSON. / 输出 JSON。")] = False
) -> None:
    """Who is enrolled, since when, with which engine, under which consent. / 列出已登记人员。"""
    prepare(context.obj)
    from cloud_bridge.enrolment.models import FaceTemplate

    found = [
        {
            "person": held.person.code,
            "name": held.person.name,
            "days": max(0, int(time.time()) - held.created_s) // 86_400,
            "engine": held.engine,
            "model": held.model_sha256[:12],
            "consent": held.consent.text.version,
            "by": held.by_name,
            "doubted": held.doubted,
        }
        for held in FaceTemplate.objects.select_related("person", "consent__text")
    ]
    rows(
        "faces", ("person", "name", "days", "engine", "model", "consent", "by", "doubted"), found, as_json=as_json
    )


@app.command()
def withdraw(
    context: typer.Context, code: Annotated[str, typer.Argument(help="Code of the person. / 人员编号。")]
) -> None:
    """The person has withdrawn the consent in writing: delete the template here and at the boxes. / 撤回同意并删除。"""
    prepare(context.obj)
    from cloud_bridge.enrolment import service
    from cloud_bridge.enrolment.models import Consent
    from cloud_bridge.people.models import Person

    person = Person.objects.filter(code=code).first()
    if person is None:
        fail("the code of a person", code, "run: hotbox-bridge person list")
    user = getpass.getuser()
    if not service.forget(person, Consent.End.WITHDRAWN, (f"cli.{user}"[:64], f"{user} (CLI)")):
        fail("somebody who has agreed or is enrolled", code, "run: hotbox-bridge faces list", code=1)
    typer.echo(f"{code}: deleted here; the boxes are told / 已删除，并通知盒子")


@app.command("rotate-key")
def rotate_key(context: typer.Context) -> None:
    """Seal every template with a new key and destroy the old one. Run again after an interruption. / 更换模板密钥。"""
    prepare(context.obj)
    from cloud_bridge.enrolment.vault import change_key
    from contracts.errors import ContractError

    try:
        count = change_key(context.obj)
    except (ContractError, OSError) as error:
        fail("templates that open with the present key", str(error), "restore the key from its backup", code=1)
    typer.echo(f"{count} templates sealed with a new key; copy it to your backup, the old copy is of no use")
    typer.echo(f"{count} 份模板已用新密钥加密；请备份新密钥，旧备份作废")
