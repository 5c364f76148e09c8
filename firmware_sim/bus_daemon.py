"""A private D-Bus: the real dbus-daemon with a configuration of its own, so that the machine's own stay untouched."""

import asyncio
import os
import shutil
import signal
from pathlib import Path
from typing import IO
from urllib.parse import quote

from firmware_sim.child import die_with_parent, end
from firmware_sim.errors import SimulationError

_LONGEST_PATH = 100
_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>{address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow send_destination="*" eavesdrop="false"/>
    <allow eavesdrop="false"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


class BusDaemon:
    """One dbus-daemon; it dies with this process."""

    def __init__(self, directory: Path) -> None:
        """Nothing is started before `start`."""
        self._directory = directory
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> str:
        """Start it and return its address.

        Raises:
            SimulationError: dbus-daemon is not installed or does not come up.
        """
        program = shutil.which("dbus-daemon")
        if program is None:
            raise SimulationError("dbus-daemon is not installed; on Debian: apt-get install dbus")
        path = self._directory / "dbus.sock"
        path.unlink(missing_ok=True)
        # A socket's path has 107 bytes; a deeper directory gets a name without a file.
        fits = len(str(path)) <= _LONGEST_PATH
        address = f"unix:path={quote(str(path))}" if fits else f"unix:abstract=hotbox-site-{os.getpid()}"
        config = self._directory / "dbus.conf"
        config.write_text(_CONFIG.format(address=address), encoding="utf-8")
        # It warns on its error output about limits that only a machine's own bus may raise.
        with (self._directory / "dbus.log").open("wb") as log:
            self._process = await self._spawn(program, config, log)
        if self._process.stdout is None:
            raise SimulationError("dbus-daemon has no output")
        line = await self._process.stdout.readline()
        if not line:
            told = (self._directory / "dbus.log").read_text(encoding="utf-8", errors="replace").strip()
            raise SimulationError(f"dbus-daemon did not come up (exit code {await self._process.wait()}): {told}")
        return line.decode().strip()

    async def _spawn(self, program: str, config: Path, log: IO[bytes]) -> asyncio.subprocess.Process:
        parent = os.getpid()
        return await asyncio.create_subprocess_exec(
            program,
            f"--config-file={config}",
            "--nofork",
            "--nopidfile",
            "--print-address=1",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            preexec_fn=lambda: die_with_parent(parent),
        )

    async def stop(self) -> None:
        """End it."""
        if self._process:
            end(self._process, signal.SIGTERM)
            await self._process.wait()
        for name in ("dbus.sock", "dbus.conf", "dbus.log"):
            (self._directory / name).unlink(missing_ok=True)
