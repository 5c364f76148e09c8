"""What the lamps and the buzzer say: one table from the box's status to patterns. Pure; docs/panel.md is made from it.

green lit      ignition is released; amber flashing beside it: something runs out
amber flashes  locked, and the count says what is missing
red lit        tripped: somebody must reset; flashing fast: fault, or the box does not answer
all flashing   leave: gas
red and amber  gas was over a detector's range: what it reads since proves nothing
flash slowly
white flashes  beside whatever else is said: look, turn left (once), right (twice), shut your eyes (three times)
"""

from enum import StrEnum

import msgspec

from edge.gas.reading import Quality
from edge.interlock.status import ChannelView, CountdownView, Status


class Rhythm(msgspec.Struct, frozen=True):
    """On and off in turn, in milliseconds, again and again; `cycles` times where that is not 0, then off."""

    steps: tuple[int, ...] = ()
    cycles: int = 0

    def at(self, ms: int) -> bool:
        """Whether it is on so long after it began."""
        if len(self.steps) < 2:
            return bool(self.steps)
        whole = sum(self.steps)
        if self.cycles and ms >= self.cycles * whole:
            return False
        left = ms % whole
        for index, step in enumerate(self.steps):
            if left < step:
                return index % 2 == 0
            left -= step
        return False  # pragma: no cover - `left` is below the sum of the steps

    def change_ms(self, ms: int) -> int | None:
        """Milliseconds until it changes over next; None: never again."""
        whole = sum(self.steps)
        if len(self.steps) < 2 or (self.cycles and ms >= self.cycles * whole):
            return None
        left = ms % whole
        for step in self.steps:
            if left < step:
                return step - left
            left -= step
        return None  # pragma: no cover - as above


OFF = Rhythm()
STEADY = Rhythm((0,))
FAST = Rhythm((150, 150))
SLOW = Rhythm((1000, 1000))


def flashes(count: int, *, cycles: int = 0, pause_ms: int = 1500) -> Rhythm:
    """`count` flashes (or beeps), then a pause that is long enough to count by."""
    return Rhythm((*(300, 300) * (count - 1), 300, pause_ms), cycles)


class Meaning(StrEnum):
    """All that the panel can say, the most urgent first."""

    EVACUATE = "evacuate"
    MEASURE = "measure"
    FAULT = "fault"
    SILENT = "silent"
    GRACE_SOON = "grace_soon"
    GRACE = "grace"
    END_1 = "end_1"
    END_10 = "end_10"
    END_30 = "end_30"
    RELEASED = "released"
    ARMED = "armed"
    TRIPPED = "tripped"
    FIRE_WATCH = "fire_watch"
    IDENTIFY = "identify"
    READY = "ready"
    PERSON = "person"
    GAS = "gas"
    PERMIT = "permit"
    PLACE = "place"
    BOX = "box"
    LOOK = "look"
    LEFT = "left"
    RIGHT = "right"
    BLINK = "blink"
    TEST = "test"


class Show(msgspec.Struct, frozen=True):
    """One row: a rhythm for each output, and what it says in two languages."""

    zh: str
    en: str
    red: Rhythm = OFF
    amber: Rhythm = OFF
    green: Rhythm = OFF
    white: Rhythm = OFF
    buzzer: Rhythm = OFF

    def rhythm(self, output: str) -> Rhythm:
        """That of one output."""
        found: Rhythm = getattr(self, output)
        return found


