"""Proof of having stood before the box: what the QR on its screen says, new every 30 seconds.

A compact JWS of type ``hotbox-place+jwt``, signed by a key that signs nothing else. It proves that somebody saw this
screen lately, no more: a photograph that is sent on within the age limit proves the same.
"""

from typing import Annotated

import msgspec
from joserfc.jwk import OKPKey

from contracts import jws
from contracts.errors import ContractError
from contracts.permit import Id

RENEW_S = 30
"""How long one token is shown."""
AHEAD_S = 5
"""How far the box's clock may be ahead of the reader's."""


class PlaceClaims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the token says: which box, when (`iat`, seconds since 1970), its permit, state and attempt then.

    `nonce` makes each token another one: 16 hexadecimal digits of chance.
    """

    box: Id
    iat: Annotated[int, msgspec.Meta(ge=0, le=2**40)]
    nonce: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
    state: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    attempt: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
    permit: Annotated[str, msgspec.Meta(max_length=64)] = ""


class _Published(msgspec.Struct, frozen=True):
    keys: tuple[dict[str, str], ...]


def sign(claims: PlaceClaims, key: OKPKey, kid: str) -> str:
    """The token."""
    return jws.sign(claims, jws.PLACE, key, kid)


def published(key: OKPKey, kid: str) -> bytes:
    """The public half as the box publishes it: a JSON key set."""
    public = {name: str(value) for name, value in key.as_dict(private=False).items()}
    return msgspec.json.encode(_Published(({**public, "kid": kid},))) + b"\n"


def read_keys(text: bytes) -> dict[str, OKPKey]:
    """The public keys in a published key set, by key id.

    Raises:
        ContractError: it is none.
    """
    try:
        found = msgspec.json.decode(text, type=_Published)
        return {each["kid"]: OKPKey.import_key(dict(each)) for each in found.keys}
    except (msgspec.MsgspecError, KeyError, ValueError) as error:
        raise ContractError("place_keys", "a JSON key set with kid", str(error), "copy it again") from error


def verify(token: str, keys: dict[str, OKPKey], *, box: str, now_s: int, max_age_s: int) -> PlaceClaims:
    """Check that somebody stood before this box within the last `max_age_s` seconds.

    Args:
        token: what the QR said.
        keys: the public keys of this box.
        box: the box that it must be.
        now_s: the reader's clock, seconds since 1970.
        max_age_s: how old the token may be, counted from its signature; at least `RENEW_S`, or none would pass.

    Raises:
        ContractError: signature, type, key, box or age are wrong; the field says which.
    """
    claims = jws.verify(token, jws.PLACE, keys, PlaceClaims)
    if claims.box != box:
        raise ContractError("box", box, claims.box, "scan the screen of the box that you stand before")
    age_s = now_s - claims.iat
    if age_s > max_age_s:
        hint = "scan the screen again, at the box"
        raise ContractError("iat", f"at most {max_age_s} s old", f"{age_s} s old", hint)
    if age_s < -AHEAD_S:
        raise ContractError("iat", "no time in the future", f"{-age_s} s ahead", "set the clocks of box and bridge")
    return claims
