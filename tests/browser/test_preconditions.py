"""The application form in a real Chromium: preconditions are added, removed, entered, and reach the box signed."""

import asyncio

import pytest

from contracts import jws
from contracts.permit import PermitClaims, Precondition
from tests.browser.reader import signed_in
from tests.cloud_bridge.box_side import BoxLog, read_keys
from tests.cloud_bridge.running import until

WORDS = {
    "zh-hans": {"add": "添加前置条件", "remove": "删除", "submit": "提交审批", "limit": "不高于 40 °C", "sensor": "传感器 vessel-1",
                "tag": "读取点位 v-101 的标签"},
    "en": {
        "add": "Add a precondition", "remove": "Remove", "submit": "Submit for approval",
        "limit": "at most 40 °C", "sensor": "sensor vessel-1", "tag": "by reading the tag of v-101",
    },
}  # fmt: skip


async def enter(row, text, kind, limit="", sensor="", tag=""):
    await row.locator("[name=precondition_text]").fill(text)
    await row.locator("[name=precondition_kind]").select_option(kind)
    assert await row.locator("[name=precondition_limit]").is_visible() is (kind == "temperature")
    assert await row.locator("[name=precondition_tag]").is_visible() is (kind != "temperature")
    if tag:
        await row.locator("[name=precondition_tag]").fill(tag)
    if kind == "temperature":
        await row.locator("[name=precondition_limit]").fill(limit)
        await row.locator("[name=precondition_sensor]").fill(sensor)


@pytest.mark.parametrize(("language", "width"), [("zh-hans", 360), ("en", 1280)])
async def test_two_preconditions_are_entered_shown_and_signed(bridge, browser, language, width):
    """PTW-11: what must hold before arming stands on the permit that approvers sign and the box gets."""
    words = WORDS[language]
    log = BoxLog(f"box-form-{language}")
    bridge.add_box(log)
    page, faults = await signed_in(bridge, browser, "shen", language, width)
    await page.goto(f"{bridge.url}/permits/new")
    for name, value in {"place": "P-101", "content": "更换法兰", "method": "焊条电弧焊"}.items():
        await page.fill(f"[name={name}]", value)
    await page.select_option("[name=box]", log.box)
    await page.select_option("[name=performer]", "performer")
    await page.select_option("[name=guardian]", "guardian")
    while await page.locator("[data-row]").count():  # those of the last permit
        await page.locator("[data-row]").first.get_by_role("button", name=words["remove"]).click()
    add = page.get_by_role("button", name=words["add"])
    for _row in range(3):
        await add.click()
    rows = page.locator("[data-row]")
    await enter(rows.nth(0), "安全交底完成", "confirm", tag="v-101")
    await enter(rows.nth(1), "这一行要删除", "isolation")
    await enter(rows.nth(2), "容器已冷却", "temperature", "40", "vessel-1")
    await rows.nth(1).get_by_role("button", name=words["remove"]).click()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing runs out of the page"
    await page.get_by_role("button", name=words["submit"]).click()
    shown = page.locator("#permit-preconditions li")
    await shown.nth(1).wait_for()
    assert await shown.count() == 2
    for word in ("安全交底完成", words["tag"]):
        assert word in await shown.nth(0).inner_text()
    for word in ("容器已冷却", words["limit"], words["sensor"]):
        assert word in await shown.nth(1).inner_text()
    jti = page.url.rstrip("/").rsplit("/", 1)[1]
    assert faults == []
    await page.context.close()

    def sign():
        for approver in ("fang", "zhou"):
            bridge.visitor(approver).approve(jti)
        reader = bridge.visitor("shen")
        return until(lambda: reader.json(f"/api/v1/permits/{jti}")["jws"])

    token = await asyncio.to_thread(sign)
    claims = jws.verify(token, jws.PERMIT, read_keys(bridge.data / "public" / "permit_keys.json"), PermitClaims)
    assert claims.preconditions == (
        Precondition("p1", "安全交底完成", tag="v-101"),
        Precondition("p2", "容器已冷却", "temperature", 40_000, "vessel-1"),
    )
