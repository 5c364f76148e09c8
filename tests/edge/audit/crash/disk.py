"""A disk as a power cut finds it: what was synced is there, of the rest whatever chance says. Pure.

Strict as POSIX is: the contents of a file hold once the file was synced, its name once its folder was, and neither helps
the other. What was not synced may be there in full, in part, in another order, and torn between sectors.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

SECTOR = 512

Files = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes go into a file. Files have numbers, as names come and go."""

    file: int
    at: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Resize:
    """A file gets another size; what is new is zero."""

    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    """The contents of a file were synced."""

    file: int


@dataclass(frozen=True, slots=True)
class Link:
    """A file has this name from now on, whatever had it before."""

    name: str
    file: int


@dataclass(frozen=True, slots=True)
class Unlink:
    """A name is gone."""

    name: str


@dataclass(frozen=True, slots=True)
class Rename:
    """A file has another name, in one step."""

    old: str
    new: str
    file: int


@dataclass(frozen=True, slots=True)
class SyncNames:
    """A folder was synced: the one that all names are relative to, or one in it."""

    folder: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody was promised that from now on this holds, whatever happens."""

    what: str
    value: int


Content = Write | Resize
Naming = Link | Unlink | Rename
Step = Content | Naming | Sync | SyncNames | Told


@dataclass(frozen=True, slots=True)
class Recording:
    """What was on the disk before, by name, and what was done to it; the files of before are numbered in their order."""

    before: Mapping[str, bytes]
    steps: Sequence[Step]
    first: int = 0
    """Cuts before this step are not of interest."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which of the steps that were not synced a cut leaves in effect, in this order."""

    contents: Sequence[Content]
    names: Sequence[Naming]


@dataclass(frozen=True, slots=True)
class Cut:
    """A disk that a cut left, after which step, and what had been promised by then."""

    step: int
    files: Files
    told: Mapping[str, int]

    def digest(self) -> bytes:
        """The same for the same disk and the same promises."""
        found = blake2b(repr((sorted(self.told.items()), [(n, len(b)) for n, b in sorted(self.files.items())])).encode())
        for _, body in sorted(self.files.items()):
            found.update(body)
        return found.digest()


class Medium:
    """A folder on a disk, with those in it, while steps are taken."""

    def __init__(self, before: Mapping[str, bytes], lies: Callable[[str], bool] = lambda _: False) -> None:
        """Everything in `before` is durable; of files whose name `lies`, and of the folder if ``""`` does, no sync takes effect."""
        self._lies = lies
        self._names = {name: number for number, name in enumerate(before)}
        self._bodies = dict(enumerate(before.values()))
        self._liars = {number for name, number in self._names.items() if lies(name)}
        self.contents: list[Content] = []
        self.names: list[Naming] = []

    def take(self, step: Step) -> None:
        """The next thing that was done."""
        match step:
            case Write() | Resize():
                self.contents.append(step)
            case Sync(file):
                self._sync(file)
            case SyncNames(folder):
                if not self._lies(""):
                    self._names = _named(self._names, [one for one in self.names if _folder(one) == folder])
                    self.names = [one for one in self.names if _folder(one) != folder]
            case Link() | Unlink() | Rename():
                self.names.append(step)
                if isinstance(step, Link) and self._lies(step.name):
                    self._liars.add(step.file)
            case Told():
                pass

    def _sync(self, file: int) -> None:
        if file not in self._liars:
            self._bodies[file] = _written(self._bodies.get(file, b""), [one for one in self.contents if one.file == file])
            self.contents = [one for one in self.contents if one.file != file]

    def plans(self, chance: random.Random, draws: int = 1) -> list[Plan]:
        """Ways in which a cut at this moment can end; the first is the one that keeps nothing but what was synced.

        Those that chance decides are drawn `draws` times.
        """
        late, moved = self.contents, self.names
        plans = [Plan((), ())]
        if late or moved:
            plans.append(Plan(tuple(late), tuple(moved)))
        if late and moved:
            plans += [Plan((), tuple(moved)), Plan(tuple(late), ())]
        for _ in range(draws):
            plans += self._drawn(chance)
        return plans

    def _drawn(self, chance: random.Random) -> Iterator[Plan]:
        late, moved = self.contents, self.names
        if len(late) > 1:
            yield Plan(late[: chance.randrange(1, len(late))], _some(moved, chance))
            yield Plan(_some(late, chance), _some(moved, chance))
            shuffled = list(_some(late, chance))
            chance.shuffle(shuffled)
            yield Plan(shuffled, _some(moved, chance))
        if late:
            yield Plan(_torn(late, chance), _some(moved, chance))
        if len(moved) > 1:
            yield Plan(tuple(late), _some(moved, chance))

    def after(self, plan: Plan) -> Files:
        """What is found when the power is back."""
        bodies = dict(self._bodies)
        for file in {one.file for one in plan.contents}:
            bodies[file] = _written(bodies.get(file, b""), [one for one in plan.contents if one.file == file])
        return {name: bodies.get(file, b"") for name, file in _named(self._names, plan.names).items()}


