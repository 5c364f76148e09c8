"""What a field bus delivers: gas readings with quality and capture time, and the state of the buttons.

`at_us` is CLOCK_BOOTTIME in microseconds at which the *request* was sent: the value cannot be older than that, and
counting its age from there never flatters it.
"""

from enum import StrEnum

import msgspec


class Quality(StrEnum):
    """What a reading is worth. Everything but `GOOD` is no proof of clean air.

    `BAD_FRAME` says that nothing usable came (silence, exception, wrong reply): one is tolerated until the last good
    reading reaches the channel's stale limit. The others are the detector's own word and count at once.
    `STALE` and `NEVER` are given by whoever judges age; a driver never sends them.
    """

    GOOD = "good"
    STALE = "stale"
    FAULT = "fault"
    OVER_RANGE = "over_range"
    UNDER_RANGE = "under_range"
    WARM_UP = "warm_up"
    FROZEN = "frozen"
    BAD_FRAME = "bad_frame"
    NEVER = "never"


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One attempt to read a gas channel or a process sensor.

    Attributes:
        channel: its name in the configuration.
        value: in the channel's unit; None when nothing usable came. Given for over- and under-range too.
        quality: see `Quality`.
        at_us: CLOCK_BOOTTIME at which the request was sent.
        raw: the signed register value, 0 without a frame.
        counter: the live counter, None without a frame or for a channel that has none.
        detail: why it is not good, in English, for logs and the engineer; empty when good.
    """

    channel: str
    value: float | None
    quality: Quality
    at_us: int
    raw: int
    counter: int | None
    detail: str


class InputReading(msgspec.Struct, frozen=True, gc=False):
    """The contacts as they are, True when closed. `stop` and `estop` are normally closed: False means pressed.

    `door` (shut), `mains` (there), `battery` (charged), `enclosure` (cool) and `flame` (none seen) are True while all
    is well, None on a site that does not have them. `test_key` (in TEST) and `isolated` (the load) are True when
    they say so.
    """

    arm: bool
    stop: bool
    finish: bool
    reset: bool
    estop: bool
    at_us: int
    door: bool | None = None
    mains: bool | None = None
    battery: bool | None = None
    enclosure: bool | None = None
    flame: bool | None = None
    test_key: bool | None = None
    isolated: bool | None = None
