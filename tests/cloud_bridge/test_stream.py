"""The live stream: what a page missed comes first, then what happens, in the reader's language."""

import asyncio
import threading
from queue import Queue

import httpx
import pytest

from tests.cloud_bridge.box_side import BoxLog, connected


@pytest.fixture(scope="module")
def log(bridge):
    log = BoxLog("box-stream")
    bridge.add_box(log)
    return log


class Listener:
    """Reads server-sent events in a thread."""

    def __init__(self, visitor, after, language="zh-hans"):
        self.found: Queue = Queue()
        self.seen: list[tuple[str, str]] = []
        cookies = dict(visitor.http.cookies) | {"django_language": language}
        self._client = httpx.Client(base_url=visitor.http.base_url, cookies=cookies, timeout=20)
        self._thread = threading.Thread(target=self._read, args=(after,), daemon=True)
        self._thread.start()

    def _read(self, after):
        with self._client.stream("GET", f"/events/stream?after={after}") as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            name, data = "", []
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    name, data = line[7:], []
                elif line.startswith("data: "):
                    data.append(line[6:])
                elif not line and name:
                    self.found.put((name, "\n".join(data)))
                    if name == "reload" or (name == "event" and "last one" in "".join(data)):
                        return
                    name = ""

    async def next(self, wanted, *words):
        """The first message of that name with these words, of all that came or come."""
        at = 0
        while True:
            while at == len(self.seen):
                self.seen.append(await asyncio.to_thread(self.found.get, timeout=15))
            name, data = self.seen[at]
            if name == wanted and all(word in data for word in words):
                return data
            at += 1

    def close(self):
        self._thread.join(15)
        self._client.close()


def newest(page):
    import re

    return int(re.search(r"after=(\d+)", page)[1])


async def test_events_and_cards_arrive_in_the_readers_language_and_escaped(bridge, log):
    shen = bridge.visitor("shen")
    after = newest(shen.get("/"))
    chinese, english = Listener(shen, after), Listener(shen, after, "en")
    async with connected(log, bridge.host, bridge.port) as side:
        await side.state("TRIPPED", first_out="gas_high:ch4-1")
        log.leaf(
            "gas.alarm",
            "alarm",
            code="gas_high",
            chan="<script>alert(1)</script>",
            value_milli=12500,
            limit_milli=10000,
            unit="%LEL",
        )
        await side.sync()
        assert "联锁切断" in (await chinese.next("box", 'id="box-box-stream"', "ch4-1 超上限"))
        assert "interlock tripped" in (await english.next("box", 'id="box-box-stream"', "is over its limit"))
        line = await chinese.next("event", "气体报警")
        assert "&lt;script&gt;" in line
        assert "<script>" not in line
        await english.next("event", "gas alarm", "12.5 %LEL, limit 10 %LEL")
        missed = Listener(shen, after)
        await missed.next("event", "气体报警")
        log.leaf("last one")
        await side.sync()
        for listener in (chinese, english, missed):
            await listener.next("event", "last one")
            listener.close()


async def test_a_reader_from_the_future_is_told_to_reload(bridge):
    listener = Listener(bridge.visitor("shen"), 10**12)
    await listener.next("reload")
    listener.close()


def test_a_stream_without_a_number_says_what_to_do(bridge):
    answer = bridge.visitor("shen").http.get("/events/stream?after=abc")
    assert answer.status_code == 400
    assert "reload the page" in answer.text
