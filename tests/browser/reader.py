"""Somebody who signs in with a real browser."""

from tests.cloud_bridge.running import PASSWORD, Bridge

SIGN_IN = {"zh-hans": "登录", "en": "Sign in"}


async def signed_in(bridge: Bridge, browser, user: str, language: str, width: int, password: str = PASSWORD):
    """A page after signing in, and the list in which whatever goes wrong on it is kept."""
    context = await browser.new_context(viewport={"width": width, "height": 800})
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    await page.goto(bridge.url)
    if language == "en":
        await page.get_by_role("button", name="English").click()
    await page.fill("[name=login]", user)
    await page.fill("[name=password]", password)
    await page.locator("main").get_by_role("button", name=SIGN_IN[language]).click()
    return page, faults
