"""The web workers' end: pictures go to the enrolment process, and nothing of them stays here."""

import asyncio
from pathlib import Path

from cloud_bridge.enrolment import wire
from cloud_bridge.enrolment.enrolling import PATIENCE_S, refusal
from contracts.errors import ContractError

LONGEST_S = 4 * PATIENCE_S
_AWAY = refusal(
    "away", "登记服务未运行, 照片已丢弃; 请告知管理员, 或在盒子上登记",
    "the enrolment does not run, and the pictures are gone; tell the administrator, or enrol at the box",
)  # fmt: skip


async def ask(path: Path, asked: wire.Enrol) -> wire.Answer:
    """Have somebody enrolled; always an answer that says what to do."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(path), limit=wire.MAX_BYTES)
    except OSError:
        return _AWAY
    try:
        async with asyncio.timeout(LONGEST_S):
            writer.write(wire.packed(asked))
            await writer.drain()
            said = await reader.readexactly(wire.length(await reader.readexactly(wire.LENGTH)))
        return wire.unpacked(said, wire.Answer)
    except (OSError, EOFError, TimeoutError, ContractError):
        return _AWAY
    finally:
        writer.close()
