"""Two critics as one: which of them counts, and what becomes of a claim on which they disagree."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from xlard.claims import Claim, color_claim, count_claim, object_claim, text_claim
from xlard.critics.backend import CannotDo
from xlard.critics.critic_pair import CriticPair
from xlard.critics.mllm import MLLMCritic
from xlard.critics.registry import as_writer, with_scoring
from xlard.critics.scoring import SCORINGS
from xlard.critique import Critique, Verdict, critique_of, no_verdict
from xlard.detections import Detection
from xlard.loop.faults import faults_of
from xlard.rewards import abstention, critique_from_detections

SIDE = 96
IMAGES = torch.zeros(1, SIDE, SIDE, 3)
CAT = Detection(10, 10, 20, 20, "cat", "red", 0.9)
CAT_IN_WORDS = replace(CAT, x=11, width=22, score=1.0)
OTHER_CAT = Detection(60, 60, 20, 20, "cat", "blue", 0.8)
COUNT, TEXT = count_claim("cat", 1), text_claim("EXIT")


class Says:
    """A judge that gives the same critique of each picture."""

    def __init__(self, critique: Critique):
        self.critique = critique

    def judge(self, images: Tensor, claims: Sequence[Sequence[Claim]]) -> list[Critique]:
        return [self.critique for _ in images]


def seen(claims: Sequence[Claim], *objects: Detection, confidence: float = 1.0, unsure: str = "") -> Critique:
    """A critique by boxes; on claims whose type is ``unsure`` without a verdict."""
    plain = critique_from_detections([c for c in claims if c.type not in ("text", unsure)], objects, SIDE)
    verdict_on = {verdict.claim: verdict for verdict in plain.verdicts}
    verdicts = [verdict_on.get(claim) or no_verdict(claim, "boxes do not show it") for claim in claims]
    return critique_of(verdicts, objects, confidence)


def said(claims: Sequence[Claim], *objects: Detection, reads: bool = True, confidence: float = 1.0) -> Critique:
    """A critique by boxes, and by reading where boxes do not decide."""
    by_boxes = seen(claims, *objects)
    verdicts = [
        Verdict(verdict.claim, reads, float(reads), (), "it is there") if verdict.claim.type == "text" else verdict
        for verdict in by_boxes.verdicts
    ]
    return critique_of(verdicts, objects, confidence, "the answer")


def paired(claims: Sequence[Claim], detector: Critique, language: Critique) -> Critique:
    (critique,) = CriticPair(Says(detector), Says(language)).judge(IMAGES, [claims])
    return critique


def test_what_boxes_do_not_show_is_judged_in_words() -> None:
    claims = [COUNT, TEXT]
    critique = paired(claims, seen(claims, CAT), said(claims, CAT_IN_WORDS, reads=False))
    count, text = critique.verdicts
    assert count.passed and count.evidence == (CAT,)
    assert text.passed is False and text.reason == "it is there"
    assert critique.answer == "the answer" and critique.confidence == 1


@pytest.mark.parametrize("detector_sees_two", [True, False])
def test_where_they_disagree_there_is_no_verdict_and_both_are_told(detector_sees_two: bool) -> None:
    one, two = [CAT], [CAT, OTHER_CAT]
    by_boxes, in_words = (two, one) if detector_sees_two else (one, two)
    critique = paired([COUNT], seen([COUNT], *by_boxes), said([COUNT], *in_words))
    (verdict,) = critique.verdicts
    assert verdict.passed is None and verdict.score is None and not critique.passed
    assert "disagree" in verdict.reason and "1 found" in verdict.reason and "2 found" in verdict.reason
    assert critique.detections == tuple(by_boxes)


def test_the_loop_blames_no_object_for_a_disagreement() -> None:
    critique = paired([COUNT], seen([COUNT], CAT, OTHER_CAT), said([COUNT], CAT_IN_WORDS))
    faults = faults_of(critique, random.Random(0))
    assert not faults.located and set(faults.right) == {CAT, OTHER_CAT}
    agreed = paired([COUNT], seen([COUNT], CAT, OTHER_CAT), said([COUNT], CAT_IN_WORDS, OTHER_CAT))
    assert faults_of(agreed, random.Random(0)).located


def test_an_unsure_claim_does_not_keep_a_sure_one_from_blaming() -> None:
    dogs = count_claim("dog", 1)
    dog, second = replace(CAT, noun="dog"), replace(OTHER_CAT, noun="dog")
    claims = [COUNT, dogs]
    critique = paired(claims, seen(claims, CAT, OTHER_CAT, dog, second), said(claims, CAT_IN_WORDS, dog, second))
    faults = faults_of(critique, random.Random(0))
    assert [d.noun for d in faults.wrong] == ["dog"] and {CAT, OTHER_CAT} < set(faults.right)


def test_claims_of_which_only_one_says_something_count_as_agreed_on() -> None:
    claims = [COUNT, TEXT, text_claim("OPEN"), text_claim("SHUT")]
    critique = paired(claims, seen(claims, CAT, OTHER_CAT), said(claims, CAT_IN_WORDS))
    assert critique.confidence == pytest.approx(0.75)


def test_the_confidence_falls_with_disagreements_and_is_that_of_the_less_sure() -> None:
    claims = [COUNT, object_claim("cat"), object_claim("dog"), count_claim("dog", 0)]
    critique = paired(claims, seen(claims, CAT, OTHER_CAT), said(claims, CAT_IN_WORDS, confidence=0.8))
    assert critique.confidence == pytest.approx(0.75 * 0.8)


def test_one_that_gives_no_verdict_leaves_all_to_the_other() -> None:
    silent = abstention([COUNT], "?", "its answer cannot be read")
    assert paired([COUNT], seen([COUNT], CAT, confidence=0.9), silent).confidence == 0.9
    by_words = paired([COUNT], silent, said([COUNT], CAT_IN_WORDS))
    assert by_words.passed and by_words.detections == (CAT_IN_WORDS,)
    neither = paired([COUNT], silent, silent)
    assert neither.abstained and neither.confidence == 0 and "cannot be read" in neither.verdicts[0].reason


def test_a_noun_that_the_detector_does_not_know_is_placed_by_the_language_model() -> None:
    unicorn = Detection(50, 50, 9, 9, "unicorn", "white")
    claims = [COUNT, object_claim("unicorn")]
    detector = critique_of([seen([COUNT], CAT).verdicts[0], no_verdict(claims[1], "does not know it")], [CAT])
    critique = paired(claims, detector, said(claims, CAT_IN_WORDS, unicorn))
    assert critique.passed and critique.detections == (CAT, unicorn)
    assert not faults_of(critique, random.Random(0)).located


def test_a_color_that_pixels_leave_open_comes_from_the_language_model_on_the_detectors_box() -> None:
    plain = replace(CAT, color=None)
    claims = [COUNT, color_claim("cat", 1, "red", 1)]
    critique = paired(claims, seen(claims, plain, unsure="color"), said(claims, CAT_IN_WORDS))
    assert critique.passed and critique.detections == (CAT,)
    assert critique.verdicts[1].evidence == (CAT,)
    assert not faults_of(critique, random.Random(0)).located


def test_what_asks_in_words_asks_the_language_model_and_a_scoring_is_its_own() -> None:
    class Backend:
        name, boxes = "words", None

        def seen_size(self, image):
            return image.shape[1], image.shape[0]

        def answer(self, asks, sampling=None):
            raise CannotDo("It is never asked here.")

        probability_of_yes = log_likelihood = answer

    language, detector = MLLMCritic(Backend()), Says(critique_of([]))
    pair = CriticPair(detector, language)
    assert as_writer(pair) is language
    rescored = with_scoring(pair, SCORINGS["rubric"])
    assert isinstance(rescored, CriticPair) and rescored.detector is detector
    assert as_writer(rescored).scoring is SCORINGS["rubric"]
    with pytest.raises(TypeError, match="not be asked in words"):
        as_writer(CriticPair(detector, detector))
