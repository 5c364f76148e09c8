"""The site's supervisor: starts the device processes, passes requests on, ends everything together."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import msgspec

from firmware_sim import devices
from firmware_sim.child import MAX_DATAGRAM, Answer, Offer, Request, end
from firmware_sim.client import SOCKET_NAME, short_path
from firmware_sim.clock import now_us
from firmware_sim.errors import SimulationError
from firmware_sim.settings import SiteSettings

_START_S = 25.0
_STOP_S = 2.0


class Child:
    """A device process and the channel to it; requests go one after the other."""

    def __init__(self, kind: str, process: asyncio.subprocess.Process, channel: socket.socket) -> None:
        """Take over a process that was just started."""
        self.kind = kind
        self.process = process
        self.offer = Offer({}, ())
        self._channel = channel
        self._busy = asyncio.Lock()

    async def receive_offer(self) -> None:
        """Wait until the device is up.

        Raises:
            SimulationError: it ended instead.
        """
        datagram = await asyncio.get_running_loop().sock_recv(self._channel, MAX_DATAGRAM)
        if not datagram:
            code = await self.process.wait()
            raise SimulationError(f"the {self.kind} process did not come up (exit code {code})")
        self.offer = msgspec.json.decode(datagram, type=Offer)

    async def ask(self, request: Request) -> dict[str, Any]:
        """Pass one request on.

        Raises:
            SimulationError: the device refused it, or is gone.
        """
        loop = asyncio.get_running_loop()
        async with self._busy:
            try:
                await loop.sock_sendall(self._channel, msgspec.json.encode(request))
                datagram = await loop.sock_recv(self._channel, MAX_DATAGRAM)
            except OSError as error:
                raise SimulationError(f"the {self.kind} process is gone: {error}") from error
        if not datagram:
            raise SimulationError(f"the {self.kind} process is gone")
        answer = msgspec.json.decode(datagram, type=Answer)
        if answer.error:
            raise SimulationError(answer.error)
        return answer.result

    async def end(self) -> None:
        """End the process, gently first."""
        end(self.process, signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), _STOP_S)
        except TimeoutError:
            end(self.process, signal.SIGKILL)
            await self.process.wait()
        self._channel.close()


async def _start(kind: str, directory: Path, settings: SiteSettings) -> Child:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "firmware_sim.devices",
            kind,
            str(theirs.fileno()),
            str(os.getpid()),
            str(directory),
            msgspec.json.encode(settings).decode(),
            pass_fds=(theirs.fileno(),),
            stdin=asyncio.subprocess.DEVNULL,
        )
    finally:
        theirs.close()
    return Child(kind, process, ours)


class SiteSupervisor:
    """All device processes of one site and its control socket."""

    def __init__(self, directory: Path, settings: SiteSettings) -> None:
        """Nothing is started before `start`."""
        self.directory = directory
        self._settings = settings
        self._children: list[Child] = []
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    async def start(self) -> list[str]:
        """Start everything, write site.json, return one line per device.

        Raises:
            SimulationError: a device did not come up.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        facts_file = self.directory / "site.json"
        facts_file.unlink(missing_ok=True)
        for kind in devices.wanted(self._settings):
            self._children.append(await _start(kind, self.directory, self._settings))
        try:
            async with asyncio.timeout(_START_S):
                await asyncio.gather(*(child.receive_offer() for child in self._children))
        except TimeoutError as error:
            silent = ", ".join(child.kind for child in self._children if not child.offer.lines)
            raise SimulationError(f"not up after {_START_S:.0f} s: {silent}") from error
        control = self.directory / SOCKET_NAME
        control.unlink(missing_ok=True)
        with short_path(control) as name:
            self._server = await asyncio.start_unix_server(self._welcome, name)
        facts: dict[str, Any] = {"control": str(control), "pid": os.getpid()}
        lines: list[str] = []
        for child in self._children:
            facts.update(child.offer.site)
            lines += child.offer.lines
        new = facts_file.with_suffix(".new")
        new.write_bytes(msgspec.json.format(msgspec.json.encode(facts)))
        new.replace(facts_file)
        return lines

    async def ended(self) -> str:
        """Wait for a device process to end by itself; returns its kind. A site never goes on without a device."""
        waiting = {asyncio.create_task(child.process.wait()): child.kind for child in self._children}
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
        return waiting[done.pop()]

    async def stop(self) -> None:
        """End all children and take the files away that name them."""
        if self._server:
            self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*(child.end() for child in self._children))
        for name in (SOCKET_NAME, "site.json"):
            (self.directory / name).unlink(missing_ok=True)

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.create_task(self._talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(msgspec.json.encode(await self._answer(line)) + b"\n")
                await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            asked = msgspec.json.decode(line, type=_Asked)
            return {"ok": True, "result": await self.handle(Request(asked.do, asked.args))}
        except msgspec.MsgspecError as error:
            return {"ok": False, "error": f'expected {{"do": verb, "args": [words]}}: {error}'}
        except SimulationError as error:
            return {"ok": False, "error": str(error)}

    async def handle(self, request: Request) -> dict[str, Any]:
        """Pass a request to the device that answers to its target; `state` asks all.

        Raises:
            SimulationError: nobody answers to it.
        """
        if request.verb == "state":
            result: dict[str, Any] = {}
            for answer in await asyncio.gather(*(child.ask(request) for child in self._children)):
                for key, value in answer.items():
                    result[key] = {**result[key], **value} if key in result else value
            return result
        targets = {name: child for child in self._children for name in _targets(child.offer, request.verb)}
        if not request.args:
            raise SimulationError(f"{request.verb} what? allowed: {', '.join(targets)}")
        child = targets.get(request.args[0])
        if child is None:
            raise SimulationError(f"{request.verb}: {request.args[0]!r} is not known; allowed: {', '.join(targets)}")
        asked_us = now_us()
        # The moment before anything changes, for whoever measures how long something took.
        return {**await child.ask(request), "asked_us": asked_us}


class _Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    do: str
    args: tuple[str, ...] = ()


def _targets(offer: Offer, verb: str) -> tuple[str, ...]:
    match verb:
        case "set":
            return offer.set_targets
        case "press":
            return offer.press_targets
        case "fault":
            return offer.fault_targets
    raise SimulationError(f"{verb!r} is not known; allowed: set, press, fault, state")


async def run(directory: Path, settings: SiteSettings) -> int:
    """Run a site until SIGTERM, SIGINT or until a device process ends; returns the exit code."""
    loop = asyncio.get_running_loop()
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop.set)
    supervisor = SiteSupervisor(directory, settings)
    stopping = asyncio.create_task(asked_to_stop.wait())
    try:
        starting = asyncio.create_task(supervisor.start())
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            return 0
        for line in starting.result():
            print(line, flush=True)
        ending = asyncio.create_task(supervisor.ended())
        await asyncio.wait((ending, stopping), return_when=asyncio.FIRST_COMPLETED)
        if ending.done():
            print(f"hotbox-sim: the {ending.result()} process ended by itself; the site stops", file=sys.stderr)
            return 1
        ending.cancel()
    except SimulationError as error:
        print(f"hotbox-sim: {error}", file=sys.stderr)
        return 1
    finally:
        await supervisor.stop()
    return 0
