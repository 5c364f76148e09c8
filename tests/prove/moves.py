"""What may happen to a box, one move each: people, gas, devices, clocks, restarts, time.

A move changes the world around the kernel (`tests.edge.interlock.bench.Bench`) and lets it evaluate. `number` varies
a move: which channel, how far, how long.
"""

from collections.abc import Callable

import msgspec

from contracts.permit import Level, Revocations
from edge.gas.reading import Quality
from edge.interlock.evidence import FaceRefused, Position
from edge.interlock.happenings import (
    Acknowledged,
    Bypassed,
    PermitAccepted,
    ProofAsked,
    Reconfirmed,
    ResetRequested,
    Revoked,
    ShutDown,
    Suspended,
    SuspendedHere,
    TicketChecked,
)
from edge.interlock.proof_test import Probe
from edge.interlock.snapshot import AuditHealth
from tests.edge.interlock.bench import CALM, SITE, WALL_S, Bench, Gas, permit

replace = msgspec.structs.replace
Move = Callable[[Bench, int], None]
NAMES = tuple(channel.name for channel in SITE.channels)
SENSORS = tuple(sensor.name for sensor in SITE.sensors)
_QUALITIES = tuple(Quality)
MAX_NUMBER = 150


def _clean(name: str) -> float:
    return 20.9 if name == "o2-1" else 0.0


def mend_devices(bench: Bench, _: int = 0) -> None:
    """Everything that an engineer can put right; whoever is here stays, whoever is not does not come."""
    for name, gas in bench.gas.items():
        gas.value, gas.quality, gas.silent_since = _clean(name), Quality.GOOD, None
    for name, said in bench.sensors.items():
        said.value, said.quality, said.silent_since = CALM[name], Quality.GOOD, None
    bench.position = Position(0, True, -9, 1, 9, 90)
    bench.position_silent_since = bench.inputs_silent_since = bench.deadman_silent_since = None
    bench.camera, bench.camera_silent_since = "ok", None
    _mend_video(bench)
    bench.clock_quality, bench.audit, bench.loop_gap_ms = "sync", AuditHealth(True, 0, False), 0
    bench.welded = bench.stuck = False
    bench.contact = bench.latch
    bench.controller.deaf = ()
    bench.pressed.clear()
    bench.strangers = ()
    bench.unknown_badges.clear()


def mend(bench: Bench, _: int = 0) -> None:
    """Everything that people on site can put right, themselves being there again, and the relief gone home."""
    mend_devices(bench)
    bench.badges.update({1001: True, 1002: True, 1003: True, 1004: True, 1006: True, 1009: True})
    bench.badges[1005] = False
    bench.badge_seen.pop(1005, None)
    bench.looking = {"performer", "guardian"}


def _since(bench: Bench, number: int) -> int:
    """Silent from now on, or since up to 750 ms ago."""
    return bench.now - (number % 2) * number * 5_000


def _press(button: str) -> Move:
    def move(bench: Bench, _: int) -> None:
        bench.press(button)

    return move


def _hold(button: str) -> Move:
    """Press and keep it pressed, or let go."""

    def move(bench: Bench, _: int) -> None:
        bench.pressed ^= {button}

    return move


def _acknowledge(bench: Bench, number: int) -> None:
    """The acknowledgement of this attempt, or a late one of the attempt before."""
    bench.step(Acknowledged(bench.durable.attempt - number % 2))


def _gas_up(bench: Bench, number: int) -> None:
    bench.gas[NAMES[number % len(NAMES)]].value = 60.0


def _gas_down(bench: Bench, number: int) -> None:
    name = NAMES[number % len(NAMES)]
    bench.gas[name].value = _clean(name)


def _gas_silent(bench: Bench, number: int) -> None:
    bench.gas[NAMES[number % len(NAMES)]].silent_since = _since(bench, number)


