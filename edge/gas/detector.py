"""From registers to a reading: pure, one object per channel or sensor because the live counter has a memory.

    register + 0   value, signed 16 bit, x scale = unit
    register + 1   status word: bit 0 fault, bit 1 over-range, bit 2 warm-up; any other bit is a fault too
    register + 2   live counter, moves at least every 100 ms, wraps at 65536
    ... + 5        readable: the read length rotates over 3..6 as a sequence tag

No smoothing and no outlier removal: what the detector says is what the interlock gets.
"""

from edge.config import Block
from edge.gas.budget import BLOCK_REGISTERS, TAG_LENGTHS
from edge.gas.reading import Quality, Reading

STATUS_OVER_RANGE = 2
STATUS_WARM_UP = 4
RAW_MAX = 0x7FFF
"""The largest value that the register can hold."""
_HALF_TURN = 0x8000


def signed(register: int) -> int:
    """Two's complement of a 16-bit register."""
    return register - 0x10000 if register & _HALF_TURN else register


class Detector:
    """Decodes the replies of one channel or process sensor and watches its live counter."""

    def __init__(self, channel: Block, frozen_us: int) -> None:
        """`frozen_us`: how long the live counter may stand still."""
        self.channel = channel
        self._frozen_us = frozen_us
        self._sequence = -1
        self._counter: int | None = None
        self._moved_us = 0
        self._settled_us = 0
        """Capture from which readings count again after a warm-up: T90 after it was last seen."""

    def next_count(self) -> int:
        """How many registers to ask for this time."""
        self._sequence += 1
        return BLOCK_REGISTERS + self._sequence % TAG_LENGTHS

    def failed(self, at_us: int, detail: str) -> Reading:
        """Nothing usable came."""
        return Reading(self.channel.name, None, Quality.BAD_FRAME, at_us, 0, None, detail)

    def decode(self, registers: list[int], at_us: int) -> Reading:
        """Judge a reply that passed the guards; `at_us` is when its request was sent."""
        channel = self.channel
        raw = signed(registers[0])
        value = round(raw * channel.scale, 6)
        factor = channel.response_factor
        # The range is the sensor's, so it is judged by what the sensor says; the limit by what that means.
        measured = value if factor is None else round(value * factor.factor, 6)
        counter = registers[2] if channel.live_counter else None
        quality, detail = self._judge(registers[1], value, counter, at_us)
        return Reading(
            channel.name, None if quality is Quality.BAD_FRAME else measured, quality, at_us, raw, counter, detail
        )

    def _judge(self, status: int, value: float, counter: int | None, at_us: int) -> tuple[Quality, str]:
        went_back, still_us = (False, 0) if counter is None else self._watch(counter, at_us)
        if went_back:
            return Quality.BAD_FRAME, "live counter went back: an old reply or a restarted detector"
        if status & STATUS_WARM_UP:
            self._settled_us = at_us + round(self.channel.t90_s * 1_000_000)
        # Before any fault: what a broken head says of too much gas latches like a sound one's word.
        if status & STATUS_OVER_RANGE:
            return Quality.OVER_RANGE, "the detector says over-range"
        if value > self.channel.range_high and at_us >= self._settled_us:
            return Quality.OVER_RANGE, f"above {self.channel.range_high:g} {self.channel.unit}"
        if still_us > self._frozen_us:
            return Quality.FROZEN, f"live counter {counter} stands still for {still_us // 1000} ms"
        if status & ~STATUS_WARM_UP:
            return Quality.FAULT, f"status word 0x{status:04X}"
        if status & STATUS_WARM_UP:
            return Quality.WARM_UP, "the detector warms up"
        if at_us < self._settled_us:
            # A sensor that is warm has still to follow the air: until T90 it may read clean in gas.
            left_s = (self._settled_us - at_us) / 1_000_000
            return Quality.WARM_UP, f"warm, its readings count in {left_s:.0f} s (T90)"
        if value < self.channel.range_low:
            return Quality.UNDER_RANGE, f"below {self.channel.range_low:g} {self.channel.unit}"
        return Quality.GOOD, ""

    def _watch(self, counter: int, at_us: int) -> tuple[bool, int]:
        """Follow the live counter: did it go back, and how long has it stood still."""
        last = self._counter
        if counter == last:
            return False, at_us - self._moved_us
        self._counter = counter
        self._moved_us = at_us
        return last is not None and (counter - last) & 0xFFFF >= _HALF_TURN, 0
