"""MQTT topics and the payloads that are neither notes nor JWS.

Everything a payload needs travels in it, so MQTT 3.1.1 brokers do (design, "Audit and link").
"""

from typing import Annotated

import msgspec
import zstandard

from contracts.errors import ContractError, from_msgspec
from contracts.event import MAX_INT

ROOT = "hotbox/v1"
MAX_BATCH_EVENTS = 500
MAX_BATCH_BYTES = 64 * 1024
MAX_PAYLOAD_BYTES = 128 * 1024
MAX_INFLATED_BYTES = 8 * 1024 * 1024


def up(box: str, leaf: str) -> str:
    """Topic from the box: `leaf` is state, live, log, cp, rsp or media."""
    return f"{ROOT}/{box}/up/{leaf}"


def dn(box: str, leaf: str) -> str:
    """Topic to the box: `leaf` is ack, permit, revoke, cmd, faces or media."""
    return f"{ROOT}/{box}/dn/{leaf}"


def parse(topic: str) -> tuple[str, str, str]:
    """Split a topic into box, direction and leaf.

    Raises:
        ContractError: not one of ours.
    """
    words = topic.split("/")
    if len(words) != 5 or "/".join(words[:2]) != ROOT or words[3] not in ("up", "dn"):
        raise ContractError("topic", f"{ROOT}/BOX/up|dn/LEAF", repr(topic))
    return words[2], words[3], words[4]


class BatchHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Head of up/log: `n` leaves from `first` of the log `origin`; the body is zstd of the joined leaves."""

    origin: str
    first: Annotated[int, msgspec.Meta(le=MAX_INT)]
    n: int
    codec: str = "zstd"


class BoxState(msgspec.Struct, frozen=True):
    """up/state, retained and as will: what the box believes. The log is the proof, not this.

    `t` is the wall clock in ms; `since` is when the state was entered; `size` leaves are in epoch `log` (0: not told).
    """

    online: bool
    box: str
    t: int
    state: str = "unknown"
    since: int = 0
    permit: str = ""
    first_out: str = ""
    reasons: tuple[str, ...] = ()
    baseline: str = ""
    size: int = 0
    acked: int = 0
    log: int = 0
    deadline: int = 0
    fire_watch_until: int = 0


class Response(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """up/rsp: answer to a permit, revocation or command; `id` is the permit's or command's."""

    id: str
    kind: str
    ok: bool
    code: str = ""
    detail: str = ""


class Nak(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """dn/ack when leaves are missing: send again from `want`. A cosigned checkpoint is the other form.

    `held`: nothing is missing up to `want`, but the bridge witnesses nothing of this epoch until two people there have
    authorised it. Send what follows, and ask with a checkpoint now and then.
    """

    origin: str
    want: Annotated[int, msgspec.Meta(ge=0, le=MAX_INT)]
    held: bool = False


def pack_batch(origin: str, first: int, leaves: list[bytes]) -> bytes:
    """up/log: head, newline, compressed exact leaf bytes joined by newlines."""
    head = BatchHead(origin, first, len(leaves))
    return msgspec.json.encode(head) + b"\n" + zstandard.ZstdCompressor(level=3).compress(b"\n".join(leaves))


def unpack_batch(payload: bytes) -> tuple[BatchHead, list[bytes]]:
    """Undo `pack_batch` within its size limits.

    Raises:
        ContractError: too large, not zstd, or the number of leaves differs from the head.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ContractError("batch", f"at most {MAX_PAYLOAD_BYTES} bytes", f"{len(payload)} bytes")
    line, gap, body = payload.partition(b"\n")
    if not gap:
        raise ContractError("batch", "head, newline, body", repr(payload[:40]))
    try:
        head = msgspec.json.decode(line, type=BatchHead)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise (
            from_msgspec(error, "batch head", line, BatchHead)
            if isinstance(error, msgspec.MsgspecError)
            else ContractError("batch", "UTF-8 JSON head", str(error))
        ) from error
    if head.codec != "zstd" or not 0 < head.n <= MAX_BATCH_EVENTS or head.first < 0:
        raise ContractError(
            "batch", f"zstd, 1 to {MAX_BATCH_EVENTS} leaves", f"{head.codec}, {head.n} from {head.first}"
        )
    try:
        inflated = zstandard.frame_content_size(body)
        if inflated > MAX_INFLATED_BYTES:
            raise ContractError("batch", f"at most {MAX_INFLATED_BYTES} bytes inflated", str(inflated))
        # One frame and nothing behind it.
        plain = zstandard.ZstdDecompressor().decompress(
            body, max_output_size=MAX_INFLATED_BYTES, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise ContractError("batch", "a zstd body", str(error)) from error
    leaves = plain.split(b"\n")
    if len(leaves) != head.n:
        raise ContractError("batch.n", str(head.n), f"{len(leaves)} leaves")
    return head, leaves
