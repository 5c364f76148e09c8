"""Refused faces for the safety officer: look into, hear the worker, confirm or dismiss; and the end of a suspension."""

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cloud_bridge.offences import service
from cloud_bridge.offences.models import Candidate, Offence
from cloud_bridge.people.models import Person, Suspension
from cloud_bridge.people.roles import JUDGE
from cloud_bridge.permits.models import Permit
from cloud_bridge.permits.workflow import Refused

PAGE = 30


class JudgementForm(forms.Form):
    """An offence, with the person heard; or none."""

    decision = forms.ChoiceField(choices=[("confirm", "confirm"), ("dismiss", "dismiss")])
    person = forms.ModelChoiceField(
        Person.objects.all(), label=gettext_lazy("Who it was"), to_field_name="code", required=False
    )
    finding = forms.CharField(
        label=gettext_lazy("What was found out, and how"), max_length=500, required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip
    statement = forms.CharField(
        label=gettext_lazy("The worker's own statement"), max_length=2000, required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )  # fmt: skip


@login_required
@permission_required(JUDGE, raise_exception=True)
@require_safe
def refused_faces(request: HttpRequest) -> HttpResponse:
    """What waits, or all of it; and who is suspended."""
    show = request.GET.get("show", "open")
    rows = Candidate.objects.select_related("box").prefetch_related("offences__person")
    if show == "open":
        rows = rows.filter(state=Candidate.State.OPEN)
    context = {
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "show": show,
        "suspensions": Suspension.objects.filter(lifted_ms=0).select_related("person"),
    }
    return render(request, "web/refused_faces.html", context)


@login_required
@permission_required(JUDGE, raise_exception=True)
@require_http_methods(["GET", "POST"])
def refused_face(request: HttpRequest, pk: int) -> HttpResponse:
    """One refused face: what the box recorded, whom the permit names, and the officer's decision."""
    found = get_object_or_404(Candidate.objects.select_related("box"), pk=pk)
    form, status = JudgementForm(), 200
    if request.method == "POST":
        form = JudgementForm(request.POST)
        if form.is_valid():
            done = _judged(request, found, form)
            if done:
                messages.success(request, done)
                return redirect("refused_faces")
        status = 422
    permit = Permit.objects.filter(jti=found.permit, box=found.box).first()
    context = {
        "found": found,
        "form": form,
        "permit": permit,
        "crew": permit.crew.select_related("person") if permit else [],
        "nearest": Person.objects.filter(code=found.nearest).first() if found.nearest else None,
        "offences": Offence.objects.filter(candidate=found).select_related("person").order_by("at_ms"),
        "suspended_from": service.SUSPENDED_FROM,
    }
    return render(request, "web/refused_face.html", context, status=status)


def _judged(request: HttpRequest, found: Candidate, form: JudgementForm) -> str:
    """What was done, in words; "" when it was refused, which then stands in the form."""
    data = form.cleaned_data
    try:
        if data["decision"] == "dismiss":
            service.dismiss(request.user, found.pk, data["finding"])
            return _("Dismissed: no offence.")
        made = service.confirm(request.user, found.pk, data["person"], data["finding"], data["statement"])
    except Refused as refused:
        form.add_error(None, str(refused))
        return ""
    if made.warning:
        return _("Confirmed: %s is warned.") % made.person
    done = _("Confirmed: %s is suspended until retraining is recorded; permits that name the person are revoked.")
    return done % made.person


@login_required
@permission_required(JUDGE, raise_exception=True)
@require_POST
def lift_suspension(request: HttpRequest, code: str) -> HttpResponse:
    """The person was trained again."""
    person = get_object_or_404(Person, code=code)
    return _act(request, lambda: service.lift(request.user, person, request.POST.get("training", "")))


def _act(request: HttpRequest, act: Callable[[], object]) -> HttpResponse:
    try:
        act()
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("The suspension is over."))
    return redirect("refused_faces")
