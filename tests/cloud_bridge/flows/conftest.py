"""The permit's flow as it is shipped, a small flow of its own, and hands that bring events."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cloud_bridge.running import ROOT

WORKFLOWS = ROOT / "configs" / "workflows"
NOW = datetime(2030, 1, 7, 8, tzinfo=UTC)
FACTS = {
    "applicant": "shen", "barred": [], "crew": ["performer", "guardian"], "content_sha256": "a" * 64, "complete": True,
    "jsa_confirmed": True, "people_qualified": True, "simops_computed": True, "level_computed": True, "on_site": True,
    "late_approvers": ["fang"], "performers": ["performer"], "signatures": 2,
}  # fmt: skip


@pytest.fixture(scope="session")
def permit_text():
    return (WORKFLOWS / "permit.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def vocabulary(django_data):
    from cloud_bridge.permits.flow import VOCABULARY

    return VOCABULARY


@pytest.fixture(scope="session")
def flow(vocabulary, permit_text):
    from cloud_bridge.flows.definition.reading import read

    return read(permit_text, "permit.yaml", vocabulary)


@pytest.fixture
def english(django_data):
    from django.utils import translation

    with translation.override("en"):
        yield


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def goes(self, **time: float) -> datetime:
        self.now += timedelta(**time)
        return self.now


@pytest.fixture
def clock():
    return Clock()


def person(identity="shen", roles=("applicant",), office="生产一部"):
    from cloud_bridge.flows.engine.case import Actor

    return Actor(identity, identity, office, tuple(roles))


def event(name, actor=None, by="person", form=None, facts=None, step=""):
    from cloud_bridge.flows.definition.model import By
    from cloud_bridge.flows.engine.case import Event

    return Event(name, By(by), actor or person(), form or {}, {**FACTS, **(facts or {})}, step)


def window(start=NOW, hours=12):
    return {"level": "grade_2", "starts": start.isoformat(), "ends": (start + timedelta(hours=hours)).isoformat()}


FANG = ("fang", ("approver",), "安全环保部")
ZHOU = ("zhou", ("approver",), "生产部")
SIGNED = {"content_sha256": "a" * 64}


def read_file(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
