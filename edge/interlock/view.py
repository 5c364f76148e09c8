"""Builds the status document (status.py) from a step's facts and verdicts. Pure."""

import msgspec

from contracts.permit import PermitClaims, Precondition, Role
from edge.config import BUTTONS
from edge.gas.reading import Quality, Reading
from edge.interlock.conditions import CONDITIONS, Facts, Verdict
from edge.interlock.conditions.air import GAS_ALARMS, acting_vote, gas_now, group_votes, votes_to_trip
from edge.interlock.conditions.detectors import calibration_end_s, life
from edge.interlock.conditions.faces import face_left_ms, face_problem, liveness, tries_left
from edge.interlock.conditions.measures import SHOWN, Measure, measures
from edge.interlock.conditions.permit import late_s
from edge.interlock.conditions.preconditions import missing, proof_of
from edge.interlock.detector_replacing import serial_of
from edge.interlock.detector_tests import channel_terms
from edge.interlock.local_time import local_time
from edge.interlock.presence_view import badges, devices
from edge.interlock.prompt_view import prompt
from edge.interlock.proof_test import HELD, step_of
from edge.interlock.proving import UNPROVEN, Exercise, Phase, Proof, Result
from edge.interlock.reasons import fill, text
from edge.interlock.site import SiteChannel, SiteGroup, SiteRelay
from edge.interlock.state import Mode, ProofStep, Reason, milli
from edge.interlock.status import (
    AuditView,
    BusView,
    BypassView,
    ChannelView,
    CountdownView,
    EventView,
    ExerciseView,
    GroupView,
    MeasureView,
    PermitAnswerView,
    PermitView,
    PersonView,
    PreconditionView,
    ProofView,
    ReasonView,
    RelayProofStepView,
    RelayProofView,
    RelayView,
    RemoteView,
    SensorView,
    SeriesView,
    Status,
    TicketCheckView,
    VerdictView,
    VideoView,
)
from edge.interlock.taking import IDENTIFY_US
from edge.interlock.texts import ENDS, STATES
from edge.interlock.vouching import open_for

replace = msgspec.structs.replace


def _number(milli: int | None) -> str:
    return "" if milli is None else f"{milli / 1000:.3f}".rstrip("0").rstrip(".")


