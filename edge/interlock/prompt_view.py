"""What the status says about a movement that somebody is asked for. Pure."""

from edge.interlock.conditions import Facts
from edge.interlock.evidence import Prompt
from edge.interlock.status import PromptView

SAYS: dict[str, tuple[str, str]] = {
    "look": ("请正对摄像头", "look straight at the camera"),
    "left": ("请向左转头", "turn your head to the left"),
    "right": ("请向右转头", "turn your head to the right"),
    "blink": ("请闭眼，听到提示再睁开", "shut your eyes until you hear the signal"),
}
PASSED = ("核验通过", "verified")
AGAIN = ("未通过，请稍候再试", "not verified: wait, then try again")
FLAT = ("未通过，请稍候，下次转头幅度大些", "not verified: wait, then try again and turn further")
"""A turn that did not show the face's relief, as a picture's does not."""
CALL = ("未通过，请主管到场", "not verified: call a supervisor")
END_US = 3_000_000
"""How long the end of a try is told."""


def prompt(f: Facts) -> PromptView | None:
    """The movement that is asked for now, or how the try just ended; None when nobody is asked for anything."""
    asked, permit = f.snapshot.prompt, f.permit
    if asked is None or permit is None or asked.result == "dropped":
        return None
    person = next((each for each in permit.people if each.id == asked.person), None)
    until_us = asked.until_us if asked.result == "open" else asked.at_us + END_US
    if person is None or not asked.at_us <= f.now_us < until_us:
        return None
    zh, en = _says(f, asked)
    return PromptView(
        person=person.id, name=person.name, role=person.role.value, action=asked.action, zh=zh, en=en,
        number=asked.number, of=asked.of, until_us=until_us, left_ms=(until_us - f.now_us) // 1000,
        result=asked.result,
    )  # fmt: skip


def _says(f: Facts, asked: Prompt) -> tuple[str, str]:
    if asked.result == "open":
        return SAYS[asked.action]
    if asked.result == "passed":
        return PASSED
    failed = f.durable.liveness_failed.get(asked.person, 0)
    if failed >= f.rules.liveness_tries_count.value:
        return CALL
    return FLAT if asked.why == "flat" else AGAIN
