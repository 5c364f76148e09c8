"""Handing out badges: makes and withdraws their secrets in the file that the presence process reads at its start."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from contracts.errors import ContractError
from edge.presence.badges import load_secrets

_SECRET_BYTES = 32


def issue(path: Path, badge: int, *, replace: bool = False) -> bytes:
    """Make a badge's secret and add it to the file, which is made when there is none; gives the secret.

    Raises:
        ContractError: the badge has one already and `replace` is not asked for, or the file is refused.
        OSError: it cannot be read or written.
    """
    known = load_secrets(path) if path.exists() else {}
    if badge in known and not replace:
        todo = "--replace makes a new one: the badge that carries the old one is not believed any more"
        raise ContractError("badge", "a badge without a secret", f"{badge}, which has one", todo)
    secret = secrets.token_bytes(_SECRET_BYTES)
    _save(path, {**known, badge: secret})
    return secret


def withdraw(path: Path, badge: int) -> None:
    """Forget a badge's secret: nothing that the badge sends is believed any more.

    Raises:
        ContractError: the file has no such badge, or is refused.
        OSError: it cannot be read or written.
    """
    known = load_secrets(path)
    if badge not in known:
        raise ContractError("badge", "a badge of the file", str(badge), f"known: {', '.join(map(str, sorted(known)))}")
    _save(path, {number: secret for number, secret in known.items() if number != badge})


def _save(path: Path, known: Mapping[int, bytes]) -> None:
    """Replace the file in one step, readable by its owner only; a cut of the power leaves the old one or the new."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode({str(number): secret.hex() for number, secret in sorted(known.items())}))
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
