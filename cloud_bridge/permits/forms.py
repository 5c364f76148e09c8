"""The application form."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cloud_bridge.boxes.models import Box
from cloud_bridge.people.models import ID_PATTERN, Person
from cloud_bridge.people.standing import barred
from cloud_bridge.permits.content import preconditions_of
from cloud_bridge.permits.models import Permit
from cloud_bridge.permits.preconditions import ComposedText, PreconditionRows
from cloud_bridge.permits.service import DEFAULT_RULES, Application
from cloud_bridge.permits.workflow import LEVEL_TITLES, Refused, check_window
from contracts.permit import MAX_PEOPLE, Level, Role

METHODS = (
    gettext_lazy("electric arc welding"),
    gettext_lazy("gas welding and cutting"),
    gettext_lazy("grinding"),
    gettext_lazy("drilling"),
    gettext_lazy("open flame"),
)


def rules_of(box: Box) -> str:
    """The rule pack that the box says it works by; what is no name is not believed."""
    baseline = getattr(getattr(box, "last_state", None), "baseline", "")
    return baseline if ID_PATTERN.regex.match(baseline) else DEFAULT_RULES


class LocalTime(forms.DateTimeInput):
    """The browser's own date and time picker."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M:%S", attrs={"step": "1"})


class PermitForm(forms.Form):
    """Who, when, where, what and how (PTW-01)."""

    box = forms.ModelChoiceField(
        Box.objects.filter(active=True),
        label=gettext_lazy("Box"),
        error_messages={"invalid_choice": gettext_lazy("Expected a registered box; choose one from the list.")},
    )
    level = forms.ChoiceField(
        label=gettext_lazy("Level by place and work"), choices=[(v.value, LEVEL_TITLES[v]) for v in Level]
    )
    upgraded = forms.BooleanField(
        label=gettext_lazy("Also at night, on rest days and holidays: approved one level higher"), required=False
    )
    confined = forms.BooleanField(label=gettext_lazy("Inside a confined space"), required=False)
    place = ComposedText(label=gettext_lazy("Place"), max_length=80)
    content = ComposedText(
        label=gettext_lazy("Content of the work"), max_length=500, widget=forms.Textarea(attrs={"rows": 3})
    )
    method = ComposedText(
        label=gettext_lazy("Method"), max_length=80, widget=forms.TextInput(attrs={"list": "methods"})
    )
    starts = forms.DateTimeField(label=gettext_lazy("From"), widget=LocalTime)
    ends = forms.DateTimeField(label=gettext_lazy("To"), widget=LocalTime)
    performer = forms.ModelChoiceField(
        Person.objects.filter(active=True), label=gettext_lazy("Performer"), to_field_name="code"
    )
    guardian = forms.ModelChoiceField(
        Person.objects.filter(active=True), label=gettext_lazy("Guardian"), to_field_name="code"
    )

    other_performers = forms.ModelMultipleChoiceField(
        Person.objects.filter(active=True), label=gettext_lazy("Further performers"), to_field_name="code",
        required=False, widget=forms.SelectMultiple(attrs={"size": 3}),
    )  # fmt: skip
    other_guardians = forms.ModelMultipleChoiceField(
        Person.objects.filter(active=True), label=gettext_lazy("Further guardians"), to_field_name="code",
        required=False, widget=forms.SelectMultiple(attrs={"size": 3}),
    )  # fmt: skip

    def __init__(self, data: QueryDict | None = None, *, initial: dict[str, Any] | None = None) -> None:
        """A form as it was sent, or filled in; `initial["preconditions"]` fills the rows."""
        super().__init__(data, initial=initial)
        self.preconditions = (
            PreconditionRows.of((initial or {}).get("preconditions", ()))
            if data is None
            else PreconditionRows.sent(data)
        )

    def clean(self) -> dict[str, Any]:
        """The window fits the level; performer and guardian differ; every precondition is complete."""
        cleaned = super().clean() or {}
        if not self.preconditions.is_valid():
            self.add_error(None, self.preconditions.problem)
        starts, ends = cleaned.get("starts"), cleaned.get("ends")
        if starts and ends and cleaned.get("level"):
            level, base_level = self._levels(cleaned)
            try:
                check_window(
                    level, starts, ends, timezone.now(), base_level=base_level, confined=bool(cleaned.get("confined"))
                )
            except Refused as refused:
                self.add_error("ends", str(refused))
        performer, guardian = cleaned.get("performer"), cleaned.get("guardian")
        if performer and guardian and performer == guardian:
            self.add_error("guardian", _("Expected two people, got one twice; choose another guardian."))
        elif performer and guardian:
            self._check_others(cleaned)
        self._check_standing(cleaned)
        return cleaned

    def _check_standing(self, cleaned: dict[str, Any]) -> None:
        """Whoever is suspended is on no permit; it is said beside the name."""
        for field in ("performer", "guardian", "other_performers", "other_guardians"):
            named = cleaned.get(field) or ()
            out = barred([named] if isinstance(named, Person) else named)
            if out:
                text = _("Expected people who may work, got %s, suspended; choose somebody else.")
                self.add_error(field, text % ", ".join(map(str, out)))

    def _check_others(self, cleaned: dict[str, Any]) -> None:
        """Everybody is named once, and no more than a permit carries."""
        named = {cleaned["performer"], cleaned["guardian"]}
        for field in ("other_performers", "other_guardians"):
            people = set(cleaned.get(field) or ())
            if people & named:
                self.add_error(field, _("Expected everybody once and in one role, got somebody twice; take one out."))
            named |= people
        if len(named) > MAX_PEOPLE:
            self.add_error("other_performers", _("Expected at most %s people; name fewer.") % MAX_PEOPLE)

    @staticmethod
    def _levels(cleaned: dict[str, Any]) -> tuple[Level, Level | None]:
        """The level to approve at, and the one by place and work when that is not the same (GB 30871-2022 5.1.1)."""
        chosen = Level(cleaned["level"])
        return (chosen.higher, chosen) if cleaned.get("upgraded") else (chosen, None)

    def application(self) -> Application:
        """The valid form as the service takes it."""
        data = self.cleaned_data
        level, base_level = self._levels(data)
        return Application(
            box=data["box"],
            level=level,
            base_level=base_level,
            confined=data["confined"],
            place=data["place"].strip(),
            content=data["content"].strip(),
            method=data["method"].strip(),
            starts=data["starts"],
            ends=data["ends"],
            performer=data["performer"],
            guardian=data["guardian"],
            rules=rules_of(data["box"]),
            preconditions=self.preconditions.preconditions(),
            other_performers=tuple(data["other_performers"]),
            other_guardians=tuple(data["other_guardians"]),
        )


