"""A message that cannot be handled, and whose refusal cannot be written down either, stops nothing (BOX-05)."""

import asyncio
import logging

from aiomqtt import Message
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts import topics
from tests.cloud_bridge.box_side import BoxLog


async def test_the_next_message_is_served_when_not_even_a_refusal_can_be_stored(
    django_data, tmp_path, monkeypatch, caplog
):
    from django.db import OperationalError, connections

    from cloud_bridge.boxes import store
    from cloud_bridge.boxes.ingest import Ingest
    from cloud_bridge.boxes.models import Event
    from cloud_bridge.boxes.registry import register
    from cloud_bridge.process import Broker, SignOfLife

    def busy(*_):
        raise OperationalError("database is locked")

    def take(leaf, payload):
        return ingest._take(None, Message(topics.up(log.box, leaf), payload, 1, False, 1, None))

    log = BoxLog("box-busy")
    log.leaf()
    await asyncio.to_thread(register, log.box, log.vkey)
    ingest = Ingest(
        Broker("127.0.0.1", 1), "witness", Ed25519PrivateKey.generate(), SignOfLife(tmp_path, "ingest"), lambda *_: (None, None)
    )
    try:
        with monkeypatch.context() as patch, caplog.at_level(logging.INFO):
            patch.setattr(store, "store_batch", busy)
            patch.setattr(store, "reject", busy)
            await take("log", log.batch())
            await take("else", b"")
        assert caplog.text.count("was not written down") == 2
        await take("log", log.batch())
        assert await asyncio.to_thread(Event.objects.filter(box=log.box).count) == 1
    finally:
        await ingest._in_thread(connections.close_all)
        ingest._thread.shutdown()
