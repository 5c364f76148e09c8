"""The box itself: its starts and ends, its storage, its clock, its process sensors, what it was configured with."""

from typing import Annotated, Literal

from msgspec import UNSET

from contracts.event import Category, Severity
from contracts.events.fields import Code, Data, Maybe, Milli, Nothing, Part, Reasoned, digest, doc
from contracts.events.kind import EventType


class Boot(Data, frozen=True):
    """The interlock started. After an end that was not in order it is a warning."""

    clean: Annotated[bool, doc("the end before it was in order; true of the very first start")]
    last_seq: Annotated[int, doc("number of the last event before it; -1: there was none")]
    sqlite: Annotated[str, doc("version of SQLite")]
    wal_reset_bug: Annotated[bool, doc("that version has the WAL-reset bug, which one writer alone cannot meet")]
    baseline: Maybe[Annotated[str, doc("name of the rule pack")]] = UNSET
    faces: Maybe[
        Annotated[
            str,
            doc(
                "what describes faces: `dlib`, or kind, `same_at` in thousandths and SHA-256 of the network that the"
                " site brought"
            ),
        ]
    ] = UNSET
    rules: Maybe[Annotated[str, digest("SHA-256 of the rules that decide")]] = UNSET


class Storage(Data, frozen=True):
    """What the log uses of its storage passed a level: in this direction or back."""

    used: Annotated[int, doc("bytes that the log uses")]
    budget: Annotated[int, doc("bytes that it may use")]
    fs_free: Annotated[int, doc("bytes that are free on its filesystem")]
    fs_total: Annotated[int, doc("bytes of that filesystem")]


class Wear(Storage, frozen=True):
    """Once an hour: what was written, as flash wears out by that."""

    own_bytes: Annotated[int, doc("bytes that the interlock caused to be written since its start; 0: not counted")]
    device_bytes: Annotated[int, doc("bytes that were written to the device since it was found; 0: not counted")]
    life: Annotated[list[int], doc("an eMMC's own estimates: both kinds of cells in tenths, spare blocks; else empty")]


class ClockJumped(Data, frozen=True):
    """The wall clock was set. Forward it is followed while nothing is released; back it waits for a person."""

    ms: Annotated[int, doc("by how much; back is negative")]


Quantity = Annotated[
    Literal["temperature", "humidity", "vibration"], doc("what it measures: says who is told, and what its unit is")
]


class SensorWarned(Reasoned, frozen=True, kw_only=True):
    """A process sensor is beyond its limit, or says nothing, for as long as was configured. It stops no work. Once."""

    quantity: Quantity


class SensorNormal(Data, frozen=True, kw_only=True):
    """A warning is over: the sensor is inside its limit by the margin that was configured, or speaks again."""

    chan: Annotated[str, doc("the process sensor, by its name in the box's configuration")]
    was: Annotated[Code, doc("the warning that is over")]
    value_milli: Milli
    unit: Annotated[str, doc("unit of the value: `°C`, `%RH` or `mm/s`")]
    quantity: Quantity


class SiteLoaded(Part, frozen=True, kw_only=True):
    """At a start: the site as configured, in full."""

    baseline: Annotated[str, doc("name of the rule pack that it asks for")]
    software: Annotated[str, doc("version of the box's software, which replays decisions")]


class RulesLoaded(Part, frozen=True, kw_only=True):
    """At a start: the rules that decide, in full."""

    name: Annotated[str, doc("name of the rule pack")]
    pack_sha256: Annotated[str, digest("SHA-256 of the rules")]


_SYSTEM, _INFO = Category.SYSTEM, (Severity.INFO,)

TYPES = (
    EventType("system.boot", _SYSTEM, (Severity.INFO, Severity.WARNING), (Boot,), "启动", "started"),
    EventType("system.stop", _SYSTEM, _INFO, (Nothing,), "停止", "stopped"),
    EventType("storage.health", _SYSTEM, _INFO, (Wear,), "存储写入量", "what was written to the storage"),
    EventType(
        "storage.warning", _SYSTEM, (Severity.WARNING,), (Storage,), "日志存储不足", "the log's storage runs low"
    ),
    EventType(
        "storage.full", _SYSTEM, (Severity.ALARM,), (Storage,), "日志存储将满，不再放行",
        "the log's storage is full: no new release",
    ),
    EventType("storage.well", _SYSTEM, _INFO, (Storage,), "日志存储充足", "the log's storage is well again"),
    EventType("clock.jump", Category.CLOCK, (Severity.WARNING,), (ClockJumped,), "时钟跳变", "clock jumped"),
    EventType(
        "sensor.warning", _SYSTEM, (Severity.WARNING,), (SensorWarned,), "传感器预警", "a process sensor warns"
    ),
    EventType("sensor.normal", _SYSTEM, _INFO, (SensorNormal,), "传感器恢复正常", "a process sensor is normal again"),
    EventType("site.loaded", Category.CONFIG, _INFO, (SiteLoaded,), "现场配置已载入", "site loaded"),
    EventType("rules.loaded", Category.CONFIG, _INFO, (RulesLoaded,), "规则已载入", "rules loaded"),
)  # fmt: skip
