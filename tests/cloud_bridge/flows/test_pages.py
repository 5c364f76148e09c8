"""Workflows in the administration of the real bridge: drawn, in words, and a new text tried on a past case."""

import re

import pytest

from tests.cloud_bridge.flows.conftest import FACTS
from tests.cloud_bridge.running import until

PAST = """
from datetime import timedelta
from django.utils import timezone
from cloud_bridge.flows import cases, timers
from cloud_bridge.flows.definition.model import By
from cloud_bridge.flows.engine.case import Actor, Event
shen = Actor("shen", "沈静", "生产一部", ("applicant",))
now = timezone.now()
cases.begin("permit", "{subject}", shen, {{"level": "grade_2", "starts": now.isoformat(), "ends": (now + timedelta(hours=20)).isoformat()}}, lambda: now - timedelta(hours=3))
cases.happen("permit", "{subject}", Event("submit", By.PERSON, shen, facts={facts}), lambda: now - timedelta(hours=3))
"""
NOW_PAGE, TRY_PAGE = "/admin/flows/version/now/permit/", "/admin/flows/version/try/permit/"


@pytest.fixture(scope="module")
def past(bridge):
    """A permit that was submitted three hours ago; the bridge's own worker reminds of it at once."""
    subject = "DH-PAGES-1"
    bridge.cli("manage", "shell", "--no-imports", "-c", PAST.format(subject=subject, facts=FACTS))
    visitor = bridge.visitor("root")
    page = until(lambda: re.search(r"/admin/flows/case/(\d+)/change/[^>]*>DH-PAGES-1", visitor.get("/admin/flows/case/")))
    return subject, f"/admin/flows/case/{page[1]}/change/"


def test_the_workers_of_the_bridge_fire_what_is_due(bridge, past):
    """PTW-13: the reminder comes from `serve`'s own worker, and stands in the case's history."""
    visitor = bridge.visitor("root")
    text = until(lambda: (page := visitor.get(past[1])) and "审批超时: 标红并短信提醒" in page and page)
    assert "待审批" in text
    assert "审批超时: 升级至安环副总" in text.partition("等待事项")[2]


def test_the_definition_is_drawn_and_told_in_both_languages(bridge):
    visitor = bridge.visitor("root")
    page = visitor.get(NOW_PAGE)
    for text in ("动火安全作业票", '<svg class="flow"', "2 小时 · 4 小时 · 8 小时", "GB 30871-2022 5.2.14", "放宽"):
        assert text in page
    visitor.http.cookies.set("django_language", "en")
    page = visitor.get(NOW_PAGE)
    for text in ("Hot-work permit", "2 h · 4 h · 8 h", "loosens", "guardian is on post"):
        assert text in page
    assert "style=" not in page.partition('<svg class="flow"')[2].partition("</svg>")[0]


def test_a_case_leads_to_the_version_it_keeps(bridge, past):
    visitor = bridge.visitor("root")
    link = re.search(r"/admin/flows/version/[0-9a-f]{64}/change/", visitor.get(past[1]))
    assert "动火安全作业票" in visitor.get(link[0])
    visitor.get(f"/admin/flows/version/{'0' * 64}/change/", code=404)
    visitor.get("/admin/flows/version/now/lunch/", code=404)


def tried(bridge, text, subject, code=200):
    return bridge.visitor("root").post(TRY_PAGE, {"subject": subject, "text": text, "local": ""}, code).text


def test_a_new_text_is_tried_on_a_past_case(bridge, past, permit_text):
    assert "结果与当时相同" in tried(bridge, permit_text, past[0])
    shorter = permit_text.replace("fuse_remind: {value: 2 h", "fuse_remind: {value: 1 h").replace("fuse_escalate: {value: 4 h", "fuse_escalate: {value: 90 min")
    page = tried(bridge, shorter, past[0])
    assert "2 处不同" in page
    assert "时间不同" in page
    assert "新增发生" in page


def test_a_text_that_cannot_be_used_is_answered_with_place_and_choices(bridge, past, permit_text):
    page = tried(bridge, permit_text.replace("    to: rejected", "    to: rejectd", 1), past[0], 422)
    assert re.search(r"第 \d+ 行，transitions\.reject\.to", page)
    assert "是否想写 rejected" in page
    assert "应为该流程中某案例的编号" in tried(bridge, permit_text, "DH-NONE", 422)


@pytest.mark.parametrize("user", ["shen", "fang", "nobody"])
def test_only_administrators_see_it(bridge, user):
    visitor = bridge.visitor(user)
    for path in (NOW_PAGE, TRY_PAGE, "/admin/flows/case/"):
        answer = visitor.http.get(path)
        assert 'class="flow"' not in answer.text
        assert answer.status_code == 403 or "/accounts/login/" in str(answer.url) or answer.url.path in ("/", "/admin/login/")


def test_nothing_is_edited_there(bridge, past):
    visitor = bridge.visitor("root")
    for path in ("/admin/flows/case/add/", "/admin/flows/version/add/", past[1].replace("change", "delete")):
        assert visitor.http.get(path).status_code == 403


def test_the_command_line_says_the_same(bridge, past, tmp_path, permit_text):
    assert "20 states, 26 transitions, 8 deadlines" in bridge.cli("flow", "check")
    wrong = tmp_path / "permit.yaml"
    wrong.write_text(permit_text.replace("guards: [applicant_only]", "guards: [aplicant_only]", 1), encoding="utf-8")
    said = bridge.cli("flow", "check", str(wrong), code=1)
    assert re.search(r"permit\.yaml.*transitions\.amend\.guards\[0\].*aplicant_only", said)
    assert "fuse.remind" in bridge.cli("flow", "try", past[0])
    wrong.write_text(permit_text.replace("fuse_remind: {value: 2 h", "fuse_remind: {value: 1 h"), encoding="utf-8")
    assert "other_time" in bridge.cli("flow", "try", past[0], str(wrong), "--json", code=3)
