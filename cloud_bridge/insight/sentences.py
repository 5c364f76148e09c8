"""What `hotbox-bridge audit trace` says of a log: lines for people, an object for programs."""

import time
from collections.abc import Iterator
from typing import Any

import msgspec

from contracts.runs import Trace, percent


def sentences(origin: str, found: Trace) -> Iterator[str]:
    """One line for the log, one for each gap."""
    if not found.intervals:
        yield f"✔ {origin}: the relay never closed"
        return
    share = percent(found.covered_ms, found.closed_ms)
    mark = "✘" if found.gaps else "✔"
    yield f"{mark} {origin}: {len(found.intervals)} runs, {found.closed_ms / 1000:.3f} s closed, {share} % traced"
    for gap in found.gaps:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(gap.first_ms / 1000))
        yield f"    {when}  {(gap.last_ms - gap.first_ms) / 1000:.3f} s  {gap.kind}  run of record {gap.seq}"


def as_json(origin: str, found: Trace) -> dict[str, Any]:
    """For programs."""
    return {
        "origin": origin, "closed_ms": found.closed_ms, "covered_ms": found.covered_ms, "share": found.share,
        "intervals": msgspec.to_builtins(found.intervals),
    }  # fmt: skip
