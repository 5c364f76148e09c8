"""`hotbox enrol`: the main command line mounts `enrol_command`."""

import json
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from contracts.errors import ContractError
from edge.config import load

REFUSED = 1
BAD_INPUT = 2


def enrol_command(
    person: Annotated[str, typer.Argument(help="Id of the person, as on permits. 人员编号, 与作业票一致")],
    still: Annotated[
        list[Path] | None, typer.Option(help="A still with this face alone; give 3 to 5. 仅含本人的照片, 3 至 5 张")
    ] = None,
    camera: Annotated[int, typer.Option(help="Take this many stills with the box's camera. 用摄像头拍摄的张数")] = 0,
    config: Annotated[Path, typer.Option("-c", "--config", help="Box configuration. 盒子配置文件")] = Path(
        "configs/box.example.yaml"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable. 输出 JSON")] = False,
) -> None:
    """Enrol a person's face: 3 to 5 stills, or the box's camera. 登记人脸.

    Exit codes: 0 enrolled, 1 refused (the reason is printed), 2 wrong input or configuration.
    """
    from edge.vision.enrol import EnrolmentRefusedError, enrol, enrol_from_camera

    try:
        box = load(config)
        done = enrol_from_camera(box, person, camera) if camera else enrol(box, person, still or [])
    except EnrolmentRefusedError as refused:
        if as_json:
            typer.echo(json.dumps({"ok": False, "why": refused.why, "en": refused.en, "zh": refused.zh}))
        else:
            typer.echo(f"✘ {refused.zh}\n  {refused.en}", err=True)
        raise typer.Exit(REFUSED) from None
    except (ContractError, OSError) as error:
        typer.echo(f"✘ {error}", err=True)
        raise typer.Exit(BAD_INPUT) from None
    if as_json:
        typer.echo(msgspec.json.encode(done))
        return
    typer.echo(f"✔ 已登记 {done.person}: {done.stills} 张照片, 最大差异 {done.spread:.2f}")
    typer.echo(f"  enrolled {done.person}: {done.stills} stills, largest difference {done.spread:.2f}")
    if done.nearest_distance is not None:
        typer.echo(f"  最接近者 / nearest: {done.nearest}, {done.nearest_distance:.2f}")
