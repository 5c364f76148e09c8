"""`hotbox config check`: what a configuration means in numbers, before anything is driven by it."""

import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from contracts.errors import ContractError
from contracts.gas import Kind, gas
from edge.cli import printing
from edge.cli.choices import choices
from edge.cli.sections import BAD, DIM, GOOD, SOME
from edge.cli.words import Words, limits
from edge.config import SIMULATION, BoxConfig, load
from edge.gas import budget
from edge.gas.budget import BusBudget, inputs_stale_limit_us
from edge.gpio import keeps_outputs
from edge.interlock import rules, safety_time, site, trust
from edge.interlock.rules import Rules
from edge.interlock.safety_time import SafetyTime
from edge.presence.badges import load_secrets

FILE_FROM = {"badges": "from.badges", "templates": "from.enrol"}
"""Where a needed file comes from, by its name in the catalogue; every other one comes from the bridge."""

config_app = typer.Typer(no_args_is_help=True, help="The configuration file.")


class Caution(msgspec.Struct, frozen=True):
    """Something to look after that does not stop the box: field, and a text in both languages."""

    field: str
    zh: str
    en: str


class LimitOf(msgspec.Struct, frozen=True):
    """One channel's limit in its detector's unit, and the clause behind it."""

    channel: str
    gas: str
    unit: str
    low: float | None
    high: float | None
    clause: str
    group: str
    vote: str
    calibration_due: str


class Checked(msgspec.Struct, frozen=True):
    """Everything that was worked out from an accepted configuration."""

    ok: bool
    file: str
    box: str
    baseline: str
    rules: str
    rules_sha256: str
    site_rules: str
    process_safety_time_s: int
    process_safety_clause: str
    safety_time_share_percent: int
    buses: tuple[BusBudget, ...]
    flip_to_relay_ms: dict[str, float]
    safety_time: tuple[SafetyTime, ...]
    limits: tuple[LimitOf, ...]
    quorum: tuple[str, ...]
    quorum_need: int
    warnings: tuple[Caution, ...]


def examine(path: Path, today: datetime.date) -> Checked:
    """Check one file as the interlock would at its start.

    Raises:
        ContractError: the interlock would refuse it.
        OSError: the file cannot be read.
    """
    config = load(path)
    pack = rules.effective(config.baseline, config.site_rules)
    budgets = budget.check(config)
    built = site.build(config, pack, budget.stale_limits_us(config))
    times = safety_time.check(config, pack)
    cautions = (*_warnings(config, pack, today), *_brought(config))
    votes = {group.name: group.vote for group in built.groups}
    due = {channel.name: channel.calibration_due for channel in config.channels}
    found = tuple(
        LimitOf(
            c.name,
            c.gas,
            c.limit.unit.value,
            c.limit.low,
            c.limit.high,
            c.limit.clause,
            c.group,
            votes[c.group],
            due[c.name],
        )
        for c in built.channels
    )
    return Checked(
        True, str(path), config.box, config.baseline, pack.name, pack.sha256, pack.site,
        pack.process_safety_time_s.value, pack.process_safety_time_s.clause, pack.safety_time_share_percent.value,
        tuple(budgets), {one.name: safety_time.flip_to_relay_ms(one, pack) for one in budgets}, times, found,
        config.presence.quorum, config.presence.proofs_needed, cautions,
    )  # fmt: skip


def _warning(field: str, key: str, **values: object) -> Caution:
    return Caution(field, Words("zh")(key, **values), Words("en")(key, **values))


