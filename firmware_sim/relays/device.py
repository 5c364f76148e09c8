"""The relay boards of a site, each on a serial line of its own, in one device process."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

from firmware_sim.child import Offer, Request
from firmware_sim.clock import now_us
from firmware_sim.errors import SimulationError, one_of
from firmware_sim.gas import set_bus_fault
from firmware_sim.modbus import Fault, Faulty, RtuBus
from firmware_sim.pty_line import PtyLine
from firmware_sim.relays.board import Board, BoardFault, set_board_fault
from firmware_sim.relays.icpdas import IcpDas
from firmware_sim.relays.waveshare import Waveshare
from firmware_sim.settings import RelayBoardSettings, SiteSettings

_TICK_S = 0.002
_BOOT_S = 0.3
_KINDS: dict[str, type[IcpDas | Waveshare]] = {"icpdas": IcpDas, "waveshare": Waveshare}
_OF_DETECTORS = (
    Fault.FROZEN, Fault.STATUS_FAULT, Fault.OVER_RANGE, Fault.WARM_UP, Fault.DRIFT, Fault.FOLD_BACK,
)  # fmt: skip
_BUS_FAULTS = tuple(fault for fault in Fault if fault not in _OF_DETECTORS)


class _Place:
    """One board on its line."""

    def __init__(self, directory: Path, settings: RelayBoardSettings) -> None:
        self.settings = settings
        self.board: Board = _KINDS[settings.kind]()
        self.faulty = Faulty(self.board, late_ms=settings.late_ms)
        self.line = PtyLine(directory / f"relay-{settings.name}")
        self.bus = RtuBus({settings.unit_id: self.faulty}, self.line, settings.baud, settings.turnaround_ms)
        self.fault = "none"
        self.booting: asyncio.Task[None] | None = None

    def state(self) -> dict[str, Any]:
        contact = self.board.contact
        return {
            **self.board.state(), "contact_closed": contact.closed, "contact_open_us": contact.opened_us,
            "contact_closed_us": contact.closed_us, "requests": self.faulty.requests, "fault": self.fault,
            "booting": self.booting is not None and not self.booting.done(),
        }  # fmt: skip


class RelaysDevice:
    """All boards of the site."""

    def __init__(self, directory: Path, settings: SiteSettings) -> None:
        """Nothing is opened before `start`."""
        if settings.relays is None:
            raise SimulationError("this site has no relay boards")
        self._places = {board.name: _Place(directory, board) for board in settings.relays}
        self._ticking: asyncio.Task[None] | None = None

    async def start(self) -> Offer:
        """Open the lines."""
        for place in self._places.values():
            await place.bus.start()
        self._ticking = asyncio.create_task(self._tick())
        site = {
            name: {"kind": place.settings.kind, "device": str(place.line.link), "baud": place.settings.baud,
                   "unit_id": place.settings.unit_id}
            for name, place in self._places.items()
        }  # fmt: skip
        lines = tuple(f"relay {n}: {place.line.link} ({place.settings.kind})" for n, place in self._places.items())
        return Offer({"relays": site}, lines, fault_targets=tuple(self._places))

    async def _tick(self) -> None:
        while True:
            for place in self._places.values():
                place.board.tick()
            await asyncio.sleep(_TICK_S)

    async def handle(self, request: Request) -> dict[str, Any]:
        """``fault BOARD KIND [VALUE]`` and ``state``."""
        if request.verb == "fault":
            await self._set_fault(*request.args)
        return {"relays": {name: place.state() for name, place in self._places.items()}, "now_us": now_us()}

    async def _set_fault(self, name: str, kind: str = "", *value: str) -> None:
        place = self._places[name]
        one_of(f"fault {name}", kind, (*_BUS_FAULTS, *BoardFault))
        if place.booting:
            place.booting.cancel()
        of_board = BoardFault(kind) if kind in set(BoardFault) else None
        set_board_fault(place.board, of_board)
        if of_board is BoardFault.REBOOT:
            await set_bus_fault(place.bus, place.faulty, (Fault.SILENT.value,))
            place.booting = asyncio.create_task(self._boot(place))
            return
        await set_bus_fault(place.bus, place.faulty, (Fault.NONE.value,) if of_board else (kind, *value))
        place.fault = kind

    async def _boot(self, place: _Place) -> None:
        """A board that has power again answers only when its program runs."""
        await asyncio.sleep(_BOOT_S)
        await set_bus_fault(place.bus, place.faulty, (Fault.NONE.value,))

    async def stop(self) -> None:
        """Close everything."""
        for place in self._places.values():
            if place.booting:
                place.booting.cancel()
        if self._ticking:
            self._ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticking
        for place in self._places.values():
            await place.bus.stop()
