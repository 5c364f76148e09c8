"""The search: from many starting points, through every move, in a random but repeatable order.

A node is a whole box with its world. Two nodes with the same *shape* (mode, latch, first-out, which conditions fail,
levels, graces, fire watch, kind of permit and gas test) count as the same and only the first is gone on from. Every
evaluation on the way is held to the invariants.
"""

import copy
import random
from collections import Counter
from collections.abc import Callable, Iterator

import msgspec

from contracts.permit import Level, PermitClaims
from edge.interlock.conditions import CONDITIONS
from edge.interlock.happenings import Bypassed, Happening
from edge.interlock.kernel import Relay, Step
from edge.interlock.record import Note
from edge.interlock.state import Durable, Mode, usable
from tests.edge.interlock.bench import RELIEF, Bench, permit
from tests.prove.invariants import Transition, broken, restart_forgets_nothing
from tests.prove.moves import MAX_NUMBER, MOVES, check_ticket, mend, move

FRONTIER = 1_000
"""Nodes that are kept in each mode to go on from: about 5 kB each."""
TIMES = {"gas quality": 4, "sensor says": 12, "gas up": 3, "gas silent": 3, "video": 3, "wait": 3, "wait long": 3}
"""How often a move is tried from a node, with other numbers; others once."""
WELDERS = 0.3
"""How often somebody puts everything right and tries to weld."""
_BUTTONS = ("arm", "reset", "finish")
_TO_DUSK_S = 6 * 3600 - 10
"""From the bench's four in the afternoon to ten seconds before the night."""
replace = msgspec.structs.replace


class ViolationError(AssertionError):
    """A promise was broken; says which, and by which moves from which start."""


class Box(Bench):
    """A bench that is held to the invariants and remembers how it came here."""

    def __init__(self, told: Callable[[Transition], None]) -> None:
        super().__init__()
        self.log = None  # a million decisions are not kept
        self.told = told
        self.path: tuple[str, ...] = ()
        self.last_levels: frozenset[str] | None = None

    @property
    def started(self) -> str:
        """The starting point and every move since."""
        return " > ".join(self.path)

    def step(self, *happenings: Happening, ms: int = 20) -> Step:
        before, memory = self.durable, self.volatile
        step = super().step(*happenings, ms=ms)
        read = step.facts.snapshot.inputs
        assert read is not None
        levels = frozenset(name for name in _BUTTONS if getattr(read, name))
        edges = levels - self.last_levels if self.last_levels is not None else frozenset()
        self.last_levels = levels
        transition = Transition(
            self.site, self.rules, before, memory, step.facts.snapshot, self.now, happenings, step, edges
        )
        self.notes.clear()
        self.relays.clear()
        self.told(transition)
        wrong = broken(transition)
        if wrong:
            raise ViolationError("\n".join((*wrong, self.started)))
        return step

    def restart(self, *, boot_id: str = "boot-1", found: Durable | None = None) -> tuple[Note, ...]:
        kept = found if found is not None else self.durable
        notes = super().restart(boot_id=boot_id, found=found)
        self.last_levels = None
        self.notes.clear()
        wrong = restart_forgets_nothing(kept, self.durable)
        if wrong:
            raise ViolationError(f"{wrong}\n{self.started}")
        return notes

    def fork(self) -> "Box":
        """A box of its own in the same situation."""
        other = copy.copy(self)
        other.gas = {name: copy.copy(gas) for name, gas in self.gas.items()}
        other.sensors = {name: copy.copy(said) for name, said in self.sensors.items()}
        other.pressed, other.badges, other.looking = set(self.pressed), dict(self.badges), set(self.looking)
        other.unknown_badges = dict(self.unknown_badges)
        other.badge_seen, other.faces = dict(self.badge_seen), dict(self.faces)
        other.notes, other.relays = [], []
        other.proof_inputs = dict(self.proof_inputs)
        other.controller = copy.copy(self.controller)
        return other

    def _approved_long_ago(self, claims: PermitClaims) -> bool:
        age_s = self.wall_ms // 1000 - max(given.at for given in claims.approvals)
        return age_s > self.rules.approval_age_s.value and claims.jti not in self.durable.ignited

    def shape(self) -> int:
        """What makes this situation different from others."""
        durable, volatile, last = self.durable, self.volatile, self.last
        assert last is not None
        claims = last.facts.permit
        return hash(
            (
                durable.mode, durable.first_out and durable.first_out.code, durable.reset_done, durable.confirmed,
                len(durable.over_range), len(durable.bypasses), durable.gas_test is not None, durable.fire_watch is not None,
                durable.opening is not None and durable.opening.by_gas,
                claims and usable(durable, claims, last.facts.wall_s), claims and self._approved_long_ago(claims),
                volatile.levels, tuple(volatile.grace),
                volatile.proof_run and len(volatile.proof_run.steps), durable.proof_test and durable.proof_test.ok,
                volatile.reset_window_until_us > self.now, volatile.fault_window[0] > self.now,
                tuple(condition.name for condition in CONDITIONS if not last.verdicts[condition.name].ok),
                frozenset(self.pressed), self.welded, self.stuck, self.latch, self.contact,
                frozenset(badge for badge, here in self.badges.items() if here), frozenset(self.looking),
                self.inputs_silent_since is None, self.deadman_silent_since is None,
                self.position_silent_since is None, self.camera_silent_since is None,
                self.video_silent_since is None, self.video_written is None, self.video_left_s < 100_000,
                self.video_permit == "",
            )
        )  # fmt: skip


