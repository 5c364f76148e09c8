"""The file of tags: whose card it is, or at which point it hangs. An identifier is no secret and can be copied."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from contracts.errors import ContractError
from contracts.permit import Id

FIELD = "presence.nfc.tags"
_FORM = '{"<identifier in hex>": {"person": "<id>"} or {"point": "<name>"}, ...} in JSON'
Identifier = Annotated[str, msgspec.Meta(pattern=r"\A([0-9A-F]{8}|[0-9A-F]{14}|[0-9A-F]{20})\Z")]


class Tag(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A tag stands for a person or for a point, never for both."""

    person: Id | None = None
    point: Id | None = None


def identifier(text: str) -> str:
    """An identifier as a person typed it: 4, 7 or 10 bytes in hex, with colons, spaces or without.

    Raises:
        ContractError: it is none.
    """
    plain = text.replace(":", "").replace(" ", "").upper()
    try:
        return msgspec.convert(plain, Identifier)
    except msgspec.ValidationError as error:
        raise ContractError(
            "tag", "its identifier: 8, 14 or 20 hex digits", text[:40], "hold the tag to the reader: its log names it"
        ) from error


def load(path: Path) -> dict[str, Tag]:
    """Read the file.

    Raises:
        ContractError: others may write to it, it is not there, or not of this form.
        OSError: it cannot be read.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError as error:
        raise ContractError(
            FIELD, "a file of tags", f"no file at {path}", "it is made by hotbox provision tag"
        ) from error
    if mode & 0o022:
        raise ContractError(FIELD, "a file that its owner alone may write", f"mode {mode:04o}", f"chmod 640 {path}")
    try:
        tags = msgspec.json.decode(path.read_bytes(), type=dict[Identifier, Tag])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ContractError(FIELD, _FORM, f"something else in {path}: {error}", "hand out the tags again") from error
    for number, tag in tags.items():
        if (tag.person is None) == (tag.point is None):
            raise ContractError(f"{FIELD}.{number}", "a person or a point", "both or neither", "hand it out again")
    return tags


def issue(path: Path, number: str, tag: Tag, *, replace: bool = False) -> None:
    """Write down for what a tag stands.

    Raises:
        ContractError: it stands for something already and `replace` is not asked for, or the file is refused.
        OSError: it cannot be read or written.
    """
    known = load(path) if path.exists() else {}
    if number in known and not replace:
        came = f"{number}, which stands for {known[number].person or known[number].point}"
        raise ContractError("tag", "a tag that stands for nothing yet", came, "--replace gives it another meaning")
    _save(path, {**known, number: tag})


def withdraw(path: Path, number: str) -> None:
    """Forget a tag.

    Raises:
        ContractError: the file has no such tag, or is refused.
        OSError: it cannot be read or written.
    """
    known = load(path)
    if number not in known:
        raise ContractError("tag", "a tag of the file", number, f"known: {', '.join(sorted(known)) or 'none'}")
    _save(path, {key: tag for key, tag in known.items() if key != number})


def _save(path: Path, known: Mapping[str, Tag]) -> None:
    """Replace the file in one step; a cut of the power leaves the old one or the new."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(dict(sorted(known.items()))))
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
