"""Starts one of the box's processes: ``python -m edge.process NAME CONFIG [source=fd ...]``.

Kept free of the CLI's libraries: the interlock imports only what it uses. Without descriptors (systemd) the
interlock listens on ``evidence.sock`` and the others connect to it; the supervisor passes inherited socket pairs.
Exit codes: 0 ended in order, 2 refused to start (the reason is on stderr).
"""

import asyncio
import logging
import os
import signal
import sqlite3
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from contracts.errors import ContractError
from contracts.struct_types import build_struct_types
from edge import sockets
from edge.config import BoxConfig, load
from edge.interlock.evidence import Source
from edge.interlock.local_time import keep_site_clock

NAMES = ("interlock", "vision", "presence", "link", "panel")


def _interlock(config: BoxConfig, descriptors: dict[str, int]) -> Coroutine[Any, Any, None]:
    from edge.interlock.process import run

    taken = {Source(name): sockets.inherited(number) for name, number in descriptors.items()}
    return run(config, taken or None)


def _other(name: str, config: BoxConfig, descriptors: dict[str, int]) -> Coroutine[Any, Any, None]:
    taken = sockets.inherited(descriptors[name]) if name in descriptors else None
    if name == "vision":
        from edge.vision.process import run as run_vision

        return run_vision(config, taken)
    if name == "presence":
        from edge.presence.process import run as run_presence

        return run_presence(config, taken)
    if name == "panel":
        from edge.panel.process import run as run_panel

        return run_panel(config)
    from edge.link.process import run as run_link

    return run_link(config, taken)


async def _until_told(work: Coroutine[Any, Any, None]) -> None:
    """Run until done; SIGTERM and SIGINT cancel in good order."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    told = False

    def end() -> None:
        nonlocal told
        told = True
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    try:
        await task
    except asyncio.CancelledError:
        if not told:
            raise


def main(argv: list[str]) -> int:
    """Run the named process; gives the exit code."""
    name, path, *pairs = argv
    logging.basicConfig(
        level=os.environ.get("HOTBOX_LOG", "WARNING").upper(), stream=sys.stderr,
        format=f"%(asctime)s {name} %(levelname)s %(message)s",
    )  # fmt: skip
    descriptors = {source: int(number) for source, _, number in (pair.partition("=") for pair in pairs)}
    from edge.audit import AuditError

    try:
        config = load(Path(path))
        keep_site_clock(config.utc_offset_min)
        if name == "interlock":
            work = _interlock(config, descriptors)
        else:
            work = _until_told(_other(name, config, descriptors))
        build_struct_types()
        asyncio.run(work)
    except (ContractError, AuditError, OSError, sqlite3.Error) as error:
        print(f"hotbox {name}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
