"""The status document: what `hotbox status --json`, `watch`, the metrics and up/state show.

Times ending in `_us` are CLOCK_BOOTTIME; `left_ms` and `age_ms` are relative to `at_us`. Values and limits are
text as a person reads them ("12.5", "19.5–23.5"), with their unit beside them.
"""

import msgspec


class ReasonView(msgspec.Struct, frozen=True):
    """Why a condition fails or what tripped: code, subject (channel, person), value, limit, unit, clause, texts."""

    code: str
    subject: str
    value: str
    limit: str
    unit: str
    clause: str
    zh: str
    en: str
    todo_zh: str
    todo_en: str


class MeasureView(msgspec.Struct, frozen=True):
    """Something that a condition looks at: value against limit, its age, and whether it is inside (None: no limit)."""

    zh: str
    en: str
    subject: str
    value: str
    limit: str
    unit: str
    age_ms: int | None
    clause: str
    inside: bool | None


class VerdictView(msgspec.Struct, frozen=True, omit_defaults=True):
    """One condition: in which sets it counts (release, run), whether it passes, and its reasons when it does not.

    `hotbox explain` asks for what it looks at, too, and for one line on what keeps it fulfilled.
    """

    condition: str
    release: bool
    run: bool
    ok: bool
    zh: str
    en: str
    age_ms: int | None
    reasons: tuple[ReasonView, ...]
    shown: tuple[MeasureView, ...] = ()
    keep_zh: str = ""
    keep_en: str = ""


class ProofView(msgspec.Struct, frozen=True):
    """A bump test or calibration as it ended: `t` is its beginning, ms since 1970; `code` why it did not pass."""

    t: int
    result: str
    code: str
    zh: str
    en: str
    applied: float
    reading: float | None
    response_ms: int | None
    by: str
    bottle: str


class ExerciseView(msgspec.Struct, frozen=True):
    """A bump test or calibration that is going on: `kind` bump or calibration, `phase` apply, respond or clear.

    `low` and `high` bound the readings that pass; `left_ms` is what the phase has left.
    """

    kind: str
    phase: str
    applied: float
    baseline: float
    low: float
    high: float
    response_ms: int | None
    allowed_ms: int
    left_ms: int
    by: str
    bottle: str


class ChannelView(msgspec.Struct, frozen=True):
    """One gas channel. `quality` is good, stale, fault, over_range, under_range, warm_up or never.

    `life` is the detector's state (conditions/detectors.py). `bump_due` and `calibration_due` are seconds since 1970,
    0 when unknown or when the last test did not pass.
    """

    name: str
    gas: str
    zh: str
    en: str
    value: float | None
    unit: str
    quality: str
    age_ms: int | None
    limit_low: float | None
    limit_high: float | None
    range_high: float
    alarm: bool
    group: str
    bus: str
    life: str
    bump_due: int
    calibration_due: int
    bump: ProofView | None
    calibration: ProofView | None
    test: ExerciseView | None
    serial: str = ""


class SensorView(msgspec.Struct, frozen=True):
    """One process sensor. `quality` as a channel's; `use` is enclosure, wind or "" (what permits ask for)."""

    name: str
    quantity: str
    value: float | None
    unit: str
    quality: str
    age_ms: int | None
    bus: str
    use: str


class RemoteView(msgspec.Struct, frozen=True):
    """One detector fed over MQTT: its last word and how old it is; `alarm` when it trips."""

    name: str
    gas: str
    zh: str
    en: str
    value: float | None
    unit: str
    age_ms: int | None
    alarm: bool


class GroupView(msgspec.Struct, frozen=True):
    """One voting group: its vote (1oo1, 1oo2, 2oo3), trip votes, whether it is healthy.

    `acts_as` is the vote that its sound detectors still make, ``tripped`` when they make none; `degraded` while that
    differs from `vote`.
    """

    name: str
    vote: str
    votes_to_trip: int
    needed: int
    healthy: bool
    acts_as: str
    degraded: bool


