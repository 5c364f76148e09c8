"""What `make bench-face` prints."""

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table


def percent(share: float | None, between: tuple[float, float] | None = None) -> str:
    """A share as per cent with its interval; a dash when it could not be measured."""
    if share is None:
        return "–"
    said = f"{100 * share:.3g} %"
    return said if between is None else f"{said} ({_two(100 * between[0])}…{_two(100 * between[1])})"


def _two(percent: float) -> str:
    """Two digits, and never 1e+02."""
    return f"{percent:.2g}" if percent < 99.5 else "100"


def show_faces(console: Console, found: dict[str, Any]) -> None:
    """The tables of a folder of people."""
    taken = found["pictures"]
    if found["synthetic"]:
        console.print(f"SYNTHETIC: {found['synthetic']}", style="bold yellow")
    console.print(
        f"{found['folder']}: {taken['people']} people, {taken['pictures']} pictures; {taken['without_face']} without a face,"
        f" {taken['unreadable']} unreadable, {taken['left_out_as_duplicates']} left out as duplicates,"
        f" {taken['found_at_second_look']} found at the second look, {taken['several_faces']} with several faces"
        f" (the largest was taken); failure to acquire {percent(taken['fta'])}",
        highlight=False,
    )
    _show_curves(console, found)
    _show_identification(console, found)
    _show_enrolment(console, found)
    times, memory = found["latency"], found["memory"]
    steps = [f"{name} {times[f'{name}_median_ms']:.0f} / {times[f'{name}_p95_ms']:.0f}" for name in ("detect", "embed", "picture") if f"{name}_median_ms" in times]
    console.print(f"Latency, median / p95 in ms: {', '.join(steps)}. Memory: {memory['rss_mib']:.0f} MiB, peak {memory['peak_rss_mib']:.0f} MiB.", highlight=False)


def show_attacks(console: Console, found: dict[str, Any]) -> None:
    """The tables of a folder of attacks, one a way of judging."""
    if found["synthetic"]:
        console.print(f"SYNTHETIC: {found['synthetic']}", style="bold yellow")
    rule = found["rule"]
    console.print(
        f"{found['folder']}: presentation attacks in the terms of ISO/IEC 30107-3 (no conformance is claimed); {found['draws']} challenges drawn"
        f" for each presentation, {rule['liveness_tries']} tries of {rule['liveness_actions']} turns each ({rule['source']})",
        highlight=False,
    )
    for path in found["unreadable"]:
        console.print(f"left out, cannot be read: {path}", style="yellow", highlight=False)
    for way, about in found["ways"].items():
        if not about["measured"]:
            console.print(f"{about['en']}: not measured here.", style="dim", highlight=False)
            continue
        table = Table(title=about["en"], box=box.SIMPLE_HEAD)
        for name in ("species", "", "presentations", "no response", "asked", "wrong", "rate (95 %)", "how they ended"):
            table.add_column(name, justify="left" if name in ("species", "", "how they ended") else "right")
        for name, row in found["species"].items():
            if way in row["ways"]:
                own = row["ways"][way]
                ends = ", ".join(f"{end} {count}" for end, count in own["ends"].items())
                kind = ("BPCER" if row["bona_fide"] else "IAPAR" if way == "system" else "APCER")
                table.add_row(
                    name, kind, str(own["presentations"]), str(own["no_response"]), str(own["asked"]), str(own["wrong"]),
                    percent(own["rate"], own["rate_95"]), ends,
                )  # fmt: skip
        console.print(table)
        worst = f"APCER, the worst species: {percent(about['apcer_max'])} ({about['worst']})" if about["worst"] else "no attacks"
        console.print(f"{worst}; BPCER {percent(about['bpcer'])} {about['bpcer_why']}".rstrip(), highlight=False)

    if "drawn_living" in found:
        console.print(drawn_living(found["drawn_living"]), highlight=False)


def drawn_living(row: dict[str, Any]) -> str:
    """What drawn people who obey stand for where no living ones were filmed."""
    return (
        f"BPCER of the system on drawn people (SYNTHETIC, a proof of the plumbing): {percent(row['rate'], row['rate_95'])} of {row['trials']};"
        f" {row['passed_first']} passed at the first try"
    )


def _show_curves(console: Console, found: dict[str, Any]) -> None:
    limit = found["rule"]["limit"]
    table = Table(title=f"one to one, {found['engine']['name']}; the box accepts up to {limit:g}", box=box.SIMPLE_HEAD, show_lines=False)
    for name in ("compared", "genuine / impostor", "EER", "FNMR at FMR 1 %", "FNMR at FMR 0.1 %", f"FMR at {limit:g}", f"FNMR at {limit:g}"):
        table.add_column(name, justify="left" if name == "compared" else "right")
    for name, key in (("picture with picture", "pairs"), ("picture with 3 stills, best two", "three_stills")):
        row = found[key]
        table.add_row(
            name, f"{row['genuine']} / {row['impostor']}", percent(row["eer"]),
            _at(row["fnmr_at_fmr_1pct"], row["threshold_at_fmr_1pct"]), _at(row["fnmr_at_fmr_0_1pct"], row["threshold_at_fmr_0_1pct"]),
            percent(row["fmr"], row.get("fmr_95")), percent(row["fnmr"], row.get("fnmr_95")),
        )  # fmt: skip
    console.print(table)
    console.print("Thresholds were chosen on these very pictures, so they flatter; the box's own limit was not.", style="dim")
    if found["pairs"]["too_few"]:
        console.print("Fewer than 1,000 impostor comparisons: FMR 0.1 % cannot be told from 0 here.", style="yellow")


def _show_identification(console: Console, found: dict[str, Any]) -> None:
    who = found["identification"]
    if not who["measured"]:
        console.print(f"One of a permit's four: not measured, {who['why']}.", style="yellow", highlight=False)
        return
    table = Table(
        title=f"one of a permit's {who['people']}, {who['stills']} stills each, mean of the best two; {who['trials']} permits drawn",
        box=box.SIMPLE_HEAD,
    )
    for name in ("limit", "margin", "outsider accepted (FPIR)", "own face refused (FNIR)", "of it taken for another"):
        table.add_column(name, justify="right")
    for row in who["by_limit"]:
        own = (row["limit"], row["margin"]) == (who["shipped"]["limit"], who["shipped"]["margin"])
        table.add_row(
            f"{'▸ ' if own else ''}{row['limit']:.2f}", f"{row['margin']:.2f}", percent(row["fpir"], row["fpir_95"]), percent(row["fnir"], row["fnir_95"]),
            percent(row["mistaken"]), style="bold" if own else None,
        )  # fmt: skip
    console.print(table)
    console.print("▸ what the box ships. In brackets: 95 %, as if all pictures were independent.", style="dim")


def _show_enrolment(console: Console, found: dict[str, Any]) -> None:
    row = found["enrolment"]
    reasons = ", ".join(f"{name} {count}" for name, count in row["refused_stills"].items()) or "none"
    console.print(
        f"Failure to enrol: {row['failed']} of {row['people']} people ({percent(row['fte'])}) for want of"
        f" {found['rule']['stills']} pictures with a face; {row['failed_checks']} ({percent(row['fte_checks'])}) by the box's checks of"
        f" stills ({found['rule']['source']}). Stills that the box would refuse: {reasons}.",
        highlight=False,
    )


def _at(rate: float | None, threshold: float | None) -> str:
    return "–" if rate is None or threshold is None else f"{percent(rate)} at {threshold:.3f}"
