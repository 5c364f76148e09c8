"""The index of recordings: a row a segment, made from the box's log, whether or not its pictures ever come up (ANT-11).

Times ending in `_us` are the box's CLOCK_BOOTTIME, those in `_ms` are ms since 1970.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from cloud_bridge.boxes.models import Box

DAY_MS = 86_400_000


class ClipState(models.TextChoices):
    """Where a segment's pictures are."""

    RECORDED = "recorded", _("at the box")
    HELD = "held", _("here")
    EXPIRED = "expired", _("deleted when its time was over")
    ERASED = "erased", _("erased")


class Clip(models.Model):
    """A segment of a recording: whose work, when by both clocks, and what the log committed to.

    Attributes:
        log, seq: the record that speaks of it.
        offset_ms: the box's wall clock less CLOCK_BOOTTIME; `clock` who said so, `tq` and `te` how good it was.
        keep: the permit's level asks for it. until_ms: then it goes, with its salt, and what must be kept not before
            the bridge has run for `due_ms` (`RunningTime`), whatever its clock says.
        tries: how often it came and was something else.
    """

    box = models.ForeignKey(Box, on_delete=models.PROTECT, related_name="clips")
    log = models.PositiveIntegerField()
    seq = models.PositiveBigIntegerField()
    permit = models.CharField(_("permit"), max_length=64)
    commitment = models.CharField(max_length=64)
    first_us = models.PositiveBigIntegerField()
    last_us = models.PositiveBigIntegerField()
    offset_ms = models.BigIntegerField()
    clock = models.CharField(max_length=8)
    tq = models.CharField(max_length=8)
    te = models.PositiveBigIntegerField()
    first_ms = models.BigIntegerField()
    last_ms = models.BigIntegerField()
    frames = models.PositiveIntegerField()
    bytes = models.PositiveIntegerField()
    keep = models.BooleanField()
    until_ms = models.BigIntegerField()
    due_ms = models.BigIntegerField(default=0)
    state = models.CharField(max_length=16, choices=ClipState.choices, default=ClipState.RECORDED)
    held_ms = models.BigIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        """Once each, in the order of their time."""

        constraints = [models.UniqueConstraint(fields=["box", "commitment"], name="each_clip_once")]
        indexes = [
            models.Index(fields=["state", "until_ms"], name="clip_by_end"),
            models.Index(fields=["permit", "first_ms"], name="clip_by_permit"),
        ]
        ordering = ["first_ms", "pk"]

    def __str__(self) -> str:
        return f"{self.box_id} {self.permit} {self.commitment[:8]}"

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.last_us - self.first_us) / 1e6

    def is_over(self, at_ms: int, ran_ms: int) -> bool:
        """Whether it was kept for long enough, at that time by the bridge's clock and after it ran for so long."""
        return self.until_ms < at_ms and self.due_ms <= ran_ms

    @property
    def is_held(self) -> bool:
        """Whether its pictures are here."""
        return self.state == ClipState.HELD


class RunningTime(models.Model):
    """For how many ms the bridge's worker has run, ever: one row. It counts CLOCK_BOOTTIME, which nobody can set."""

    ms = models.PositiveBigIntegerField()

    def __str__(self) -> str:
        return f"{self.ms} ms"

    @classmethod
    def now(cls) -> int:
        """As it was last counted."""
        return cls.objects.filter(pk=1).values_list("ms", flat=True).first() or 0

    @classmethod
    def has_come(cls, ms: int) -> None:
        """It is so late. Several workers count the same time: the one that is ahead holds."""
        if not cls.objects.get_or_create(pk=1, defaults={"ms": ms})[1]:
            cls.objects.filter(pk=1, ms__lt=ms).update(ms=ms)


class Viewing(models.Model):
    """Somebody looked at a recording: people are on it, so whoever looks is written down."""

    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="viewings")
    user = models.CharField(max_length=150)
    name = models.CharField(max_length=80)
    at_ms = models.BigIntegerField()

    class Meta:
        """Newest first."""

        ordering = ["-at_ms"]

    def __str__(self) -> str:
        return f"{self.user}: {self.clip_id}"
