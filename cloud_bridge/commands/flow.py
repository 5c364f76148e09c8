"""`hotbox-bridge flow …`: check a workflow's text before it is used, and try it on a past case."""

from pathlib import Path
from typing import Annotated

import typer

from cloud_bridge.commands.output import rows
from cloud_bridge.prepare import prepare

app = typer.Typer(no_args_is_help=True, add_completion=False)
FlowOption = Annotated[str, typer.Option(help="Name of the flow. / 流程名称。")]
LocalOption = Annotated[Path | None, typer.Option(help="The base's own rules. / 基地本地规则。", exists=True, dir_okay=False)]
FileArgument = Annotated[Path | None, typer.Argument(help="YAML file; those in force without it. / 文件，缺省为现行文件。", exists=True, dir_okay=False)]


def _read(file: Path | None, flow: str, local: Path | None):
    from cloud_bridge.flows import versions
    from cloud_bridge.flows.definition.errors import DefinitionError
    from cloud_bridge.flows.definition.reading import read

    try:
        if file is None:
            return versions.from_files(flow)
        own = local.read_text(encoding="utf-8") if local else ""
        return read(file.read_text(encoding="utf-8"), file.name, versions.vocabulary(flow), own, str(local))
    except DefinitionError as error:
        for problem in error.problems:
            typer.echo(f"✘ {error.origin}: {problem}")
        raise typer.Exit(1) from error


@app.command()
def check(
    context: typer.Context, file: FileArgument = None, flow: FlowOption = "permit", local: LocalOption = None
) -> None:
    """Say whether a definition can be used: exit 0, or 1 with everything that is wrong. / 检查流程定义。"""
    prepare(context.obj)
    found = _read(file, flow, local)
    whole = found.definition
    typer.echo(
        f"✔ {whole.title} {found.sha256[:12]}: {len(whole.states)} states, {len(whole.transitions)} transitions, "
        f"{sum(len(ladder.rungs) for ladder in whole.ladders.values())} deadlines"
    )


@app.command("try")
def try_out(
    context: typer.Context,
    subject: Annotated[str, typer.Argument(help="Number of a past case. / 过往案例编号。")],
    file: FileArgument = None,
    flow: FlowOption = "permit",
    local: LocalOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON. / 输出 JSON。")] = False,
) -> None:
    """Play a past case under a text: exit 0 when it goes the same way, 3 when not. / 用过往案例试运行。"""
    prepare(context.obj)
    from django.utils import timezone

    from cloud_bridge.commands.output import fail
    from cloud_bridge.flows.admin import past_of
    from cloud_bridge.flows.engine.replay import Kind, replay
    from cloud_bridge.flows.models import Case

    found = _read(file, flow, local)
    case = Case.objects.filter(flow=flow, subject=subject).first()
    if case is None:
        fail("the number of a case", subject, "look it up in the administration")
    lines = replay(found, past_of(case), timezone.now())
    told = [
        {"at": line.at.isoformat(timespec="seconds"), "what": line.what, "then": line.then, "now": line.now, "compares": line.kind.value, "why": line.why}
        for line in lines
    ]
    rows(f"{flow} {subject}", ("at", "what", "then", "now", "compares", "why"), told, as_json=as_json)
    raise typer.Exit(3 if any(line.kind is not Kind.SAME for line in lines) else 0)
