from __future__ import annotations

import json
from dataclasses import replace

import torch
from PIL import Image

from tests.support.report_states import RIGHT, SIDE, WRONG, attempt, judged, several_rounds, state_of
from xlard.critique import Critique, Verdict
from xlard.prompts import claims_from_prompt
from xlard.report.shown import (
    MOST_ANSWER,
    MOST_CHOICES,
    MOST_PICTURES,
    MOST_ROUNDS,
    finished_text,
    picture_text,
    progress_text,
    shown_batch,
    shown_critiques,
    shown_states,
)
from xlard.report.shown import SIDE as LARGEST


class Files:
    """Keeps pictures in memory."""

    def __init__(self) -> None:
        self.pictures: list[Image.Image] = []

    def keep(self, picture: Image.Image) -> dict[str, str]:
        self.pictures.append(picture)
        return {"filename": f"{len(self.pictures) - 1}.png", "subfolder": "", "type": "temp"}


def test_a_critique_is_shown_with_its_boxes_in_pixels_of_the_picture():
    files = Files()
    (shown,) = shown_critiques(torch.rand(1, SIDE, SIDE, 3), [judged(WRONG)], ["# a note"], files.keep)
    assert shown["size"] == [SIDE, SIDE] and shown["notes"] == ["# a note"]
    verdicts = {claim["text"]: claim["passed"] for claim in shown["claims"]}
    assert True in verdicts.values() and False in verdicts.values()
    assert [50, 50, 24, 24] in [box for claim in shown["claims"] if claim["passed"] is False for box in claim["boxes"]]
    assert json.loads(json.dumps(shown)) == shown


def test_a_claim_that_the_critic_was_asked_about_has_the_boxes_of_its_noun():
    claims = claims_from_prompt("a circle in snow")
    critique = Critique(
        tuple(Verdict(claim, True, 1.0, (), "as it said") for claim in claims if claim.type == "relation"), WRONG
    )
    ((claim,),) = (
        shown["claims"] for shown in shown_critiques(torch.rand(1, SIDE, SIDE, 3), [critique], [], Files().keep)
    )
    assert claim["boxes"] and len(claim["boxes"]) == sum(seen.noun == "circle" for seen in WRONG)


def test_an_answer_is_shown_word_for_word_and_what_is_left_out_of_a_long_one_is_counted():
    said = [replace(judged(WRONG), answer=text) for text in ("<b>yes</b>\n", "x" * (MOST_ANSWER + 12))]
    short, long = shown_critiques(torch.rand(2, SIDE, SIDE, 3), said, [], Files().keep)
    assert short["answer"] == "<b>yes</b>\n"
    assert long["answer"] == "x" * MOST_ANSWER + "\n... and 12 characters more."


def test_a_claim_with_other_words_is_shown_with_those_that_it_had():
    verdicts = tuple(replace(v, claim=replace(v.claim, original="a cat")) for v in judged(WRONG).verdicts)
    (shown,) = shown_critiques(torch.rand(1, SIDE, SIDE, 3), [Critique(verdicts)], [], Files().keep)
    assert {claim["original"] for claim in shown["claims"]} == {"a cat"}


def test_a_large_picture_is_kept_small_and_its_boxes_stay():
    files = Files()
    (shown,) = shown_critiques(torch.rand(1, 800, 1600, 3), [judged(WRONG)], [], files.keep)
    assert files.pictures[0].size == (LARGEST, LARGEST // 2) and shown["size"] == [1600, 800]


def test_a_loop_is_shown_with_its_best_its_first_and_every_round():
    files, state = Files(), several_rounds()
    (shown,) = shown_states([state], files.keep)
    assert [row["kept"] for row in shown["rounds"]] == ["kept", "best", "dropped", "dropped"]
    assert shown["image"] == shown["rounds"][1]["image"] and shown["before"] == shown["rounds"][0]["image"]
    assert all(claim["passed"] for claim in shown["claims"])
    assert {claim["passed"] for claim in shown["rounds"][3]["claims"]} == {None}
    assert shown["rounds"][1]["reason"] == "the square is green"
    # Each picture is kept once.
    assert len(files.pictures) == len(state.rounds)


def test_of_many_rounds_and_pictures_some_are_shown_and_always_the_first_and_the_best():
    files = Files()
    rounds = [attempt(0, judged(WRONG)), attempt(1, judged(RIGHT))]
    rounds += [attempt(number, judged(WRONG), accepted=False) for number in range(2, MOST_ROUNDS + 8)]
    shown = shown_states([state_of(*rounds)] * (MOST_PICTURES + 2), files.keep)
    assert len(shown) == MOST_PICTURES
    assert [row["number"] for row in shown[0]["rounds"]] == list(range(8, MOST_ROUNDS + 8))
    assert shown[0]["before"] != shown[0]["image"] and all(claim["passed"] for claim in shown[0]["claims"])
    assert len(files.pictures) == MOST_PICTURES * (MOST_ROUNDS + 2)


def test_how_far_a_loop_is_stands_in_a_line():
    assert progress_text(0, 4, "", []) == "First picture"
    line = progress_text(2, 4, "rearrange", [judged(WRONG)])
    assert line == "Round 2 of 4 \u00b7 1 of 4 claims fails \u00b7 rearrange"
    assert progress_text(1, 1, "region", [judged(WRONG)] * 2) == "Round 1 of 1 \u00b7 2 of 8 claims fail \u00b7 region"


def test_which_pictures_a_line_is_about_is_said_where_it_is_not_about_all():
    assert [picture_text(rows, 3) for rows in ((0, 1, 2), (1,), (0, 2))] == ["", "Picture 2 of 3", "Pictures 1, 3 of 3"]


def test_how_a_loop_ended_stands_in_a_line():
    assert finished_text([judged(RIGHT)]) == "Finished \u00b7 every claim holds"
    assert finished_text([judged(WRONG), judged(RIGHT)]) == "Finished \u00b7 1 of 8 claims fails"
    assert finished_text([Critique(())]).endswith("nothing to check")


def test_of_a_batch_the_first_pictures_are_shown_and_which_are_chosen():
    files, count = Files(), MOST_CHOICES + 2
    shown = shown_batch(torch.rand(count, SIDE, SIDE, 3), [judged(WRONG)] * count, (3, 1), files.keep)
    assert len(shown) == len(files.pictures) == MOST_CHOICES
    assert [index for index, picture in enumerate(shown) if picture["chosen"]] == [1, 3]
    assert shown[0]["size"] == [SIDE, SIDE] and "claims hold" in shown[0]["summary"]
