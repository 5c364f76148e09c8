"""What was concluded from the stored logs, leaf by leaf; all of it can be computed again (`hotbox-bridge audit trace`).

Times ending in `_ms` are ms since 1970.
"""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from cloud_bridge.boxes.models import Box, Log
from contracts.runs import GapKind

GAP_WORDS = {
    GapKind.NO_PERMIT: _("no permit in force"),
    GapKind.NO_AUTHORITY: _("no authorised release that can be made again"),
    GapKind.NO_PEOPLE: _("performer or guardian not verified in time"),
    GapKind.NO_GAS: _("no good gas value in time"),
    GapKind.NO_BEGIN: _("its closing is not recorded"),
    GapKind.OPEN_END: _("nobody saw it open"),
}


class TracedLog(models.Model):
    """How far a log was gone through: `next` leaf, the gap detector's memory, the run that goes on (`Interval`)."""

    log = models.OneToOneField(Log, on_delete=models.CASCADE, primary_key=True, related_name="traced")
    next = models.PositiveBigIntegerField(default=0)
    memory = models.BinaryField(default=b"")
    going_on = models.JSONField(null=True)
    broken = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"{self.log} up to {self.next}"


class TracedRun(models.Model):
    """One run of a closed relay and what of it has no evidence (`contracts.runs.Interval`)."""

    log = models.ForeignKey(Log, on_delete=models.CASCADE, related_name="runs")
    first = models.PositiveBigIntegerField()
    last = models.PositiveBigIntegerField()
    permit = models.CharField(max_length=64, blank=True)
    attempt = models.CharField(max_length=32, blank=True)
    first_ms = models.BigIntegerField()
    last_ms = models.BigIntegerField()
    closed_ms = models.PositiveBigIntegerField()
    covered_ms = models.PositiveBigIntegerField()
    end = models.CharField(max_length=16)
    gaps = models.JSONField(default=list)

    class Meta:
        """A run begins once; newest first."""

        constraints = [models.UniqueConstraint(fields=["log", "first"], name="each_run_once")]
        ordering = ["log", "-first"]

    def __str__(self) -> str:
        return f"{self.log} {self.first}: {self.covered_ms} of {self.closed_ms} ms"

    @property
    def lacking(self) -> list[dict[str, Any]]:
        """The gaps as a page shows them."""
        return [
            {"what": GAP_WORDS.get(GapKind(gap["kind"])), "first_ms": gap["first_ms"],
             "lasting_s": -(-(gap["last_ms"] - gap["first_ms"]) // 1000)}
            for gap in self.gaps
        ]  # fmt: skip


class Interception(models.Model):
    """How often a box said no for a reason (PTW-18): one for each reason of each refusal in its log."""

    box = models.ForeignKey(Box, on_delete=models.CASCADE, related_name="interceptions")
    reason = models.CharField(max_length=80)
    times = models.PositiveBigIntegerField(default=0)
    last_ms = models.BigIntegerField(default=0)

    class Meta:
        """One row a reason; the most frequent first."""

        constraints = [models.UniqueConstraint(fields=["box", "reason"], name="one_count_a_reason")]
        ordering = ["box", "-times", "reason"]

    def __str__(self) -> str:
        return f"{self.box_id}: {self.reason} x {self.times}"
