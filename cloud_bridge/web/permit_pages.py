"""Permits: list, application, decision, revocation."""

from collections.abc import Callable

from allauth.account.adapter import get_adapter
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cloud_bridge.enrolment.status import crew_faces
from cloud_bridge.people.models import User
from cloud_bridge.people.roles import APPLY, APPROVE, REVOKE
from cloud_bridge.permits import service, workflow
from cloud_bridge.permits.codes import is_carried
from cloud_bridge.permits.forms import METHODS, PermitForm, as_filled, suggestion
from cloud_bridge.permits.models import Permit
from cloud_bridge.permits.workflow import REQUIRED_SIGNATURES, Event, Refused, State
from cloud_bridge.video.models import Clip
from cloud_bridge.web.overview import last_notice

PAGE = 30
OPEN_STATES = [State.PREPARING, State.PENDING_APPROVAL, State.APPROVED, State.ISSUED, State.ACCEPTED]


class DecisionForm(forms.Form):
    """Approve (with the own password, over the content shown) or reject (with a reason)."""

    decision = forms.ChoiceField(choices=[("approve", "approve"), ("reject", "reject")])
    content_sha256 = forms.CharField(max_length=64)
    password = forms.CharField(
        label=gettext_lazy("Your password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=300, required=False)


class ReasonForm(forms.Form):
    """Why a permit is revoked."""

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=300)


@login_required
@require_safe
def permits(request: HttpRequest) -> HttpResponse:
    """All permits; those that wait for this reader first."""
    rows = Permit.objects.select_related("box", "applicant")
    show = request.GET.get("show", "open")
    if show == "open":
        rows = rows.filter(state__in=OPEN_STATES)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    return render(request, "web/permits.html", {"page": page, "show": show, "after": last_notice()})


def _fill(request: HttpRequest, form: PermitForm, title: str, permit: Permit | None = None) -> HttpResponse:
    status = 422 if form.errors else 200
    context = {"form": form, "title": title, "methods": METHODS, "permit": permit}
    return render(request, "web/permit_form.html", context, status=status)


@login_required
@permission_required(APPLY, raise_exception=True)
@require_http_methods(["GET", "POST"])
def new_permit(request: HttpRequest) -> HttpResponse:
    """Apply: `action` is submit (default) or save."""
    title = _("New permit")
    if request.method == "GET":
        return _fill(request, PermitForm(initial=suggestion(Permit.objects.filter(applicant=request.user))), title)
    form = PermitForm(request.POST)
    if not form.is_valid():
        return _fill(request, form, title)
    try:
        permit = service.apply(request.user, form.application())
        if request.POST.get("action") != "save":
            service.submit(request.user, permit.jti)
    except Refused as refused:
        form.add_error(None, str(refused))
        return _fill(request, form, title)
    return redirect("permit", jti=permit.jti)


@login_required
@permission_required(APPLY, raise_exception=True)
@require_http_methods(["GET", "POST"])
def edit_permit(request: HttpRequest, jti: str) -> HttpResponse:
    """Change the own permit before it is approved; it goes back to preparing."""
    permit = get_object_or_404(Permit, jti=jti)
    title = _("Change permit %s") % jti
    if request.method == "GET":
        return _fill(request, PermitForm(initial=as_filled(permit)), title, permit)
    form = PermitForm(request.POST)
    if not form.is_valid():
        return _fill(request, form, title, permit)
    try:
        service.amend(request.user, jti, form.application())
        if request.POST.get("action") != "save":
            service.submit(request.user, jti)
    except Refused as refused:
        form.add_error(None, str(refused))
        return _fill(request, form, title, permit)
    return redirect("permit", jti=jti)


def _holder(permit: Permit, signed: int) -> str:
    """Who has to act now."""
    state = State(permit.state)
    if state is State.PREPARING:
        return _("the applicant, %s") % permit.applicant
    if state is State.PENDING_APPROVAL:
        return _("approver %(step)s of %(all)s") % {"step": signed + 1, "all": REQUIRED_SIGNATURES}
    if state is State.APPROVED:
        return _("the signer of the bridge")
    if state is State.ISSUED:
        return _("box %s, which has to accept it") % permit.box_id
    if state is State.ACCEPTED:
        return _("box %s and the people at it") % permit.box_id
    return _("nobody: it is closed")


def _why_not(user: User, permit: Permit) -> str:
    """Why this reader cannot approve now, or "" when nothing stands in the way."""
    try:
        workflow.approve(service.facts_of(permit), service.approver_of(user), permit.content_sha256, timezone.now())
    except Refused as refused:
        return str(refused)
    return ""


@login_required
@require_safe
def permit_page(request: HttpRequest, jti: str) -> HttpResponse:
    """One permit with its signatures and trail."""
    return _permit(request, jti, DecisionForm())


def _permit(request: HttpRequest, jti: str, form: DecisionForm, status: int = 200) -> HttpResponse:
    permit = get_object_or_404(Permit.objects.select_related("box", "applicant"), jti=jti)
    signatures = permit.valid_signatures()
    user = request.user
    own = permit.applicant_id == user.pk
    state = State(permit.state)
    may_approve = user.has_perm(APPROVE) and state is State.PENDING_APPROVAL
    return render(
        request,
        "web/permit.html",
        {
            "permit": permit,
            "told_of": f"permit:{permit.jti}",
            "signatures": signatures,
            "required": REQUIRED_SIGNATURES,
            "missing": range(len(signatures) + 1, REQUIRED_SIGNATURES + 1) if state is State.PENDING_APPROVAL else [],
            "crew": crew_faces(permit),
            "preconditions": permit.preconditions.all(),
            "history": permit.history.all(),
            "holder": _holder(permit, len(signatures)),
            "form": form,
            "decide": may_approve,
            "why_not": _why_not(user, permit) if may_approve else "",
            "after": last_notice(),
            "may_edit": own and state in workflow.ALLOWED[Event.AMEND],
            "may_submit": own and state is State.PREPARING,
            "carried": is_carried(permit),
            "recorded": Clip.objects.filter(permit=jti).count(),
            "may_revoke": (own or user.has_perm(REVOKE)) and state in workflow.ALLOWED[Event.REVOKE],
        },
        status=status,
    )


def _act(request: HttpRequest, jti: str, act: Callable[[], object], done: str) -> HttpResponse:
    get_object_or_404(Permit, jti=jti)
    try:
        act()
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, done)
    return redirect("permit", jti=jti)


