"""What is fixed while the box runs: channels with their limits, voting groups, roster. Built once from the config."""

import datetime
from functools import cached_property

import msgspec

from contracts.errors import ContractError
from contracts.gas import Kind, Unit, gas
from edge.config import PROOF_INPUTS, SIMULATION, Block, BoxConfig, Channel, check_simulation
from edge.gas.decoding import largest
from edge.interlock.rules import Limit, Quantity, Rules
from edge.relay.timing import DEADMAN_MS, dead_man_ms


class SiteChannel(msgspec.Struct, frozen=True):
    """A gas channel as the kernel sees it.

    `due_s` is the end of the calibration on its certificate, seconds since 1970, 0 unknown. `catalytic`: a bead, which
    burns the gas and reads clean without oxygen.
    Test gas is `calibration_gas` (`gas` when empty); times `factor` it is `gas`.
    """

    name: str
    gas: str
    zh: str
    en: str
    limit: Limit
    range_low: float
    range_high: float
    stale_us: int
    t90_us: int
    due_s: int
    group: str
    bus: str
    catalytic: bool = False
    calibration_gas: str = ""
    factor: float = 1.0
    serial: str = ""


class SiteGroup(msgspec.Struct, frozen=True):
    """Channels that vote; `needed` trip votes trip."""

    name: str
    vote: str
    needed: int
    channels: tuple[SiteChannel, ...]


class SiteSensor(msgspec.Struct, frozen=True):
    """A process sensor as the kernel sees it: `quantity` and `unit` as in `edge.config.SENSOR_UNITS`."""

    name: str
    quantity: str
    unit: str
    range_low: float
    range_high: float
    stale_us: int
    bus: str


class SiteRemote(msgspec.Struct, frozen=True):
    """A gas detector fed over MQTT: beyond its limit it trips, and nothing that it says is clean air."""

    name: str
    gas: str
    zh: str
    en: str
    limit: Limit


class SiteRelay(msgspec.Struct, frozen=True):
    """One relay of the final element: `contact` is whose closings are counted, `rated_cycles` 0 when it is not stated.

    `name` is empty for the primary, which opens and latches by itself.
    """

    name: str
    contact: str
    rated_cycles: int


class SitePerson(msgspec.Struct, frozen=True):
    """Someone the box knows."""

    id: str
    name: str
    badge: int
    may: tuple[str, ...]


class Site(msgspec.Struct, frozen=True, dict=True):
    """The box's fixed surroundings.

    `contacts`: which of the optional inputs (door, mains ...) are wired; `beacon`: the badge number of the beacon that
    is fixed to the site; `utc_offset_min`: the site's clock time less UTC, by which a day ends; `confined`: channel →
    its limit inside a confined space, where that is another one. `enclosure` and `wind` name the sensor inside the box
    and the anemometer; empty where there is none. `dead_man_ms` is what the primary relay declares; it comes first in
    `relays`. `quorum_need`: how many proofs of place in `quorum` must hold, 0 for all. `proof_inputs`: which of test
    key and isolation contact are wired. `reads_cards`: there is a tag reader.
    """

    box: str
    baseline: str
    groups: tuple[SiteGroup, ...]
    roster: tuple[SitePerson, ...]
    quorum: tuple[str, ...]
    reset_is_key: bool
    contacts: tuple[str, ...] = ()
    beacon: int = 0
    utc_offset_min: int = 480
    confined: dict[str, Limit] = {}
    sensors: tuple[SiteSensor, ...] = ()
    enclosure: str = ""
    wind: str = ""
    remotes: tuple[SiteRemote, ...] = ()
    tap_check_in: bool = False
    reads_cards: bool = False
    dead_man_ms: int = DEADMAN_MS
    relays: tuple[SiteRelay, ...] = (SiteRelay("", "relay", 0),)
    quorum_need: int = 0
    proof_inputs: tuple[str, ...] = ()

    @cached_property
    def can_pulse(self) -> bool:
        """A proof test can close the contact: the inputs that it asks for are wired."""
        return set(self.proof_inputs) == set(PROOF_INPUTS)

    @cached_property
    def series(self) -> tuple[str, ...]:
        """The relays in series with the primary one."""
        return tuple(relay.name for relay in self.relays if relay.name)

    @cached_property
    def badges(self) -> frozenset[int]:
        """Those that belong here: the roster's and the beacon's."""
        return frozenset((self.beacon, *(person.badge for person in self.roster)))

    @cached_property
    def sensor(self) -> dict[str, SiteSensor]:
        """The process sensors by name."""
        return {sensor.name: sensor for sensor in self.sensors}

    @cached_property
    def inside(self) -> "Site":
        """The same site with the limits of a confined space (GB 30871-2022 6.4)."""
        if not self.confined:
            return self
        replace = msgspec.structs.replace
        groups = tuple(
            replace(group, channels=tuple(replace(c, limit=self.confined.get(c.name, c.limit)) for c in group.channels))
            for group in self.groups
        )
        remotes = tuple(replace(r, limit=self.confined.get(r.name, r.limit)) for r in self.remotes)
        return replace(self, groups=groups, remotes=remotes)

    @cached_property
    def channels(self) -> tuple[SiteChannel, ...]:
        """All channels, in the groups' order."""
        return tuple(channel for group in self.groups for channel in group.channels)

    @cached_property
    def oxygen(self) -> tuple[SiteChannel, ...]:
        """The channels that measure oxygen."""
        return tuple(channel for channel in self.channels if channel.gas == "O2")

    @cached_property
    def limits(self) -> tuple[Limit, ...]:
        """What the site is measured for: each gas in each unit once."""
        return tuple({(limit.gas, limit.unit): limit for limit in (c.limit for c in self.channels)}.values())


