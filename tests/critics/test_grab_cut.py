"""Masks by GrabCut: round things in square boxes, boxes that are not tight, and where nothing stands out."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import Tensor

from xlard.critics.backend import CriticError
from xlard.critics.segmenter.grab_cut import GrabCut
from xlard.detections import Detection


def scene(*discs: tuple[int, int, int], height: int = 60, width: int = 90) -> tuple[Tensor, list[Tensor]]:
    """Red discs (x, y and radius) on noisy grey, and the mask of each."""
    image = 0.5 + 0.05 * torch.randn(height, width, 3, generator=torch.Generator().manual_seed(0))
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    shapes = [(x - left) ** 2 + (y - top) ** 2 <= radius**2 for left, top, radius in discs]
    for shape in shapes:
        image[shape] = torch.tensor([0.9, 0.1, 0.1])
    return image.clamp(0, 1), shapes


def box(disc: tuple[int, int, int], off: int = 0) -> Detection:
    """The box of a disc, moved and grown by some pixels."""
    x, y, radius = disc
    return Detection(x - radius - off, y - radius, 2 * radius + off, 2 * radius - off, "disc")


def iou(mask: Tensor | None, shape: Tensor) -> float:
    assert mask is not None and mask.shape == shape.shape and set(mask.unique().tolist()) <= {0.0, 1.0}
    return float(((mask > 0) & shape).sum() / ((mask > 0) | shape).sum())


def test_without_opencv_the_fix_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(CriticError, match="Install opencv-python-headless"):
        GrabCut()


class TestWithOpenCV:
    """What needs the package."""

    @pytest.fixture(autouse=True)
    def installed(self) -> None:
        pytest.importorskip("cv2")

    DISCS = ((25, 30, 15), (65, 30, 18))

    @pytest.mark.parametrize("off", [0, 2])
    def test_a_disc_is_round(self, off: int) -> None:
        image, shapes = scene(*self.DISCS)
        masks = GrabCut().masks(image, [box(disc, off) for disc in self.DISCS])
        assert [iou(mask, shape) > 0.95 for mask, shape in zip(masks, shapes)] == [True, True]

    def test_it_is_the_same_again_and_each_object_by_itself(self) -> None:
        image, _ = scene(*self.DISCS)
        boxes = [box(disc) for disc in self.DISCS]
        together, grab_cut = GrabCut().masks(image, boxes), GrabCut()
        assert all(torch.equal(mask, grab_cut.masks(image, [one])[0]) for mask, one in zip(together, boxes))
        assert grab_cut.masks(image, []) == []

    def test_large_pictures_are_scaled_and_masks_are_not(self) -> None:
        disc = (450, 400, 300)
        image, (shape,) = scene(disc, height=800, width=1000)
        (mask,) = GrabCut().masks(image, [box(disc)])
        assert iou(mask, shape) > 0.97

    def test_at_the_edge_of_the_picture(self) -> None:
        disc = (0, 30, 15)
        image, (shape,) = scene(disc)
        for detection in (box(disc), Detection(0, 15, 15, 30, "disc")):
            (mask,) = GrabCut().masks(image, [detection])
            assert iou(mask, shape) > 0.9

    def test_where_nothing_is_around_or_nothing_stands_out_the_box_stays(self) -> None:
        image, _ = scene(*self.DISCS)
        odd = [Detection(0, 0, 90, 60, "all"), Detection(89.5, 59.5, 0.5, 0.5, "dot"), Detection(95, 5, 10, 10, "out")]
        masks = GrabCut().masks(image, odd)
        assert masks[0] is None and all(mask is None or mask.shape == (60, 90) for mask in masks[1:])
        assert GrabCut().masks(torch.full((60, 90, 3), 0.5), [box(self.DISCS[0])])[0] is None

    def test_it_stops_between_objects(self) -> None:
        def stop() -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            GrabCut(stop).masks(scene()[0], [box((20, 20, 10))])
