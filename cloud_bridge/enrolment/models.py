"""What the bridge keeps of a face: who consented to which words, and numbers under seal; pictures by policy alone.

Times ending in `_ms` are ms since 1970.
"""

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cloud_bridge.boxes.models import Box
from cloud_bridge.people.models import Person
from cloud_bridge.permits.models import Permit

ONLY = 1


class FacePolicy(models.Model):
    """What the site has decided about faces: one row, changed by an administrator.

    `operator` and `contact` stand in the consent text. A template that no permit needed for `unused_days` is deleted.
    `keep_stills`: the pictures of an enrolment are kept, under salted commitments; the consent text says so then.
    """

    operator = models.CharField(
        _("who is responsible for the faces (stands in the consent text)"), max_length=120, blank=True
    )
    contact = models.CharField(_("whom to ask about them (stands in the consent text)"), max_length=200, blank=True)
    unused_days = models.PositiveIntegerField(
        _("days without a permit after which a template is deleted"),
        default=365,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
    )
    keep_stills = models.BooleanField(
        _("keep the pictures of an enrolment (needs a reason in law; off is right)"), default=False
    )

    class Meta:
        """Names."""

        verbose_name = _("policy for faces")
        verbose_name_plural = _("policy for faces")

    def __str__(self) -> str:
        return gettext("policy for faces")

    def clean(self) -> None:
        """There is one policy."""
        if self.pk != ONLY and FacePolicy.objects.exists():
            raise ValidationError(gettext("Expected one policy, got a second one; change the first."))

    @staticmethod
    def current() -> "FacePolicy":
        """The site's policy, or the default one while nobody has decided."""
        return FacePolicy.objects.first() or FacePolicy(pk=ONLY)


class ConsentText(models.Model):
    """Words that somebody agreed to, exactly as they were shown; kept as long as anybody's consent refers to them."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    version = models.CharField(max_length=16)
    language = models.CharField(max_length=8)
    text = models.TextField()

    def __str__(self) -> str:
        return f"{self.version} ({self.language})"


class Consent(models.Model):
    """A person's agreement: to which words, when, before whom; and its end. The row stays as proof of both.

    `signed_as` is the name that the person typed. `witness` is the user on whose device it was done and who has checked
    who the person is. `ended_ms` is 0 while it holds.
    """

    class End(models.TextChoices):
        """Why a consent holds no longer."""

        WITHDRAWN = "withdrawn", _("withdrawn")
        REPLACED = "replaced", _("replaced by a new one")
        UNUSED = "unused", _("no permit needed it for long")
        LEFT = "left", _("the person works here no longer")

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="consents")
    text = models.ForeignKey(ConsentText, on_delete=models.PROTECT)
    given_ms = models.PositiveBigIntegerField()
    signed_as = models.CharField(max_length=80)
    witness = models.CharField(max_length=64)
    witness_name = models.CharField(max_length=80)
    ended_ms = models.PositiveBigIntegerField(default=0)
    ended_by = models.CharField(max_length=64, blank=True)
    ended_name = models.CharField(max_length=80, blank=True)
    ended_why = models.CharField(max_length=16, choices=End.choices, blank=True)

    class Meta:
        """One consent holds at a time; newest first."""

        ordering = ["-given_ms", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["person"], condition=models.Q(ended_ms=0), name="one_consent_holds"),
        ]
        permissions = [("enrol_face", "May enrol faces of others and see who is enrolled")]

    def __str__(self) -> str:
        return f"{self.person}: {self.text}"


class FaceTemplate(models.Model):
    """Somebody's face as numbers, sealed (`faces.seal`) with a key that is not in this database.

    `created_s` is the enrolment's time in seconds since 1970, as it stands in the template. `nearest` is who resembles
    the person most, when so much that a box might take one for the other: such a template goes nowhere until a second
    look at both people has shown that they are two (`cleared_ms`).
    """

    person = models.OneToOneField(Person, on_delete=models.PROTECT, primary_key=True, related_name="face")
    consent = models.ForeignKey(Consent, on_delete=models.PROTECT, related_name="templates")
    sealed = models.BinaryField()
    engine = models.CharField(max_length=120)
    model_sha256 = models.CharField(max_length=64)
    stills = models.PositiveSmallIntegerField()
    created_s = models.PositiveBigIntegerField()
    by = models.CharField(max_length=64)
    by_name = models.CharField(max_length=80)
    nearest = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    nearest_milli = models.PositiveIntegerField(default=0)
    cleared_ms = models.PositiveBigIntegerField(default=0)
    cleared_by = models.CharField(max_length=64, blank=True)
    cleared_name = models.CharField(max_length=80, blank=True)
    cleared_why = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"{self.person_id}: {self.engine}"

    @property
    def doubted(self) -> bool:
        """Whether somebody has to look first whether this is a person who is enrolled already."""
        return self.nearest_milli > 0 and not self.cleared_ms


class KeptStill(models.Model):
    """A picture that the site's policy keeps: its commitment here; picture and salt are the process's files."""

    template = models.ForeignKey(FaceTemplate, on_delete=models.CASCADE, related_name="kept_stills")
    commitment = models.CharField(max_length=64, unique=True)
    size = models.PositiveIntegerField()

    def __str__(self) -> str:
        return self.commitment


class BoxFaceKey(models.Model):
    """The key that a box's templates are sealed to, and the record of its log that says so."""

    box = models.OneToOneField(Box, on_delete=models.CASCADE, primary_key=True, related_name="face_key")
    key = models.CharField(max_length=43)
    epoch = models.PositiveIntegerField()
    seq = models.PositiveBigIntegerField()

    def __str__(self) -> str:
        return f"{self.box_id}: {self.key}"

    @property
    def witnessed(self) -> bool:
        """Whether the record is under a signed checkpoint: what only claims to be the box's log gets no template."""
        return self.box.logs.filter(epoch=self.epoch, witnessed_size__gt=self.seq).exists()


class FaceDelivery(models.Model):
    """The newest statement to a box about a person's template for a permit (`contracts.face`), and what became of it.

    `created_s` is that of the template which it brings, 0 when it takes it back. `jws` is "" once the permit is over.
    """

    class State(models.TextChoices):
        """How far it is."""

        SENT = "sent", _("on its way to the box")
        KEPT = "kept", _("kept at the box")
        REFUSED = "refused", _("refused by the box")
        REMOVED = "removed", _("deleted at the box")

    permit = models.ForeignKey(Permit, on_delete=models.CASCADE, related_name="face_deliveries")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=8, choices=State.choices, default=State.SENT)
    why = models.CharField(max_length=32, blank=True)
    created_s = models.PositiveBigIntegerField(default=0)
    box_key = models.CharField(max_length=43, blank=True)
    iat = models.PositiveBigIntegerField()
    jws = models.TextField(blank=True)
    changed_ms = models.PositiveBigIntegerField()

    class Meta:
        """One a person and permit."""

        constraints = [models.UniqueConstraint(fields=["permit", "person"], name="one_statement_a_person_and_permit")]
        ordering = ["permit", "person"]

    def __str__(self) -> str:
        return f"{self.permit_id} {self.person_id}: {self.state}"
