"""How many looks a face needs: three of the newest five, none of them old."""

import pytest

from faces.vote import Vote
from tests.faces.policies import SHIPPED, changed

S = 1_000_000


def looked(results, every_us=S // 2, policy=SHIPPED):
    """Looks at one person, oldest first: ``x`` matched, ``.`` not; and the time of the last."""
    vote = Vote(policy)
    for index, result in enumerate(results):
        vote.see("p", index * every_us, matched=result == "x")
    return vote, (len(results) - 1) * every_us


@pytest.mark.parametrize(
    ("results", "holds"),
    [("", False), ("x", False), ("xx", False), ("xxx", True), ("x.x.x", True), ("xx..x", True), ("x...x", False),
     ("xxx..", False), ("xxx.", False), ("xxx..x", True), ("xxx...x", False), ("xxx..xx", True), ("xx...xx", False), ("....xxx", True)],
)  # fmt: skip
def test_three_of_the_newest_five_looks_agree_with_the_newest_among_them(results, holds):
    """BOX-01"""
    vote, now_us = looked(results)
    assert vote.holds("p", now_us) is holds


@pytest.mark.parametrize(("age_us", "holds"), [(-1, True), (0, True), (1, False)])
def test_looks_vote_for_as_long_as_the_pack_says(age_us, holds):
    """BOX-01: the first of three is just young enough, or a microsecond too old."""
    every_us = round(SHIPPED.frames_s * S) // 2
    vote, now_us = looked("xxx", every_us)
    assert vote.holds("p", now_us + age_us) is holds


def test_looks_at_one_person_say_nothing_of_another():
    """BOX-03"""
    vote, now_us = looked("xx")
    vote.see("g", now_us, matched=True)
    assert not vote.holds("g", now_us)
    assert not vote.holds("p", now_us)


def test_forgotten_looks_count_no_more():
    """ANT-01: under a new nonce nothing of the old one holds."""
    vote, now_us = looked("xxxxx")
    vote.forget()
    assert not vote.holds("p", now_us)


def test_a_pack_may_ask_for_every_look():
    vote, now_us = looked("xxx.x", policy=changed(need_frames=5))
    assert not vote.holds("p", now_us)
    vote, now_us = looked("xxxxx", policy=changed(need_frames=5))
    assert vote.holds("p", now_us)
