"""`hotbox provision badge`, `badges`, `tag` and `tags`: what people carry and what hangs at a checklist's points."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.text import Text

from contracts.errors import ContractError
from edge.cli import printing, sections
from edge.cli.choices import choices
from edge.config import BoxConfig, read
from edge.presence import issuing, tags
from edge.presence.badges import COMPANY_ID, load_secrets
from edge.presence.tags import Tag
from edge.users import become_owner

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class BadgeIssued(msgspec.Struct, frozen=True):
    """What a badge's firmware needs; no secret when the badge was removed."""

    badge: int
    secret: str | None
    file: str
    company_id: int


class BadgeKnown(msgspec.Struct, frozen=True):
    """A badge that has a secret, or whose owner waits for one; the secret itself is never shown again."""

    badge: int
    person: str
    name: str
    secret: bool


def _secrets_file(config: BoxConfig) -> Path:
    if config.presence.badges is None:
        raise ContractError("presence.badges", "badge settings", "nothing", "people are known by their badges")
    return Path(config.presence.badges.secrets)


def badge_command(
    context: typer.Context,
    number: Annotated[int, typer.Argument(min=1, max=2**32 - 1, help="The badge's number, as in roster and permits.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Make a new secret: the old badge is not believed any more.")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Forget the badge: it was lost or handed back.")] = False,
    as_json: Json = False,
) -> None:
    """Make a badge's secret, keep it for the presence process, and print once what to write on the badge.

    Run by root it works as the owner of the folder of secrets. Exit codes: 0, 1 refused.
    """
    chosen = choices(context)
    words = chosen.words
    path = _secrets_file(read(chosen.config))
    if replace and remove:
        raise ContractError("--remove", "--replace or --remove", "both", "give one of them")
    become_owner(path.parent)
    if remove:
        issuing.withdraw(path, number)
        secret = None
    else:
        secret = issuing.issue(path, number, replace=replace).hex()
    done = BadgeIssued(number, secret, str(path), COMPANY_ID)
    if as_json:
        printing.document(done)
        return
    console = printing.screen()
    key = "badge_removed" if remove else "badge_made"
    console.print(Text(f"✔ {words(key, number=number, path=path)}", sections.GOOD), soft_wrap=True)
    if done.secret is not None:
        console.print(Text(f"\n{words('badge_write')}:", "bold"), soft_wrap=True)
        for title, value in (("badge_number", str(number)), ("badge_secret", done.secret)):
            console.print(Text(f"  {words(title)}  {value}"), soft_wrap=True)
        console.print(Text(f"  {words('badge_sends', company=f'0x{COMPANY_ID:04X}')}", sections.DIM), soft_wrap=True)
        console.print(Text(f"! {words('badge_once')}", sections.SOME), soft_wrap=True)
    console.print(Text(words("badge_counts"), sections.DIM), soft_wrap=True)


def known_badges(config: BoxConfig, numbers: set[int]) -> list[BadgeKnown]:
    """Badges with a secret and those that the configuration names, by number."""
    people = {person.badge: (person.id, person.name) for person in config.roster}
    if config.presence.beacon:
        people[config.presence.beacon] = ("", "beacon")
    every = sorted({*people, *numbers})
    return [BadgeKnown(number, *people.get(number, ("", "")), number in numbers) for number in every]


def badges_command(context: typer.Context, as_json: Json = False) -> None:
    """List the badges that have a secret, and who of the roster still waits for one. No secret is shown.

    Run by root it works as the owner of the folder of secrets. Exit codes: 0, 1 refused.
    """
    chosen = choices(context)
    words = chosen.words
    config = read(chosen.config)
    path = _secrets_file(config)
    become_owner(path.parent)
    found = known_badges(config, set(load_secrets(path)) if path.exists() else set())
    if as_json:
        printing.document(found)
        return
    lines = []
    for badge in found:
        sign, style = ("✔", sections.GOOD) if badge.secret else ("✘", sections.BAD)
        name = words("beacon") if badge.name == "beacon" else badge.name or words("badge_of_permit")
        waits = "" if badge.secret else f"  {words('badge_waits', number=badge.badge)}"
        lines.append(Text().append(f"{sign} {badge.badge:<12}", style).append(f"{name}{waits}"))
    printing.lines(printing.screen(), lines or [Text(words("badges_none"), sections.DIM)])


def _tags_file(config: BoxConfig) -> Path:
    if config.presence.nfc is None:
        raise ContractError("presence.nfc", "a tag reader", "nothing", "configs/box.example.yaml shows its keys")
    return Path(config.presence.nfc.tags)


def tag_command(
    context: typer.Context,
    tag: Annotated[str, typer.Argument(help="The tag's identifier in hex, as the log or its print names it.")],
    person: Annotated[str, typer.Option(help="Id of the person whose card it is.")] = "",
    point: Annotated[str, typer.Option(help="Name of the point of a checklist at which it hangs.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Give a tag another meaning.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Forget the tag.")] = False,
    as_json: Json = False,
) -> None:
    """Say for whom or for which point a tag stands; it counts from its next reading on.

    Run by root it works as the owner of the tags' folder. Exit codes: 0, 1 refused.
    """
    chosen = choices(context)
    words = chosen.words
    path = _tags_file(read(chosen.config))
    number = tags.identifier(tag)
    if sum(map(bool, (person, point, remove))) != 1:
        raise ContractError("tag", "one of --person, --point and --remove", "none or several", "give one of them")
    become_owner(path.parent)
    if remove:
        tags.withdraw(path, number)
    else:
        try:
            meant = msgspec.convert({"person": person} if person else {"point": point}, Tag)
        except msgspec.ValidationError as error:
            raise ContractError(
                "--person" if person else "--point", "letters, digits, . _ -, at most 64", (person or point)[:80],
                "a person's id is the one of roster and permits",
            ) from error  # fmt: skip
        tags.issue(path, number, meant, replace=replace)
    if as_json:
        printing.document({"tag": number, "person": person, "point": point, "removed": remove})
        return
    key = "tag_removed" if remove else "tag_made"
    said = words(key, tag=number, what=person or point, path=path)
    printing.screen().print(Text(f"✔ {said}", sections.GOOD), soft_wrap=True)


def tags_command(context: typer.Context, as_json: Json = False) -> None:
    """List the tags and for whom or for which point each stands.

    Run by root it works as the owner of the tags' folder. Exit codes: 0, 1 refused.
    """
    chosen = choices(context)
    words = chosen.words
    path = _tags_file(read(chosen.config))
    become_owner(path.parent)
    found = tags.load(path) if path.exists() else {}
    if as_json:
        printing.document({number: {"person": tag.person, "point": tag.point} for number, tag in found.items()})
        return
    lines = [
        Text().append(f"{number:22}", sections.DIM)
        .append(f"{words('tag_person' if tag.person else 'tag_point')} {tag.person or tag.point}")
        for number, tag in sorted(found.items())
    ]  # fmt: skip
    printing.lines(printing.screen(), lines or [Text(words("tags_none"), sections.DIM)])