def suggestion(user_permits: Any) -> dict[str, Any]:
    """A new form filled from the applicant's last permit; times are always new."""
    now = timezone.localtime().replace(second=0, microsecond=0)
    initial: dict[str, Any] = {"starts": now, "ends": now + timedelta(hours=4), "level": Level.GRADE_2.value}
    last = user_permits.order_by("-pk").first()
    if last is not None:
        initial |= _fields_of(last)
    else:
        boxes = list(Box.objects.filter(active=True)[:2])
        if len(boxes) == 1:
            initial |= {"box": boxes[0], "place": boxes[0].place}
    return initial


def _fields_of(permit: Permit) -> dict[str, Any]:
    people: dict[str, list[str]] = {role.value: [] for role in Role}
    for member in permit.crew.select_related("person"):
        people[member.role].append(member.person.code)
    (performer, *performers), (guardian, *guardians) = people[Role.PERFORMER], people[Role.GUARDIAN]
    return {
        "box": permit.box,
        "level": permit.base_level or permit.level,
        "upgraded": bool(permit.base_level),
        "confined": permit.confined,
        "place": permit.place,
        "content": permit.content,
        "method": permit.method,
        "performer": performer,
        "guardian": guardian,
        "other_performers": performers,
        "other_guardians": guardians,
        "preconditions": preconditions_of(permit),
    }


def as_filled(permit: Permit) -> dict[str, Any]:
    """The form as the permit stands."""
    local: dict[str, datetime] = {"starts": timezone.localtime(permit.starts), "ends": timezone.localtime(permit.ends)}
    return _fields_of(permit) | local