_NEEDED = {"1oo1": 1, "1oo2": 1, "2oo3": 2}


def end_of_day(day: str, utc_offset_min: int) -> int:
    """The site's midnight after a day, seconds since 1970: a certificate is good through its last day.

    Raises:
        ValueError: not a date like 2027-03-31.
    """
    end = datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.UTC) + datetime.timedelta(days=1)
    return int(end.timestamp()) - utc_offset_min * 60


def last_whole_day(end_s: int, utc_offset_min: int) -> datetime.date:
    """The last day of the site that is over by then: the latest that a certificate may name."""
    here = datetime.datetime.fromtimestamp(end_s + utc_offset_min * 60, datetime.UTC)
    return (here - datetime.timedelta(days=1)).date()


def _due(day: str, channel: str, utc_offset_min: int) -> int:
    if not day:
        return 0
    try:
        return end_of_day(day, utc_offset_min)
    except ValueError as error:
        field = f"channels.{channel}.calibration_due"
        raise ContractError(field, "a date like 2027-03-31", repr(day), "copy it from the detector's label") from error


def _catalytic(channel: Channel) -> bool:
    """Whether it needs oxygen: said so, or a flammable gas of which nothing is said."""
    return channel.sensor == "catalytic" or (not channel.sensor and gas(channel.gas).kind is Kind.FLAMMABLE)


def _oxygen_beside_beads(config: BoxConfig) -> None:
    """Refuse a catalytic bead that nobody could believe: without oxygen it reads clean air in any gas."""
    if any(channel.gas == "O2" for channel in config.channels):
        return
    for channel in config.channels:
        if _catalytic(channel):
            raise ContractError(
                f"channels.{channel.name}.sensor", "an O2 channel on this box beside a catalytic sensor",
                f"{channel.sensor or 'no sensor stated, so catalytic'}, and no O2 channel",
                "add an O2 channel, or say sensor: infrared if the head is one",
            )  # fmt: skip


def _known_gas(channel: Channel) -> None:
    """Refuse a gas that nobody knows, and a calibration with another gas than the one that is measured."""
    try:
        gas(channel.gas)
    except ContractError as error:
        raise _at(f"channels.{channel.name}.gas", error) from error
    if channel.calibration_gas == channel.gas:
        if channel.response_factor is not None:
            raise ContractError(
                f"channels.{channel.name}.response_factor",
                "none, because the channel is calibrated with the gas that it measures",
                f"{channel.response_factor.factor:g}",
                "delete it, or correct `calibration_gas`",
            )
        return
    if channel.response_factor is None:
        raise ContractError(
            f"channels.{channel.name}.calibration_gas",
            f"{channel.gas}, as `gas` says (there is no `response_factor`)",
            repr(channel.calibration_gas),
            "calibrate with the gas that is measured, or give the factor of this pair and where it stands",
        )
    try:
        pair = {gas(channel.gas).kind, gas(channel.calibration_gas).kind}
    except ContractError as error:
        raise _at(f"channels.{channel.name}.calibration_gas", error) from error
    if pair != {Kind.FLAMMABLE} or channel.unit is not Unit.PCT_LEL:
        raise ContractError(
            f"channels.{channel.name}.response_factor",
            "two flammable gases and a reading in %LEL",
            f"{channel.calibration_gas} for {channel.gas} in {channel.unit.value}",
            "makers state factors for %LEL only: calibrate with the gas that is measured",
        )


