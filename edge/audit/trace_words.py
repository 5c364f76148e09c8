"""What a trace says, Chinese and English."""

from contracts.runs import End, GapKind

GAP_WORDS: dict[GapKind, tuple[str, str]] = {
    GapKind.NO_PERMIT: ("无有效作业票", "no permit in force"),
    GapKind.NO_AUTHORITY: ("无可复现的放行授权", "no authorised release that can be made again"),
    GapKind.NO_PEOPLE: ("作业人或监护人未按期核验", "performer or guardian not verified in time"),
    GapKind.NO_GAS: ("无有效气体数值", "no good gas value in time"),
    GapKind.NO_BEGIN: ("吸合时刻无记录", "its closing is not recorded"),
    GapKind.OPEN_END: ("断开时刻未知", "nobody saw it open"),
}
END_WORDS: dict[End, tuple[str, str]] = {
    End.OPENED: ("已断开", "opened"),
    End.FOUND_OPEN: ("重启后确认已断开", "found open"),
    End.UNKNOWN: ("结束未知", "end unknown"),
    End.RUNNING: ("仍在放行", "still released"),
}
