"""Topics and batches: limits hold before anything is unpacked."""

import msgspec
import pytest
import zstandard

from contracts import topics
from contracts.errors import ContractError

ORIGIN = "hotbox.example/box-1/1"
LEAVES = [b'{"seq":%d}' % number for number in range(40)]


def test_a_topic_comes_back_as_it_was() -> None:
    assert topics.parse(topics.up("box-1", "log")) == ("box-1", "up", "log")
    assert topics.parse(topics.dn("box-1", "permit")) == ("box-1", "dn", "permit")


@pytest.mark.parametrize(
    "topic",
    ["", "hotbox/v1", "hotbox/v2/b/up/log", "hotbox/v1/b/xx/log", "hotbox/v1/b/up/log/x", "/hotbox/v1/b/up/log"],
)
def test_other_topics_are_refused(topic: str) -> None:
    with pytest.raises(ContractError) as caught:
        topics.parse(topic)
    assert caught.value.field == "topic"


@pytest.mark.parametrize("n", [1, 40, topics.MAX_BATCH_EVENTS])
def test_a_batch_comes_back_byte_for_byte(n: int) -> None:
    leaves = [b'{"seq":%d}' % number for number in range(n)]
    head, came = topics.unpack_batch(topics.pack_batch(ORIGIN, 7, leaves))
    assert (head.origin, head.first, head.n, came) == (ORIGIN, 7, n, leaves)


def _batch(head: dict[str, object], body: bytes) -> bytes:
    return msgspec.json.encode({"origin": ORIGIN, "first": 0, "n": 2, "codec": "zstd", **head}) + b"\n" + body


def _zstd(plain: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3).compress(plain)


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (b"", "batch"), (b"no newline", "batch"), (b"\xff\xfe\n", None), (b"{}\n", "origin"), (b"null\n", None),
        (_batch({"n": 0}, _zstd(b"")), "batch"), (_batch({"n": -1}, _zstd(b"a")), "batch"), (_batch({"n": 501}, _zstd(b"a")), "batch"),
        (_batch({"first": -1}, _zstd(b"a\nb")), "batch"), (_batch({"codec": "gzip"}, _zstd(b"a\nb")), "batch"),
        (_batch({"extra": 1}, _zstd(b"a\nb")), "extra"), (_batch({"first": 2**64}, _zstd(b"a\nb")), None),
        (_batch({"n": 3}, _zstd(b"a\nb")), "batch.n"), (_batch({}, b"not zstd"), "batch"), (_batch({}, _zstd(b"a\nb")[:-3]), None),
        (_batch({}, b""), None), (b"x" * (topics.MAX_PAYLOAD_BYTES + 1), "batch"), (_batch({}, _zstd(b"a\nb") + b"junk"), "batch"),
    ],
    ids=range(18),
)  # fmt: skip
def test_a_batch_that_lies_is_refused(payload: bytes, field: str | None) -> None:
    with pytest.raises(ContractError) as caught:
        topics.unpack_batch(payload)
    if field is not None:
        assert caught.value.field == field


def test_a_compression_bomb_is_stopped_at_its_limit() -> None:
    """64 MiB of zeros fit in a few KiB: no more than the limit is ever unpacked."""
    bomb = _zstd(b"\0" * (64 * 1024 * 1024))
    assert len(bomb) < topics.MAX_PAYLOAD_BYTES
    with pytest.raises(ContractError, match="inflated"):
        topics.unpack_batch(_batch({"n": 1}, bomb))


def test_a_body_of_many_frames_does_not_get_round_the_limit() -> None:
    frames = _zstd(b"\0" * (1024 * 1024)) * 20
    with pytest.raises(ContractError):
        topics.unpack_batch(_batch({"n": 1}, frames))
