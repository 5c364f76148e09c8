"""What events and states say to a person, Chinese and English."""

from typing import Any

from edge.interlock.reasons import CATALOGUE, fill

STATES: dict[str, tuple[str, str]] = {
    "LOCKED": ("已锁定", "locked"),
    "PERMISSIVE_OK": ("条件满足，可申请点火", "all conditions met: press arm"),
    "ARMED": ("申请中", "armed, recording"),
    "RELEASED": ("已放行", "ignition released"),
    "TRIPPED": ("已切断（锁存）", "tripped, latched"),
    "FAULT": ("故障（锁存）", "fault, latched"),
}

ENDS: dict[str, tuple[str, str]] = {
    "deadline": ("作业票剩余时间", "permit ends in"),
    "level_night": ("夜间级别不够，距切断", "night, level too low: opens in"),
    "level_rest_day": ("休息日级别不够，距切断", "rest day, level too low: opens in"),
    "level_holiday": ("节假日级别不够，距切断", "holiday, level too low: opens in"),
    "level_calendar_ended": ("来年节假日未录入，距切断", "holidays not entered: opens in"),
}
"""The countdown of a run by what ends it (`Durable.deadline_by`)."""

LEVELS: dict[str, tuple[str, str]] = {
    "special": ("特级", "special"),
    "grade_1": ("一级", "grade 1"),
    "grade_2": ("二级", "grade 2"),
}

WHY_RAISED: dict[str, tuple[str, str]] = {
    "night": ("夜间", "night"),
    "rest_day": ("休息日", "rest day"),
    "holiday": ("节假日", "holiday"),
    "calendar_ended": ("本年节假日未录入", "this year's holidays are not entered"),
}
"""Why work is managed one level higher (GB 30871-2022 5.1.1)."""

