"""The line about the log in `hotbox status`: full storage and a log that waits for the bridge are seen before a press."""

import msgspec
import pytest

from edge.cli import sections
from edge.cli.words import Words
from edge.interlock import view
from edge.interlock.status import AuditView
from tests.edge.interlock.bench import Bench

WELL = AuditView(9, 9, 0, writable=True, age_ms=0)


@pytest.mark.parametrize(
    ("changes", "zh", "en"),
    [
        ({"full": "warn", "bytes": 91, "budget": 100}, "存储不足（已用预算的 91%", "storage runs low (91 % of its budget used"),
        ({"full": "stop", "bytes": 96, "budget": 100}, "存储将满（已用预算的 96%", "storage nearly full (96 % of its budget used"),
        ({"full": "stop", "fs_free": 3 * 2**20}, "0%，盘余 3 MiB）", "(0 % of its budget used, 3 MiB free)"),
        ({"rollback": True}, "✘ 已见证 9/9", "✘ 9/9 witnessed"),
        ({"rollback": True}, "与平台见证的不符", "not what the bridge witnessed"),
        ({"epoch": 2, "epoch_pending": True}, "第 2 个日志待平台批准", "log 2 waits for the bridge"),
    ],
)
def test_what_the_log_lacks_is_said_in_both_languages(changes: dict[str, object], zh: str, en: str) -> None:
    """ANT-10."""
    step = Bench().step()
    for lang, said in (("zh", zh), ("en", en)):
        shown = []
        for audit in (WELL, msgspec.structs.replace(WELL, **changes)):
            status = view.build(
                step.facts, step.verdicts, boot=1, audit=audit, buses=(), events=(), loop_lag_ms=0, evaluations=1
            )
            shown.append("\n".join(line.plain for line in sections.audit(status, Words(lang), 120)))
        assert said not in shown[0]
        assert said in shown[1]
