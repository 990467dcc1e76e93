"""Carrying out plans: renoise, let head and corrector act where a plan says so, sample on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..guidance.base import WatchedGuidance, X0Guidance
from ..guidance.corrector import corrector_change
from ..protocols import CropSampler, Encoder, Window
from .correction import Correction, Trace, is_staged
from .crops import enlarged, redrawn_in, stitched
from .engine import Attempt, Engine, derived_seed
from .fills import Fill
from .head_reader import expected_reward, step_reader, watched
from .hole_filling import fill
from .plan import Plan
from .settings import LoopSettings
from .state import SOURCE

_ALL = Window(0.0, 0.0, 1.0, 1.0)
"""All of a picture."""


def carry_out(engine: Engine, rows: Sequence[int], plans: Sequence[Plan], correction: Correction) -> Attempt:
    """Attempts for rows whose plans share strategy, noise level and wording, each from its best latent so far."""
    plan = plans[0]
    if plan.crop is not None:
        return redraw_crops(engine, rows, plans)
    if plan.instruction:
        return edit_pictures(engine, rows, plans)
    if plan.fill is not None and plan.fill.by_model:
        return fill_holes(engine, rows, plans, correction)
    attempt = _carried_out(engine.with_prompt(plan.prompt), rows, plans, correction)
    attempt.prompt = plan.prompt
    if plan.claims:
        attempt.claims = [plan.claims for plan in plans]
        # They are of the claims of the whole picture, and this is one object of it.
        attempt.steps = None
    return attempt


def _carried_out(engine: Engine, rows: Sequence[int], plans: Sequence[Plan], correction: Correction) -> Attempt:
    plan, seeds, reasons = plans[0], [plan.seed for plan in plans], [plan.reason for plan in plans]
    regions = _stacked([plan.region for plan in plans])
    if plan.correction == "renoise":
        return correct(engine, rows, plan.strategy, plan.noise_level, seeds, correction, regions)
    if plan.noise_level == 1.0 and regions is None:
        drawn_with = correction if plan.correction == "draw" else None
        if drawn_with is None and correction.candidates_nfe(engine.sampler):
            return draw_candidates(engine, rows, plan.strategy, seeds, correction)
        return draw(engine, rows, plan.strategy, seeds, drawn_with, reasons, doubted_only=False)
    best = best_latents(engine, rows)
    latents = torch.stack([latent if plan.latent is None else plan.latent for latent, plan in zip(best, plans)])
    attempt = Attempt(plan.strategy, plan.noise_level, seeds, 0, latents, reasons=reasons, regions=regions)
    if any(plan.levels is not None for plan in plans):
        attempt.levels = torch.stack([levels_of(plan, latents) for plan in plans])
    told = plan.fill if plan.fill is not None and not plan.fill.by_model else None
    return _resumed(engine, rows, attempt, told=told)


def redraw_crops(engine: Engine, rows: Sequence[int], plans: Sequence[Plan]) -> Attempt:
    """Attempts in which a part of each best picture is enlarged, redrawn there, scaled back and stitched in.

    What is around it never passes the VAE. The latents are those of the best pictures, with what encoding makes of the
    new ones in the cells that they touch. Raises ValueError where the encoder's latents have another size than planned.
    """
    plan, seeds = plans[0], [plan.seed for plan in plans]
    crops = [plan.crop for plan in plans if plan.crop is not None]
    sampler, encoder = engine.with_prompt(plan.prompt).sampler, engine.encoder
    regions = _stacked([plan.region for plan in plans])
    assert isinstance(sampler, CropSampler) and encoder is not None and regions is not None
    size, before = crops[0].size, torch.stack([engine.states[row].best.image for row in rows])
    parts = encoder.encode(torch.stack([enlarged(image, crop) for image, crop in zip(before, crops)]))
    if parts.shape[-2:] != size:
        raise ValueError(
            f"A part of the picture was enlarged for latents of {size[1]} x {size[0]}, and the VAE made latents of "
            f"{parts.shape[-1]} x {parts.shape[-2]} of it. Switch detail off for this VAE."
        )
    opened = torch.stack([crop.opened for crop in crops])
    emptied = opened & torch.tensor([crop.emptied for crop in crops])[:, None, None]
    drawing = sampler.cropped(rows, [crop.window for crop in crops], crops[0].size, crops[0].prompt, crops[0].avoid)
    started = fill(parts, emptied.to(parts.device))
    drawn = drawing.resume(started, plan.noise_level, list(range(len(rows))), seeds, None, opened)
    decoded = engine.decoder.decode(drawn).to(before)
    images = torch.stack([stitched(image, part, crop) for image, part, crop in zip(before, decoded, crops)])
    best, encoded = best_latents(engine, rows), encoder.encode(images)
    latents = torch.where(regions[:, None], encoded.to(best), best)
    nfe = crops[0].nfe(sampler.nfe(plan.noise_level), (best.shape[-2], best.shape[-1]))
    attempt = Attempt(plan.strategy, plan.noise_level, seeds, nfe, latents, regions=regions, prompt=plan.prompt)
    attempt.reasons, attempt.images = [plan.reason for plan in plans], images
    return attempt


def edit_pictures(engine: Engine, rows: Sequence[int], plans: Sequence[Plan]) -> Attempt:
    """Attempts in which each best picture is changed by an instruction; where a plan has a region, only in it.

    The latents are what encoding makes of the new pictures. Raises ValueError where the editor or the encoder gives
    another size than it was given.
    """
    editor, encoder, plan = engine.editor, engine.encoder, plans[0]
    assert editor is not None and encoder is not None
    seeds, before = [plan.seed for plan in plans], torch.stack([engine.states[row].best.image for row in rows])
    images = editor.edit(before, [plan.instruction for plan in plans], seeds).to(before)
    if images.shape != before.shape:
        raise ValueError(
            f"The edit model was given pictures of the shape {tuple(before.shape)} and returned "
            f"{tuple(images.shape)}. It must return each picture in its own size."
        )
    best, regions = best_latents(engine, rows), _stacked([plan.region for plan in plans])
    if regions is not None:
        images = torch.stack([redrawn_in(*changed) for changed in zip(before, images, regions)])
    latents = _encoded_in(regions, images, best, encoder, "edited")
    attempt = Attempt(plan.strategy, plan.noise_level, seeds, editor.nfe(), latents, regions=regions)
    attempt.prompt, attempt.reasons, attempt.images = plan.prompt, [plan.reason for plan in plans], images
    return attempt


def fill_holes(engine: Engine, rows: Sequence[int], plans: Sequence[Plan], correction: Correction) -> Attempt:
    """Attempts in which a fill model redraws a hole in each picture, after what else is planned has been sampled.

    Pixels outside of regions stay the same to the last bit; the latents are those of before with what encoding makes of
    the new pictures in the holes. Raises ValueError where the fill model or the encoder gives another size than it was
    given.
    """
    filler, encoder, plan = engine.filler, engine.encoder, plans[0]
    regions, seeds = _stacked([plan.region for plan in plans]), [plan.seed for plan in plans]
    fills = [plan.fill for plan in plans if plan.fill is not None]
    assert filler is not None and encoder is not None and regions is not None
    images, latents = torch.stack([engine.states[row].best.image for row in rows]), best_latents(engine, rows)
    nfe, cells = 0, torch.stack([hole.cells for hole in fills])
    if not plan.only_fills:
        sampled = _carried_out(engine.with_prompt(plan.prompt), rows, plans, correction)
        decoded = engine.decoder.decode(sampled.latents).to(images)
        images = torch.stack([redrawn_in(*changed) for changed in zip(images, decoded, regions)])
        latents, nfe = sampled.latents.to(latents), sampled.nfe
    holes = F.interpolate(cells[:, None].to(images), list(images.shape[1:3]), mode="nearest")[:, 0]
    filled = filler.fill(images, holes, [hole.prompt for hole in fills], [hole.avoid for hole in fills], seeds)
    if filled.shape != images.shape:
        raise ValueError(
            f"The fill model was given pictures of the shape {tuple(images.shape)} and returned "
            f"{tuple(filled.shape)}. It must return each picture in its own size."
        )
    images = torch.stack([redrawn_in(*changed) for changed in zip(images, filled.to(images), cells)])
    latents = _encoded_in(cells, images, latents, encoder, "redrawn")
    # Asked afterwards: a fill model may know its calls only once it has run.
    nfe += filler.nfe()
    attempt = Attempt(plan.strategy, plan.noise_level, seeds, nfe, latents, regions=regions, prompt=plan.prompt)
    attempt.reasons, attempt.images = [plan.reason for plan in plans], images
    return attempt


def _encoded_in(regions: Tensor | None, images: Tensor, latents: Tensor, encoder: Encoder, changed: str) -> Tensor:
    """The latents (B, C, h, w) with what encoding makes of images in their regions (B, h, w), None: everywhere.

    Raises ValueError, which calls the pictures ``changed``, where that has another size.
    """
    encoded = encoder.encode(images).to(latents)
    if encoded.shape != latents.shape:
        raise ValueError(
            f"The picture's latent has the shape {tuple(latents.shape[1:])}, and the VAE made one of "
            f"{tuple(encoded.shape[1:])} of the {changed} picture. Connect the VAE of the model that draws."
        )
    return encoded if regions is None else torch.where(regions.to(latents.device)[:, None], encoded, latents)


def first_attempt(engine: Engine, rows: Sequence[int], settings: LoopSettings, correction: Correction) -> Attempt:
    """The first pictures: a draw with their own seeds, or the sources of an edit, which cost no model call."""
    seeds = [engine.seeds[row] for row in rows]
    if engine.sources is None:
        drawn_with = correction if settings.first != "plain" and correction.corrects_draws else None
        return draw(engine, rows, "sample", seeds, drawn_with, doubted_only=settings.first == "doubted")
    latents = engine.sources[list(rows)]
    nowhere = torch.zeros(len(rows), *latents.shape[-2:], dtype=torch.bool)
    return Attempt(SOURCE, 0.0, seeds, 0, latents, regions=nowhere)


def draw(
    engine: Engine,
    rows: Sequence[int],
    strategy: str,
    seeds: Sequence[int],
    correction: Correction | None = None,
    reasons: Sequence[str] | None = None,
    doubted_only: bool = True,
) -> Attempt:
    """Fresh draws from pure noise; with ``correction``, with the corrector at work (see ``Correction.guidance``)."""
    trace = Trace()
    guidance = correction.guidance(engine, rows, trace, doubted_only) if correction else None
    reader = step_reader(engine, rows)
    latents = engine.sampler.generate(rows, seeds, watched(guidance, reader))
    # Asked afterwards: a sampler may know its calls per step only once it has run.
    nfe = engine.sampler.nfe() + (guidance.extra_nfe if guidance else 0)
    attempt = Attempt(strategy, 1.0, seeds, nfe, latents, trace.changes, None, trace.attributions, reasons)
    attempt.steps = reader.steps if reader else None
    return attempt


def draw_candidates(
    engine: Engine, rows: Sequence[int], strategy: str, seeds: Sequence[int], correction: Correction
) -> Attempt:
    """Fresh draws from several seeds each, of which only the one is finished that the head expects most of (TTSnap,
    PARM).

    The first candidate has the seed of the plan. They are compared by the last prediction of their first stage.
    """
    sampler, level, number = engine.sampler, correction.decision_level, correction.fresh_candidates
    assert is_staged(sampler)
    seeds_of = [list(seeds), *([derived_seed(seed, k) for seed in seeds] for k in range(1, number))]
    begun, rewards, readers = [], [], []
    for candidate in seeds_of:
        last, reader = _LastPrediction(), step_reader(engine, rows)
        begun.append(sampler.begin(rows, candidate, level, watched(WatchedGuidance(None, last), reader)))
        rewards.append(expected_reward(engine, rows, last.x0, last.noise_level))
        readers.append(reader)
    best, chosen = torch.stack(rewards).max(dim=0)
    places = chosen.tolist()
    picked = torch.stack(begun)[chosen.to(begun[0].device), torch.arange(len(rows), device=begun[0].device)]
    picked_seeds = [seeds_of[k][index] for index, k in enumerate(places)]
    reader = step_reader(engine, rows)
    latents = sampler.finish(picked, level, rows, picked_seeds, watched(None, reader))
    nfe = sampler.nfe() + correction.candidates_nfe(sampler)
    reasons = [f"a fresh draw, number {k + 1} of {number} candidates by the head" for k in places]
    attempt = Attempt(strategy, 1.0, picked_seeds, nfe, latents, None, best.tolist(), reasons=reasons)
    if reader is not None:
        first = [kept.steps for kept in readers if kept is not None]
        attempt.steps = [(*first[k][index], *reader.steps[index]) for index, k in enumerate(places)]
    return attempt


class _LastPrediction:
    """Keeps the last x0 prediction (B, C, h, w) of a run, and its noise level."""

    def __call__(self, x0: Tensor, noise_level: float) -> None:
        self.x0, self.noise_level = x0.float(), noise_level


def correct(
    engine: Engine,
    rows: Sequence[int],
    strategy: str,
    noise_level: float,
    seeds: Sequence[int],
    correction: Correction,
    regions: Tensor | None = None,
) -> Attempt:
    """The whole picture renoised, or what ``regions`` (B, h, w) open of it, with head and corrector.

    A head picks the noise whose x0 prediction it rates highest; the corrector changes predictions. Shifting a latent z
    by d shifts x0 by d under the same noise, so x' = x + (1 - noise_level)(x0' - x0) is a resume from z + d.
    """
    best = latents = best_latents(engine, rows)
    attempt, trace = Attempt(strategy, noise_level, seeds, 0, latents, regions=regions), Trace()
    if correction.prediction_nfe(noise_level):
        prediction = _picked_prediction(engine, rows, attempt, correction)
        if correction.corrector and not correction.every_step:
            context = engine.sampler.context(rows)
            change = corrector_change(correction.corrector, context, strength=correction.strength, record=trace)
            latents = latents.to(prediction.device) + change(prediction, noise_level) - prediction
    guidance = correction.guidance(engine, rows, trace) if correction.every_step else None
    if regions is not None:
        latents = torch.where(regions.to(latents.device)[:, None], latents, best.to(latents))
    attempt.latents = latents
    _resumed(engine, rows, attempt, guidance)
    attempt.changes, attempt.attributions = trace.changes, trace.attributions
    return attempt


def best_latents(engine: Engine, rows: Sequence[int]) -> Tensor:
    """The best latents (B, C, h, w) of some rows so far."""
    return torch.stack([engine.states[row].best.latent for row in rows])


def _resumed(
    engine: Engine, rows: Sequence[int], attempt: Attempt, guidance: X0Guidance | None = None, told: Fill | None = None
) -> Attempt:
    """The attempt with its latents renoised and sampled to the end, and what that costs added.

    The prompt is that of the rows, or what is ``told`` of the place that all their regions show.
    """
    level, regions = attempt.noise_level, attempt.regions
    reader = step_reader(engine, rows, attempt.latents, regions)
    guidance = watched(guidance, reader)
    opened = regions if attempt.levels is None else attempt.levels
    sampler, drawn = engine.sampler, rows
    if told is not None:
        assert isinstance(sampler, CropSampler)
        size = attempt.latents.shape[-2], attempt.latents.shape[-1]
        sampler, drawn = sampler.cropped(rows, [_ALL] * len(rows), size, told.prompt, told.avoid), range(len(rows))
    attempt.latents = sampler.resume(attempt.latents, level, drawn, attempt.seeds, guidance, opened)
    attempt.nfe += engine.sampler.nfe(level)
    attempt.steps = reader.steps if reader else None
    return attempt


def _picked_prediction(engine: Engine, rows: Sequence[int], attempt: Attempt, correction: Correction) -> Tensor:
    """Per row, the x0 prediction that the head rates highest, the first if it cannot pick.

    The attempt gets the seeds of these predictions, the rewards that the head expects, and what the calls cost.
    """
    level = attempt.noise_level
    number = correction.prediction_nfe(level)
    attempt.nfe += number
    candidates = [list(attempt.seeds), *([derived_seed(seed, k) for seed in attempt.seeds] for k in range(1, number))]
    predictions = torch.stack([engine.sampler.predict(attempt.latents, level, rows, seeds) for seeds in candidates])
    if not correction.head_picks(level):
        return predictions[0]
    rewards = torch.stack([expected_reward(engine, rows, prediction, level) for prediction in predictions])
    highest, chosen = rewards.max(dim=0)
    attempt.seeds = [candidates[k][row] for row, k in enumerate(chosen.tolist())]
    attempt.predicted = highest.tolist()
    return predictions[chosen, torch.arange(len(rows), device=predictions.device)]


def levels_of(plan: Plan, latents: Tensor) -> Tensor:
    """The noise level (h, w) that each cell is redrawn from by a plan that is carried out on latents (B, C, h, w)."""
    if plan.levels is not None:
        return plan.levels
    everywhere = torch.full(latents.shape[-2:], plan.noise_level)
    return everywhere if plan.region is None else everywhere * plan.region


def _stacked(regions: Sequence[Tensor | None]) -> Tensor | None:
    """The regions (B, h, w) of plans that are carried out together: all have one, or none has."""
    opened = [region for region in regions if region is not None]
    return torch.stack(opened) if opened else None
