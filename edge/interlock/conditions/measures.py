"""What each condition looks at, shown whether or not it passes: value, limits, unit, age, clause.

Not on the path of a decision: `hotbox explain` asks for it, the kernel never does. A condition that is in no table here
is still shown, with its verdict alone.
"""

from collections.abc import Callable, Iterator

import msgspec

from contracts.permit import Person, Role
from edge.interlock.conditions.box import offset_ms
from edge.interlock.conditions.detectors import calibration_end_s
from edge.interlock.conditions.facts import Facts
from edge.interlock.conditions.level import CODES, clause, plain_from_us, suffices_until_us, why_now
from edge.interlock.conditions.people import unknown_badges
from edge.interlock.conditions.permit import error_s, late_s
from edge.interlock.conditions.place import needed, proofs
from edge.interlock.conditions.preconditions import CELSIUS, proof_of
from edge.interlock.conditions.wind import BEAUFORT_M_S
from edge.interlock.proving import DAY_S, UNPROVEN, Result
from edge.interlock.rules import Number
from edge.interlock.state import Mode
from edge.interlock.texts import LEVELS, WHY_RAISED


class Measure(msgspec.Struct, frozen=True):
    """One thing that a condition looks at.

    It passes while ``low <= value <= high``; a bound that is None does not count. `below`: the upper bound itself does
    not pass. `at_us` is the time of capture, None for what has no age. A `value` of None was never measured.
    """

    zh: str
    en: str
    subject: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    at_us: int | None = None
    clause: str = ""
    below: bool = False

    @property
    def inside(self) -> bool | None:
        """Whether the value is within its bounds; None where there are none."""
        if self.low is None and self.high is None:
            return None
        if self.value is None:
            return False
        over = self.high is not None and not (self.value < self.high if self.below else self.value <= self.high)
        return not over and (self.low is None or self.value >= self.low)


Measures = Iterator[Measure]


def _age(f: Facts, at_us: int | None, row: Number, zh: str, en: str, subject: str = "") -> Measure:
    """How old something is against its time to live in seconds."""
    value = None if at_us is None else (f.now_us - at_us) / 1e6
    return Measure(zh, en, subject, value, None, row.value, "s", at_us, row.clause)


def _gas(f: Facts) -> Measures:
    for channel in f.site.channels:
        reading, limit = f.snapshot.readings.get(channel.name), channel.limit
        quality = "never" if reading is None else reading.quality.value
        yield Measure(
            channel.zh if quality == "good" else f"{channel.zh}（{quality}）",
            channel.en if quality == "good" else f"{channel.en} ({quality})",
            channel.name, None if reading is None else reading.value, limit.low, limit.high, limit.unit.value,
            None if reading is None else reading.at_us, limit.clause,
        )  # fmt: skip
    yield from _remotes(f)


def _remotes(f: Facts) -> Measures:
    """What was said over MQTT: it may trip, so it is shown; it is never asked for."""
    for remote in f.site.remotes:
        said, limit = f.snapshot.remotes.get(remote.name), remote.limit
        if said is not None:
            yield Measure(
                f"{remote.zh}（MQTT）", f"{remote.en} (MQTT)", remote.name, said.value_milli / 1000, limit.low,
                limit.high, limit.unit.value, said.at_us, limit.clause,
            )  # fmt: skip


def _badges(f: Facts, role: Role) -> Measures:
    for person in _who(f, role):
        seen = f.snapshot.badges.get(person.badge)
        yield _age(
            f, seen.at_us if seen else None, f.rules.badge_ttl_s, "工牌最近听到", "badge last heard", person.name
        )


def _who(f: Facts, role: Role) -> tuple[Person, ...]:
    people = f.permit.people_in(role) if f.permit is not None else ()
    return tuple(person for person in people if f.durable.mode is not Mode.RELEASED or person.id in f.durable.crew)


