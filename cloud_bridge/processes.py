"""The bridge's processes. `serve` forks them from one loaded Django; systemd starts each by its own command."""

import asyncio
import logging
import signal
import socket
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from cloud_bridge.datadir import DataDir
from cloud_bridge.process import Broker, SignOfLife, end_together, keep_memory_private
from contracts.struct_types import build_struct_types
from contracts.topics import MAX_PAYLOAD_BYTES

MAX_PACKET_BYTES = 2 * MAX_PAYLOAD_BYTES
GRACE_S = 3


async def _until(told: asyncio.Event) -> None:
    await told.wait()


def _run(main: Coroutine[Any, Any, None]) -> None:
    """Run until SIGTERM or SIGINT, then end it and wait."""

    async def guarded() -> None:
        told, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told.set)
        # Not one cancellation, which could be lost: nobody would be left to send a second when the supervisor died.
        await end_together(main, _until(told))
        logging.getLogger("hotbox-bridge").debug("ended")

    keep_memory_private()
    build_struct_types()  # the process's work is imported by now, and has threads
    asyncio.run(guarded())


def web(listener: socket.socket, certificate: Path | None, key: Path | None) -> None:
    """One web worker on a shared listening socket."""
    import uvicorn

    keep_memory_private()
    config = uvicorn.Config(
        "cloud_bridge.asgi:application",
        log_level="warning",
        timeout_graceful_shutdown=GRACE_S,
        server_header=False,
        proxy_headers=False,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        lifespan="off",
    )
    uvicorn.Server(config).run(sockets=[listener])


def ingest(data: DataDir, broker: Broker) -> None:
    """Receive, verify, store, witness. The only process that reads the cosign key."""
    from cloud_bridge.boxes.ingest import Ingest
    from cloud_bridge.keys import cosign_key, witness_name
    from cloud_bridge.video.intake import Intake, most_bytes
    from cloud_bridge.video.shelf import Shelf

    key = cosign_key(data)
    media = Intake(Shelf(data.media), most_bytes(), key)
    _run(Ingest(broker, witness_name(), key, SignOfLife(data.run, "ingest"), media).run())


def worker(data: DataDir, broker: Broker) -> None:
    """Timers and effects of workflows, delivery, what follows from the logs, and recordings whose time is over."""
    from cloud_bridge.boxes import following
    from cloud_bridge.enrolment import deliveries
    from cloud_bridge.flows import worker as flows
    from cloud_bridge.insight import follower
    from cloud_bridge.permits import delivery
    from cloud_bridge.video import expiry

    sending = delivery.run(data, broker, SignOfLife(data.run, "worker"), deliveries.outgoing)
    _run(end_together(sending, following.run(), follower.run(), expiry.run(), flows.run()))


def signer(data: DataDir) -> None:
    """Sign what the rules allow. The only process that reads the permit and command keys."""
    from cloud_bridge.permits import signer as signing

    _run(signing.run(data, SignOfLife(data.run, "signer")))


def enrolment(data: DataDir) -> None:
    """Faces: pictures to templates, templates to boxes. The only process that reads their keys."""
    from cloud_bridge.enrolment.process import Enrolment

    _run(Enrolment(data, SignOfLife(data.run, "enrolment")).run())


def notify(data: DataDir) -> None:
    """Messages to people. The only process that reads the channels' secrets; one at a time for a data directory."""
    from cloud_bridge.notify.sender import Sender

    with data.lock("notify"):
        _run(Sender(data, SignOfLife(data.run, "notify")).run())


def broker(port: int) -> None:
    """The embedded broker, on loopback.

    Raises:
        SystemExit: this machine has no package for it.
    """
    try:
        from iotcore import Broker as Embedded
    except ImportError as error:
        raise SystemExit(
            "broker: expected the package iotcore, got none for this machine; run mosquitto and give serve --broker"
        ) from error
    # rumqttd marks every packet as an error in its log; nothing there is for people.
    for name in ("rumqttd", "tracing"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    Embedded(port=port, listen="127.0.0.1", max_payload_size=MAX_PACKET_BYTES).run_forever()
