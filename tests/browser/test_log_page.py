"""A box's log page in a real Chromium: after a fork it says so, in both languages and on a phone (ANT-09, BOX-06)."""

import pytest

from contracts import topics
from tests.browser.reader import signed_in
from tests.cloud_bridge.box_side import BoxLog, connected

WORDS = {
    "zh-hans": ("已见证至", "未见证尾部", "最近一次分叉", "最近一次断档"),
    "en": ("Witnessed up to", "Unwitnessed tail", "Last fork", "Last gap"),
}


@pytest.mark.parametrize("language", list(WORDS))
@pytest.mark.parametrize("width", [360, 1280])
async def test_the_page_tells_how_far_the_log_is_witnessed_and_that_it_forked(bridge, browser, language, width):
    log = BoxLog(f"box-log-{language}-{width}")
    bridge.add_box(log)
    for _ in range(8):
        log.leaf()
    async with connected(log, bridge.host, bridge.port) as side:
        await side.sync()
        await side.wait_for("ack")
        await side.send("log", topics.pack_batch(log.origin, 3, [log.other_leaf(3, permit="another story")]))
        page, faults = await signed_in(bridge, browser, "an", language, width)
        await page.wait_for_selector("body[data-ready]")
        card = page.locator(f"#box-{log.box}")
        await card.locator(".finding").wait_for()
    await page.goto(f"{bridge.url}/boxes/{log.box}/log/")
    for word in WORDS[language]:
        assert await page.get_by_text(word, exact=False).count() > 0, word
    assert "8 ·" in await page.locator("[data-epoch='1']").inner_text()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing runs out of the page"
    assert faults == []
    await page.context.close()
