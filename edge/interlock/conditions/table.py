"""The conditions: one function each, all evaluated every time, none short-cuts.

    name               release  run  grace              source
    permit                x      x                      PTW-01, BOX-08
    deadline                     x                      PTW-05, GB 30871-2022 5.1.1, 5.1.5
    level                 x      x                      GB 30871-2022 5.1.1
    lease                 x      x                      BOX-05
    gas                   x      x                      GB 30871-2022 5.3.2, BOX-01
    stop, estop, inputs   x      x
    flame                 x      x                      GB 30871-2022 5.2.14; policy
    door                  x      x                      PTW-24
    mains, battery        x      x
    enclosure             x      x
    wind                  x      x                      GB 30871-2022 5.2.15
    guardian              x      x   guardian_grace_s   GB 30871-2022 4.10
    performer             x      x   performer_grace_s  BOX-03
    place                 x      x                      PTW-04, BOX-02
    faces                 x                             BOX-01, BOX-03, ANT-01
    faces_again                  x   face_grace_s       BOX-04, ANT-01
    unknown_badge         x      x                      PTW-24
    stranger              x      x                      PTW-24
    camera                x      x   (run: by level)    GB 30871-2022 5.2.11
    video, video_running  x      x   (by level)         GB 30871-2022 5.2.11
    gas_test              x                             GB 30871-2022 5.3.1
    approval              x                             PTW-08
    check_in              x                             PTW-27
    ticket_check          x                             GB 30871-2022 A.1, PTW-16
    bump_test             x                             OSHA SHIB; domain/workflows "Detector"
    calibration           x                             JJG 693; domain/workflows "Detector"
    preconditions         x                             PTW-11
    contact_open          x                             EN ISO 13849-1
    contact_closed               x
    proof_test            x                             EN ISO 13849-1
    deadman               x      x
    clock                 x      x                      BOX-02
    audit, audit_running  x      x                      ANT-10
    latch, fire_watch     x                             GB 30871-2022 5.2.14
    loop                  x      x

A condition reports, it does not act. Position has no grace when it is known to be outside; a receiver that fell
silent counts as unknown, which is "no".
"""

from collections.abc import Callable

import msgspec

from edge.interlock.conditions import (
    air,
    box,
    buttons,
    contacts,
    detectors,
    element,
    faces,
    filming,
    gas_test,
    level,
    people,
    permit,
    place,
    preconditions,
    wind,
)
from edge.interlock.conditions.facts import Facts, Verdict


class Condition(msgspec.Struct, frozen=True):
    """A condition and where it counts.

    `blocks_reset`: a reset is refused while it fails, whatever opened the relay. `by_gas`: its trip needs a new test.
    """

    name: str
    judge: Callable[[Facts], Verdict]
    release: bool
    run: bool
    zh: str
    en: str
    blocks_reset: bool = False
    by_gas: bool = False


CONDITIONS: tuple[Condition, ...] = (
    Condition("loop", box.loop, True, True, "联锁程序", "interlock loop", blocks_reset=True),
    Condition("estop", buttons.estop, True, True, "急停", "emergency stop", blocks_reset=True),
    Condition("stop", buttons.stop, True, True, "停止按钮", "stop button", blocks_reset=True),
    Condition("gas", air.gas, True, True, "气体", "gas", blocks_reset=True, by_gas=True),
    Condition("flame", contacts.flame, True, True, "火焰探测", "flame sensor", blocks_reset=True),
    Condition("deadman", element.deadman, True, True, "失联断开继电器", "dead-man relay", blocks_reset=True),
    Condition("contact_open", element.contact_open, True, False, "触点断开", "contact open", blocks_reset=True),
    Condition("proof_test", element.proof_test, True, False, "验证试验", "no proof test"),
    Condition("contact_life", element.contact_life, True, False, "触点寿命", "contact's rated life"),
    Condition("contact_closed", element.contact_closed, False, True, "触点吸合", "contact closed"),
    Condition("inputs", buttons.inputs, True, True, "按钮模块", "button module", blocks_reset=True),
    Condition("mains", contacts.mains, True, True, "市电", "mains"),
    Condition("battery", contacts.battery, True, True, "电池", "battery"),
    Condition("enclosure", contacts.enclosure, True, True, "箱内温度", "enclosure"),
    Condition("clock", box.clock, True, True, "时钟", "clock"),
    Condition("deadline", permit.deadline, False, True, "票面时限", "permit's end"),
    Condition("permit", permit.permit, True, True, "作业票", "permit"),
    Condition("level", level.level, True, True, "动火级别", "level"),
    Condition("lease", permit.lease, True, True, "平台联系", "word from the bridge"),
    Condition("wind", wind.wind, True, True, "风力", "wind"),
    Condition("door", contacts.door, True, True, "围栏门", "zone door"),
    Condition("unknown_badge", people.unknown_badge, True, True, "陌生工牌", "no unknown badge"),
    Condition("stranger", people.stranger, True, True, "无关人员", "nobody else"),
    Condition("guardian", people.guardian, True, True, "监护人", "guardian on post"),
    Condition("performer", people.performer, True, True, "作业人", "performer here"),
    Condition("place", place.place, True, True, "位置", "place"),
    Condition("faces", faces.faces, True, False, "刷脸", "faces"),
    Condition("faces_again", faces.faces_again, False, True, "刷脸复核", "faces again"),
    Condition("camera", place.camera, True, False, "摄像头", "camera"),
    Condition("camera_running", place.camera_running, False, True, "全程视频", "video while released"),
    Condition("video", filming.video, True, False, "录像机", "recorder"),
    Condition("video_running", filming.video_running, False, True, "全程录像", "recording while released"),
    Condition("check_in", permit.check_in, True, False, "签到", "check-in"),
    Condition("ticket_check", permit.ticket_check, True, False, "班长验票", "ticket check"),
    Condition("approval", permit.approval, True, False, "审批时效", "age of the approval"),
    Condition("gas_test", gas_test.gas_test, True, False, "动火前气体分析", "gas test before work"),
    Condition("bump_test", detectors.bump_test, True, False, "探测器通气测试", "bump test"),
    Condition("calibration", detectors.calibration, True, False, "探测器校准", "calibration"),
    Condition("preconditions", preconditions.preconditions, True, False, "前置条件", "preconditions"),
    Condition("audit", box.audit, True, False, "审计日志", "audit log"),
    Condition("audit_running", box.audit_running, False, True, "审计日志（放行中）", "audit log, released"),
    Condition("latch", box.latch, True, False, "复位", "latch reset"),
    Condition("fire_watch", box.fire_watch, True, False, "看火", "fire watch"),
)
"""Order is the order of first-out when several fail at the same moment.

A loop that stood still comes first, since it makes everything else old; then what endangers most.
"""

RELEASE = tuple(condition for condition in CONDITIONS if condition.release)
RUN = tuple(condition for condition in CONDITIONS if condition.run)
"""What must pass to close the contact, and what must pass to keep it closed."""


def evaluate(f: Facts) -> dict[str, Verdict]:
    """Every condition's verdict by name."""
    return {condition.name: condition.judge(f) for condition in CONDITIONS}
