"""What the screen shows of a status document, in both languages. The page only lays it out.

Pure but for the zone, which is the process's: every process of the box keeps the site's clock
(`edge.interlock.local_time`).
"""

import time

import msgspec

from edge.interlock.conditions import CONDITIONS
from edge.interlock.reasons import CATALOGUE, fill
from edge.interlock.status import ChannelView, ReasonView, Status
from edge.panel.patterns import say

MOST = 4
"""Reasons that are shown; the rest is counted. A small screen shows fewer, whole ones."""
REFUSED_MS = 120_000
"""How long the screen says that a permit was refused."""
UNHEARD_MS = 5_000
"""While the bridge has not confirmed the box's log for this long, the acceptance is shown, for a phone to carry it."""
_ROLES = {"performer": ("作业人", "performer"), "guardian": ("监护人", "guardian")}
_BLOCKS_RESET = frozenset(condition.name for condition in CONDITIONS if condition.blocks_reset)
_QUALITY = {
    "stale": ("数据过期", "stale"), "fault": ("故障", "fault"), "over_range": ("超量程", "over range"),
    "under_range": ("低于量程", "under range"), "warm_up": ("预热", "warming up"), "frozen": ("数据冻结", "frozen"),
    "bad_frame": ("通信错误", "bad frame"), "never": ("无数据", "no data"),
}  # fmt: skip


class Words(msgspec.Struct, frozen=True):
    """One text in two languages."""

    zh: str
    en: str


class Person(msgspec.Struct, frozen=True):
    """Somebody of the permit, and what is still missing of that person."""

    role: Words
    name: str
    badge: bool
    face: bool


class Gas(msgspec.Struct, frozen=True):
    """One channel; `value` is "–" when nothing is known, `note` why, `alarm` when it votes to trip."""

    name: str
    gas: str
    value: str
    unit: str
    alarm: bool
    good: bool
    note: Words


class Todo(msgspec.Struct, frozen=True):
    """Why not, and what to do about it."""

    why: Words
    todo: Words


class Prompt(msgspec.Struct, frozen=True):
    """The movement that somebody is asked for: `action` chooses the picture, done of `of` movements were seen."""

    person: str
    name: str
    action: str
    text: Words
    done: int
    of: int
    left_ms: int
    result: str


class Left(msgspec.Struct, frozen=True):
    """A countdown; the page counts on between two words of the interlock."""

    what: str
    text: Words
    left_ms: int


class Picture(msgspec.Struct, frozen=True):
    """Everything on the screen.

    `clock` is the time of day by the site's clock, whatever zone the browser is set to. `lamps` is what the stack
    light says, `qr` the id of the token now shown, `receipt` that of the acceptance of the permit `accepted`; both are
    "" while the bridge hears the box by itself.
    """

    box: str
    simulation: bool
    state: str
    word: Words
    lamps: Words
    permit: str
    place: str
    people: tuple[Person, ...]
    gas: tuple[Gas, ...]
    todo: tuple[Todo, ...]
    more: int
    left: tuple[Left, ...]
    t: int
    clock: str
    qr: str
    accepted: str
    receipt: str
    prompt: Prompt | None = None


STATE_WORDS = {
    "LOCKED": ("已锁定", "LOCKED"),
    "PERMISSIVE_OK": ("可申请点火", "READY"),
    "ARMED": ("核对中", "CHECKING"),
    "RELEASED": ("已放行", "RELEASED"),
    "TRIPPED": ("已切断", "OPENED"),
    "FAULT": ("故障", "FAULT"),
}
_WATCH = Words("看火中", "FIRE WATCH")
_RESET = Todo(
    Words("已切断，等待复位", "opened, waiting for the reset"),
    Words("授权人佩戴工牌到场，转动复位钥匙", "somebody entitled, with the badge, turns the reset key"),
)
_ARM = Todo(Words("条件全部满足", "every condition is met"), Words("按“申请点火”按钮", "press the arm button"))
_STAY = Todo(
    Words("看火时间未到", "the fire watch is running"),
    Words("监护人守在现场，留意余火", "the guardian stays and watches for embers"),
)