TABLE: dict[Meaning, Show] = {
    Meaning.EVACUATE: Show(
        "气体报警：立即撤离", "gas alarm: leave now", FAST, FAST, FAST, FAST, Rhythm((700, 100))
    ),
    Meaning.MEASURE: Show(
        "气体曾超量程：先用手持仪器检测，再靠近", "gas was over the range: measure by hand before you go near",
        SLOW, SLOW, buzzer=SLOW,
    ),
    Meaning.FAULT: Show("故障：禁止使用，找维护人员", "fault: do not use, call maintenance", FAST, buzzer=FAST),
    Meaning.SILENT: Show("联锁无应答：点火已切断", "the interlock is silent: ignition is open", FAST, buzzer=FAST),
    Meaning.GRACE_SOON: Show(
        "马上切断：人员未回到岗位", "opening in seconds: somebody is still away", amber=FAST, green=STEADY,
        buzzer=Rhythm((100, 100)),
    ),
    Meaning.GRACE: Show(
        "人员离岗倒计时：回到岗位或面向摄像头", "somebody is away: come back or face the camera", amber=FAST,
        green=STEADY, buzzer=Rhythm((200, 800)),
    ),
    Meaning.END_1: Show(
        "不到 1 分钟到时：收工", "less than 1 minute left: stop", amber=flashes(3), green=STEADY,
        buzzer=flashes(3, pause_ms=4000),
    ),
    Meaning.END_10: Show(
        "不到 10 分钟到时", "less than 10 minutes left", amber=flashes(2), green=STEADY, buzzer=flashes(2, cycles=3)
    ),
    Meaning.END_30: Show(
        "不到 30 分钟到时", "less than 30 minutes left", amber=flashes(1), green=STEADY, buzzer=flashes(1, cycles=3)
    ),
    Meaning.RELEASED: Show("已放行，可以动火", "released: you may weld", green=STEADY),
    Meaning.ARMED: Show("正在放行，请稍候", "arming: wait", amber=FAST, green=FAST),
    Meaning.TRIPPED: Show(
        "已切断：排除原因后由授权人复位", "tripped: remove the cause, then somebody entitled resets", STEADY,
        buzzer=SLOW,
    ),
    Meaning.FIRE_WATCH: Show("看火中：守住现场", "fire watch: stay and watch", amber=SLOW, white=SLOW),
    Meaning.IDENTIFY: Show("平台正在找这台盒子", "the bridge is looking for this box", white=SLOW, green=SLOW),
    Meaning.READY: Show("条件齐备：按“申请点火”", "all is well: press arm", amber=STEADY),
    Meaning.PERSON: Show("缺人：工牌、刷脸、签到", "people: badge, face, check-in", amber=flashes(1)),
    Meaning.GAS: Show("气体：探测器、气体分析", "gas: detectors, gas test", amber=flashes(2)),
    Meaning.PERMIT: Show("作业票：票证、验票、前置条件", "permit: ticket, its check, preconditions", amber=flashes(3)),
    Meaning.PLACE: Show("现场：位置、门、风、摄像头", "place: position, door, wind, camera", amber=flashes(4)),
    Meaning.BOX: Show("盒子：按钮、急停、供电、时钟、触点", "box: buttons, E-stop, power, clock, contact",
                      amber=flashes(5)),
    Meaning.LOOK: Show(
        "请正对摄像头", "look straight at the camera", white=STEADY, buzzer=Rhythm((800, 700), 1)
    ),
    Meaning.LEFT: Show("向左转头", "turn your head left", white=flashes(1), buzzer=flashes(1, cycles=1)),
    Meaning.RIGHT: Show("向右转头", "turn your head right", white=flashes(2), buzzer=flashes(2, cycles=1)),
    Meaning.BLINK: Show("闭眼", "shut your eyes", white=flashes(3), buzzer=flashes(3, cycles=1)),
    Meaning.TEST: Show("试灯", "lamp test", STEADY, STEADY, STEADY, STEADY, STEADY),
}  # fmt: skip

GROUPS: dict[Meaning, tuple[str, ...]] = {
    Meaning.BOX: (
        "loop", "estop", "stop", "flame", "deadman", "contact_open", "contact_life", "proof_test", "inputs", "mains",
        "battery", "enclosure", "clock", "audit", "latch", "fire_watch",
    ),
    Meaning.PERMIT: ("permit", "level", "lease", "approval", "ticket_check", "preconditions"),
    Meaning.PLACE: ("place", "door", "wind", "camera", "video"),
    Meaning.GAS: ("gas", "gas_test", "bump_test", "calibration"),
    Meaning.PERSON: ("unknown_badge", "stranger", "guardian", "performer", "faces", "check_in"),
}  # fmt: skip
"""Release condition → what the lamps call it, in the order in which things are put right: people come last."""

ENDS: tuple[tuple[int, Meaning], ...] = ((60, Meaning.END_1), (600, Meaning.END_10), (1800, Meaning.END_30))
"""Seconds before the end of the permit from which it is told (PTW-05)."""
SOON_MS = 5000
"""A grace that ends this soon sounds fast."""
NEVER_SILENT = (Meaning.EVACUATE, Meaning.TEST)
PROMPTS: dict[str, Meaning] = {
    "look": Meaning.LOOK, "left": Meaning.LEFT, "right": Meaning.RIGHT, "blink": Meaning.BLINK,
}  # fmt: skip
UNPROMPTED = (Meaning.EVACUATE, Meaning.MEASURE, Meaning.FAULT, Meaning.SILENT, Meaning.TRIPPED, Meaning.TEST)
"""Beside these nobody is asked to turn the head."""
ALOUD = (Meaning.GRACE, Meaning.GRACE_SOON)
"""What the buzzer goes on warning of whatever somebody is asked to do."""


