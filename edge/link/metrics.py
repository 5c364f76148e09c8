"""The box for Prometheus: the interlock's last status, the log's progress, the line itself."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from edge.config import Metrics
from edge.interlock.state import Mode
from edge.interlock.status import Status

_logger = logging.getLogger(__name__)


class Line:
    """Counts of the line. Written by the link's loop, read by the metrics thread."""

    def __init__(self) -> None:
        """All zero."""
        self.connected = 0
        self.connects = 0
        self.mqtt_5 = 0
        self.sent_bytes = 0
        self.epoch_waits = 0
        self.old_epochs_unsent = 0
        self.batches = 0
        self.events = 0
        self.alarms = 0
        self.resent = 0
        self.refused = 0
        self.media_pieces = 0
        self.media_done = 0
        self.voice_ok: bool | None = None
        self.spoken = 0
        self.size = 0
        self.acked = 0
        self.readable = 0
        self.oldest_unacked_s = 0.0
        self.pulse_age_s = float("inf")


class BoxCollector(Collector):
    """Makes metrics of what is known at the moment of the scrape."""

    def __init__(self, line: Line, status: Callable[[], Status | None]) -> None:
        """`status` gives the interlock's last one."""
        self._line, self._status = line, status

    def collect(self) -> Iterable[Metric]:
        """All metrics."""
        yield from self._of_line()
        status = self._status()
        if status is not None:
            yield from _of_state(status)
            yield from _of_gas(status)
            yield from _of_sensors(status)
            yield from _of_people(status)
            yield from _of_buses(status)
            yield from _of_video(status)

    def _of_line(self) -> Iterable[Metric]:
        line = self._line
        yield GaugeMetricFamily("hotbox_link_connected", "1 while the broker is connected", line.connected)
        yield CounterMetricFamily("hotbox_link_connects", "Connections made to the broker", line.connects)
        yield GaugeMetricFamily("hotbox_link_mqtt_5", "1 when the broker speaks MQTT 5, 0 for 3.1.1", line.mqtt_5)
        yield CounterMetricFamily("hotbox_link_sent_bytes", "Payload bytes that the broker took", line.sent_bytes)
        yield CounterMetricFamily("hotbox_link_batches", "Batches of the log sent", line.batches)
        yield CounterMetricFamily("hotbox_link_events", "Events sent in batches, repeats included", line.events)
        yield CounterMetricFamily("hotbox_link_alarms", "Alarm events sent on the live lane", line.alarms)
        yield CounterMetricFamily("hotbox_link_resent", "Times that the backlog was sent again", line.resent)
        yield CounterMetricFamily("hotbox_link_refused", "Messages from the broker not passed on", line.refused)
        yield CounterMetricFamily("hotbox_link_media_pieces", "Pieces of recordings sent", line.media_pieces)
        yield CounterMetricFamily("hotbox_link_media_segments", "Segments that the bridge took whole", line.media_done)
        if line.voice_ok is not None:
            yield GaugeMetricFamily("hotbox_voice_ok", "1 unless the last countdown could not be spoken", line.voice_ok)
            yield CounterMetricFamily("hotbox_voice_spoken", "Sentences of a countdown that were spoken", line.spoken)
        yield GaugeMetricFamily(
            "hotbox_audit_epoch_waits", "1 while two people have to authorise this log at the bridge", line.epoch_waits
        )
        yield GaugeMetricFamily(
            "hotbox_audit_old_epochs_unsent", "Earlier logs that the bridge has not taken whole", line.old_epochs_unsent
        )
        yield GaugeMetricFamily(
            "hotbox_audit_readable", "1 while the link can read the log; else its figures are old", line.readable
        )
        yield GaugeMetricFamily("hotbox_audit_size", "Events in the log", line.size)
        yield GaugeMetricFamily("hotbox_audit_acked", "Events that the bridge has cosigned", line.acked)
        yield GaugeMetricFamily(
            "hotbox_audit_oldest_unacked_age_seconds", "Age of the oldest event not acknowledged", line.oldest_unacked_s
        )
        yield GaugeMetricFamily("hotbox_status_age_seconds", "Age of the interlock's last status", line.pulse_age_s)


