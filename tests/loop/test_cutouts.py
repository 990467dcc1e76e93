"""Masks of objects on a latent's grid, and objects that are cut out, moved and erased along them."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.latent_scenes import GRID, SIDE, box, drawn
from xlard.detections import Detection
from xlard.loop.cutouts import EDGE, coverage, moved_to, resized, rim
from xlard.loop.faults import faults_of
from xlard.loop.grid import Grid
from xlard.loop.rearrange import pieces_of, rearranged, scaled
from xlard.loop.regions import region_grid, region_of
from xlard.prompts import claims_from_prompt
from xlard.rewards import critique_from_detections


def with_mask(detection: Detection, rows: slice, columns: slice) -> Detection:
    """An object that shows only in these pixels."""
    mask = torch.zeros(SIDE, SIDE)
    mask[rows, columns] = 1
    return replace(detection, mask=mask)


def disc(label: str, column: int, row: int, cells: int) -> Detection:
    """An object that fills its box of whole cells with a disc."""
    detection = box(label, column, row, cells)
    (x, y), radius = detection.center, detection.width / 2
    pixels = torch.arange(SIDE) + 0.5
    far = (pixels[:, None] - y) ** 2 + (pixels[None] - x) ** 2
    return replace(detection, mask=(far < radius**2).float())


def critique(prompt: str, *objects: Detection):
    return critique_from_detections(claims_from_prompt(prompt), objects, SIDE)


def test_a_mask_covers_shares_of_cells_and_grows_more_below_than_above() -> None:
    mask = torch.zeros(SIDE, SIDE)
    mask[40:56, 40:52] = 1
    shares = coverage(mask, (12, 12), 0.0)
    assert shares[5:7, 5].tolist() == [1, 1] and shares[5, 6] == pytest.approx(0.5) and shares.sum() == pytest.approx(3)
    grown = coverage(mask, (12, 12), 0.04)
    assert 0 < grown[:5].sum() < grown[7:].sum() and grown[5:7, 5].tolist() == [1, 1] and not grown[:3].any()


def test_a_thin_mask_does_not_vanish() -> None:
    mask = torch.zeros(512, 512)
    mask[:, 200] = 1
    assert (coverage(mask, (64, 64), 0.0)[:, 25] > EDGE).all()


masks = st.tuples(*(st.integers(0, 60) for _ in range(2)), *(st.integers(1, 36) for _ in range(2)))


@settings(max_examples=60, deadline=None)
@given(masks, st.integers(4, 20), st.integers(4, 20), st.sampled_from([0.0, 0.02, 0.04]))
def test_a_grown_mask_covers_at_least_itself_and_no_more_than_everything(where, rows, columns, growth) -> None:
    x, y, width, height = where
    mask = torch.zeros(SIDE, SIDE)
    mask[y : y + height, x : x + width] = 1
    plain, grown = (coverage(mask, (rows, columns), share) for share in (0.0, growth))
    assert grown.shape == (rows, columns) and grown.min() >= 0 and grown.max() <= 1
    assert (grown > EDGE)[plain > 0.5].all()


def test_an_object_without_a_mask_takes_its_box_and_one_with_a_mask_no_more_than_that_shows() -> None:
    plain, round_one = box("red circle", 2, 2, 6), disc("red circle", 2, 2, 6)
    assert GRID.cells([plain]).sum() == 36 and GRID.cells([round_one]).sum() == 32
    assert not GRID.cells([round_one])[2, 2] and GRID.span(plain) == GRID.span(round_one)


def test_an_empty_mask_counts_as_none() -> None:
    empty = replace(box("red circle", 2, 2), mask=torch.zeros(SIDE, SIDE))
    assert GRID.cells([empty]).sum() == 4


def test_objects_may_stand_in_each_others_boxes() -> None:
    around = with_mask(box("red circle", 0, 0, 12), slice(0, SIDE), slice(0, 32))
    assert not GRID.places(box("blue square", 0, 0), [replace(around, mask=None)], 12)
    assert {place.cells[1].start for place in GRID.places(box("blue square", 0, 0), [around], 12)} == set(range(4, 11))


def test_a_mask_moves_with_its_object_and_what_leaves_the_picture_is_lost() -> None:
    moved = moved_to(disc("red circle", 0, 0, 4), 40.0, 16.0)
    assert torch.equal(moved.mask, disc("red circle", 5, 2, 4).mask)
    assert moved_to(moved, 200.0, 0.0).mask.sum() == 0


def test_a_mirrored_mask_is_mirrored_in_its_box_and_a_smaller_one_smaller() -> None:
    left_half = with_mask(box("red circle", 2, 2, 4), slice(16, 48), slice(16, 32))
    mirrored = resized(left_half, 1.0, True)
    assert mirrored == left_half and torch.equal(mirrored.mask, with_mask(left_half, slice(16, 48), slice(32, 48)).mask)
    half = resized(left_half, 0.5, False)
    assert half.center == left_half.center and half.mask.sum().item() == pytest.approx(128, rel=0.1)


def test_a_piece_is_mirrored_with_its_latent() -> None:
    lopsided = with_mask(box("red circle", 2, 2, 4), slice(16, 48), slice(16, 32))
    (piece,) = pieces_of(torch.arange(144.0).view(1, 12, 12), [lopsided], GRID)
    mirrored = scaled(piece, 1.0, True, GRID)
    assert torch.equal(mirrored.patch, piece.patch.flip(-1)) and mirrored.opacity.shape == piece.patch.shape[-2:]


def test_erasing_leaves_a_hole_along_the_mask_and_the_corners_of_the_box_alone() -> None:
    objects = [disc("red circle", 0, 0, 6), disc("red circle", 6, 6, 6)]
    result = rearranged(drawn(objects), critique("a red circle", *objects), GRID, random.Random(0))
    gone = next(d for d in objects if result.holes[GRID.cells([d])].all())
    assert torch.equal(result.holes, GRID.cells([gone])) and torch.equal(result.touched, result.holes)
    assert result.holes.sum() < GRID.cells([replace(gone, mask=None)]).sum() and result.failing == 0
    assert (rim(result.holes) & result.holes).sum() == 0


def test_without_masks_there_are_no_holes() -> None:
    objects = [box("red circle", 0, 0, 5), box("red circle", 6, 6, 5)]
    result = rearranged(drawn(objects), critique("a red circle", *objects), GRID, random.Random(0))
    assert result.touched.any() and not result.holes.any()


def test_what_an_erased_object_hides_is_drawn_and_the_rest_of_it_stays() -> None:
    behind = with_mask(box("blue square", 2, 2, 6), slice(16, 64), slice(16, 40))
    front = with_mask(box("green triangle", 5, 2, 4), slice(16, 48), slice(40, 72))
    prompt = "a blue square and no green triangle"
    claims = claims_from_prompt(prompt)
    judged = critique_from_detections(claims, [behind, front], SIDE)
    result = rearranged(drawn([behind, front]), judged, GRID, random.Random(0))
    assert result is not None and not result.touched[2:8, 2:5].any() and result.holes[2:6, 5:8].all()


def test_a_moved_object_keeps_its_soft_edge_and_leaves_a_hole() -> None:
    objects = [disc("red circle", 7, 3, 4), disc("blue square", 0, 3, 4)]
    latent = drawn(objects)
    result = rearranged(latent, critique("a red circle left of a blue square", *objects), GRID, random.Random(0))
    assert result.failing == 0 and result.holes.any() and not (result.holes & ~result.touched).any()
    assert torch.equal(result.latent[:, ~result.touched], latent[:, ~result.touched])


def test_a_donor_that_has_no_room_is_made_smaller_where_it_has_a_mask() -> None:
    wall = with_mask(box("blue square", 0, 0, 12), slice(0, SIDE), slice(0, 40))
    donor, prompt = disc("red circle", 0, 0, 8), "a blue square and a red circle"
    judged = critique(prompt, wall)
    (piece,), (plain,) = (pieces_of(drawn([donor]), [d], GRID) for d in (donor, replace(donor, mask=None)))
    assert rearranged(drawn([wall]), judged, GRID, random.Random(0), [plain]) is None
    result = rearranged(drawn([wall]), judged, GRID, random.Random(0), [piece])
    assert result is not None and not result.touched[:, :5].any() and result.failing == 0


def test_things_stay_inside_of_what_may_change() -> None:
    left = torch.zeros(12, 12, dtype=torch.bool)
    left[:, :6] = True
    objects = [box("red circle", 0, 0)]
    for seed in range(8):
        result = rearranged(
            drawn(objects), critique("three red circles", *objects), GRID, random.Random(seed), area=left
        )
        assert result is not None and not result.touched[:, 6:].any()


def test_what_is_held_is_not_erased() -> None:
    objects = [box("red circle", 0, 0), box("red circle", 5, 5), box("red circle", 9, 9)]
    judged = critique("two red circles", *objects)
    for seed in range(8):
        result = rearranged(drawn(objects), judged, GRID, random.Random(seed), held=objects[:2])
        assert result is not None and not result.touched[GRID.cells(objects[:2])].any()
    assert rearranged(drawn(objects), judged, GRID, random.Random(0), held=objects) is None


def test_a_region_follows_masks() -> None:
    kept = with_mask(box("red circle", 0, 0, 12), slice(0, SIDE), slice(0, 48))
    gone = disc("green circle", 8, 4, 4)
    grid = region_grid((12, 12), (SIDE, SIDE))
    read = faults_of(critique("a red circle", kept, gone), random.Random(0))
    mask = region_of(read, grid, random.Random(0))
    assert mask is not None and torch.equal(mask, grid.cells([gone]) & ~grid.cells([kept]))
    boxes = faults_of(critique("a red circle", *(replace(d, mask=None) for d in (kept, gone))), random.Random(0))
    assert region_of(boxes, grid, random.Random(0)) is None


def test_a_grid_reads_a_mask_once() -> None:
    grid, round_one = Grid((12, 12), (SIDE, SIDE), 0.02), disc("red circle", 2, 2, 6)
    assert grid.shares(round_one) is grid.shares(replace(round_one, x=0.0))
