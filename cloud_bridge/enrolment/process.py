"""The enrolment process: takes pictures from the web workers on a socket, and prepares what boxes are told of faces.

The only process that reads the templates' key and the key that signs for boxes. One enrolment at a time; the pictures
themselves are looked at by a child (`measure`) that holds neither.
"""

import asyncio
import contextlib
import logging
import os
import time

from django.db import DatabaseError

from cloud_bridge.datadir import DataDir
from cloud_bridge.enrolment import deliveries, enrolling, service, stills, wire
from cloud_bridge.enrolment.models import KeptStill
from cloud_bridge.enrolment.vault import LOCK, end_change
from cloud_bridge.process import Changes, SignOfLife, end_together
from contracts.errors import ContractError

log = logging.getLogger(__name__)
SOCKET = "enrolment.sock"
POLL_S = 1.0
UPKEEP_S = 3600.0
SLOW_S = 20.0
WAITING = 4
_STORAGE = enrolling.refusal(
    "storage", "未登记, 照片已丢弃: 平台无法保存 (磁盘或数据库); 请告知管理员",
    "nobody is enrolled, and the pictures are gone: the bridge could not store it (disk or database); "
    "tell the administrator",
)  # fmt: skip
_BUSY = enrolling.refusal("busy", "正在登记他人, 请稍候再试", "others are being enrolled; try again in a moment")


class Enrolment:
    """The process's two works."""

    def __init__(self, data: DataDir, alive: SignOfLife) -> None:
        """Nothing is opened yet."""
        self._data, self._alive = data, alive
        self._one = asyncio.Lock()
        self._waiting = 0
        self._tidied = float("-inf")

    async def run(self) -> None:
        """Work until cancelled."""
        await end_together(self._serve(), self._follow(), self._alive.keep())

    async def _serve(self) -> None:
        path = self._data.run / SOCKET
        path.unlink(missing_ok=True)
        old = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(self._answer, str(path), limit=wire.MAX_BYTES)
        finally:
            os.umask(old)
        async with server:
            await server.serve_forever()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(SLOW_S):
                asked = wire.unpacked(
                    await reader.readexactly(wire.length(await reader.readexactly(wire.LENGTH))), wire.Enrol
                )
            writer.write(wire.packed(await self._in_turn(asked)))
            await writer.drain()
        except ContractError as error:
            log.warning("an enrolment was refused: %s", error)
            zh = f"未登记, 照片已丢弃 ({error.field}); 请重新拍摄, 仍不行请管理员查看登记服务日志"
            en = f"nobody is enrolled, and the pictures are gone: {error}"
            writer.write(wire.packed(enrolling.refusal("unreadable", zh, en)))
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError) as error:
            log.info("an enrolment was not brought to its end: %s", type(error).__name__)
        finally:
            with contextlib.suppress(ConnectionError):
                writer.close()
                await writer.wait_closed()

    async def _in_turn(self, asked: wire.Enrol) -> wire.Answer:
        if self._waiting >= WAITING:
            return _BUSY
        self._waiting += 1
        try:
            async with self._one:
                answer = await enrolling.enrol(asked, self._data)
        except (OSError, DatabaseError) as error:
            log.warning("an enrolment of %s cannot be kept: %s", asked.person, error)
            answer = _STORAGE
        finally:
            self._waiting -= 1
        log.info("enrolment of %s: %s", asked.person, "done" if answer.ok else answer.why)
        return answer

    async def _follow(self) -> None:
        desk = await asyncio.to_thread(deliveries.Desk.of, self._data)
        changes = Changes(self._data.database)
        try:
            async for _changed in changes.wait(POLL_S, longest_s=10):
                try:
                    await asyncio.to_thread(self._look, desk)
                except (DatabaseError, OSError) as error:
                    # Busy, full, or gone for a moment: what was not prepared now is prepared later.
                    log.warning("faces: %s", error)
        finally:
            changes.close()

    def _look(self, desk: deliveries.Desk) -> None:
        if time.monotonic() - self._tidied >= UPKEEP_S:
            self._tidied = time.monotonic()
            for code in service.forget_unneeded():
                log.info("the face of %s is deleted: nobody needs it any more", code)
            with self._data.lock(LOCK):
                end_change(desk.vault)  # of the key, where a power cut left the old one behind
        deliveries.prepare(desk)
        if service.forget_pictures():
            log.info("the pictures that were kept are deleted: the policy is to keep none")
        with self._data.lock(LOCK):  # an enrolment that is just being kept is not looked at half done
            stills.erase_others(self._data, set(KeptStill.objects.values_list("commitment", flat=True)))
