"""A worker is enrolled on a safety officer's phone: reads, signs, looks at the camera; nothing of the pictures stays anywhere."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from tests.browser.conftest import CHROMIUM, IS_THERE
from tests.browser.reader import signed_in
from tests.cloud_bridge.enrolling import picture

pytestmark = pytest.mark.timeout(240)
WIDTH = 360
FRAMES_PER_S, SECONDS, POSES = 30, 12, 24
SHOTS = Path(os.environ["HOTBOX_PICTURES"]) if "HOTBOX_PICTURES" in os.environ else None
WORDS = {
    "zh-hans": {"agree": "同意", "take": "开始拍摄", "done": "已登记", "withdraw": "撤回并删除", "none": "无有效同意", "open": "撤回同意"},
    "en": {
        "agree": "Agree", "take": "Take the pictures", "done": "Enrolled with", "withdraw": "Withdraw and delete",
        "none": "none that holds", "open": "Withdraw the consent",
    },
}  # fmt: skip


def film(folder: Path, name: str) -> Path:
    """What the phone's camera sees: a drawn person who turns a little all the time, as motion JPEG, again and again."""
    path = folder / f"{name}.mjpeg"
    shots = (picture(name, -8 + 16 * at / POSES, 0.9 + 0.2 * at / POSES, at) for at in range(POSES))
    path.write_bytes(b"".join(shot * int(FRAMES_PER_S * SECONDS / POSES) for shot in shots))
    return path


@pytest.fixture
async def phone(tmp_path):
    """A browser whose camera shows somebody."""
    if not IS_THERE:
        pytest.skip(f"no {CHROMIUM}: apt-get install chromium fonts-noto-cjk")
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        seen = film(tmp_path, "phone")
        words = ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
        browser = await playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=[*words, f"--use-file-for-fake-video-capture={seen}"]
        )
        yield browser
        await browser.close()


def somebody(bridge) -> str:
    """A person whom nobody has enrolled."""
    code = f"w{time.time_ns() % 10**9}"
    bridge.cli("person", "add", code, "--name", "苏平", "--badge", str(10**6 + time.time_ns() % 10**6))
    return code


async def shoot(page, name):
    if SHOTS is not None:
        await page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


@pytest.mark.parametrize("language", ["zh-hans", "en"])
async def test_a_worker_is_enrolled_by_phone_and_withdraws(bridge, phone, language):
    """BOX-01, ANT-01: every step through the page that a person uses."""
    words, code = WORDS[language], await asyncio.to_thread(somebody, bridge)
    page, faults = await signed_in(bridge, phone, "an", language, WIDTH)
    await page.goto(f"{bridge.url}/faces/{code}/")
    await shoot(page, f"consent-{language}")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing runs out of the page"
    assert await page.locator("input[type=file]").count() == 0, "no picture can be brought from elsewhere"
    await page.fill("[name=signed_as]", "苏平")
    await page.check("[name=looked]")
    await page.get_by_role("button", name=words["agree"], exact=True).click()

    await page.get_by_role("button", name=words["take"]).click()
    # The pictures stand there until the box of templates is made: on a busy machine they may be wiped before anybody looks.
    await page.locator("[data-taken] canvas, [data-enrol][data-done]").first.wait_for(state="attached")
    await shoot(page, f"pictures-{language}")
    said = page.locator("[data-said]")
    await page.locator("[data-enrol][data-done]").wait_for(timeout=60_000)
    assert words["done"] in await said.inner_text(), await said.inner_text()
    assert await page.locator("canvas").count() == 0, "the page has wiped what it took"
    assert await page.evaluate("document.querySelector('[data-video]').srcObject === null"), "the camera is off"
    kept = await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert len(kept) < 200, "an address, and nothing as long as a picture"

    await page.goto(f"{bridge.url}/faces/{code}/")
    await shoot(page, f"enrolled-{language}")
    await page.locator("summary").filter(has_text=words["open"]).click()
    await page.get_by_role("button", name=words["withdraw"]).click()
    await page.locator("dd", has_text=words["none"]).wait_for()
    assert faults == []
    await page.context.close()


async def test_a_page_without_a_camera_says_so(bridge, browser):
    """A desktop, or plain HTTP: nothing breaks, and there is no other way to bring a picture."""
    code = await asyncio.to_thread(somebody, bridge)
    page, _ = await signed_in(bridge, browser, "an", "zh-hans", WIDTH)
    await page.goto(f"{bridge.url}/faces/{code}/")
    await page.fill("[name=signed_as]", "苏平")
    await page.check("[name=looked]")
    await page.get_by_role("button", name="同意", exact=True).click()
    await page.get_by_role("button", name="开始拍摄").click()
    await page.locator("[data-said]", has_text="无法使用摄像头").wait_for()
    await page.context.close()


async def test_a_press_before_the_page_is_ready_is_not_lost(bridge, browser):
    """On a slow line the script comes after the button: until then it cannot be pressed."""
    code, script = await asyncio.to_thread(somebody, bridge), asyncio.Event()

    async def late(route):
        await script.wait()
        await route.continue_()

    page, _ = await signed_in(bridge, browser, "an", "zh-hans", WIDTH)
    await page.goto(f"{bridge.url}/faces/{code}/")
    await page.fill("[name=signed_as]", "苏平")
    await page.check("[name=looked]")
    await page.route("**/enrol*.js", late)
    await page.get_by_role("button", name="同意", exact=True).click()
    start = page.get_by_role("button", name="开始拍摄")
    await start.wait_for()
    assert await start.is_disabled()
    script.set()
    await start.click()
    await page.locator("[data-said]", has_text="无法使用摄像头").wait_for()
    await page.context.close()


async def test_only_the_enrolment_page_may_ask_for_the_camera(bridge, browser):
    """Every other page forbids it, the one that waits for consent included."""
    code = await asyncio.to_thread(somebody, bridge)
    page, _ = await signed_in(bridge, browser, "an", "zh-hans", WIDTH)
    for path in ("/", "/faces/", f"/faces/{code}/"):
        answer = await page.goto(f"{bridge.url}{path}")
        assert "camera=()" in (await answer.all_headers())["permissions-policy"]
    await page.fill("[name=signed_as]", "苏平")
    await page.check("[name=looked]")
    await page.get_by_role("button", name="同意", exact=True).click()
    answer = await page.goto(f"{bridge.url}/faces/{code}/")
    headers = await answer.all_headers()
    assert "camera=(self)" in headers["permissions-policy"]
    assert headers["cache-control"] == "no-store"
    await page.context.close()
