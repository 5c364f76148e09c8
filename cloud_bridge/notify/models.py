"""Messages, what became of each, channels as they are doing, and how people want to be told. `_ms`: ms since 1970."""

import secrets

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from cloud_bridge.notify.book import Kind
from cloud_bridge.people.models import User

KINDS = {
    Kind.MAIL: _("mail"),
    Kind.SMS: _("SMS"),
    Kind.WECOM: _("WeCom group"),
    Kind.DINGTALK: _("DingTalk group"),
    Kind.WEBHOOK: _("webhook"),
}


def new_id() -> str:
    """A number that no other message has: receivers drop doubles by it, and links prove that they were sent."""
    return secrets.token_hex(16)


class Channel(models.Model):
    """A channel of the channels file, without its secrets, and how it is doing.

    `present`: the file has it now. `failing_since_ms` is 0 while the last attempt was taken.
    """

    name = models.CharField(max_length=32, primary_key=True)
    kind = models.CharField(max_length=16, choices=[(kind.value, text) for kind, text in KINDS.items()])
    title = models.CharField(max_length=80, blank=True)
    shown = models.CharField(max_length=200)
    hears = models.CharField(max_length=16)
    present = models.BooleanField(default=True)
    ok_ms = models.PositiveBigIntegerField(default=0)
    failed_ms = models.PositiveBigIntegerField(default=0)
    failing_since_ms = models.PositiveBigIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    sent = models.PositiveBigIntegerField(default=0)
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        """By name."""

        ordering = ["name"]
        permissions = [("see_channels", "May see the channels and test them")]

    def __str__(self) -> str:
        return self.title or self.name


class Wishes(models.Model):
    """How somebody wants to be told. Quiet hours by the site's clock; they never hold back an emergency."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="wishes")
    language = models.CharField(_("language"), max_length=16, choices=settings.LANGUAGES, default="zh-hans")
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_to = models.TimeField(_("quiet until"), null=True, blank=True)

    class Meta:
        """Names."""

        verbose_name = _("wishes")
        verbose_name_plural = _("how people want to be told")

    def __str__(self) -> str:
        return str(self.user)


class Reach(models.Model):
    """Where somebody is reached: an address on a channel; the lowest `position` first, the next when it fails."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="reaches")
    channel = models.CharField(_("channel"), max_length=32)
    address = models.CharField(_("address"), max_length=200, blank=True)
    position = models.PositiveSmallIntegerField(_("order"), default=1)

    class Meta:
        """One address on a channel."""

        verbose_name = _("address")
        verbose_name_plural = _("addresses of people")
        constraints = [models.UniqueConstraint(fields=["user", "channel"], name="one_address_on_a_channel")]
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return f"{self.user}: {self.channel}"


class Message(models.Model):
    """Somebody has to know something: once for a cause and a threshold.

    `recipient` is a user name, `#name` for a channel that hears everything, and "" where nobody was there to be told.
    `failed_ms`: since when no channel is left that could take it. `seen_how` is how the reader showed it: `page`,
    `link` or `answer`; that a channel took it proves nothing about a reader.
    """

    class Seen(models.TextChoices):
        """How it is known that somebody read it."""

        PAGE = "page", _("on the own page")
        LINK = "link", _("by the message's link")
        ANSWER = "answer", _("answered")

    cause = models.CharField(max_length=120)
    threshold = models.CharField(max_length=60)
    subject = models.CharField(max_length=120)
    recipient = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=80, blank=True)
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="messages")
    emergency = models.BooleanField(default=False)
    text_key = models.CharField(max_length=60)
    values = models.JSONField(default=dict)
    created_ms = models.PositiveBigIntegerField()
    failed_ms = models.PositiveBigIntegerField(default=0)
    seen_ms = models.PositiveBigIntegerField(default=0)
    seen_how = models.CharField(max_length=8, choices=Seen.choices, blank=True)

    class Meta:
        """One message a cause, threshold and recipient; newest first."""

        constraints = [
            models.UniqueConstraint(fields=["cause", "threshold", "recipient"], name="one_message_a_threshold")
        ]
        indexes = [
            models.Index(fields=["subject"]),
            models.Index(fields=["user", "-created_ms"]),
            models.Index(fields=["cause"]),
        ]
        ordering = ["-created_ms", "-pk"]

    def __str__(self) -> str:
        return f"{self.cause} {self.threshold} → {self.recipient}"


class Delivery(models.Model):
    """What is sent once on one channel: a message, or several that waited for the same morning.

    `id` is its number towards receivers. `claimed_by` sends it until `lease_ms`; what is still `sending` then was cut
    off, and is sent again under the same number. `began_ms` is when it was first tried.
    """

    class State(models.TextChoices):
        """Where it is."""

        HELD = "held", _("held until the morning")
        WAITING = "waiting", _("waiting")
        SENDING = "sending", _("being sent")
        DELIVERED = "delivered", _("delivered to the channel")
        FAILED = "failed", _("given up")

    OPEN = (State.HELD, State.WAITING, State.SENDING)

    id = models.CharField(max_length=32, primary_key=True, default=new_id)
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="deliveries")
    channel = models.CharField(max_length=32)
    address = models.CharField(max_length=200, blank=True)
    emergency = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    due_ms = models.PositiveBigIntegerField()
    created_ms = models.PositiveBigIntegerField()
    began_ms = models.PositiveBigIntegerField(default=0)
    ended_ms = models.PositiveBigIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    claimed_by = models.CharField(max_length=64, blank=True)
    lease_ms = models.PositiveBigIntegerField(default=0)
    detail = models.CharField(max_length=300, blank=True)
    messages = models.ManyToManyField(Message, through="Part", related_name="deliveries")

    class Meta:
        """What is open is found by its time."""

        indexes = [
            models.Index(fields=["due_ms"], condition=models.Q(state__in=["held", "waiting"]), name="deliveries_due"),
            models.Index(fields=["lease_ms"], condition=models.Q(state="sending"), name="deliveries_claimed"),
        ]
        ordering = ["created_ms", "id"]

    def __str__(self) -> str:
        return f"{self.channel} {self.state} {self.id[:8]}"


class Part(models.Model):
    """A message in what is sent; once on each channel."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="parts")
    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="parts")
    channel = models.CharField(max_length=32)

    class Meta:
        """Unique on cause, threshold, recipient and channel."""

        constraints = [models.UniqueConstraint(fields=["message", "channel"], name="a_message_once_on_each_channel")]
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.message} by {self.channel}"


class Attempt(models.Model):
    """One try, written before it is made: without an end, the process was cut off and nobody knows what arrived."""

    class Result(models.TextChoices):
        """What became of it."""

        BEGUN = "begun", _("cut off: it may have arrived")
        TAKEN = "taken", _("taken")
        REFUSED = "refused", _("refused")
        FAILED = "failed", _("failed")
        UNSURE = "unsure", _("no answer: it may have arrived")

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="tries")
    number = models.PositiveIntegerField()
    began_ms = models.PositiveBigIntegerField()
    ended_ms = models.PositiveBigIntegerField(default=0)
    result = models.CharField(max_length=8, choices=Result.choices, default=Result.BEGUN)
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        """In their order."""

        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="each_attempt_once")]
        ordering = ["number"]

    def __str__(self) -> str:
        return f"{self.delivery} no. {self.number} {self.result}"
