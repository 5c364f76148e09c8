"""The safety officer's page rings in a real Chromium, whatever page it is, until somebody answers (PTW-24)."""

import pytest

from tests.browser.reader import signed_in
from tests.cloud_bridge.box_side import BoxLog, connected

WORDS = {
    "zh-hans": {"who": "未经许可进入", "answer": "我去处理", "done": "您已应答"},
    "en": {"who": "unauthorised entry", "answer": "I take care of it", "done": "You answered"},
}


@pytest.mark.parametrize(("language", "width"), [("zh-hans", 360), ("en", 1280)])
async def test_an_unauthorised_entry_rings_without_reload_until_it_is_answered(bridge, browser, language, width):
    words = WORDS[language]
    log = BoxLog(f"box-ring-{language}")
    bridge.add_box(log)
    page, faults = await signed_in(bridge, browser, "an", language, width)
    await page.wait_for_selector("body[data-ready]")
    await page.goto(f"{bridge.url}/permits/")
    await page.wait_for_selector("body[data-ready]")
    async with connected(log, bridge.host, bridge.port) as side:
        log.leaf("system.boot")
        await side.send("live", log.leaf("entry.unauthorised", "alarm", code="door_open", chan="", released=True))
        call = page.locator(".call", has_text=log.box)
        await call.get_by_text(words["who"]).wait_for()
        await page.locator("h1").first.click()
        await page.wait_for_selector('body[data-bell="sounding"]')
        assert "‼" in await page.title()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing runs out of the page"
        await call.get_by_role("button", name=words["answer"]).click()
        await page.get_by_text(words["done"]).wait_for()
        assert page.url.endswith("/permits/")
        await call.wait_for(state="detached")
        await page.wait_for_selector("body:not([data-bell])")
    assert faults == []
    await page.context.close()
