"""`hotbox reset` opens a window and tells; only the key on site resets."""

import msgspec

from tests.edge.cli.box import Box


def test_a_box_that_is_not_latched_has_nothing_to_reset(box: Box) -> None:
    shown = box.hotbox("reset")
    assert shown.returncode == 1
    assert "nothing is latched" in shown.stderr


def test_reset_names_who_is_here_what_is_missing_and_that_the_key_must_be_turned(tripped: Box) -> None:
    """BOX-09: no command resets."""
    shown = tripped.hotbox("reset")
    assert shown.returncode == 0
    for words in (
        "open for 30 s",
        "here and entitled: 王芳",
        "still missing:",
        "ch4-1 is over its limit",
        "turn the reset key",
    ):
        assert words in shown.stdout
    assert tripped.status()["state"] == "TRIPPED"
    assert any(countdown["what"] == "reset_window" for countdown in tripped.status()["countdowns"])


def test_reset_says_when_nobody_here_is_entitled(tripped: Box) -> None:
    tripped.crew.badges.discard(1003)
    try:
        tripped.wait_for(lambda _: "nobody here is entitled" in tripped.hotbox("reset").stdout, "王芳 is gone")
    finally:
        tripped.crew.badges.add(1003)


def test_reset_json_lists_what_is_missing(tripped: Box) -> None:
    answer = msgspec.json.decode(tripped.hotbox("reset", "--json").stdout)
    assert answer["window_s"] == 30
    assert "gas_high" in [reason["code"] for reason in answer["missing"]]
