"""Every text exists in Chinese; the box's words are all known; placeholders survive the translation."""

import re
from pathlib import Path

import pytest

from tests.cloud_bridge.running import ROOT

PACKAGE = ROOT / "cloud_bridge"
MARKS = ("_", "gettext", "gettext_lazy", "gettext_noop")
PO = PACKAGE / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"


@pytest.fixture(scope="module")
def texts():
    from cloud_bridge.web.catalogue import read_po

    return read_po(PO.read_text(encoding="utf-8"))


def test_the_compiled_catalogue_is_the_present_one():
    from cloud_bridge.web.catalogue import compile_catalogue

    assert PO.with_suffix(".mo").read_bytes() == compile_catalogue(PO), "run: hotbox-bridge manage compiletexts"


def test_one_text_that_is_translated_twice_is_refused():
    """Two pages that share an English word and not the Chinese one need two words: the later would win on both."""
    from cloud_bridge.web.catalogue import read_po

    once = 'msgid "at the box"\nmsgstr "在盒子上"\n'
    assert read_po(once) == {"at the box": "在盒子上"}
    with pytest.raises(ValueError, match="translated twice"):
        read_po(f'{once}\nmsgid "at the box"\nmsgstr "已在盒子"\n')


def templates() -> list[Path]:
    return sorted(PACKAGE.glob("*/templates/**/*.html"))


@pytest.mark.parametrize("path", templates(), ids=lambda path: path.name)
def test_every_text_of_a_template_is_translated(path, texts):
    for text in re.findall(r"{% trans (?:\"([^\"]+)\"|'([^']+)')", path.read_text(encoding="utf-8")):
        assert texts.get((text[0] or text[1]).replace("%", "%%")), text


def test_every_text_of_the_code_is_translated(texts):
    import ast

    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in MARKS:
                continue
            if node.args and isinstance(node.args[0], ast.Constant):
                assert texts.get(node.args[0].value), f"{path.name}: {node.args[0].value!r}"


def test_placeholders_are_the_same_in_both_languages(texts):
    for key, value in texts.items():
        if key:
            single = key.split("\0")[0]
            assert sorted(re.findall(r"%\(\w+\)\S|%s|{subject}", single)) == sorted(
                re.findall(r"%\(\w+\)\S|%s|{subject}", value)
            ), single


def test_the_boxes_records_of_quiet_times_are_not_listed_here_either(django_data):
    from cloud_bridge.web.wording import UNTOLD
    from edge.interlock.texts import UNTOLD as BOXES

    assert UNTOLD == BOXES


def test_the_boxes_reasons_are_all_known(django_data):
    from cloud_bridge.web.box_words import REASONS, TODOS
    from edge.interlock.reasons import CATALOGUE

    assert set(CATALOGUE) == set(REASONS) == set(TODOS)


def test_an_event_has_the_name_that_the_box_gives_it_in_the_readers_language(django_data):
    from django.utils import translation

    from cloud_bridge.web import wording
    from contracts.events import REGISTRY

    for name, kind in REGISTRY.items():
        with translation.override("zh-hans"):
            assert wording.event_title(name) == kind.zh
        with translation.override("en"):
            assert wording.event_title(name) == kind.en
        assert wording.is_known(name)
    assert not wording.is_known("future.thing")


def test_a_change_of_state_says_which_one_it_is_now(django_data):
    from django.utils import translation

    from cloud_bridge.web import wording

    data = {"was": "LOCKED", "now": "PERMISSIVE_OK"}
    with translation.override("en"):
        assert wording.event_detail("interlock.state", data) == "all conditions met"


def test_an_unknown_event_is_shown_as_it_came(django_data):
    from cloud_bridge.web import wording

    assert wording.event_title("future.thing") == "future.thing"
    assert wording.event_detail("future.thing", {"chan": "x", "code": "new_code"}) == "new_code x"
    assert wording.event_detail("gas.alarm", {"code": ["not", "text"], "value_milli": "12"}) == ""


def test_a_reason_without_its_subject_ends_without_a_colon(django_data):
    from django.utils.translation import override

    from cloud_bridge.web.wording import reason

    with override("zh-hans"):
        assert reason("temperature_high") == "设备未冷却"
        assert reason("temperature_high", "V-101") == "设备未冷却：V-101"
    with override("en"):
        assert reason("temperature_high") == "not cool enough"


def test_a_moment_in_a_reason_is_shown_as_day_and_time(django_data):
    from cloud_bridge.web import wording

    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", wording.quantity(1_772_000_000_000, "unix_s"))
    assert wording.quantity(2**60, "unix_s").endswith(" s")


def test_a_reason_is_shown_with_value_limit_and_unit_in_both_languages(django_data):
    from django.utils import translation

    from cloud_bridge.web import wording

    data = {"code": "gas_high", "chan": "ch4-1", "value_milli": 12500, "limit_milli": 10000, "unit": "%LEL"}
    with translation.override("zh-hans"):
        assert wording.event_detail("interlock.tripped", data) == "ch4-1 超上限：12.5 %LEL，限值 10 %LEL"
        assert wording.spoken("gas_high:ch4-1") == "ch4-1 超上限"
    with translation.override("en"):
        assert wording.event_detail("interlock.tripped", data) == "ch4-1 is over its limit: 12.5 %LEL, limit 10 %LEL"
