"""`hotbox permit import`: a permit without a network, from a file, from pictures of its codes, or by the box's camera.

However it came, the interlock verifies it as one that came over the network, and answers with an acceptance that a
phone can carry back.
"""

import re
import sys
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.text import Text

from contracts.errors import ContractError, quote
from contracts.parts import Assembly
from contracts.topics import Response
from edge.cli import printing, sections
from edge.cli.acting import ask
from edge.cli.choices import Choices, choices
from edge.cli.reading import Json, ask_status
from edge.cli.words import Words
from edge.config import read

_JWS = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}")
_AGAIN = "save the permit at the bridge again and hand in that file unchanged"
_ANSWERED_S = 2.0


def read_permit(file: Path) -> str:
    """The signed permit in a file; ``-`` is standard input. Only its form is looked at: the box verifies it.

    Raises:
        ContractError: larger than any permit, or no compact JWS.
        OSError: the file cannot be read.
    """
    from contracts.jws import MAX_BYTES

    name = "standard input" if str(file) == "-" else str(file)
    with sys.stdin.buffer if str(file) == "-" else file.open("rb") as opened:
        content = opened.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ContractError(name, f"a signed permit of at most {MAX_BYTES} bytes", "a larger file", _AGAIN)
    return _as_permit(name, content)


def _as_permit(name: str, content: bytes) -> str:
    text = content.decode("ascii", "replace").strip()
    if not _JWS.fullmatch(text):
        wanted = "a signed permit: three parts of letters, digits, - and _, joined by dots (compact JWS)"
        raise ContractError(name, wanted, quote(text) if text else "an empty file", _AGAIN)
    return text


def import_command(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="File with the signed permit (- is standard input), or pictures or a folder of its codes."),
    ] = None,
    camera: Annotated[bool, typer.Option("--camera", help="Read the codes that a phone shows the camera.")] = False,
    seconds: Annotated[float, typer.Option(min=1, max=600, help="How long to look, with --camera.")] = 60,
    as_json: Json = False,
) -> None:
    """Hand in a permit: a signed file, pictures of its codes, or --camera; the box verifies it itself.

    Exit codes: 0 accepted, 1 refused or not read, 3 the interlock does not answer.
    """
    chosen = choices(context)
    token = _token(chosen, files or [], seconds if camera else 0, as_json=as_json)
    raw = ask(chosen, "permit_import", jws=token)
    response = msgspec.json.decode(raw, type=Response)
    receipt = _receipt(chosen, response) if response.ok else ""
    if as_json:
        printing.document({**msgspec.json.decode(raw), "receipt": receipt})
    else:
        _tell(response, receipt, chosen.words)
    if not response.ok:
        raise typer.Exit(printing.REFUSED)


def _token(chosen: Choices, files: list[Path], seconds: float, *, as_json: bool) -> str:
    """The permit, however it is brought."""
    if bool(files) == bool(seconds):
        came = "both" if files else "neither"
        raise ContractError("import", "a file, pictures or --camera", came, "see hotbox permit import --help")
    if seconds:
        from edge.vision.codes import from_camera

        if not as_json:
            printing.screen(errors=True).print(chosen.words("scan_begin", s=f"{seconds:g}"))
        return _as_permit("camera", from_camera(read(chosen.config), seconds, _Progress(chosen.words, as_json=as_json)))
    from edge.vision.codes import from_pictures, is_picture, pictures_of

    if len(files) == 1 and not files[0].is_dir() and not is_picture(files[0]):
        return read_permit(files[0])
    pictures = pictures_of(files)
    return _as_permit("pictures", from_pictures(pictures, _Progress(chosen.words, as_json=as_json)))


class _Progress:
    """Says on stderr how far it is, a line for each new part; with --json as JSON lines."""

    def __init__(self, words: Words, *, as_json: bool) -> None:
        self._words, self._json = words, as_json

    def __call__(self, found: Assembly) -> None:
        have = found.count - len(found.missing)
        if self._json:
            shown = {"permit_code": found.whole, "have": have, "count": found.count, "missing": list(found.missing)}
            sys.stderr.write(msgspec.json.encode(shown).decode() + "\n")
            sys.stderr.flush()
            return
        key = "scan_missing" if found.missing else "scan_whole"
        missing = ", ".join(map(str, found.missing))
        printing.screen(errors=True).print(self._words(key, have=have, count=found.count, missing=missing))


def _receipt(chosen: Choices, response: Response) -> str:
    """What the screen's acceptance QR says of this permit, once the interlock holds it."""
    end_s = time.monotonic() + _ANSWERED_S
    while True:
        status, _ = ask_status(chosen)
        if status.permit_answer.accepted == response.id:
            return status.permit_answer.receipt
        if time.monotonic() > end_s:
            return ""
        time.sleep(0.05)


def _tell(response: Response, receipt: str, words: Words) -> None:
    if not response.ok:
        console = printing.screen(errors=True)
        title = words("permit_refused", id=response.id or "–", code=response.code)
        console.print(Text(f"{sections.CROSS} {title}", sections.BAD), soft_wrap=True)
        console.print(Text(f"  {response.detail}"), soft_wrap=True)
        return
    lines = [Text(f"{sections.TICK} {words('permit_accepted', id=response.id)}", sections.GOOD)]
    if receipt:
        lines += [Text(f"→ {words('permit_receipt')}", sections.NOTE), Text(receipt)]
    printing.lines(printing.screen(), lines)
