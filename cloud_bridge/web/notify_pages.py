"""Messages: the own ones and how one wants to be told; the channels for administrators; a message by its link."""

from datetime import time

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cloud_bridge.boxes.models import now_ms
from cloud_bridge.notify import addresses, telling, texts
from cloud_bridge.notify.links import delivery_of
from cloud_bridge.notify.models import Channel, Delivery, Message, Reach, Wishes
from cloud_bridge.notify.told import told
from cloud_bridge.people.roles import CHANNELS
from cloud_bridge.web.health import PROCESSES, process_ages
from contracts.errors import ContractError

SHOWN = 50
_CLOCK = {"type": "time", "step": "60"}


class WishesForm(forms.Form):
    """Language and quiet hours; both times or none."""

    language = forms.ChoiceField(label=gettext_lazy("Language of messages"), choices=settings.LANGUAGES)
    quiet_from = forms.TimeField(
        label=gettext_lazy("Quiet from"), required=False, widget=forms.TimeInput(attrs=_CLOCK, format="%H:%M")
    )
    quiet_to = forms.TimeField(
        label=gettext_lazy("Quiet until"), required=False, widget=forms.TimeInput(attrs=_CLOCK, format="%H:%M")
    )

    def clean(self) -> dict[str, object]:
        """One time alone says nothing."""
        data = super().clean()
        if not self.errors and (data.get("quiet_from") is None) != (data.get("quiet_to") is None):
            self.add_error("quiet_to", _("Expected both times or none, got one; write the other."))
        return data


def _ways(request: HttpRequest) -> list[dict[str, object]]:
    """Every channel with the reader's address on it: as kept, or as just written."""
    kept = {reach.channel: reach for reach in Reach.objects.filter(user=request.user)}
    found = []
    for number, channel in enumerate(Channel.objects.filter(present=True), 1):
        reach = kept.get(channel.name)
        row = {
            "channel": channel, "wants": telling.wants_address(channel.kind), "use": reach is not None,
            "address": reach.address if reach else "", "position": reach.position if reach else number, "error": "",
        }  # fmt: skip
        if request.method == "POST":
            position = request.POST.get(f"position-{channel.name}", "")
            row |= {
                "use": f"use-{channel.name}" in request.POST,
                "address": request.POST.get(f"address-{channel.name}", "").strip()[:200],
                "position": min(int(position), 99) if position.isascii() and position.isdigit() else number,
            }
            if row["use"]:
                row["error"] = addresses.problem(channel, row["address"])
        found.append(row)
    return sorted(found, key=lambda row: row["position"])


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def own_messages(request: HttpRequest) -> HttpResponse:
    """What one was told, and how one wants to be told. Opened by its reader, what it shows was seen."""
    wishes = Wishes.objects.filter(user=request.user).first()
    initial = {"language": get_language()}
    if wishes:
        initial = {name: getattr(wishes, name) for name in ("language", "quiet_from", "quiet_to")}
    form, ways, status = WishesForm(initial=initial), _ways(request), 200
    if request.method == "POST":
        form = WishesForm(request.POST)
        if form.is_valid() and not any(way["error"] for way in ways):
            data = form.cleaned_data
            quiet: tuple[time | None, time | None] = (data["quiet_from"], data["quiet_to"])
            wanted = {
                way["channel"].name: addresses.Wanted(way["address"], way["position"]) for way in ways if way["use"]
            }
            addresses.keep(request.user, wanted, data["language"], quiet, now_ms())
            messages.success(request, _("Kept."))
            return redirect("messages")
        status = 422
    unseen = told(get_language(), SHOWN, user=request.user, seen_ms=0)
    rows = unseen + told(get_language(), SHOWN, user=request.user, seen_ms__gt=0)
    if request.method == "GET":
        telling.seen([row.number for row in unseen], Message.Seen.PAGE, now_ms())
    context = {"rows": rows, "form": form, "ways": ways, "zone": settings.TIME_ZONE, "testable": any(
        way["use"] for way in ways)}  # fmt: skip
    return render(request, "web/messages.html", context, status=status)


@login_required
@require_POST
def test(request: HttpRequest, name: str) -> HttpResponse:
    """Send a test message to oneself: on the own channels anybody, on every channel an administrator."""
    channel = get_object_or_404(Channel, name=name, present=True)
    back = "channels" if request.POST.get("from") == "channels" else "messages"
    may = request.user.has_perm(CHANNELS) or Reach.objects.filter(user=request.user, channel=name).exists()
    if not may:
        messages.error(request, _("Expected one of your own channels; add it first."))
        return redirect(back)
    try:
        made = telling.tell_test(request.user, channel, now_ms())
    except ContractError:
        messages.error(request, _("Expected your own address on this channel, got none; add it on your page first."))
        return redirect(back)
    if made:
        messages.success(request, _("A test message is on its way; what became of it stands below."))
    else:
        messages.info(request, _("A test message of this minute is on its way already; look below."))
    return redirect(back)


@login_required
@permission_required(CHANNELS, raise_exception=True)
@require_safe
def channels(request: HttpRequest) -> HttpResponse:
    """The channels, how they are doing, and what did not reach anybody."""
    waiting = dict(
        Delivery.objects.filter(state__in=Delivery.OPEN).order_by().values_list("channel").annotate(Count("pk"))
    )
    found = Channel.objects.filter(Q(present=True) | Q(name__in=list(waiting)))
    rows = [{"channel": channel, "waiting": waiting.get(channel.name, 0)} for channel in found]
    problem = settings.DATA.run / "notify.problem"
    context = {
        "rows": rows,
        "problem": problem.read_text(encoding="utf-8") if problem.exists() else "",
        "works": "notify" in PROCESSES and process_ages()["notify"] is not None,
        "unreached": told(get_language(), SHOWN, failed_ms__gt=0, seen_ms=0),
        "newest": told(get_language(), SHOWN),
        "file": settings.DATA.root / "notify" / "channels.yaml",
    }
    return render(request, "web/channels.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def by_link(request: HttpRequest, token: str) -> HttpResponse:
    """A message by its link, without sign-in: the link is the proof. Only the button says that somebody read it."""
    delivery = delivery_of(token)
    if delivery is None:
        context = {"title": _("This link is no longer valid"), "todo": _("Sign in, and look at your messages.")}
        return render(request, "web/error.html", context, status=404)
    found = list(delivery.messages.order_by("created_ms", "pk"))
    if request.method == "POST":
        telling.seen([message.pk for message in found], Message.Seen.LINK, now_ms())
        return redirect("message_link", token=token)
    parts = [(message, *texts.said(message.text_key, message.values, get_language())) for message in found]
    context = {"parts": parts, "unseen": any(not message.seen_ms for message in found)}
    return render(request, "web/message.html", context)
