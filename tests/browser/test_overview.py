"""The overview in a real Chromium: sign in, and see a box change and alarm without reloading."""

import pytest

from tests.browser.reader import signed_in
from tests.cloud_bridge.box_side import BoxLog, connected

WORDS = {
    "zh-hans": {
        "locked": "已锁定",
        "tripped": "联锁切断",
        "first_out": "ch4-1 超上限",
        "alarm": "气体报警",
        "live": "未证实",
    },
    "en": {
        "locked": "locked",
        "tripped": "interlock tripped",
        "first_out": "ch4-1 is over its limit",
        "alarm": "gas alarm",
        "live": "unproven",
    },
}
GAS = {"code": "gas_high", "chan": "ch4-1", "value_milli": 12500, "limit_milli": 10000, "unit": "%LEL"}


@pytest.mark.parametrize("language", list(WORDS))
@pytest.mark.parametrize("width", [360, 1280])
async def test_state_and_alarm_arrive_without_reload(bridge, browser, language, width):
    """BOX-06: what happens at a box is seen where people decide, in Chinese and in English."""
    words = WORDS[language]
    log = BoxLog(f"box-see-{language}-{width}")
    bridge.add_box(log)
    page, faults = await signed_in(bridge, browser, "fang", language, width)
    await page.wait_for_selector("body[data-ready]")
    await page.evaluate("window.marker = 'the same page'")
    card = page.locator(f"#box-{log.box}")
    async with connected(log, bridge.host, bridge.port) as side:
        await side.state("LOCKED")
        await card.get_by_text(words["locked"], exact=False).first.wait_for()
        log.leaf("system.boot")
        alarm = log.leaf("gas.alarm", "alarm", **GAS)
        await side.send("live", alarm)
        event = page.locator(f"#event-{log.box}-1-1")
        await event.get_by_text(words["alarm"]).wait_for()
        await event.get_by_text(words["live"]).wait_for()
        await side.state("TRIPPED", first_out="gas_high:ch4-1")
        await card.get_by_text(words["tripped"], exact=False).first.wait_for()
        await card.get_by_text(words["first_out"]).wait_for()
        await side.sync()
        await page.locator(f'#event-{log.box}-1-1[data-proven="1"]').wait_for()
        await event.get_by_text("12.5 %LEL").wait_for()
    assert await page.locator(".card").first.get_attribute("data-alarm") == "1", "the red list comes first"
    assert await page.evaluate("window.marker") == "the same page"
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing runs out of the page"
    assert faults == []
    await page.context.close()