def picture(status: Status) -> Picture:
    """What to show."""
    shown = say(status).show
    todo = _todo(status)
    watching = status.state == "TRIPPED" and status.reset_done
    permit = status.permit
    answer = status.permit_answer
    unheard = answer.receipt != "" and status.audit.unacked_age_ms >= UNHEARD_MS
    return Picture(
        box=status.box,
        simulation=status.baseline == "SIMULATION",
        state="WATCH" if watching else status.state,
        word=_WATCH if watching else Words(*STATE_WORDS[status.state]),
        lamps=Words(shown.zh, shown.en),
        permit=permit.id if permit else "",
        place=permit.place if permit else "",
        people=tuple(
            Person(Words(*_ROLES.get(p.role, (p.role, p.role))), p.name, p.badge_ok, p.face_ok) for p in status.people
        ),
        gas=tuple(_gas(channel) for channel in status.channels),
        todo=todo[:MOST],
        more=max(0, len(todo) - MOST),
        left=_left(status),
        t=status.t,
        clock=time.strftime("%H:%M", time.localtime(status.t // 1000)),
        qr=status.place_token[-16:],
        accepted=answer.accepted if unheard else "",
        receipt=answer.receipt[-16:] if unheard else "",
        prompt=_prompt(status),
    )


def _prompt(status: Status) -> Prompt | None:
    asked = status.prompt
    if asked is None:
        return None
    done = asked.of if asked.result == "passed" else max(0, asked.number - 1)
    text = Words(asked.zh, asked.en)
    return Prompt(asked.person, asked.name, asked.action, text, done, asked.of, asked.left_ms, asked.result)


def _gas(channel: ChannelView) -> Gas:
    good = channel.quality == "good"
    note = Words("", "") if good else Words(*_QUALITY.get(channel.quality, (channel.quality, channel.quality)))
    known = channel.value is not None and channel.quality not in ("stale", "never", "bad_frame")
    value = f"{channel.value:.1f}".removesuffix(".0") if known else "–"
    return Gas(channel.name, channel.gas, value, channel.unit, channel.alarm, good, note)


def _of(reason: ReasonView) -> Todo:
    return Todo(Words(reason.zh, reason.en), Words(reason.todo_zh, reason.todo_en))


def _todo(status: Status) -> tuple[Todo, ...]:
    """What to do next, the same words as everywhere else (edge/interlock/reasons.py)."""
    released = status.state == "RELEASED"
    failing = [
        (verdict.condition, _of(reason))
        for verdict in status.verdicts
        if not verdict.ok and (verdict.run if released else verdict.release)
        for reason in verdict.reasons
    ]
    refused = _refused(status)
    match status.state:
        case "PERMISSIVE_OK":
            return (*refused, _ARM)
        case "TRIPPED" | "FAULT" if not status.reset_done:
            first = (_of(status.first_out),) if status.first_out is not None else ()
            blocking = tuple(todo for name, todo in failing if name in _BLOCKS_RESET)
            found = (*first, *blocking) if blocking or status.state == "FAULT" else (*first, _RESET)
            return tuple(dict.fromkeys(found))
        case "TRIPPED":
            return (_STAY,)
    said = refused if status.state == "LOCKED" else ()
    return (*said, *dict.fromkeys(todo for name, todo in failing if name not in ("latch", "fire_watch")))


def _refused(status: Status) -> tuple[Todo, ...]:
    """Why the permit that was handed in just now was refused; whoever holds the phone waits for this."""
    answer = status.permit_answer
    text = CATALOGUE.get(answer.code)
    if text is None or not 0 <= status.t - answer.refused_t <= REFUSED_MS:
        return ()
    number = f" {answer.refused}" if answer.refused else ""
    why = Words(f"作业票{number} 被拒：{fill(text.zh, '')}", f"permit{number} refused: {fill(text.en, '')}")
    return (Todo(why, Words(text.todo_zh, text.todo_en)),)


def _left(status: Status) -> tuple[Left, ...]:
    """The countdowns, the one that matters most first."""
    order = ("grace", "attempt", "vouching", "reset_window", "deadline", "fire_watch")
    known = [view for view in status.countdowns if view.what in order]
    known.sort(key=lambda view: (order.index(view.what), view.left_ms))
    return tuple(
        Left(view.what, _GRACE if view.what == "grace" else Words(view.zh, view.en), view.left_ms) for view in known
    )


_GRACE = Words("回到岗位，否则切断", "come back, or ignition opens")