@login_required
@require_POST
def submit_permit(request: HttpRequest, jti: str) -> HttpResponse:
    """Ask for approval."""
    return _act(request, jti, lambda: service.submit(request.user, jti), _("Sent to the approvers."))


@login_required
@permission_required(APPROVE, raise_exception=True)
@require_POST
def decide(request: HttpRequest, jti: str) -> HttpResponse:
    """Sign or reject; the own password proves who does it (PTW-03)."""
    get_object_or_404(Permit, jti=jti)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _permit(request, jti, form, status=422)
    data = form.cleaned_data
    try:
        known = get_adapter().authenticate(request, username=request.user.username, password=data["password"])
    except ValidationError as error:
        form.add_error("password", error)
        return _permit(request, jti, form, status=429)
    if known is None or known.pk != request.user.pk:
        form.add_error("password", _("Expected your own password, got another; type it again."))
        return _permit(request, jti, form, status=422)
    try:
        if data["decision"] == "approve":
            service.approve(request.user, jti, data["content_sha256"])
            messages.success(request, _("Signed."))
        else:
            service.reject(request.user, jti, data["reason"])
            messages.success(request, _("Rejected."))
    except Refused as refused:
        form.add_error("reason" if data["decision"] == "reject" else None, str(refused))
        return _permit(request, jti, form, status=409)
    return redirect("permit", jti=jti)


@login_required
@require_POST
def revoke(request: HttpRequest, jti: str) -> HttpResponse:
    """Take a permit back."""
    form = ReasonForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    return _act(
        request, jti, lambda: service.revoke_by(request.user, jti, reason), _("Revoked; the box is being told.")
    )