def _warnings(config: BoxConfig, pack: Rules, today: datetime.date) -> list[Caution]:
    found = []
    if config.baseline == SIMULATION:
        found.append(_warning("baseline", "warn_simulation"))
    place = config.presence
    if place.proofs_needed < len(place.quorum):
        proofs = {"need": place.proofs_needed, "all": len(place.quorum), "names": ", ".join(place.quorum)}
        found.append(_warning("presence.quorum_need", "warn_quorum", **proofs))
    if config.inputs.kind == "modbus" and inputs_stale_limit_us(config) > pack.inputs_ttl_ms.value * 1000:
        limit = {"stale": round(inputs_stale_limit_us(config) / 1000), "ttl": pack.inputs_ttl_ms.value}
        found.append(_warning("inputs.bus", "warn_inputs", bus=config.inputs.bus, **limit))
    for channel in config.channels:
        field = f"channels.{channel.name}"
        if not channel.calibration_due:
            found.append(_warning(f"{field}.calibration_due", "warn_no_due", name=channel.name))
        elif datetime.date.fromisoformat(channel.calibration_due) < today:
            found.append(
                _warning(f"{field}.calibration_due", "warn_due", name=channel.name, day=channel.calibration_due)
            )
        if not channel.serial:
            found.append(_warning(f"{field}.serial", "warn_no_serial", name=channel.name))
    if not any(gas(channel.gas).kind is Kind.OXYGEN for channel in config.channels):
        found.append(_warning("channels", "warn_no_oxygen"))
    if not (pack.accepts_clock("none") or (config.clock.rtc and Path(config.clock.rtc, "since_epoch").exists())):
        path = config.clock.rtc or "–"
        found.append(_warning("clock.rtc", "warn_no_rtc", path=path))
    lines = [one.name for one in config.relay.series if one.kind == "gpio"]
    if lines and keeps_outputs():
        found.extend(_warning(f"relay.series.{name}", "warn_keeps", name=name) for name in lines)
    return found


def _brought(config: BoxConfig) -> list[Caution]:
    """Cautions about files that others bring and that are not there yet.

    Raises:
        ContractError: a file that is there holds something else.
    """
    found = []
    needed = needed_files(config)
    absent = [name for name, path in needed.items() if not _there(path)]
    for name in absent:
        key = "warn_missing" if name == "templates" else "warn_missing_start"
        both = {}
        for lang in ("zh", "en"):
            words = Words(lang)
            source = words(FILE_FROM.get(name, "from.bridge"), box=config.box)
            both[lang] = words(key, what=words(f"file.{name}"), path=needed[name], source=source)
        found.append(Caution(name, both["zh"], both["en"]))
    if "permit_keys" not in absent and "command_keys" not in absent:
        trust.bridge_keys(config)
    if "witness" not in absent:
        trust.witness(config)
    if "badges" in needed and "badges" not in absent:
        found += _badge_cautions(config, needed["badges"])
    if config.presence.gnss is not None and not Path(config.presence.gnss.device).exists():
        found.append(_warning("presence.gnss.device", "warn_no_gnss", path=config.presence.gnss.device))
    return found


def _there(path: Path) -> bool:
    """Whether there is something; what this user may not see counts as there, and reading it says so."""
    try:
        return path.exists()
    except PermissionError:
        return True


def _badge_cautions(config: BoxConfig, path: Path) -> list[Caution]:
    try:
        secrets = load_secrets(path)
    except PermissionError:
        # Made for the presence process's user alone: others cannot look into it, which is right.
        return [_warning("presence.badges.secrets", "warn_unread", path=path)]
    return [
        _warning("presence.badges.secrets", "warn_no_secret", badge=person.badge, name=person.name)
        for person in config.roster
        if person.badge not in secrets
    ]


def needed_files(config: BoxConfig) -> dict[str, Path]:
    """What others must bring before the box can work, by its name in the catalogue."""
    found = {
        "permit_keys": Path(config.bridge.permit_keys),
        "command_keys": Path(config.bridge.command_keys),
        "witness": Path(config.bridge.witness),
    }
    if config.presence.badges is not None:
        found["badges"] = Path(config.presence.badges.secrets)
    return found | {"templates": Path(config.vision.templates)}


@config_app.callback()
def _config() -> None:
    """The configuration file."""