def _faces(f: Facts, row: Number) -> Measures:
    furthest = f.rules.face_distance_milli
    for role in Role:
        for person in _who(f, role):
            seen = f.snapshot.faces.get(person.id)
            yield _age(f, seen.at_us if seen else None, row, "刷脸", "face verified", person.name)
            if seen is not None:
                yield Measure(
                    "人脸距离", "face distance", person.name, seen.distance_milli / 1000, 0.0, furthest.value / 1000,
                    "", seen.at_us, furthest.clause,
                )  # fmt: skip
                yield Measure(
                    f"活体：{seen.liveness}", f"liveness: {seen.liveness}", person.name, at_us=seen.at_us,
                    clause=f.rules.liveness.clause,
                )  # fmt: skip


def _unknown_badge(f: Facts) -> Measures:
    row = f.rules.unknown_badge_trips
    found = ", ".join(map(str, unknown_badges(f))) or "–"
    yield Measure("名单外工牌", "badges that nothing names", found, clause=row.clause)


def _stranger(f: Facts) -> Measures:
    limit = f.rules.stranger_distance_milli
    for seen in f.snapshot.strangers:
        if f.now_us - seen.at_us > f.rules.stranger_s.value * 1_000_000:
            continue
        yield Measure(
            "未列名人脸的距离", "distance of a face that is not named", "", seen.distance_milli / 1000, 0.0,
            limit.value / 1000, "", seen.at_us, limit.clause, below=True,
        )  # fmt: skip


def _place(f: Facts) -> Measures:
    fix, rules = f.snapshot.position, f.rules
    if f.site.quorum_need:
        held = sum(proof.ok for proof in proofs(f))
        yield Measure("成立的位置证明", "proofs of place that hold", value=held, low=needed(f), clause="PTW-04")
    if "badge" in f.site.quorum:
        seen = f.snapshot.badges.get(f.site.beacon)
        heard = seen.at_us if seen else None
        yield _age(f, heard, rules.badge_ttl_s, "信标最近听到", "beacon last heard", str(f.site.beacon))
    if "gnss" not in f.site.quorum:
        return
    yield _age(f, fix.at_us if fix else None, rules.position_ttl_s, "定位", "position fix")
    if fix is not None:
        yield Measure("到围栏边界", "metres past the fence", "", fix.edge_m, None, 0, "m", fix.at_us, "BOX-02")
        least, most = rules.position_min_satellites, rules.position_max_hdop_centi
        yield Measure("卫星数", "satellites", "", fix.satellites, least.value, None, "", fix.at_us, least.clause)
        yield Measure("HDOP", "HDOP", "", fix.hdop_centi / 100, None, most.value / 100, "", fix.at_us, most.clause)


def _camera(f: Facts) -> Measures:
    seen = f.snapshot.camera
    health = seen.health if seen else "absent"
    yield _age(f, seen.at_us if seen else None, f.rules.camera_ttl_s, f"画面（{health}）", f"picture ({health})")


def _inputs(f: Facts) -> Measures:
    read, row = f.snapshot.inputs, f.rules.inputs_ttl_ms
    value = None if read is None else (f.now_us - read.at_us) / 1000
    yield Measure("应答", "answered", "", value, None, row.value, "ms", read.at_us if read else None, row.clause)


_LEVELS: dict[bool | None, tuple[str, str]] = {
    True: ("触点闭合", "contact closed"), False: ("触点断开", "contact open"), None: ("触点未知", "contact unknown"),
}  # fmt: skip


def _contact(f: Facts, name: str) -> Measures:
    read = f.snapshot.inputs
    if name in ("stop", "estop") or name in f.site.contacts:
        level = getattr(read, name) if read is not None else None
        zh, en = _LEVELS[level]
        yield Measure(zh, en, at_us=read.at_us if read else None)
    else:
        yield Measure("未接线", "not wired")


def _by_sensor(
    f: Facts, name: str, zh: str, en: str, high: float | None, clause: str, *, below: bool = False
) -> Measure:
    """What a process sensor says against a limit."""
    sensor, reading = f.site.sensor.get(name), f.snapshot.sensors.get(name)
    quality = "never" if reading is None else reading.quality.value
    if quality != "good":
        zh, en = f"{zh}（{quality}）", f"{en} ({quality})"
    value, at_us = (None, None) if reading is None else (reading.value, reading.at_us)
    return Measure(zh, en, name, value, None, high, sensor.unit if sensor else "", at_us, clause, below)