def _gas_quality(bench: Bench, number: int) -> None:
    bench.gas[NAMES[number % len(NAMES)]].quality = _QUALITIES[number // len(NAMES) % len(_QUALITIES)]


def _over_range(bench: Bench, number: int) -> None:
    bench.gas[NAMES[number % len(NAMES)]].quality = Quality.OVER_RANGE


def _badge(badge: int) -> Move:
    def move(bench: Bench, number: int) -> None:
        """Comes or goes; one who went may have gone long ago."""
        bench.badges[badge] = not bench.badges.get(badge)
        if not bench.badges[badge] and number % 2:
            bench.badge_seen.pop(badge, None)

    return move


def _looking(bench: Bench, number: int) -> None:
    bench.looking ^= {("performer", "guardian")[number % 2]}


def _fence(bench: Bench, _: int) -> None:
    if bench.position is not None:
        bench.position = replace(bench.position, inside=not bench.position.inside)


def _fix(bench: Bench, number: int) -> None:
    bench.position_silent_since = None if bench.position_silent_since else _since(bench, number)


def _stranger(bench: Bench, number: int) -> None:
    bench.strangers = (FaceRefused(bench.now, "x", number * 7),)


def _unknown_badge(bench: Bench, number: int) -> None:
    """A badge that nobody knows comes by; it may have been a while ago."""
    bench.unknown_badges[9000 + number % 2] = _since(bench, number)


def _camera(bench: Bench, number: int) -> None:
    bench.camera_silent_since = None if bench.camera_silent_since else _since(bench, number)


def _mend_video(bench: Bench) -> None:
    bench.video, bench.video_permit, bench.video_left_s = "recording", "", 100_000
    bench.video_silent_since = bench.video_written = None


def _video(bench: Bench, number: int) -> None:
    """The recorder falls silent, or nothing reaches its disk for up to half a minute, or it has little room, or records
    for another permit; or it is well again."""
    ill = bench.video_silent_since or bench.video_written is not None
    if ill or bench.video_left_s < 100_000 or bench.video_permit:
        _mend_video(bench)
    elif number % 4 == 0:
        bench.video_silent_since = _since(bench, number)
    elif number % 4 == 1:
        bench.video_written = bench.now - number * 200_000
    elif number % 4 == 2:
        bench.video_left_s = number
    else:
        bench.video_permit = "HW-0"


def _weld(bench: Bench, _: int) -> None:
    bench.welded = not bench.welded


def _stuck(bench: Bench, _: int) -> None:
    bench.stuck = not bench.stuck


def _drops(bench: Bench, _: int) -> None:
    """The dead-man opens by itself, as after its reboot."""
    bench.latch, bench.contact = False, bench.welded


def _mute(bench: Bench, number: int) -> None:
    bench.deadman_silent_since = None if bench.deadman_silent_since else _since(bench, number)


def _inputs(bench: Bench, number: int) -> None:
    bench.inputs_silent_since = None if bench.inputs_silent_since else _since(bench, number)


def _clock_back(bench: Bench, number: int) -> None:
    bench.wall_jump_ms -= 20 + number * 20_000


def _clock_forward(bench: Bench, number: int) -> None:
    bench.wall_jump_ms += 20 + number * 20_000


def _clock_there_and_back(bench: Bench, number: int) -> None:
    """Somebody turns the clock back, then right again, and arms."""
    kept = bench.wall_jump_ms
    _clock_back(bench, number + 1)
    bench.step()
    bench.wall_jump_ms = kept
    bench.step()
    bench.press("arm")
    bench.acknowledge()


def _clock_quality(bench: Bench, number: int) -> None:
    bench.clock_quality = ("none", "rtc", "sync", "gps", "")[number % 5]


def _disk(bench: Bench, number: int) -> None:
    bench.audit = AuditHealth(bool(number & 1), number * 40, number % 7 == 0)


def _gap(bench: Bench, number: int) -> None:
    """The loop stood still for a while."""
    bench.loop_gap_ms = number * 2
    bench.step(ms=number * 2)
    bench.loop_gap_ms = 0


def _gas_test(bench: Bench, number: int) -> None:
    bench.test_gas(CH4=float(number % 12))


def _window(bench: Bench, _: int) -> None:
    bench.step(ResetRequested(0))


def _fault_window(bench: Bench, _: int) -> None:
    bench.step(ResetRequested(0, ("leader", "engineer")))


def _proof_asked(bench: Bench, number: int) -> None:
    """Begin a proof test; whoever is here, the supply isolated or not, every other one with a pulse."""
    bench.step(ProofAsked(0, ("leader", "engineer"), isolated=number % 5 > 0, pulse=number % 2 == 0))


def _proof_inputs(bench: Bench, number: int) -> None:
    """The key switch and the isolator: mostly both, so that a pulse comes to pass."""
    bench.proof_inputs = {"test_key": number % 5 != 1, "isolated": number % 5 != 2}


def _proof_test(bench: Bench, number: int) -> None:
    """A whole proof test, on mended devices."""
    mend_devices(bench)
    _proof_inputs(bench, number // 2)
    bench.run(0.1)
    _proof_asked(bench, number)
    bench.run(2)


def _deaf(bench: Bench, number: int) -> None:
    """The controller does not answer one of the proof test's lines."""
    bench.controller.deaf = (tuple(Probe)[number % len(Probe)],)


def _clear_fault(bench: Bench, number: int) -> None:
    """All devices mended, mostly proven too, the window opened by two names, the key turned by whoever is here."""
    if number % 3:
        bench.badges.update({1003: True, 1004: True})
        _proof_test(bench, number)
    if number % 4 == 1:  # one of the two has left meanwhile
        bench.badges[1004] = False
        bench.badge_seen.pop(1004, None)
    mend_devices(bench)
    _fault_window(bench, number)
    bench.press("reset")


def _reset_mended(bench: Bench, number: int) -> None:
    """All devices mended, the key turned: whoever is here, now and then when the leader has just left."""
    mend_devices(bench)
    if number % 3 == 0:
        bench.badges[1003] = False
        bench.step(ms=21_000)
    bench.step()
    bench.press("reset")


def _permit(bench: Bench, number: int) -> None:
    now_s = bench.wall_ms // 1000 - WALL_S
    start_s, approved_s = now_s - number, now_s - number * 20
    base = Level.GRADE_2 if number % 3 == 0 else None
    claims = permit(f"HW-{number % 4}", start_s=start_s, end_s=start_s + 3600 + number, approved_s=approved_s, base_level=base)
    bench.step(PermitAccepted(claims))


def _dusk(bench: Bench, number: int) -> None:
    """Hours pass until the night begins or ends on the site's clock, give or take two seconds; then, all mended and
    tested, a person arms under a new permit."""
    mend(bench)
    here_s = bench.wall_ms // 1000 + bench.site.utc_offset_min * 60
    at_s = (bench.rules.night_from_h, bench.rules.night_to_h)[number % 2].value * 3600 + number % 5 - 2
    bench.step(ms=(at_s - here_s) % 86_400 * 1000)
    _permit(bench, number)
    bench.press("reset")
    bench.test_gas()
    check_ticket(bench, number)
    bench.press("arm")
    bench.acknowledge()


def _revoke(bench: Bench, number: int) -> None:
    bench.step(Revoked(Revocations("b", "box-1", number % 9, WALL_S + number, (f"HW-{number % 4}",))))


def _suspend(bench: Bench, number: int) -> None:
    bench.step(Suspended(("HW-1", "HW-2", "")[number % 3], "x", void=False))


def _suspend_here(bench: Bench, number: int) -> None:
    bench.step(SuspendedHere("guardian", relief=bool(number & 1), present=True))


def _reconfirm(bench: Bench, number: int) -> None:
    bench.step(Reconfirmed(f"HW-{number % 4}", "guardian"))


def check_ticket(bench: Bench, number: int) -> None:
    """Somebody checks the ticket of some permit, mostly the shift leader that of the current one; who may not, tries."""
    who = ("leader", "boss", "leader", "performer", "boss", "engineer", "leader")[number % 7]
    current = bench.last.facts.permit if bench.last is not None else None
    permit_number = f"HW-{number % 4}" if current is None or number % 9 == 0 else current.jti
    bench.step(TicketChecked(permit_number, who))


def _void(bench: Bench, number: int) -> None:
    bench.step(Suspended(("HW-1", "HW-2", "")[number % 3], "x", void=True))


def _bypass(bench: Bench, number: int) -> None:
    bench.step(Bypassed(NAMES[number % len(NAMES)], ("leader", "engineer"), "it fell from the wall", "portable meter", 60))


def _shut_down(bench: Bench, _: int) -> None:
    bench.step(ShutDown())


def _break(bench: Bench, number: int) -> None:
    """Stop, reset and arm again; every other time nobody faces the camera any more."""
    if number % 2:
        bench.looking.clear()
    bench.press("stop")
    bench.run(0.4)
    bench.press("reset")
    bench.press("arm")
    bench.acknowledge()


def _restart(bench: Bench, _: int) -> None:
    bench.restart()


def _reboot(bench: Bench, number: int) -> None:
    bench.restart(boot_id=f"boot-{number}")


_WINDS_M_S = (7.9, 9.0, 12.0)


def _sensor(bench: Bench, number: int) -> Gas:
    return bench.sensors[SENSORS[number % len(SENSORS)]]


def _sensor_says(bench: Bench, number: int) -> None:
    """Up to 75 °C; calm, wind of grade 5 or a storm."""
    if SENSORS[number % len(SENSORS)] == SITE.wind:
        _sensor(bench, number).value = _WINDS_M_S[number // len(SENSORS) % len(_WINDS_M_S)]
    else:
        _sensor(bench, number).value = number / 2


def _sensor_silent(bench: Bench, number: int) -> None:
    _sensor(bench, number).silent_since = _since(bench, number)


def _sensor_quality(bench: Bench, number: int) -> None:
    _sensor(bench, number).quality = _QUALITIES[number // len(SENSORS) % len(_QUALITIES)]


def _wait(bench: Bench, number: int) -> None:
    """Some time, evaluated every 40 ms."""
    bench.run(number / 50)


def _wait_long(bench: Bench, number: int) -> None:
    """Up to fifty minutes in one go."""
    bench.step(ms=number * 20_000)


MOVES: dict[str, Move] = {
    "arm": _press("arm"), "ack": _acknowledge, "reset": _press("reset"), "finish": _press("finish"),
    "hold arm": _hold("arm"), "hold reset": _hold("reset"), "stop": _hold("stop"), "estop": _hold("estop"),
    "door": _hold("door"), "mains": _hold("mains"), "battery": _hold("battery"), "enclosure": _hold("enclosure"), "flame": _hold("flame"),
    "gas up": _gas_up, "gas down": _gas_down, "gas silent": _gas_silent, "gas quality": _gas_quality,
    "over range": _over_range, "performer": _badge(1001), "guardian": _badge(1002), "leader": _badge(1003),
    "engineer": _badge(1004), "relief": _badge(1005), "looking": _looking, "fence": _fence, "fix": _fix,
    "stranger": _stranger, "camera": _camera, "video": _video, "weld": _weld, "stuck": _stuck, "drops": _drops, "mute": _mute,
    "inputs": _inputs, "clock back": _clock_back, "clock forward": _clock_forward, "clock there and back": _clock_there_and_back,
    "clock quality": _clock_quality,
    "unknown badge": _unknown_badge,
    "disk": _disk, "gap": _gap, "gas test": _gas_test, "check ticket": check_ticket, "window": _window, "fault window": _fault_window,
    "boss": _badge(1006), "permit": _permit, "revoke": _revoke, "suspend": _suspend, "suspend here": _suspend_here, "void": _void,
    "reconfirm": _reconfirm, "beacon": _badge(1009), "bypass": _bypass, "break": _break, "shut down": _shut_down,
    "proof asked": _proof_asked, "proof test": _proof_test, "deaf": _deaf,
    "sensor says": _sensor_says, "sensor silent": _sensor_silent, "sensor quality": _sensor_quality,
    "restart": _restart, "reboot": _reboot, "wait": _wait, "wait long": _wait_long, "dusk": _dusk,
    "mend": mend,
    "mend devices": mend_devices, "clear fault": _clear_fault, "reset mended": _reset_mended,
}  # fmt: skip
"""A new kind of evidence or happening is one row here, and the search goes through it."""


def move(bench: Bench, name: str, number: int) -> None:
    """Make a move and let the kernel evaluate once more."""
    MOVES[name](bench, number)
    bench.step()
