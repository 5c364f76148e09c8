"""A recorded segment in a real Chromium: it plays, stops, and goes where it is put, on a phone too (ANT-11)."""

import pytest

from tests.browser.reader import signed_in
from tests.cloud_bridge.box_side import BoxLog, connected
from tests.cloud_bridge.recordings import segment


@pytest.mark.parametrize(("language", "width"), [("zh-hans", 360), ("en", 1280)])
async def test_a_segment_plays_picture_by_picture(bridge, browser, language, width):
    log, one = BoxLog(f"box-film-{width}"), segment(20)
    permit = f"HW-F-{width}"
    bridge.add_box(log)
    log.leaf("video.segment", permit=permit, **one.record())
    async with connected(log, bridge.host, bridge.port) as side:
        await side.sync()
        await side.acknowledged(bridge.witness, 1)
        for payload in one.pieces():
            await side.send("media", payload)
        await side.wait_for("media", lambda body: b'"held"' in body)
    page, faults = await signed_in(bridge, browser, "an", language, width)
    await page.goto(f"{bridge.url}/permits/{permit}/video/")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing runs out of the page"
    await page.locator("td a").first.click()
    player = page.locator("[data-player]")
    assert await player.locator("img").evaluate("picture => picture.decode().then(() => picture.naturalWidth)") == 160
    await player.locator("[data-pause]").click()
    await page.wait_for_function("() => Number(document.querySelector('[data-player]').dataset.at) >= 3")
    await player.locator("[data-pause]").click()
    stood = await player.get_attribute("data-at")
    await player.locator("[data-place]").fill("17")
    assert await player.get_attribute("data-at") == "17" != stood
    await player.locator("[data-step='1']").click()
    assert await player.get_attribute("data-at") == "18"
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert faults == []
    await page.context.close()
