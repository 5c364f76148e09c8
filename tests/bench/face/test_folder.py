"""Folders of pictures as people have them: ORL, JPEG and PNG, deeper folders, wrong ones."""

import pytest

from tests.bench.face import folder


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")


def test_orl_layout_is_read_in_its_own_order(tmp_path):
    for person in (1, 2, 10):
        for number in (1, 2, 10):
            touch(tmp_path / f"s{person}" / f"{number}.pgm")
    touch(tmp_path / "README")
    found = folder.people(tmp_path)
    assert list(found) == ["s1", "s2", "s10"]
    assert [path.name for path in found["s10"]] == ["1.pgm", "2.pgm", "10.pgm"]


def test_other_formats_capitals_and_deeper_folders_count(tmp_path):
    for name in ("a/1.JPG", "a/b/2.jpeg", "c/x.png", "d/notes.txt", ".git/1.png", "a/.thumbs/9.png"):
        touch(tmp_path / name)
    found = folder.people(tmp_path)
    assert {person: [path.name for path in paths] for person, paths in found.items()} == {"a": ["1.JPG", "2.jpeg"], "c": ["x.png"]}


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda _: None, "came no picture"),
        (lambda place: touch(place / "1.png"), "1 pictures that lie in no person's folder"),
        (lambda place: place.rmdir(), "came nothing"),
        (lambda place: (place.rmdir(), touch(place)), "came a file"),
    ],
)
def test_a_folder_of_another_kind_is_refused_with_what_to_do(tmp_path, make, says):
    place = tmp_path / "faces"
    place.mkdir()
    make(place)
    with pytest.raises(folder.FolderError, match=says):
        folder.people(place)


def test_attacks_are_stills_films_and_folders_of_frames(tmp_path):
    for name in ("print/a/1.jpg", "print/2.jpg", "replay/b/film.avi", "tilted/c/1/frames.json", "tilted/c/1/0.png", "tilted/loose/frames.json"):
        touch(tmp_path / name)
    found = [(one.species, one.whom, one.path.name, one.film) for one in folder.presentations(tmp_path)]
    assert found == [
        ("print", "", "2.jpg", False), ("print", "a", "1.jpg", False), ("replay", "b", "film.avi", True),
        ("tilted", "c", "1", True), ("tilted", "", "loose", True),
    ]  # fmt: skip


def test_a_species_without_a_picture_is_refused(tmp_path):
    (tmp_path / "print").mkdir()
    with pytest.raises(folder.FolderError, match="print"):
        folder.presentations(tmp_path)


def test_drawn_material_says_so_itself(tmp_path):
    assert folder.label(tmp_path) == ""
    (tmp_path / folder.SYNTHETIC).write_text("drawn by\nhotbox-sim\n")
    assert folder.label(tmp_path) == "drawn by hotbox-sim"
