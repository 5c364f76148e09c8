"""The numbers about faces come from the rule packs, whole, and the same for box and bridge."""

import pytest

from contracts.errors import ContractError
from edge.interlock import rules
from edge.vision.policy import policy_of
from faces.policy import ROWS, Policy, from_rows, read
from tests.faces.policies import PACKS


@pytest.mark.parametrize(
    ("pack", "file"),
    [("gb30871-2022", "gb30871-2022.yaml"), ("osha-nfpa", "osha-nfpa.yaml"), ("SIMULATION", "simulation.yaml")],
)
def test_box_and_bridge_read_the_same_numbers(pack, file):
    """BOX-01"""
    assert policy_of(rules.load(pack)) == read(PACKS / file)


def test_every_attribute_is_a_row_of_its_own():
    assert sorted(field for field, _ in ROWS.values()) == sorted(Policy.__struct_fields__)


def test_milli_percent_and_plain_numbers_become_what_they_say():
    rows = dict.fromkeys(ROWS, 7) | {"face_distance_milli": 500, "face_dark_percent": 40, "face_roll_deg": 25}
    policy = from_rows(rows)
    assert (policy.limit, policy.dark, policy.roll_deg, policy.need_frames) == (0.5, 0.4, 25.0, 7)


@pytest.mark.parametrize("row", ROWS)
def test_pack_without_a_row_is_refused_by_its_name(row):
    with pytest.raises(ContractError, match=row):
        from_rows({name: 1 for name in ROWS if name != row})


def test_file_that_is_no_pack_is_refused(tmp_path):
    (tmp_path / "list.yaml").write_text("[1, 2]")
    with pytest.raises(ContractError, match="rule pack"):
        read(tmp_path / "list.yaml")


def test_more_looks_than_vote_cannot_be_asked_for():
    """BOX-01: such a pack would verify nobody, and nobody would know why."""
    text = (PACKS / "gb30871-2022.yaml").read_text(encoding="utf-8")
    for need in (0, 6):
        with pytest.raises(ContractError, match="face_frames_need_count"):
            rules.parse(text.replace("face_frames_need_count: {value: 3", f"face_frames_need_count: {{value: {need}"), "x")
