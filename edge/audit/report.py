"""What verifying a log found, in Chinese and English."""

import time
from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    """How a verification ended."""

    OK = "ok"
    UNWITNESSED = "unwitnessed"
    TAMPERED = "tampered"
    INCONSISTENT = "inconsistent"
    UNREADABLE = "unreadable"


EXIT_CODE = {
    Outcome.OK: 0,
    Outcome.TAMPERED: 1,
    Outcome.INCONSISTENT: 2,
    Outcome.UNREADABLE: 3,
    Outcome.UNWITNESSED: 4,
}


class Reason(StrEnum):
    """What is wrong."""

    CHANGED = "changed"
    MALFORMED = "malformed"
    MISSING = "missing"
    MOVED = "moved"
    INSERTED = "inserted"
    CHAIN = "chain"
    REWRITTEN = "rewritten"
    TRUNCATED = "truncated"
    SIGNATURE = "signature"
    CHECKPOINT = "checkpoint"
    UNSIGNED = "unsigned"
    TILE = "tile"
    ACK = "ack"
    PRUNED = "pruned"
    KEY = "key"
    SCHEMA = "schema"
    DAMAGED = "damaged"
    SHORTER = "shorter"
    HISTORY = "history"
    WRONG_KEY = "wrong_key"
    NO_KEY = "no_key"
    HELD = "held"
    FILE = "file"
    FILE_CHANGED = "file_changed"


TEXTS: dict[Reason, tuple[str, str]] = {
    Reason.CHANGED: ("事件内容与其哈希不符", "the event does not fit its hash"),
    Reason.MALFORMED: ("事件不是规范格式", "the event is not in canonical form"),
    Reason.MISSING: ("事件缺失", "the event is missing"),
    Reason.MOVED: ("事件不在其原有位置", "the event stands where it was not written"),
    Reason.INSERTED: ("事件是事后插入的", "the event was put in afterwards"),
    Reason.CHAIN: ("与后一事件记录的哈希不符", "the event is not the one that its successor was chained to"),
    Reason.REWRITTEN: ("已签名的历史被改写", "signed history was rewritten"),
    Reason.TRUNCATED: ("签名之后末尾事件被删除", "events at the end were removed after they were signed"),
    Reason.SIGNATURE: ("检查点签名无效", "a checkpoint's signature is not valid"),
    Reason.CHECKPOINT: ("检查点记录与其文本不符", "a checkpoint's record does not fit its text"),
    Reason.UNSIGNED: ("缺少应有的检查点", "checkpoints that must exist are missing"),
    Reason.TILE: ("哈希索引与事件不符", "the index of hashes does not fit the events"),
    Reason.ACK: ("见证记录无效", "a witness record is not valid"),
    Reason.PRUNED: ("未经见证的事件被清理", "events were deleted that no witness has seen"),
    Reason.KEY: ("密钥更换与记录或所信任的密钥不符", "a change of key does not fit its record or the trusted keys"),
    Reason.SCHEMA: ("数据库结构被改动", "the file's tables or triggers were changed"),
    Reason.DAMAGED: ("文件损坏,无法继续读取", "the file is damaged and cannot be read on"),
    Reason.SHORTER: ("日志短于见证方或所信任密钥所见", "the log is shorter than what the witness or a trusted key saw"),
    Reason.HISTORY: ("历史与见证方所见不同", "history differs from what the witness saw"),
    Reason.WRONG_KEY: ("日志属于另一台设备或密钥不符", "the log is another box's than the key's"),
    Reason.NO_KEY: ("没有本机日志公钥", "no public key of the box's log was given"),
    Reason.HELD: ("留存的见证文本不可用", "a held note cannot be used"),
    Reason.FILE_CHANGED: ("案卷中的文件被改动、增加或删除", "a file of the case was changed, added or removed"),
    Reason.FILE: ("无法读取数据库", "the database cannot be read"),
}


