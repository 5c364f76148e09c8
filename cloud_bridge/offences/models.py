"""Refused faces as boxes recorded them, and the offences that officers made of some. `_ms` are ms since 1970."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from cloud_bridge.boxes.models import Box
from cloud_bridge.people.models import Person, Suspension


class Candidate(models.Model):
    """A face was refused at a box. It accuses nobody: who it was, and whether it was wrong, a safety officer finds out.

    A face that resembles the same person, refused for the same reason (`code`) within some minutes of the first time
    under the same permit, only counts. `nearest` is whom the face resembled most, which may be the one whose place was
    taken; it is never taken for the one who stood there. Several may have stood there: each is an offence of its own.
    """

    class State(models.TextChoices):
        """What became of it."""

        OPEN = "open", _("to be looked into")
        CONFIRMED = "confirmed", _("an offence")
        DISMISSED = "dismissed", _("no offence")

    box = models.ForeignKey(Box, on_delete=models.PROTECT, related_name="candidates")
    permit = models.CharField(max_length=64, blank=True)
    log = models.PositiveIntegerField()
    seq = models.PositiveBigIntegerField()
    first_ms = models.PositiveBigIntegerField()
    last_ms = models.PositiveBigIntegerField()
    count = models.PositiveIntegerField(default=1)
    code = models.CharField(max_length=40, blank=True)
    nearest = models.CharField(max_length=64, blank=True)
    distance_milli = models.IntegerField(default=-1)
    limit_milli = models.IntegerField(default=-1)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    judged_ms = models.PositiveBigIntegerField(default=0)
    judged_by = models.CharField(max_length=64, blank=True)
    judged_name = models.CharField(max_length=80, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        """Each record once; those that wait first, newest first."""

        ordering = ["-first_ms", "-pk"]
        constraints = [models.UniqueConstraint(fields=["box", "log", "seq"], name="each_refused_face_once")]
        permissions = [("judge_candidate", "May confirm or dismiss offences")]

    def __str__(self) -> str:
        return f"{self.box_id} {self.permit} x {self.count}"


class Offence(models.Model):
    """Somebody stood in for another, or let it happen: confirmed by an officer, with the worker's statement (ANT-02).

    `number` counts the person's offences: the first is a warning, from the second on the person is suspended until
    retraining is recorded (`suspension`).
    """

    candidate = models.ForeignKey(Candidate, on_delete=models.PROTECT, related_name="offences")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="offences")
    number = models.PositiveSmallIntegerField()
    statement = models.TextField(max_length=2000)
    finding = models.CharField(max_length=500)
    at_ms = models.PositiveBigIntegerField()
    officer = models.CharField(max_length=64)
    officer_name = models.CharField(max_length=80)
    suspension = models.ForeignKey(
        Suspension, on_delete=models.PROTECT, null=True, blank=True, related_name="offences"
    )

    class Meta:
        """Newest first; a person's are numbered."""

        ordering = ["-at_ms", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["person", "number"], name="offences_are_numbered"),
            models.UniqueConstraint(fields=["candidate", "person"], name="a_persons_offence_once_a_case"),
        ]

    def __str__(self) -> str:
        return f"{self.person} no. {self.number}"

    @property
    def warning(self) -> bool:
        """Whether it is the first, which only warns."""
        return self.number == 1
