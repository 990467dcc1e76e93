"""Parts of pictures: cut out, enlarged, scaled back, and stitched in without touching what is around them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xlard.detections import Detection
from xlard.loop.crops import Crop, enlarged, redrawn_in, shown_in, soft_edged, stitched


def crop(top: int, left: int, opacity: torch.Tensor, picture: tuple[int, int], size=(8, 8), cell=(8, 8)) -> Crop:
    return Crop(top, left, opacity, size, cell, picture)


def noise(height: int, width: int) -> torch.Tensor:
    return torch.rand(height, width, 3, generator=torch.Generator().manual_seed(height * 1000 + width))


@settings(deadline=None, max_examples=25)
@given(st.integers(9, 70), st.integers(9, 70), st.integers(0, 4), st.data())
def test_pixels_outside_of_the_mask_stay_the_same_to_the_last_bit(height, width, radius, data) -> None:
    """Also at borders, at odd sizes, and whatever was drawn."""
    part = data.draw(st.integers(4, height)), data.draw(st.integers(4, width))
    top, left = data.draw(st.integers(0, height - part[0])), data.draw(st.integers(0, width - part[1]))
    opened = torch.rand(6, 5, generator=torch.Generator().manual_seed(radius)) > 0.6
    opacity = soft_edged(opened, part, radius)
    image, drawn = noise(height, width), noise(64, 64)
    after = stitched(image, drawn, crop(top, left, opacity, (height, width)))
    outside = torch.ones(height, width, dtype=torch.bool)
    outside[top : top + part[0], left : left + part[1]] = opacity == 0
    assert after.shape == image.shape and torch.equal(after[outside], image[outside])
    assert 0 <= after.min() and after.max() <= 1 and not torch.equal(after[~outside], image[~outside])


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(12, 60), st.integers(12, 60), st.integers(0, 5), st.data())
def test_soft_edges_lie_inside_of_the_cells(rows, columns, height, width, radius, data) -> None:
    opened = torch.tensor(data.draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns)))
    hard = soft_edged(opened.view(rows, columns), (height, width), 0)
    soft = soft_edged(opened.view(rows, columns), (height, width), radius)
    assert set(hard.unique().tolist()) <= {0.0, 1.0} and (soft <= hard).all() and soft.min() >= 0
    assert (soft.max() == 1) == bool(opened.any())


def test_an_edge_falls_from_one_to_nothing_and_a_border_of_the_picture_is_none() -> None:
    opened = torch.zeros(8, 8, dtype=torch.bool)
    opened[:4] = True
    opacity = soft_edged(opened, (64, 64), 3)
    assert (opacity[:26] == 1).all() and (opacity[32:] == 0).all()
    edge = opacity[26:33, 5]
    assert (edge.diff() < 0).all() and torch.equal(opacity[:, 5], opacity[:, 63])


def test_what_is_not_redrawn_comes_back_nearly_as_it_was() -> None:
    smooth = torch.linspace(0, 1, 96)[:, None, None].expand(96, 64, 3).contiguous()
    part = crop(30, 10, torch.ones(33, 25), (96, 64))
    larger = enlarged(smooth, part)
    assert larger.shape == (64, 64, 3)
    assert (stitched(smooth, larger, part) - smooth).abs().max() < 0.01


def test_a_part_says_where_it_is_which_cells_it_touches_and_what_it_costs() -> None:
    opacity = torch.zeros(24, 32)
    opacity[4:8, 8:16] = 0.5
    part = crop(40, 32, opacity, (96, 64), size=(6, 8), cell=(8, 8))
    assert part.window == (40 / 96, 0.5, 0.25, 0.5)
    assert part.touched((12, 8)).nonzero().tolist() == [[5, 5]]
    assert part.opened.shape == (6, 8) and part.opened.nonzero().tolist() == [[1, 2], [1, 3]]
    assert part.nfe(20, (12, 8)) == 10 and part.nfe(1, (120, 80)) == 1


def test_within_an_area_only_its_pixels_are_stitched_in() -> None:
    part = crop(8, 0, torch.ones(16, 32), (32, 32), size=(4, 4))
    area = torch.ones(4, 4)
    area[:, 2:], area[2, 0] = 0, 0.25
    inside = part.within(area)
    assert (inside.opacity[:, 16:] == 0).all() and (inside.opacity[:8, :16] == 1).all()
    assert (inside.opacity[8:, :8] == 0.25).all() and inside.touched((4, 4)).sum() == 4


def test_an_object_is_shown_in_a_part_with_its_mask() -> None:
    mask = torch.zeros(40, 40)
    mask[10:20, 12:18] = 1
    detection = Detection(12, 10, 6, 10, "cup", "red", mask=mask)
    shown = shown_in(detection, (slice(8, 28), slice(10, 30)))
    assert (shown.x, shown.y, shown.width, shown.height) == (2, 2, 6, 10)
    assert shown.mask.shape == (20, 20) and shown.mask[2:12, 2:8].all() and shown.mask.sum() == 60
    assert shown_in(replace(detection, mask=None), (slice(8, 28), slice(10, 30))).mask is None


@pytest.mark.parametrize("size", [(96, 96), (97, 61)])
def test_a_later_round_leaves_the_pixels_of_what_it_does_not_redraw(size) -> None:
    image, decoded = noise(*size), noise(size[1], size[0]).movedim(0, 1)
    region = torch.zeros(12, 8, dtype=torch.bool)
    region[3:7, 2:5] = True
    after = redrawn_in(image, decoded, region)
    hard = soft_edged(region, size, 0) > 0
    assert torch.equal(after[~hard], image[~hard])
    middle = size[0] * 5 // 12, size[1] * 3 // 8
    assert torch.equal(after[middle], decoded[middle])