def confined_limits(channels: tuple[SiteChannel | SiteRemote, ...], rules: Rules) -> dict[str, Limit]:
    """Channel → its limit inside a confined space, where the pack has another one there.

    Raises:
        ContractError: the pack has no limit for a channel's gas.
    """
    found = {c.name: rules.limit(c.gas, c.limit.unit, confined=True) for c in channels}
    return {c.name: found[c.name] for c in channels if found[c.name] != c.limit}


def _remotes(config: BoxConfig, rules: Rules) -> tuple[SiteRemote, ...]:
    """The detectors fed over MQTT, with the limits that a channel of their gas and unit would have.

    Raises:
        ContractError: a gas that nobody knows, or one without a limit in this unit.
    """
    found = []
    for remote in config.remotes:
        try:
            known, limit = gas(remote.gas), rules.limit(remote.gas, remote.unit)
        except ContractError as error:
            raise _at(f"remotes.{remote.name}.{'unit' if error.field == 'unit' else 'gas'}", error) from error
        found.append(SiteRemote(remote.name, remote.gas, known.zh, known.en, limit))
    return tuple(found)


def _limit(channel: Channel, rules: Rules) -> Limit:
    try:
        return rules.limit(channel.gas, channel.unit)
    except ContractError as error:
        if error.field != "unit":
            raise _at(f"channels.{channel.name}.gas", error) from error
        stated = ", ".join(limit.unit.value for limit in rules.limits if limit.gas == channel.gas)
        raise ContractError(
            f"channels.{channel.name}.unit",
            f"a unit that {rules.name}'s limit for {channel.gas} ({stated}) converts to",
            channel.unit.value,
            "correct the unit, or state a limit in the detector's unit in the rule pack",
        ) from error


def _reaches_range(field: str, block: Block) -> None:
    """Refuse numbers that end before the range does: what lies above would be taken for less."""
    if largest(block) < block.range_high:
        raise ContractError(
            f"{field}.scale",
            f"one whose largest reading reaches range_high, {block.range_high:g} {block.unit}",
            f"{block.scale:g}, at most {largest(block):g} {block.unit}",
            "copy scale and range_high from the detector's register table",
        )


def _reaches(channel: Channel, limit: Limit) -> None:
    """Refuse a channel that gas beyond its limit would leave without an alarm: its numbers end before that.

    The response factor makes the limit a smaller number of the sensor's own, so it is judged as the interlock does.
    """
    most = largest(channel)
    factor = channel.response_factor.factor if channel.response_factor else 1.0
    unit = channel.unit.value
    if limit.high is not None and round(most * factor, 6) <= limit.high:
        raise ContractError(
            f"channels.{channel.name}.scale",
            f"one whose largest reading lies above the limit of {limit.high:g} {unit}",
            f"{channel.scale:g}, at most {most * factor:g} {unit}",
            "copy the scale from the detector's register table: as it stands this channel could never alarm",
        )
    _reaches_range(f"channels.{channel.name}", channel)
    if limit.high is not None and round(channel.range_high * factor, 6) < limit.high:
        raise ContractError(
            f"channels.{channel.name}.range_high",
            f"not below the limit of {limit.high:g} {unit}",
            f"{channel.range_high * factor:g} {unit}",
            "copy it from the detector's data sheet; a detector that ends below the limit cannot guard it",
        )


def _guards_against_fire(channels: tuple[SiteChannel, ...]) -> None:
    """Refuse a box that measures nothing that burns (GB 30871-2022 5.3.2)."""
    if not any(channel.limit.quantity is Quantity.FLAMMABLE for channel in channels):
        measured = ", ".join(f"{channel.gas} in {channel.limit.unit.value}" for channel in channels)
        raise ContractError(
            "channels", "at least one channel that measures a flammable gas in %LEL or vol%", measured,
            "hot work needs at least one flammable-gas channel (GB 30871-2022 5.3.2): add its detector",
        )  # fmt: skip