@config_app.command("check")
def check_command(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="File to check; without it the one of -c.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a configuration: bus budgets, limits, process safety time.

    Exit codes: 0 accepted, 1 refused.
    """
    chosen = choices(context)
    path, words = file or chosen.config, chosen.words
    try:
        checked = examine(path, datetime.datetime.now().astimezone().date())
    except ContractError as error:
        if as_json:
            problem = {"field": error.field, "expected": error.expected, "came": error.came, "hint": error.hint}
            printing.document({"ok": False, "file": str(path), "error": problem})
        else:
            printing.refusal(error, words, words("config_refused", path=path))
        raise typer.Exit(printing.REFUSED) from None
    if as_json:
        printing.document(checked)
        return
    _show(checked, words)


def _table(title: str, columns: tuple[tuple[str, bool], ...]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style=DIM)
    for name, numeric in columns:
        # Only the last column may fold: numbers and names are never cut.
        table.add_column(name, justify="right" if numeric else "left", no_wrap=name != columns[-1][0])
    return table


def _show(checked: Checked, words: Words) -> None:
    console = printing.screen()
    console.print(Text(f"✔ {words('config_ok', path=checked.file)}", GOOD), soft_wrap=True)
    own = f" + {checked.site_rules}" if checked.site_rules else ""
    baseline = f"{words('baseline')} {checked.baseline}{own}"
    console.print(Text(f"  {checked.box}  {baseline}  {checked.rules_sha256[:12]}", DIM))
    for table in (_buses(checked, words), _wires(checked, words), _times(checked, words), _limits(checked, words)):
        console.print()
        console.print(table)
    note = words(
        "safety_note", allowed=words.span(checked.safety_time[0].allowed_ms),
        share=checked.safety_time_share_percent, pst=words.span(checked.process_safety_time_s * 1000),
        clause=checked.process_safety_clause,
    ) if checked.safety_time else ""  # fmt: skip
    console.print(Text(f"\n{words('safety_time')}: {note}", DIM), soft_wrap=True)
    place = words("place_proofs", need=checked.quorum_need, all=len(checked.quorum), names=", ".join(checked.quorum))
    console.print(Text(place, DIM), soft_wrap=True)
    if checked.warnings:
        console.print(Text(f"\n{words('warnings')}", "bold"))
        for warning in checked.warnings:
            console.print(Text("! ", SOME).append(words.pick(warning)), soft_wrap=True)


def _buses(checked: Checked, words: Words) -> Table:
    names = ("bus", "kind", "units", "poll", "cycle", "needed", "timeout", "stale", "worst_trip")
    table = _table(
        f"{words('buses')} ({words('in_ms')})", tuple((words(name), name not in ("bus", "kind")) for name in names)
    )
    for bus in checked.buses:
        numbers = (bus.poll_ms, bus.cycle_ms, bus.needed_ms, bus.timeout_ms, bus.stale_ms, bus.worst_trip_ms)
        table.add_row(bus.name, bus.kind, str(bus.units), *(f"{value:.0f}" for value in numbers))
    return table


def _wires(checked: Checked, words: Words) -> Table:
    """What one transaction is made of, and how long a changed register takes to the open contact at worst."""
    names = ("bus", "baud", "bytes", "wire", "turnaround", "transaction", "flip_to_relay")
    table = _table(f"{words('bus_budget')} ({words('in_ms')})", tuple((words(name), name != "bus") for name in names))
    for bus in checked.buses:
        rtu = bus.kind == "rtu"
        table.add_row(
            bus.name, str(bus.baud) if rtu else "–", f"{bus.request_bytes}+{bus.reply_bytes}" if rtu else "–",
            f"{bus.wire_ms + bus.gaps_ms:.0f}" if rtu else "–", f"{bus.turnaround_ms:.0f}", f"{bus.transaction_ms:.0f}",
            f"{checked.flip_to_relay_ms[bus.name]:.0f}",
        )  # fmt: skip
    return table


def _times(checked: Checked, words: Words) -> Table:
    names = ("channel", "t90", "bus", "vote", "decision", "deadman", "relay", "total")
    table = _table(
        f"{words('safety_time')} ({words('in_ms')})", tuple((words(name), name != "channel") for name in names)
    )
    for time in checked.safety_time:
        parts = (time.t90_ms, time.bus_ms, time.vote_ms, time.decision_ms, time.dead_man_ms, time.relay_ms)
        total = Text(f"{'✔' if time.ok else '✘'} {time.total_ms:.0f}", GOOD if time.ok else BAD)
        table.add_row(time.channel, *(f"{value:.0f}" for value in parts), total)
    return table


def _limits(checked: Checked, words: Words) -> Table:
    names = ("channel", "gas", "limit", "unit", "vote", "calibration", "clause")
    table = _table(words("limits_title"), tuple((words(name), False) for name in names))
    for limit in checked.limits:
        due = Text(limit.calibration_due) if limit.calibration_due else Text(words("not_stated"), SOME)
        table.add_row(
            limit.channel, limit.gas, limits(limit.low, limit.high), limit.unit, limit.vote, due, limit.clause
        )
    return table
