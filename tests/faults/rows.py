"""Every fault with what is expected of it, released and locked. A row's limit is a sum; see `limits`."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from tests.faults.limits import Limit, Limits


class Expect(StrEnum):
    """What the box must do about a fault."""

    OPENS = "opens"  # released: the contact opens in time, first-out names it
    GOES_ON = "goes on"  # released: rightly tolerated
    FAULT = "fault"  # released: found at the next opening, FAULT; nothing stands in series, so the contact stays closed
    CUT = "cut"  # released: found at the next opening, FAULT; the contact in series cuts the power
    REFUSED = "refused"  # locked: a release is refused and it is named
    FAILS = "fails"  # locked: the release fails and it is named
    RELEASES = "releases"  # locked: rightly tolerated


SAFE = {
    Expect.OPENS: ("断开", "opens"), Expect.GOES_ON: ("继续", "goes on"), Expect.FAULT: ("进入故障，触点仍闭合", "fault, and the contact stays closed"),
    Expect.CUT: ("进入故障，串联触点断电", "fault, and the contact in series cuts the power"),
    Expect.REFUSED: ("拒绝放行", "refused"), Expect.FAILS: ("放行失败", "release fails"),
    Expect.RELEASES: ("可放行", "releases"),
}  # fmt: skip


class Row(NamedTuple):
    """One fault of one device.

    Attributes:
        device, fault, value: as typed after ``hotbox-sim fault``; with the fault ``set`` as typed after ``hotbox-sim set``.
        lane: the kind of rig that it needs, one of `tests.faults.rig.KINDS`.
        limit: its declared limit.
        codes: reasons that name it.
        subjects: subjects of these reasons that name it; empty when the code alone does.
        released, locked: what is expected.
        blip_ms: mended again after this long.
        why: why a tolerated or odd one is right, Chinese and English.
        then: what makes it show: ``stop`` presses stop, ``record`` asks for a record.
        told: although it is tolerated, it must be shown: ``panel`` by the panel process, ``device`` among the devices,
            ``age`` by the age of the last word.
        neighbours: subjects on the same line that may be named first, if the device itself is named in time, too.
        other: the contact that must open when this one is welded.
        beside: what stands beside it all the while and is good.
    """

    device: str
    fault: str
    lane: str
    limit: Callable[[Limits], Limit]
    codes: tuple[str, ...]
    subjects: tuple[str, ...] = ()
    value: str = ""
    released: Expect = Expect.OPENS
    locked: Expect = Expect.REFUSED
    blip_ms: int = 0
    why: tuple[str, str] = ("", "")
    then: str = ""
    told: str = ""
    neighbours: tuple[str, ...] = ()
    other: str = ""
    beside: str = ""

    @property
    def name(self) -> str:
        """``ch4-1 late 350``."""
        blip = f"{self.blip_ms} ms" if self.blip_ms else ""
        beside = f"beside a clean {self.beside}" if self.beside else ""
        return " ".join(word for word in (self.device, self.fault, self.value, blip, beside) if word)


_TCP = ("ch4-1", "o2-1")
_RTU = ("co-1", "h2s-1")
_STALE = ("gas_stale", "gas_fault")


def _stale(device: str, fault: str, bus: str, subjects: tuple[str, ...], neighbours: tuple[str, ...] = ()) -> Row:
    return Row(device, fault, "bus", lambda limits: limits.silence(bus), _STALE, subjects, neighbours=neighbours)


def _detector(device: str, bus: str, everybody: tuple[str, ...]) -> tuple[Row, ...]:
    alone = (device,)
    # Bytes that came late or in pieces cost a serial line time that its other units lack, too.
    line = tuple(name for name in everybody if name != device) if everybody == _RTU else ()
    read = ("silent", "exception", "late", "wrong_unit", "wrong_count", "crc", "garbage", "truncated", "baud")
    return (
        *(_stale(device, fault, bus, alone, line) for fault in read),
        *(_stale(device, fault, bus, everybody) for fault in ("link_drop", "short")),
        Row(device, "frozen", "bus", lambda limits: limits.silence(bus), ("gas_frozen",), alone),
        Row(device, "status_fault", "bus", lambda limits: limits.value(bus), ("gas_fault",), alone),
        Row(device, "warm_up", "bus", lambda limits: limits.value(bus), ("gas_warm_up",), alone),
        Row(device, "over_range", "bus", lambda limits: limits.value(bus), ("gas_over_range",), alone),
        Row(device, "fold_back", "bus", lambda limits: limits.value(bus), ("gas_over_range",), alone, "1200",
            why=("超量程被记住，回落后也不放行", "over range is remembered; the clean reading behind it releases nothing")),
        Row(device, "crc", "bus", lambda limits: limits.silence(bus), _STALE, alone, released=Expect.GOES_ON,
            locked=Expect.RELEASES, blip_ms=80,
            why=("偶发坏帧在时限内容忍并计数", "a bad frame now and then is tolerated within the stale limit, and counted")),
    )  # fmt: skip


_DETECTORS = (
    *_detector("ch4-1", "gas-tcp", _TCP),
    *_detector("co-1", "gas-rtu", _RTU),
    Row("ch4-1", "noise", "bus", lambda limits: limits.silence("gas-tcp"), _STALE, _TCP),
    Row("co-1", "noise", "bus", lambda limits: limits.silence("gas-rtu"), _STALE, _RTU),
    Row("ch4-1", "drift", "bus", lambda limits: limits.value("gas-tcp"), ("gas_high", "gas_over_range"), ("ch4-1",),
        "50", why=("自越过限值时起算", "counted from the moment at which the limit is passed")),
    Row("o2-1", "drift", "bus", lambda limits: limits.value("gas-tcp"), ("gas_low", "gas_under_range"), ("o2-1",),
        "-20", why=("自越过限值时起算", "counted from the moment at which the limit is passed")),
)  # fmt: skip

ON_THE_WAY = ("silent", "exception", "link_drop", "late", "wrong_unit", "wrong_count", "crc", "garbage", "noise", "truncated",
              "baud", "short")  # fmt: skip
"""What can happen between any unit and who asks it."""

_INPUTS = (
    *(
        Row("inputs", fault, "bus", lambda limits: limits.inputs_silent(), ("inputs_stale",))
        for fault in ON_THE_WAY
    ),
    *(
        Row(device, "open", "bus", lambda limits: limits.value("inputs"), codes)
        for device, codes in (
            ("stop", ("stop_pressed",)), ("estop", ("estop_open",)), ("door", ("door_open",)), ("mains", ("mains_fail",)),
            ("battery", ("battery_low",)), ("enclosure", ("enclosure_hot",)), ("flame", ("flame_seen",)),
        )
    ),
    Row("stop", "bounce", "bus", lambda limits: limits.value("inputs"), ("stop_pressed",), value="200",
        why=("停止触点从不滤波", "a stop contact is never debounced")),
    Row("arm", "bounce", "bus", lambda limits: limits.value("inputs"), (), released=Expect.GOES_ON,
        locked=Expect.RELEASES, blip_ms=300, why=("抖动的点火按钮只能推迟放行", "a bouncing arm button can only delay a release")),
    Row("arm", "closed", "bus", lambda limits: limits.value("inputs"), (), released=Expect.GOES_ON,
        locked=Expect.RELEASES,
        why=("短接与按下无异：只算一次，且其他条件须全部具备", "a short looks like a press: it counts once, and everything else must hold")),
)  # fmt: skip

_DEADMAN = (
    Row("deadman", "reboot", "bus", lambda limits: limits.element(), ("deadman_open", "deadman_silent", "feedback_lost"),
        locked=Expect.RELEASES, why=("重启后断开；新的放行需要新的一次性码", "it is open after a reboot; a release needs its new nonce")),
    Row("deadman", "mute", "bus", lambda limits: limits.deadman(), ("deadman_silent",)),
    Row("deadman", "late", "bus", lambda limits: limits.deadman(), ("deadman_silent",), value="1000"),
    Row("deadman", "corrupt", "bus", lambda limits: limits.deadman(), ("deadman_silent",)),
    Row("deadman", "clogged", "bus", lambda limits: limits.deadman(), ("deadman_open", "feedback_lost", "deadman_silent"),
        locked=Expect.FAILS,
        why=("盒子发不出命令，触点不会吸合", "what the box orders does not arrive, so nothing closes")),
    Row("deadman", "weld", "chain", lambda limits: limits.element(), ("welded",), ("",), released=Expect.CUT,
        locked=Expect.RELEASES, then="stop", other="k2",
        why=("粘连只在下一次断开时可见：进入故障；串联的第二触点断电", "a weld shows at the next opening: FAULT; the contact in series cuts the power")),
    Row("deadman", "stuck_open", "bus", lambda limits: limits.element(), ("feedback_lost", "feedback_not_closed"),
        locked=Expect.FAILS, why=("只有吸合时才看得出", "it shows only when it is to close")),
    Row("deadman", "chatter", "bus", lambda limits: limits.element(), ("feedback_lost", "feedback_not_closed"),
        locked=Expect.FAILS, why=("只有吸合时才看得出", "it shows only when it is to close")),
)  # fmt: skip

_K1 = ("deadman_silent",)
_K2 = ("series_silent", "feedback_lost")
_SEEN_CLOSING = ("只有吸合时才看得出", "it shows only when it is to close")
_RELAYS = (
    # A box has one primary relay: its reasons need no name. Those of relays in series have one, so none of theirs fits.
    *(Row("k1", fault, "icpdas", lambda limits: limits.deadman(), _K1, ("",)) for fault in ON_THE_WAY),
    Row("k1", "reboot", "icpdas", lambda limits: limits.deadman(), (*_K1, "deadman_open", "feedback_lost"), locked=Expect.RELEASES,
        why=("重启后断开，重新设置后才可放行", "it is open after a reboot, and is set up anew before a release")),
    Row("k1", "weld", "icpdas", lambda limits: limits.element(), ("welded",), ("",), released=Expect.FAULT, locked=Expect.RELEASES,
        then="stop", why=("粘连只在下一次断开时可见：进入故障；单触点没有谁能断电，触点一直闭合，故应串联第二触点",
                          "a weld shows at the next opening: FAULT; alone it stays closed, which is why a second contact belongs in series")),
    *(
        Row("k1", fault, "icpdas", lambda limits: limits.deadman(), ("feedback_lost", "feedback_not_closed"),
            locked=Expect.FAILS, why=_SEEN_CLOSING)
        for fault in ("stuck_open", "chatter")
    ),
    *(Row("k2", fault, "chain", lambda limits: limits.element(), _K2, ("k2",)) for fault in ON_THE_WAY),
    Row("k2", "reboot", "chain", lambda limits: limits.element(), _K2, ("k2",), locked=Expect.RELEASES,
        why=("重启后断开，等下一次放行", "it is open after a reboot, and waits for the next release")),
    Row("k2", "weld", "chain", lambda limits: limits.element(), ("welded",), ("k2",), released=Expect.CUT,
        locked=Expect.RELEASES, then="stop", other="deadman",
        why=("粘连只在下一次断开时可见：进入故障；主触点断电", "a weld shows at the next opening: FAULT; the primary contact cuts the power")),
    Row("k2", "stuck_open", "chain", lambda limits: limits.element(), ("feedback_lost", "feedback_not_closed"), ("k2",),
        locked=Expect.FAILS, why=_SEEN_CLOSING),
    # It may change more often than the rules allow before the release has failed: then that is what it is called.
    Row("k2", "chatter", "chain", lambda limits: limits.element(), ("feedback_lost", "feedback_not_closed", "chatter"), ("k2",),
        locked=Expect.FAILS, why=_SEEN_CLOSING),
)  # fmt: skip

_PANEL = tuple(
    Row("outputs", fault, "panel", lambda limits: limits.panel(), (), released=Expect.GOES_ON, locked=Expect.RELEASES, told="panel",
        why=("声光只提示，不参与放行；面板自报灯不可达", "lamps only show; the panel itself says that it cannot reach them"))
    for fault in ON_THE_WAY
)  # fmt: skip

_GUARDIAN = ("李四",)
_RADIO = ("radio_deaf", "radio_absent", "radio_lost")
_PEOPLE = (
    *(
        Row("gnss", fault, "people", lambda limits: limits.position(), (code,))
        for fault, code in (
            ("void", "gnss_void"), ("no_checksum", "gnss_checksum"), ("bad_checksum", "gnss_checksum"),
            ("silent", "gnss_silent"), ("frozen", "gnss_frozen"), ("poor", "place_poor"),
        )
    ),
    Row("gnss", "jump", "people", lambda limits: limits.leap(), ("gnss_jump",)),
    *(
        Row(device, fault, "people", lambda limits, role=device: limits.badge(role), ("badge_absent", code), named)
        for device, fault, code, named in (
            ("guardian", "away", "badge_absent", _GUARDIAN), ("guardian", "weak", "badge_weak", _GUARDIAN),
            ("guardian", "replay", "badge_stale", _GUARDIAN), ("guardian", "forged", "badge_forged", _GUARDIAN),
            ("guardian", "doubled", "badge_cloned", _GUARDIAN), ("guardian", "outdated", "badge_outdated", _GUARDIAN),
            ("performer", "away", "badge_absent", ("张三",)),
        )
    ),
    Row("guardian", "cloned", "people", lambda limits: limits.copy(), ("badge_absent", "badge_stale", "badge_cloned"), _GUARDIAN),
    Row("guardian", "battery", "people", lambda limits: limits.badge(), ("badge_battery", "badge_absent"), _GUARDIAN, released=Expect.GOES_ON, locked=Expect.RELEASES,
        why=("电量低只提示，不断开", "a low battery is shown, and opens nothing")),
    Row("badges", "deaf", "people", lambda limits: limits.badge(), ("badge_absent", *_RADIO),
        why=("十二秒无声才判为接收失聪；模拟规则的时限更短，先报工牌", "twelve silent seconds are a deaf radio to the box; the simulation's short times miss a badge sooner")),
    # Here and after a restart of BlueZ the scan is started anew after 12 s of silence: a plant's pack bridges that, the
    # short times of the simulation's pack do not.
    Row("badges", "stalled", "people", lambda limits: limits.badge(), ("badge_absent", *_RADIO), locked=Expect.RELEASES,
        why=("扫描停止会自动重启", "a scan that ended is started anew")),
    Row("badges", "gaps", "people", lambda limits: limits.gaps(), ("badge_absent", *_RADIO), released=Expect.GOES_ON, locked=Expect.RELEASES,
        why=("聋的五秒短于信号时限与宽限之和", "five deaf seconds are shorter than a badge's time to live and its grace")),
    *(
        Row("nfc", fault, "people", lambda limits: limits.reader(), ("nfc_silent",), released=Expect.GOES_ON, locked=Expect.RELEASES,
            told="device", why=("读卡器只用于签到，已签到的不受影响；故障有提示", "the reader only takes check-ins; who is checked in stays so, and it is shown"))
        for fault in ("silent", "corrupt", "error")
    ),
    Row("badges", "restart", "people", lambda limits: limits.badge(), ("badge_absent", *_RADIO), locked=Expect.RELEASES,
        why=("扫描停止会自动重启", "a scan that ended is started anew")),
)  # fmt: skip

_CAMERA = tuple(
    Row("camera", fault, "camera", lambda limits: limits.camera(), ("camera_lost",))
    for fault in ("stall", "frozen", "black", "covered", "taped", "loop", "disconnect")
)

CLOCK_LOOK_MS = 500.0
_HOST = (
    Row("host", "clock_step", "host", lambda limits: limits.clock(CLOCK_LOOK_MS), ("clock_step", "clock_floor"), value="-3600"),
    Row("host", "disk_full", "host", lambda limits: limits.audit(), ("audit_unwritable", "audit_late"), then="record",
        why=("自第一条写不下的记录起算", "counted from the first record that does not fit")),
    # The last one: the box remembers an hour that has not come, and started anew it would rightly wait for it.
    Row("host", "clock_step", "host", lambda limits: limits.clock(CLOCK_LOOK_MS), ("clock_step",), value="3600",
        locked=Expect.RELEASES, why=("空闲时向前的校正被跟随并记录：时间窗按新时间判断", "idle, a forward step is followed and recorded: windows are judged by the new time")),
)  # fmt: skip
_GATEWAY = ("ch4-1", "o2-1", "portable-1", "wind-1")
"""What the simulated gateway has as units beside the box's thermometer."""


