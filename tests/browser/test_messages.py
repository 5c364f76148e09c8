"""Messages, channels and a message's link in a real Chromium, in both languages, on a phone and on a desk (INT-11)."""

import json
import os
import re
from pathlib import Path

import pytest

from tests.browser.reader import signed_in
from tests.cloud_bridge.notify.wire import mailbox, receiver
from tests.cloud_bridge.running import until

SHOTS = Path(os.environ["PICTURES_TO"]) if "PICTURES_TO" in os.environ else None
WORDS = {
    "zh-hans": {"told": "通道已接收", "keep": "保存", "kept": "已保存", "test": "测试 工厂邮件", "read": "我已阅读", "seen": "已读",
                "works": "正常", "failing": "发送失败", "send": "发送测试消息"},
    "en": {"told": "the channel took it", "keep": "Keep", "kept": "Kept.", "test": "Test 工厂邮件", "read": "I have read this",
           "seen": "Seen", "works": "works", "failing": "failing", "send": "Send a test message"},
}  # fmt: skip


SEED = """
from cloud_bridge.boxes.models import now_ms
from cloud_bridge.notify.models import Delivery, Message, Reach
from cloud_bridge.notify.telling import Urgency, tell
from cloud_bridge.people.models import User
Message.objects.all().delete()
Delivery.objects.all().delete()
root, fang = (User.objects.get(username=name) for name in ("root", "fang"))
told = {"box": "3# 反应釜盒 (box-7)", "place": "3# 反应釜平台", "permit": "HW-20260701-001", "subject": "", "at_ms": now_ms()}
tell("call:x", "rang", "permit:HW-20260701-001", [root, fang], Urgency.EMERGENCY, "call.gas", told, now_ms())
tell("call:y", "rang", "box:box-7", [], Urgency.ORDINARY, "call.humidity", told, now_ms())
"""


async def fits(page) -> bool:
    return await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def picture(page, name: str) -> None:
    """Kept for people to look at."""
    if SHOTS:
        await page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


@pytest.fixture
def channels(bridge):
    """A mail server and an SMS gateway that this bridge knows."""
    with mailbox() as mails, receiver() as gateway:
        gateway.answer = lambda _r: (503, b"out of order", {})
        book = {
            "link_base": bridge.url,
            "channels": {
                "mail": {"kind": "mail", "title": "工厂邮件", "url": f"mailto://127.0.0.1:{mails.port}?from=hotbox@plant.example"},
                "sms": {"kind": "sms", "title": "短信", "url": f"form://127.0.0.1:{gateway.port}/send/path-s3cret",
                        "fields": {"to": "{phone}", "text": "{text}"}, "answer": {"field": "code", "equals": "0"}},
            },
        }  # fmt: skip
        folder = bridge.data / "notify"
        folder.mkdir(mode=0o700, exist_ok=True)
        new = folder / ".new"
        new.write_text(json.dumps(book))
        new.chmod(0o600)
        new.rename(folder / "channels.yaml")
        until(lambda: "工厂邮件" in bridge.visitor("root").get("/channels/"))
        yield mails
        (folder / "channels.yaml").write_text("channels: {}")


@pytest.mark.parametrize("language", list(WORDS))
@pytest.mark.parametrize("width", [360, 1280])
async def test_a_person_sets_a_channel_tests_it_and_confirms_the_message_by_its_link(
    bridge, browser, channels, language, width
):
    words = WORDS[language]
    page, faults = await signed_in(bridge, browser, "root", language, width)
    await page.goto(f"{bridge.url}/messages/")
    await page.check("[name=use-mail]")
    await page.fill("[name=address-mail]", f"root-{language}-{width}@plant.example")
    await page.select_option("select[name=language]", language)
    await page.check("[name=use-sms]")
    await page.fill("[name=address-sms]", "13800138000")
    await page.fill("[name=quiet_from]", "22:00")
    await page.fill("[name=quiet_to]", "07:00")
    assert await fits(page)
    await page.get_by_role("button", name=words["keep"], exact=True).click()
    await page.get_by_text(words["kept"]).first.wait_for()

    before = len(channels.mails.all)
    # One test a minute for each person and channel: the next run waits for a minute that has none yet.
    bridge.cli("manage", "shell", "--no-imports", "-c", SEED)
    assert await page.get_by_role("button", name=words["test"]).count() == 1
    await page.goto(f"{bridge.url}/channels/")
    await page.locator("tr", has_text="工厂邮件").get_by_role("button", name=words["send"]).click()
    mail = until(lambda: [got for got in channels.mails.all[before:] if got["Subject"] in ("测试消息", "Test message")])[-1]
    assert mail["To"] == f"root-{language}-{width}@plant.example"
    link = re.search(rf"{re.escape(bridge.url)}/m/\S+", mail.get_content())[0]

    taken = until(lambda: bridge.visitor("root").json("/api/v1/told?subject=channel:mail")[0]["taken_ms"])
    assert taken
    await page.goto(f"{bridge.url}/channels/")
    assert await page.get_by_text(words["works"], exact=True).count() == 1
    await page.locator("tr", has_text=words["failing"]).get_by_text("HTTP 503 out of order").wait_for()
    assert await page.get_by_text(words["told"]).count() >= 1
    assert "s3cret" not in await page.content()
    assert await fits(page)
    await picture(page, f"channels-{language}-{width}")

    reader = await browser.new_context(viewport={"width": width, "height": 800})
    await reader.add_cookies([{"name": "django_language", "value": language, "url": bridge.url}])
    opened = await reader.new_page()
    await opened.goto(link)
    assert await fits(opened)
    await picture(opened, f"message-{language}-{width}")
    await opened.get_by_role("button", name=words["read"]).click()
    await opened.get_by_text(words["seen"]).first.wait_for()
    assert await opened.get_by_role("button", name=words["read"]).count() == 0
    await reader.close()

    await page.goto(f"{bridge.url}/messages/")
    assert await fits(page)
    await picture(page, f"messages-{language}-{width}")
    assert faults == []
    await page.context.close()
