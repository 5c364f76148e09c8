"""A box's page: state, log health, events, permits, and the safety officer's suspend button."""

import secrets
import time

from allauth.account.adapter import get_adapter
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from cloud_bridge.boxes import epochs
from cloud_bridge.boxes.models import Box, Call, Command, Event, Log, Notice
from cloud_bridge.boxes.summary import summaries
from cloud_bridge.people.roles import AUTHORISE, COMMAND
from cloud_bridge.permits.models import Permit
from cloud_bridge.web.overview import last_notice, newest_events
from cloud_bridge.web.wording import UNTOLD
from contracts.errors import ContractError
from contracts.permit import Verb

COMMAND_LIFE_S = 300
PAGE = 50


class CommandForm(forms.Form):
    """A request to the box: suspend (stop work now) or identify.

    A box that identifies itself flashes its name in `hotbox watch` for 30 s, and says it if it has a voice.
    """

    verb = forms.ChoiceField(choices=[(Verb.SUSPEND.value, "suspend"), (Verb.IDENTIFY.value, "identify")])
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200, required=False)

    def clean(self) -> dict[str, object]:
        """Suspending needs a reason: it stands in the box's log."""
        cleaned = super().clean() or {}
        if cleaned.get("verb") == Verb.SUSPEND and not str(cleaned.get("reason", "")).strip():
            self.add_error("reason", _("Expected a reason, got nothing; write why work has to stop."))
        return cleaned


@login_required
@require_safe
def box_page(request: HttpRequest, box: str) -> HttpResponse:
    """The page."""
    after = last_notice()
    found = summaries(box)
    if not found:
        raise Http404
    return render(
        request,
        "web/box.html",
        {
            "summary": found[0],
            "after": after,
            "events": newest_events(PAGE, box),
            "logs": found[0].box.logs.all(),
            "rejections": found[0].box.rejections.all()[:10],
            "permits": Permit.objects.filter(box=box)[:8],
            "commands": found[0].box.commands.all()[:8],
            "box_calls": Call.objects.filter(box=box)[:12],
            "may_command": request.user.has_perm(COMMAND),
            "may_authorise": request.user.has_perm(AUTHORISE),
            "form": CommandForm(),
        },
    )


@login_required
@require_safe
def older_events(request: HttpRequest, box: str) -> HttpResponse:
    """A fragment with the events before a row (`before` is its primary key)."""
    try:
        before = int(request.GET.get("before", ""))
    except ValueError as error:
        raise Http404 from error
    told = Event.objects.filter(box=box, pk__lt=before).exclude(type__in=UNTOLD)
    rows = list(told.order_by("-pk")[:PAGE])
    return render(request, "web/older_events.html", {"events": rows, "box": box, "more": len(rows) == PAGE})


@login_required
@require_POST
@permission_required(COMMAND, raise_exception=True)
def send_command(request: HttpRequest, box: str) -> HttpResponse:
    """Ask the box to do something; it only ever tightens."""
    found = get_object_or_404(Box, pk=box, active=True)
    form = CommandForm(request.POST)
    if not form.is_valid():
        for problems in form.errors.values():
            messages.error(request, " ".join(problems))
        return redirect("box", box=box)
    now_s = int(time.time())
    with transaction.atomic():
        Command.objects.create(
            id=f"cmd-{secrets.token_hex(8)}",
            box=found,
            verb=form.cleaned_data["verb"],
            permit=getattr(getattr(found, "last_state", None), "permit", ""),
            reason=form.cleaned_data["reason"],
            by=request.user.identity,
            by_name=str(request.user),
            at_s=now_s,
            exp_s=now_s + COMMAND_LIFE_S,
        )
        Notice.tell(Notice.Kind.BOX, found.pk, found.pk)
    messages.success(request, _("The request is on its way to the box."))
    return redirect("box", box=box)


@login_required
@require_POST
@permission_required(AUTHORISE, raise_exception=True)
def authorise_epoch(request: HttpRequest, box: str, epoch: int) -> HttpResponse:
    """One person's word for a new epoch of a box's log, with the own password, over the key that was shown."""
    log = get_object_or_404(Log, box=box, epoch=epoch)
    problem = _authorise(request, log)
    if problem:
        messages.error(request, problem)
    elif Log.objects.get(pk=log.pk).authorised:
        messages.success(request, _("Authorised by two people; it is witnessed from now on."))
    else:
        messages.success(request, _("Authorised; one more person must do so."))
    return redirect("box", box=box)


def _authorise(request: HttpRequest, log: Log) -> str:
    """What stands against it, "" when it is done."""
    try:
        known = get_adapter().authenticate(
            request, username=request.user.username, password=request.POST.get("password", "")
        )
    except ValidationError as error:
        return " ".join(error.messages)
    if known is None or known.pk != request.user.pk:
        return _("Expected your own password, got another; type it again.")
    if log.approvals.filter(user=request.user.username).exists():
        return _("Expected another person, got you again; let somebody else authorise it.")
    if request.POST.get("vkey", "") != log.vkey:
        return _("Expected the epoch as it is now, got another key; look at it again.")
    try:
        epochs.authorise(known, log.box, log.epoch, log.vkey)
    except ContractError as error:
        return str(error)
    return ""