class Report(msgspec.Struct, frozen=True):
    """Result of a verification.

    Attributes:
        status: ok, unwitnessed, tampered, inconsistent or unreadable.
        origin: the log's name.
        withheld: leaves of a case that are there as a hash only, because they are somebody else's.
        size: leaves that verified, from the first on.
        pruned: of these, how many were deleted once they were witnessed; their hashes hold.
        first: seq of the first leaf that was looked at: 0, or where a case begins.
        checkpoints: signed checkpoints that hold.
        witnessed: the largest size that a witness vouches for and that holds.
        witnessed_at: when it did, in seconds since 1970; 0 when never.
        unwitnessed: leaves beyond that.
        oldest_unwitnessed_t: wall ms of the first of them, 0 without.
        first_bad: seq of the first event that is wrong, None when all hold.
        reason: what is wrong, None when nothing is.
        detail: more about it.
        seconds: how long it took.
    """

    status: Outcome
    origin: str = ""
    size: int = 0
    checkpoints: int = 0
    witnessed: int = 0
    witnessed_at: int = 0
    unwitnessed: int = 0
    oldest_unwitnessed_t: int = 0
    first_bad: int | None = None
    reason: Reason | None = None
    detail: str = ""
    seconds: float = 0.0
    pruned: int = 0
    first: int = 0
    withheld: int = 0

    @property
    def exit_code(self) -> int:
        """0 ok, 4 ok with an unwitnessed tail, 1 tampered, 2 inconsistent with the witness, 3 unreadable or misuse."""
        return EXIT_CODE[self.status]

    def lines(self, *, chinese: bool, now_s: float | None = None) -> list[str]:
        """The report as a person reads it."""
        return _chinese(self, now_s or time.time()) if chinese else _english(self, now_s or time.time())


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _english(report: Report, now_s: float) -> list[str]:
    why = TEXTS[report.reason][1] if report.reason else ""
    lines = []
    if report.status in (Outcome.OK, Outcome.UNWITNESSED):
        span = f"seq {max(report.first, report.pruned)} and {report.size - 1} ({report.origin})"
        lines.append(f"Nothing was changed, removed or inserted between {span}.")
        if report.pruned:
            lines.append(f"Seq 0 to {report.pruned - 1} were deleted once they were witnessed; their hashes hold.")
        if report.withheld:
            lines.append(f"{report.withheld} records of the span are withheld: only their hashes are in the case.")
    elif report.status is Outcome.UNREADABLE:
        return [f"Not verified: {why}. {report.detail}".rstrip()]
    else:
        where = f"seq {report.first_bad}: " if report.first_bad is not None else ""
        lines.append(f"{where}{why}. {report.detail}".rstrip())
        lines.append(f"Leaves before it that hold: {report.size}.")
    if report.witnessed:
        lines.append(f"Witnessed by the bridge up to seq {report.witnessed - 1} at {_when(report.witnessed_at)}.")
    else:
        lines.append("Nothing is witnessed: only the box itself vouches for this log.")
    if report.unwitnessed and report.status is Outcome.UNWITNESSED:
        age = max(0, int(now_s - report.oldest_unwitnessed_t / 1000))
        if report.unwitnessed == 1:
            lines.append(f"1 event is not witnessed yet, it is {age} s old.")
        else:
            lines.append(f"{report.unwitnessed} events are not witnessed yet, the oldest is {age} s old.")
    return lines


def _chinese(report: Report, now_s: float) -> list[str]:
    why = TEXTS[report.reason][0] if report.reason else ""
    lines = []
    if report.status in (Outcome.OK, Outcome.UNWITNESSED):
        first = max(report.first, report.pruned)
        lines.append(f"序号 {first} 至 {report.size - 1} 之间未发现更改、删除或插入({report.origin})。")
        if report.pruned:
            lines.append(f"序号 0 至 {report.pruned - 1} 已在见证后于本机清理,其哈希与签名相符。")
        if report.withheld:
            lines.append(f"其中 {report.withheld} 条未提供内容,案卷中仅有其哈希。")
    elif report.status is Outcome.UNREADABLE:
        return [f"未能验证:{why}。{report.detail}"]
    else:
        where = f"序号 {report.first_bad}:" if report.first_bad is not None else ""
        lines.append(f"{where}{why}。{report.detail}")
        lines.append(f"此前有效的事件数:{report.size}。")
    if report.witnessed:
        lines.append(f"云桥已于 {_when(report.witnessed_at)} 见证至序号 {report.witnessed - 1}。")
    else:
        lines.append("尚无见证:仅由本机自身担保。")
    if report.unwitnessed and report.status is Outcome.UNWITNESSED:
        age = max(0, int(now_s - report.oldest_unwitnessed_t / 1000))
        lines.append(f"尚有 {report.unwitnessed} 条事件未见证,最早一条距今 {age} 秒。")
    return lines
