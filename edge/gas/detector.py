"""From registers to a reading: one object per channel or sensor, because live counter and warm-up have a memory.

What the registers say is read by `edge.gas.decoding`; here it is judged together with what was said before.
"""

from edge.config import Block
from edge.gas.decoding import Sample, point_of, profile_of, sample
from edge.gas.reading import Quality, Reading

_HALF_TURN = 0x8000


class Detector:
    """Decodes the replies of one channel or process sensor and watches its live counter."""

    def __init__(self, channel: Block, frozen_us: int, silent_us: int = 5_000_000) -> None:
        """`frozen_us`: how long the live counter may stand still; after `silent_us` of silence it warms up anew."""
        self.channel = channel
        self._profile = profile_of(channel)
        self._point = point_of(channel)
        self._frozen_us, self._silent_us = frozen_us, silent_us
        still_s = self._profile.noisy_still_s
        self._still_us = None if still_s is None else round(still_s * 1_000_000)
        # A device that does not say when it is warm is given its time whenever it may just have been switched on.
        self._warm_up_us = 0 if self._profile.said_warm(self._point) else round(self._profile.warm_up_s * 1_000_000)
        self._counter: int | None = None
        self._moved_us = 0
        self._raw: int | None = None
        self._changed_us = 0
        self._answered_us: int | None = None
        self._settled_us = 0
        """Capture from which readings count again after a warm-up: T90 after it was last seen."""

    def failed(self, at_us: int, detail: str) -> Reading:
        """Nothing usable came."""
        return Reading(self.channel.name, None, Quality.BAD_FRAME, at_us, 0, None, detail)

    def decode(self, registers: list[int], at_us: int) -> Reading:
        """Judge a reply that passed the guards; `at_us` is when its request was sent."""
        channel = self.channel
        found = sample(channel, self._profile, self._point, registers)
        factor = channel.response_factor
        # The range is the sensor's, so it is judged by what the sensor says; the limit by what that means.
        measured = found.value
        if measured is not None and factor is not None:
            measured = round(measured * factor.factor, 6)
        quality, detail = self._judge(found, at_us)
        return Reading(
            channel.name, None if quality is Quality.BAD_FRAME else measured, quality, at_us, found.raw, found.counter,
            detail,
        )  # fmt: skip

    def _judge(self, found: Sample, at_us: int) -> tuple[Quality, str]:
        channel, value = self.channel, found.value
        went_back, still_us = (False, 0) if found.counter is None else self._watch(found.counter, at_us)
        if went_back:
            return Quality.BAD_FRAME, "live counter went back: an old reply or a restarted detector"
        self._settle(found, at_us)
        steady_us = self._watch_value(found.raw, at_us)
        # Before any fault: what a broken head says of too much gas latches like a sound one's word.
        if found.over_range:
            return Quality.OVER_RANGE, "the detector says over-range"
        believed = not (found.fault and self._point.current)  # a loop beyond 21 mA is the transmitter's own fault
        if value is not None and value > channel.range_high and at_us >= self._settled_us and believed:
            return Quality.OVER_RANGE, f"above {channel.range_high:g} {channel.unit}"
        if still_us > self._frozen_us:
            return Quality.FROZEN, f"live counter {found.counter} stands still for {still_us // 1000} ms"
        if found.fault:
            return Quality.FAULT, found.fault
        if self._still_us is not None and steady_us > self._still_us:
            return Quality.FROZEN, f"value stands perfectly still for {steady_us // 1_000_000} s, which it never does"
        if found.warm_up:
            return Quality.WARM_UP, "the detector warms up"
        if at_us < self._settled_us:
            # A sensor that is warm has still to follow the air: until T90 it may read clean in gas.
            left_s = (self._settled_us - at_us) / 1_000_000
            return Quality.WARM_UP, f"warm, its readings count in {left_s:.0f} s (T90)"
        if found.under_range:
            return Quality.UNDER_RANGE, "the detector says under-range"
        if value is None or value < channel.range_low:
            return Quality.UNDER_RANGE, f"below {channel.range_low:g} {channel.unit}"
        return Quality.GOOD, ""

    def _settle(self, found: Sample, at_us: int) -> None:
        """Follow warm-up: said by the device, or its time after it may have been switched on."""
        t90_us = round(self.channel.t90_s * 1_000_000)
        if found.warm_up:
            self._settled_us = at_us + t90_us
        if self._warm_up_us:
            answered = self._answered_us
            dead_loop = self._point.current and found.fault and (found.value or 0.0) < self.channel.range_low
            if answered is None or at_us - answered > self._silent_us or dead_loop:
                self._settled_us = at_us + self._warm_up_us + t90_us
        self._answered_us = at_us

    def _watch(self, counter: int, at_us: int) -> tuple[bool, int]:
        """Follow the live counter: did it go back, and how long has it stood still."""
        last = self._counter
        if counter == last:
            return False, at_us - self._moved_us
        self._counter = counter
        self._moved_us = at_us
        return last is not None and (counter - last) & 0xFFFF >= _HALF_TURN, 0

    def _watch_value(self, raw: int, at_us: int) -> int:
        """How long the number has stood perfectly still."""
        if raw != self._raw:
            self._raw, self._changed_us = raw, at_us
        return at_us - self._changed_us
