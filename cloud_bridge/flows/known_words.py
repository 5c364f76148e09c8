"""Guards and effects that every flow may use."""

from datetime import timedelta

import msgspec
from django.utils.translation import gettext as _

from cloud_bridge.flows.definition import durations
from cloud_bridge.flows.definition.errors import Refused
from cloud_bridge.flows.definition.texts import Text
from cloud_bridge.flows.vocabulary import EffectKind, Guard, Occasion


class _Events(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    of: tuple[str, ...]


class _Fact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fact: str


class _Ran(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    clock: str
    least: str


class _Within(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    clock: str
    most: str


class _Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    field: str


class _Lead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    field: str
    most: str


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is told, how, and what."""

    to: tuple[str, ...]
    text: Text
    by: tuple[str, ...] = ("app",)


def _other_person(occasion: Occasion, params: _Events) -> Refused | None:
    acted = {identity for event in params.of for identity in occasion.case.acts.get(event, ())}
    if occasion.event.actor.identity not in acted:
        return None
    names = ", ".join(_event_title(occasion, event) for event in params.of)
    return Refused(
        "other_person", _("somebody who has not acted before in: %s") % names, _said(occasion),
        _("Ask somebody else to do it."),
    )  # fmt: skip


def _other_in_each_step(occasion: Occasion, _params: object) -> Refused | None:
    if occasion.event.actor.identity not in {done.identity for done in occasion.case.done}:
        return None
    return Refused(
        "other_in_each_step", _("a different person for each step"), _said(occasion),
        _("You have signed already: the next step needs somebody else."),
    )  # fmt: skip


def _other_office_in_each_step(occasion: Occasion, _params: object) -> Refused | None:
    office = occasion.event.actor.office
    if not office:
        return Refused(
            "other_office_in_each_step", _("somebody with an office"), _("none"),
            _("Ask the administrator to enter your office."),
        )  # fmt: skip
    if office not in {done.office for done in occasion.case.done}:
        return None
    return Refused(
        "other_office_in_each_step", _("people of different offices"), office,
        _("Ask somebody of another office to sign."),
    )  # fmt: skip


def _holds(occasion: Occasion, params: _Fact) -> Refused | None:
    # Only true is true: a fact that nobody stated holds for nobody.
    if occasion.event.facts.get(params.fact) is True:
        return None
    known = params.fact in occasion.event.facts
    return Refused(
        f"holds:{params.fact}", str(occasion.flow.vocabulary.facts[params.fact]),
        _("it does not hold") if known else _("nobody has stated it"),
        _("See to it, then try again."),
    )  # fmt: skip


def _ran(occasion: Occasion, params: _Ran) -> Refused | None:
    clock = occasion.case.clocks.get(params.clock)
    least = durations.parse(params.least) or timedelta.max
    ran = occasion.now - clock.at if clock else None
    if ran is not None and ran >= least:
        return None
    title = str(occasion.definition.clocks[params.clock])
    came = _("it has not begun") if ran is None else durations.say(max(ran, timedelta(0)))
    return Refused(
        "clock_ran", _("%(clock)s: at least %(time)s") % {"clock": title, "time": durations.say(least)}, came,
        _("Wait until the time is over."),
    )  # fmt: skip


def _within(occasion: Occasion, params: _Within) -> Refused | None:
    clock = occasion.case.clocks.get(params.clock)
    most = durations.parse(params.most) or timedelta(0)
    ran = occasion.now - clock.at if clock else None
    if ran is not None and ran <= most:
        return None
    title = str(occasion.definition.clocks[params.clock])
    came = _("it has not begun") if ran is None else durations.say(ran)
    return Refused(
        "clock_within", _("%(clock)s: at most %(time)s") % {"clock": title, "time": durations.say(most)}, came,
        _("The time is over: begin anew."),
    )  # fmt: skip


def _before(occasion: Occasion, params: _Field) -> Refused | None:
    from cloud_bridge.flows.engine.fields import instant
    from cloud_bridge.site_time import at_site

    moment = instant(occasion.case.data.get(params.field))
    if moment is not None and occasion.now < moment:
        return None
    title = str(occasion.definition.fields[params.field].title)
    return Refused(
        "before", _("a moment before: %s") % title, at_site(moment) if moment else _("none"),
        _("The time is over: begin anew."),
    )  # fmt: skip


def _not_too_early(occasion: Occasion, params: _Lead) -> Refused | None:
    from cloud_bridge.flows.engine.fields import instant
    from cloud_bridge.site_time import at_site

    moment = instant(occasion.case.data.get(params.field))
    most = durations.parse(params.most) or timedelta(0)
    if moment is not None and occasion.now >= moment - most:
        return None
    title = str(occasion.definition.fields[params.field].title)
    return Refused(
        "not_too_early", _("at most %(time)s before: %(field)s") % {"time": durations.say(most), "field": title},
        at_site(moment) if moment else _("none"), _("Come back later."),
    )  # fmt: skip


def _event_title(occasion: Occasion, event: str) -> str:
    for name, row in occasion.definition.transitions.items():
        if (row.event or name) == event:
            return str(row.title)
    return event


def _said(occasion: Occasion) -> str:
    return occasion.event.actor.name or occasion.event.actor.identity


GUARDS: dict[str, Guard] = {
    "other_person": Guard(
        Text("by somebody who has not brought these events", "由未曾参与所列环节的人办理"),
        _other_person,
        _Events,
        {"of": "event"},
    ),
    "other_in_each_step": Guard(Text("each step by a different person", "每一步由不同的人办理"), _other_in_each_step),
    "other_office_in_each_step": Guard(
        Text("each step by a different office", "每一步由不同部门办理"), _other_office_in_each_step
    ),
    "holds": Guard(Text("a condition holds", "条件成立"), _holds, _Fact, {"fact": "fact"}),
    "clock_ran": Guard(Text("a time has passed", "已满规定时间"), _ran, _Ran, {"clock": "clock"}),
    "clock_within": Guard(Text("within a time", "在规定时间内"), _within, _Within, {"clock": "clock"}),
    "before": Guard(Text("before a moment", "在某一时刻之前"), _before, _Field, {"field": "field"}),
    "not_too_early": Guard(Text("not too early", "不得过早"), _not_too_early, _Lead, {"field": "field"}),
}
EFFECTS: dict[str, EffectKind] = {
    "notify": EffectKind(Text("tell people", "通知"), Message, {"to": "recipient"}),
}
