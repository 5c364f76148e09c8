"""Tables for people: each figure beside its baseline of the same run, its target and whether it is met."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

WIDTH = 118
"""Columns: the tables are the same in a terminal and in a file."""


class Row(NamedTuple):
    """A figure; `target` in its unit, None when nothing is demanded of it. `at_least`: more is better."""

    name: str
    value: float
    baseline: float | None
    unit: str
    target: float | None
    says: str = ""
    at_least: bool = False

    @property
    def ok(self) -> bool:
        if self.target is None:
            return True
        return self.value >= self.target if self.at_least else self.value <= self.target


def trip_rows(found: dict[str, Any]) -> Iterator[Row]:
    """Figures of `trip` against the bare loop."""
    bare_p99 = found["bare_decision_p99_ms"]
    yield Row("decision, median", found["decision_median_ms"], found["bare_decision_median_ms"], "ms", 0.5)
    yield Row("decision, p99", found["decision_p99_ms"], bare_p99, "ms", bare_p99 + 1, "bare p99 + 1 ms")
    yield Row("crossing to open contact, median", found["trip_median_ms"], found["bare_trip_median_ms"], "ms", None)
    yield Row(
        "crossing to open contact, p99", found["trip_p99_ms"], found["bare_trip_p99_ms"], "ms", found["poll_ms"] + 15,
        "poll period + 15 ms",
    )  # fmt: skip
    yield Row(
        "the same with one head of 2oo3 dead, p99", found["isolation_p99_ms"], found["trip_healthy_p99_ms"], "ms",
        found["trip_healthy_p99_ms"] + found["one_timeout_ms"], "healthy + one time-out (baseline: all healthy)",
    )  # fmt: skip
    yield Row("one core, 8 detectors at 100 ms", found["cpu_pct"], found["bare_cpu_pct"], "%", 5)
    yield Row("resident memory", found["rss_mib"], found["bare_rss_mib"], "MiB", 60)
    yield Row("serial line alone, median", found["line_median_ms"], None, "ms", None, "in our decision, not in the bare loop's, which uses TCP")
    yield Row("serial line alone, p99", found["line_p99_ms"], None, "ms", None, "the kernel's pseudo-terminal worker")
    yield Row("trips that nobody asked for", found["spurious_trips"], None, "", 0)


def table(title: str, caption: str, rows: list[Row]) -> Table:
    """Figure, baseline, ratio, target, mark."""
    table = Table(title=title, caption=caption, box=box.SIMPLE_HEAD)
    for name in ("figure", "hotbox", "baseline", "ratio", "target", ""):
        table.add_column(name, justify="left" if name in ("figure", "") else "right")
    for row in rows:
        ratio = f"{row.value / row.baseline:.2f}" if row.baseline else ""
        baseline = "" if row.baseline is None else f"{row.baseline:.2f}"
        target = "" if row.target is None else f"{'≥' if row.at_least else '≤'} {row.target:.2f}"
        mark = "" if row.target is None else ("[green]✔[/] " if row.ok else "[red]✘[/] ")
        table.add_row(row.name, f"{row.value:.2f} {row.unit}", baseline, ratio, target, mark + row.says)
    return table


def show_trip(console: Console, found: dict[str, Any]) -> bool:
    """Print the table of `trip`; whether every target is met."""
    rows = list(trip_rows(found))
    title = f"trip: {found['trials']} trials of the interlock, {found['bare_trials']} of a bare pymodbus loop, in turns"
    about = f"{found['detectors']} TCP detectors, {found['poll_ms']} ms poll, audit log on, {found['device_priority']}"
    console.print(table(title, about, rows))
    return all(row.ok for row in rows)


def show_kernel(console: Console, found: dict[str, Any]) -> bool:
    """Print the table of `kernel`; whether every target is met."""
    rows = [
        Row("evaluation while released, median", found["median_us"], found["bare_median_us"], "µs", 100),
        Row("evaluation while released, p99", found["p99_us"], found["bare_p99_us"], "µs", None),
        Row("evaluation that trips, median", found["trip_median_us"], found["bare_median_us"], "µs", None),
        Row("evaluation that trips, p99", found["trip_p99_us"], found["bare_p99_us"], "µs", None),
    ]
    title = f"kernel: {found['trials']} evaluations each, in turns with a bare loop over the same readings"
    console.print(table(title, f"{found['channels']} gas channels", rows))
    return all(row.ok for row in rows)


def show_presence(console: Console, found: dict[str, Any]) -> bool:
    """Print the table of `presence`; whether every target is met."""
    rows = [
        Row("adverts that were not handled", found["lost"], found["adverts"] - found["bare_handled"], "", 0),
        Row("one core", found["cpu_pct"], found["bare_cpu_pct"], "%", 20),
        Row("age of a badge's verdict, median", found["verdict_age_median_ms"], None, "ms", None, "counted in steps of 50 ms"),
        Row("age of a badge's verdict, worst", found["verdict_age_max_ms"], None, "ms", 1000),
        Row("resident memory", found["rss_mib"], None, "MiB", None),
    ]
    title = f"presence: {found['adverts']} adverts at {found['per_s']:.0f}/s, in turns with a bare bleak scanner"
    console.print(table(title, f"{found['badges_seen']} of {found['badges']} badges heard, {found['verdicts']} verdicts", rows))
    return all(row.ok for row in rows)


def show_faults(console: Console, found: dict[str, Any]) -> bool:
    """Print the table of `faults`; whether every trial tripped in time."""
    table = Table(title="faults: start of the fault to contact open, by the devices' own stamps", box=box.SIMPLE_HEAD)
    table.add_column("bus and fault")
    for name in ("in time", "median ms", "worst ms", "limit ms", "worst / limit"):
        table.add_column(name, justify="right")
    met = True
    for name, case in found.items():
        if not isinstance(case, dict) or "n_ok" not in case:
            continue
        ok = case["n_ok"] == case["n"]
        met = met and ok
        mark = "[green]✔[/]" if ok else "[red]✘[/]"
        table.add_row(
            name, f"{mark} {case['n_ok']} of {case['n']}", f"{case['median_ms']:.0f}", f"{case['max_ms']:.0f}",
            f"{case['limit_ms']:.0f}", f"{case['max_ms'] / case['limit_ms']:.2f}",
        )  # fmt: skip
    console.print(table)
    return met


def audit_rows(found: dict[str, Any]) -> Iterator[Row]:
    """Figures of `audit` against the raw disk of the same run."""
    raw = found["fdatasync_per_s"]
    yield Row("durable events, one producer", found["one_producer_per_s"], raw, "/s", 1000, "baseline: fdatasync", at_least=True)
    yield Row("durable events, ten producers", found["ten_producers_per_s"], raw, "/s", 5000, "baseline: fdatasync", at_least=True)
    yield Row("one of ten waits for its event, p99", found["ten_producers_p99_ms"], None, "ms", 25)
    yield Row("the only one waits for its event, p99", found["one_producer_p99_ms"], None, "ms", None)
    yield Row("verified events", found["verify_per_s"], None, "/s", 80_000, at_least=True)
    yield Row("memory of the command that verifies", found["verify_rss_mib"], None, "MiB", 64)
    yield Row("recovery after a power cut, median", found["recovery_ms"], None, "ms", 200, f"{found['leaves']} events, cold")
    yield Row("recovery after a power cut, worst", found["recovery_max_ms"], None, "ms", None)
    if found["device_bytes_per_event"] is not None:
        yield Row("to the block device, an event alone", found["device_bytes_per_event"], None, "B", 12 * 1024)
    yield Row("over the line, an event of a backlog", found["wire_bytes_per_event"], None, "B", 100, "with MQTT, TLS, TCP and IP")


def show_audit(console: Console, found: dict[str, Any]) -> bool:
    """Print the table of `audit`; whether every target is met."""
    rows = list(audit_rows(found))
    title = f"audit: the log beside the raw disk of the same run, which made {found['fdatasync_per_s']:.0f} appends a second durable"
    console.print(table(title, f"a log of {found['leaves']} events; {found['events_one_by_one']} for the rates", rows))
    if found["device_bytes_per_event"] is None:
        console.print("Bytes to the block device: not measured, this needs root and loop devices.", style="yellow")
    return all(row.ok for row in rows)


def stall_rows(found: dict[str, Any], margin_ms: float = 1) -> Iterator[Row]:
    """Figures of `stall`: the same box, the disk writing and the disk hanging, in turns; p99 may differ by the margin."""
    for name, key in (("decision", "decision"), ("crossing to open contact", "trip")):
        well = found[f"writing_{key}_p99_ms"]
        yield Row(f"{name}, median", found[f"stalled_{key}_median_ms"], found[f"writing_{key}_median_ms"], "ms", None)
        yield Row(f"{name}, p99", found[f"stalled_{key}_p99_ms"], well, "ms", well + margin_ms, f"disk that writes + {margin_ms:g} ms")
    yield Row("stalled for good while released: opened after", found["late_trip_ms"], None, "ms", found["late_limit_ms"], f"first-out {found['late_first_out']}")
    yield Row("trips that nobody asked for", found["spurious_trips"], None, "", 0)


def show_stall(console: Console, found: dict[str, Any]) -> bool:
    """Print the table of `stall`; whether every target is met."""
    rows = list(stall_rows(found))
    title = f"stall: {found['trials']} trips while the log's disk hangs for {found['stall_s']} s, {found['trials_writing']} while it writes, in turns"
    console.print(table(title, f"baseline: the disk writes; {found['poll_ms']} ms poll, {found['device_priority']}", rows))
    return all(row.ok for row in rows) and found["late_first_out"].startswith("audit_")


def vision_rows(found: dict[str, Any], margin_ms: float = 2) -> Iterator[Row]:
    """Figures of `vision` against a plain script on the same camera, and trips with and without it."""
    bare = found["bare_frame_median_ms"]
    yield Row("frame to verdict, one face, median", found["frame_median_ms"], bare, "ms", 250, "capture to evidence; baseline: picture to match")
    yield Row("frame to verdict, one face, p95", found["frame_p95_ms"], found["bare_frame_p95_ms"], "ms", None)
    yield Row("frame to both verdicts, two faces, median", found["two_faces_median_ms"], None, "ms", None)
    yield Row("resident memory, peak", found["rss_mib"], found["bare_rss_mib"], "MiB", 150)
    for name, key in (("decision", "decision"), ("crossing to open contact", "trip")):
        without = found[f"quiet_{key}_p99_ms"]
        yield Row(f"{name} beside a busy vision, median", found[f"loaded_{key}_median_ms"], found[f"quiet_{key}_median_ms"], "ms", None)
        yield Row(f"{name} beside a busy vision, p99", found[f"loaded_{key}_p99_ms"], without, "ms", without + margin_ms, f"vision stopped + {margin_ms:g} ms")
    yield Row("trips that nobody asked for", found["spurious_trips"], None, "", 0)


def show_vision(console: Console, found: dict[str, Any]) -> bool:
    """Print the table of `vision`; whether every target is met."""
    rows = list(vision_rows(found))
    title = f"vision: {found['frames']} frames on one core beside a plain script; {found['trials']} trips each way, in turns"
    about = f"640x480, drawn people; full load: {found['faces_at_once']} faces a picture, {found['vision_cpu_pct']:.0f} % of a core; {found['device_priority']}"
    console.print(table(title, about, rows))
    return all(row.ok for row in rows)


def show_machine(console: Console, machine: dict[str, Any]) -> None:
    """One line about the machine."""
    console.print(
        f"{machine['cpu_model']} x {machine['cores']}, Linux {machine['kernel']}, Python {machine['python']};"
        f" load {machine['load_before']} before, {machine['load_after']} after, {machine['busy_pct']} % busy,"
        f" {machine['took_s']} s",
        style="dim",
    )