def _start(where: str, told: Callable[[Transition], None]) -> Box:
    """A box that has come as far as `where` says."""
    box = Box(told)
    box.path = (f"start: {where}",)
    dusk = where.startswith("dusk")
    began_s = _TO_DUSK_S if dusk else 0
    box.wall_jump_ms = began_s * 1000
    box.step()
    if where == "new":
        return box
    level = Level.SPECIAL if where == "special" else Level.GRADE_1
    length_s = 5 if where == "ending" else 4 * 3600
    approved_s = -1_795 if where == "approved long ago" else -600
    people = (*permit().people, RELIEF)
    claims = permit("HW-1", start_s=began_s - 60, end_s=began_s + length_s, approved_s=began_s + approved_s)
    base = Level.GRADE_2 if where == "dusk, one level higher" else None
    box.prepare(replace(claims, level=level, base_level=base, people=people))
    if where == "approved long ago":
        box.step(ms=10_000)
    if where in ("ready", "approved long ago"):
        return box
    if where == "bypassed":
        box.badges[1004] = True
        box.step()
        box.step(Bypassed("ch4-2", ("leader", "engineer"), "it fell from the wall", "portable meter", 3600))
        assert box.durable.bypasses
    box.arm()
    if where == "armed":
        return box
    box.acknowledge()
    if where == "released":
        return box
    box.run(0.5)
    if where == "special":
        # Longer than the recorder may be silent: from here on its pictures alone keep the contact closed.
        box.run(box.rules.video_ttl_s.value + 1, ms=100)
    if where == "confirmed" or dusk:
        return box
    if where == "gas":
        box.gas["ch4-1"].value = 60.0
        box.run(0.2)
        box.gas["ch4-1"].value = 0.0
    elif where == "guardian":
        box.badges[1002] = False
        box.run(60)
        box.badges[1002] = True
    elif where == "fault":
        box.welded = True
        box.press("stop")
        box.run(0.5)
    elif where == "finished":
        box.press("finish")
    elif where == "unclean":
        box.restart()
    box.step()
    return box


STARTS = (
    "new", "ready", "approved long ago", "armed", "released", "confirmed", "special", "ending", "bypassed", "gas",
    "guardian", "fault", "finished", "unclean", "dusk", "dusk, one level higher",
)  # fmt: skip


class Found(msgspec.Struct):
    """What the search went through."""

    transitions: int = 0
    shapes: int = 0
    changes: Counter[tuple[Mode, Mode]] = msgspec.field(default_factory=Counter)
    first_outs: Counter[str] = msgspec.field(default_factory=Counter)
    failed_while_released: Counter[str] = msgspec.field(default_factory=Counter)
    releases: int = 0
    held: int = 0

    def count(self, t: Transition) -> None:
        """One more transition."""
        self.transitions += 1
        before, after = t.before.mode, t.after.mode
        self.changes[before, after] += 1
        self.releases += t.step.relay is Relay.CLOSE
        self.held += t.step.relay is Relay.HOLD
        if before is Mode.RELEASED:
            for condition in CONDITIONS:
                if condition.run and not t.step.verdicts[condition.name].ok:
                    self.failed_while_released[condition.name] += 1
        cause = t.after.first_out
        if cause is not None and t.after.latched and not t.before.latched:
            self.first_outs[cause.code] += 1

    def join(self, other: "Found") -> None:
        """Add what another search found."""
        self.transitions += other.transitions
        self.shapes += other.shapes
        self.changes.update(other.changes)
        self.first_outs.update(other.first_outs)
        self.failed_while_released.update(other.failed_while_released)
        self.releases += other.releases
        self.held += other.held


def explore(transitions: int, seed: int) -> Iterator[Found]:
    """Search until so many transitions are seen; yields what was found so far, now and then.

    Raises:
        ViolationError: a promise was broken.
    """
    dice = random.Random(seed)
    found = Found()
    frontier: dict[Mode, list[Box]] = {mode: [] for mode in Mode}
    seen: set[int] = set()

    def keep(box: Box) -> None:
        shape = box.shape()
        if shape in seen:
            return
        seen.add(shape)
        nodes = frontier[box.mode]
        if len(nodes) < FRONTIER:
            nodes.append(box)
        else:
            nodes[dice.randrange(FRONTIER)] = box

    names = sorted(MOVES)
    starts: list[Box] = []
    while found.transitions < transitions:
        if not starts and not any(frontier.values()):
            seen.clear()
            starts = [_start(where, found.count) for where in STARTS]
        if starts:
            node = starts.pop()
        else:
            # Every mode gets its share: most situations are locked ones, the interesting ones are not.
            nodes = frontier[dice.choice([mode for mode, kept in frontier.items() if kept])]
            at = dice.randrange(len(nodes))
            nodes[at], nodes[-1] = nodes[-1], nodes[at]
            node = nodes.pop()
        for name in dice.sample(names, len(names)):
            for _ in range(TIMES.get(name, 1)):
                box, number = node.fork(), dice.randint(0, MAX_NUMBER)
                box.path = (*node.path, f"{name} {number}")
                move(box, name, number)
                keep(box)
        if dice.random() < WELDERS:
            box = node.fork()
            _try_to_weld(box, dice.randint(0, MAX_NUMBER))
            keep(box)
        found.shapes = len(seen)
        yield found


def _try_to_weld(box: Box, number: int) -> None:
    """Mended, reset, tested and checked, a person arms: many situations are only reached from a release."""
    box.path = (*box.path, f"mend, reset, test, check {number}, arm, ack")
    mend(box)
    box.step()
    box.press("reset")
    box.test_gas()
    check_ticket(box, number)
    box.press("arm")
    box.acknowledge()
    box.run(0.4)


__all__ = ["STARTS", "Found", "ViolationError", "explore"]
