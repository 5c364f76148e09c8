"""Rows of the engine: definitions by their hash, cases, what is due, what happened, what has to be done outside."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class Version(models.Model):
    """A definition as it was when a case began: `sha256` covers `text` and the base's own rules, `local`."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    flow = models.CharField(max_length=40, db_index=True)
    text = models.TextField()
    local = models.TextField(blank=True)
    since = models.DateTimeField()

    class Meta:
        """Newest first."""

        verbose_name = _("workflow definition")
        verbose_name_plural = _("workflow definitions")
        ordering = ["flow", "-since"]

    def __str__(self) -> str:
        return f"{self.flow} {self.sha256[:12]}"


class Case(models.Model):
    """A case: `body` is `engine.case.Case`; `state` and `rev` stand beside it to be searched by.

    `subject` names what it is about in the app that owns the flow, such as the permit's number.
    """

    flow = models.CharField(max_length=40)
    subject = models.CharField(max_length=64)
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="cases")
    state = models.CharField(max_length=40)
    rev = models.PositiveIntegerField()
    body = models.JSONField()
    opened = models.DateTimeField()
    changed = models.DateTimeField()

    class Meta:
        """One case for each subject of a flow."""

        verbose_name = _("case")
        verbose_name_plural = _("cases")
        ordering = ["-opened"]
        constraints = [models.UniqueConstraint(fields=["flow", "subject"], name="one_case_for_a_subject")]
        indexes = [models.Index(fields=["flow", "state"], name="flows_case_state")]

    def __str__(self) -> str:
        return self.subject


class Fate(models.TextChoices):
    """What became of something that was due."""

    WAITS = "waits", _("waits")
    FIRED = "fired", _("fired")
    LAPSED = "lapsed", _("no longer due")


class Deadline(models.Model):
    """A rung of a case that waits for its moment: once for each lap of its clock, whatever happens.

    `rev` is the case's when the row was last confirmed: a row of another rev is inert. `since`: when its clock began,
    for the day on which the machine's clock is put back. `next_try` is `due` until firing failed.
    """

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="deadlines")
    name = models.CharField(max_length=81)
    lap = models.PositiveIntegerField()
    rev = models.PositiveIntegerField()
    due = models.DateTimeField()
    since = models.DateTimeField(null=True)
    fate = models.CharField(max_length=8, choices=Fate, default=Fate.WAITS)
    fired = models.DateTimeField(null=True)
    next_try = models.DateTimeField()
    tries = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        """A rung fires once in a lap; what waits is found without looking at the rest."""

        ordering = ["due", "pk"]
        constraints = [models.UniqueConstraint(fields=["case", "name", "lap"], name="one_deadline_in_a_lap")]
        # Not partial: SQLite does not use a partial index for a value that is bound.
        indexes = [
            models.Index(fields=["fate", "next_try", "id"], name="flows_due"),
            models.Index(fields=["fate", "since"], name="flows_since"),
        ]

    def __str__(self) -> str:
        return f"{self.case_id}: {self.name}"


class AppendOnlyError(Exception):
    """History is written once."""


class History(models.Model):
    """What happened to a case, in order; `record` is the event as it came, so that it can be played again.

    Written once: the database refuses changes, too (migration 0001).
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="history")
    rev = models.PositiveIntegerField()
    at = models.DateTimeField()
    via = models.CharField(max_length=81)
    event = models.CharField(max_length=40, blank=True)
    by = models.CharField(max_length=8)
    actor = models.CharField(max_length=80, blank=True)
    actor_id = models.CharField(max_length=64, blank=True)
    before = models.CharField(max_length=40, blank=True)
    after = models.CharField(max_length=40)
    due = models.DateTimeField(null=True)
    note = models.CharField(max_length=300, blank=True)
    record = models.JSONField(default=dict)

    class Meta:
        """Oldest first; each rev once."""

        ordering = ["case", "rev"]
        constraints = [models.UniqueConstraint(fields=["case", "rev"], name="each_rev_once")]

    def __str__(self) -> str:
        return f"{self.case_id}/{self.rev}: {self.via}"

    def save(self, *args: Any, **options: Any) -> None:
        """Write it, once.

        Raises:
            AppendOnlyError: it is written already.
        """
        if self.pk is not None:
            raise AppendOnlyError("history: expected a new row, got one that is written; add another row instead")
        super().save(*args, **options)

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        """Never.

        Raises:
            AppendOnlyError: always.
        """
        del args, options
        raise AppendOnlyError("history: expected it to be kept, got a deletion; rows are never deleted")


class Outbox(models.Model):
    """Something to do outside: written with the change that asks for it, done at least once, recognised by its key."""

    key = models.CharField(max_length=120, unique=True)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="outbox")
    kind = models.CharField(max_length=40)
    params = models.JSONField(default=dict)
    created = models.DateTimeField()
    next_try = models.DateTimeField()
    claim = models.CharField(max_length=32, blank=True)
    tries = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    done = models.DateTimeField(null=True)

    class Meta:
        """Oldest first; what waits is found without looking at the rest."""

        ordering = ["pk"]
        indexes = [models.Index(fields=["kind", "next_try"], condition=models.Q(done=None), name="flows_undone")]

    def __str__(self) -> str:
        return self.key