def _enclosure(f: Facts) -> Measures:
    row = f.rules.enclosure_max_c
    if "enclosure" in f.site.contacts or not f.site.enclosure:
        yield from _contact(f, "enclosure")
    if f.site.enclosure:
        yield _by_sensor(f, f.site.enclosure, "箱内温度", "temperature inside", row.value, row.clause)


def _wind(f: Facts) -> Measures:
    if not f.site.wind:
        yield Measure("无风速仪", "no anemometer")
        return
    row, stop = f.rules.wind_forbidden_grade, f.rules.wind_stop_grade
    upgraded = f.permit is not None and f.permit.carries_upgrade
    if upgraded or stop.value <= row.value:
        zh, en = f"风速，{stop.value} 级起一律停止", f"wind, nobody works from grade {stop.value}"
        row = stop
    else:
        zh, en = f"风速，{row.value} 级起限制", f"wind, limited from grade {row.value}"
    high = BEAUFORT_M_S[row.value] if row.value < len(BEAUFORT_M_S) else None
    yield _by_sensor(f, f.site.wind, zh, en, high, row.clause, below=True)
    if upgraded:
        yield Measure("作业票已升级", "the permit is upgraded", clause=f.rules.wind_forbidden_grade.clause)


def _deadman(f: Facts) -> Measures:
    status, row = f.snapshot.deadman, f.rules.dead_man_ms
    if status is None:
        yield Measure("应答", "answered", "", None, None, row.value, "ms", None, row.clause)
        return
    age_ms = (f.now_us - status.at_us) / 1000
    yield Measure("应答", "answered", "", age_ms, None, row.value, "ms", status.at_us, row.clause)
    zh, en = ("继电器闭合", "latch closed") if status.latch_closed else ("继电器断开", "latch open")
    yield Measure(f"{zh}（{status.cause}）", f"{en} ({status.cause})", at_us=status.at_us)


def _feedback(f: Facts) -> Measures:
    status, row = f.snapshot.deadman, f.rules.settle_ms
    if status is not None:
        zh, en = ("反馈触点闭合", "feedback closed") if status.contact_closed else ("反馈触点断开", "feedback open")
        yield Measure(zh, en, at_us=status.at_us, clause=row.clause)
    for name in f.site.series:
        one = f.snapshot.series.get(name)
        if one is None:
            yield Measure("无反馈", "no feedback", name, clause=row.clause)
            continue
        zh, en = ("反馈触点闭合", "feedback closed") if one.contact_closed else ("反馈触点断开", "feedback open")
        yield Measure(zh, en, name, at_us=one.at_us, clause=row.clause)
    if f.durable.mode is Mode.RELEASED and not f.durable.confirmed:
        since_ms = (f.now_us - f.durable.released_us) / 1000
        yield Measure("吸合命令后", "since the closing command", "", since_ms, None, row.value, "ms", None, row.clause)


def _contact_life(f: Facts) -> Measures:
    row = f.rules.contact_life_percent
    for relay in f.site.relays:
        made = f.durable.cycles.get(relay.contact, 0)
        yield Measure("吸合次数", "closings", relay.name, made, None, relay.rated_cycles or None, "", None, row.clause)