EVENTS: dict[str, tuple[str, str]] = {
    "audit.draft_refused": ("记录被拒", "record refused"),
    "audit.epoch_authorised": ("新日志纪元已获批准", "new log epoch authorised"),
    "audit.outbox_old": ("记录久未获平台见证", "the bridge has not witnessed the log for long"),
    "audit.outbox_well": ("平台已恢复见证", "the bridge witnesses the log again"),
    "audit.epoch_started": ("新日志纪元", "new log epoch"),
    "audit.fork_detected": ("日志与平台见证不符", "the log contradicts the witness"),
    "audit.overflow": ("日志溢出", "log overflow"),
    "audit.pruned": ("旧记录已清理（平台已见证）", "old records deleted that the bridge has witnessed"),
    "audit.ring_recovered": ("从应急环恢复的记录", "taken over from the trip ring"),
    "audit.rollback_detected": ("日志被回退", "log rolled back"),
    "badge.battery": ("工牌电量低", "badge's battery low"),
    "bypass.ended": ("旁路结束", "bypass ended"),
    "bypass.ending": ("旁路即将结束", "bypass ends soon"),
    "bypass.started": ("旁路开始", "bypass started"),
    "cli.command": ("远程指令", "command from the bridge"),
    "cli.request": ("本地指令", "command at the box"),
    "clock.jump": ("时钟跳变", "clock jumped"),
    "command.refused": ("远程指令被拒", "command refused"),
    "detector.bump_aborted": ("通气测试中止", "bump test given up"),
    "detector.bump_failed": ("通气测试不合格", "bump test failed"),
    "detector.bumped": ("通气测试合格", "bump test passed"),
    "detector.calibrated": ("校准合格", "calibrated"),
    "detector.calibration_aborted": ("校准中止", "calibration given up"),
    "detector.calibration_failed": ("校准不合格，探测器停用", "calibration failed: out of service"),
    "detector.due": ("探测器到期", "detector due"),
    "detector.replaced": ("更换探头，须重新通气测试", "head exchanged: bump test needed"),
    "detector.test_begun": ("探测器通气开始", "test gas for a detector"),
    "device.failed": ("人员与定位设备故障", "device failed"),
    "device.well": ("人员与定位设备恢复", "device well again"),
    "entry.unauthorised": ("未经许可进入动火区", "unauthorised entry"),
    "evidence.refused": ("证据被拒", "evidence refused"),
    "fire_watch.ended": ("看火结束", "fire watch ended"),
    "fire_watch.started": ("开始看火", "fire watch started"),
    "gas.alarm": ("气体报警", "gas alarm"),
    "gas.fault": ("探测器故障", "detector fault"),
    "gas.record": ("气体读数记录", "gas values recorded"),
    "gas.normal": ("气体恢复正常", "gas back to normal"),
    "gas_test.recorded": ("气体分析已录入", "gas test recorded"),
    "gas_test.refused": ("气体分析被拒", "gas test refused"),
    "identity.checked_in": ("人员已签到", "crew checked in"),
    "identity.refused": ("人脸被拒", "face refused"),
    "identity.verified": ("人脸已核验", "face verified"),
    "interlock.arm_refused": ("点火申请被拒", "arm refused"),
    "interlock.fault": ("故障锁存", "fault latched"),
    "interlock.fault_cleared": ("故障解除", "fault cleared"),
    "interlock.reset": ("现场复位", "reset on site"),
    "interlock.reset_refused": ("复位被拒", "reset refused"),
    "interlock.reset_window": ("复位窗口已打开", "reset window open"),
    "interlock.state": ("状态变化", "state changed"),
    "interlock.tripped": ("切断", "tripped"),
    "permit.accepted": ("作业票已接收", "permit accepted"),
    "permit.checked": ("班长已验票", "ticket checked by the shift leader"),
    "permit.withdrawn": ("前置条件的确认已撤回", "confirmation of a precondition taken back"),
    "permit.precondition": ("前置条件已确认", "precondition confirmed"),
    "permit.reconfirmed": ("监护人重新确认审批", "approval re-confirmed"),
    "permit.refused": ("作业票被拒", "permit refused"),
    "permit.revoked": ("作业票已撤销", "permit revoked"),
    "permit.suspended": ("作业被暂停", "permit suspended"),
    "permit.void": ("作业票作废", "permit void"),
    "presence.back": ("人员返岗", "back on post"),
    "presence.warning": ("离岗警告", "absence warning"),
    "record.part": ("记录附件", "part of a record"),
    "relay.proof_refused": ("验证试验被拒", "proof test refused"),
    "relay.proof_started": ("验证试验开始", "proof test begun"),
    "relay.proof_test": ("继电器验证试验", "proof test of the relay"),
    "relay.proof_pulse": ("验证试验：触点短时吸合", "proof test: the contact closes for a moment"),
    "relay.contact_life": ("触点寿命预警", "the contact's rated life is nearly used up"),
    "relay.closed": ("触点吸合", "contact closed"),
    "relay.opened": ("触点断开", "contact open"),
    "release.abandoned": ("放行中止", "release abandoned"),
    "release.authorised": ("放行已授权", "release authorised"),
    "release.commanded": ("已命令吸合", "closing commanded"),
    "revocations.refused": ("撤销名单被拒", "revocation list refused"),
    "rules.loaded": ("规则已载入", "rules loaded"),
    "site.loaded": ("现场配置已载入", "site loaded"),
    "storage.full": ("日志存储将满，不再放行", "the log's storage is full: no new release"),
    "storage.health": ("存储写入量", "what was written to the storage"),
    "storage.warning": ("日志存储不足", "the log's storage runs low"),
    "storage.well": ("日志存储充足", "the log's storage is well again"),
    "system.boot": ("启动", "started"),
    "system.stop": ("停止", "stopped"),
    "tag.read": ("读到标签", "tag read"),
    "work.finished": ("完工", "work finished"),
}


def describe(kind: str, data: dict[str, Any]) -> tuple[str, str]:
    """One line about an event: its name and the first reason behind it."""
    zh, en = EVENTS.get(kind, (kind, kind))
    first = data if "code" in data else next(iter(data.get("reasons", ())), None)
    if not first or first.get("code") not in CATALOGUE:
        return zh, en
    text = CATALOGUE[first["code"]]
    subject = str(first.get("chan", ""))
    value = ""
    if "value_milli" in first and first.get("unit", "") not in ("", "s", "ms", "unix_s"):
        value = f" {first['value_milli'] / 1000:g} {first['unit']}"
    left_out = data.get("n") if kind.endswith(".refused") else None
    more_zh, more_en = (f"（此前另有 {left_out} 次）", f" ({left_out} more before)") if left_out else ("", "")
    return f"{zh}：{fill(text.zh, subject)}{value}{more_zh}", f"{en}: {fill(text.en, subject)}{value}{more_en}"