def _some(ones: Sequence[object], chance: random.Random) -> tuple:
    """A random part, in its order."""
    return tuple(one for one in ones if chance.random() < 0.5)


def _torn(late: Sequence[Content], chance: random.Random) -> tuple[Content, ...]:
    """Of each write some sectors."""
    torn: list[Content] = []
    for one in late:
        if isinstance(one, Write):
            torn += (piece for piece in _sectors(one) if chance.random() < 0.5)
        elif chance.random() < 0.5:
            torn.append(one)
    return tuple(torn)


def _sectors(one: Write) -> Iterator[Write]:
    at, end = one.at, one.at + len(one.data)
    while at < end:
        until = min(end, at - at % SECTOR + SECTOR)
        yield Write(one.file, at, one.data[at - one.at : until - one.at])
        at = until


def _written(body: bytes, contents: Sequence[Content]) -> bytes:
    if not contents:
        return body
    made = bytearray(body)
    for one in contents:
        size = one.size if isinstance(one, Resize) else one.at + len(one.data)
        if size > len(made):
            made.extend(bytes(size - len(made)))
        if isinstance(one, Resize):
            del made[size:]
        else:
            made[one.at : size] = one.data
    return bytes(made)


def _folder(one: Naming) -> str:
    """Where it takes place."""
    return (one.old if isinstance(one, Rename) else one.name).rpartition("/")[0]


def _named(names: Mapping[str, int], moved: Sequence[Naming]) -> dict[str, int]:
    made = dict(names)
    for one in moved:
        match one:
            case Link(name, file):
                made[name] = file
            case Unlink(name):
                made.pop(name, None)
            case Rename(old, new, file):
                made.pop(old, None)
                made[new] = file
    return made


def cuts(
    recording: Recording, chance: random.Random, share: float = 1.0, draws: int = 1, lies: Callable[[str], bool] = lambda _: False
) -> Iterator[Cut]:
    """Different disks that a cut could leave, after every step.

    Args:
        recording: what was done.
        chance: decides.
        share: of the ways in which each cut can end, so many; right after a promise always the disk that keeps least.
        draws: how often what chance decides is drawn.
        lies: names of files whose syncs do nothing, and ``""`` for the folder's.
    """
    medium = Medium(recording.before, lies)
    told: dict[str, int] = {}
    seen: set[bytes] = set()
    for number, step in enumerate(recording.steps):
        medium.take(step)
        if isinstance(step, Told):
            told = {**told, step.what: step.value}
        if number < recording.first:
            continue
        for index, plan in enumerate(medium.plans(chance, draws)):
            if chance.random() >= share and not (isinstance(step, Told) and not index):
                continue
            cut = Cut(number, medium.after(plan), told)
            digest = cut.digest()
            if digest not in seen:
                seen.add(digest)
                yield cut
