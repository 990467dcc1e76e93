"""The loop and its baselines on fake models: what is kept, what it costs, when it stops."""

from __future__ import annotations

import pytest
import torch

from tests.support.loop_fakes import PROMPT, FakeDecoder, FakeJudge, FakeSampler, OneMore, SeedHead, engine
from xlard.loop.baselines import base, best_of_n, one_correction, retry
from xlard.loop.engine import Engine, derived_seed
from xlard.loop.run import correct_all, self_correct
from xlard.loop.settings import LoopSettings
from xlard.models.corrector import CorrectorConfig
from xlard.prompts import claims_from_prompt

CORRECT = ("correct",)


def test_a_picture_that_passes_is_left_alone() -> None:
    (state,) = correct_all(engine([3]), LoopSettings())
    assert state.passed and len(state.rounds) == 1 and state.nfe == 20 and state.critic_calls == 1


def test_the_loop_keeps_the_best_and_stops_when_all_claims_hold() -> None:
    running = engine([5, 4, 5, 3, 1])
    (state,) = correct_all(running, LoopSettings(rounds=4, strategies=CORRECT))
    assert [entry.accepted for entry in state.rounds] == [True, True, False, True]
    assert state.passed and running.sampler.script == [1]
    # The third round starts from the best, not from the failure before it.
    assert running.sampler.resumed[2][0].item() == 4


def test_a_tie_goes_to_the_earlier_picture() -> None:
    (state,) = correct_all(engine([4, 2]), LoopSettings(rounds=1))
    assert state.best is state.first


def test_the_loop_never_returns_less_than_the_first_picture() -> None:
    (state,) = correct_all(engine([4, 9, 9, 9, 9]), LoopSettings())
    assert state.best is state.first and len(state.rounds) == 5


def test_the_budget_in_model_calls_is_never_passed() -> None:
    (state,) = correct_all(engine([5] * 20), LoopSettings(rounds=10, budget=60, strategies=CORRECT))
    assert state.nfe <= 60 and len(state.rounds) == 1 + (60 - 20) // 18


def test_the_head_picks_the_most_promising_noise_and_each_look_is_counted() -> None:
    running = engine([5, 3], head=SeedHead())
    (state,) = correct_all(running, LoopSettings(candidates=4, noise_level=0.5, strategies=CORRECT))
    tried = [seeds[0] for seeds in running.sampler.predicted]
    first = derived_seed(0, 1, 0)
    assert tried == [first, *(derived_seed(first, k) for k in range(1, 4))]
    assert running.sampler.resumed[0][3] == [max(tried, key=lambda seed: seed % 97)]
    assert state.rounds[1].nfe == 4 + 10


def test_a_head_is_not_asked_where_it_cannot_read() -> None:
    running = engine([5, 3], head=SeedHead())
    (state,) = correct_all(running, LoopSettings(candidates=4, noise_level=0.9, strategies=CORRECT))
    assert running.sampler.predicted == [] and running.sampler.resumed[0][3] == [derived_seed(0, 1, 0)]
    assert state.rounds[1].nfe == 18 and state.rounds[1].predicted is None


def test_a_corrector_moves_the_predictions_of_its_window_while_sampling() -> None:
    running = engine([5, 3], corrector=OneMore())
    (state,) = correct_all(running, LoopSettings(strength=0.5, strategies=CORRECT))
    inside, outside = running.sampler.guided
    assert inside.item() == 5.5 and outside.item() == 5 and running.sampler.predicted == []
    assert state.rounds[1].change == pytest.approx(0.1) and state.rounds[1].attribution is not None
    assert state.rounds[1].nfe == 18


def test_a_corrector_that_acts_once_shifts_the_latent_by_its_residual() -> None:
    running = engine([5, 3], corrector=OneMore())
    (state,) = correct_all(running, LoopSettings(strength=0.5, where="once", strategies=CORRECT))
    assert running.sampler.resumed[0][0].item() == 5.5
    assert state.rounds[1].change > 0 and state.rounds[1].nfe == 19


class OnceMore(OneMore):
    """Corrects every value by one, once."""

    config = CorrectorConfig(1, 1, "a fake", noise_level_range=(0.4, 0.6), single_step_level=0.5, reward_threshold=0.04)


FRESH = ("correct", "resample")


def test_fresh_draws_after_the_first_are_corrected_on_their_way_by_a_corrector_that_acts_once() -> None:
    # A head that doubts nothing has no say in it: the picture that is redrawn has failed.
    running = engine([5, 5, 4, 3], corrector=OnceMore(), head=SeedHead())
    (state,) = correct_all(running, LoopSettings(strategies=FRESH, strength=0.5))
    assert [entry.strategy for entry in state.rounds] == ["sample", "correct", "resample", "correct"]
    assert running.sampler.drawn == [None, (0.5, 4.5)]
    drawn = state.rounds[2]
    assert drawn.nfe == 21 and drawn.change == pytest.approx(0.5 / 4) and drawn.attribution is not None
    assert drawn.reason == "a fresh draw, corrected on its way" and state.first.nfe == 20 and state.first.change == 0


def test_the_budget_counts_the_call_that_a_correction_takes() -> None:
    for budget, rounds in ((20 + 11 + 20, 2), (20 + 11 + 21, 3)):
        (state,) = correct_all(engine([5, 5, 4], corrector=OnceMore()), LoopSettings(strategies=FRESH, budget=budget))
        assert len(state.rounds) == rounds and state.nfe <= budget


