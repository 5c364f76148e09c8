"""Somebody new in a real Chromium: sign in with the one-time password, change it, go on."""

import pytest

from tests.browser.reader import signed_in
from tests.cloud_bridge.running import CHANGE_PASSWORD, PASSWORD

WORDS = {
    "zh-hans": ("修改密码", "您使用的是一次性密码"),
    "en": ("Change password", "You signed in with a one-time password"),
}


@pytest.mark.parametrize(("language", "width"), [("zh-hans", 360), ("en", 1280)])
async def test_a_one_time_password_is_changed_before_anything_else(bridge, browser, language, width):
    button, told = WORDS[language]
    user = f"fresh-{language}"
    password = bridge.cli("user", "add", user, "--role", "applicant").strip().rsplit(" ", 1)[1]
    page, faults = await signed_in(bridge, browser, user, language, width, password)
    await page.wait_for_url(f"**{CHANGE_PASSWORD}")
    await page.get_by_text(told).wait_for()
    await page.goto(f"{bridge.url}/permits/new")
    await page.wait_for_url(f"**{CHANGE_PASSWORD}")
    await page.fill("[name=oldpassword]", password)
    await page.fill("[name=password1]", PASSWORD)
    await page.fill("[name=password2]", PASSWORD)
    await page.locator("main").get_by_role("button", name=button).click()
    await page.wait_for_selector("body[data-ready]")
    await page.goto(f"{bridge.url}/permits/new")
    await page.locator("[data-add]").wait_for()
    assert page.url.endswith("/permits/new")
    assert faults == []
    await page.context.close()
