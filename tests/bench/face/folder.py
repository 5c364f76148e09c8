"""Folders of pictures: one a person (ORL: ``s1/1.pgm``), or one a species of attack.

Ids of people and pictures are their paths below the folder. A file called SYNTHETIC in the folder says that nobody was
photographed; its text is printed wherever figures are.
"""

import re
from pathlib import Path
from typing import NamedTuple

PICTURES = frozenset((".pgm", ".ppm", ".pbm", ".pnm", ".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"))
FILMS = frozenset((".avi", ".mp4", ".mkv", ".mov", ".webm", ".mjpg", ".mjpeg"))
FRAMES = "frames.json"
"""Makes its folder one film of the pictures beside it, in the order of their names: `{"every_ms": 200}`. A living person's
film says besides what was asked for: `{"every_ms": 200, "prompts": ["left", "right", …]}`; a film's file says it in FILE.json.
"""
SYNTHETIC = "SYNTHETIC"
BONA_FIDE = ("bonafide", "bona_fide", "bona-fide", "genuine", "live")
"""A folder of this name among the species holds living people."""


class FolderError(Exception):
    """A folder that cannot be used: what was expected, what came, what to do."""


class Presentation(NamedTuple):
    """What is held before the camera once: a still picture, or a film. `whom` is the folder between, or empty."""

    species: str
    whom: str
    path: Path
    film: bool


def in_order(path: Path) -> tuple[object, ...]:
    """Sorts 2.pgm before 10.pgm."""
    words = re.split(r"(\d+)", path.as_posix())
    return tuple(int(word) if index % 2 else word for index, word in enumerate(words))


def pictures(folder: Path) -> list[Path]:
    """All pictures below a folder, in order; hidden files and folders are none."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in PICTURES and path.is_file())
    return sorted((path for path in found if not _hidden(path, folder)), key=in_order)


def people(folder: Path) -> dict[str, list[Path]]:
    """Each person's pictures, in order; folders without pictures are nobody.

    Raises:
        FolderError: no folder, or no folder of a person in it.
    """
    found = {person.name: pictures(person) for person in _folders(folder, "a folder per person, s1/1.pgm and the like")}
    found = {person: paths for person, paths in found.items() if paths}
    if found:
        return found
    loose = len(pictures(folder))
    came = f"{loose} pictures that lie in no person's folder" if loose else "no picture"
    raise FolderError(
        f"{folder}: expected a folder per person with pictures ({', '.join(sorted(PICTURES))}), came {came};"
        " make a folder for each person and put that person's pictures there"
    )


def presentations(folder: Path) -> list[Presentation]:
    """Every attack and bona fide presentation: SPECIES/[WHOM/]picture, film, or folder of frames.

    Raises:
        FolderError: no folder, no species in it, or a species without a picture.
    """
    found: list[Presentation] = []
    for species in _folders(folder, "a folder per attack species"):
        own = _below(species, species)
        if not own:
            raise FolderError(f"{species}: expected pictures or films, came none; fill or remove the folder")
        found += own
    if not found:
        raise FolderError(f"{folder}: expected a folder per attack species (print/, screen/ …), came none")
    return found


def is_bona_fide(species: str) -> bool:
    """Whether the folder holds living people instead of attacks."""
    return species.lower() in BONA_FIDE


def label(folder: Path) -> str:
    """What a SYNTHETIC file says, in one line; empty without one."""
    path = folder / SYNTHETIC
    return " ".join(path.read_text(encoding="utf-8").split()) if path.is_file() else ""


def _below(folder: Path, species: Path) -> list[Presentation]:
    whom = "" if folder == species else folder.relative_to(species).parts[0]
    if (folder / FRAMES).is_file():
        return [Presentation(species.name, whom if folder.parent != species else "", folder, film=True)]
    found = []
    for path in sorted(folder.iterdir(), key=in_order):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            found += _below(path, species)
        elif path.suffix.lower() in PICTURES | FILMS:
            found.append(Presentation(species.name, whom, path, film=path.suffix.lower() in FILMS))
    return found


def _folders(folder: Path, expected: str) -> list[Path]:
    if not folder.is_dir():
        came = "a file" if folder.exists() else "nothing"
        raise FolderError(f"{folder}: expected {expected}, came {came}; give the folder's path")
    return sorted((path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")), key=in_order)


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)
