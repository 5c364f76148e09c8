"""`hotbox video`: the recordings that this box keeps, by permit: what there is, handing it out, erasing some for good.

The folder is the vision process's own: run these as its user, or as root. No interlock need run for seeing and handing
out; what is erased is written into the log first.
"""

import shutil
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.text import Text

from contracts.errors import ContractError, printable
from contracts.video import pictures
from edge.cli import printing, sections
from edge.cli.acting import ask
from edge.cli.choices import Choices, choices
from edge.cli.reading import Json
from edge.cli.words import Words
from edge.config import read
from edge.interlock.local_time import local_time
from edge.vision.segments import Aside, Facts, SegmentFolder

_SENTENCE = 200
"""What the log keeps of a reason."""
PLAYLIST, INDEX = "play.m3u", "segments.json"

video_app = typer.Typer(no_args_is_help=True, help="Recordings of the work, by permit.")

Permit = Annotated[str, typer.Option(help="Of this permit alone.", show_default=False)]


class Listed(msgspec.Struct, frozen=True):
    """A segment as it is shown. Times in ms since 1970; `sound` is None where nobody looked.

    `keep_until` is when it is deleted, 0 while no clock was believed that could tell; before that nothing overwrites it
    if `keep`. Of what was put aside as `damaged`, a path, nothing else is known.
    """

    permit: str
    commitment: str
    first_ms: int
    last_ms: int
    offset_ms: int
    frames: int
    bytes: int
    keep: bool
    keep_until: int
    logged: bool
    sent: str
    sound: bool | None
    damaged: str = ""


def _put_aside(permit: str, aside: Aside) -> Listed:
    return Listed(permit, "", 0, 0, 0, 0, aside.bytes, True, 0, False, "", None, str(aside.path))