class PersonView(msgspec.Struct, frozen=True):
    """One person of the permit: badge and face seen, and how long ago.

    `liveness` is proven, vouched, or not_proven; empty while no face was seen. `face_left_ms`: how long it counts yet,
    None where it does not, or for as long as the badge stays. `tries_left`: to prove to be alive, None where the rules
    do not ask for it.
    """

    id: str
    name: str
    role: str
    badge: int
    badge_ok: bool
    badge_age_ms: int | None
    face_ok: bool
    face_age_ms: int | None
    distance_milli: int | None
    liveness: str = ""
    face_left_ms: int | None = None
    tries_left: int | None = None


class PromptView(msgspec.Struct, frozen=True):
    """What somebody is asked to do now: look, left or right (the person's own), blink; `number` of `of` movements.

    `result` is open, or for a moment passed or failed.
    """

    person: str
    name: str
    role: str
    action: str
    zh: str
    en: str
    number: int
    of: int
    until_us: int
    left_ms: int
    result: str


class BadgeView(msgspec.Struct, frozen=True):
    """A badge that was believed: who wears it (``beacon``: fixed to the site), signal, battery in per cent if measured.

    `low`: its battery is below the pack's limit, which trips nothing.
    """

    badge: int
    name: str
    rssi_dbm: int
    battery: int | None
    low: bool
    age_ms: int


class DeviceView(msgspec.Struct, frozen=True):
    """A device of `presence`: radio, gnss or nfc; `code` and the texts say what is wrong, empty while it is well."""

    name: str
    ok: bool
    code: str
    zh: str
    en: str
    todo_zh: str
    todo_en: str
    age_ms: int
    count: int


class PreconditionView(msgspec.Struct, frozen=True):
    """What must hold on site: kind, limit and value in °C as text, the sensor, the point's tag, by whom it is known."""

    id: str
    text: str
    kind: str
    limit: str
    sensor: str
    ok: bool
    value: str
    by: str
    tag: str = ""


class TicketCheckView(msgspec.Struct, frozen=True):
    """The shift leader's newest check of the ticket: by whom, when (seconds since 1970), on which day (the first is 1).

    `ok`: it is today's.
    """

    by: str
    name: str
    t: int
    day: int
    ok: bool


class PermitView(msgspec.Struct, frozen=True):
    """The accepted permit; times in seconds since 1970; `approved_at` is the last approval's.

    `base_level` is the level by place and work: with `level` above it, work may go on at night and on rest days.
    `checked` is None while no shift leader has checked the ticket.
    """

    id: str
    level: str
    place: str
    content: str
    method: str
    nbf: int
    exp: int
    approvers: tuple[str, ...]
    approved_at: int
    preconditions: tuple[PreconditionView, ...]
    checked: TicketCheckView | None
    base_level: str = ""
    confined: bool = False


class CountdownView(msgspec.Struct, frozen=True):
    """A countdown that people should see.

    `what` is deadline, grace, fire_watch, attempt, bypass, identify, reset_window or vouching; `condition` is the
    one whose grace it is.
    """

    what: str
    subject: str
    until_us: int
    left_ms: int
    total_ms: int
    zh: str
    en: str
    condition: str = ""


class BypassView(msgspec.Struct, frozen=True):
    """A detector whose failure does not vote for a while: who allowed it, why, what watches instead, how long."""

    channel: str
    by: tuple[str, ...]
    reason: str
    measure: str
    left_ms: int


class SeriesView(msgspec.Struct, frozen=True):
    """A relay in series with the primary one: `contact` is closed, open or unknown, the last once its answer is old.

    `cycles` are the closings of this very contact, `used_percent` their share of its rated life, None where that is not
    stated (`rated_cycles` 0).
    """

    name: str
    contact: str
    age_ms: int | None
    cycles: int
    rated_cycles: int
    used_percent: int | None


class RelayView(msgspec.Struct, frozen=True):
    """The final element: what is commanded, what the dead-man and the contact say, and the relays in series with it.

    Both are `unknown` once the last status line is older than the dead-man time; `status_age_ms` says how old. `cycles`
    is the device's own count; `closings`, `rated_cycles` and `used_percent` are this contact's, as in `SeriesView`.
    """

    commanded: str
    deadman: str
    contact: str
    status_age_ms: int | None
    boots: int
    cycles: int
    closings: int = 0
    rated_cycles: int = 0
    used_percent: int | None = None
    series: tuple[SeriesView, ...] = ()


class RelayProofStepView(msgspec.Struct, frozen=True):
    """One step of a proof test: name, whether it passed, milliseconds, what was seen when it did not."""

    name: str
    ok: bool
    ms: int
    seen: str


