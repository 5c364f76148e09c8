"""Fields of a form or a case: what was filled in becomes a value, or is refused with what to do."""

import re
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from cloud_bridge.flows.definition.errors import Refused
from cloud_bridge.flows.definition.model import Field, Kind


def instant(value: object) -> datetime | None:
    """A moment as it is kept in a case: ISO 8601 with its offset."""
    if isinstance(value, datetime):
        return value if value.tzinfo else None
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else None


def check_all(fields: dict[str, Field], given: dict[str, Any]) -> dict[str, Any]:
    """Every field by its rule; what is not asked for is refused, too.

    Raises:
        Refused: with the field's title.
    """
    for name in given:
        if name not in fields:
            raise Refused("form", ", ".join(fields) or _("no fields"), name, _("Leave this field out."))
    found = {}
    for name, field in fields.items():
        value = _value(field, given.get(name))
        if value is not None:
            found[name] = value
    return found


def _value(field: Field, given: Any) -> Any:
    if given is None or given in ("", [], ()) or (field.kind is Kind.FLAG and given is False and field.required):
        if field.required:
            raise _refused(field, _("a value"), _("nothing"))
        return False if given is False else None
    match field.kind:
        case Kind.TEXT | Kind.PERSON:
            return _text(field, given)
        case Kind.NUMBER:
            if isinstance(given, bool) or not isinstance(given, int | float):
                raise _refused(field, _("a number"), str(given))
            return _bounded(field, given, given)
        case Kind.FLAG:
            if not isinstance(given, bool):
                raise _refused(field, _("yes or no"), str(given))
            return given
        case Kind.CHOICE:
            if given not in field.choices:
                raise _refused(field, ", ".join(field.choices), str(given))
            return given
        case Kind.INSTANT:
            moment = instant(given)
            if moment is None:
                raise _refused(field, _("a moment with its time zone, such as 2030-01-31T08:00+08:00"), str(given))
            return moment.isoformat()
        case Kind.PEOPLE | Kind.FILES:
            if not isinstance(given, list | tuple) or not all(isinstance(one, str) and one for one in given):
                raise _refused(field, _("a list"), str(given))
            return _bounded(field, len(given), list(given))


def _text(field: Field, given: Any) -> str:
    if not isinstance(given, str):
        raise _refused(field, _("a text"), str(given))
    text = given.strip()
    if not text and field.required:
        raise _refused(field, _("a value"), _("nothing"))
    if field.pattern and not re.fullmatch(field.pattern, text):
        raise _refused(field, field.pattern, text[:80])
    _bounded(field, len(text), text)
    return text


def _bounded(field: Field, size: float, value: Any) -> Any:
    if field.least is not None and size < field.least:
        raise _refused(field, _("at least %s") % field.least, str(size))
    if field.most is not None and size > field.most:
        raise _refused(field, _("at most %s") % field.most, str(size))
    return value


def _refused(field: Field, expected: str, came: str) -> Refused:
    return Refused("form", f"{field.title}: {expected}", came, _("Correct it and send again."))
