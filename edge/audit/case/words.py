"""The report's words, Chinese and English."""

WORDS: dict[str, tuple[str, str]] = {
    "lang": ("zh-CN", "en"),
    "title": ("动火作业案卷", "Hot-work case"),
    "of_permit": ("作业票 {}", "permit {}"),
    "everything": ("全部事件", "all events"),
    "simulation": (
        "本案卷来自模拟设备(SIMULATION),不是真实作业",
        "This case comes from simulated devices (SIMULATION): no real work",
    ),
    "log": ("日志", "Log"),
    "span": ("范围", "Span"),
    "span_of": ("序号 {} 至 {}", "seq {} to {}"),
    "from_to": ("{} 至 {}", "{} to {}"),
    "clock": ("时间取自设备时钟,顺序以序号为准", "Times are the box's clock; the order is that of seq"),
    "proof": ("核验", "Verification"),
    "unchanged": (
        "序号 {} 至 {} 之间未发现更改、删除或插入。",
        "Nothing was changed, removed or inserted between seq {} and {}.",
    ),
    "witnessed": ("由 {} 于 {} 见证至序号 {}。", "Witnessed by {} at {}, up to seq {}."),
    "not_witnessed": (
        "尚无见证:仅由设备自身的签名担保。",
        "Nothing of it is witnessed: only the box's own signature vouches for it.",
    ),
    "partly": (
        "序号 {} 至 {} 尚未见证,仅由设备自身的签名担保。",
        "Seq {} to {} are not witnessed yet: only the box's own signature vouches for them.",
    ),
    "check_it": (
        "本页不作证据。请用 verify.py 或 hotbox audit verify,并以设备铭牌或云桥登记的公钥核验整个压缩包。",
        (
            "This page proves nothing by itself: verify the zip with verify.py or `hotbox audit verify`. "
            "Take the keys from the box's label or the bridge."
        ),
    ),
    "withheld": (
        "范围内属于其他作业票或人员、仅以哈希列出而未提供内容的记录:{}。",
        "Records in the span of other permits or people, of which only the hashes are here: {}.",
    ),
    "entangled": (
        "属于本作业票、但同时涉及其他作业票而未提供的事件:{}。",
        "Events of this permit that are withheld because they also tell of another one: {}.",
    ),
    "permit": ("作业票", "Permit"),
    "level": ("级别", "Level"),
    "place": ("地点", "Place"),
    "method": ("方式", "Method"),
    "content": ("内容", "Work"),
    "valid": ("有效期", "Valid"),
    "who": ("人员", "People"),
    "name": ("姓名", "Name"),
    "role": ("职责", "Role"),
    "id": ("编号", "Id"),
    "badge": ("工牌", "Badge"),
    "signed": ("签署时间", "Signed"),
    "performer": ("作业人", "performer"),
    "guardian": ("监护人", "guardian"),
    "approver": ("审批人", "approver"),
    "special": ("特级", "special"),
    "grade_1": ("一级", "grade 1"),
    "grade_2": ("二级", "grade 2"),
    "trips": ("切断", "Trips"),
    "no_trips": ("本范围内没有切断。", "No trip in this span."),
    "no_trips_here": (
        "所提供的记录中没有切断;未提供的事件中可能有(导出时加 --entangled)。",
        "No trip among the events that are here; there may be one among those withheld (export with --entangled).",
    ),
    "when": ("时间", "Time"),
    "first_out": ("首出原因", "First-out"),
    "value": ("数值", "Value"),
    "limit": ("限值", "Limit"),
    "clause": ("条款", "Clause"),
    "relay": ("触点断开用时", "Contact opened after"),
    "released": ("切断前已放行", "was released"),
    "locked": ("切断前未放行", "was not released"),
    "trace": ("留痕核查:触点吸合的每一秒", "Trace: every second of the closed relay"),
    "no_trace": ("日志中有无法读取的记录,未能核查。", "Not checked: the log has records that cannot be read."),
    "never_closed": ("本范围内触点从未吸合。", "The relay never closed in this span."),
    "traced": ("作业票与证据齐全", "permit and evidence are there"),
    "trace_sum": ("吸合 {} 次,共 {} 秒,留痕 {}%", "{} runs, {} s closed, {} % traced"),
    "trace_hint": (
        "每一秒须有:有效作业票、可复现的放行授权、按期核验的作业人与监护人、不超过一分钟的气体数值。",
        (
            "Each second needs: a permit in force, an authorised release that can be made again, performer and "
            "guardian verified in time, a gas value of its minute."
        ),
    ),
    "unjudged": ("另有 {} 次吸合未作判断:其依据的记录已清理。", "{} runs are not judged: their parts are deleted."),
    "more_runs": ("此处列出前 {} 次;全部见 log.sqlite。", "The first {} are here; all are in log.sqlite."),
    "closed_at": ("吸合时间", "Closed at"),
    "closed_for": ("时长", "For"),
    "ended": ("结束", "End"),
    "lacking": ("缺失", "What lacks"),
    "gas": ("气体", "Gas"),
    "gas_hint": (
        "阶梯线:数值保持到下一次记录;虚线:限值;三角:报警值;竖线:切断,编号见上表。",
        (
            "Steps: a value holds until the next record. Dashes: limit. Triangles: values that alarmed. "
            "Upright lines: trips, numbered as in the table."
        ),
    ),
    "no_gas": ("本范围内没有气体数值。", "No gas values in this span."),
    "left_out": (
        "{} 另有 {} 个数值未画出:平稳时段只画最低与最高值",
        "{}: {} more values are not drawn; of quiet times only the lowest and the highest are",
    ),
    "not_drawn": ("未画出的通道:{}", "Channels that are not drawn: {}"),
    "refusals": ("拒绝", "Refusals"),
    "no_refusals": ("本范围内没有拒绝。", "Nothing was refused in this span."),
    "reason": ("原因", "Reason"),
    "times": ("次数", "Times"),
    "timeline": ("时间线", "Timeline"),
    "shortened": (
        "共 {} 个事件,此处列出首尾各 {} 个及其间的报警;全部见 entries.jsonl 与 log.sqlite。",
        "{} events; here are the first and last {} and the alarms between. All are in entries.jsonl and log.sqlite.",
    ),
    "quiet": (
        "每分钟的气体与人员记录 {} 条未列入,见 log.sqlite。",
        "{} records of quiet times (gas and people of each minute) are not listed; they are in log.sqlite.",
    ),
    "event": ("事件", "Event"),
    "actor": ("操作者", "Actor"),
    "alarm": ("报警", "ALARM"),
    "warning": ("警告", "warning"),
    "denied": ("被拒", "denied"),
    "failed": ("失败", "failed"),
    "more_trips": ("共 {} 次切断,此处列出前 {} 次。", "{} trips; the first {} are shown."),
    "ms": ("毫秒", "ms"),
}


def say(key: str, *values: object, chinese: bool) -> str:
    """One text, its places filled."""
    return WORDS[key][0 if chinese else 1].format(*values)