@pytest.mark.parametrize(
    "corrector, settings",
    [
        (OnceMore(), LoopSettings(strategies=("resample",), first="always")),
        (OnceMore(), LoopSettings(strength=0.0, first="always")),
        (OneMore(), LoopSettings(strategies=("resample",), first="always")),
        (None, LoopSettings(first="always")),
    ],
    ids=["correct is switched off", "no strength", "made for every step", "no corrector"],
)
def test_else_fresh_draws_are_the_models_own(corrector, settings) -> None:
    running = engine([5, 3], corrector=corrector)
    (state,) = correct_all(running, settings)
    assert running.sampler.drawn == [None, None] and state.nfe == 40


@pytest.mark.parametrize(
    "first, head, corrected",
    [("plain", None, False), ("always", SeedHead(), True), ("doubted", None, True), ("doubted", SeedHead(), False)],
)
def test_the_first_picture_is_corrected_where_it_is_asked_for_and_doubted(first, head, corrected) -> None:
    # The head promises 0.05, and what is below 0.04 is doubted.
    running = engine([5], corrector=OnceMore(), head=head)
    (state,) = correct_all(running, LoopSettings(rounds=0, first=first))
    assert running.sampler.drawn == ([None] if first == "plain" else [(0.5, 5.0 + corrected)])
    assert bool(state.first.change) == corrected and state.nfe == 20 + (first != "plain")


def test_an_unknown_way_of_drawing_the_first_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="'never' is no way of drawing the first picture: plain, doubted, always"):
        LoopSettings(first="never")


def test_without_strength_a_corrector_is_not_asked() -> None:
    running = engine([5, 3], corrector=OneMore())
    (state,) = correct_all(running, LoopSettings(strength=0.0, strategies=CORRECT))
    assert not hasattr(running.sampler, "guided") and state.rounds[1].change == 0


def test_only_failed_pictures_of_a_batch_go_on() -> None:
    class Mixed(FakeSampler):
        def generate(self, rows, seeds, guidance=None):
            return torch.tensor([3.0, 5.0, 3.0]).view(-1, 1, 1, 1)

    sampler = Mixed([3])
    states = self_correct(
        [PROMPT] * 3,
        [claims_from_prompt(PROMPT)] * 3,
        [7, 8, 9],
        sampler,
        FakeDecoder(),
        FakeJudge(),
        settings=LoopSettings(strategies=CORRECT),
    )
    assert sampler.resumed[0][2] == [1] and all(state.passed for state in states)


def test_a_picture_without_claims_is_drawn_once_and_not_judged() -> None:
    class CountingJudge(FakeJudge):
        judged = 0

        def judge(self, images, claims):
            self.judged += len(images)
            return super().judge(images, claims)

    judge, sampler = CountingJudge(), FakeSampler([5, 3])
    claims = [[], claims_from_prompt(PROMPT)]
    mood, circles = self_correct(["a mood", PROMPT], claims, [0, 1], sampler, FakeDecoder(), judge)
    assert judge.judged == 2 and [len(mood.rounds), len(circles.rounds)] == [1, 2]
    assert mood.finished and not mood.passed and mood.best.critique.score is None
    assert (mood.nfe, mood.critic_calls) == (20, 0) and mood.best.image.shape == (8, 8, 3)
    (alone,) = self_correct(["a mood"], [[]], [0], FakeSampler([5]), FakeDecoder(), judge)
    assert judge.judged == 2 and len(alone.rounds) == 1 and not alone.best.critique.verdicts


@pytest.mark.parametrize("method", [lambda engine: best_of_n(engine, 1), lambda engine: retry(engine, 3)])
def test_baselines_do_not_try_again_what_has_no_claims(method) -> None:
    (state,) = method(Engine(FakeSampler([5]), FakeDecoder(), FakeJudge(), ["a mood"], [[]], [0]))
    assert len(state.rounds) == 1


def test_baselines_cost_what_they_say() -> None:
    assert base(engine([5]))[0].nfe == 20
    (best,) = best_of_n(engine([5, 3, 4]), 3)
    assert best.nfe == 60 and best.passed and best.rounds.index(best.best) == 1
    (tried,) = retry(engine([5, 3, 4]), 3)
    assert tried.nfe == 40 and tried.passed


def test_the_corrector_alone_is_returned_whatever_the_critic_says() -> None:
    (state,) = one_correction(engine([3, 5]), 0.8, LoopSettings())
    assert state.best is state.rounds[1] and not state.passed


def test_every_round_is_reported_as_it_happens() -> None:
    seen = []
    correct_all(
        engine([5, 4, 3], on_round=lambda row, entry: seen.append((row, entry.strategy))),
        LoopSettings(strategies=CORRECT),
    )
    assert seen == [(0, "sample"), (0, "correct"), (0, "correct")]


def test_what_comes_next_is_said_before_it_is_drawn() -> None:
    told = []
    correct_all(
        engine(
            [5, 4, 3],
            on_round=lambda row, entry: told.append(entry.strategy),
            on_attempt=lambda rows, strategy: told.append((tuple(rows), strategy)),
        ),
        LoopSettings(strategies=CORRECT),
    )
    assert told == [((0,), ""), "sample", ((0,), "correct"), "correct", ((0,), "correct"), "correct"]
