"""Films: what the camera has shown, kept in a file; and people who were filmed beforehand, drawn when needed."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from contracts.errors import UNREADABLE
from firmware_sim.cast import CAST
from firmware_sim.errors import SimulationError
from firmware_sim.people import Picture
from firmware_sim.people.acting import PHASES, Act, Action, idle
from firmware_sim.stage import Standing, decode
from firmware_sim.stage.scene import portrait

LONGEST_S = 60.0
_MOST_BYTES = 64 << 20
_SUFFIX = ".film"
_ASKED = (Action.LEFT, Action.RIGHT, Action.BLINK, Action.LEFT, Action.BLINK, Action.RIGHT)
"""What the filmed person was asked for, one after the other."""
_EACH_S = 3.0

Played = Callable[[float], Picture]
"""What is on the screen so many seconds after its beginning, 0..1; a film begins anew when it has ended."""


class Film(msgspec.Struct, frozen=True, tag="hotbox-film-1"):
    """Pictures one after the other, as JPEG."""

    fps: float
    pictures: tuple[bytes, ...]


def place(folder: Path, name: str) -> Path:
    """Where a film lies: a bare name in the site's folder of films, a path where it says.

    Raises:
        SimulationError: the name is a person's, or empty.
    """
    if not name or name in CAST:
        raise SimulationError(f"film: expected a file's name other than {', '.join(CAST)}, got {name!r}")
    return Path(name) if "/" in name else folder / f"{name.removesuffix(_SUFFIX)}{_SUFFIX}"


def save(path: Path, film: Film) -> None:
    """Write a film."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.msgpack.encode(film))


def load(path: Path) -> Film:
    """Read a film.

    Raises:
        SimulationError: there is none, or the file is something else.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise SimulationError(f"film: expected at most {_MOST_BYTES >> 20} MB, got {path}")
        film = msgspec.msgpack.decode(path.read_bytes(), type=Film)
    except (OSError, *UNREADABLE) as error:
        raise SimulationError(f"film: expected what `set camera record` wrote, got {path}: {error}") from error
    if not film.pictures or not film.fps > 0:
        raise SimulationError(f"film: expected pictures, got none in {path}; record it again")
    return film


def of_file(film: Film) -> Played:
    """A film from a file."""

    def played(at_s: float) -> Picture:
        shot = decode(film.pictures[int(at_s * film.fps) % len(film.pictures)])
        return shot.astype(np.float32) / np.float32(255)

    return played


def of_person(name: str) -> Played:
    """Somebody of the cast who once followed six prompts, three seconds apart."""

    def played(at_s: float) -> Picture:
        number, since_s = divmod(at_s, _EACH_S)
        act = Act(_ASKED[int(number) % len(_ASKED)], 0.8)
        return portrait(Standing(CAST[name], act.pose(since_s, idle(at_s * 8 % PHASES))))

    return played
