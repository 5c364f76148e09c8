"""A whole rule pack: the rows by which the kernel decides, and those that it shows.

A new row is one field here and one line in each written pack (configs/rules/*.yaml; `simulation` inherits from
`gb30871-2022`, `strictest` is computed). The field's type says which way is stricter.
"""

import functools
from functools import cached_property

import msgspec

from contracts.errors import ContractError
from contracts.gas import Unit
from contracts.level import Calendar
from contracts.permit import Level
from edge.interlock.rules.rows import (
    CLOCK,
    LIVENESS,
    Days,
    Flag,
    Higher,
    LevelRule,
    Limit,
    Lower,
    Word,
)


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """A whole pack; the YAML's keys, which say what each is. `sha256` covers every file that it was made from.

    `confined` replaces limits of the same gas inside a confined space. `site` names the site's own rules, if any.
    """

    name: str
    zh: str
    en: str
    simulation: bool
    # air
    temperature_c: Lower
    limits: tuple[Limit, ...]
    confined: tuple[Limit, ...]
    gas_test_age_s: Lower
    gas_test_daily: Flag
    gas_test_points_count: Higher
    gas_test_radius_m: Higher
    gas_record_s: Lower
    gas_summary_s: Lower
    gas_change_percent: Lower
    gas_trace_s: Higher
    # detectors
    bump_test_age_s: Lower
    bump_tolerance_percent: Lower
    bump_apply_s: Lower
    bump_hold_s: Higher
    bump_clear_s: Lower
    bump_still_percent: Lower
    calibration_age_d: Lower
    calibration_tolerance_percent: Lower
    calibration_window_s: Lower
    response_diffusion_s: Lower
    response_pumped_s: Lower
    catalytic_o2_vol_pct: Higher
    alarm_1_lel: Lower
    alarm_2_lel: Lower
    # permit and time
    levels: dict[Level, LevelRule]
    confined_validity_h: Lower
    confined_break_s: Lower
    approval_age_s: Lower
    precondition_ttl_s: Lower
    isolation_daily: Flag
    check_in_s: Lower
    ticket_check: Flag
    fire_watch_s: Higher
    # level upgrade and weather
    upgrade_days: Days
    night_from_h: Lower
    night_to_h: Higher
    wind_forbidden_grade: Lower
    wind_stop_grade: Lower
    # people and place
    guardians_here_count: Higher
    performers_here_count: Higher
    guardian_grace_s: Lower
    performer_grace_s: Lower
    badge_ttl_s: Lower
    badge_dwell_ms: Higher
    badge_battery_percent: Higher
    position_ttl_s: Lower
    position_min_satellites: Higher
    position_max_hdop_centi: Lower
    position_scatter_m: Lower
    position_speed_m_s: Lower
    position_settle_s: Higher
    tap_ttl_s: Lower
    tap_pair_s: Lower
    face_ttl_s: Lower
    face_recheck_s: Lower
    face_grace_s: Lower
    face_ahead_s: Higher
    face_distance_milli: Lower
    face_margin_milli: Higher
    face_frames_need_count: Higher
    face_frames_of_count: Lower
    face_frames_s: Lower
    face_size_px: Higher
    face_sharpness_milli: Higher
    face_dark_percent: Lower
    face_bright_percent: Lower
    face_turn_milli: Lower
    face_roll_deg: Lower
    face_apart_milli: Higher
    stranger_distance_milli: Lower
    stranger_s: Higher
    unknown_badge_s: Higher
    unknown_badge_trips: Flag
    liveness: Word
    liveness_actions_count: Higher
    liveness_action_s: Lower
    liveness_turn_milli: Higher
    liveness_relief_milli: Higher
    liveness_blink: Flag
    liveness_tries_count: Lower
    liveness_pause_s: Higher
    camera_ttl_s: Lower
    video_ttl_s: Lower
    video_segment_s: Lower
    video_room_s: Higher
    video_warn_s: Higher
    # the box itself
    attempt_s: Lower
    settle_ms: Lower
    dead_man_ms: Lower
    chatter_count: Lower
    contact_life_percent: Lower
    proof_pulse_ms: Lower
    inputs_ttl_ms: Lower
    debounce_ms: Higher
    stop_clear_ms: Higher
    enclosure_max_c: Lower
    audit_release_ms: Lower
    audit_run_ms: Lower
    outbox_warn_s: Lower
    outbox_alarm_s: Lower
    reset_window_s: Lower
    proof_test_s: Lower
    clock_quality: Word
    clock_step_ms: Lower
    clock_slew_ms: Lower
    clock_behind_s: Lower
    process_safety_time_s: Lower
    safety_time_share_percent: Lower
    # bypass
    bypass_max_s: Lower
    bypass_again_s: Higher
    bypass_max_count: Lower
    bypass_warning_s: Higher
    # distances and site
    approver_fence_m: Lower
    guardian_fence_m: Lower
    leak_source_m: Higher
    gas_release_m: Higher
    liquid_release_m: Higher
    painting_m: Higher
    dust_sweeping_m: Higher
    blind_work_m: Higher
    railway_m: Higher
    welder_m: Lower
    cylinder_gap_m: Higher
    cylinder_fire_m: Higher
    combustibles_cm: Higher
    fixed_area_m: Higher
    wash_water_m: Lower
    lamp_v: Lower
    lamp_wet_v: Lower
    # retention
    permit_retention_d: Higher
    video_retention_d: Higher
    sha256: str = ""
    site: str = ""

    def limit(self, code: str, unit: Unit, *, confined: bool = False) -> Limit:
        """The limit for a gas, expressed in the detector's unit, with plain bounds.

        Inside a confined space it is the stricter of the open limit and the one there, each side by itself.

        Raises:
            ContractError: the pack has no limit for this gas, or none whose unit converts.
        """
        tables = (*(self.confined if confined else ()), *self.limits)
        own = [limit for limit in tables if limit.gas == code]
        if not own:
            known = ", ".join(dict.fromkeys(limit.gas for limit in self.limits))
            raise ContractError("gas", f"a gas with a limit in {self.name} ({known})", code, "add its limit and clause")
        toxic = unit in (Unit.PPM, Unit.MG_M3)
        fitting = [limit for limit in own if (limit.unit in (Unit.PPM, Unit.MG_M3)) is toxic] or own[:1]
        return functools.reduce(Limit.narrowed, [_plain(limit.into(unit)) for limit in fitting])

    @cached_property
    def calendar(self) -> Calendar:
        """When a hot-work level rises by one (`contracts.level.upgrade_level`)."""
        days = self.upgrade_days
        return Calendar(
            frozenset(days.dates),
            frozenset(days.weekdays),
            self.night_from_h.value,
            self.night_to_h.value,
            self.wind_forbidden_grade.value,
        )

    @property
    def asks_for_proof(self) -> bool:
        """Whether people have to prove to be alive."""
        return self.liveness.value == LIVENESS[-1]

    def accepts_liveness(self, liveness: str) -> bool:
        """Whether a face with this liveness result counts."""
        return liveness in LIVENESS and LIVENESS.index(liveness) >= LIVENESS.index(self.liveness.value)

    def accepts_clock(self, quality: str) -> bool:
        """Whether a clock of this quality may decide about a permit's window."""
        return quality in CLOCK and CLOCK.index(quality) >= CLOCK.index(self.clock_quality.value)


def _plain(limit: Limit) -> Limit:
    """The same limit with bounds that pass: ``below`` becomes the highest value under it."""
    high = None if limit.high is None and limit.below is None else limit.top
    return msgspec.structs.replace(limit, high=high, below=None)
