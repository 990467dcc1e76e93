"""What the head reads at each step of sampling: the right rewards, in order, and never at the cost of another
picture.
"""

from __future__ import annotations

import pytest
import torch

from tests.support.early_draws import Taste, engine, liked
from tests.support.loop_fakes import PROMPT, FakeDecoder, FakeJudge, FakeSampler, SeedHead
from xlard.bench.worlds.early import early_best_of
from xlard.guidance.base import SingleStepGuidance, StepwiseGuidance
from xlard.loop.attempt import draw
from xlard.loop.engine import Engine
from xlard.loop.head_reader import StepReader, expected_reward, step_reader, watched
from xlard.loop.run import correct_all
from xlard.loop.settings import LoopSettings
from xlard.loop.state import Round
from xlard.models.head import HeadConfig
from xlard.prompts import claims_from_prompt
from xlard.worlds.shapes.world import ShapesWorld

pytestmark = pytest.mark.model

STEPS, TEXTS = 4, ["a red circle left of a blue square and a green triangle", "three yellow squares"]


class Models:
    """The shapes world with its models read once."""

    def __init__(self) -> None:
        self.world = ShapesWorld()
        self.critic, self.head, self.corrector = self.world.critic(), self.world.head(), self.world.corrector()

    def engine(self, corrector=None, read_steps: bool = True) -> Engine:
        claims = [claims_from_prompt(text) for text in TEXTS]
        sampler, decoder = self.world.sampler(TEXTS, STEPS), self.world.decoder
        return Engine(sampler, decoder, self.critic, TEXTS, claims, [3, 4], self.head, corrector, read_steps=read_steps)

    def rounds(self, read_steps: bool, **settings) -> list[Round]:
        """The rounds of both pictures."""
        engine = self.engine(self.corrector, read_steps)
        with torch.no_grad():
            states = correct_all(engine, LoopSettings(**{"rounds": 2, **settings}))
        return [round_ for state in states for round_ in state.rounds]


@pytest.fixture(scope="module")
def models() -> Models:
    return Models()


@pytest.fixture(scope="module")
def sampler(models):
    return models.world.sampler([PROMPT] * 3, steps=5)


@pytest.mark.parametrize(
    "settings",
    [{"strategies": ("rearrange", "region", "resample")}, {"first": "always"}, {"strategies": ("region",)}],
    ids=["parts", "corrected", "region"],
)
def test_reading_changes_no_value_of_any_round(models, settings):
    plain, read = models.rounds(False, **settings), models.rounds(True, **settings)
    assert [round_.strategy for round_ in plain] == [round_.strategy for round_ in read] and len(plain) > 2
    assert all(torch.equal(a.latent, b.latent) and a.nfe == b.nfe for a, b in zip(plain, read))
    assert not any(round_.steps for round_ in plain) and all(round_.steps for round_ in read)
    highest = models.head.config.noise_level_range[1]
    for round_ in read:
        levels = [level for level, _ in round_.steps]
        assert levels == sorted(set(levels), reverse=True) and levels[0] <= min(highest, round_.noise_level) + 1e-4
        assert all(0 <= reward <= 1 for _, reward in round_.steps)


def test_each_reading_is_of_the_prediction_that_sampling_went_on_from(models):
    made = models.engine()
    seen = {}
    made.sampler.generate([0, 1], [3, 4], StepwiseGuidance(lambda x0, level: seen.setdefault(level, x0)))
    attempt = draw(made, [0, 1], "sample", [3, 4])
    with torch.no_grad():
        wanted = {
            level: expected_reward(made, [0, 1], x0, level).tolist()
            for level, x0 in seen.items()
            if level <= 0.8 + 1e-4
        }
    for row in (0, 1):
        assert attempt.steps[row] == tuple((level, pytest.approx(rewards[row])) for level, rewards in wanted.items())


def test_gains_are_from_step_to_step_and_stand_in_the_history(models):
    round_ = models.rounds(True)[0]
    assert round_.gains[0] is None and len(round_.gains) == len(round_.steps) > 2
    assert sum(round_.gains[1:]) == pytest.approx(round_.steps[-1][1] - round_.steps[0][1])


class Seen(SeedHead):
    """Keeps what it is shown."""

    config = HeadConfig(1, 1, "a fake", noise_level_range=(0.3, 0.8))

    def __init__(self):
        self.shown = []

    def __call__(self, latents, context, noise_level):
        self.shown.append(latents.clone())
        return super().__call__(latents, context, noise_level)


def fake(head=None, read_steps: bool = True) -> Engine:
    return Engine(
        FakeSampler([3]),
        FakeDecoder(),
        FakeJudge(),
        [PROMPT],
        [claims_from_prompt(PROMPT)],
        [0],
        head,
        read_steps=read_steps,
    )


def test_unless_asked_and_without_a_head_nothing_is_read():
    assert step_reader(fake(None), [0]) is None and step_reader(fake(Seen(), read_steps=False), [0]) is None
    assert watched(None, None) is None


def test_levels_that_the_head_cannot_read_are_left_out():
    made = fake(Seen())
    reader = step_reader(made, [0])
    x0 = torch.full((1, 1, 2, 2), 50.0)
    for level in (1.0, 0.80001, 0.5, 0.1):
        assert watched(None, reader).apply(x0, level) is x0
    assert reader.steps == [((0.80001, 0.5), (0.5, 0.5))] and len(made.head.shown) == 2


def test_what_stays_is_read_as_it_stays():
    made, region = fake(Seen()), torch.tensor([[[True, False], [False, False]]])
    reader = StepReader(made, [0], torch.zeros(1, 1, 2, 2), region)
    reader(torch.full((1, 1, 2, 2), 50.0), 0.5)
    assert made.head.shown[0].flatten().tolist() == [50.0, 0.0, 0.0, 0.0]


def test_a_reader_sees_what_guidance_made_and_at_a_level_that_comes_twice_the_last():
    made = fake(Seen())
    reader = step_reader(made, [0])
    guidance = watched(SingleStepGuidance(0.5, lambda x0, level: x0 + 10), reader)
    x0 = torch.full((1, 1, 1, 1), 20.0)
    guidance.apply(x0, 0.5)
    guidance.apply(guidance.apply(x0, 0.5, 0.5), 0.5)
    watched(StepwiseGuidance(lambda x0, level: x0 + 40), reader).apply(x0, 0.4)
    assert reader.steps == [((0.5, pytest.approx(0.3)), (0.4, pytest.approx(0.6)))]


def test_an_early_decision_is_one_of_the_steps_of_the_picture_that_went_on(sampler):
    plain, read = engine(sampler, 5), engine(sampler, 5)
    read.read_steps = True
    with torch.no_grad():
        plain, read = (early_best_of(each, 1, 0.4) for each in (plain, read))
    for before, state in zip(plain, read):
        round_ = state.first
        assert torch.equal(round_.latent, before.first.latent) and not before.first.steps
        levels = [level for level, _ in round_.steps]
        assert levels == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2]) and round_.steps[3][1] == round_.predicted
        assert round_.predicted == pytest.approx(torch.tensor(liked(sampler, round_.seed)).sigmoid().item(), abs=1e-4)
    assert Taste.config.noise_level_range == (0.0, 1.0)
