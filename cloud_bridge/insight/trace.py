"""The trace of every box (ANT-10, KPI-06) and what boxes refused (PTW-18), followed leaf by leaf.

`follow` goes on where it was, a piece at a time, and holds the database only to write down what it found: the ingest
and its alarms write there, too. `recompute` goes through everything that is stored and believes
nothing that was concluded before.
"""

from collections import Counter
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Count, F, Sum

from cloud_bridge.boxes.models import Event, Log
from cloud_bridge.insight.models import Interception, TracedLog, TracedRun
from contracts.errors import ContractError
from contracts.event import Event as Leaf
from contracts.refusals import refused_for
from contracts.runs import Interval, Trace, percent
from contracts.trace import Tracer, trace

PIECE = 1000
_SHOWN = 20
_MAYBE_REFUSED = (b'refused"', b'.abandoned"')
_decode = msgspec.json.Decoder(Leaf).decode


@dataclass
class Figure:
    """A box's traced share. `behind`: stored leaves that were not looked at yet; `broken` why that stopped."""

    closed_ms: int = 0
    covered_ms: int = 0
    runs: int = 0
    behind: int = 0
    broken: str = ""
    gaps: list[TracedRun] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether every second is traced."""
        return self.covered_ms == self.closed_ms

    @property
    def share(self) -> float:
        """Traced share of the closed time, 1.0 when all of it is."""
        return self.covered_ms / self.closed_ms if self.closed_ms else 1.0

    @property
    def percent(self) -> str:
        """Never rounded up: only a whole trace says 100."""
        return percent(self.covered_ms, self.closed_ms)

    @property
    def closed_s(self) -> int:
        """How long the relay was closed, in whole seconds, rounded up."""
        return -(-self.closed_ms // 1000)


def _leaves(log: Log, first: int, most: int | None = None) -> Generator[bytes, None, None]:
    rows = Event.objects.filter(box=log.box_id, log=log.epoch, seq__gte=first).order_by("seq")
    rows = rows.values_list("leaf", flat=True)
    return (bytes(leaf) for leaf in (rows[:most] if most else rows).iterator(chunk_size=1000))


@dataclass
class _Piece:
    """What some leaves of a log, from `first` on, come to: the runs that ended, what was refused and how often."""

    first: int
    tracer: Tracer
    count: int = 0
    broken: str = ""
    runs: list[Interval] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    refused_ms: int = 0

    def take(self, leaf: bytes) -> None:
        """The next leaf.

        Raises:
            ContractError: it is no event.
        """
        self.runs += self.tracer.add(leaf)
        self.count += 1
        if any(mark in leaf for mark in _MAYBE_REFUSED):
            event = _decode(leaf)
            reasons = refused_for(event)
            self.refused.update(reason[:80] for reason in reasons)
            self.refused_ms = event.t if reasons else self.refused_ms


def follow(log: Log, most: int = PIECE) -> int:
    """Go on with the next leaves of a log; gives how many there were, 0 when somebody else was faster."""
    traced = TracedLog.objects.filter(log=log).first() or TracedLog(log=log)
    if traced.broken:
        return 0
    tracer = msgspec.json.decode(bytes(traced.memory), type=Tracer) if traced.memory else Tracer()
    piece = _Piece(traced.next, tracer)
    for leaf in list(_leaves(log, piece.first, most)):
        try:
            piece.take(leaf)
        except ContractError as error:
            piece.broken = f"record {piece.first + piece.count}: {error}"[:300]
            break
    return _keep(log, piece) if piece.count or piece.broken else 0


@transaction.atomic
def _keep(log: Log, piece: _Piece) -> int:
    """Write all of a piece down, or nothing of it when somebody else has gone on from there meanwhile."""
    traced, _ = TracedLog.objects.select_for_update().get_or_create(log=log)
    if traced.broken or traced.next != piece.first:
        return 0
    traced.next += piece.count
    traced.memory = msgspec.json.encode(piece.tracer)
    going_on = piece.tracer.unfinished()
    traced.going_on = None if going_on is None else msgspec.to_builtins(going_on)
    traced.broken = piece.broken
    traced.save()
    for run in piece.runs:
        TracedRun.objects.update_or_create(log=log, first=run.first, defaults=_columns(run))
    for reason, times in piece.refused.items():
        row, _ = Interception.objects.get_or_create(box_id=log.box_id, reason=reason)
        Interception.objects.filter(pk=row.pk).update(times=F("times") + times, last_ms=piece.refused_ms)
    return piece.count


def behind() -> list[Log]:
    """Logs that have leaves which were not looked at yet, and can be."""
    logs = Log.objects.filter(size__gt=0).exclude(traced__next__gte=F("size"))
    return list(logs.exclude(traced__broken__gt=""))


def _columns(run: Interval) -> dict[str, Any]:
    found = msgspec.to_builtins(run)
    found.pop("first")
    return {**found, "permit": run.permit[:64], "attempt": run.attempt[:32]}


def figures(boxes: list[str]) -> dict[str, Figure]:
    """Every box's share, in three questions however many boxes there are."""
    found = {box: Figure() for box in boxes}
    sums = TracedRun.objects.filter(log__box__in=boxes).order_by().values("log__box")
    for row in sums.annotate(closed=Sum("closed_ms"), covered=Sum("covered_ms"), runs=Count("pk")):
        figure = found[row["log__box"]]
        figure.closed_ms, figure.covered_ms, figure.runs = row["closed"], row["covered"], row["runs"]
    for log in Log.objects.filter(box__in=boxes).select_related("traced").defer("traced__memory"):
        figure, traced = found[log.box_id], getattr(log, "traced", None)
        figure.behind += log.size - (traced.next if traced is not None else 0)
        if traced is None:
            continue
        figure.broken = figure.broken or traced.broken
        if traced.going_on is not None:
            figure.closed_ms += traced.going_on["closed_ms"]
            figure.covered_ms += traced.going_on["covered_ms"]
            figure.runs += 1
    return found


def figure(box: str) -> Figure:
    """One box's share, with its newest runs that have gaps."""
    found = figures([box])[box]
    with_gaps = TracedRun.objects.filter(log__box=box, covered_ms__lt=F("closed_ms")).order_by("-first_ms")
    found.gaps = list(with_gaps[:_SHOWN])
    return found


def recompute(log: Log) -> Trace:
    """The trace of everything that is stored.

    Raises:
        ContractError: a stored leaf is no event.
    """
    with closing(_leaves(log, 0)) as leaves:
        return trace(leaves)
