"""Workflows in the administration: drawn, in words, and a new text tried on a past case. Nothing is edited."""

from typing import Any

import msgspec
from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cloud_bridge.flows import diagram, versions, words
from cloud_bridge.flows.definition.errors import DefinitionError
from cloud_bridge.flows.definition.reading import read
from cloud_bridge.flows.engine.case import Event
from cloud_bridge.flows.engine.replay import Kind, Line, Past, replay
from cloud_bridge.flows.models import Case, Deadline, Fate, History, Version
from cloud_bridge.flows.vocabulary import Flow

LONGEST = 200_000


class TryForm(forms.Form):
    """A definition's text, the base's own rules, and the case to play again."""

    subject = forms.CharField(label=gettext_lazy("Case (number)"), max_length=64)
    text = forms.CharField(
        label=gettext_lazy("Definition"), max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 24, "cols": 100})
    )
    local = forms.CharField(
        label=gettext_lazy("Local rules, if any"), max_length=LONGEST, required=False,
        widget=forms.Textarea(attrs={"rows": 6, "cols": 100}),
    )  # fmt: skip


class _ReadOnly(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rows are written by the engine."""
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are never changed by hand."""
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are kept."""
        del request, obj
        return False


@admin.register(Version)
class VersionAdmin(_ReadOnly):
    """Definitions that cases were begun under, and the one that new cases begin under."""

    list_display = ("flow", "short", "since", "open_cases")
    list_filter = ("flow",)
    change_list_template = "admin/flows/versions.html"

    @admin.display(description=gettext_lazy("version"))
    def short(self, row: Version) -> str:
        """The first signs of its hash."""
        return row.sha256[:12]

    @admin.display(description=gettext_lazy("cases"))
    def open_cases(self, row: Version) -> int:
        """How many cases keep to it."""
        return row.cases.count()

    def get_urls(self) -> list[Any]:
        """Its own pages before Django's."""
        view = self.admin_site.admin_view
        return [
            path("now/<str:flow>/", view(self.present), name="flows_version_now"),
            path("try/<str:flow>/", view(self.try_out), name="flows_version_try"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The versions, and the way to the present definitions."""
        from django.conf import settings

        return super().changelist_view(request, {**(extra_context or {}), "flows": list(settings.FLOWS)})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One version."""
        del form_url, extra_context
        self._check(request)
        row = Version.objects.filter(pk=object_id).first()
        if row is None:
            raise Http404
        return self._page(request, lambda: versions.pinned(row.pk), str(row))

    def present(self, request: HttpRequest, flow: str) -> HttpResponse:
        """The definition that new cases begin under."""
        self._check(request)
        self._known(flow)
        return self._page(request, lambda: versions.from_files(flow), flow)

    def _check(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _known(self, flow: str) -> None:
        from django.conf import settings

        if flow not in settings.FLOWS:
            raise Http404

    def _page(self, request: HttpRequest, load: Any, name: str) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": name, "problems": []}
        try:
            flow: Flow = load()
        except DefinitionError as error:
            context |= {"problems": error.problems, "origin": error.origin}
            return TemplateResponse(request, "admin/flows/definition.html", context, status=422)
        context |= {
            "title": flow.definition.title, "flow": flow, "states": words.states(flow), "ways": words.ways(flow),
            "dues": words.dues(flow), "tunables": flow.definition.tunables.values(), "legend": diagram.legend(),
            # Drawn by ourselves; every text in it is escaped.
            "drawing": mark_safe(diagram.draw(flow)),  # noqa: S308
            "try_url": reverse("admin:flows_version_try", args=[flow.definition.flow]),
        }  # fmt: skip
        return TemplateResponse(request, "admin/flows/definition.html", context)

    def try_out(self, request: HttpRequest, flow: str) -> HttpResponse:
        """Play a past case under a text that is not in force; nothing is kept."""
        self._check(request)
        self._known(flow)
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "title": _("Try a definition"),
            "problems": [], "lines": None, "name": flow,
        }  # fmt: skip
        if request.method != "POST":
            context["form"] = TryForm(initial=_present_text(flow))
            return TemplateResponse(request, "admin/flows/try.html", context)
        form = context["form"] = TryForm(request.POST)
        if not form.is_valid():
            return TemplateResponse(request, "admin/flows/try.html", context, status=422)
        case = Case.objects.filter(flow=flow, subject=form.cleaned_data["subject"]).first()
        if case is None:
            form.add_error("subject", _("Expected the number of a case of this flow; look it up among the cases."))
            return TemplateResponse(request, "admin/flows/try.html", context, status=422)
        try:
            rules = read(
                form.cleaned_data["text"], f"{flow}.yaml", versions.vocabulary(flow), form.cleaned_data["local"],
                _("local rules"),
            )  # fmt: skip
        except DefinitionError as error:
            context |= {"problems": error.problems, "origin": error.origin}
            return TemplateResponse(request, "admin/flows/try.html", context, status=422)
        lines = replay(rules, past_of(case), timezone.now())
        context |= {"lines": _told(rules, lines), "different": sum(line.kind is not Kind.SAME for line in lines)}
        return TemplateResponse(request, "admin/flows/try.html", context)


@admin.register(Case)
class CaseAdmin(_ReadOnly):
    """Cases with their history and what they wait for."""

    list_display = ("subject", "flow", "state", "rev", "opened", "changed")
    list_filter = ("flow", "state")
    search_fields = ("subject",)
    fields = ("flow", "subject", "version", "state", "rev", "opened", "changed")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One case."""
        del form_url, extra_context
        if not self.has_view_permission(request):
            raise PermissionDenied
        case = Case.objects.filter(pk=object_id).first()
        if case is None:
            raise Http404
        rules = versions.pinned(case.version_id)
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "title": case.subject, "case": case,
            "state": rules.definition.states[case.state].title,
            "history": [(row, words.via(rules, row.via), _title(rules, row.after)) for row in case.history.all()],
            "waits": [(row, words.via(rules, row.name)) for row in case.deadlines.filter(fate=Fate.WAITS)],
            "try_url": reverse("admin:flows_version_try", args=[case.flow]),
        }  # fmt: skip
        return TemplateResponse(request, "admin/flows/case.html", context)


def past_of(case: Case) -> list[Past]:
    """A case's history as the rules see it."""
    found = []
    for row in History.objects.filter(case=case).order_by("rev"):
        record = {key: value for key, value in row.record.items() if key != "effects"}
        found.append(Past(row.at, row.via, msgspec.convert(record, Event), row.before, row.after, row.due))
    return found


def _present_text(flow: str) -> dict[str, str]:
    try:
        found = versions.from_files(flow)
    except DefinitionError:
        return {}
    return {"text": found.text, "local": found.local}


def _title(flow: Flow, state: str) -> str:
    row = flow.definition.states.get(state)
    return str(row.title) if row else state


def _told(flow: Flow, lines: tuple[Line, ...]) -> list[dict[str, Any]]:
    said = {
        Kind.SAME: _("the same"), Kind.OTHER_STATE: _("leads elsewhere"), Kind.OTHER_TIME: _("at another time"),
        Kind.REFUSED: _("is refused"), Kind.ONLY_THEN: _("does not come"), Kind.ONLY_NOW: _("comes in addition"),
    }  # fmt: skip
    return [
        {"line": line, "what": words.via(flow, line.what), "kind": said[line.kind], "then": _title(flow, line.then),
         "now": _title(flow, line.now), "is_same": line.kind is Kind.SAME}
        for line in lines
    ]  # fmt: skip


class DeadlineAdmin(_ReadOnly):
    """What waits, and what could not fire."""

    list_display = ("case", "name", "due", "fate", "tries", "error")
    list_filter = ("fate",)


admin.site.register(Deadline, DeadlineAdmin)