def _clock(f: Facts) -> Measures:
    seen, rules = f.snapshot.clock, f.rules
    yield Measure(
        f"质量 {seen.quality}，要求 {rules.clock_quality.value}",
        f"quality {seen.quality}, wanted {rules.clock_quality.value}",
        at_us=seen.at_us, clause=rules.clock_quality.clause,
    )  # fmt: skip
    ahead_s = (seen.t - seen.floor) / 1000
    yield Measure("超过已知时间", "ahead of what is known", "", ahead_s, 0, None, "s", seen.at_us, "BOX-02")
    behind = rules.clock_behind_s
    if f.durable.as_of:
        late_s = f.durable.as_of - seen.t // 1000
        yield Measure(
            "落后于平台签名时间", "behind signed time", "", max(0, late_s), None, behind.value, "s", seen.at_us,
            behind.clause,
        )  # fmt: skip
    row = rules.clock_step_ms
    if f.durable.clock_offset_ms is not None:
        step_ms = abs(offset_ms(seen) - f.durable.clock_offset_ms)
        yield Measure("跳变", "step", "", step_ms, None, row.value, "ms", seen.at_us, row.clause)
    back_ms = f.durable.clock_back_ms
    yield Measure("曾被回拨", "was set back", "", back_ms, None, 0, "ms", None, row.clause)
    if f.durable.signed_offset_ms is not None:
        off_ms, near = abs(offset_ms(seen) - f.durable.signed_offset_ms), rules.clock_behind_s
        yield Measure(
            "与平台签名时间相差", "off the bridge's signed time", "", off_ms / 1000, None, near.value, "s", seen.at_us,
            near.clause,
        )  # fmt: skip


def _audit(f: Facts, row: Number) -> Measures:
    health = f.snapshot.audit
    zh, en = ("最早未落盘", "oldest event not on disk") if health.writable else ("无法写入", "cannot be written")
    yield Measure(zh, en, "", health.age_ms, None, row.value, "ms", None, row.clause)


def _latch(f: Facts) -> Measures:
    cause = f.durable.first_out
    code = cause.code if cause else "-"
    done = f.durable.reset_done
    yield Measure(
        f"首出 {code}{'，已复位' if done else ''}", f"first-out {code}{', reset' if done else ''}",
        cause.subject if cause else "",
    )  # fmt: skip


def _fire_watch(f: Facts) -> Measures:
    watch, row = f.durable.fire_watch, f.rules.fire_watch_s
    if watch is None:
        yield Measure("无看火", "no fire watch", clause=row.clause)
    else:
        left_s = max(0.0, (watch.until_us - f.now_us) / 1e6)
        yield Measure("看火剩余", "fire watch left", watch.permit, left_s, None, None, "s", None, row.clause)


def _loop(f: Facts) -> Measures:
    row = f.rules.dead_man_ms
    yield Measure("停顿", "gap", "", f.snapshot.loop_gap_ms, None, row.value, "ms", None, row.clause)


def _permit(f: Facts) -> Measures:
    claims = f.permit
    if claims is None:
        yield Measure("无票", "no permit")
        return
    off_us = f.snapshot.clock.error_ms * 1000
    begun = (f.wall_us - off_us - claims.nbf * 1_000_000) / 1e6
    left = (claims.exp * 1_000_000 - f.wall_us - off_us) / 1e6
    clause = f.rules.levels[claims.level].clause
    yield Measure("自开始", "since its beginning", claims.jti, begun, 0, None, "s", None, clause)
    yield Measure("至结束", "to its end", claims.jti, left, 0, None, "s", None, clause)


def _deadline(f: Facts) -> Measures:
    if f.durable.mode is Mode.RELEASED:
        left_s = (f.durable.deadline_us - f.now_us) / 1e6
        yield Measure("剩余", "left", f.durable.active, left_s, 0, None, "s", None, "PTW-05")


def _level(f: Facts) -> Measures:
    """Permit's level beside its base, why work is managed one higher now, and how long either lasts."""
    claims = f.permit
    if claims is None:
        yield Measure("无票", "no permit")
        return
    (zh, en), (base_zh, base_en) = LEVELS[claims.level], LEVELS[claims.base_level or claims.level]
    yield Measure(
        f"票面{zh}，按地点与作业{base_zh}", f"permit {en}, by place and work {base_en}", claims.jti,
        clause=f.rules.levels[claims.level].clause,
    )  # fmt: skip
    why = why_now(f)
    for each in why:
        zh, en = WHY_RAISED[each]
        yield Measure(f"{zh}：升一级管理", f"{en}: one level higher", clause=clause(f.rules, CODES[each]))
    plain_us, raised = plain_from_us(f), suffices_until_us(f, claims)
    row = f.rules.night_from_h
    if why and plain_us is not None:
        yield Measure("恢复原级别还有", "ends in", "", (plain_us - f.wall_us) / 1e6, unit="s", clause=row.clause)
    if not why and raised is not None:
        left_s = (raised[0] - f.wall_us) / 1e6
        yield Measure("距升级管理", "one level higher in", "", left_s, unit="s", clause=row.clause)