def _sensor(device: str, fault: str, *codes: str, value: str = "", neighbours: tuple[str, ...] = ()) -> Row:
    soon = fault in ("status_fault", "over_range", "warm_up", "drift")
    why = ("自越过限值时起算", "counted from the moment at which the limit is passed") if fault == "drift" else ("", "")
    return Row(
        device, fault, "plant", lambda limits: limits.value("plant") if soon else limits.silence("plant"), codes, (device,), value,
        neighbours=neighbours, why=why,
    )  # fmt: skip


def _far(fault: str, why: tuple[str, str]) -> Row:
    return Row("ch4-far", fault, "plant", lambda limits: limits.remote(), (), released=Expect.GOES_ON, locked=Expect.RELEASES,
               told="age", why=why)  # fmt: skip


_PLANT = (
    _sensor("box-temp", "silent", "sensor_stale"),
    _sensor("box-temp", "link_drop", "sensor_stale", *_STALE, neighbours=_GATEWAY),
    _sensor("box-temp", "frozen", "sensor_frozen"),
    _sensor("box-temp", "status_fault", "sensor_fault"),
    _sensor("box-temp", "over_range", "sensor_over_range"),
    _sensor("box-temp", "drift", "enclosure_hot", value="50"),
    _sensor("wind-1", "silent", "sensor_stale"),
    _sensor("wind-1", "crc", "sensor_stale"),
    _sensor("wind-1", "warm_up", "sensor_warm_up"),
    _sensor("wind-1", "drift", "wind_stop", value="10"),
    Row("portable-1", "silent", "plant", lambda limits: limits.silence("gas-tcp"), _STALE, ("portable-1",)),
    Row("portable-1", "unheard", "plant", lambda limits: limits.unheard("portable-1"), _STALE, ("portable-1",)),
    Row("ch4-far", "set", "plant", lambda limits: limits.remote(), ("gas_high",), ("ch4-far",), "30"),
    Row("ch4-far", "over_range", "plant", lambda limits: limits.remote(), ("gas_over_range",), ("ch4-far",)),
    _far("silent", ("它只能切断，不能放行：沉默不证明空气干净，也不是气体", "it may only trip: its silence is no clean air, and no gas either")),
    _far("garbage", ("读不出的话等于没说", "what cannot be read is no word")),
    Row("ch4-1", "silent", "plant", lambda limits: limits.silence("gas-tcp"), _STALE, ("ch4-1",), beside="ch4-far"),
)

ROWS: tuple[Row, ...] = (*_DETECTORS, *_INPUTS, *_DEADMAN, *_RELAYS, *_PANEL, *_PEOPLE, *_CAMERA, *_HOST, *_PLANT)
