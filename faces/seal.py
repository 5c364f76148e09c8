"""Templates at rest: sealed by AES-256-GCM under a key that lies elsewhere, bound to whom and what they are for.

A sealed template is a head line in JSON, 12 random bytes, and the vectors under the key. The head can be read without
the key (who, which engine, how old, until when); it is authenticated with the vectors, so that none can be moved to
another person, engine or permit.
"""

import secrets
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contracts.errors import UNREADABLE, ContractError, from_msgspec
from contracts.permit import Id, Seconds, Sha256
from faces.templates import PLAIN_VERSION, VERSION, PermitOrNone, Template

KEY_BYTES = 32
_NONCE_BYTES = 12
_LONGEST_HEAD = 1024
_PREFIX = b"hotbox-face-template\n"
_MAGIC = b'{"hotbox":"face",'
_AGAIN = "enrol the person again"


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a sealed template says without its key. Fields as in `Template`; `key` is the `key_id`."""

    hotbox: str
    version: int
    key: str
    person: Id
    engine: str
    model_sha256: Sha256
    permit: PermitOrNone
    expires: Seconds
    created: Seconds


def fresh_key() -> bytes:
    """A key that nobody can guess."""
    return secrets.token_bytes(KEY_BYTES)


def key_id(key: bytes) -> str:
    """What a key is told from others by, 16 hex digits that say nothing about it."""
    return sha256(b"hotbox-face-key-id\n" + key).hexdigest()[:16]


def seal(template: Template, key: bytes) -> bytes:
    """A template under a key; another result each time."""
    head = Head(
        "face", VERSION, key_id(key), template.person, template.engine, template.model_sha256, template.permit,
        template.expires, template.created,
    )  # fmt: skip
    line = msgspec.json.encode(head) + b"\n"
    nonce = secrets.token_bytes(_NONCE_BYTES)
    body = msgspec.msgpack.encode(template.vectors)
    return line + nonce + AESGCM(key).encrypt(nonce, body, _PREFIX + line)


def is_sealed(content: bytes) -> bool:
    """Whether it begins as a sealed template does."""
    return content.startswith(_MAGIC)


def head(sealed: bytes) -> Head:
    """What a sealed template says of itself; nobody has vouched for it before `open_sealed`.

    Raises:
        ContractError: it is no sealed template of this version.
    """
    return _split(sealed)[0]


def open_sealed(sealed: bytes, key: bytes, person: str) -> Template:
    """The template of a person.

    Raises:
        ContractError: not sealed, another version's, sealed under another key, somebody else's, or changed.
    """
    said, line, rest = _split(sealed)
    if said.key != key_id(key):
        raise ContractError("key", key_id(key), said.key, f"put the key back that it was sealed with, or {_AGAIN}")
    if said.person != person:
        raise ContractError("person", person, said.person, "this is somebody else's template")
    try:
        body = AESGCM(key).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], _PREFIX + line)
    except (InvalidTag, ValueError) as error:
        raise ContractError("template", "what was sealed", "something that was changed since", _AGAIN) from error
    try:
        vectors = msgspec.msgpack.decode(body, type=tuple[bytes, ...])
        facts = {name: getattr(said, name) for name in Template.__struct_fields__ if name != "vectors"}
        return msgspec.convert({**facts, "vectors": vectors}, Template)
    except UNREADABLE as error:
        raise from_msgspec(error, "template") from error


def _split(sealed: bytes) -> tuple[Head, bytes, bytes]:
    """Head, its line as it stands there, and what follows."""
    if not is_sealed(sealed):
        came = "a plain one" if sealed.lstrip().startswith(b"{") else "something else"
        raise ContractError("template", "a sealed template", came, "hotbox enrol --migrate seals plain ones")
    line, newline, rest = sealed.partition(b"\n")
    if not newline or len(line) > _LONGEST_HEAD:
        raise ContractError("template", "a head of one line", "none", _AGAIN)
    try:
        said = msgspec.json.decode(line, type=Head)
    except UNREADABLE as error:
        raise from_msgspec(error, "template's head") from error
    if said.version != VERSION:
        raise ContractError("version", str(VERSION), str(said.version), _AGAIN)
    return said, line + newline, rest


def open_plain(content: bytes) -> Template:
    """A template of version 1, which was a plain file; as a new one, to be sealed.

    Raises:
        ContractError: it is none.
    """
    try:
        template = msgspec.json.decode(content, type=Template)
    except UNREADABLE as error:
        raise from_msgspec(error, "enrolment file") from error
    if template.version != PLAIN_VERSION:
        raise ContractError("version", str(PLAIN_VERSION), str(template.version), _AGAIN)
    return msgspec.structs.replace(template, version=VERSION)
