"""Training heads and correctors on toy pictures: each way learns what it claims to learn."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from xlard.aspects import ASPECTS
from xlard.detections import Detection
from xlard.models.corrector import CorrectorConfig, LatentCorrector
from xlard.models.head import LATENT_KINDS, HeadConfig, RewardHead
from xlard.training.distillation import Distillation, two_errors
from xlard.training.head import HeadBatches, auc, calibrated, head_figures, head_loss
from xlard.training.objectives import CorrectorObjective, predictions, tensors
from xlard.training.pathwise import Pathwise, PathwiseSettings, pathwise_loss
from xlard.training.records import FINAL, NO_REWARD, X0, Records, join, of_kind, pick
from xlard.training.regional_head import RegionalHead, asked_for, region_targets, seen_labels
from xlard.training.repair_pairs import RepairPairs
from xlard.worlds.shapes.training.head import measured
from xlard.worlds.training.expert_iteration import Expert, ExpertSettings
from xlard.worlds.training.ppo import Ppo, PpoSettings
from xlard.worlds.training.rollouts import Outcome, Situations

CHANNELS, WIDTH, SIDE = 4, 16, 8.0
CONFIG = CorrectorConfig(
    CHANNELS, WIDTH, "a test model", width=32, layers=1, heads=4, trust_region=9.0, noise_level_range=(0.5, 1.0)
)


def toy_records(number: int = 64) -> Records:
    """Pictures whose first channel is high where they are right and low where they are wrong; a prompt for every four.

    Each comes finished and as a renoised prediction at 0.8, which is the mean of both kinds: it does not know yet.
    """
    torch.manual_seed(3)
    finals = torch.randn(number, CHANNELS, 4, 4) * 0.3
    right = torch.arange(number) % 2 == 0
    finals[:, 0] += torch.where(right, 1.0, -1.0)[:, None, None]
    predicted = finals.clone()
    predicted[:, 0] -= torch.where(right, 1.0, -1.0)[:, None, None]
    rewards = torch.full((2 * number, len(ASPECTS)), NO_REWARD)
    rewards[:, 0] = right.float().repeat(2)
    return Records(
        prompts=[f"prompt {row // 4}" for row in range(number)] * 2,
        latents=torch.cat([finals, predicted]),
        noise_level=torch.tensor([0.0] * number + [0.8] * number),
        kinds=torch.tensor([FINAL] * number + [X0] * number),
        renoised=torch.tensor([False] * number + [True] * number),
        rewards=rewards,
        passed=right.repeat(2),
        confidence=torch.ones(2 * number),
        pictures=torch.arange(number).repeat(2),
        finals=finals,
        objects=[[Detection(0, 0, 5, 5, "circle", "red")] for _ in range(number)],
        side=SIDE,
        mended=torch.where(right, -1, torch.arange(number) // 2).repeat(2),
        mends=finals[0::2],
    )


def encode(prompts: list[str]) -> Tensor:
    return torch.zeros(len(prompts), 2, WIDTH)


def fit(module, loss_of, steps: int) -> list[float]:
    optimizer, losses = torch.optim.AdamW(module.parameters(), lr=1e-2), []
    for step in range(steps):
        loss = loss_of(torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def trained(way: CorrectorObjective, steps: int) -> LatentCorrector:
    fit(way.module, way.loss, steps)
    return way.corrector(way.module)


def small_head() -> RewardHead:
    torch.manual_seed(0)
    return RewardHead(HeadConfig(CHANNELS, WIDTH, "a test model", width=32, layers=1))


def trained_head(records: Records, steps: int = 120) -> RewardHead:
    head = small_head()
    batches = HeadBatches(records, encode, 16, "cpu", torch.full((CHANNELS,), 0.3))

    def loss_of(generator: torch.Generator) -> Tensor:
        inputs, shown = batches(generator)
        return head_loss(head(*inputs), shown.rewards, shown.confidence)

    fit(head, loss_of, steps)
    head.zero_grad()
    return head.eval().requires_grad_(False)


def shift(corrector: LatentCorrector, records: Records) -> float:
    """How far the first channel of predictions is moved, where right is 1 and wrong is -1."""
    latents, context, noise_level, _ = tensors(predictions(records, (0.5, 1.0)), encode, "cpu")
    return corrector(latents, context, noise_level)[:, 0].mean().item()


def test_a_head_learns_and_a_corrector_follows_its_gradient() -> None:
    records = toy_records()
    # Predictions that already differ, so that there is something to read.
    records.latents = records.finals.repeat(2, 1, 1, 1)
    head = trained_head(records)
    calibrated(head, records, encode, "cpu")
    figures = head_figures(head, records, encode, "cpu")
    assert figures["auc"]["final"]["all"] > 0.95 and figures["auc"]["x0 0.80"]["count"] > 0.95
    assert "color" not in figures["auc"]["final"] and figures["ece"]["final"] < 0.25
    way = Pathwise(CONFIG, records, encode, 32, "cpu", head, PathwiseSettings(anchor=0.01, caution=0.0))
    assert shift(trained(way, 60), records) > 0.1
    assert all(parameter.grad is None for parameter in head.parameters())


def test_batches_for_a_head_hold_all_kinds() -> None:
    batches = HeadBatches(toy_records(), encode, 20, "cpu", torch.ones(CHANNELS))
    (latents, context, noise_level, kinds), shown = batches(torch.Generator().manual_seed(0))
    assert [(kinds == place).sum().item() for place in range(len(LATENT_KINDS))] == [2, 10, 8]
    noisy = kinds == LATENT_KINDS.index("noisy")
    assert (
        (noise_level[kinds == FINAL] == 0).all()
        and (noise_level[noisy] > 0).all()
        and len(shown) == len(latents) == len(context) == 20
    )
    assert not torch.allclose(latents[noisy], shown.targets[noisy], atol=0.1)


def test_distillation_moves_predictions_to_what_passed() -> None:
    torch.manual_seed(0)
    records = toy_records()
    way = Distillation(CONFIG, records, encode, 64, "cpu")
    assert shift(way.corrector(way.module), records) == 0
    moved = shift(trained(way, 200), records)
    assert 0.5 < moved < 1.5
    # All pictures together are in the middle, so that an emphasis of one doubles the step.
    way.emphasis = 1.0
    assert shift(way.corrector(way.module), records) == pytest.approx(2 * moved, rel=0.25)


def test_errors_of_distillation_are_over_passed_pictures_and_all() -> None:
    torch.manual_seed(0)
    records = toy_records()
    way = Distillation(CONFIG, records, encode, 64, "cpu")
    part = way.records
    latents, context, noise_level, _ = tensors(part, encode, "cpu")
    passed, everything = two_errors(way.module, latents, context, noise_level, part.targets, part.passed)
    wanted = ((part.targets - latents) / way.module.passed.body.spread[:, None, None]).square().mean(dim=(1, 2, 3))
    assert passed.item() == pytest.approx(wanted[part.passed].mean().item(), rel=1e-4)
    assert everything.item() == pytest.approx(wanted.mean().item(), rel=1e-4)


@pytest.mark.parametrize("passed", [True, False])
def test_one_class_only_is_refused(passed: bool) -> None:
    records = toy_records(8)
    records.passed[:] = passed
    with pytest.raises(ValueError, match="learns from the difference"):
        Distillation(CONFIG, records, encode, 8, "cpu")


def test_records_without_predictions_in_the_range_are_refused() -> None:
    records = toy_records(8)
    with pytest.raises(ValueError, match="between the noise levels 0.9 and 1.0"):
        predictions(records, (0.9, 1.0))
    with pytest.raises(ValueError, match="no latents of the kind"):
        of_kind(records.where(records.kinds == FINAL), X0)


def test_the_gate_anchors_only_where_the_head_doubts() -> None:
    records = toy_records()
    head = small_head().eval().requires_grad_(False)
    torch.nn.init.normal_(head.log_deviation.weight, std=1.0)
    corrector = LatentCorrector(CONFIG)
    torch.nn.init.normal_(corrector.out.weight, std=0.3)
    inputs = tensors(predictions(records, (0.5, 1.0)), encode, "cpu")
    whole, gated, free = (
        pathwise_loss(corrector, head, *inputs, PathwiseSettings(anchor=anchor, gate=gate)).item()
        for anchor, gate in ((5.0, 1.0), (5.0, 0.25), (0.0, 1.0))
    )
    assert free < gated < whole


def test_ppo_finds_what_is_paid() -> None:
    torch.manual_seed(0)
    records = toy_records()

    def situations(number: int, generator: torch.Generator) -> Situations:
        part = predictions(records, (0.5, 1.0))
        latents, context, noise_level, _ = tensors(
            part.rows(pick(torch.arange(len(part)), number, generator)), encode, "cpu"
        )
        return Situations(
            latents,
            context,
            noise_level,
            lambda changed: Outcome(changed, (changed[:, 0].mean(dim=(1, 2)) * 3).sigmoid()),
        )

    way = Ppo(CONFIG, situations, "cpu", settings=PpoSettings(rollouts=64, anchor=0.0))
    corrector = trained(way, 200)
    assert shift(corrector, records) > 0.2
    assert sum(way.paid[-5:]) / 5 > sum(way.paid[:5]) / 5 + 0.1
    assert len(way.paid) == 50


def test_ppo_is_anchored_at_what_it_began_with() -> None:
    torch.manual_seed(0)
    part = predictions(toy_records(), (0.5, 1.0))
    inputs = tensors(part.rows(range(32)), encode, "cpu")[:3]
    start = LatentCorrector(CONFIG)
    nn.init.constant_(start.out.bias, 0.5)
    with torch.no_grad():
        before = start(*inputs)
    assert before.abs().mean() > 0.1

    def unpaid(number: int, generator: torch.Generator) -> Situations:
        return Situations(*inputs, lambda changed: Outcome(changed, torch.rand(32, generator=generator)))

    corrector = trained(Ppo(CONFIG, unpaid, "cpu", start, PpoSettings(rollouts=32, anchor=100.0)), 60)
    with torch.no_grad():
        assert (corrector(*inputs) - before).abs().mean() < 0.3 * before.abs().mean()


def test_expert_iteration_moves_on_from_what_passed_last_time() -> None:
    torch.manual_seed(0)
    records = toy_records()

    def situations(number: int, generator: torch.Generator) -> Situations:
        part = predictions(records, (0.5, 1.0))
        latents, context, noise_level, _ = tensors(
            part.rows(pick(torch.arange(len(part)), number, generator)), encode, "cpu"
        )

        def play(changed: torch.Tensor) -> Outcome:
            moved = (changed - latents)[:, 0].mean(dim=(1, 2))
            return Outcome(changed, (moved >= moved.quantile(0.7)).float())

        return Situations(latents, context, noise_level, play)

    way = Expert(CONFIG, situations, "cpu", settings=ExpertSettings(rollouts=64, rounds=4, deviation=0.5, memory=64))
    corrector = trained(way, 160)
    assert len(way.passed) == 40 and way.passed[0] == pytest.approx(0.3, abs=0.05)
    # Farther than any single draw of the first rollouts was: each of them selects anew.
    assert shift(corrector, records) > 0.05
    assert corrector.config == CONFIG


def test_expert_iteration_needs_something_that_passes() -> None:
    part = predictions(toy_records(), (0.5, 1.0))
    inputs = tensors(part.rows(range(8)), encode, "cpu")[:3]
    way = Expert(
        CONFIG, lambda number, generator: Situations(*inputs, lambda changed: Outcome(changed, torch.zeros(8))), "cpu"
    )
    with pytest.raises(ValueError, match="Nothing that the corrector draws passes"):
        way.loss(torch.Generator())
    assert len(way.passed) == Expert.PATIENCE


def test_auc_counts_ties_as_half() -> None:
    assert auc(torch.tensor([1.0, 0.5, 0.5]), torch.tensor([True, True, False])) == (1.5, 2.0)


def test_joined_records_keep_their_pictures() -> None:
    one, other = toy_records(8), toy_records(4)
    other.finals += 7
    other.latents[:4] += 7
    both = join([one, other])
    assert len(both) == 24 and len(both.finals) == 12
    finished = both.where(both.kinds == FINAL)
    assert torch.equal(finished.targets, finished.latents)
    with pytest.raises(ValueError, match="2 sizes"):
        other.finals = torch.zeros(4, CHANNELS, 2, 2)
        join([one, other])


def test_regional_targets_name_the_object_in_its_cell() -> None:
    objects = [[Detection(0, 0, 20, 20, "circle", "red"), Detection(70, 40, 20, 20, "square", "blue")], []]
    targets = region_targets(objects, ["blue square", "red circle"], 6, 6, 96)
    assert targets.shape == (2, 36) and targets[1].sum() == 0
    assert targets[0].unflatten(0, (6, 6)).nonzero().tolist() == [[0, 0], [3, 5]]
    assert targets[0, 0] == 2 and targets[0, 3 * 6 + 5] == 1


def test_what_a_prompt_asks_for_is_known_object_by_object() -> None:
    objects = [
        Detection(0, 0, 9, 9, "circle", "red"),
        Detection(0, 0, 9, 9, "circle", "blue"),
        Detection(0, 0, 9, 9, "square", "red"),
    ]
    assert asked_for(objects, "two red circles") == [True, False, False]
    assert asked_for(objects, "a circle and a blue square") == [True, True, False]


def test_a_head_learns_where_objects_are_and_which_are_asked_for() -> None:
    records = toy_records()
    records.prompts = ["a red circle" if right else "a blue square" for right in records.passed]
    assert seen_labels(records) == ["red circle"]
    regional = RegionalHead(small_head(), seen_labels(records))
    batches = HeadBatches(records, encode, 16, "cpu", torch.full((CHANNELS,), 0.3))

    def loss_of(generator: torch.Generator) -> Tensor:
        inputs, shown = batches(generator)
        return regional.loss(regional.head(*inputs), shown)

    losses = fit(regional, loss_of, 60)
    assert losses[-1] < 0.5 * losses[0]
    finished = records.where(records.kinds == FINAL)
    latents, context, noise_level, _ = tensors(finished, encode, "cpu")
    at_object = regional.head(latents, context, noise_level).maps[:, ASPECTS.index("count"), 0, 0]
    assert (at_object[finished.passed] > 0).all() and (at_object[~finished.passed] < 0).all()


def test_mending_moves_what_failed_and_leaves_what_passed() -> None:
    records = toy_records()
    # What is wrong can be told from the prediction itself here: by the channel that gives it away.
    records.latents[64:] = records.finals
    moved = (
        (
            trained(RepairPairs(CONFIG, records, encode, 32, "cpu"), 150)(
                records.latents[64:], encode(records.prompts[64:]), records.noise_level[64:]
            )
        )
        .flatten(2)
        .mean(dim=2)[:, 0]
        .detach()
    )
    right = records.passed[64:]
    assert moved[~right].mean() > 1.0 > 0.2 > moved[right].abs().mean()


def test_mending_needs_failed_pictures_that_were_mended() -> None:
    records = toy_records()
    records.mended[:] = -1
    with pytest.raises(ValueError, match="0 belong to failed pictures with a mended version"):
        RepairPairs(CONFIG, records, encode, 8, "cpu")


def test_joined_records_keep_their_mended_latents() -> None:
    records = toy_records(8)
    both = join([records, records])
    assert torch.equal(both.mended[both.mended >= 0][8:] - 4, both.mended[both.mended >= 0][:8])
    assert torch.equal(
        both.mends[both.mended[both.mended >= 0]][8:], records.mends[records.mended[records.mended >= 0]]
    )


def test_finished_pictures_that_were_corrected_calibrate_a_head_too() -> None:
    plain, corrected = toy_records(), toy_records()
    corrected.rewards[:, 0] = 1 - corrected.rewards[:, 0]
    alone, both = small_head(), small_head()
    for head, others in ((alone, None), (both, corrected)):
        torch.nn.init.normal_(head.logits.weight, generator=torch.Generator().manual_seed(1))
        figures = measured(head, plain, encode, "cpu", others)
        assert set(figures) == {"auc", "ece"} | ({"corrected"} if others else set())
    assert set(figures["corrected"]["auc"]) == {"final", "x0 0.80"}
    assert torch.equal(alone.slope[X0], both.slope[X0]) and not torch.equal(alone.slope[FINAL], both.slope[FINAL])
