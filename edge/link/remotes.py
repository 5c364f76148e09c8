"""Detectors fed over MQTT: their messages turned into evidence of gas. What cannot be read is no word at all.

The interlock lets such a detector trip and never satisfy, so nothing here needs to be believed.
"""

import logging
import math
from collections.abc import Callable
from typing import Any

import msgspec

from edge.config import Remote
from edge.gas.profile import Message, load
from edge.interlock.evidence import Evidence, RemoteGas
from edge.sockets import now_us

MAX_PAYLOAD = 16_384
_LARGEST_MILLI = 2**31 - 1
_HUGE = 10**300

_logger = logging.getLogger(__name__)


def read(payload: bytes, message: Message, scale: float) -> tuple[int, bool] | None:
    """Value in thousandths and whether the range was left, as a message says it; None when it says neither."""
    if len(payload) > MAX_PAYLOAD:
        return None
    try:
        said = msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    value = _under(said, message.value)
    beyond = bool(message.over_range) and _under(said, message.over_range) is True
    if isinstance(value, int) and not isinstance(value, bool):
        # JSON's integers have no end, a float's range has one.
        value = max(-_HUGE, min(_HUGE, value))
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return (_LARGEST_MILLI, True) if beyond else None
    milli = max(-_LARGEST_MILLI, min(_LARGEST_MILLI, value * scale * 1000))
    return round(milli), beyond


def _under(said: Any, key: str) -> Any:
    """What stands under ``a.b``; the whole message for an empty key."""
    for step in key.split(".") if key else ():
        said = said.get(step) if isinstance(said, dict) else None
    return said


class Remotes:
    """Sorts messages of foreign topics.

    Attributes:
        refused: messages that could not be read.
    """

    def __init__(self, remotes: tuple[Remote, ...], offer: Callable[[Evidence], bool]) -> None:
        """`offer` hands evidence to the interlock."""
        self.refused = 0
        self._offer = offer
        self._last_us = 0
        self._by_topic: dict[str, list[tuple[Remote, Message]]] = {}
        for remote in remotes:
            message = load(remote.profile).message or Message()
            self._by_topic.setdefault(remote.topic, []).append((remote, message))

    @property
    def topics(self) -> tuple[str, ...]:
        """What to subscribe to."""
        return tuple(self._by_topic)

    def take(self, topic: str, payload: bytes, *, kept: bool) -> bool:
        """Hand on what a message says; False when the topic is nobody's. `kept`: the broker had retained it."""
        for remote, message in self._by_topic.get(topic, ()):
            said = read(payload, message, remote.scale)
            if said is None:
                self.refused += 1
                _logger.warning("%s: %d bytes that say no number for %s", topic, len(payload), remote.name)
                continue
            self._last_us = max(now_us(), self._last_us + 1)
            value_milli, beyond = said
            self._offer(RemoteGas(self._last_us, remote.name, value_milli, beyond, kept))
        return topic in self._by_topic
