"""The channels file: what messages go out by, with its secrets. Only the notify process and the commands read it.

    DIR/notify/channels.yaml   0600

    link_base: https://bridge.example.com        # for the link in a message; left out, there is none
    channels:
      mail:   {kind: mail, url: "mailtos://user:secret@smtp.example.com?from=hotbox@example.com&mode=starttls"}
      group:  {kind: wecom, url: "wecombot://KEY", hears: emergency}
      robot:  {kind: dingtalk, url: "dingtalk://SECRET@TOKEN"}
      system: {kind: webhook, url: "jsons://receiver.example.com/hook?+Authorization=Bearer%20SECRET", hears: all}
      sms:
        kind: sms
        url: "forms://gateway.example.com/send"
        fields: {account: NAME, password: SECRET, mobile: "{phone}", content: "【Site】{text}"}
        answer: {field: code, equals: "0"}

The URLs are Apprise's. Only these kinds exist, whatever else Apprise could do.
"""

import contextlib
import os
import re
import stat
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote_plus, urlsplit

import msgspec

from cloud_bridge.datadir import DataDir, write_atomically
from cloud_bridge.notify.pace import EMERGENCY, ORDINARY, Pace
from contracts.errors import ContractError

FILE = "channels.yaml"
NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
HIDDEN = "•••"
_SHORTEST_SECRET = 4
_HINT = "correct DIR/notify/channels.yaml; docs/notify.md has an example of each kind"


class Kind(StrEnum):
    """What a channel is."""

    MAIL = "mail"
    SMS = "sms"
    WECOM = "wecom"
    DINGTALK = "dingtalk"
    WEBHOOK = "webhook"


SCHEMAS: dict[Kind, frozenset[str]] = {
    Kind.MAIL: frozenset({"mailto", "mailtos"}),
    Kind.SMS: frozenset({"form", "forms", "json", "jsons"}),
    Kind.WECOM: frozenset({"wecombot"}),
    Kind.DINGTALK: frozenset({"dingtalk"}),
    Kind.WEBHOOK: frozenset({"json", "jsons"}),
}
ADDRESSED = {Kind.MAIL: "mail", Kind.SMS: "phone", Kind.WECOM: "phone", Kind.DINGTALK: "phone"}
"""What a person's address is there; at a robot the phone number is whom it mentions. A webhook has none."""
PERSONAL = frozenset({Kind.MAIL, Kind.SMS})
"""Kinds that reach nobody without an address."""


class Hears(StrEnum):
    """What a channel gets besides what is addressed to people through it."""

    ADDRESSED = "addressed"
    EMERGENCY = "emergency"
    ALL = "all"


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an SMS gateway says yes: the field of its JSON answer, and what stands there."""

    field: str
    equals: str


class Channel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One channel as the file says it.

    `plain` allows a connection to another machine without TLS; `per_minute` is how many messages it takes (0: as many
    as there are; group robots allow 20).
    """

    kind: Kind
    url: str
    title: str = ""
    fields: dict[str, str] = {}
    answer: Answer | None = None
    hears: Hears = Hears.ADDRESSED
    plain: bool = False
    timeout_s: float = 20
    per_minute: int = 0

    @property
    def most_a_minute(self) -> int:
        """0 without a limit."""
        return self.per_minute or (20 if self.kind in (Kind.WECOM, Kind.DINGTALK) else 0)

    @property
    def shown(self) -> str:
        """The channel without anything that is secret: kind and, where that says where it goes, the server."""
        scheme = urlsplit(self.url).scheme
        if self.kind in (Kind.WECOM, Kind.DINGTALK):
            return f"{scheme}://{HIDDEN}"
        return f"{scheme}://{urlsplit(self.url).hostname or ''}/{HIDDEN}"

    def secrets(self) -> list[str]:
        """Whatever in the URL and the fields may be secret, longest first."""
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2].rpartition(":")[0] or parts.netloc.rpartition("@")[2]
        texts = [parts.netloc.rpartition("@")[0], parts.path, parts.query]
        texts += [host] if self.kind in (Kind.WECOM, Kind.DINGTALK) else []
        found = {piece for text in texts for piece in re.split(r"[:/?&=+@-]|%20|\s", text)}
        found |= {unquote_plus(piece) for piece in found} | {unquote_plus(part) for text in texts for part in
                                                              re.split(r"[:/?&=@]", text)}  # fmt: skip
        found |= {value for value in self.fields.values() if "{" not in value}
        return sorted((piece for piece in found if len(piece) >= _SHORTEST_SECRET), key=len, reverse=True)

    def scrubbed(self, text: str) -> str:
        """A text from the other side, which may repeat what it was sent, without any of that."""
        for secret in self.secrets():
            text = text.replace(secret, HIDDEN)
        return text


class Book(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    channels: dict[str, Channel] = {}
    link_base: str = ""
    ordinary: Pace = ORDINARY
    emergency: Pace = EMERGENCY

    def pace(self, emergency: bool) -> Pace:
        """The pace of an urgency."""
        return self.emergency if emergency else self.ordinary


def path_of(data: DataDir) -> Path:
    """Where the file is."""
    return data.root / "notify" / FILE


def read(data: DataDir, *, must_exist: bool = False) -> Book:
    """The book; empty when there is no file, unless it must exist because it had channels before.

    Raises:
        ContractError: the file can be read by others, is no book, or has a channel that cannot work. Says no secret.
    """
    path = path_of(data)
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_bytes()
    except FileNotFoundError:
        if must_exist:
            raise ContractError(FILE, "the file", "none", "put it back; for no channels write: channels: {}") from None
        return Book()
    except OSError as error:
        raise ContractError(FILE, "a file that can be read", error.strerror or "none", _HINT) from error
    if mode & 0o077:
        raise ContractError(FILE, "mode 0600", f"{mode:04o}", f"run: chmod 600 {path}")
    return parse(text)


def parse(text: bytes) -> Book:
    """As `read`, of the file's content."""
    from cloud_bridge.notify.channels import check

    try:
        book = msgspec.yaml.decode(text, type=Book)
    except msgspec.ValidationError as error:
        raise ContractError(FILE, "a channels file", str(error), _HINT) from None
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
        raise ContractError(FILE, "YAML", "something else", _HINT) from None
    for name, channel in book.channels.items():
        if not NAME.fullmatch(name):
            raise ContractError("channels", "names of small letters, digits and dashes", repr(name)[:40], _HINT)
        check(name, channel)
    if book.link_base and not re.fullmatch(r"https?://[^\s/?#@]+", book.link_base):
        raise ContractError("link_base", "an address like https://bridge.example.com", "another", _HINT)
    return book


def write(data: DataDir, book: Book) -> None:
    """Write the file, closed to other users."""
    path = path_of(data)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    plain = msgspec.to_builtins(book)
    defaults = msgspec.to_builtins(Book())
    said = {key: value for key, value in plain.items() if value != defaults[key] or key == "channels"}
    empty = msgspec.to_builtins(Channel(kind=Kind.MAIL, url=""))
    said["channels"] = {
        name: {key: value for key, value in channel.items() if key in ("kind", "url") or value != empty[key]}
        for name, channel in said["channels"].items()
    }
    write_atomically(path, msgspec.yaml.encode(said).decode(), mode=0o600)


def stamp(data: DataDir) -> tuple[int, int, int] | None:
    """Changes when the file does; None without a file."""
    with contextlib.suppress(OSError):
        found = os.stat(path_of(data))  # noqa: PTH116 - one call, three numbers
        return found.st_mtime_ns, found.st_size, found.st_mode
    return None
