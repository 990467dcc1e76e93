"""What a critic's encoder is told about each cell of a picture."""

from __future__ import annotations

import torch

from xlard.detections import Detection
from xlard.worlds.critic_model import CriticDesign
from xlard.worlds.training.sight import CellReader, cell_loss, cell_maps, in_token_order

DESIGN = CriticDesign(32, ("cat", "cup", "grass"), ("red", "blue"), ())


def test_maps_say_what_is_in_front_where_and_how_far_its_edges_are() -> None:
    cat, cup = Detection(0, 0, 16, 24, "cat", None), Detection(8, 8, 16, 24, "cup", "blue")
    for objects in (
        [cup, cat, Detection(0, 0, 32, 32, "grass", None)],
        [Detection(0, 0, 32, 32, "grass", None), cat, cup],
    ):
        nouns, colors, edges = cell_maps(objects, DESIGN)
        assert nouns.tolist() == [[0, 0, 2, 2], [0, 1, 1, 2], [0, 1, 1, 2], [2, 1, 1, 2]]
        assert colors.tolist() == [[2, 2, 2, 2], [2, 1, 1, 2], [2, 1, 1, 2], [2, 1, 1, 2]]
        assert edges[1, 1].tolist() == [0.125, 0.125, 0.375, 0.625]
    assert (cell_maps([], DESIGN)[0] == 3).all()


def test_cells_come_square_by_square_as_the_encoder_merges_them() -> None:
    cells = torch.arange(16).reshape(1, 4, 4)
    assert in_token_order(cells).tolist() == [[0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15]]
    assert in_token_order(cells[..., None].expand(-1, -1, -1, 4)).shape == (1, 16, 4)


def test_what_is_read_rightly_costs_nothing_and_what_is_not_does() -> None:
    maps = cell_maps([Detection(8, 8, 16, 24, "cup", "blue")], DESIGN)
    wanted = [in_token_order(part[None]) for part in maps]
    read = [
        torch.nn.functional.one_hot(wanted[0], 4) * 30.0,
        torch.nn.functional.one_hot(wanted[1], 3) * 30.0,
        wanted[2],
    ]
    assert cell_loss(read, wanted, 3) < 1e-6
    assert cell_loss([read[0], read[1], wanted[2] + 0.1], wanted, 3) > 0.3
    assert cell_loss([-read[0], read[1], wanted[2]], wanted, 3) > 10
    assert [part.shape[1:] for part in CellReader(DESIGN, 8)(torch.zeros(1, 4, 8))] == [(16, 4), (16, 3), (16, 4)]
