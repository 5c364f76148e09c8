"""What is said, and when. Pure."""

from edge.interlock.status import CountdownView, PromptView, Status

MARKS_S = (20, 10, 5)
"""Seconds left at which a countdown is said again; it is said first when it begins."""

_SENTENCES: dict[str, tuple[str, str]] = {
    "guardian": ("监护人离开，{s}秒后切断", "The guardian has left. Ignition opens in {s} seconds."),
    "performer": ("作业人离开，{s}秒后切断", "The performer has left. Ignition opens in {s} seconds."),
    "faces_again": ("请面向摄像头，{s}秒后切断", "Face the camera. Ignition opens in {s} seconds."),
    "identify": ("这是作业盒 {who}", "This is box {who}."),
}


_PROMPTS: dict[str, tuple[str, str]] = {
    "look": ("{who}，请正对摄像头", "{who}, look straight at the camera."),
    "left": ("请向左转头", "Turn your head left."),
    "right": ("请向右转头", "Turn your head right."),
    "blink": ("请闭眼", "Shut your eyes."),
    "passed": ("{who}，核验通过", "{who}, verified."),
    "failed": ("{who}，核验未通过", "{who}, not verified."),
}


def asked(status: Status) -> tuple[str, int, str]:
    """What is asked for just now, as far as it is told anew: whom, which movement, how it ended."""
    prompt = status.prompt
    return ("", 0, "") if prompt is None else (prompt.person, prompt.number, prompt.result)


def request(prompt: PromptView, language: str) -> str:
    """The sentence that asks for a movement, or says how the try ended, in ``zh`` or ``en``."""
    zh, en = _PROMPTS[prompt.action if prompt.result == "open" else prompt.result]
    return (zh if language == "zh" else en).format(who=prompt.name)


def graces(status: Status) -> dict[tuple[str, int], CountdownView]:
    """The running graces by condition and end: a new absence is a new one."""
    return {(view.condition, view.until_us): view for view in status.countdowns if view.what == "grace"}


def identifying(status: Status) -> dict[tuple[str, int], CountdownView]:
    """The bridge's request that the box show itself, while it lasts."""
    return {("identify", view.until_us): view for view in status.countdowns if view.what == "identify"}


def left_s(until_us: int, now_us: int) -> int:
    """Seconds left, rounded up: never more time than there is is promised by less than a second."""
    return max(0, -((now_us - until_us) // 1_000_000))


def instants(until_us: int, now_us: int) -> tuple[tuple[int, int], ...]:
    """When to speak and which number to say: now, and at each later mark."""
    first = left_s(until_us, now_us)
    return ((now_us, first), *((until_us - mark * 1_000_000, mark) for mark in MARKS_S if mark < first))


def sentence(condition: str, seconds: int, language: str, who: str = "") -> str:
    """The sentence in ``zh`` or ``en``; another condition's grace is told without its name. `who` is the box."""
    zh, en = _SENTENCES.get(condition, ("{s}秒后切断", "Ignition opens in {s} seconds."))
    return (zh if language == "zh" else en).format(s=seconds, who=who)