def _lease(f: Facts) -> Measures:
    if f.permit is not None:
        silent_s = f.wall_s + error_s(f) - max(f.durable.as_of, f.permit.as_of)
        yield Measure(
            "距平台最近签名", "since the bridge's last word", f.permit.jti, silent_s, None, f.permit.lease_s, "s", None,
            "BOX-05", below=True,
        )  # fmt: skip


def _check_in(f: Facts) -> Measures:
    if f.permit is None:
        return
    row = f.rules.check_in_s
    day, late = late_s(f, f.permit)
    if f.durable.checked_in.get(f.permit.jti) == day:
        yield Measure(f"第 {day + 1} 天已签到", f"checked in on day {day + 1}", f.permit.jti, clause=row.clause)
    else:
        zh, en = f"距第 {day + 1} 天计划开始", f"since the planned start of day {day + 1}"
        yield Measure(zh, en, f.permit.jti, late, None, row.value, "s", None, row.clause)


def _ticket_check(f: Facts) -> Measures:
    if f.permit is None:
        return
    clause, check = f.rules.ticket_check.clause, f.durable.ticket_checks.get(f.permit.jti)
    if not f.rules.ticket_check.value:
        yield Measure("规则不要求", "not asked for", f.permit.jti, clause=clause)
    day, _ = late_s(f, f.permit)
    if check is None:
        yield Measure(f"第 {day + 1} 天未验票", f"not checked on day {day + 1}", f.permit.jti, clause=clause)
    else:
        zh = f"由 {check.person} 在第 {check.day + 1} 天验票，今天是第 {day + 1} 天"
        en = f"checked by {check.person} on day {check.day + 1}; today is day {day + 1}"
        yield Measure(zh, en, f.permit.jti, clause=clause)


def _approval(f: Facts) -> Measures:
    if f.permit is None:
        return
    row, number, again = f.rules.approval_age_s, f.permit.jti, f.durable.reconfirmed
    if number in f.durable.ignited:
        yield Measure("首次动火已在时效内", "first ignition was in time", number, clause=row.clause)
        return
    age_s = f.wall_s + error_s(f) - max(given.at for given in f.permit.approvals)
    yield Measure("距最后审批", "since the last approval", number, age_s, None, row.value, "s", None, row.clause)
    if again is not None and again.permit == number:
        yield _age(f, again.at_us, row, "监护人重新确认", "re-confirmed by the guardian", again.person)


def _gas_test(f: Facts) -> Measures:
    test, row = f.durable.gas_test, f.rules.gas_test_age_s
    yield _age(f, test.at_us if test else None, row, "气体分析", "gas test", test.analyst if test else "")
    opening, permit = (None if f.durable.mode is Mode.RELEASED else f.durable.opening), f.permit
    if permit is not None and opening is not None and opening.permit == permit.jti:
        rows = [(f.rules.levels[permit.level].break_s, f.rules.levels[permit.level].clause)]
        if permit.confined:
            rows.append((f.rules.confined_break_s.value, f.rules.confined_break_s.clause))
        longest_s, clause = min(rows)
        yield Measure(
            "已中断（限内原分析仍有效）", "break so far (within it the test stands)", permit.jti,
            (f.now_us - opening.at_us) / 1e6, None, longest_s, "s", None, clause,
        )  # fmt: skip
    limits = {group.channels[0].limit.gas: group.channels[0].limit for group in f.site.groups}
    for point in test.points if test else ():
        limit = limits.get(point.gas)
        if limit is not None and test is not None:
            yield Measure(
                f"{point.gas} {point.position}", f"{point.gas} {point.position}", "", point.value, limit.low,
                limit.high, point.unit, test.at_us, limit.clause,
            )  # fmt: skip


