"""Drawn heads and flat things: what turns, what hides, what has parallax and what has none. Pure."""

import msgspec
import numpy as np
import pytest

from firmware_sim.people import CANVAS_TOP, HALF_WIDTH, Face, Pose, Wear, render, stranger
from firmware_sim.people.strangers import RANGES
from firmware_sim.stage import HEIGHT, WIDTH, Scene, Standing, background, decode, expose, jpeg, noisy, paint, still
from firmware_sim.stage.flat import Sheet, hand, held, on_screen, printed
from firmware_sim.stage.scene import portrait

PIXELS = 60
PLAIN = Face(rough=0.0, skin=(0.5, 0.5, 0.5), blush=0.0)


def _dark_middle(face: Face, pose: Pose, rows: slice) -> float:
    """Column of the darkest things between two heights, weighted, in half head heights from the middle."""
    picture, cover = render(face, pose, pixels=PIXELS)
    part = slice(*(round((height - CANVAS_TOP) * PIXELS) for height in (rows.start, rows.stop)))
    dark = np.clip(0.25 - picture[part].mean(axis=2), 0, None) * cover[part]
    return float((dark.sum(axis=0) * np.arange(dark.shape[1])).sum() / dark.sum() / PIXELS - HALF_WIDTH)


@pytest.mark.parametrize("yaw_deg", [-40, -20, 20, 40])
def test_the_nose_moves_further_than_the_eyes_when_a_head_turns(yaw_deg: int) -> None:
    """True parallax: what stands out goes ahead of what lies deep."""
    eyes, nose = slice(-0.2, -0.04), slice(0.30, 0.36)
    face = msgspec.structs.replace(PLAIN, hairline=-0.9, hair=(0.5, 0.5, 0.5), brow_dark=0.0)
    moved = {where: _dark_middle(face, Pose(yaw_deg), where_) - _dark_middle(face, Pose(), where_)
             for where, where_ in (("eyes", eyes), ("nose", nose))}  # fmt: skip
    assert np.sign(moved["nose"]) == np.sign(yaw_deg), "a head that turns to its own left shows its nose further right"
    assert abs(moved["nose"]) > abs(moved["eyes"]) + 0.05


@pytest.mark.parametrize("pose", [Pose(45), Pose(-45), Pose(0, 15), Pose(20, -15, 8), Pose(blink=1), Pose(mouth=1)])
def test_a_head_stays_whole_in_every_pose(pose: Pose) -> None:
    picture, cover = render(Face(), pose, pixels=PIXELS)
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert np.isfinite(picture).all()
    upright = render(Face(), Pose(), pixels=PIXELS)[1]
    head = slice(0, round((1 - CANVAS_TOP) * PIXELS))
    assert 0.8 < cover[head].sum() / upright[head].sum() < 1.4


def test_who_blinks_speaks_or_wears_something_looks_different() -> None:
    bare = render(Face(), Pose(), pixels=PIXELS)[0]
    changed = (
        render(Face(), Pose(blink=1), pixels=PIXELS)[0],
        render(Face(), Pose(mouth=1), pixels=PIXELS)[0],
        render(Face(), Pose(), Wear.HELMET, PIXELS)[0],
        render(Face(), Pose(), Wear.MASK, PIXELS)[0],
    )
    differences = [np.abs(picture - bare).mean() for picture in changed]
    assert all(difference > 1e-4 for difference in differences)


def test_a_stranger_is_the_same_for_the_same_seed_and_within_the_ranges() -> None:
    assert stranger(3) == stranger(3)
    assert stranger(3) != stranger(4)
    for seed in range(50):
        values = msgspec.structs.asdict(stranger(seed))
        assert all(values[name] == 0 or low <= values[name] <= high for name, (low, high) in RANGES.items())


def test_the_light_makes_a_scene_brighter_and_darker() -> None:
    scene = Scene((Standing(Face()),))
    usual = paint(scene).mean()
    for light in (0.6, 1.4):
        assert paint(msgspec.structs.replace(scene, light=light)).mean() == pytest.approx(light * usual, rel=1e-3)


def test_no_two_grains_of_one_scene_are_alike() -> None:
    dark = expose(np.zeros((HEIGHT, WIDTH, 3), np.float32))
    assert len({noisy(dark, grain).tobytes() for grain in range(300)}) == 300
    assert len({jpeg(background(), grain) for grain in range(100)}) == 100