def _at(field: str, error: ContractError) -> ContractError:
    return ContractError(field, error.expected, error.came, error.hint)


def _somebody_checks(config: BoxConfig, rules: Rules) -> None:
    """Refuse a box on which nobody could check the ticket although its rules ask for that before every ignition."""
    rule = rules.ticket_check
    if rule.value and not any("ticket_check" in person.may for person in config.roster):
        raise ContractError(
            "roster", f"somebody who may ticket_check, because {rules.name} asks for it ({rule.clause})", "nobody",
            "add ticket_check to the `may` of the shift leader: that person checks each ticket before ignition",
        )  # fmt: skip


def _relays(config: BoxConfig) -> tuple[SiteRelay, ...]:
    """The primary, then those in series; a contact is its serial number, or else its place in the configuration."""
    first = config.relay
    return (
        SiteRelay("", first.serial or "relay", first.rated_cycles),
        *(SiteRelay(one.name, one.serial or f"relay.{one.name}", one.rated_cycles) for one in first.series),
    )


def build(config: BoxConfig, rules: Rules, stale_us: dict[str, int]) -> Site:
    """Join configuration and rule pack; `stale_us`, of every channel and sensor, comes from the bus budgets.

    Raises:
        ContractError: a channel without limit or one that cannot reach it, no group, nothing that measures what
            burns, a badge that two people share, nobody who may check tickets, or a simulation pack for real devices
            and the other way round.
    """
    check_simulation(config)
    if rules.simulation != (config.baseline == SIMULATION):
        raise ContractError(
            "baseline", "SIMULATION for simulation rules only", config.baseline,
            "name the pack that this site works under",
        )  # fmt: skip
    if not config.groups:
        raise ContractError("groups", "at least one gas group", "none", "without gas there is no release")
    _oxygen_beside_beads(config)
    for channel in config.channels:
        _known_gas(channel)
    badges = [person.badge for person in config.roster]
    for person in config.roster:
        if badges.count(person.badge) > 1:
            raise ContractError("roster.badge", "one badge each", f"{person.badge} twice", "two people, two badges")
    _somebody_checks(config, rules)
    by_name = {channel.name: channel for channel in config.channels}
    groups = []
    for group in config.groups:
        members = []
        for name in group.channels:
            channel = by_name[name]
            limit = _limit(channel, rules)
            _reaches(channel, limit)
            members.append(
                SiteChannel(
                    name=name,
                    gas=channel.gas,
                    zh=gas(channel.gas).zh,
                    en=gas(channel.gas).en,
                    limit=limit,
                    range_low=channel.range_low,
                    range_high=channel.range_high,
                    stale_us=stale_us[name],
                    t90_us=round(channel.t90_s * 1_000_000),
                    due_s=_due(channel.calibration_due, name, config.utc_offset_min),
                    group=group.name,
                    bus=channel.bus,
                    catalytic=_catalytic(channel),
                    calibration_gas=channel.calibration_gas,
                    factor=channel.response_factor.factor if channel.response_factor else 1.0,
                    serial=channel.serial,
                )
            )
        groups.append(SiteGroup(group.name, group.vote, _NEEDED[group.vote], tuple(members)))
    measured = tuple(channel for group in groups for channel in group.channels)
    _guards_against_fire(measured)
    for sensor in config.sensors:
        _reaches_range(f"sensors.{sensor.name}", sensor)
    sensors = tuple(
        SiteSensor(s.name, s.quantity, s.unit, s.range_low, s.range_high, stale_us[s.name], s.bus)
        for s in config.sensors
    )
    remotes = _remotes(config, rules)
    roster = tuple(SitePerson(p.id, p.name, p.badge, p.may) for p in config.roster)
    return Site(
        config.box, config.baseline, tuple(groups), roster, config.presence.quorum, config.inputs.reset_is_key,
        config.inputs.contacts, config.presence.beacon, config.utc_offset_min,
        confined_limits((*measured, *remotes), rules), sensors, config.enclosure, config.wind, remotes,
        config.presence.nfc is not None and config.presence.nfc.check_in, config.presence.nfc is not None,
        dead_man_ms(config.relay), _relays(config), config.presence.quorum_need or 0, config.inputs.proof_inputs,
    )  # fmt: skip
