"""The things world's scenes, places, icons in colours, and renderer, with drawn stand-ins for the icons."""

from __future__ import annotations

import colorsys
import subprocess

import numpy as np
import pytest
import torch
from PIL import ImageDraw

from tests.support.things_icons import disc, discs
from xlard.worlds.things import icons as icons_module
from xlard.worlds.things.icons import CODES, PAINTED, PAINTS, VERSION, Icons, Painted, cropped, fetch_package, recolored
from xlard.worlds.things.masks import compare
from xlard.worlds.things.places import place_picture
from xlard.worlds.things.render import pixel_box, render_random, render_scene, visible_masks
from xlard.worlds.things.scenes import Scene, Thing, random_scene, shared_area, sizes_for
from xlard.worlds.things.vocabulary import ASPECTS, CLASSES, COLORED_CLASSES, COLORS, MAX_OBJECTS, PLACES, SIDE


@pytest.fixture(scope="module")
def icons() -> Icons:
    return discs()


def scenes(number: int) -> list[Scene]:
    return [random_scene(np.random.default_rng(seed)) for seed in range(number)]


def test_every_class_has_an_icon_and_an_aspect_and_every_coloured_class_painted_pixels() -> None:
    assert set(CODES) == set(ASPECTS) == set(CLASSES) and set(PAINTED) == set(COLORED_CLASSES)
    assert tuple(PAINTS) == COLORS


def test_scenes_hold_one_to_five_objects_inside_the_picture_that_hardly_overlap() -> None:
    drawn = scenes(200)
    assert {len(scene.things) for scene in drawn} == set(range(1, MAX_OBJECTS + 1))
    assert {scene.place for scene in drawn} == set(PLACES)
    assert {thing.name for scene in drawn for thing in scene.things} == set(CLASSES)
    for scene in drawn:
        smallest, largest = sizes_for(len(scene.things))
        for index, thing in enumerate(scene.things):
            left, top, width, height = thing.box
            assert 0 <= left and left + width <= 1 and 0 <= top and top + height <= 1
            assert smallest <= max(width, height) <= largest
            assert width / height == pytest.approx(ASPECTS[thing.name])
            assert (thing.color in COLORS) == (thing.name in COLORED_CLASSES)
            assert all(shared_area(thing.box, placed.box) <= 0.05 for placed in scene.things[:index])


def test_the_shared_area_is_a_share_of_the_smaller_box() -> None:
    assert shared_area((0, 0, 0.4, 0.4), (0.1, 0.1, 0.2, 0.2)) == pytest.approx(1)
    assert shared_area((0, 0, 0.2, 0.2), (0.1, 0, 0.4, 0.4)) == pytest.approx(0.5)
    assert shared_area((0, 0, 0.2, 0.2), (0.3, 0, 0.2, 0.2)) == 0


@pytest.mark.parametrize("place", PLACES)
def test_places_are_textured_and_differ_from_draw_to_draw(place: str) -> None:
    first, _ = place_picture(place, np.random.default_rng(0))
    second, light = place_picture(place, np.random.default_rng(1))
    assert first.shape == (SIDE, SIDE, 3) and 0 <= first.min() and first.max() <= 1
    assert first.std() > 0.02 and np.abs(first - second).mean() > 0.005
    assert 0 < light.shadow < 1


def test_a_render_is_the_same_for_the_same_seed(icons) -> None:
    picture, scene = render_random(3, icons)
    again, same = render_random(3, icons)
    assert picture.shape == (SIDE, SIDE, 3) and picture.dtype == np.uint8
    assert scene == same and np.array_equal(picture, again)
    assert not np.array_equal(picture, render_random(4, icons)[0])


