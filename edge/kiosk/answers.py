"""What became of permits that were handed in, and the acceptance that the screen shows as QR, signed by the log's key.

It lives in the interlock process, beside the key; `link` shows the token and holds none.
"""

from contracts.acceptance import AcceptanceClaims, kid_of, sign
from contracts.checkpoint import note_key
from contracts.permit import PermitClaims
from contracts.signer import Signer
from contracts.topics import Response
from edge.interlock.state import Durable
from edge.interlock.status import PermitAnswerView


class PermitAnswers:
    """Remembers the newest answers; an acceptance is signed once, when it is first shown."""

    def __init__(self, box: str, origin: str, signer: Signer) -> None:
        """Nothing was handed in yet; `origin` is the name under which `signer` signs the log."""
        self._box, self._origin, self._signer = box, origin, signer
        self._newest = ""
        self._refused: Response | None = None
        self._refused_s = 0
        self._signed: tuple[str, str, str] = ("", "", "")

    def judged(self, response: Response | None, wall_s: int) -> None:
        """The answer to a permit; one that is held already is accepted again."""
        if response is None:
            return
        if response.ok:
            self._newest, self._refused = response.id, None
        else:
            self._refused, self._refused_s = response, wall_s

    def view(self, durable: Durable, wall_s: int) -> PermitAnswerView:
        """What to show now. An acceptance lasts as long as the box holds the permit: what is over is no answer."""
        held = self._held(durable)
        refused = self._refused
        return PermitAnswerView(
            accepted=held.jti if held else "",
            receipt=self._receipt(held, wall_s) if held else "",
            refused=refused.id if refused else "",
            code=refused.code if refused else "",
            refused_t=self._refused_s * 1000 if refused else 0,
        )

    def _held(self, durable: Durable) -> PermitClaims | None:
        """The permit accepted last; after a restart the one issued last."""
        over = {*durable.finished, *durable.void, *durable.revoked}
        held = [permit for permit in durable.permits if permit.jti not in over]
        named = [permit for permit in held if permit.jti == self._newest]
        return named[0] if named else max(held, key=lambda permit: (permit.iat, permit.jti), default=None)

    def _receipt(self, held: PermitClaims, wall_s: int) -> str:
        if self._signed[:2] != (held.jti, held.content_sha256):
            claims = AcceptanceClaims(self._box, held.jti, held.content_sha256, wall_s)
            self._signed = (held.jti, held.content_sha256, self._sign(claims))
        return self._signed[2]

    def _sign(self, claims: AcceptanceClaims) -> str:
        """By the key of the moment: the log's thread may be changing it."""
        while True:
            kid = kid_of(note_key(self._origin, self._signer))
            token = sign(claims, self._signer, kid)
            if kid == kid_of(note_key(self._origin, self._signer)):
                return token