class RelayProofView(msgspec.Struct, frozen=True):
    """The final element's proof test: the running one, else the last.

    `running` is the step in progress, empty when it has ended; `ok` is then its result. `by`: ids of the two people.
    """

    running: str
    ok: bool
    at_us: int
    by: tuple[str, ...]
    steps: tuple[RelayProofStepView, ...]


class AuditView(msgspec.Struct, frozen=True):
    """The log: leaves, of which witnessed by the bridge, age of the oldest leaf that is not, writer health.

    `epoch` counts the logs of this box; `epoch_pending`: this one waits for the bridge's word. `bytes` of `budget` are
    in use, `fs_free` are left on its filesystem, `full` is "", "warn" or "stop"; the first `pruned` leaves were deleted
    here once they were witnessed; `written_bytes` went to disks since the interlock's start; `untyped` events do not
    fit their type; `rollback`: the bridge witnessed more than this log has, or something else.
    """

    size: int
    acked: int
    unacked_age_ms: int
    writable: bool
    age_ms: int
    epoch: int = 1
    epoch_pending: bool = False
    bytes: int = 0
    budget: int = 0
    full: str = ""
    pruned: int = 0
    written_bytes: int = 0
    untyped: int = 0
    fs_free: int = 0
    rollback: bool = False


class BusView(msgspec.Struct, frozen=True):
    """One field bus: polls and bad frames since start, last cycle, its budget."""

    name: str
    ok: bool
    polls: int
    errors: int
    cycle_ms: float
    budget_ms: float


class EventView(msgspec.Struct, frozen=True):
    """One of the last events, newest last."""

    seq: int
    t: int
    type: str
    sev: str
    zh: str
    en: str


class VideoView(msgspec.Struct, frozen=True):
    """The recorder: health (recording, ready, full, failed, no_picture, starting, off), whose work, what room is left.

    `written_age_ms`: age of the newest picture on the disk, None where there is none.
    """

    health: str
    permit: str
    left_s: int
    used_mib: int
    most_mib: int
    age_ms: int
    written_age_ms: int | None


class PermitAnswerView(msgspec.Struct, frozen=True):
    """What became of permits that were handed in.

    Attributes:
        accepted: the one accepted last that the box still holds; "" when there is none.
        receipt: what the screen's acceptance QR says of it (contracts/acceptance.py).
        refused: the one refused last, while that is the newest answer; "" also when it could not be read.
        code: why it was refused; "" when the newest answer is no refusal.
        refused_t: when, ms since 1970.
    """

    accepted: str = ""
    receipt: str = ""
    refused: str = ""
    code: str = ""
    refused_t: int = 0


class Status(msgspec.Struct, frozen=True):
    """Everything at one moment. `place_token` is what the screen's QR says (contracts/place.py), if there is one.

    `gas_now` names the detectors whose gas trips a vote now; an over-range latch in clean air is none of them.
    """

    box: str
    baseline: str
    rules: str
    rules_sha256: str
    boot: int
    t: int
    at_us: int
    state: str
    state_zh: str
    state_en: str
    since_us: int
    attempt: int
    reset_done: bool
    first_out: ReasonView | None
    consequences: tuple[ReasonView, ...]
    permit: PermitView | None
    verdicts: tuple[VerdictView, ...]
    channels: tuple[ChannelView, ...]
    groups: tuple[GroupView, ...]
    people: tuple[PersonView, ...]
    relay: RelayView
    relay_proof: RelayProofView | None
    inputs: dict[str, bool | None]
    countdowns: tuple[CountdownView, ...]
    audit: AuditView
    buses: tuple[BusView, ...]
    events: tuple[EventView, ...]
    loop_lag_ms: float
    evaluations: int
    bypasses: tuple[BypassView, ...] = ()
    sensors: tuple[SensorView, ...] = ()
    remotes: tuple[RemoteView, ...] = ()
    badges: tuple[BadgeView, ...] = ()
    devices: tuple[DeviceView, ...] = ()
    place_token: str = ""
    permit_answer: PermitAnswerView = PermitAnswerView()
    gas_now: tuple[str, ...] = ()
    prompt: PromptView | None = None
    video: VideoView | None = None
