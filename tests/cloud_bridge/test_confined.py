"""Hot work inside a confined space: said on the application, signed, limited to 24 h, and told to the box (6.10)."""

import pytest

from tests.cloud_bridge.box_side import BoxLog
from tests.cloud_bridge.test_pages import apply, client, fields


@pytest.fixture(scope="module")
def box(django_data):
    from cloud_bridge.boxes.registry import register

    return register("box-tank", BoxLog("box-tank").vkey, name="储罐盒", place="2# 储罐内")


def test_the_box_is_told_and_the_approvers_see_it(box):
    from cloud_bridge.permits.content import content_of, digest

    permit = apply(box, confined="on")
    content = content_of(permit)
    assert content.confined
    assert "受限空间内" in client("fang").get(f"/permits/{permit.jti}/").content.decode()
    permit.confined = False
    assert digest(content_of(permit)) != permit.content_sha256, "it is part of what approvers sign"


def test_work_in_the_open_says_nothing_of_it(box):
    permit = apply(box)
    assert not permit.confined
    assert "受限空间内" not in client("fang").get(f"/permits/{permit.jti}/").content.decode()


@pytest.mark.parametrize(("hours", "code"), [(24.0, 302), (24.1, 422)])
def test_the_window_inside_is_at_most_24_h(box, hours, code):
    """GB 30871-2022 6.10, although grade 2 alone would allow 72 h."""
    answer = client("shen").post("/permits/new", fields(box, hours, confined="on"))
    assert answer.status_code == code
    if code == 422:
        assert "受限空间内最长 24 小时（GB 30871-2022 6.10）" in answer.content.decode()


def test_the_same_window_in_the_open_is_accepted(box):
    """Negative control."""
    assert client("shen").post("/permits/new", fields(box, 24.1)).status_code == 302