def _listed(facts: Facts, *, sound: bool | None) -> Listed:
    about, held = facts.about, facts.held
    first, last = (us // 1000 + about.offset_ms for us in (facts.first_us, facts.last_us))
    until = held.until_s * 1000 if held.dated else 0
    return Listed(
        about.permit, facts.commitment, first, last, about.offset_ms, facts.frames, facts.bytes, about.keep, until,
        facts.logged, facts.sent, sound,
    )  # fmt: skip


def _folder(chosen: Choices) -> SegmentFolder:
    """Where this box keeps recordings.

    Raises:
        ContractError: it keeps none.
        OSError: this user may not look into it.
    """
    settings = read(chosen.config).vision.video
    if settings is None:
        raise ContractError("vision.video", "a folder for recordings", "none", "this box records nothing")
    return SegmentFolder(Path(settings.folder))


@video_app.command("list")
def list_command(
    context: typer.Context,
    permit: Permit = "",
    check: Annotated[bool, typer.Option("--check", help="Hold each file to its commitment.")] = False,
    as_json: Json = False,
) -> None:
    """Show every recorded segment: permit, times, size, until when it is kept, whether log and bridge have it.

    What was put aside as damaged is listed, too, by its path; it stays there until somebody takes it away.
    Exit codes: 0 done; with --check 1 when one is not what was committed to, or is damaged.
    """
    chosen = choices(context)
    folder = _folder(chosen)
    found = [_listed(facts, sound=folder.is_sound(facts) if check else None) for facts in folder.listed(permit)]
    found += [_put_aside(folder.permit_of(aside), aside) for aside in folder.aside(permit)]
    if as_json:
        printing.document(found)
    else:
        lines = [line for each in found for line in _lines(each, chosen.words)]
        printing.lines(printing.screen(), lines or [Text(chosen.words("video_none"))])
    bad = any(each.sound is False or (check and each.damaged) for each in found)
    raise typer.Exit(printing.REFUSED if bad else printing.OK)


def _lines(each: Listed, words: Words) -> tuple[Text, Text]:
    if each.damaged:
        text = f"{sections.CROSS} {each.permit}  {words('video_damaged')}  {each.bytes} B"
        return Text(text, sections.BAD), Text(f"    {each.damaged}", sections.DIM)
    mark, style = (sections.CROSS, sections.BAD) if each.sound is False else (sections.TICK, sections.GOOD)
    length = words.span(each.last_ms - each.first_ms)
    first = f"{mark} {each.permit}  {local_time(each.first_ms // 1000)}  {length}  {each.frames}  {each.bytes} B"
    kept = words("video_keep" if each.keep else "video_loose", until=local_time(each.keep_until // 1000))
    said = [kept if each.keep_until else words("video_undated")]
    said.append(words("video_logged" if each.logged else "video_unlogged"))
    if each.sent:
        said.append(words(f"video_{each.sent}"))
    if each.sound is not None:
        said.append(words("photo_sound" if each.sound else "photo_changed"))
    return Text(first, style), Text(f"    {each.commitment}  {'  '.join(said)}", sections.DIM)


@video_app.command("export")
def export_command(
    context: typer.Context,
    permit: Annotated[str, typer.Option(help="Whose recording.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write to; it is made.")],
    as_json: Json = False,
) -> None:
    """Copy a permit's recording out, with what opens each commitment, and a list that any player plays in order.

    Exit codes: 0 done, 1 there is none, or a file is not what was committed to (it is left out).
    """
    chosen = choices(context)
    folder = _folder(chosen)
    found = folder.listed(permit)
    if not found:
        known = ", ".join(dict.fromkeys(facts.about.permit for facts in folder.listed())) or "none"
        raise ContractError("--permit", f"one with a recording ({known})", permit)
    # It shows people: whoever exports it decides who else reads it.
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    good: list[Facts] = []
    bad: list[Facts] = []
    for facts in found:
        (good if folder.is_sound(facts) else bad).append(facts)
    for facts in good:
        shutil.copyfile(folder.path(facts), out / _name(facts))
    rows = [{"file": _name(facts), **msgspec.to_builtins(facts), **_moments(folder, facts)} for facts in good]
    (out / INDEX).write_bytes(msgspec.json.format(msgspec.json.encode(rows)))
    (out / PLAYLIST).write_text("".join(f"{_name(facts)}\n" for facts in good), encoding="utf-8")
    if as_json:
        printing.document({"out": str(out), "segments": len(good), "unsound": [facts.commitment for facts in bad]})
    else:
        text = Text(f"{sections.TICK} {chosen.words('video_exported', n=len(good), out=out)}", sections.GOOD)
        changed = chosen.words("photo_changed")
        lines = [Text(f"{sections.CROSS} {facts.commitment}  {changed}", sections.BAD) for facts in bad]
        printing.lines(printing.screen(), [text, *lines])
    raise typer.Exit(printing.REFUSED if bad else printing.OK)


def _name(facts: Facts) -> str:
    """A name by which a person finds a moment: the beginning's day and time, and enough of the commitment."""
    begin = facts.first_us // 1_000_000 + facts.about.offset_ms // 1000
    return f"{local_time(begin).translate({ord(' '): 'T', ord(':'): None})}-{facts.commitment[:8]}.avi"


def _moments(folder: SegmentFolder, facts: Facts) -> dict[str, list[int]]:
    """When each picture was taken, ms since 1970."""
    body = folder.path(facts).read_bytes()
    return {"pictures_ms": [picture.at_us // 1000 + facts.about.offset_ms for picture in pictures(body)]}


@video_app.command("erase")
def erase_command(
    context: typer.Context,
    commitment: Annotated[str, typer.Argument(help="The segment's commitment, as the log and `list` say it.")],
    by: Annotated[str, typer.Option(help="Id of the person of the roster who erases it.")],
    why: Annotated[str, typer.Option(help="Why, in a sentence; it goes into the log.")],
) -> None:
    """Erase a segment and its salt for good. The log says who did it and why, and stays whole.

    What the permit's level asks to keep is not erased before its time.
    Exit codes: 0 erased, 1 refused or failed, 3 the interlock does not answer.
    """
    chosen = choices(context)
    folder = _folder(chosen)
    facts = next((each for each in folder.listed() if each.commitment == commitment), None)
    if facts is None:
        raise ContractError("commitment", "that of a segment kept here", printable(commitment, 64), "hotbox video list")
    held = facts.held
    if held.keep and not held.dated:
        wanted, came = "a segment that need not be kept, or no longer", "one of which no clock told yet when it ended"
        raise ContractError("commitment", wanted, came, "wait until the box believes its clock and has looked again")
    # Whether its time is over is the interlock's to say: it knows whether the clock is to be believed.
    until_s = held.until_s if held.keep else 0
    reason = why.strip()
    ask(chosen, "evidence_erase", kind="video", commitment=commitment, person=by, reason=reason, until_s=until_s)
    try:
        folder.erase(facts)
    except OSError as error:
        failed = printable(f"it failed: {error.strerror}", _SENTENCE)
        ask(chosen, "evidence_erase", kind="video", commitment=commitment, person=by, reason=failed, failed=True)
        raise
    text = Text(f"{sections.TICK} {chosen.words('photo_erased', what=commitment)}", sections.GOOD)
    printing.lines(printing.screen(), [text])
