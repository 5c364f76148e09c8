"""Permits to work, their signatures and history."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from cloud_bridge.boxes.models import Box
from cloud_bridge.people.models import Person
from cloud_bridge.permits.workflow import LEVEL_TITLES, STATE_TITLES, State
from contracts.permit import Level, Role


class Permit(models.Model):
    """A hot-work permit. `content_sha256` is what approvers sign; `jws` is what the box gets."""

    jti = models.CharField(_("number"), max_length=64, unique=True)
    box = models.ForeignKey(Box, verbose_name=_("box"), on_delete=models.PROTECT, related_name="permits")
    applicant = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("applicant"), on_delete=models.PROTECT, related_name="applications"
    )
    state = models.CharField(
        max_length=20, choices=[(s.value, STATE_TITLES[s]) for s in State], default=State.PREPARING
    )
    level = models.CharField(_("level"), max_length=16, choices=[(v.value, LEVEL_TITLES[v]) for v in Level])
    # The level by place and work when `level` is one higher, for nights, rest days and holidays; else empty.
    base_level = models.CharField(
        _("level by place and work"), max_length=16, blank=True, choices=[(v.value, LEVEL_TITLES[v]) for v in Level]
    )
    confined = models.BooleanField(_("inside a confined space"), default=False)
    place = models.CharField(_("place"), max_length=80)
    content = models.CharField(_("content of the work"), max_length=500)
    method = models.CharField(_("method"), max_length=80)
    starts = models.DateTimeField(_("from"))
    ends = models.DateTimeField(_("to"))
    rules = models.CharField(max_length=64)
    lease_s = models.PositiveIntegerField(default=28_800)
    content_sha256 = models.CharField(max_length=64)
    created = models.DateTimeField(auto_now_add=True)
    submitted = models.DateTimeField(null=True)
    jws = models.TextField(blank=True)
    issued = models.DateTimeField(null=True)
    decided_note = models.CharField(max_length=300, blank=True)
    # Delivery: republished until the box has answered and its log has the acceptance.
    answered = models.BooleanField(default=False)
    sent_count = models.PositiveIntegerField(default=0)

    class Meta:
        """Newest first, and the rights of the three roles."""

        ordering = ["-created"]
        permissions = [
            ("apply_permit", "May apply for permits"),
            ("approve_permit", "May approve permits"),
            ("revoke_permit", "May revoke permits"),
        ]

    def __str__(self) -> str:
        return self.jti

    @property
    def state_title(self) -> str:
        """The state in words."""
        return STATE_TITLES[State(self.state)]

    @property
    def level_title(self) -> str:
        """The level in words."""
        return LEVEL_TITLES[Level(self.level)]

    @property
    def base_level_title(self) -> str:
        """The level by place and work in words; "" when the permit does not cover nights, rest days and holidays."""
        return LEVEL_TITLES[Level(self.base_level)] if self.base_level else ""

    def valid_signatures(self) -> list["ApprovalSignature"]:
        """Signatures over the present content, oldest first."""
        return [s for s in self.signatures.all() if s.content_sha256 == self.content_sha256]


class CrewMember(models.Model):
    """A person on a permit; name and badge as they were when the content was fixed."""

    permit = models.ForeignKey(Permit, on_delete=models.CASCADE, related_name="crew")
    person = models.ForeignKey(Person, on_delete=models.PROTECT)
    role = models.CharField(max_length=16, choices=[(r.value, r.value) for r in Role])
    name = models.CharField(max_length=80)
    badge = models.BigIntegerField()

    class Meta:
        """One person, one role."""

        ordering = ["-role", "pk"]
        constraints = [models.UniqueConstraint(fields=["permit", "person"], name="one_role_on_a_permit")]

    def __str__(self) -> str:
        return f"{self.name} ({self.role})"


class PermitPrecondition(models.Model):
    """What must hold on site before arming; `position` keeps the order in which the applicant wrote them."""

    permit = models.ForeignKey(Permit, on_delete=models.CASCADE, related_name="preconditions")
    position = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=64)
    text = models.CharField(max_length=80)
    kind = models.CharField(max_length=16)
    limit_milli = models.IntegerField(null=True)
    sensor = models.CharField(max_length=64, blank=True)
    tag = models.CharField(max_length=64, blank=True)

    class Meta:
        """In the applicant's order; each under its own name."""

        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["permit", "code"], name="each_precondition_once")]

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


class ApprovalSignature(models.Model):
    """One approval: bound to the content by its hash. Kept when the content changes, but no longer counted."""

    permit = models.ForeignKey(Permit, on_delete=models.CASCADE, related_name="signatures")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    identity = models.CharField(max_length=64)
    name = models.CharField(max_length=80)
    office = models.CharField(max_length=80)
    step = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    content_sha256 = models.CharField(max_length=64)

    class Meta:
        """Oldest first; one signature of a user over one content."""

        ordering = ["at", "pk"]
        constraints = [models.UniqueConstraint(fields=["permit", "user", "content_sha256"], name="one_signature_each")]

    def __str__(self) -> str:
        return f"{self.permit_id}: {self.identity}"


class History(models.Model):
    """The trail: every transition, written in its transaction."""

    permit = models.ForeignKey(Permit, on_delete=models.CASCADE, related_name="history")
    at = models.DateTimeField()
    actor = models.CharField(max_length=80)
    actor_id = models.CharField(max_length=64)
    event = models.CharField(max_length=24)
    before = models.CharField(max_length=20)
    after = models.CharField(max_length=20)
    note = models.CharField(max_length=300, blank=True)
    content_sha256 = models.CharField(max_length=64)

    class Meta:
        """Oldest first."""

        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.permit_id}: {self.event}"