def test_people_stand_beside_each_other_and_may_leave_a_place_free() -> None:
    alone, left = (paint(Scene((Standing(Face()),), places=places)) for places in (1, 2))
    changed = [np.abs(scene - background()).sum(axis=(0, 2)) for scene in (alone, left)]
    middles = [float((line * np.arange(WIDTH)).sum() / line.sum()) for line in changed]
    assert middles[0] == pytest.approx(WIDTH / 2, abs=8)
    assert middles[1] == pytest.approx(WIDTH / 4, abs=16)


def test_a_still_is_what_the_camera_would_deliver() -> None:
    shot = still("performer", 5)
    assert (shot.shape, shot.dtype) == ((HEIGHT, WIDTH, 3), np.uint8)
    assert (still("performer", 5) == shot).all()
    assert (still("performer", 5, grain=1) != shot).any()


def _marks() -> Sheet:
    """A grey sheet with a black upright line in its middle and a white one on each side."""
    content = np.full((200, 200, 3), 0.5, np.float32)
    content[:, 97:103] = 0
    content[:, 20:26] = content[:, 174:180] = 1
    return Sheet(content, 300)


def _columns(scene: np.ndarray) -> tuple[float, float, float]:
    """Where the left, the middle and the right line are in the middle row."""
    line = scene[HEIGHT // 2].mean(axis=1)
    wide = np.arange(WIDTH)
    middle = line < 0.2
    left, right = (line > 0.8) & (wide < wide[middle].mean()), (line > 0.8) & (wide > wide[middle].mean())
    return tuple(float(wide[where].mean()) for where in (left, middle, right))


@pytest.mark.parametrize("focal", [320, 554, 900])
@pytest.mark.parametrize("tilt_deg", [-40, -20, 20, 40])
def test_a_tilted_sheet_stays_a_plane_before_any_lens(tilt_deg: int, focal: int) -> None:
    """The cross-ratio of points on a line is what no picture of a plane changes: marks are where a plane has them."""
    dark = np.full((HEIGHT, WIDTH, 3), 0.4, np.float32)
    flat = _columns(held(dark, _marks()))
    left, middle, right = _columns(held(dark, msgspec.structs.replace(_marks(), tilt_deg=tilt_deg, focal=focal)))
    turn = np.deg2rad(tilt_deg)
    for seen, before in ((left, flat[0]), (right, flat[2])):
        out = before - WIDTH / 2
        assert seen - WIDTH / 2 == pytest.approx(out * np.cos(turn) * focal / (focal + out * np.sin(turn)), abs=1.5)
    assert middle == pytest.approx(WIDTH / 2, abs=1)


def test_a_sheet_that_is_bent_to_the_camera_shows_its_edges_narrower() -> None:
    dark = np.full((HEIGHT, WIDTH, 3), 0.4, np.float32)
    flat, bent = (_columns(held(dark, msgspec.structs.replace(_marks(), bend_deg=bend))) for bend in (0, 70))
    assert bent[2] - bent[0] < flat[2] - flat[0] - 10


def test_a_sheet_that_is_folded_shows_its_halves_narrower_and_tilted_one_of_them_wider() -> None:
    dark = np.full((HEIGHT, WIDTH, 3), 0.4, np.float32)
    flat, folded, tilted = (
        _columns(held(dark, msgspec.structs.replace(_marks(), **how)))
        for how in ({}, {"fold_deg": 30}, {"fold_deg": 30, "tilt_deg": 20})
    )
    assert folded[2] - folded[0] < 0.9 * (flat[2] - flat[0])
    left, right = tilted[1] - tilted[0], tilted[2] - tilted[1]
    assert left > 0.9 * (flat[1] - flat[0])
    assert right < 0.7 * left


def test_paper_has_a_white_border_and_a_tablet_a_dark_one() -> None:
    content = portrait(Standing(Face()))
    assert printed(content)[2, 2].min() > 0.85
    assert on_screen(content)[2, 2].max() < 0.1
    assert printed(content, 0.0).shape == content.shape


def test_a_hand_is_never_quite_still() -> None:
    content = portrait(Standing(Face()))
    scenes = [held(background(), hand(content, turn)) for turn in (0.0, 0.1, 0.2)]
    assert all(np.abs(scenes[0] - other).max() > 0.05 for other in scenes[1:])


def test_the_lens_gives_back_what_it_encoded() -> None:
    assert np.abs(decode(jpeg(background(), 1)).astype(int) - expose(background())).mean() < 4
