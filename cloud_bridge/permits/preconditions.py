"""The rows of the application form in which preconditions are entered (PTW-11).

Every row sends the same names (`precondition_text`, `precondition_kind`, ...) and the n-th values belong together, so
the page can add and remove rows without counting them.
"""

import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contracts.permit import MAX_PRECONDITIONS, Precondition, hidden_marks

KINDS = {
    "confirm": gettext_lazy("confirmed on site by a named person"),
    "temperature": gettext_lazy("equipment temperature below a limit"),
    "isolation": gettext_lazy("isolation proven"),
}
PREFIX = "precondition_"
COLDEST_C, HOTTEST_C = Decimal("-273.15"), Decimal(2000)
_NAME = RegexValidator(
    r"\A[A-Za-z0-9._-]{1,64}\Z",
    gettext_lazy("Expected a name of letters, digits, dots, dashes or underscores; read it off the box."),
)


class ComposedText(forms.CharField):
    """Text as permits carry it: in Unicode NFC, whatever the reader's keyboard composed."""

    def to_python(self, value: Any) -> str:
        """Compose."""
        return unicodedata.normalize("NFC", super().to_python(value))


class PreconditionRow(forms.Form):
    """One precondition."""

    id = forms.CharField(required=False, validators=[_NAME], widget=forms.HiddenInput)
    text = ComposedText(
        label=gettext_lazy("What must hold"),
        max_length=80,
        error_messages={"required": gettext_lazy("Expected what must hold, got nothing; write it or remove the row.")},
    )
    kind = forms.ChoiceField(label=gettext_lazy("How it is shown"), choices=list(KINDS.items()))
    limit = forms.DecimalField(
        label=gettext_lazy("Limit, °C"),
        required=False,
        min_value=COLDEST_C,
        max_value=HOTTEST_C,
        decimal_places=3,
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
    )
    sensor = forms.CharField(
        label=gettext_lazy("Sensor of the box"),
        required=False,
        validators=[_NAME],
        widget=forms.TextInput(attrs={"placeholder": gettext_lazy("empty: entered with a photo")}),
    )

    tag = forms.CharField(
        label=gettext_lazy("Point whose tag is read"),
        required=False,
        validators=[_NAME],
        widget=forms.TextInput(attrs={"placeholder": gettext_lazy("empty: a named person confirms it")}),
    )

    def __init__(self, data: dict[str, str] | None = None, *, initial: dict[str, Any] | None = None) -> None:
        """A row as it was sent, or as it is filled in."""
        super().__init__(data, initial=initial, auto_id=False, use_required_attribute=False)

    def add_prefix(self, field_name: str) -> str:
        """The same names in every row."""
        return PREFIX + field_name

    def clean_text(self) -> str:
        """Refuse what would not look on a screen as it was signed."""
        text = self.cleaned_data["text"]
        if hidden_marks(text):
            raise forms.ValidationError(
                _("Expected one line of plain text, got hidden characters (%s); type it again.")
                % ", ".join(hidden_marks(text))
            )
        return text

    def clean(self) -> dict[str, Any]:
        """A temperature has a limit; nothing else has one. It is measured, so no tag confirms it."""
        cleaned = super().clean() or {}
        if cleaned.get("kind") == "temperature":
            if cleaned.get("limit") is None and "limit" not in self.errors:
                self.add_error("limit", _("Expected the highest temperature in °C, got nothing; enter it."))
            if cleaned.get("tag"):
                self.add_error("tag", _("A temperature is measured: empty the point, or choose another way."))
        elif cleaned.get("kind") and (cleaned.get("limit") is not None or cleaned.get("sensor")):
            self.add_error("kind", _("Limit and sensor belong to a temperature only; empty them, or choose it."))
        return cleaned

    def precondition(self, number: str) -> Precondition:
        """The valid row; `number` names it when it has no name yet."""
        data = self.cleaned_data
        limit = data["limit"]
        return Precondition(
            id=data["id"] or number,
            text=data["text"],
            kind=data["kind"],
            limit_milli=None if limit is None else int(limit * 1000),
            sensor=data["sensor"],
            tag=data["tag"],
        )


class PreconditionRows:
    """All rows of a form: as sent, or as filled in."""

    def __init__(self, rows: Iterable[PreconditionRow]) -> None:
        """Keep them."""
        self.rows = list(rows)
        self.problem = ""

    @staticmethod
    def sent(data: QueryDict) -> "PreconditionRows":
        """The rows of a request; those in which nothing was entered do not count."""
        columns = {name: data.getlist(PREFIX + name) for name in PreconditionRow.base_fields}
        found = [
            {PREFIX + name: values[n] for name, values in columns.items() if n < len(values)}
            for n in range(max(map(len, columns.values())))
        ]
        entered = [row for row in found if any(v.strip() for name, v in row.items() if name != PREFIX + "kind")]
        return PreconditionRows(PreconditionRow(row) for row in entered)

    @staticmethod
    def of(preconditions: Iterable[Precondition]) -> "PreconditionRows":
        """Rows that show what is there."""
        return PreconditionRows(
            PreconditionRow(
                initial={
                    "id": wanted.id,
                    "text": wanted.text,
                    "kind": wanted.kind,
                    "limit": "" if wanted.limit_milli is None else celsius(wanted.limit_milli),
                    "sensor": wanted.sensor,
                    "tag": wanted.tag,
                }
            )
            for wanted in preconditions
        )

    def is_valid(self) -> bool:
        """Whether every row is, there are not too many, and no two have one name."""
        complete = [row.is_valid() for row in self.rows]  # each, so that each shows what is wrong
        if not all(complete):
            self.problem = _("A precondition is not complete: see below.")
        elif len(self.rows) > MAX_PRECONDITIONS:
            self.problem = _("Expected at most %(most)s preconditions, got %(came)s; join some of them.") % {
                "most": MAX_PRECONDITIONS,
                "came": len(self.rows),
            }
        elif len(set(self._given())) < len(self._given()):
            self.problem = _("Expected a different id for each precondition, got one twice; remove a row.")
        return not self.problem

    def _given(self) -> list[str]:
        return [row.cleaned_data["id"] for row in self.rows if row.cleaned_data["id"]]

    def preconditions(self) -> tuple[Precondition, ...]:
        """The valid rows in their order; rows without a name get p1, p2, ... past those that are taken."""
        taken = set(self._given())
        free = (f"p{n}" for n in range(1, 2 * MAX_PRECONDITIONS + 1) if f"p{n}" not in taken)
        return tuple(row.precondition(next(free) if not row.cleaned_data["id"] else "") for row in self.rows)

    @property
    def blank(self) -> PreconditionRow:
        """An empty row, which the page copies."""
        return PreconditionRow()

    @property
    def most(self) -> int:
        """How many a permit may carry."""
        return MAX_PRECONDITIONS


def celsius(milli: int) -> str:
    """Thousandths of a degree as a person writes degrees: 40, 37.5."""
    return f"{Decimal(milli) / 1000:f}".rstrip("0").rstrip(".") if milli % 1000 else str(milli // 1000)