def _bump_test(f: Facts) -> Measures:
    row = f.rules.bump_test_age_s
    for channel in f.site.channels:
        proof = f.durable.detectors.get(channel.name, UNPROVEN).bump
        passed = proof is not None and proof.result is Result.PASSED
        age_h = (f.wall_us / 1000 - proof.t) / 3_600_000 if proof is not None and passed else None
        yield Measure(
            "距通气测试", "since the bump test", channel.name, age_h, 0, row.value / 3600, "h", None, row.clause
        )


def _calibration(f: Facts) -> Measures:
    row = f.rules.calibration_age_d
    for channel in f.site.channels:
        end_s = calibration_end_s(f, channel)
        left_d = (end_s - f.wall_us / 1e6) / DAY_S if end_s else None
        yield Measure("校准剩余", "calibration left", channel.name, left_d, 0, row.value, "d", None, row.clause)


def _proof_test(f: Facts) -> Measures:
    test = f.durable.proof_test
    row = f.rules.proof_test_s
    if test is None:
        yield Measure("尚无验证试验", "no proof test yet", clause=row.clause)
        return
    zh, en = (
        ("验证试验通过，距今", "proof test passed, since")
        if test.ok
        else ("验证试验未通过，距今", "proof test failed, since")
    )
    yield Measure(zh, en, "", (f.now_us - test.at_us) / 1e6, None, None, "s", test.at_us, row.clause)


def _preconditions(f: Facts) -> Measures:
    if f.permit is None:
        return
    for wanted in f.permit.preconditions:
        proof = proof_of(f, wanted)
        zh, en = (f"已由 {proof.person} 确认", f"confirmed by {proof.person}") if proof else ("未确认", "not confirmed")
        if wanted.kind == "temperature" and wanted.sensor:
            high = None if wanted.limit_milli is None else wanted.limit_milli / 1000
            zh, en = (
                (wanted.text, wanted.text)
                if wanted.sensor in f.site.sensor
                else (f"{wanted.text}：本盒无此传感器", f"{wanted.text}: this box has no such sensor")
            )
            yield _by_sensor(f, wanted.sensor, zh, en, high, "PTW-11")
        elif wanted.kind == "temperature" and wanted.limit_milli is not None:
            value = None if proof is None or proof.value_milli is None else proof.value_milli / 1000
            at_us = proof.at_us if proof else None
            yield Measure(zh, en, wanted.text, value, None, wanted.limit_milli / 1000, CELSIUS, at_us, "PTW-11")
        elif wanted.tag:
            at_us, subject = proof.at_us if proof else None, f"{wanted.text} [{wanted.tag}]"
            yield _age(f, at_us, f.rules.precondition_ttl_s, zh, en, subject)
        else:
            yield Measure(zh, en, wanted.text, at_us=proof.at_us if proof else None, clause="PTW-11")


class Shown(msgspec.Struct, frozen=True):
    """How a condition is shown: its measures, and one line on what keeps it fulfilled on site."""

    measures: Callable[[Facts], Measures]
    keep_zh: str
    keep_en: str


