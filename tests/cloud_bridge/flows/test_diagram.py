"""The drawing says what the definition says."""

import re
import xml.etree.ElementTree as ET

import pytest

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(params=["zh-hans", "en"])
def drawn(flow, request):
    from django.utils import translation

    from cloud_bridge.flows import diagram

    with translation.override(request.param):
        return ET.fromstring(diagram.draw(flow)), request.param


def test_every_state_and_every_transition_is_in_the_drawing(drawn, flow):
    root, language = drawn
    titles = [text.text for text in root.iter(f"{SVG}text") if text.get("class") == "flow-title"]
    assert titles == [state.title.zh if language == "zh-hans" else state.title.en for state in flow.definition.states.values()]
    numbers = {int(text.text) for text in root.iter(f"{SVG}text") if text.get("class") == "flow-number"}
    stays = {int(found) for text in root.iter(f"{SVG}text") if "↻" in (text.text or "") for found in re.findall(r"↻(\d+)", text.text)}
    assert numbers | stays == set(range(1, len(flow.definition.transitions) + 1))


def test_nothing_lies_outside_or_on_top_of_another(drawn):
    root, _language = drawn
    width, height = (float(root.get(name)) for name in ("width", "height"))
    boxes = [tuple(float(rect.get(name)) for name in ("x", "y", "width", "height")) for rect in root.iter(f"{SVG}rect")]
    for x, y, w, h in boxes:
        assert x >= 0 <= y
        assert x + w <= width
        assert y + h <= height
    for index, (x, y, w, h) in enumerate(boxes):
        for other_x, other_y, other_w, other_h in boxes[index + 1 :]:
            assert x + w <= other_x or other_x + other_w <= x or y + h <= other_y or other_y + other_h <= y
    dots = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in root.iter(f"{SVG}circle")]
    assert all(0 < x < width and 0 < y < height for x, y in dots)
    for index, (x, y) in enumerate(dots):
        for other_x, other_y in dots[index + 1 :]:
            assert (x - other_x) ** 2 + (y - other_y) ** 2 >= 15**2, f"two numbers at {x}, {y}"


def test_it_needs_no_style_and_no_script_of_its_own(drawn):
    """The bridge's content policy allows none."""
    root, _language = drawn
    assert not any(element.get("style") or element.tag in (f"{SVG}style", f"{SVG}script") for element in root.iter())


def test_a_title_is_text_and_never_markup(vocabulary, permit_text):
    from cloud_bridge.flows import diagram
    from cloud_bridge.flows.definition.reading import read

    flow = read(permit_text.replace("zh: 已冻结}, freedom", "zh: '<b onload=x>'}, freedom"), "x.yaml", vocabulary)
    assert "<b" not in diagram.draw(flow)


def test_the_list_in_words_has_every_transition_and_deadline_in_both_languages(flow):
    from django.utils import translation

    from cloud_bridge.flows import words

    for language, expected in (("zh-hans", "2 小时 (本步审批用时)或2 小时 (审批总用时)"), ("en", "2 h (time of this approval step) or 2 h (time of the whole approval)")):
        with translation.override(language):
            assert [way.number for way in words.ways(flow)] == list(range(1, 27))
            assert words.dues(flow)[0].after == expected
            assert {way.name for way in words.ways(flow) if way.loosens} >= {"approve", "arm", "resume", "check_in"}
            assert not next(way for way in words.ways(flow) if way.name == "suspend").loosens