def _labelled(name: str, text: str, labels: list[str], rows: Iterable[tuple[list[str], float | None]]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in rows:
        if number is not None:
            family.add_metric(values, number)
    return family


def _of_state(status: Status) -> Iterable[Metric]:
    yield _labelled(
        "hotbox_state", "1 for the state that the box is in", ["state"],
        (([state.value], float(status.state == state.value)) for state in Mode),
    )  # fmt: skip
    yield _labelled(
        "hotbox_condition_ok", "1 while a condition passes", ["condition"],
        (([verdict.condition], float(verdict.ok)) for verdict in status.verdicts),
    )  # fmt: skip
    yield _labelled(
        "hotbox_input_closed", "1 while a contact of the input module is closed", ["input"],
        (([name], None if closed is None else float(closed)) for name, closed in status.inputs.items()),
    )  # fmt: skip
    yield _labelled(
        "hotbox_countdown_seconds", "Time left", ["what", "subject"],
        (([view.what, view.subject], view.left_ms / 1000) for view in status.countdowns),
    )  # fmt: skip
    yield GaugeMetricFamily("hotbox_bypasses", "Detectors whose failure does not vote now", len(status.bypasses))
    yield GaugeMetricFamily("hotbox_audit_writable", "1 while events are acknowledged", float(status.audit.writable))
    yield CounterMetricFamily(
        "hotbox_audit_untyped", "Events of this log that do not fit their type", status.audit.untyped
    )
    if status.relay.contact != "unknown":
        closed = float(status.relay.contact == "closed")
        yield GaugeMetricFamily("hotbox_relay_closed", "1 while the contact is closed, absent if unknown", closed)
    yield GaugeMetricFamily("hotbox_loop_lag_seconds", "Lag of the interlock's loop", status.loop_lag_ms / 1000)
    yield CounterMetricFamily("hotbox_relay_cycles", "Cycles of the relay", status.relay.cycles)
    yield GaugeMetricFamily("hotbox_boot", "Boots of the log", status.boot)


def _of_gas(status: Status) -> Iterable[Metric]:
    channels = status.channels
    yield _labelled(
        "hotbox_gas_value", "Reading of a gas channel in its own unit", ["channel", "gas", "unit"],
        (([view.name, view.gas, view.unit], view.value) for view in channels),
    )  # fmt: skip
    yield _labelled(
        "hotbox_gas_age_seconds", "Age of a reading", ["channel"],
        (([view.name], None if view.age_ms is None else view.age_ms / 1000) for view in channels),
    )  # fmt: skip
    yield _labelled(
        "hotbox_gas_good", "1 while a reading's quality is good", ["channel", "quality"],
        (([view.name, view.quality], float(view.quality == "good")) for view in channels),
    )  # fmt: skip
    yield _labelled(
        "hotbox_gas_alarm", "1 while a channel votes to trip", ["channel"],
        (([view.name], float(view.alarm)) for view in channels),
    )  # fmt: skip


def _of_sensors(status: Status) -> Iterable[Metric]:
    sensors = status.sensors
    yield _labelled(
        "hotbox_sensor_value", "Reading of a process sensor in its own unit", ["sensor", "quantity", "unit"],
        (([view.name, view.quantity, view.unit], view.value) for view in sensors),
    )  # fmt: skip
    yield _labelled(
        "hotbox_sensor_age_seconds", "Age of a process sensor's reading", ["sensor"],
        (([view.name], None if view.age_ms is None else view.age_ms / 1000) for view in sensors),
    )  # fmt: skip
    yield _labelled(
        "hotbox_sensor_good", "1 while a process sensor's quality is good", ["sensor", "quality"],
        (([view.name, view.quality], float(view.quality == "good")) for view in sensors),
    )  # fmt: skip


def _of_people(status: Status) -> Iterable[Metric]:
    ages: list[tuple[list[str], float | None]] = []
    for person in status.people:
        for proof, age in (("badge", person.badge_age_ms), ("face", person.face_age_ms)):
            ages.append(([person.role, proof], None if age is None else age / 1000))
    yield _labelled("hotbox_person_age_seconds", "Time since a person was proven present", ["role", "proof"], ages)
    yield _labelled(
        "hotbox_badge_battery_percent", "Battery of a badge, absent if it does not measure it", ["badge"],
        (([str(view.badge)], view.battery) for view in status.badges),
    )  # fmt: skip
    yield _labelled(
        "hotbox_badge_battery_low", "1 while a badge's battery is below the pack's limit", ["badge"],
        (([str(view.badge)], float(view.low)) for view in status.badges),
    )  # fmt: skip
    yield _labelled(
        "hotbox_presence_device_ok", "1 while radio, GNSS receiver or tag reader is well", ["device"],
        (([view.name], float(view.ok)) for view in status.devices),
    )  # fmt: skip


def _of_buses(status: Status) -> Iterable[Metric]:
    for name, text, field in (
        ("hotbox_bus_polls", "Polls of a field bus", "polls"),
        ("hotbox_bus_errors", "Bad frames and time-outs of a field bus", "errors"),
    ):
        family = CounterMetricFamily(name, text, labels=["bus"])
        for bus in status.buses:
            family.add_metric([bus.name], getattr(bus, field))
        yield family
    yield _labelled(
        "hotbox_bus_cycle_seconds", "Last cycle of a field bus", ["bus"],
        (([bus.name], bus.cycle_ms / 1000) for bus in status.buses),
    )  # fmt: skip


def _of_video(status: Status) -> Iterable[Metric]:
    video = status.video
    if video is None:
        return
    yield GaugeMetricFamily("hotbox_video_recording", "1 while it is recorded", float(video.health == "recording"))
    yield GaugeMetricFamily("hotbox_video_room_seconds", "Seconds of recording for which there is room", video.left_s)
    yield GaugeMetricFamily("hotbox_video_used_bytes", "What recordings take of their space", video.used_mib * 2**20)
    yield GaugeMetricFamily("hotbox_video_budget_bytes", "Space of the recordings", video.most_mib * 2**20)


class Endpoint:
    """The HTTP port that Prometheus scrapes; `port` is the one in use, 0 when it could not be opened."""

    def __init__(self, config: Metrics, line: Line, status: Callable[[], Status | None]) -> None:
        """Open the port. A port in use is reported and does without: the link has more important work."""
        registry = CollectorRegistry()
        registry.register(BoxCollector(line, status))
        self.live_seconds = Histogram(
            "hotbox_live_latency_seconds", "From an alarm's capture to the broker's receipt", registry=registry,
            buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60),
        )  # fmt: skip
        self.port = 0
        self._server: Any = None
        try:
            self._server, _ = start_http_server(config.port, config.host, registry)
        except OSError as error:
            _logger.error("no metrics at %s:%d: %s", config.host, config.port, error)  # noqa: TRY400
            return
        self.port = int(self._server.server_port)
        _logger.info("metrics at http://%s:%d/metrics", config.host, self.port)

    def close(self) -> None:
        """Close the port."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
