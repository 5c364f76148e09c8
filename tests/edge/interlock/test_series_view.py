"""Relays in series as `hotbox status` shows them: contact, closings and share of the rated life."""

from typing import Literal

import pytest

from edge.cli import sections
from edge.cli.words import Words
from edge.interlock import view
from edge.interlock.site import SiteRelay
from edge.interlock.status import AuditView, SeriesView, Status
from tests.edge.interlock.bench import SITE, Bench, replace

_RELAYS = (SiteRelay("", "K1-0815", 100), SiteRelay("k2", "relay.k2", 200), SiteRelay("k3", "relay.k3", 0))


@pytest.fixture
def chain() -> Bench:
    return Bench(replace(SITE, relays=_RELAYS)).prepare()


def _status(bench: Bench) -> Status:
    assert bench.last is not None
    return view.build(
        bench.last.facts, bench.last.verdicts, boot=1, audit=AuditView(1, 0, 0, writable=True, age_ms=0), buses=(),
        events=(), loop_lag_ms=0.0, evaluations=1,
    )  # fmt: skip


def _shown(bench: Bench, lang: Literal["zh", "en"]) -> str:
    return " ".join(line.plain for line in sections.relay(_status(bench), Words(lang), 200))


def test_each_relay_in_series_is_shown_with_its_own_closings(chain: Bench) -> None:
    """BOX-06: a share is rounded down, and there is none where no rated life is stated."""
    chain.durable = replace(chain.durable, cycles={"K1-0815": 50, "relay.k2": 58})
    chain.release()
    assert _status(chain).relay.series == (
        SeriesView("k2", "closed", 0, 59, 200, 29), SeriesView("k3", "closed", 0, 1, 0, None),
    )  # fmt: skip
    chain.press("stop")
    chain.run(0.4)
    assert [one.contact for one in _status(chain).relay.series] == ["open", "open"]


@pytest.mark.parametrize(("age_ms", "contact"), [(0, "open"), (250, "open"), (251, "unknown")])
def test_an_old_answer_says_nothing_about_the_contact(chain: Bench, age_ms: int, contact: str) -> None:
    """Silence is no state: the settle time is how long an answer counts."""
    chain.series_silent_since = chain.now - age_ms * 1000
    chain.step(ms=0)
    assert [(one.contact, one.age_ms) for one in _status(chain).relay.series] == [(contact, age_ms)] * 2


def test_the_primarys_closings_are_shown_too(chain: Bench) -> None:
    """BOX-06: by its contact's own count, not the controller's."""
    chain.durable = replace(chain.durable, cycles={"K1-0815": 50, "relay.k2": 58})
    chain.release()
    relay = _status(chain).relay
    assert (relay.closings, relay.rated_cycles, relay.used_percent) == (51, 100, 51)
    assert "51 of 100 rated closings (51%)" in _shown(chain, "en")
    chain.deadman_silent_since = chain.now - 2_000_000
    chain.step(ms=0)
    assert _status(chain).relay.contact == "unknown"
    assert "吸合 51/100 次（寿命 51%）" in _shown(chain, "zh")


def test_one_that_was_never_heard_is_unknown(chain: Bench) -> None:
    del chain.series["k3"]
    chain.step()
    assert _status(chain).relay.series[1] == SeriesView("k3", "unknown", None, 0, 0, None)
    assert "in series k3 ? unknown  0 closings" in _shown(chain, "en")


def test_a_box_without_relays_in_series_shows_none(ready: Bench) -> None:
    ready.step()
    assert _status(ready).relay.series == ()


def test_people_read_state_closings_and_life_in_both_languages(chain: Bench) -> None:
    chain.durable = replace(chain.durable, cycles={"relay.k2": 180})
    chain.step()
    assert "in series k2 ○ open  180 of 200 rated closings (90%)" in _shown(chain, "en")
    assert "串联 k2 ○ 断开  吸合 180/200 次（寿命 90%）" in _shown(chain, "zh")
    assert "串联 k3 ○ 断开  吸合 0 次" in _shown(chain, "zh")
    chain.series_silent_since = chain.now - 2_000_000
    chain.step(ms=0)
    assert "in series k2 ? unknown (2.0 s old)" in _shown(chain, "en")