def _said(milli: int | None, unit: str) -> str:
    """A number, or the moment that a count of seconds since 1970 stands for."""
    return local_time(milli // 1000) if unit == "unix_s" and milli is not None else _number(milli)


def reason_view(reason: Reason) -> ReasonView:
    """A reason with its texts."""
    words = text(reason.code)
    return ReasonView(
        code=reason.code,
        subject=reason.subject,
        value=_said(reason.value_milli, reason.unit),
        limit=_said(reason.limit_milli, reason.unit),
        unit="" if reason.unit == "unix_s" else reason.unit,
        clause=reason.clause,
        zh=fill(words.zh, reason.subject),
        en=fill(words.en, reason.subject),
        todo_zh=fill(words.todo_zh, reason.subject),
        todo_en=fill(words.todo_en, reason.subject),
    )


def _age_ms(f: Facts, at_us: int | None) -> int | None:
    return None if at_us is None else max(0, (f.now_us - at_us) // 1000)


def _age_and_quality(f: Facts, reading: Reading | None, stale_us: int) -> tuple[int | None, Quality]:
    """How old a reading is, and what it is worth at that age."""
    if reading is None:
        return None, Quality.NEVER
    stale = reading.quality is Quality.GOOD and f.now_us - reading.at_us > stale_us
    return _age_ms(f, reading.at_us), Quality.STALE if stale else reading.quality


def _sensors(f: Facts) -> tuple[SensorView, ...]:
    views = []
    for sensor in f.site.sensors:
        reading = f.snapshot.sensors.get(sensor.name)
        age_ms, quality = _age_and_quality(f, reading, sensor.stale_us)
        use = {f.site.enclosure: "enclosure", f.site.wind: "wind"}.get(sensor.name, "")
        value = None if reading is None else reading.value
        views.append(
            SensorView(sensor.name, sensor.quantity, value, sensor.unit, quality.value, age_ms, sensor.bus, use)
        )
    return tuple(views)


def _remotes(f: Facts) -> tuple[RemoteView, ...]:
    views = []
    for remote in f.site.remotes:
        said = f.snapshot.remotes.get(remote.name)
        value, age_ms = (None, None) if said is None else (said.value_milli / 1000, _age_ms(f, said.at_us))
        alarm = remote.name in votes_to_trip(f)
        unit = remote.limit.unit.value
        views.append(RemoteView(remote.name, remote.gas, remote.zh, remote.en, value, unit, age_ms, alarm))
    return tuple(views)


def _channels(f: Facts) -> tuple[ChannelView, ...]:
    views = []
    for channel in f.site.channels:
        reading = f.snapshot.readings.get(channel.name)
        record = f.durable.detectors.get(channel.name, UNPROVEN)
        age_ms, quality = _age_and_quality(f, reading, channel.stale_us)
        views.append(
            ChannelView(
                name=channel.name,
                gas=channel.gas,
                zh=channel.zh,
                en=channel.en,
                value=reading.value if reading else None,
                unit=channel.limit.unit.value,
                quality=quality.value,
                age_ms=age_ms,
                limit_low=channel.limit.low,
                limit_high=channel.limit.high,
                range_high=channel.range_high,
                alarm=channel.name in votes_to_trip(f),
                group=channel.group,
                bus=channel.bus,
                life=life(f, channel).value,
                bump_due=_bump_due(f, record.bump),
                calibration_due=0 if _undone(record.calibration) else calibration_end_s(f, channel),
                bump=_proof(channel, record.bump),
                calibration=_proof(channel, record.calibration),
                test=_test(f, channel, f.volatile.exercises.get(channel.name)),
                serial=serial_of(f, channel),
            )
        )
    return tuple(views)


def _undone(proof: Proof | None) -> bool:
    return proof is not None and proof.result is not Result.PASSED


def _bump_due(f: Facts, proof: Proof | None) -> int:
    return 0 if proof is None or _undone(proof) else proof.t // 1000 + f.rules.bump_test_age_s.value


def _proof(channel: SiteChannel, proof: Proof | None) -> ProofView | None:
    if proof is None:
        return None
    words = text(proof.code) if proof.code else None
    return ProofView(
        proof.t, proof.result.value, proof.code, fill(words.zh, channel.name) if words else "",
        fill(words.en, channel.name) if words else "", proof.applied, proof.reading, proof.response_ms, proof.by,
        proof.bottle,
    )  # fmt: skip


def _test(f: Facts, channel: SiteChannel, test: Exercise | None) -> ExerciseView | None:
    if test is None:
        return None
    limits = channel_terms(f.rules, channel, test)
    ends = {
        Phase.APPLY: test.began_us + limits.apply_us,
        Phase.RESPOND: test.still_us + limits.respond_us,
        Phase.CLEAR: test.phase_us + limits.clear_us,
    }
    return ExerciseView(
        test.kind.value, test.phase.value, test.applied, test.baseline, test.applied - limits.band,
        test.applied + limits.band, test.response_ms, limits.respond_us // 1000,
        max(0, (ends[test.phase] - f.now_us) // 1000), test.by, test.bottle,
    )  # fmt: skip


def _group(f: Facts, group: SiteGroup) -> GroupView:
    votes, needed = group_votes(f, group)
    dead = sum(reason.code not in GAS_ALARMS for reason in votes)
    bypassed = {bypass.channel for bypass in f.durable.bypasses if bypass.holds(f.now_us)}
    heads = sum(channel.name not in bypassed for channel in group.channels)
    if heads == len(group.channels):
        acts_as = acting_vote(group.vote, heads - dead)
    else:
        acts_as = "tripped" if dead or not heads else f"1oo{heads}"
    return GroupView(
        group.name, group.vote, len(votes), needed, len(votes) < needed, acts_as, degraded=acts_as != group.vote
    )


def _people(f: Facts) -> tuple[PersonView, ...]:
    if f.permit is None:
        return ()
    badge_ttl_ms = f.rules.badge_ttl_s.value * 1000
    views = []
    for person in f.permit.people:
        badge, face = f.snapshot.badges.get(person.badge), f.snapshot.faces.get(person.id)
        badge_age, face_age = _age_ms(f, badge.at_us if badge else None), _age_ms(f, face.at_us if face else None)
        views.append(
            PersonView(
                id=person.id,
                name=person.name,
                role=person.role.value,
                badge=person.badge,
                badge_ok=badge_age is not None and badge_age <= badge_ttl_ms,
                badge_age_ms=badge_age,
                face_ok=face_problem(f, person) is None,
                face_age_ms=face_age,
                distance_milli=face.distance_milli if face else None,
                liveness=liveness(f, person.id)[1],
                face_left_ms=face_left_ms(f, person),
                tries_left=tries_left(f, person.id) if f.rules.asks_for_proof else None,
            )
        )
    return tuple(sorted(views, key=lambda view: view.role != Role.GUARDIAN.value))


def _countdown(
    f: Facts, what: str, subject: str, until_us: int, total_ms: int, zh: str, en: str, condition: str = ""
) -> CountdownView:
    return CountdownView(what, subject, until_us, max(0, (until_us - f.now_us) // 1000), total_ms, zh, en, condition)


_ROLES = ("guardian", "performer")
"""Conditions whose grace is somebody's who is away."""


def _countdowns(f: Facts, verdicts: dict[str, Verdict]) -> tuple[CountdownView, ...]:
    views = []
    durable = f.durable
    grace = f.volatile.grace
    absent = {reason.subject for name in _ROLES if name in grace for reason in verdicts[name].reasons}
    for name, began in grace.items():
        verdict = verdicts[name]
        if name not in _ROLES and all(reason.subject in absent for reason in verdict.reasons):
            continue  # whoever is away has to come back first: one countdown says so, and it ends sooner
        reason = reason_view(verdict.reasons[0])
        left_s = max(0, -(-(began + verdict.grace_us - f.now_us) // 1_000_000))
        views.append(
            _countdown(
                f,
                "grace",
                reason.subject,
                began + verdict.grace_us,
                verdict.grace_us // 1000,
                f"{reason.zh}，{left_s} 秒后切断",
                f"{reason.en}: opens in {left_s} s",
                name,
            )
        )
    if durable.mode is Mode.RELEASED:
        total_ms = max(1, (durable.deadline_us - durable.released_us) // 1000)
        views.append(
            _countdown(f, "deadline", durable.active, durable.deadline_us, total_ms, *ENDS[durable.deadline_by])
        )
    if durable.fire_watch is not None:
        watch = durable.fire_watch
        total_ms = (watch.until_us - watch.started_us) // 1000
        views.append(_countdown(f, "fire_watch", watch.permit, watch.until_us, total_ms, "看火", "fire watch"))
    if durable.mode is Mode.ARMED:
        total_ms = f.rules.attempt_s.value * 1000
        views.append(
            _countdown(
                f, "attempt", str(durable.attempt), durable.armed_us + total_ms * 1000, total_ms, "点火申请", "attempt"
            )
        )
    for bypass in durable.bypasses:
        total_ms = (bypass.until_us - bypass.since_us) // 1000
        zh, en = f"旁路 {bypass.channel}", f"bypass of {bypass.channel}"
        views.append(_countdown(f, "bypass", bypass.channel, bypass.until_us, total_ms, zh, en))
    if f.volatile.identify_until_us > f.now_us:
        zh, en = f"这是作业盒 {f.site.box}", f"this is box {f.site.box}"
        until_us, total_ms = f.volatile.identify_until_us, IDENTIFY_US // 1000
        views.append(_countdown(f, "identify", f.site.box, until_us, total_ms, zh, en))
    if f.volatile.reset_window_until_us > f.now_us:
        total_ms = f.rules.reset_window_s.value * 1000
        views.append(
            _countdown(f, "reset_window", "", f.volatile.reset_window_until_us, total_ms, "复位窗口", "reset window")
        )
    waiting = open_for(f)
    if waiting is not None:
        by = next((person.name for person in f.site.roster if person.id == waiting.by), waiting.by)
        what_zh, what_en = ("刷卡", "card") if f.site.reads_cards else ("转动复位钥匙", "reset key")
        zh, en = f"等待 {by} {what_zh}确认：{waiting.person}", f"waits for {by}: {what_en}, for {waiting.person}"
        total_ms = (waiting.until_us - waiting.at_us) // 1000
        views.append(_countdown(f, "vouching", waiting.person, waiting.until_us, total_ms, zh, en))
    return tuple(views)


def _permit(f: Facts) -> PermitView | None:
    permit = f.permit
    if permit is None:
        return None
    return PermitView(
        id=permit.jti,
        level=permit.level.value,
        base_level=(permit.base_level or permit.level).value,
        confined=permit.confined,
        place=permit.place,
        content=permit.content,
        method=permit.method,
        nbf=permit.nbf,
        exp=permit.exp,
        approvers=tuple(f"{approval.name} ({approval.office})" for approval in permit.approvals),
        approved_at=max(approval.at for approval in permit.approvals),
        preconditions=tuple(_precondition(f, wanted) for wanted in permit.preconditions),
        checked=_ticket_check(f, permit),
    )


def _ticket_check(f: Facts, permit: PermitClaims) -> TicketCheckView | None:
    check = f.durable.ticket_checks.get(permit.jti)
    if check is None:
        return None
    name = next((person.name for person in f.site.roster if person.id == check.person), check.person)
    return TicketCheckView(check.person, name, check.t, check.day + 1, late_s(f, permit)[0] == check.day)


def _precondition(f: Facts, wanted: Precondition) -> PreconditionView:
    proof, reading = proof_of(f, wanted), f.snapshot.sensors.get(wanted.sensor)
    measured = milli(reading.value) if reading is not None else proof.value_milli if proof else None
    return PreconditionView(
        id=wanted.id,
        text=wanted.text,
        kind=wanted.kind,
        limit=_number(wanted.limit_milli),
        sensor=wanted.sensor,
        ok=missing(f, wanted) is None,
        value=_number(measured),
        by=proof.person if proof else "",
        tag=wanted.tag,
    )


def _verdicts(verdicts: dict[str, Verdict]) -> tuple[VerdictView, ...]:
    return tuple(
        VerdictView(
            condition=condition.name,
            release=condition.release,
            run=condition.run,
            ok=verdict.ok,
            zh=condition.zh,
            en=condition.en,
            age_ms=None if verdict.age_us is None else verdict.age_us // 1000,
            reasons=tuple(reason_view(reason) for reason in verdict.reasons),
        )
        for condition in CONDITIONS
        for verdict in (verdicts[condition.name],)
    )


def _limit(measure: Measure) -> str:
    """``≤ 10``, ``≥ 19.5``, ``19.5–23.5`` or nothing."""
    low, high = (None if bound is None else _decimal(bound) for bound in (measure.low, measure.high))
    if low is not None and high is not None:
        return f"{low}–{high}"
    if high is not None:
        return f"{'<' if measure.below else '≤'} {high}"
    return "" if low is None else f"≥ {low}"


def _decimal(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def explain(f: Facts, verdicts: dict[str, Verdict]) -> tuple[VerdictView, ...]:
    """Every condition with what it looks at: for `hotbox explain`, now or about a recorded decision."""
    views = []
    for view in _verdicts(verdicts):
        shown = tuple(
            MeasureView(
                zh=measure.zh,
                en=measure.en,
                subject=measure.subject,
                value="" if measure.value is None else _decimal(measure.value),
                limit=_limit(measure),
                unit=measure.unit,
                age_ms=_age_ms(f, measure.at_us),
                clause=measure.clause,
                inside=measure.inside,
            )
            for measure in measures(view.condition, f)
        )
        keep = SHOWN.get(view.condition)
        views.append(
            replace(view, shown=shown, keep_zh=keep.keep_zh if keep else "", keep_en=keep.keep_en if keep else "")
        )
    return tuple(views)


def _relay(f: Facts) -> RelayView:
    status = f.snapshot.deadman
    commanded = "closed" if f.durable.mode is Mode.RELEASED or step_of(f.volatile.proof_run) in HELD else "open"
    if status is None:
        return RelayView(commanded, "unknown", "unknown", None, 0, 0)
    age_ms = _age_ms(f, status.at_us)
    if f.now_us - status.at_us > f.rules.dead_man_ms.value * 1000:
        # What an old line said is no fact about the contact now: silence is not a state.
        return RelayView(commanded, "unknown", "unknown", age_ms, status.boots, status.cycles)
    return RelayView(
        commanded,
        "closed" if status.latch_closed else f"open ({status.cause})",
        "closed" if status.contact_closed else "open",
        age_ms,
        status.boots,
        status.cycles,
    )


def _chain(f: Facts) -> RelayView:
    """The primary with its contact's life, and what stands in series with it."""
    view = _relay(f)
    for relay in f.site.relays:
        made, rated, used = _life(f, relay)
        if relay.name:
            view = replace(view, series=(*view.series, _in_series(f, relay)))
        else:
            view = replace(view, closings=made, rated_cycles=rated, used_percent=used)
    return view


def _life(f: Facts, relay: SiteRelay) -> tuple[int, int, int | None]:
    """Closings of a contact, its rated ones, and the share in percent, rounded down."""
    made, rated = f.durable.cycles.get(relay.contact, 0), relay.rated_cycles
    return made, rated, made * 100 // rated if rated else None


def _in_series(f: Facts, relay: SiteRelay) -> SeriesView:
    made, rated, used = _life(f, relay)
    seen = f.snapshot.series.get(relay.name)
    if seen is None:
        return SeriesView(relay.name, "unknown", None, made, rated, used)
    contact = "closed" if seen.contact_closed else "open"
    if f.now_us - seen.at_us > f.rules.settle_ms.value * 1000:
        contact = "unknown"
    return SeriesView(relay.name, contact, _age_ms(f, seen.at_us), made, rated, used)


def _relay_proof(f: Facts) -> RelayProofView | None:
    run, last = f.volatile.proof_run, f.durable.proof_test
    if run is not None:
        return RelayProofView(step_of(run), False, run.began_us, run.by, _relay_proof_steps(run.steps))
    return None if last is None else RelayProofView("", last.ok, last.at_us, last.by, _relay_proof_steps(last.steps))


def _relay_proof_steps(steps: tuple[ProofStep, ...]) -> tuple[RelayProofStepView, ...]:
    return tuple(RelayProofStepView(step.name, step.ok, step.ms, step.seen) for step in steps)


def _video(f: Facts) -> VideoView | None:
    seen = f.snapshot.video
    if seen is None:
        return None
    return VideoView(
        seen.health, seen.permit, seen.left_s, seen.used_mib, seen.most_mib, max(0, (f.now_us - seen.at_us) // 1000),
        _age_ms(f, seen.written_us or None),
    )  # fmt: skip


def _inputs(f: Facts) -> dict[str, bool | None]:
    read, names = f.snapshot.inputs, (*BUTTONS, *f.site.contacts)
    if read is None or f.now_us - read.at_us > f.rules.inputs_ttl_ms.value * 1000:
        return dict.fromkeys(names)
    return {name: getattr(read, name) for name in names}


def build(
    f: Facts,
    verdicts: dict[str, Verdict],
    *,
    boot: int,
    audit: AuditView,
    buses: tuple[BusView, ...],
    events: tuple[EventView, ...],
    loop_lag_ms: float,
    evaluations: int,
    place_token: str = "",
    permit_answer: PermitAnswerView = PermitAnswerView(),  # noqa: B008 - frozen
) -> Status:
    """The status document at one moment."""
    durable = f.durable
    zh, en = STATES[durable.mode.value]
    if durable.mode is Mode.TRIPPED and durable.reset_done:
        zh, en = "已复位，看火中", "reset, fire watch running"
    return Status(
        box=f.site.box,
        baseline=f.site.baseline,
        rules=f.rules.name,
        rules_sha256=f.rules.sha256,
        boot=boot,
        t=f.snapshot.clock.t + (f.now_us - f.snapshot.clock.at_us) // 1000,
        at_us=f.now_us,
        state=durable.mode.value,
        state_zh=zh,
        state_en=en,
        since_us=durable.since_us,
        attempt=durable.attempt,
        reset_done=durable.reset_done,
        first_out=reason_view(durable.first_out) if durable.first_out else None,
        consequences=tuple(reason_view(reason) for reason in durable.consequences),
        permit=_permit(f),
        verdicts=_verdicts(verdicts),
        channels=_channels(f),
        groups=tuple(
            _group(f, group) for group in f.site.groups
        ),
        people=_people(f),
        relay=_chain(f),
        relay_proof=_relay_proof(f),
        inputs=_inputs(f),
        countdowns=_countdowns(f, verdicts),
        audit=audit,
        buses=buses,
        events=events,
        loop_lag_ms=loop_lag_ms,
        evaluations=evaluations,
        bypasses=tuple(
            BypassView(b.channel, b.by, b.reason, b.measure, max(0, (b.until_us - f.now_us) // 1000))
            for b in durable.bypasses
        ),
        sensors=_sensors(f),
        badges=badges(f),
        devices=devices(f),
        place_token=place_token,
        permit_answer=permit_answer,
        remotes=_remotes(f),
        gas_now=gas_now(f, verdicts["gas"]),
        prompt=prompt(f),
        video=_video(f),
    )
