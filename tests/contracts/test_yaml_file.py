"""YAML as the box reads it: what would be ignored in silence is refused."""

import pytest

from contracts import yaml_file
from contracts.errors import ContractError
from edge.interlock import rules


def test_a_document_reads_as_plain_yaml_does():
    assert yaml_file.load("a: 1\nb: [x, {c: true}]\n", "box.yaml") == {"a": 1, "b": ["x", {"c": True}]}


def test_an_empty_document_holds_nothing():
    assert yaml_file.load("# only a comment\n", "box.yaml") is None


def test_a_key_that_stands_twice_is_refused_with_both_lines():
    with pytest.raises(ContractError) as refused:
        yaml_file.load("box: a\nrelay:\n  device: /dev/ttyS0\n  baud: 1\n  device: /dev/ttyS1\n", "box.yaml")
    assert refused.value.field == "relay.device"
    assert "line 3 and again on line 5" in str(refused.value)
    assert "box.yaml" in str(refused.value)


def test_a_key_that_stands_twice_inside_a_list_is_named_by_its_place():
    with pytest.raises(ContractError) as refused:
        yaml_file.load("buses:\n- name: a\n- {name: b, name: c}\n", "box.yaml")
    assert refused.value.field == "buses[1].name"


def test_the_same_key_in_two_mappings_is_fine():
    assert yaml_file.load("a: {x: 1}\nb: {x: 2}\n", "box.yaml") == {"a": {"x": 1}, "b": {"x": 2}}


def test_an_anchor_used_twice_is_not_a_key_used_twice():
    assert yaml_file.load("a: &same {x: 1}\nb: *same\nc: {<<: *same, x: 2}\n", "box.yaml") == {
        "a": {"x": 1},
        "b": {"x": 1},
        "c": {"x": 2},
    }


@pytest.mark.parametrize(
    "text",
    [
        "a: [1",
        "a: *nowhere",
        "\x00",
        "a: 1\n---\nb: 2\n",
        "[" * 5000,
        "due: 2026-13-01",
        "a: !!bool 7",
        "? [a]\n: b",
        "when: !!python/name:os.system x",
    ],
)
def test_what_is_not_one_yaml_document_is_refused_by_the_name_of_its_file(text):
    with pytest.raises(ContractError) as refused:
        yaml_file.load(text, "box.yaml", "compare with the example")
    assert refused.value.field == "box.yaml"
    assert refused.value.hint == "compare with the example"


def test_a_rule_pack_with_a_limit_twice_is_refused():
    """A second `face_ttl_s` further down would silently win over the one that was reviewed."""
    text = (rules.PACKS / "simulation.yaml").read_text(encoding="utf-8")
    with pytest.raises(ContractError, match="again on line"):
        rules.parse(text + "\nface_ttl_s: {value: 9999, clause: none}\n", "simulation.yaml")
