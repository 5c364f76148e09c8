"""Users of the bridge, and the people who work at the boxes."""

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from cloud_bridge.people.roles import TITLES, Role

ID_PATTERN = RegexValidator(
    r"^[A-Za-z0-9._-]{1,64}$",
    _("Expected 1 to 64 letters, digits, dots, dashes or underscores (A-Z, 0-9); choose such a name."),
)


class Person(models.Model):
    """Somebody who works at a box: `code` is the id on permits, `badge` the number that the rolling badge proves."""

    code = models.CharField(_("code"), max_length=64, unique=True, validators=[ID_PATTERN])
    name = models.CharField(_("name"), max_length=80)
    badge = models.BigIntegerField(
        _("badge number"), unique=True, validators=[MinValueValidator(1), MaxValueValidator(2**32 - 1)]
    )
    office = models.CharField(_("office"), max_length=80, blank=True)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        """Names and order."""

        verbose_name = _("person")
        verbose_name_plural = _("people at the boxes")
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"


class User(AbstractUser):
    """Somebody who signs in. `person` ties the user to the crew, so that nobody approves the own work."""

    username_validator = ID_PATTERN
    username = models.CharField(
        _("user name"),
        max_length=64,
        unique=True,
        validators=[ID_PATTERN],
        error_messages={"unique": _("Expected a new user name, got one that exists; choose another.")},
    )
    display_name = models.CharField(_("name"), max_length=80)
    office = models.CharField(_("office"), max_length=80, blank=True)
    person = models.OneToOneField(
        Person, verbose_name=_("person"), on_delete=models.PROTECT, null=True, blank=True, related_name="user"
    )
    one_time_password = models.BooleanField(_("still has the one-time password"), default=False)

    class Meta:
        """Names."""

        verbose_name = _("user")
        verbose_name_plural = _("users")

    def __str__(self) -> str:
        return self.display_name or self.username

    @property
    def identity(self) -> str:
        """Id that stands on permits: the person's code when the user is one of the crew, else the user name."""
        return self.person.code if self.person else self.username

    @property
    def roles(self) -> set[Role]:
        """The user's roles."""
        names = set(self.groups.values_list("name", flat=True))
        return {role for role in Role if role.value in names}

    @property
    def role_titles(self) -> list[Any]:
        """The roles in words."""
        return [TITLES[role] for role in Role if role in self.roles]

    def set_password(self, raw_password: str | None) -> None:
        """Set a password; whatever it was, it is no longer the one-time one."""
        super().set_password(raw_password)
        self.one_time_password = False


class Suspension(models.Model):
    """Somebody may not work at any box (停岗) until a person lifts it: after retraining, with what shows it (ANT-02).

    Times ending in `_ms` are ms since 1970; `lifted_ms` is 0 while it holds.
    """

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="suspensions")
    since_ms = models.PositiveBigIntegerField()
    why = models.CharField(max_length=300)
    by = models.CharField(max_length=64)
    by_name = models.CharField(max_length=80)
    lifted_ms = models.PositiveBigIntegerField(default=0)
    lifted_by = models.CharField(max_length=64, blank=True)
    lifted_name = models.CharField(max_length=80, blank=True)
    training = models.CharField(max_length=300, blank=True)

    class Meta:
        """One holds at a time; newest first."""

        ordering = ["-since_ms", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["person"], condition=models.Q(lifted_ms=0), name="one_suspension_holds"
            )
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.why}"
