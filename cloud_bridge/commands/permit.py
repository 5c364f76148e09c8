"""`hotbox-bridge permit`: list, show, revoke. Applying and approving need people who sign in."""

import getpass
import json
from datetime import datetime
from typing import Annotated

import typer

from cloud_bridge.commands.output import fail, rows
from cloud_bridge.prepare import prepare

app = typer.Typer(no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="As JSON. / 输出 JSON。")]


def _when(moment: datetime, *, as_json: bool) -> str:
    """A moment: ISO 8601 for programs, the site's clock for people."""
    from cloud_bridge.site_time import at_site

    return moment.isoformat() if as_json else at_site(moment)


@app.command("list")
def list_permits(context: typer.Context, as_json: AsJson = False) -> None:
    """All permits, newest first. / 列出作业票。"""
    prepare(context.obj)
    from cloud_bridge.permits.models import Permit

    found = [
        {
            "permit": p.jti,
            "box": p.box_id,
            "state": p.state,
            "level": p.level,
            "base": p.base_level,
            "confined": p.confined,
            "place": p.place,
            "from": _when(p.starts, as_json=as_json),
            "to": _when(p.ends, as_json=as_json),
            "note": p.decided_note,
        }
        for p in Permit.objects.all()
    ]
    rows("permits", ("permit", "box", "state", "level", "base", "place", "from", "to", "note"), found, as_json=as_json)


@app.command()
def show(
    context: typer.Context, jti: Annotated[str, typer.Argument(help="Number. / 编号。")], as_json: AsJson = False
) -> None:
    """One permit with its trail. / 查看作业票。"""
    prepare(context.obj)
    from cloud_bridge.permits.models import Permit

    permit = Permit.objects.filter(jti=jti).first()
    if permit is None:
        fail("the number of a permit", jti, "run: hotbox-bridge permit list")
    trail = [
        {"at": _when(h.at, as_json=as_json), "actor": h.actor, "event": h.event, "after": h.after, "note": h.note}
        for h in permit.history.all()
    ]
    if as_json:
        typer.echo(
            json.dumps(
                {"permit": jti, "state": permit.state, "jws": permit.jws, "trail": trail}, ensure_ascii=False, indent=2
            )
        )
        return
    rows(f"{jti}: {permit.state}", ("at", "actor", "event", "after", "note"), trail, as_json=False)


@app.command()
def revoke(
    context: typer.Context,
    jti: Annotated[str, typer.Argument(help="Number. / 编号。")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the trail. / 原因。")],
) -> None:
    """Revoke a permit: the box trips when work goes on under it. / 撤销作业票。"""
    prepare(context.obj)
    from cloud_bridge.permits import service
    from cloud_bridge.permits.models import Permit
    from cloud_bridge.permits.workflow import Refused

    user = getpass.getuser()
    try:
        service.revoke((f"cli.{user}"[:64], f"{user} (CLI)"), jti, reason, may=True)
    except Permit.DoesNotExist:
        fail("the number of a permit", jti, "run: hotbox-bridge permit list")
    except Refused as refused:
        fail(refused.expected, refused.came, refused.todo, code=1)
    typer.echo(f"{jti}: revoked")