SHOWN: dict[str, Shown] = {
    "loop": Shown(_loop, "无需操作；反复停顿请查看系统负载", "nothing to do; see the system load when it repeats"),
    "estop": Shown(lambda f: _contact(f, "estop"), "急停保持拉出", "keep the emergency stop pulled out"),
    "stop": Shown(lambda f: _contact(f, "stop"), "停止按钮保持松开", "keep the stop button released"),
    "gas": Shown(_gas, "保持通风，不遮挡探测器", "keep it ventilated and the detectors uncovered"),
    "deadman": Shown(_deadman, "无需操作", "nothing to do"),
    "contact_open": Shown(_feedback, "放行前触点保持断开", "the contact stays open until the release"),
    "contact_life": Shown(_contact_life, "到期前更换接触器", "replace the contactor before its life ends"),
    "contact_closed": Shown(_feedback, "放行中触点保持吸合", "the contact stays closed while released"),
    "proof_test": Shown(_proof_test, "验证试验期间不申请点火", "do not arm while a proof test runs"),
    "inputs": Shown(_inputs, "按钮模块保持供电与接线", "keep the button module powered and wired"),
    "mains": Shown(lambda f: _contact(f, "mains"), "保持市电供应", "keep the mains connected"),
    "flame": Shown(
        lambda f: _contact(f, "flame"), "清除可燃物，保持探测器清洁", "keep combustibles away and the sensor clean"
    ),
    "battery": Shown(lambda f: _contact(f, "battery"), "保持电池充电", "keep the battery charged"),
    "enclosure": Shown(_enclosure, "箱体避免暴晒", "keep the enclosure out of the heat"),
    "clock": Shown(_clock, "不要手动改时间", "do not set the clock by hand"),
    "deadline": Shown(_deadline, "到时前完工或停止", "finish or stop before its end"),
    "permit": Shown(_permit, "在作业票时间内作业", "work within the permit's window"),
    "level": Shown(
        _level, "夜间、休息日和节假日需高一级的作业票", "nights, rest days and holidays need a permit one level higher"
    ),
    "lease": Shown(_lease, "保持网络", "keep the network up"),
    "wind": Shown(_wind, "风大时停止露天动火", "stop outdoor hot work in strong wind"),
    "door": Shown(lambda f: _contact(f, "door"), "围栏门保持关闭", "keep the zone's door shut"),
    "unknown_badge": Shown(_unknown_badge, "无关人员不得入内", "let nobody else in"),
    "stranger": Shown(_stranger, "无关人员不得入内", "let nobody else in"),
    "guardian": Shown(
        lambda f: _badges(f, Role.GUARDIAN), "监护人带工牌守在箱旁", "the guardian stays at the box with the badge"
    ),
    "performer": Shown(
        lambda f: _badges(f, Role.PERFORMER), "作业人带工牌在岗", "the performer stays here with the badge"
    ),
    "place": Shown(_place, "箱体留在围栏内，天线露天", "keep the box inside the fence, its antenna under the sky"),
    "faces": Shown(
        lambda f: _faces(f, f.rules.face_ttl_s), "点火前两人面向摄像头", "both face the camera before arming"
    ),
    "faces_again": Shown(
        lambda f: _faces(f, f.rules.face_recheck_s), "提示时再次面向摄像头", "face the camera again when asked"
    ),
    "camera": Shown(_camera, "摄像头保持清洁、对准作业点", "keep the camera clean and aimed at the work"),
    "camera_running": Shown(_camera, "特级动火全程摄像", "the whole of special hot work is filmed"),
    "check_in": Shown(_check_in, "按计划时间到场签到", "come and be verified at the planned start"),
    "ticket_check": Shown(_ticket_check, "班长每天动火前验票", "the shift leader checks it every day before ignition"),
    "approval": Shown(_approval, "审批后尽快动火", "ignite soon after the approval"),
    "gas_test": Shown(_gas_test, "到期前重新分析", "test again before it is too old"),
    "bump_test": Shown(_bump_test, "到期前通气测试", "bump-test before it is due"),
    "calibration": Shown(_calibration, "到期前校准", "calibrate before it is due"),
    "preconditions": Shown(_preconditions, "条件变化须重新确认", "confirm again when something changes"),
    "audit": Shown(lambda f: _audit(f, f.rules.audit_release_ms), "无需操作", "nothing to do"),
    "audit_running": Shown(lambda f: _audit(f, f.rules.audit_run_ms), "无需操作", "nothing to do"),
    "latch": Shown(_latch, "切断后先查明首出原因再复位", "find the first-out before a reset"),
    "fire_watch": Shown(_fire_watch, "看火结束前不离开", "do not leave before the fire watch ends"),
}


def measures(name: str, f: Facts) -> tuple[Measure, ...]:
    """What a condition looks at, in these facts."""
    shown = SHOWN.get(name)
    return tuple(shown.measures(f)) if shown is not None else ()
