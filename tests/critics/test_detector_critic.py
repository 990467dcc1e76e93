"""A detector as critic: what boxes and pixels decide, and on what there is no verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageColor
from torch import Tensor

from xlard.claims import (
    Claim,
    attribute_claim,
    color_claim,
    count_claim,
    custom_claim,
    object_claim,
    position_claim,
    relation_claim,
    text_claim,
)
from xlard.critics.backend import UnreadableAnswer
from xlard.critics.detector.critic import DetectorCritic
from xlard.critics.detector.judging import nouns_of
from xlard.critics.detector.pixel_colors import NAMED, pixel_color
from xlard.critics.detector.reading import noun_spans
from xlard.critics.detector.suppression import without_duplicates
from xlard.critique import Critique, Verdict
from xlard.detections import Detection, overlap

SIDE = 96
GRAY = (0.5, 0.5, 0.5)


@dataclass
class Seer:
    """A detector that sees what it is given, among the nouns that it is asked for."""

    objects: Sequence[Detection]
    known: frozenset[str] | None = None
    exact: bool = False
    name: str = "seer"

    def knows(self, noun: str) -> bool:
        return self.known is None or noun in self.known

    def detect(self, image: Tensor, nouns: Sequence[str]) -> list[Detection]:
        assert nouns and all(map(self.knows, nouns))
        return list(self.objects)


@dataclass
class Broken(Seer):
    """A detector whose scores are no numbers."""

    def detect(self, image: Tensor, nouns: Sequence[str]) -> list[Detection]:
        raise UnreadableAnswer("The detector computed no numbers (NaN).")


def thing(noun: str, x: float, y: float, size: float = 20, **more) -> Detection:
    return Detection(x, y, size, size, noun, **more)


def picture(*painted: tuple[Detection, str]) -> Tensor:
    """A gray picture with boxes filled in CSS colours."""
    image = torch.tensor(GRAY).expand(SIDE, SIDE, 3).clone()
    for d, color in painted:
        rows, columns = slice(int(d.y), int(d.y + d.height)), slice(int(d.x), int(d.x + d.width))
        image[rows, columns] = torch.tensor(ImageColor.getrgb(color)[:3]) / 255
    return image


def judged(claims: Sequence[Claim], image: Tensor, detector: Seer) -> Critique:
    (critique,) = DetectorCritic(detector).judge(image[None], [claims])
    return critique


def verdict(claim: Claim, image: Tensor, detector: Seer) -> Verdict:
    (only,) = judged([claim], image, detector).verdicts
    return only


LEFT, RIGHT = thing("cat", 5, 40), thing("cat", 60, 40)
SCENE = picture((LEFT, "red"), (RIGHT, "blue"))


@pytest.mark.parametrize(
    ("claim", "passed"),
    [
        (object_claim("cat"), True),
        (object_claim("dog"), False),
        (count_claim("cat", 2), True),
        (count_claim("cat", 3), False),
        (count_claim("cat", 1, "red"), True),
        (count_claim("cat", 1, "green"), False),
        (count_claim("cat", 0, "green"), True),
        (color_claim("cat", 1, "blue", 2), True),
        (position_claim("cat", "left of", "cat", color="red", other_color="blue"), True),
        (position_claim("cat", "right of", "cat", color="red", other_color="blue"), False),
    ],
)
def test_boxes_and_pixels_decide(claim: Claim, passed: bool) -> None:
    found = verdict(claim, SCENE, Seer([LEFT, RIGHT]))
    assert found.passed is passed and found.score is not None


@pytest.mark.parametrize(
    "claim",
    [
        attribute_claim("cat", 1, "striped", 1),
        relation_claim("cat", "riding", "dog"),
        text_claim("EXIT"),
        custom_claim("the cat casts a shadow"),
    ],
    ids=lambda claim: claim.type,
)
def test_on_what_boxes_do_not_show_there_is_no_verdict(claim: Claim) -> None:
    critique = judged([claim, object_claim("cat")], SCENE, Seer([LEFT, RIGHT]))
    unsure, seen = critique.verdicts
    assert unsure.passed is None and unsure.score is None and "asked in words" in unsure.reason
    assert seen.passed and not critique.passed and critique.abstentions == 1


def test_nothing_is_looked_for_where_no_box_would_decide() -> None:
    assert nouns_of([text_claim("EXIT"), attribute_claim("cat", 1, "striped", 1)]) == []
    assert judged([text_claim("EXIT")], SCENE, Seer([LEFT])).abstained


@pytest.mark.parametrize(
    "claim",
    [
        object_claim("unicorn"),
        count_claim("unicorn", 0),
        position_claim("cat", "left of", "unicorn"),
        position_claim("unicorn", "left of", "cat"),
    ],
    ids=lambda claim: claim.text,
)
def test_a_noun_that_a_closed_detector_does_not_know_is_named(claim: Claim) -> None:
    found = verdict(claim, SCENE, Seer([LEFT], frozenset({"cat", "dog"}), exact=True))
    assert found.passed is None and "seer does not know the noun 'unicorn'" in found.reason


def test_a_closed_detectors_hot_dog_is_no_dog_and_an_open_ones_tabby_cat_a_cat() -> None:
    dog, hot_dog = thing("dog", 5, 5), thing("hot dog", 60, 60)
    labels = frozenset({"dog", "hot dog"})
    assert verdict(count_claim("dog", 1), SCENE, Seer([dog, hot_dog], labels, exact=True)).passed
    tabby = thing("tabby cat", 60, 60)
    assert verdict(count_claim("cat", 2), SCENE, Seer([LEFT, tabby])).passed


def test_scores_that_are_no_numbers_are_no_verdict() -> None:
    critique = judged([object_claim("cat"), count_claim("cat", 0)], SCENE, Broken([]))
    assert critique.abstained and critique.confidence == 0 and "NaN" in critique.verdicts[0].reason


def test_pictures_are_judged_on_their_own_claims() -> None:
    images = torch.stack([SCENE, SCENE])
    critiques = DetectorCritic(Seer([LEFT])).judge(images, [[count_claim("cat", 1)], [count_claim("cat", 2)]])
    assert [critique.passed for critique in critiques] == [True, False]


# Colours


@pytest.mark.parametrize(
    ("css", "name"),
    [
        ("red", "red"),
        ("darkred", "red"),
        ("orange", "orange"),
        ("saddlebrown", "brown"),
        ("gold", "yellow"),
        ("darkgreen", "green"),
        ("cyan", "cyan"),
        ("navy", "blue"),
        ("purple", "purple"),
        ("hotpink", "pink"),
        ("pink", "pink"),
        ("white", "white"),
        ("gray", "gray"),
        ("#101020", "black"),
    ],
)
def test_a_color_has_the_name_that_people_give_it(css: str, name: str) -> None:
    assert pixel_color(LEFT, picture((LEFT, css))) == name


@given(st.tuples(*[st.floats(0, 1, width=32)] * 3))
def test_every_pixel_has_a_color(pixel: tuple[float, float, float]) -> None:
    image = torch.tensor(pixel).expand(8, 8, 3)
    assert pixel_color(Detection(0, 0, 8, 8, "cat"), image) in NAMED


def test_what_surrounds_an_object_inside_its_box_does_not_count() -> None:
    around = Detection(LEFT.x - 8, LEFT.y - 8, LEFT.width + 16, LEFT.height + 16, "cat")
    image = picture((around, "green"), (LEFT, "red"))
    assert pixel_color(around, image) == "red"


def test_a_mask_says_which_pixels_count() -> None:
    ring = torch.zeros(SIDE, SIDE)
    ring[40:60, 5:8] = 1
    image = picture((LEFT, "red"))
    image[40:60, 5:8] = torch.tensor([0.0, 0.0, 1.0])
    assert pixel_color(LEFT, image) == "red"
    assert pixel_color(thing("cat", 5, 40, mask=ring), image) == "blue"


def test_an_object_of_several_colors_or_outside_of_the_picture_has_none() -> None:
    striped = picture((LEFT, "red"))
    for column, color in ((9, "blue"), (12, "green"), (15, "white")):
        striped[:, column : column + 3] = torch.tensor(ImageColor.getrgb(color)) / 255
    assert pixel_color(LEFT, striped) is None
    assert pixel_color(thing("cat", 200, 200), SCENE) is None
    assert pixel_color(Detection(5, 5, 0, 0, "cat"), SCENE) is None


def striped(d: Detection) -> list[tuple[Detection, str]]:
    """Red and blue stripes on the gray of the scene, in the middle of an object: it has no clear color."""
    return [(Detection(d.x + x, d.y, 4, d.height, d.noun), color) for x, color in ((5, "red"), (9, "blue"))]


UNCLEAR = picture((LEFT, "red"), *striped(RIGHT))


@pytest.mark.parametrize(
    ("claim", "passed"),
    [
        # Whatever the color of the right one, one red cat is there.
        (object_claim("cat", 1, "red"), True),
        (count_claim("cat", 2), True),
        (count_claim("cat", 2, "red"), None),
        (color_claim("cat", 1, "red", 2), None),
        (count_claim("cat", 3, "red"), False),
        (position_claim("cat", "left of", "bird", color="red"), False),
        (position_claim("cat", "left of", "dog", color="red"), None),
        (position_claim("cat", "below", "dog", color="red"), True),
        (position_claim("cat", "below", "dog", color="blue"), None),
    ],
    ids=lambda value: value.text if isinstance(value, Claim) else "",
)
def test_an_unclear_color_leaves_open_only_what_depends_on_it(claim: Claim, passed: bool | None) -> None:
    assert pixel_color(RIGHT, UNCLEAR) is None
    found = verdict(claim, UNCLEAR, Seer([LEFT, RIGHT, thing("dog", 33, 5)]))
    assert found.passed is passed and (found.score is None) == (passed is None)
    assert passed is not None or "no clear colour" in found.reason


def test_of_two_unclear_objects_one_may_have_the_color() -> None:
    image = picture(*striped(LEFT), *striped(RIGHT))
    seer = Seer([LEFT, RIGHT])
    passed = {number: verdict(count_claim("cat", number, "red"), image, seer).passed for number in (1, 2, 3)}
    assert passed == {1: None, 2: None, 3: False}


def test_two_unclear_objects_may_be_one_of_each_color() -> None:
    claim = position_claim("cat", "left of", "cat", color="green", other_color="yellow")
    image = picture(*striped(LEFT), *striped(RIGHT))
    assert pixel_color(LEFT, image) is None
    assert verdict(claim, image, Seer([LEFT, RIGHT])).passed is None


def test_colors_between_those_that_pixels_tell_are_not_decided() -> None:
    found = verdict(count_claim("cat", 1, "beige"), SCENE, Seer([LEFT]))
    assert found.passed is None and "beige" in found.reason
    assert verdict(count_claim("cat", 1, "beige"), SCENE, Seer([])).passed is False
    three = judged([count_claim("cat", 3, "beige")], SCENE, Seer([LEFT]))
    assert three.verdicts[0].passed is False and three.detections[0].color == "red"
    beige = thing("cat", 5, 40, color="beige")
    assert verdict(count_claim("cat", 1, "beige"), SCENE, Seer([beige])).passed


def test_a_color_that_the_detector_gives_stays() -> None:
    critique = judged([count_claim("cat", 1, "green")], SCENE, Seer([thing("cat", 5, 40, color="green")]))
    assert critique.passed


# Boxes


boxes = st.builds(
    Detection,
    *[st.floats(0, 80, width=32), st.floats(0, 80, width=32), st.floats(1, 40, width=32), st.floats(1, 40, width=32)],
    st.sampled_from(["cat", "tabby cat", "dog"]),
    st.none(),
    st.floats(0, 1, width=32),
)


@given(boxes, boxes)
def test_overlap_is_a_share_symmetric_and_1_of_itself(a: Detection, b: Detection) -> None:
    assert 0 <= overlap(a, b) <= 1 and overlap(a, b) == overlap(b, a)
    assert overlap(a, a) == pytest.approx(1)


@given(st.lists(boxes, max_size=8))
def test_suppression_keeps_the_surest_and_changes_nothing_a_second_time(found: list[Detection]) -> None:
    kept = without_duplicates(found, 0.5)
    assert without_duplicates(kept, 0.5) == kept and set(kept) <= set(found)
    assert not found or max(d.score for d in found) == kept[0].score


def test_one_thing_is_one_object_and_neighbours_are_two() -> None:
    cat, again, near = thing("cat", 0, 0, score=0.9), thing("tabby cat", 1, 1, score=0.5), thing("cat", 15, 0)
    dog_there = thing("dog", 1, 1, score=0.6)
    assert without_duplicates([again, cat, near, dog_there], 0.5) == [near, cat, dog_there]


def test_a_box_with_two_names_has_the_surer_one() -> None:
    cat, dog = thing("cat", 0, 0, score=0.9), thing("dog", 0, 0, score=0.4)
    assert without_duplicates([dog, cat], 0.7) == [cat]


def test_each_noun_has_the_places_of_its_own_tokens() -> None:
    begin, end, stop, unknown = 101, 102, 1012, 100
    tokens = [begin, 7, stop, 8, unknown, stop, end, 0, 0]
    assert noun_spans(tokens, stop, (begin, end, 0)) == [[1], [3, 4]]


# Masks


def test_detections_are_equal_and_hashed_whatever_their_masks() -> None:
    masked = thing("cat", 5, 40, mask=torch.ones(SIDE, SIDE))
    assert masked == LEFT and len({masked, LEFT}) == 1 and "mask" not in repr(masked)
    assert "mask" not in masked.to_dict() and Detection(**masked.to_dict()) == LEFT
