"""The drawing of a workflow as a person sees it: in both languages, whole, readable, under the strict content policy."""

import pytest

from tests.cloud_bridge.running import PASSWORD

SEEN = """() => {
    const svg = document.querySelector("svg.flow").getBoundingClientRect();
    const out = [];
    const boxes = [...document.querySelectorAll(".flow-box")].map((box) => box.getBoundingClientRect());
    for (const text of document.querySelectorAll("svg.flow text")) {
        const at = text.getBoundingClientRect();
        if (at.left < svg.left - 1 || at.right > svg.right + 1 || at.top < svg.top - 1 || at.bottom > svg.bottom + 1)
            out.push(`outside: ${text.textContent}`);
        if (!text.classList.contains("flow-title")) continue;
        if (!boxes.some((box) => box.left <= at.left && at.right <= box.right && box.top <= at.top && at.bottom <= box.bottom))
            out.push(`does not fit its box: ${text.textContent}`);
    }
    const filled = getComputedStyle(document.querySelector(".flow-line.timer")).strokeDasharray;
    if (filled === "none") out.push("the style sheet is missing");
    return out;
}"""


@pytest.mark.parametrize(("language", "title"), [("zh-hans", "动火安全作业票"), ("en", "Hot-work permit")])
async def test_a_workflow_is_drawn_whole_and_readable(bridge, browser, language, title):
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    await context.add_cookies([{"name": "django_language", "value": language, "url": bridge.url}])
    page = await context.new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    await page.goto(f"{bridge.url}/accounts/login/")
    await page.fill("input[name=login]", "root")
    await page.fill("input[name=password]", PASSWORD)
    await page.press("input[name=password]", "Enter")
    await page.wait_for_url(f"{bridge.url}/")
    complaints.clear()
    await page.goto(f"{bridge.url}/admin/flows/version/now/permit/")
    assert title in await page.inner_text("#content h1")
    assert await page.evaluate(SEEN) == []
    assert complaints == []
    await context.close()