def test_an_object_covers_its_box_and_darkens_the_ground_below_it(icons) -> None:
    thing = Thing("orange", None, (0.4, 0.5, 0.25, 0.3))
    empty = render_scene(Scene("snow", ()), icons, np.random.default_rng(0)).astype(int)
    picture = render_scene(Scene("snow", (thing,)), icons, np.random.default_rng(0)).astype(int)
    left, top, right, bottom = pixel_box(thing)
    middle = (left + right) // 2
    assert picture[(top + bottom) // 2, middle, 0] > 180 > 60 > picture[(top + bottom) // 2, middle, 1]
    assert (picture[bottom + 1, middle] < empty[bottom + 1, middle] - 15).all()
    assert np.array_equal(picture[:, : left - 40], empty[:, : left - 40])


def test_mirrored_objects_are_turned_and_the_lower_one_is_in_front(icons) -> None:
    half = disc(0, 0, 255)
    half.paste(disc(255, 0, 0).crop((0, 0, 32, 64)), (0, 0))
    two_colored = {**icons, ("dog", None): half, ("cat", None): disc(0, 255, 0)}
    dog = Thing("dog", None, (0.3, 0.3, 0.3, 0.3))
    for mirrored, first in ((False, 0), (True, 2)):
        turned = Thing("dog", None, dog.box, mirrored)
        picture = render_scene(Scene("grass", (turned,)), two_colored, np.random.default_rng(0))
        assert picture[round(0.45 * SIDE), round(0.38 * SIDE)].argmax() == first
    cat = Thing("cat", None, (0.3, 0.4, 0.3, 0.3))
    for things in ((cat, dog), (dog, cat)):
        picture = render_scene(Scene("table", things), two_colored, np.random.default_rng(0))
        assert picture[round(0.55 * SIDE), round(0.45 * SIDE)].argmax() == 1


@pytest.mark.parametrize("color", COLORS)
def test_recolouring_turns_the_painted_part_only(color: str) -> None:
    icon = disc(120, 90, 160)
    ImageDraw.Draw(icon).rectangle((24, 24, 40, 40), fill=(60, 200, 60, 255))
    pixels = np.asarray(recolored(icon, Painted(0.74, 0.1), PAINTS[color]))
    hue, saturation, value = colorsys.rgb_to_hsv(*pixels[12, 32, :3] / 255)
    paint = PAINTS[color]
    assert hue == pytest.approx(paint.hue, abs=0.02)
    assert saturation == pytest.approx(paint.saturation, abs=0.02) and value == pytest.approx(paint.value, abs=0.02)
    assert tuple(pixels[32, 32]) == (60, 200, 60, 255) and pixels[0, 0, 3] == 0


def test_icons_are_cropped_to_what_is_visible() -> None:
    assert cropped(disc(1, 2, 3)).size == (56, 56)


def test_without_npm_or_the_registry_the_error_says_what_to_do(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(icons_module.shutil, "which", lambda _: None)
    with pytest.raises(RuntimeError, match="no npm on this machine. Install Node.js"):
        fetch_package(tmp_path / "icons")
    failed = subprocess.CompletedProcess([], 1, "", "npm error code ENOTFOUND")
    monkeypatch.setattr(icons_module.shutil, "which", lambda _: "npm")
    monkeypatch.setattr(icons_module.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(RuntimeError, match="ENOTFOUND.*put its archive"):
        fetch_package(tmp_path / "icons")


def test_a_package_that_is_there_is_not_fetched_again(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(icons_module.shutil, "which", lambda _: None)
    archive = tmp_path / f"lobehub-fluent-emoji-3d-{VERSION}.tgz"
    archive.write_bytes(b"")
    assert fetch_package(tmp_path) == archive


def test_nearer_objects_hide_farther_ones(icons: Icons) -> None:
    near = Thing("apple", "red", (0.4, 0.4, 0.4, 0.4))
    far = Thing("apple", "blue", (0.2, 0.2, 0.4, 0.4))
    alone, (farther, nearer) = (
        visible_masks(Scene(next(iter(PLACES)), (near,)), icons),
        visible_masks(Scene(next(iter(PLACES)), (near, far)), icons),
    )
    assert (nearer == alone[0]).all() and not (farther & nearer).any()
    # The stand-in leaves a margin around its disc.
    assert nearer.sum() / (0.4 * SIDE) ** 2 == pytest.approx(np.pi / 4 * (56 / 64) ** 2, abs=0.02)
    assert farther.sum() < nearer.sum()


class Exact:
    """A segmenter that knows the objects of renders, and leaves out every other one."""

    def __init__(self, seed: int, icons: Icons):
        self.row, self.icons = seed, icons

    def masks(self, image, detections):
        _, scene = render_random(self.row, self.icons)
        self.row += 1
        return [
            torch.from_numpy(mask).float() if index % 2 else None
            for index, mask in enumerate(visible_masks(scene, self.icons))
        ]


def test_masks_are_compared_with_what_can_be_seen(icons: Icons) -> None:
    figures = compare(Exact(5, icons), icons, 6, 5, off=0.05)
    assert figures["objects"] == sum(len(render_random(row, icons)[1].things) for row in range(5, 11))
    assert 0.6 < figures["box"] < figures["mask"] < 1 and figures["worse"] == 0
    assert figures["gain"] == pytest.approx(figures["mask"] - figures["box"], abs=2e-3)