class Said(msgspec.Struct, frozen=True):
    """What is to be shown now, and why: another cause sounds again although the buzzer was silenced.

    `prompt` is what somebody is asked to do meanwhile: the white lamp and the buzzer are its own, the other lamps go
    on saying how the box stands. No prompt drowns a countdown to a trip: then the buzzer stays with that.
    """

    meaning: Meaning
    cause: str = ""
    prompt: Meaning | None = None

    @property
    def show(self) -> Show:
        """Its row."""
        row = TABLE[self.meaning]
        if self.prompt is None:
            return row
        asked = TABLE[self.prompt]
        buzzer = row.buzzer if self.meaning in ALOUD else asked.buzzer
        return msgspec.structs.replace(row, zh=asked.zh, en=asked.en, white=asked.white, buzzer=buzzer)


NOBODY = Said(Meaning.SILENT)
"""The interlock does not speak."""


def say(status: Status) -> Said:
    """What lamps and buzzer say about a status document."""
    said, asked = _state(status), status.prompt
    if asked is None or asked.result != "open" or said.meaning in UNPROMPTED:
        return said
    return Said(said.meaning, f"{asked.person}/{asked.number}/{asked.until_us}", PROMPTS[asked.action])


def _state(status: Status) -> Said:
    """What the lamps say about how the box stands."""
    tested = {channel.name for channel in status.channels if _is_test_gas(channel)}
    gas = [name for name in status.gas_now if name not in tested]
    if gas:
        return Said(Meaning.EVACUATE, ",".join(gas))
    # A bead falls back into its range when gas is richer than it can burn: clean air behind a latch is a guess.
    votes = [reason for verdict in status.verdicts if verdict.condition == "gas" for reason in verdict.reasons]
    latched = [vote.subject for vote in votes if vote.code == "gas_over_range" and vote.subject not in status.gas_now]
    if latched:
        return Said(Meaning.MEASURE, ",".join(latched))
    first = status.first_out
    cause = f"{first.code}/{first.subject}/{status.since_us}" if first is not None else str(status.since_us)
    match status.state:
        case "FAULT":
            return Said(Meaning.FAULT, cause)
        case "RELEASED":
            return _released(status)
        case "ARMED":
            return Said(Meaning.ARMED, str(status.attempt))
        case "TRIPPED" if not status.reset_done:
            return Said(Meaning.TRIPPED, cause)
    counting = {countdown.what: countdown for countdown in status.countdowns}
    if "identify" in counting:
        return Said(Meaning.IDENTIFY)
    if status.state == "PERMISSIVE_OK":  # a resume under the same permit ends the watch
        return Said(Meaning.READY)
    if "fire_watch" in counting:
        return Said(Meaning.FIRE_WATCH)
    return Said(missing(status))


def _is_test_gas(channel: ChannelView) -> bool:
    """A bump test or calibration is going on, and what it reads is what was applied, or on the way there or back."""
    test = channel.test
    if test is None or channel.value is None or channel.quality != Quality.GOOD.value:
        return False
    return min(test.low, test.baseline) <= channel.value <= max(test.high, test.baseline)


def missing(status: Status) -> Meaning:
    """The first group of which something is missing; a lock that nothing explains is the box's own matter."""
    failing = {verdict.condition for verdict in status.verdicts if verdict.release and not verdict.ok}
    for meaning, conditions in GROUPS.items():
        if failing.intersection(conditions):
            return meaning
    return Meaning.BOX


def _released(status: Status) -> Said:
    graces = [countdown for countdown in status.countdowns if countdown.what == "grace"]
    if graces:
        first = min(graces, key=lambda countdown: countdown.until_us)
        meaning = Meaning.GRACE_SOON if first.left_ms <= SOON_MS else Meaning.GRACE
        return Said(meaning, _of(first))
    for deadline in (countdown for countdown in status.countdowns if countdown.what == "deadline"):
        for seconds, meaning in ENDS:
            if deadline.left_ms <= seconds * 1000:
                return Said(meaning, meaning.value)
    return Said(Meaning.RELEASED)


def _of(countdown: CountdownView) -> str:
    return f"{countdown.condition}/{countdown.until_us}"
