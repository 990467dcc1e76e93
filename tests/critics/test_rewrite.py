"""A reworded prompt: which answers of a critic are used, which are refused, and how the loop uses the wording."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from html import unescape

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xlard.critics.backend import GREEDY, Answer, Ask, CannotDo, CriticError, Sampling
from xlard.critics.boxes import THOUSANDTHS
from xlard.critics.mllm import MLLMCritic
from xlard.critics.rewrite import PromptRewriter, rewritten
from xlard.critics.schemas import REWRITTEN, answer_schema
from xlard.critique import Critique, critique_of, no_verdict
from xlard.detections import Detection
from xlard.loop.engine import Engine, derived_seed
from xlard.loop.run import correct_all
from xlard.loop.settings import LoopSettings
from xlard.prompts import claims_from_prompt
from xlard.report.wording import wording
from xlard.rewards import critique_from_detections
from xlard.worlds.shapes.architecture import CRITIC

PROMPT = "two red circles and a blue square"
NEW = "exactly two red circles and one blue square"
BETTER = "a blue square beside two red circles"


class Scripted:
    """A backend that gives its answers in turn, raises those that are errors, and records the questions."""

    name, boxes = "scripted model", THOUSANDTHS

    def __init__(self, *answers: str | Exception):
        self.answers, self.asks = list(answers), []

    def answer(self, asks: Sequence[Ask], sampling: Sampling = GREEDY) -> list[Answer]:
        self.asks += asks
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return [Answer(answer)]


def answered(prompt: object) -> str:
    return json.dumps({"prompt": prompt})


def failed(prompt: str = PROMPT) -> Critique:
    """A critique of a picture that shows one red circle, right of a blue square."""
    return critique_from_detections(
        claims_from_prompt(prompt),
        [Detection(20, 0, 9, 9, "circle", "red"), Detection(0, 0, 9, 9, "square", "blue")],
        64,
    )


def reword(*answers: str, prompt: str = PROMPT, tried: Sequence[str] = ()) -> tuple[str | None, Scripted]:
    backend = Scripted(*answers)
    return rewritten(MLLMCritic(backend), prompt, failed(prompt), tried), backend


def test_the_question_holds_what_failed_what_must_stay_and_what_was_tried() -> None:
    text, backend = reword(f"```json\n{answered(f' {BETTER} ')}\n```", tried=["two circles"])
    (question,) = backend.asks
    assert text == BETTER and question.image is None and question.schema == answer_schema(REWRITTEN)
    wrong, _, rest = question.question.partition("Wrong: ")[2].partition("Right, and to stay so: ")
    assert json.dumps(PROMPT) in question.question and '"two circles"' in wrong and '"one square"' not in wrong
    assert '"one square"; "the square is blue"' in rest and 'not enough: "two circles"' in rest


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (answered(PROMPT.upper()), "has failed already"),
        (answered("two circles"), "has failed already"),
        (answered(" "), "holds no prompt"),
        (answered(None), "holds no prompt"),
        (json.dumps({"text": BETTER}), "holds no prompt"),
        ("I cannot.", "holds no JSON object"),
        (json.dumps([BETTER]), "holds no"),
        (answered(f"{BETTER}\nor {BETTER}"), "more than one line"),
        (answered(BETTER + " in the sun" * 50), "characters"),
        (answered("a blue square and two circles"), '"two circles are red"'),
        (answered("a red circle and a blue square"), '"two circles"'),
    ],
)
def test_an_unusable_answer_is_asked_for_again_with_the_reason(answer: str, cause: str) -> None:
    text, backend = reword(answer, answered(BETTER), tried=["two circles"])
    assert text == BETTER and cause in backend.asks[1].question and backend.asks[1].turns[0][1] == answer
    assert reword(answer, answer, tried=["two circles"])[0] is None


def test_a_position_may_be_worded_from_the_second_object_but_not_reversed() -> None:
    prompt = "a red circle left of a blue square"
    assert (
        reword(answered("a blue square right of a red circle"), prompt=prompt)[0]
        == "a blue square right of a red circle"
    )
    assert reword(*[answered("a blue square left of a red circle")] * 2, prompt=prompt)[0] is None


def test_without_a_prompt_or_a_fault_nobody_is_asked() -> None:
    critic = MLLMCritic(Scripted())
    right = critique_from_detections(claims_from_prompt("a circle"), [Detection(0, 0, 9, 9, "circle")], 64)
    unknown = critique_of([no_verdict(claim, "unreadable") for claim in claims_from_prompt(PROMPT)])
    assert (
        rewritten(critic, "a circle", right)
        is rewritten(critic, PROMPT, unknown)
        is rewritten(critic, " ", failed())
        is None
    )


def test_the_same_faults_are_asked_about_once() -> None:
    backend = Scripted(answered(BETTER), answered(NEW))
    rewriter = PromptRewriter(MLLMCritic(backend))
    assert [rewriter(PROMPT, failed()) for _ in range(3)] == [BETTER] * 3
    assert rewriter(PROMPT, failed(), [BETTER]) == NEW and rewriter.refusal == ""


def test_a_critic_that_cannot_write_is_asked_once_and_named_once(caplog) -> None:
    backend = Scripted(CannotDo("This critic only rates."))
    rewriter = PromptRewriter(MLLMCritic(backend))
    assert [rewriter(PROMPT, failed()), rewriter(PROMPT, failed(), [NEW])] == [None, None]
    assert len(backend.asks) == 1 and rewriter.refusal.endswith("This critic only rates.")
    assert [record.getMessage() for record in caplog.records] == [f"xLARD: {rewriter.refusal}"]


def test_the_function_alone_raises_what_the_critic_raises() -> None:
    with pytest.raises(CriticError, match="busy"):
        reword(CriticError("busy"))


@pytest.mark.model
def test_the_demo_critic_says_that_it_cannot_write() -> None:
    from xlard.critics.folder import CriticFolder
    from xlard.critics.transformers import loaded_backend

    rewriter = PromptRewriter(MLLMCritic(loaded_backend(CriticFolder(CRITIC, dtype="fp32"))))
    assert rewriter(PROMPT, failed()) is None and "does not know most of the words" in rewriter.refusal


class CirclesByPrompt:
    """A sampler whose pictures show as many circles as ``counts`` has for its wording; the artist's prompt is the empty
    wording.
    """

    def __init__(self, counts: dict[str, int], prompt: str = "", log: list | None = None):
        self.counts, self.prompt, self.log = counts, prompt, [] if log is None else log

    def context(self, rows):
        return torch.zeros(len(rows), 1, 1)

    def generate(self, rows, seeds, guidance=None):
        self.log.append(("generate", self.prompt, list(rows), list(seeds)))
        return torch.full((len(rows), 1, 1, 1), float(self.counts[self.prompt]))

    def resume(self, latents, noise_level, rows, seeds, guidance=None, regions=None):
        self.log.append(("resume", self.prompt, list(rows), list(seeds)))
        return torch.full((len(rows), 1, 1, 1), float(self.counts[self.prompt]))

    def with_prompt(self, prompt):
        return CirclesByPrompt(self.counts, prompt, self.log)

    def nfe(self, noise_level=1.0):
        return round(20 * noise_level)


class Decoder:
    def decode(self, latents):
        # A picture that is black all over would be none.
        return latents.view(-1, 1, 1, 1).expand(-1, 8, 8, 3).clamp_min(0.01)


class Judge:
    def judge(self, images, claims):
        return [
            critique_from_detections(claims_of_picture, [Detection(0, 0, 4, 4, "circle")] * int(image[0, 0, 0]), 8)
            for image, claims_of_picture in zip(images, claims)
        ]


CIRCLES = "three circles"


def engine(counts: dict[str, int], rewriter: Callable | None, pictures: int = 1) -> Engine:
    return Engine(
        CirclesByPrompt(counts),
        Decoder(),
        Judge(),
        [CIRCLES] * pictures,
        [claims_from_prompt(CIRCLES)] * pictures,
        list(range(pictures)),
        rewriter=rewriter,
    )


def test_the_next_picture_is_drawn_from_the_new_wording_and_judged_by_the_artists_claims() -> None:
    running = engine({"": 5, "circles: three": 3}, lambda prompt, critique, tried: "circles: three")
    (state,) = correct_all(running, LoopSettings(strategies=("rewrite",)))
    first, second = state.rounds
    assert (first.prompt, second.prompt, second.strategy, second.noise_level, second.nfe) == (
        "",
        "circles: three",
        "rewrite",
        1.0,
        20,
    )
    assert running.sampler.log[1] == ("generate", "circles: three", [0], [derived_seed(0, 1, 0)]) and state.passed
    assert [verdict.claim for verdict in second.critique.verdicts] == claims_from_prompt(CIRCLES)
    assert [loop_round["prompt"] for loop_round in state.to_dict()["rounds"]] == [
        "",
        "circles: three",
    ] and state.prompt == CIRCLES


def test_each_wording_is_tried_once_and_then_there_is_nothing_left() -> None:
    words, seen = ["A", "B"], []

    def rewriter(prompt, critique, tried):
        seen.append((prompt, tuple(tried)))
        return next((word for word in words if word not in tried), None)

    (state,) = correct_all(engine({"": 5, "A": 5, "B": 4}, rewriter), LoopSettings(rounds=4, strategies=("rewrite",)))
    assert [loop_round.prompt for loop_round in state.rounds] == ["", "A", "B"] and state.best is state.rounds[2]
    assert seen == [(CIRCLES, ()), (CIRCLES, ("A",)), *[(CIRCLES, ("A", "B"))] * 2]


def test_fresh_draws_take_turns_between_the_artists_prompt_and_new_wordings() -> None:
    running = engine({"": 5, "A": 5}, lambda prompt, critique, tried: "A")
    (state,) = correct_all(running, LoopSettings(rounds=4, strategies=("resample", "rewrite")))
    assert [(loop_round.strategy, loop_round.prompt) for loop_round in state.rounds] == [
        ("sample", ""),
        ("resample", ""),
        ("rewrite", "A"),
        ("resample", ""),
        ("rewrite", "A"),
    ]


def test_a_fix_of_a_picture_is_drawn_with_the_wording_of_that_picture() -> None:
    running = engine({"": 5, "A": 4}, lambda prompt, critique, tried: None if tried else "A")
    (state,) = correct_all(running, LoopSettings(rounds=5, strategies=("correct", "rewrite")))
    # After two rounds without progress the third one draws a new picture; later rounds go on from it.
    assert [(loop_round.strategy, loop_round.prompt, loop_round.accepted) for loop_round in state.rounds] == [
        ("sample", "", True),
        ("correct", "", False),
        ("correct", "", False),
        ("rewrite", "A", True),
        ("correct", "A", False),
        ("correct", "A", False),
    ]
    assert running.sampler.log[-1][:2] == ("resume", "A")


def test_pictures_with_different_wordings_are_drawn_apart() -> None:
    words = iter("AB")
    running = engine({"": 5, "A": 3, "B": 3}, lambda prompt, critique, tried: next(words), 2)
    states = correct_all(running, LoopSettings(strategies=("rewrite",)))
    assert [call[:3] for call in running.sampler.log[1:]] == [("generate", "A", [0]), ("generate", "B", [1])]
    assert [state.best.prompt for state in states] == ["A", "B"]


@pytest.mark.parametrize("rewriter", [None, lambda prompt, critique, tried: None])
def test_without_a_new_wording_the_loop_is_unchanged(rewriter) -> None:
    with_it, without = (
        correct_all(engine({"": 5}, rewriter), LoopSettings(strategies=names))[0]
        for names in (("resample", "correct", "rewrite"), ("resample", "correct"))
    )
    assert [(loop_round.strategy, loop_round.seed) for loop_round in with_it.rounds] == [
        (loop_round.strategy, loop_round.seed) for loop_round in without.rounds
    ]
    assert len(correct_all(engine({"": 5}, rewriter), LoopSettings(strategies=("rewrite",)))[0].rounds) == 1


def test_the_critics_writing_time_belongs_to_the_round() -> None:
    import time

    def slow(prompt, critique, tried):
        time.sleep(0.05)
        return "A"

    (state,) = correct_all(engine({"": 5, "A": 3}, slow), LoopSettings(strategies=("rewrite",)))
    assert state.rounds[1].seconds >= 0.05 > state.rounds[0].seconds


@pytest.mark.model
def test_the_demo_generator_draws_a_new_wording_as_if_it_were_the_prompt() -> None:
    from xlard.worlds.shapes.world import ShapesWorld

    world = ShapesWorld()
    sampler = world.sampler(["a circle", PROMPT], steps=2)
    rewritten = sampler.with_prompt(BETTER)
    assert torch.equal(
        rewritten.generate([0, 1], [3, 4]), world.sampler([BETTER] * 2, steps=2).generate([0, 1], [3, 4])
    )
    assert torch.equal(sampler.context([1]), world.sampler([PROMPT]).context([0])) and rewritten.nfe() == sampler.nfe()


def test_removed_and_added_words_are_marked() -> None:
    assert (
        wording("two red circles and a <b>", "exactly two red circles, no <b>")
        == "<ins>exactly</ins> two red <del>circles and a</del> <ins>circles, no</ins> &lt;b&gt;"
    )
    assert (
        wording(PROMPT, "") == ""
        and wording(PROMPT, PROMPT) == PROMPT
        and wording("", "a\n circle") == "<ins>a circle</ins>"
    )


_PROMPTS = st.lists(st.sampled_from(["a", "red", "<del>", "&amp;", "circle,", "\n"]), max_size=8).map(" ".join)


@given(_PROMPTS, _PROMPTS)
def test_both_wordings_can_be_read_from_the_marks(before: str, after: str) -> None:
    marked = wording(before, after)

    def read(gone: str, mark: str) -> list[str]:
        return unescape(re.sub(f"<{gone}>[^<]*</{gone}>|</?{mark}>", " ", marked)).split()

    assert read("del", "ins") == after.split() and (not after.split() or read("ins", "del") == before.split())
