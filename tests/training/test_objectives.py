"""Training heads and correctors on toy pictures: each objective learns what it claims to learn."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.support.toy_training import CHANNELS, CONFIG, encode, fit, shift, small_head, toy_records, trained
from xlard.aspects import ASPECTS
from xlard.detections import Detection
from xlard.models.corrector import LatentCorrector
from xlard.models.head import LATENT_KINDS, RewardHead
from xlard.training.distillation import Distillation
from xlard.training.head import HeadBatches, auc, calibrate_on, head_figures, head_loss
from xlard.training.minimal_repair import MinimalRepair
from xlard.training.objectives import predictions, tensors
from xlard.training.pathwise import Pathwise, PathwiseSettings, pathwise_loss
from xlard.training.records import FINAL, NO_REWARD, X0, Records, join, of_kind
from xlard.training.regional_head import RegionalHead, in_prompt, region_targets, seen_labels
from xlard.training.registry import objective_names, objective_specs, spec_of
from xlard.training.repair_pairs import RepairPairs
from xlard.worlds.training.head import measured

pytestmark = pytest.mark.model


def test_objectives_are_found_by_name_and_load_their_class() -> None:
    names = ("drafting", "distillation", "mending", "path-wise", "minimal_repair")
    assert objective_names() == names, "saved workflows hold these"
    for spec in objective_specs():
        assert spec_of(spec.name) is spec and callable(spec.load().build) and spec.tooltip.endswith(".")
    with pytest.raises(ValueError, match=f"no objective 'ppo'; there are {', '.join(names)}"):
        spec_of("ppo")


def trained_head(records: Records, steps: int = 120) -> RewardHead:
    head = small_head()
    batches = HeadBatches(records, encode, 16, "cpu", torch.full((CHANNELS,), 0.3))

    def loss_of(generator: torch.Generator) -> Tensor:
        inputs, shown = batches(generator)
        return head_loss(head(*inputs), shown.rewards, shown.confidence)

    fit(head, loss_of, steps)
    head.zero_grad()
    return head.eval().requires_grad_(False)


def test_a_head_learns_and_a_corrector_follows_its_gradient() -> None:
    records = toy_records()
    # Predictions that already differ: there is something to read.
    records.latents = records.finals.repeat(2, 1, 1, 1)
    head = trained_head(records)
    calibrate_on(head, records, encode, "cpu")
    figures = head_figures(head, records, encode, "cpu")
    assert figures["auc"]["final"]["all"] > 0.95 and figures["auc"]["x0 0.80"]["count"] > 0.95
    assert "color" not in figures["auc"]["final"] and figures["ece"]["final"] < 0.25
    objective = Pathwise(CONFIG, records, encode, 32, "cpu", head, PathwiseSettings(anchor=0.01, caution=0.0))
    assert shift(trained(objective, 60), records) > 0.1
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
    objective = Distillation(CONFIG, records, encode, 64, "cpu")
    assert shift(objective.corrector(objective.module), records) == 0
    moved = shift(trained(objective, 200), records)
    assert 0.5 < moved < 1.5
    # All pictures together are in the middle: an emphasis of one doubles the step.
    objective.emphasis = 1.0
    assert shift(objective.corrector(objective.module), records) == pytest.approx(2 * moved, rel=0.25)


def test_errors_of_distillation_are_over_passed_pictures_and_all() -> None:
    torch.manual_seed(0)
    records = toy_records()
    objective = Distillation(CONFIG, records, encode, 64, "cpu")
    records = objective.records
    latents, _, _, _ = tensors(records, encode, "cpu")
    passed, everything = objective.errors(objective.module, records)
    spread = objective.module.passed.body.spread[:, None, None]
    distances = ((records.targets - latents) / spread).square().mean(dim=(1, 2, 3))
    assert passed.item() == pytest.approx(distances[records.passed].mean().item(), rel=1e-4)
    assert everything.item() == pytest.approx(distances.mean().item(), rel=1e-4)


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


def test_auc_counts_ties_as_half() -> None:
    assert auc(torch.tensor([1.0, 0.5, 0.5]), torch.tensor([True, True, False])) == (1.5, 2.0)


def test_joined_records_keep_their_pictures() -> None:
    first, second = toy_records(8), toy_records(4)
    second.finals += 7
    second.latents[:4] += 7
    joined = join([first, second])
    assert len(joined) == 24 and len(joined.finals) == 12
    finished = joined.where(joined.kinds == FINAL)
    assert torch.equal(finished.targets, finished.latents)
    with pytest.raises(ValueError, match="2 sizes"):
        second.finals = torch.zeros(4, CHANNELS, 2, 2)
        join([first, second])


def test_joined_records_have_the_aspects_of_all() -> None:
    first, second = toy_records(8), toy_records(4).with_aspects(("color", "count"))
    assert second.rewards[0].tolist() == [NO_REWARD, 1.0]
    joined = join([second, first])
    assert joined.aspects == ASPECTS and joined.rewards[0].tolist() == first.rewards[0].tolist()
    assert join([second, second]).aspects == ("color", "count")


def test_regional_targets_name_the_object_in_its_cell() -> None:
    objects = [[Detection(0, 0, 20, 20, "circle", "red"), Detection(70, 40, 20, 20, "square", "blue")], []]
    targets = region_targets(objects, ["blue square", "red circle"], 6, 6, 96)
    assert targets.shape == (2, 36) and targets[1].sum() == 0
    assert targets[0].unflatten(0, (6, 6)).nonzero().tolist() == [[0, 0], [3, 5]]
    assert targets[0, 0] == 2 and targets[0, 3 * 6 + 5] == 1


def test_what_a_prompt_asks_for_is_known_for_each_object() -> None:
    objects = [
        Detection(0, 0, 9, 9, "circle", "red"),
        Detection(0, 0, 9, 9, "circle", "blue"),
        Detection(0, 0, 9, 9, "square", "red"),
    ]
    assert in_prompt(objects, "two red circles") == [True, False, False]
    assert in_prompt(objects, "a circle and a blue square") == [True, True, False]


def test_a_head_learns_where_objects_are_and_which_are_in_prompt() -> None:
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


def test_repair_pairs_move_what_failed_and_leave_what_passed() -> None:
    records = toy_records()
    # Here the prediction itself tells what is wrong, by the channel that gives it away.
    records.latents[64:] = records.finals
    corrector = trained(RepairPairs(CONFIG, records, encode, 32, "cpu"), 150)
    with torch.no_grad():
        residual = corrector(records.latents[64:], encode(records.prompts[64:]), records.noise_level[64:])
    moved, right = residual[:, 0].flatten(1).mean(dim=1), records.passed[64:]
    assert moved[~right].mean() > 1.0 > 0.2 > moved[right].abs().mean()


def test_repair_pairs_need_failed_pictures_that_were_repaired() -> None:
    records = toy_records()
    records.repair_index[:] = -1
    with pytest.raises(ValueError, match="0 belong to failed pictures with a repaired version"):
        RepairPairs(CONFIG, records, encode, 8, "cpu")


def test_minimal_repairs_weigh_the_cells_that_change_as_much_as_all_others() -> None:
    records = toy_records()
    records.latents[64:] = records.finals
    records.repairs = records.finals[1::2].clone()
    records.repairs[:, 0, 0, 0] += 1.0
    objective = MinimalRepair(CONFIG, records, encode, 32, "cpu")
    failed = objective.records.where(objective.records.repaired)
    spread = objective.module.body.spread[0].item()
    # Nothing is moved yet: one cell of 16 is off by 1 in one of four channels, and weighs half.
    assert objective.error(objective.module, failed).item() == pytest.approx(0.5 / 4 / spread**2, rel=1e-3)
    losses = fit(objective.module, objective.loss, 150)
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])
    with torch.no_grad():
        moved = objective.corrector(objective.module)(
            records.latents[64:], encode(records.prompts[64:]), records.noise_level[64:]
        )
    wrong = ~records.passed[64:].bool()
    assert moved[wrong, 0, 0, 0].mean() > 0.5 > 0.2 > moved[~wrong].abs().mean()


def test_minimal_repair_names_itself_where_there_are_no_pairs() -> None:
    records = toy_records()
    records.repair_index[:] = -1
    with pytest.raises(ValueError, match="minimal_repair needs both"):
        MinimalRepair(CONFIG, records, encode, 8, "cpu")


def test_joined_records_keep_their_repaired_latents() -> None:
    records = toy_records(8)
    joined = join([records, records])
    index = joined.repair_index[joined.repaired]
    assert torch.equal(index[8:] - 4, index[:8])
    assert torch.equal(joined.repairs[index][8:], records.repairs[records.repair_index[records.repaired]])


def test_finished_pictures_that_were_corrected_calibrate_a_head_too() -> None:
    plain, corrected = toy_records(), toy_records()
    corrected.rewards[:, 0] = 1 - corrected.rewards[:, 0]
    alone, both = small_head(), small_head()
    for head, of_corrected in ((alone, None), (both, corrected)):
        torch.nn.init.normal_(head.logits.weight, generator=torch.Generator().manual_seed(1))
        figures = measured(head, plain, encode, "cpu", of_corrected)
        assert set(figures) == {"auc", "ece"} | ({"corrected"} if of_corrected else set())
    assert set(figures["corrected"]["auc"]) == {"final", "x0 0.80"}
    assert torch.equal(alone.slope[X0], both.slope[X0]) and not torch.equal(alone.slope[FINAL], both.slope[FINAL])
