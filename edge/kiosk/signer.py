"""Makes the token that the screen shows as QR. It lives in the interlock process: `link` shows it and holds no key."""

import hashlib
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from joserfc.jwk import OKPKey

from contracts import jws
from contracts.place import RENEW_S, PlaceClaims, published, sign
from edge.audit import keys
from edge.config import BoxConfig
from edge.interlock.state import Durable


class PlaceSigner:
    """Signs a new token every `RENEW_S` seconds, when it is asked for; a status costs no signature."""

    def __init__(self, box: str, key: OKPKey) -> None:
        """Sign for `box`; the key id is the box's name and a fingerprint of the key."""
        self._box, self._key = box, key
        public = key.as_dict(private=False)["x"]
        self.kid = f"{box}+{hashlib.sha256(str(public).encode()).hexdigest()[:8]}"
        self._token = ""
        self._signed_us = 0

    @classmethod
    def of(cls, config: BoxConfig) -> "PlaceSigner":
        """With the box's own key, made when there is none; its public half is published beside ``log.vkey``.

        Raises:
            ContractError: the key's file can be read by others, or is damaged.
            OSError: the folder cannot be written.
        """
        pem = keys.load_or_create(config.place_key).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        made = cls(config.box, jws.load_private(pem))
        _publish(config.place_keys, published(made._key, made.kid))
        return made

    def token(self, durable: Durable, wall_s: int, now_us: int) -> str:
        """The token to show now: the last one while it is young."""
        if not self._token or now_us - self._signed_us >= RENEW_S * 1_000_000:
            claims = PlaceClaims(
                self._box, wall_s, secrets.token_hex(8), durable.mode.value, durable.attempt, durable.active
            )
            self._token, self._signed_us = sign(claims, self._key, self.kid), now_us
        return self._token


def _publish(path: Path, text: bytes) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_bytes(text)
    fresh.chmod(0o644)  # whatever the umask: who may enter the folder may verify
    fresh.rename(path)
