"""How long the box may take, summed from its configuration and its rule pack: nothing here is a number of its own."""

from typing import NamedTuple

from edge.config import BoxConfig
from edge.gas.budget import BusBudget, bus_budget, device_age_ms
from edge.interlock.conditions.wind import BEAUFORT_M_S
from edge.interlock.rules import Rules
from edge.interlock.safety_time import DECISION_MS
from edge.panel.outputs import TIMEOUT_S
from edge.panel.process import AGAIN_S, REFRESH_US
from edge.presence.badges import EPOCH_S, EPOCH_WINDOW
from edge.presence.nfc import ANSWER_S, LOOK_EVERY_S
from firmware_sim.settings import MqttHeadSettings


class Limit(NamedTuple):
    """Milliseconds, and the terms that they are the sum of."""

    ms: float
    terms: tuple[tuple[str, float], ...]

    @property
    def text(self) -> str:
        """``bus 840 + decision 50 + relay 250``."""
        return " + ".join(f"{name} {value:.0f}" for name, value in self.terms)


class Limits(NamedTuple):
    """The sums of one box."""

    config: BoxConfig
    rules: Rules

    def _sum(self, *terms: tuple[str, float]) -> Limit:
        whole = (*terms, ("decision", DECISION_MS), ("relay", float(self.rules.settle_ms.value)))
        return Limit(sum(value for _, value in whole), whole)

    def _budget(self, name: str) -> BusBudget:
        return bus_budget(self.config, next(bus for bus in self.config.buses if bus.name == name))

    def silence(self, bus: str) -> Limit:
        """Anything that can go wrong on a bus is known: its stale limit, or a counter that is seen to stand still."""
        return self._sum((f"bus {bus}", self._budget(bus).worst_trip_ms))

    def value(self, bus: str) -> Limit:
        """What a device says is delivered: one poll and one transaction."""
        return self._sum((f"poll {bus}", self._budget(bus).worst_value_ms))

    def unheard(self, name: str) -> Limit:
        """A portable that its gateway does not hear: the age that its profile allows, then as any value."""
        channel = next(each for each in self.config.channels if each.name == name)
        plain = self.value(channel.bus)
        age = float(device_age_ms(channel))
        return Limit(plain.ms + age, (("age", age), *plain.terms))

    @property
    def next_word_ms(self) -> float:
        """How often a detector on MQTT speaks."""
        return MqttHeadSettings("", "", "", 0).every_s * 1000

    def remote(self) -> Limit:
        """What a detector on MQTT says: no time is declared for it but its own rhythm."""
        return self._sum(("next word", self.next_word_ms))

    def sensor(self, name: str) -> float:
        """The limit of a process sensor, in its unit."""
        if name == self.config.wind:
            # The lanes' permit is one level higher than its work, so it goes on up to the stop grade.
            return BEAUFORT_M_S[self.rules.wind_stop_grade.value]
        return float(self.rules.enclosure_max_c.value)

    def inputs_silent(self) -> Limit:
        """The button module's time to live."""
        return self._sum(("inputs_ttl", float(self.rules.inputs_ttl_ms.value)))

    def deadman(self) -> Limit:
        """The controller's word, or the box's heartbeat, is missing."""
        return self._sum(("dead_man", float(self.rules.dead_man_ms.value)))

    def element(self) -> Limit:
        """The contact does not do what it is told."""
        return self._sum(("settle", float(self.rules.settle_ms.value)))

    def attempt(self) -> Limit:
        """A release that does not come about: the attempt, then the contact's settle time."""
        rules = self.rules
        return self._sum(("attempt", rules.attempt_s.value * 1000.0), ("settle", float(rules.settle_ms.value)))

    def panel(self) -> Limit:
        """Lamps that cannot be reached are known: everything is said anew this often, then nobody answers in time."""
        terms = (("refresh", REFRESH_US / 1000), ("answer", TIMEOUT_S * 1000), ("again", AGAIN_S * 1000))
        return Limit(sum(value for _, value in terms), terms)

    def reader(self) -> Limit:
        """A tag reader that does not answer a look is known."""
        terms = (("look", LOOK_EVERY_S * 1000), ("answer", ANSWER_S * 1000))
        return Limit(sum(value for _, value in terms), terms)

    def position(self) -> Limit:
        """A fix's time to live."""
        return self._sum(("position_ttl", self.rules.position_ttl_s.value * 1000.0))

    def leap(self) -> Limit:
        """A position that leaps each second: the first leap, then the last believed fix's time to live."""
        plain = self.position()
        return Limit(plain.ms + 1000.0, (("first leap", 1000.0), *plain.terms))

    def badge(self, role: str = "guardian") -> Limit:
        """A badge's time to live, then the grace of its role."""
        grace = self.rules.guardian_grace_s if role == "guardian" else self.rules.performer_grace_s
        return self._sum(("badge_ttl", self.rules.badge_ttl_s.value * 1000.0), (f"{role}_grace", grace.value * 1000.0))

    def gaps(self) -> Limit:
        """A scanner that is deaf now and then: one round of ten seconds heard and five not, then as a badge."""
        plain = self.badge()
        return Limit(plain.ms + 15_000.0, (("round", 15_000.0), *plain.terms))

    def copy(self) -> Limit:
        """A copied badge: its epoch and the accepted ones after it pass first."""
        plain = self.badge()
        epochs = ("epochs", (1 + EPOCH_WINDOW) * EPOCH_S * 1000.0)
        return Limit(plain.ms + epochs[1], (epochs, *plain.terms))

    def camera(self) -> Limit:
        """A picture's time to live."""
        return self._sum(("camera_ttl", self.rules.camera_ttl_s.value * 1000.0))

    def clock(self, look_ms: float) -> Limit:
        """The clock is read this often."""
        return self._sum(("clock read", look_ms))

    def audit(self) -> Limit:
        """A record that is not durable."""
        return self._sum(("audit_run", float(self.rules.audit_run_ms.value)))
