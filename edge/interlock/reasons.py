"""Every reason in two languages: what it means and what to do about it on site.

One catalogue for lights, CLI, kiosk and bridge. `{subject}` is the channel, person or group concerned.
"""

import msgspec


class Text(msgspec.Struct, frozen=True):
    """What a code says and what to do, Chinese and English."""

    zh: str
    en: str
    todo_zh: str
    todo_en: str


CATALOGUE: dict[str, Text] = {
    "permit_none": Text(
        "没有有效的作业票", "no permit on this box", "在桥接平台签发作业票", "have a permit issued to this box"
    ),
    "permit_not_yet": Text(
        "作业票 {subject} 尚未到开始时间", "permit {subject} has not begun", "等到计划开始时间", "wait for its start"
    ),
    "permit_expired": Text(
        "作业票 {subject} 已过期", "permit {subject} has expired", "重新办票", "apply for a new permit"
    ),
    "permit_revoked": Text(
        "作业票 {subject} 已撤销", "permit {subject} is revoked", "停止作业，联系审批人", "stop; call the approver"
    ),
    "permit_void": Text("作业票 {subject} 已作废", "permit {subject} is void", "重新办票", "apply for a new permit"),
    "permit_finished": Text(
        "作业票 {subject} 已完工", "permit {subject} is finished", "新作业需新票", "new work needs a new permit"
    ),
    "permit_suspended": Text(
        "平台已暂停作业 {subject}",
        "the bridge suspended permit {subject}",
        "联系安全员后重新申请点火",
        "call the safety officer, then arm anew",
    ),
    "permit_on_hold": Text(
        "平台暂停过作业票 {subject}，尚未现场复位",
        "permit {subject} was suspended and not reset on site since",
        "联系安全员，确认后由有权人员现场复位",
        "call the safety officer; then somebody entitled resets here",
    ),
    "permit_level": Text(
        "作业票有效期超过该级别上限",
        "the permit is longer than its level allows",
        "按级别重新办票",
        "issue it within the level's limit",
    ),
    "revocations_unknown": Text(
        "状态丢失后尚未收到撤销名单",
        "no revocation list yet since the state was lost",
        "恢复网络，等平台发来撤销名单",
        "restore the link; the bridge sends its list",
    ),
    "approval_old": Text(
        "作业票 {subject} 审批过久未动火",
        "permit {subject} was approved too long before the first ignition",
        "监护人到场刷脸并运行 hotbox permit reconfirm，再重新做气体分析",
        "the guardian, verified here, runs hotbox permit reconfirm; then test the gas again",
    ),
    "approval_gas_test": Text(
        "作业票 {subject} 审批过时后未重新做气体分析",
        "no gas test since the approval of {subject} became too old",
        "重新做气体分析",
        "enter a new gas test",
    ),
    "suspended_here": Text(
        "{subject} 在现场暂停作业",
        "suspended at the box by {subject}",
        "核验到岗人员（换人监护时为新监护人），授权人复位后重新申请点火",
        "verify who takes over, have it reset by someone entitled, then arm anew",
    ),
    "state_lost": Text(
        "联锁状态丢失或损坏",
        "the interlock's state is lost or damaged",
        "检查存储卡，做释放试验，两名授权人解除故障",
        "check the storage card, prove the relay, then two entitled people clear it",
    ),
    "deadline": Text("作业票到时", "the permit's time is over", "停止作业，重新办票", "stop; apply for a new permit"),
    "level_night": Text(
        "夜间动火升一级管理，作业票 {subject} 的级别不够",
        "at night the work is managed one level higher than permit {subject}",
        "等到天亮，或按高一级办票（勾选夜间也作业）",
        "wait for the morning, or apply one level higher (also at night)",
    ),
    "level_rest_day": Text(
        "休息日动火升一级管理，作业票 {subject} 的级别不够",
        "on a rest day the work is managed one level higher than permit {subject}",
        "等到工作日，或按高一级办票（勾选休息日和节假日也作业）",
        "wait for a working day, or apply one level higher (also on rest days)",
    ),
    "level_holiday": Text(
        "节假日动火升一级管理，作业票 {subject} 的级别不够",
        "on a holiday the work is managed one level higher than permit {subject}",
        "等到工作日，或按高一级办票（勾选休息日和节假日也作业）",
        "wait for a working day, or apply one level higher (also on rest days)",
    ),
    "level_calendar_ended": Text(
        "本年节假日尚未录入，按节假日升一级管理，作业票 {subject} 的级别不够",
        "this year's holidays are not entered: the work counts as one level higher than permit {subject}",
        "在本站规则中录入本年节假日，或按高一级办票",
        "enter this year's holidays in the site's rules, or apply one level higher",
    ),
    "lease": Text(
        "与平台失联时间过长",
        "too long without word from the bridge",
        "恢复网络后自动续期",
        "restore the link; it renews by itself",
    ),
    "gas_high": Text(
        "{subject} 超上限", "{subject} is over its limit", "撤离、通风，查找泄漏源", "leave, ventilate, find the leak"
    ),
    "gas_low": Text("{subject} 低于下限", "{subject} is under its limit", "撤离、通风", "leave, ventilate"),
    "gas_never": Text(
        "{subject} 从未读到数据",
        "{subject} was never read",
        "检查探测器供电与接线",
        "check the detector's power and wiring",
    ),
    "gas_stale": Text(
        "{subject} 数据中断", "{subject} fell silent", "检查探测器供电与总线", "check the detector's power and the bus"
    ),
    "gas_fault": Text(
        "{subject} 探测器故障", "{subject} reports a fault", "更换或维修探测器", "repair or replace the detector"
    ),
    "gas_over_range": Text(
        "{subject} 曾超量程（锁存）",
        "{subject} went over its range (latched)",
        "按超限处理，确认后现场复位",
        "treat as over the limit; reset on site after checking",
    ),
    "gas_under_range": Text(
        "{subject} 低于量程", "{subject} is under its range", "检查探测器零点与接线", "check zero point and wiring"
    ),
    "gas_warm_up": Text("{subject} 预热中", "{subject} is warming up", "等待预热结束", "wait until it is warm"),
    "gas_frozen": Text(
        "{subject} 计数器停走",
        "{subject}: its live counter stands still",
        "重启或更换探测器",
        "restart or replace the detector",
    ),
    "gas_bad_frame": Text(
        "{subject} 通信错误",
        "{subject} answers with errors",
        "检查总线接线与终端电阻",
        "check the bus wiring and termination",
    ),
    "stop_pressed": Text("按下停止按钮", "the stop button was pressed", "确认安全后复位", "make safe, then reset"),
    "estop_open": Text("急停断开", "the emergency stop is open", "解除急停后复位", "release the E-stop, then reset"),
    "door_open": Text(
        "动火区门被打开",
        "the zone's door is open",
        "清出无关人员，关门后复位",
        "have everyone else leave, shut the door, then reset",
    ),
    "mains_fail": Text("市电中断", "the mains failed", "恢复供电后复位", "restore the mains, then reset"),
    "flame_seen": Text(
        "火焰或高温探测器动作",
        "the flame or heat sensor sees fire",
        "先灭火、撤离并报告；查明原因，探测器复归后再复位",
        "put the fire out or leave and report; find the cause; reset once the sensor is well again",
    ),
    "battery_low": Text("电池电量低", "the battery is low", "充电或更换电池", "charge or replace the battery"),
    "enclosure_hot": Text(
        "箱内温度过高", "the enclosure is too hot", "移出热源、清理风道", "move it out of the heat; clear its vents"
    ),
    "sensor_never": Text(
        "传感器 {subject} 从未读到数据",
        "sensor {subject} was never read",
        "检查传感器供电、接线与地址",
        "check the sensor's power, wiring and address",
    ),
    "sensor_stale": Text(
        "传感器 {subject} 数据中断",
        "sensor {subject} fell silent",
        "检查传感器供电与总线",
        "check the sensor's power and the bus",
    ),
    "sensor_fault": Text(
        "传感器 {subject} 故障", "sensor {subject} reports a fault", "更换或维修传感器", "repair or replace the sensor"
    ),
    "sensor_over_range": Text(
        "传感器 {subject} 超量程",
        "sensor {subject} is over its range",
        "查明实际数值；无误则换用量程更大的传感器",
        "find out the true value; if it is right, fit a sensor with a larger range",
    ),
    "sensor_under_range": Text(
        "传感器 {subject} 低于量程",
        "sensor {subject} is under its range",
        "检查传感器零点与接线",
        "check its zero point and wiring",
    ),
    "sensor_warm_up": Text("传感器 {subject} 预热中", "sensor {subject} is warming up", "等待预热结束", "wait until it is warm"),
    "sensor_frozen": Text(
        "传感器 {subject} 计数器停走",
        "sensor {subject}: its live counter stands still",
        "重启或更换传感器",
        "restart or replace the sensor",
    ),
    "sensor_high": Text(
        "传感器 {subject} 超过预警上限",
        "sensor {subject} is above its warning limit",
        "到现场查明原因并处理，必要时通风、降温或停机检修",
        "go and find out why; ventilate, cool or stop the machine where needed",
    ),
    "sensor_low": Text(
        "传感器 {subject} 低于预警下限",
        "sensor {subject} is below its warning limit",
        "到现场查明原因并处理",
        "go and find out why, and put it right",
    ),
    "isolation_day": Text(
        "隔离是在另一天确认的：{subject}",
        "the isolation was proven on another day: {subject}",
        "今天到现场重新确认隔离：hotbox permit confirm",
        "prove the isolation again today: hotbox permit confirm",
    ),
    "isolation_break": Text(
        "作业中断过久，隔离须重新确认：{subject}",
        "the work was interrupted too long since the isolation was proven: {subject}",
        "到现场重新确认隔离：hotbox permit confirm",
        "prove the isolation again: hotbox permit confirm",
    ),
    "precondition_withdrawn": Text(
        "现场条件的确认已撤回：{subject}",
        "what was confirmed on site was taken back: {subject}",
        "停止作业，查明情况后重新确认",
        "stop work, find out what changed, then confirm it again",
    ),
    "wind_stop": Text(
        "风力达到停工等级，升级也不得作业（{subject}）",
        "too much wind for any hot work outdoors, upgraded or not ({subject})",
        "停止露天动火，等风力减弱",
        "stop outdoor hot work and wait for the wind to fall",
    ),
    "wind_strong": Text(
        "风力过大，作业票未升级（{subject}）",
        "too much wind for a permit that is not upgraded ({subject})",
        "停止露天动火；因生产确需时升级一级重新办票",
        "stop outdoor hot work; where production needs it, apply one level higher",
    ),
    "inputs_stale": Text(
        "按钮模块无响应", "the button module is silent", "检查按钮模块与接线", "check the input module and its wiring"
    ),
    "few_guardians": Text(
        "监护人不足：{subject}",
        "too few guardians: {subject}",
        "等其他监护人到齐并刷脸；作业票列名不足须重新办票",
        "wait for the other guardians, badge and face; or get a permit that names enough",
    ),
    "few_performers": Text(
        "作业人不足：{subject}",
        "too few performers: {subject}",
        "等其他作业人到齐并刷脸；作业票列名不足须重新办票",
        "wait for the other performers, badge and face; or get a permit that names enough",
    ),
    "badge_absent": Text(
        "{subject} 工牌不在现场",
        "{subject}'s badge is not here",
        "请 {subject} 回到岗位",
        "{subject} must come back to the post",
    ),
    "badge_refused": Text(
        "工牌 {subject} 验证失败",
        "badge {subject} did not verify",
        "更换工牌或重新配发",
        "use another badge or provision it again",
    ),
    "badge_stale": Text(
        "{subject} 的工牌信号是旧录音",
        "what {subject}'s badge sends is an old recording",
        "请 {subject} 带本人工牌到岗；查找仿冒源",
        "{subject} must come with the badge; look for who plays it",
    ),
    "badge_forged": Text(
        "{subject} 的工牌签名不符",
        "{subject}'s badge is forged",
        "重新配发：hotbox provision badge 编号 --replace",
        "provision it again: hotbox provision badge NUMBER --replace",
    ),
    "badge_outdated": Text(
        "{subject} 的工牌固件过旧",
        "{subject}'s badge has firmware that is too old",
        "更新工牌固件或更换工牌",
        "update the badge's firmware or hand out another",
    ),
    "badge_cloned": Text(
        "{subject} 的工牌有两个信号源",
        "{subject}'s badge is heard from two radios",
        "查找复制的工牌；更换该工牌",
        "look for the copy; hand out another badge",
    ),
    "badge_weak": Text(
        "{subject} 的工牌信号太弱",
        "{subject}'s badge is too far away",
        "请 {subject} 靠近作业盒；检查工牌电池",
        "{subject} must come closer; check the badge's battery",
    ),
    "radio_deaf": Text(
        "蓝牙收不到任何信号",
        "the Bluetooth radio hears nothing at all",
        "盒子会自行重启扫描；仍无信号时检查蓝牙天线与适配器",
        "the box restarts its scan by itself; if that does not help, check antenna and adapter",
    ),
    "radio_absent": Text(
        "蓝牙适配器不工作",
        "the Bluetooth adapter does not scan",
        "检查适配器：bluetoothctl show；systemctl status bluetooth",
        "check the adapter: bluetoothctl show; systemctl status bluetooth",
    ),
    "radio_lost": Text(
        "工牌接收没有报告",
        "nothing is heard of the Bluetooth radio",
        "检查 presence 进程：systemctl status hotbox-presence",
        "check the presence process: systemctl status hotbox-presence",
    ),
    "gnss_void": Text(
        "定位接收机没有定位", "the GNSS receiver has no fix", "把天线移到开阔处", "move the antenna into the open"
    ),
    "gnss_checksum": Text(
        "定位语句校验错误",
        "the GNSS receiver's sentences fail their checksum",
        "检查接线与波特率",
        "check its wiring and baud rate",
    ),
    "gnss_jump": Text(
        "定位跳变，快于可能的移动",
        "the position jumped faster than anything moves",
        "检查天线与干扰；位置稳定一段时间后恢复",
        "check the antenna, look for interference; it counts again once it stays",
    ),
    "gnss_frozen": Text(
        "定位时间与位置停走",
        "the GNSS receiver's time stands still",
        "重启定位接收机",
        "power the receiver off and on",
    ),
    "gnss_silent": Text(
        "定位接收机无输出", "the GNSS receiver says nothing", "检查接收机供电与接线", "check its power and wiring"
    ),
    "gnss_absent": Text(
        "定位接收机打不开",
        "the GNSS receiver cannot be opened",
        "检查 presence.gnss 与接线",
        "check presence.gnss and its wiring",
    ),
    "gnss_lost": Text(
        "定位没有报告",
        "nothing is heard of the GNSS receiver",
        "检查 presence 进程：systemctl status hotbox-presence",
        "check the presence process: systemctl status hotbox-presence",
    ),
    "badge_battery": Text(
        "工牌 {subject} 电量低",
        "badge {subject} has a low battery",
        "更换工牌电池",
        "change the badge's battery",
    ),
    "badge_unknown": Text(
        "名单外工牌 {subject} 进入动火区",
        "badge {subject}, which no permit and no roster names, is in the zone",
        "请无关人员离开",
        "have everyone else leave",
    ),
    "place_outside": Text(
        "作业点在围栏之外", "the box is outside the fence", "把作业盒移回围栏内", "move the box back into the fence"
    ),
    "beacon_lost": Text(
        "收不到现场信标 {subject}",
        "the site's beacon {subject} is not heard",
        "把作业盒放回信标旁，检查信标电池",
        "bring the box back to the beacon; check its battery",
    ),
    "place_unknown": Text("没有可靠定位", "no reliable position", "检查定位天线", "check the GNSS antenna"),
    "place_poor": Text(
        "定位质量不足", "the position is too poor", "把天线移到开阔处", "move the antenna into the open"
    ),
    "face_missing": Text(
        "{subject} 未刷脸",
        "{subject}'s face was not verified",
        "请 {subject} 面向摄像头",
        "{subject} must look into the camera",
    ),
    "face_old": Text(
        "{subject} 刷脸已过时",
        "{subject}'s face was verified too long ago",
        "请 {subject} 再次面向摄像头",
        "{subject} must look into the camera again",
    ),
    "face_far": Text(
        "{subject} 人脸不匹配",
        "{subject}'s face does not match",
        "请 {subject} 正对摄像头",
        "{subject} must face the camera",
    ),
    "face_void": Text(
        "{subject} 须重新刷脸：停工或工牌中断之后",
        "{subject}'s face must be verified anew: after a break, or a badge that was away",
        "请 {subject} 再次面向摄像头",
        "{subject} must look into the camera again",
    ),
    "face_liveness": Text(
        "{subject} 未通过活体检测",
        "{subject}'s liveness is not proven",
        "请 {subject} 正对摄像头，按屏幕箭头转头",
        "{subject} faces the camera and follows the arrows on the screen",
    ),
    "liveness_failed": Text(
        "{subject} 活体检测次数已用完",
        "{subject} has no tries left to prove to be alive",
        "请主管到场核实：hotbox face vouch {subject}",
        "a supervisor comes and decides: hotbox face vouch {subject}",
    ),
    "stranger": Text(
        "摄像头前有非授权人员", "a face that the permit does not name", "请无关人员离开", "have everyone else leave"
    ),
    "camera_slow": Text(
        "人脸识别跟不上画面",
        "face recognition does not keep up",
        "等待识别跟上；持续出现请减轻盒子负载",
        "wait; if it stays so, take load off the box",
    ),
    "camera_lost": Text("摄像头无画面", "the camera gives no picture", "检查摄像头", "check the camera"),
    "video_off": Text(
        "本盒没有录像机",
        "this box has no recorder",
        "特级动火须录像：在配置 vision.video 中设置录像目录",
        "special work is recorded: set vision.video in the configuration",
    ),
    "video_lost": Text(
        "录像中断", "the recording is interrupted", "检查摄像头与录像存储", "check the camera and the recorder's disk"
    ),
    "video_low": Text(
        "录像空间将尽",
        "the room for recordings runs low",
        "扩大录像空间（vision.video.most_mib），或换更大的存储卡",
        "give the recorder more space (vision.video.most_mib), or a larger card",
    ),
    "video_room": Text(
        "录像空间不足",
        "there is no room to record the whole work",
        "扩大录像空间，或待旧录像到期后再申请",
        "give the recorder more space, or wait until old recordings may go",
    ),
    "gas_test_none": Text(
        "没有动火前气体分析", "no gas test before work", "由分析人录入气体分析", "the gas analyst must enter a gas test"
    ),
    "gas_test_old": Text("气体分析已过时", "the gas test is too old", "重新分析", "test again"),
    "gas_test_day": Text(
        "气体分析不是当天的", "the gas test is of another day", "每天动火前重新分析", "test again: every day before start"
    ),
    "gas_test_after_trip": Text(
        "气体超限后需重新分析", "a new gas test is needed after a gas trip", "重新分析", "test again"
    ),
    "gas_test_missing": Text(
        "气体分析缺少 {subject}", "the gas test lacks {subject}", "补测 {subject}", "test {subject} too"
    ),
    "gas_test_point": Text(
        "气体分析缺少取样点：{subject}",
        "the gas test lacks a sampling point: {subject}",
        "上（up）、中（middle）、下（down）三点都要取样，补测 {subject}",
        "sample up, middle and down; test {subject} too",
    ),
    "gas_test_limit": Text(
        "气体分析 {subject} 超限",
        "the gas test's {subject} is over its limit",
        "通风后重新分析",
        "ventilate and test again",
    ),
    "check_in_none": Text(
        "人员未签到",
        "the crew has not checked in",
        "作业人、监护人到场刷脸",
        "performer and guardian must come and be verified",
    ),
    "check_in_tap": Text(
        "{subject} 未刷卡签到",
        "{subject}'s card was not read",
        "请 {subject} 在读卡器上刷卡",
        "{subject} must hold the card to the reader",
    ),
    "nfc_silent": Text(
        "读卡器无应答", "the tag reader does not answer", "检查读卡器供电与接线", "check its power and wiring"
    ),
    "nfc_absent": Text(
        "读卡器打不开",
        "the tag reader cannot be opened",
        "检查 presence.nfc.device 与接线",
        "check presence.nfc.device and its wiring",
    ),
    "nfc_lost": Text(
        "读卡器没有报告",
        "nothing is heard of the tag reader",
        "检查 presence 进程：systemctl status hotbox-presence",
        "check the presence process: systemctl status hotbox-presence",
    ),
    "check_in_missed": Text(
        "{subject} 当天签到超时，作业暂停",
        "nobody checked in in time today: permit {subject} is suspended",
        "授权人现场复位后人员重新签到",
        "someone entitled resets on site, then the crew checks in",
    ),
    "check_in_late": Text(
        "签到超时，作业票失效", "nobody checked in in time: the permit is void", "重新办票", "apply for a new permit"
    ),
    "ticket_check_none": Text(
        "班长未验票：{subject}",
        "the shift leader has not checked the ticket {subject}",
        "班长到场核对作业票：hotbox permit check --by 编号",
        "the shift leader checks the ticket here: hotbox permit check --by ID",
    ),
    "ticket_check_day": Text(
        "{subject} 的验票不是今天的",
        "the ticket check of {subject} is of another day",
        "每天动火前重新验票：hotbox permit check --by 编号",
        "check it again, every day before ignition: hotbox permit check --by ID",
    ),
    "calibration_due": Text(
        "{subject} 校准到期",
        "{subject}'s calibration is overdue",
        "校准或更换探测器",
        "calibrate or replace the detector",
    ),
    "calibration_never": Text(
        "{subject} 没有校准记录",
        "{subject} has no calibration on record",
        "校准：hotbox detector calibrate {subject}，或在配置中填写证书到期日",
        "calibrate it: hotbox detector calibrate {subject}, or enter its certificate's end in the configuration",
    ),
    "calibration_too_long": Text(
        "{subject} 校准有效期超过最长周期",
        "{subject}'s calibration ends later than the longest interval allows",
        "核对证书日期与盒子时钟",
        "check the certificate's date and the box's clock",
    ),
    "calibration_undone": Text(
        "{subject} 校准未完成",
        "{subject}'s calibration was begun and not finished",
        "重新校准：hotbox detector calibrate {subject}",
        "calibrate again: hotbox detector calibrate {subject}",
    ),
    "gas_no_oxygen": Text(
        "{subject} 是催化式，缺氧时读数不可信",
        "{subject} is catalytic and cannot be believed without oxygen",
        "先恢复氧气读数：检查氧探测器，通风",
        "mend the oxygen reading first: check the O2 detector, ventilate",
    ),
    "gas_out_of_service": Text(
        "{subject} 校准不合格，停用",
        "{subject} failed its calibration: out of service",
        "更换探测器，或重新校准合格",
        "replace the detector, or calibrate it until it passes",
    ),
    "bump_never": Text(
        "{subject} 从未做通气测试",
        "{subject} was never bump-tested",
        "通气测试：hotbox detector bump {subject}",
        "bump-test it: hotbox detector bump {subject}",
    ),
    "bump_due": Text(
        "{subject} 通气测试到期",
        "{subject}'s bump test is overdue",
        "通气测试：hotbox detector bump {subject}",
        "bump-test it: hotbox detector bump {subject}",
    ),
    "bump_failed": Text(
        "{subject} 通气测试不合格",
        "{subject} failed its bump test",
        "校准：hotbox detector calibrate {subject}，再做通气测试",
        "calibrate it: hotbox detector calibrate {subject}, then bump-test it",
    ),
    "bump_undone": Text(
        "{subject} 通气测试未完成",
        "{subject}'s bump test was begun and not finished",
        "重做通气测试：hotbox detector bump {subject}",
        "bump-test again: hotbox detector bump {subject}",
    ),
    "test_running": Text(
        "{subject} 正在通气",
        "{subject} is being tested with gas",
        "等待测试结束",
        "wait for the test's end",
    ),
    "test_no_response": Text(
        "{subject} 对测试气体无反应",
        "{subject} did not respond to the test gas",
        "检查气瓶、流量与防尘罩，然后校准",
        "check bottle, flow and the head's filter; then calibrate",
    ),
    "test_slow": Text(
        "{subject} 响应过慢或达不到标称值",
        "{subject} was too slow or never reached the applied value",
        "清洁或更换传感器，然后校准",
        "clean or replace the sensor, then calibrate",
    ),
    "test_too_high": Text(
        "{subject} 读数高于测试气体",
        "{subject} read more than the gas applied",
        "核对气瓶标称值，然后校准",
        "check the bottle's value, then calibrate",
    ),
    "test_bad_reading": Text(
        "{subject} 测试中报告故障或无有效读数",
        "{subject} reported a fault or no sound reading during the test",
        "检查探测器，然后校准",
        "check the detector; then calibrate",
    ),
    "test_lost_reading": Text(
        "{subject} 测试中数据中断",
        "{subject} fell silent during the test",
        "检查探测器供电与总线，然后重新测试",
        "check the detector's power and the bus, then test again",
    ),
    "test_not_clear": Text(
        "{subject} 撤气后未恢复",
        "{subject} did not come back after the gas was taken away",
        "通风后重试；仍不恢复则更换传感器",
        "ventilate and test again; replace the sensor if it stays",
    ),
    "test_aborted": Text(
        "{subject} 测试中止", "{subject}'s test was given up", "重新测试", "test again"
    ),
    "precondition": Text(
        "前置条件未确认：{subject}", "not confirmed: {subject}", "现场确认该条件", "confirm it on site"
    ),
    "isolation_unproven": Text(
        "隔离未证实：{subject}",
        "isolation not proven: {subject}",
        "现场查看盲板或断开点后确认（阀门、水封不算隔离）",
        "see the blind or the gap on site, then confirm it; a closed valve is no isolation",
    ),
    "tag_unread": Text(
        "未读点位标签：{subject}",
        "the point's tag was not read: {subject}",
        "佩戴工牌，先刷本人卡，再刷该点位的标签",
        "wearing your badge, hold your card to the reader, then the tag of that point",
    ),
    "tag_old": Text(
        "点位标签读取已过时：{subject}",
        "the point's tag was read too long ago: {subject}",
        "到点位再次查看，先刷本人卡，再刷该点位的标签",
        "look at the point again, then hold your card to the reader and the tag after it",
    ),
    "temperature_none": Text(
        "设备温度未知：{subject}（未测温，或本盒无该温度传感器）",
        "temperature not known: {subject} (nobody measured it, or the box has no such sensor)",
        "检查温度传感器，或由现场人员测温并附照片录入",
        "check the sensor, or have someone measure it and enter it with a photo",
    ),
    "temperature_old": Text(
        "设备温度已过时：{subject}", "temperature measured too long ago: {subject}", "重新测温", "measure it again"
    ),
    "temperature_high": Text(
        "设备未冷却：{subject}", "not cool enough: {subject}", "等待冷却后再测", "let it cool, then measure again"
    ),
    "feedback_closed": Text("触点未断开", "the contact is not open", "检查接触器", "check the contactor"),
    "feedback_not_closed": Text(
        "触点未吸合", "the contact did not close", "检查接触器与线圈", "check contactor and coil"
    ),
    "feedback_lost": Text(
        "触点意外断开", "the contact opened by itself", "检查接触器与线圈电源", "check contactor and coil supply"
    ),
    "series_silent": Text(
        "串联继电器 {subject} 无反馈",
        "the relay {subject} in series does not answer",
        "检查该继电器的线路与反馈触点",
        "check its line and its feedback contact",
    ),
    "chatter": Text(
        "反馈触点抖动 {subject}",
        "the feedback contact chatters {subject}",
        "切断总电源，检修接触器与反馈接线",
        "cut the mains; repair the contactor and its feedback wiring",
    ),
    "contact_worn": Text(
        "触点额定寿命将尽或已到：{subject}",
        "the contact's rated life is used up or nearly so {subject}",
        "更换接触器，并在配置里写上新的 serial",
        "replace the contactor and write its serial into the configuration",
    ),
    "welded": Text(
        "触点粘连：断开命令后仍闭合",
        "welded: the contact stays closed after the opening",
        "立即切断总电源，更换接触器",
        "cut the mains at once; replace the contactor",
    ),
    "deadman_silent": Text(
        "失联断开继电器无响应", "the dead-man relay is silent", "检查控制器串口", "check the controller's serial line"
    ),
    "deadman_open": Text(
        "失联断开继电器已断开", "the dead-man relay has opened", "查看其断开原因后复位", "see its cause, then reset"
    ),
    "deadman_closed": Text(
        "失联断开继电器未断开", "the dead-man relay is not open", "检查控制器", "check the controller"
    ),
    "clock_quality": Text(
        "时钟不可信",
        "the clock is not trusted",
        "检查 RTC 电池或校时，或恢复与平台的联系",
        "check the RTC battery or the time source, or restore the link to the bridge",
    ),
    "clock_step": Text(
        "时钟跳变",
        "the clock jumped",
        "校时；时钟已准而仍显示时，授权人员现场复位",
        "correct the clock; while it is right and this stays, someone entitled resets on site",
    ),
    "clock_back": Text(
        "时钟曾被回拨（锁存）",
        "the clock was set back (latched)",
        "校时，授权人员现场复位",
        "correct the clock; someone entitled resets on site",
    ),
    "clock_floor": Text(
        "时钟早于已知时间", "the clock is earlier than what is already known", "校时", "correct the clock"
    ),
    "audit_unwritable": Text(
        "审计日志无法写入", "the audit log cannot be written", "检查存储卡", "check the storage card"
    ),
    "audit_late": Text("审计日志写入滞后", "the audit log lags", "检查存储卡", "check the storage card"),
    "audit_rollback": Text(
        "审计日志比平台见证的短",
        "the log is shorter than what the bridge witnessed",
        "联系平台管理员",
        "call the bridge's administrator",
    ),
    "audit_epoch": Text(
        "日志换代，尚未经平台见证",
        "the log begins anew and the bridge has not witnessed it yet",
        "由平台两名有权人员批准本盒的新日志",
        "two people entitled to it must authorise this box's new log at the bridge",
    ),
    "audit_full": Text(
        "审计日志存储将满",
        "the audit log's storage is nearly full",
        "接通平台，使已见证的旧记录得以清理；或扩大 storage.budget_mib",
        "connect the bridge, so that old records it has witnessed can go; or raise storage.budget_mib",
    ),
    "latched": Text(
        "上次切断未复位", "the last trip is not reset", "授权人员现场复位", "an authorised person must reset on site"
    ),
    "fault_latched": Text(
        "故障锁存",
        "a fault is latched",
        "维修、验证试验、双人确认后复位",
        "repair, proof test; two named people clear it",
    ),
    "proof_none": Text(
        "故障后未做继电器验证试验",
        "no proof test of the relay since the fault",
        "维修后运行 hotbox relay test --by A --by B",
        "after the repair run hotbox relay test --by A --by B",
    ),
    "proof_drill": Text(
        "故障后只做了演练，触点未动过",
        "since the fault only a drill was made: the contact did not move",
        "钥匙转到试验位、隔离负载，运行 hotbox relay test（不加 --drill）",
        "key to TEST, load isolated, then hotbox relay test without --drill",
    ),
    "proof_old": Text(
        "继电器验证试验已过时",
        "the relay's proof test is too old",
        "重新运行 hotbox relay test",
        "run hotbox relay test again",
    ),
    "proof_running": Text("正在做继电器验证试验", "a proof test is running", "等待试验结束", "wait until it has ended"),
    "proof_failed": Text(
        "继电器验证试验未通过：{subject}",
        "the relay failed its proof test: {subject}",
        "切断总电源，检修控制器与接触器",
        "cut the mains; repair controller and contactor",
    ),
    "proof_mode": Text(
        "{subject} 状态下不能做验证试验",
        "no proof test while {subject}",
        "仅在锁定、已切断或故障时进行",
        "make it while LOCKED, TRIPPED or FAULT",
    ),
    "proof_people": Text(
        "验证试验需两名在场且有权的人",
        "a proof test needs two entitled people who are here",
        "两名有权人员带工牌到场",
        "two people with the right must be here with their badges",
    ),
    "proof_pulse_mode": Text(
        "{subject} 状态下不能做吸合试验",
        "the contact is not closed for a test while {subject}",
        "仅在锁定或故障时进行",
        "only while LOCKED or in FAULT",
    ),
    "proof_key": Text(
        "钥匙开关不在试验位",
        "the key switch is not in TEST",
        "把钥匙转到试验位；没有该输入时用 --drill 演练",
        "turn the key to TEST; without that input rehearse with --drill",
    ),
    "proof_isolation": Text(
        "隔离触点未证明负载已隔离",
        "the isolation contact does not prove that the load is isolated",
        "断开并锁定负载隔离开关；没有该输入时用 --drill 演练",
        "open and lock the load's isolator; without that input rehearse with --drill",
    ),
    "proof_supply": Text(
        "未确认焊机电源已隔离",
        "the welding set's supply is not confirmed as isolated",
        "拔下或隔离焊机电源后确认",
        "unplug or isolate the welding set, then confirm",
    ),
    "watched": Text(
        "另一张票的看火未结束", "another permit's fire watch is running", "等看火结束", "wait until the watch ends"
    ),
    "loop_gap": Text(
        "联锁程序停顿", "the interlock stood still", "查看系统负载后复位", "see the system load, then reset"
    ),
    "unclean_restart": Text(
        "放行中异常重启", "restarted while released", "确认现场安全后复位", "make safe, then reset"
    ),
    "shutdown": Text(
        "放行中程序退出", "the interlock was shut down while released", "确认现场安全后复位", "make safe, then reset"
    ),
    "finished": Text("完工，看火中", "work finished, fire watch", "看火结束后复位", "keep watch, then reset"),
    "reset_unauthorised": Text(
        "复位人未授权", "nobody here may reset", "带授权工牌的人到场复位", "someone with the right badge must be here"
    ),
    "reset_window": Text(
        "复位窗口未打开", "the reset window is not open", "先运行 hotbox reset", "run hotbox reset first"
    ),
    "not_armed_edge": Text(
        "等待按下点火申请按钮", "waiting for the arm button", "按下点火申请按钮", "press the arm button"
    ),
    "second_edge": Text("重复按下点火申请", "the arm button was pressed twice", "只按一次", "press it once"),
    "forged": Text(
        "签名无效", "its signature is not valid", "按伪造处理，通知安全员", "treat as forged; tell the safety officer"
    ),
    "wrong_type": Text(
        "签名类型不符",
        "signed for another purpose",
        "按伪造处理，通知安全员",
        "treat as forged; tell the safety officer",
    ),
    "other_box": Text("发给另一台作业盒", "made out for another box", "为本盒重新签发", "issue it to this box"),
    "other_issuer": Text(
        "签发平台不受信任", "from a bridge that is not trusted", "核对平台公钥", "check the bridge's keys"
    ),
    "expired": Text("已过期", "it has expired", "重新办票", "apply for a new one"),
    "too_long": Text(
        "有效期超过该级别上限", "longer than its level allows", "按级别重新办票", "issue it within the level's limit"
    ),
    "revoked": Text("已撤销、作废或完工", "revoked, void or finished", "重新办票", "apply for a new one"),
    "other_work": Text("不是动火作业票", "not a permit for hot work", "使用动火作业票", "use a hot-work permit"),
    "other_rules": Text(
        "规则基线不符", "issued under other rules", "按本盒的规则基线签发", "issue it under this box's rules"
    ),
    "full": Text(
        "作业盒上作业票已满", "the box holds too many permits", "先完工或作废旧票", "finish or void one first"
    ),
    "not_available": Text(
        "此盒没有该功能",
        "not available on this box",
        "无需处理，记录由盒子自行补传",
        "nothing to do: the box sends its log again by itself",
    ),
    "invalid": Text(
        "内容不合要求", "its content is not acceptable", "核对内容后重新签发", "correct it and issue it again"
    ),
    "template_off": Text(
        "盒子未配置平台人脸公钥",
        "this box takes no face templates from a bridge",
        "在 box.yaml 中配置 bridge.faces_keys，或在盒子上登记人脸",
        "set bridge.faces_keys in box.yaml, or enrol at the box",
    ),
    "template_forged": Text(
        "{subject} 的人脸模板签名无效",
        "{subject}'s face template has no valid signature",
        "核对平台公钥 faces_keys.json；公钥无误则按伪造处理",
        "check faces_keys.json of the bridge; if it is right, treat it as forged",
    ),
    "template_other_box": Text(
        "{subject} 的人脸模板是发给其他盒子的",
        "{subject}'s face template is for another box",
        "核对平台上的盒子编号",
        "check the box's name at the bridge",
    ),
    "template_no_permit": Text(
        "{subject} 的人脸模板所属作业票不在本盒",
        "{subject}'s face template is for a permit that does not stand here",
        "无需处理，作业票送达后平台会重发",
        "nothing to do: the bridge sends it again once the permit is here",
    ),
    "template_not_named": Text(
        "作业票上没有 {subject}",
        "the permit does not name {subject}",
        "核对作业票人员",
        "check the people on the permit",
    ),
    "template_expired": Text(
        "{subject} 的人脸模板已过期",
        "{subject}'s face template has expired",
        "重新办票",
        "apply for a new permit",
    ),
    "template_older": Text(
        "{subject} 的人脸模板比已有的旧",
        "{subject}'s face template is older than the last one",
        "无需处理",
        "nothing to do",
    ),
    "template_sealed": Text(
        "{subject} 的人脸模板无法用本盒密钥打开",
        "{subject}'s face template does not open with this box's key",
        "重启 hotbox-vision，平台得知新密钥后会重发",
        "restart hotbox-vision; the bridge sends it again to the new key",
    ),
    "template_engine": Text(
        "{subject} 的人脸模板来自其他识别软件",
        "{subject}'s face template is of another engine",
        "在本盒重新登记 {subject}，或统一识别软件",
        "enrol {subject} at this box, or use the same engine on both",
    ),
    "template_twin": Text(
        "{subject} 的人脸模板与本盒上另一人过于相近",
        "{subject}'s face template lies too near to somebody else's on this box",
        "当面核对两人：是否同一人登记了两个编号；可在盒子上删除其中之一",
        "look at both people: it may be one under two names; remove one of them at the box",
    ),
    "template_storage": Text(
        "{subject} 的人脸模板无法保存",
        "{subject}'s face template could not be kept",
        "检查盒子磁盘和目录权限",
        "check the box's disk and the folder's rights",
    ),
    "attempt_timeout": Text("点火申请超时", "the attempt timed out", "重新按下点火申请", "press arm again"),
}


def text(code: str) -> Text:
    """The catalogue's entry.

    Raises:
        KeyError: a code without text is a bug, found by the test that renders every code.
    """
    return CATALOGUE[code]


def fill(template: str, subject: str) -> str:
    """Put the subject in."""
    return template.replace("{subject}", subject)
