"""What each row is called, Chinese and English, in the sections in which they are shown."""

SECTIONS: dict[str, tuple[str, str]] = {
    "limits": ("气体限值", "gas limits"),
    "confined": ("受限空间限值", "limits in a confined space"),
    "air": ("动火分析", "gas test"),
    "detectors": ("探测器", "detectors"),
    "levels": ("动火级别", "hot-work levels"),
    "permit": ("作业票与时限", "permit and time"),
    "upgrade": ("升级管理与气象", "level upgrade and weather"),
    "people": ("人员与位置", "people and place"),
    "box": ("盒子自身", "the box itself"),
    "bypass": ("通道旁路", "bypass of a channel"),
    "site": ("距离与现场", "distances and site"),
    "retention": ("保存期限", "retention"),
    "other": ("其他", "other"),
}

TITLES: dict[str, dict[str, tuple[str, str]]] = {
    "air": {
        "temperature_c": ("mg/m3 换算温度", "temperature of mg/m3"),
        "gas_test_age_s": ("分析至动火最长时间", "age of the gas test at ignition"),
        "gas_test_daily": ("每日动火前重新分析", "new gas test every day"),
        "gas_test_points_count": ("取样部位数（上、中、下）", "sample positions"),
        "gas_test_radius_m": ("取样范围", "radius of sample points"),
        "gas_record_s": ("气体数据记录间隔", "interval of gas records"),
    },
    "detectors": {
        "bump_test_age_s": ("通气测试有效期", "age of the bump test"),
        "bump_tolerance_percent": ("通气测试允许偏差", "tolerance of the bump test"),
        "bump_apply_s": ("通气后开始响应的时限", "bump test: gas seen within"),
        "bump_hold_s": ("通气读数须保持", "bump test: reading stays for"),
        "bump_clear_s": ("通气后恢复的时限", "bump test: clean again within"),
        "bump_still_percent": ("视为基线的读数份额", "bump test: noise at the baseline"),
        "calibration_age_d": ("检定周期", "calibration interval"),
        "calibration_tolerance_percent": ("校准允许偏差（满量程）", "tolerance of a calibration, full scale"),
        "calibration_window_s": ("校准调整时限", "time to adjust a detector"),
        "response_diffusion_s": ("扩散式响应时间", "response time, diffusion"),
        "response_pumped_s": ("吸入式响应时间", "response time, pumped"),
        "catalytic_o2_vol_pct": ("催化燃烧式所需氧气", "oxygen that a catalytic bead needs"),
        "alarm_1_lel": ("一级报警设定值", "first alarm at most at"),
        "alarm_2_lel": ("二级报警设定值", "second alarm at most at"),
    },
    "levels": {
        "validity_h": ("作业票最长有效期", "longest permit"),
        "break_s": ("中断后无需重新分析的最长时间", "longest break without a new gas test"),
        "camera": ("全过程视频", "video of the whole work"),
        "continuous_gas": ("连续气体检测", "continuous gas reading"),
    },
    "permit": {
        "confined_validity_h": ("受限空间票有效期", "confined-space permit"),
        "confined_break_s": ("受限空间中断后重新分析", "confined space: break without a new test"),
        "approval_age_s": ("终批至点火最长时间", "age of the last approval at ignition"),
        "precondition_ttl_s": ("手工测温有效期", "age of a temperature measured by hand"),
        "check_in_s": ("计划开始后签到时限", "check-in after the planned start"),
        "ticket_check": ("动火前班长验票", "shift leader checks the ticket before ignition"),
        "fire_watch_s": ("作业后看火时间", "fire watch after work"),
    },
    "upgrade": {
        "upgrade_days": ("节假日与休息日", "holidays and rest days"),
        "night_from_h": ("夜间开始", "night begins"),
        "night_to_h": ("夜间结束", "night ends"),
        "wind_forbidden_grade": ("禁止露天动火的风力（升级除外）", "outdoor hot work only upgraded from wind"),
        "wind_stop_grade": ("一律停止露天动火的风力", "no outdoor hot work at all from wind"),
    },
    "people": {
        "guardian_grace_s": ("监护人离开宽限", "guardian's absence, grace"),
        "performer_grace_s": ("作业人离开宽限", "performer's absence, grace"),
        "badge_ttl_s": ("工牌信号有效期", "badge counts for"),
        "badge_dwell_ms": ("工牌到场确认时间", "badge is strong before it counts for"),
        "badge_battery_percent": ("工牌电量报警值", "badge's battery is low below"),
        "position_ttl_s": ("定位有效期", "position counts for"),
        "position_min_satellites": ("定位最少卫星数", "satellites needed"),
        "position_max_hdop_centi": ("定位精度因子上限", "worst HDOP"),
        "position_scatter_m": ("定位正常散布", "positions scatter by at most"),
        "position_speed_m_s": ("作业盒最快移动速度", "the box moves at most at"),
        "position_settle_s": ("跳变后须稳定", "position stays after a jump for"),
        "tap_ttl_s": ("刷卡有效期", "a card that was read counts for"),
        "tap_pair_s": ("先刷人卡、后刷点位标签的时限", "card first, point's tag within"),
        "face_ttl_s": ("放行前刷脸有效期", "face counts for arming"),
        "face_recheck_s": ("放行中刷脸复核间隔", "face again every"),
        "face_grace_s": ("刷脸复核宽限", "face again, grace"),
        "face_distance_milli": ("人脸匹配距离上限", "furthest face that matches"),
        "stranger_distance_milli": ("判为无关人员的距离", "face distance of a stranger"),
        "stranger_s": ("无关人员保持时间", "a stranger counts for"),
        "unknown_badge_s": ("陌生工牌视为在场", "an unknown badge counts as here"),
        "unknown_badge_trips": ("陌生工牌即切断", "an unknown badge trips"),
        "liveness": ("活体检测", "liveness"),
        "camera_ttl_s": ("视频中断时限", "camera silent for at most"),
    },
    "box": {
        "attempt_s": ("点火申请有效期", "an arming attempt lives"),
        "settle_ms": ("触点动作时限", "contact follows within"),
        "dead_man_ms": ("心跳丢失断开时间", "dead-man time"),
        "chatter_count": ("反馈触点每秒最多变化次数", "changes of the feedback contact in a second"),
        "contact_life_percent": ("触点寿命预警", "warning of the contact's rated life at"),
        "proof_pulse_ms": ("验证试验最长吸合", "a proof test closes for at most"),
        "inputs_ttl_ms": ("按钮模块中断时限", "button module silent for at most"),
        "debounce_ms": ("申请与复位按钮消抖时间", "arm and reset stand still for"),
        "enclosure_max_c": ("箱内最高温度", "enclosure at most at"),
        "audit_release_ms": ("放行前日志滞后上限", "log's lag before a release"),
        "audit_run_ms": ("放行中日志滞后上限", "log's lag while released"),
        "reset_window_s": ("复位窗口", "reset window"),
        "proof_test_s": ("故障后验证试验有效时间", "proof test that leaves a fault"),
        "clock_quality": ("时钟可信等级", "clock's quality"),
        "clock_step_ms": ("时钟跳变上限", "clock's largest step"),
        "clock_slew_ms": ("两次读时钟允许偏差", "clock's largest drift between readings"),
        "clock_behind_s": ("落后平台签名时间上限", "clock behind signed time"),
        "process_safety_time_s": ("过程安全时间", "process safety time"),
        "safety_time_share_percent": ("盒子可用的份额", "share of it that the box may use"),
    },
    "bypass": {
        "bypass_max_s": ("旁路最长时间", "longest bypass"),
        "bypass_max_count": ("同时旁路通道数", "bypasses at one time"),
        "bypass_warning_s": ("到期前提醒", "warning before its end"),
    },
    "site": {
        "approver_fence_m": ("审批人签字围栏", "approver signs within"),
        "guardian_fence_m": ("监护人围栏", "guardian stays within"),
        "leak_source_m": ("可能泄漏源隔离范围", "leak sources isolated within"),
        "gas_release_m": ("禁止排放可燃气体范围", "no release of flammable gas within"),
        "liquid_release_m": ("禁止排放可燃液体范围", "no release of flammable liquid within"),
        "painting_m": ("禁止喷漆与溶剂清洗范围", "no painting or solvents within"),
        "dust_sweeping_m": ("禁止清扫可燃粉尘范围", "no sweeping of combustible dust within"),
        "blind_work_m": ("盲板抽堵与动火距离", "no hot work near blind work within"),
        "railway_m": ("危化品列车经过须停工范围", "stop for hazmat trains within"),
        "welder_m": ("焊机距动火点", "welding set from the hot point"),
        "cylinder_gap_m": ("氧气瓶与乙炔瓶间距", "oxygen from acetylene"),
        "cylinder_fire_m": ("气瓶距动火点", "cylinders from the hot point"),
        "combustibles_cm": ("可燃物清除范围", "combustibles cleared within"),
        "fixed_area_m": ("固定动火区距危险源", "fixed hot-work area from hazards"),
        "wash_water_m": ("应急冲洗水距离", "emergency wash water within"),
        "lamp_v": ("受限空间照明电压", "lamp in a confined space"),
        "lamp_wet_v": ("潮湿狭小空间照明电压", "lamp where wet or narrow"),
    },
    "retention": {
        "permit_retention_d": ("作业票保存", "permits kept"),
        "video_retention_d": ("视频保存", "video kept"),
    },
}

SOURCES: dict[str, tuple[str, str, str]] = {
    "text": ("T", "标准原文", "the standard's text was read"),
    "secondary": ("S", "公开资料", "a public source about it"),
    "professional": ("K", "专业常识，未再核对", "established knowledge, not read again"),
    "claim": ("?", "未核实的说法，只显示", "an unverified claim, only shown"),
    "policy": ("–", "我方规定", "ours, where the standard leaves it open"),
}
"""How sure a clause is: a sign and what it means."""


def section_of(name: str) -> str:
    """The section of a field."""
    return next((section for section, rows in TITLES.items() if name in rows), "other")


def title(name: str) -> tuple[str, str]:
    """Chinese and English name of a field; the field itself when it has none."""
    return TITLES.get(section_of(name), {}).get(name, (name, name))
