"""Objects of a wrong colour: painted in the picture, moved in the latent by what encoding makes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from xlard.critics.detector.pixel_colors import object_pixels, pixel_color
from xlard.detections import Detection
from xlard.loop.painted import Painted
from xlard.loop.plan import Situation
from xlard.loop.recolour import RECOLOUR_NOISE_LEVELS, Recolour
from xlard.loop.repainting import RGB, repainted
from xlard.loop.router import router
from xlard.loop.state import LoopState, Round
from xlard.prompts import claims_from_prompt
from xlard.rewards import critique_from_detections

SIDE = 96
GREY = 0.6


def picture(*objects: Detection) -> Tensor:
    """Objects as squares of their colour on grey."""
    image = torch.full((SIDE, SIDE, 3), GREY)
    for d in objects:
        x, y, size = int(d.x), int(d.y), int(d.width)
        image[y : y + size, x : x + size] = torch.tensor(RGB[d.color]) / 255
    return image


def box(color: str, noun: str, x: float, y: float, size: float = 24) -> Detection:
    return Detection(x, y, size, size, noun, color)


def encode(image: Tensor) -> Tensor:
    """A latent of three channels that holds the mean colour of each cell."""
    return torch.nn.functional.avg_pool2d(image.movedim(-1, 0)[None], 8)[0]


def situation(prompt: str, *objects: Detection, rounds: int = 0, **asked) -> Situation:
    claims = claims_from_prompt(prompt)
    image = picture(*objects)
    first = Round(
        "sample", 1.0, 0, 20, 0.1, 1, critique_from_detections(claims, objects, SIDE), encode(image), image, True
    )
    later = [replace(first, strategy="recolour", accepted=False)] * rounds
    state = LoopState(prompt, tuple(claims), [first, *later])
    return Situation(state, 7, lambda noise_level: round(20 * noise_level), **{"encode": encode, **asked})


PROMPT, RED, GREEN = "a red circle and a blue square", box("red", "circle", 8, 8), box("green", "square", 56, 56)


def test_only_the_object_is_renoised_from_a_latent_that_shows_it_in_its_colour() -> None:
    plan = Recolour().plan(situation(PROMPT, RED, GREEN))
    assert (plan.noise_level, plan.nfe, plan.failing) == (RECOLOUR_NOISE_LEVELS[0], 6, 0)
    assert plan.reason == "green square to blue"
    before = encode(picture(RED, GREEN))
    assert torch.equal(plan.latent[:, ~plan.region], before[:, ~plan.region]) and not plan.region[:6, :6].any()
    assert (plan.latent[:, 8:9, 8:9].flatten() - torch.tensor(RGB["blue"]) / 255).abs().max() < 0.02


def test_each_round_in_which_the_colour_did_not_turn_raises_the_noise_level_until_there_is_no_other() -> None:
    plans = [Recolour().plan(situation(PROMPT, RED, GREEN, rounds=number)) for number in range(4)]
    assert [plan and plan.noise_level for plan in plans] == [*RECOLOUR_NOISE_LEVELS, None]
    assert Recolour((0.4,)).plan(situation(PROMPT, RED, GREEN)).noise_level == 0.4


def test_colours_that_are_swapped_are_both_turned() -> None:
    plan = Recolour().plan(situation(PROMPT, box("blue", "circle", 8, 8), box("red", "square", 56, 56)))
    assert (
        plan.region[2, 2]
        and plan.region[8, 8]
        and set(plan.reason.split(", ")) == {"blue circle to red", "red square to blue"}
    )


@pytest.mark.parametrize(
    "objects",
    [
        (RED,),
        (RED, GREEN, box("green", "square", 56, 8)),
        (RED, box("green", "triangle", 56, 56)),
        (RED, box("blue", "square", 56, 56)),
    ],
)
def test_where_more_than_a_colour_is_wrong_it_has_nothing_to_offer(objects) -> None:
    assert Recolour().plan(situation(PROMPT, *objects)) is None


def test_a_relation_that_would_still_fail_is_none_of_its_business() -> None:
    prompt = "a red circle right of a blue square"
    assert Recolour().plan(situation(prompt, RED, GREEN)) is None
    assert Recolour().plan(situation(prompt.replace("right", "left"), RED, GREEN)) is not None


def test_without_an_encoder_and_with_a_picture_of_another_size_it_has_nothing_to_offer() -> None:
    assert Recolour().plan(situation(PROMPT, RED, GREEN, encode=None)) is None
    enlarged = situation(PROMPT, RED, GREEN, encode=lambda image: encode(image)[:, :6, :6])
    assert Recolour().plan(enlarged) is None


def test_what_is_protected_is_not_recoloured() -> None:
    protect = torch.zeros(10, 10)
    protect[5:, 5:] = 1
    where = situation(PROMPT, RED, GREEN)
    where.state.painted = Painted(protect=protect)
    assert Recolour().plan(where) is None


def test_the_router_takes_it_first_where_only_a_colour_is_wrong() -> None:
    where = situation(PROMPT, RED, GREEN)
    assert router().plan(where).strategy == "recolour"
    assert router().plan(replace(where, encode=None)).strategy != "recolour"


def test_a_colour_without_a_known_look_is_left_to_others() -> None:
    assert Recolour().plan(situation("a red circle and a turquoise square", RED, GREEN)) is None


@pytest.mark.parametrize("color", ["red", "blue", "yellow", "black", "white", "brown", "pink"])
def test_what_is_painted_has_its_colour_and_its_shade(color: str) -> None:
    image = picture(GREEN)
    image[56:80, 56:80] *= torch.linspace(0.8, 1.1, 24)[:, None, None]
    pixels = object_pixels(GREEN, image)
    painted = repainted(image, pixels, color)
    assert pixel_color(GREEN, painted) == color
    assert torch.equal(painted[:50], image[:50]) and 0 <= painted.min() and painted.max() <= 1
    rows = painted[58:78, 68].sum(dim=-1)
    assert (rows.diff() >= -1e-6).all() and rows[-1] > rows[0]


def test_without_a_mask_the_pixels_of_an_object_are_those_of_its_colour() -> None:
    shown, larger = picture(GREEN), box("green", "square", 48, 48, 40)
    assert object_pixels(larger, shown).sum() == 24 * 24
    mask = torch.zeros(SIDE, SIDE)
    mask[50:80, 50:80] = 1
    assert torch.equal(object_pixels(replace(larger, mask=mask), shown), object_pixels(GREEN, shown))
    light_and_dark = torch.full((SIDE, SIDE, 3), GREY)
    light_and_dark[60:] = 0.95
    assert object_pixels(replace(larger, mask=mask), light_and_dark).sum() == mask.sum()
    assert not object_pixels(box("green", "square", 300, 300), shown).any()
    nothing = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    assert repainted(shown, nothing, "red") is shown
