"""The methods that the bench compares, by the name that the command line gives them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import torch

from ...aspects import ASPECT_OF, ASPECTS
from ...loop.baselines import base, best_of_n, corrected, one_correction, retry
from ...loop.engine import Engine
from ...loop.registry import DEFAULT_STRATEGIES, OBJECT_BY_OBJECT
from ...loop.run import correct_all
from ...loop.settings import FIRST, LoopSettings
from ...loop.state import LoopState
from .controls import HeadGradient, RandomResidual, ShuffledPrompt
from .corrector_placement import and_on_noise, at_level, on_finished
from .early import early_best_of
from .noise_gradient import noise_gradient

RENOISE_NOISE_LEVEL = 0.8
"""Where ``renoise`` starts from beside a corrector that does not act once; beside one that does, where that acts."""

EARLY_NOISE_LEVEL = 0.5
"""Where ``early_best_of`` and ``early_retry`` decide: there the head reads best which of a prompt's pictures will be
right."""

GRADIENT_WINDOW = (0.7, 0.8)
"""Where ``gradient`` acts: the highest noise levels that a head can read."""

Method = Callable[[Engine], list[LoopState]]


def _loop(*strategies: str, first: str = FIRST[0]) -> Callable[[int], Method]:
    def family(number: int) -> Method:
        def run(engine: Engine) -> list[LoopState]:
            # In base generations for all methods, though a draw that is corrected on its way takes a call more.
            cap = number * engine.sampler.nfe()
            return correct_all(engine, LoopSettings(rounds=10 * number, strategies=strategies, budget=cap, first=first))

        return run

    return family


def _corrected(engine: Engine) -> list[LoopState]:
    return corrected(engine, LoopSettings())


def _with(control) -> Method:
    return lambda engine: corrected(replace(engine, corrector=control(engine.corrector)), LoopSettings())


def _known(engine: Engine) -> torch.Tensor:
    """Which aspects each picture's claims are about, (B, A)."""
    known = torch.zeros(len(engine.states), len(ASPECTS))
    for row, claims in enumerate(engine.claims):
        known[row, [ASPECTS.index(ASPECT_OF[claim.type]) for claim in claims]] = 1
    return known


def _gradient(engine: Engine) -> list[LoopState]:
    climber = HeadGradient(engine.head, engine.head.config, _known(engine))
    return corrected(replace(engine, corrector=climber), LoopSettings(window=GRADIENT_WINDOW))


_FAMILIES: dict[str, Callable[[int], Method]] = {
    "best_of": lambda number: lambda engine: best_of_n(engine, number),
    "retry": lambda number: lambda engine: retry(engine, number),
    "early_best_of": lambda number: lambda engine: early_best_of(engine, number, EARLY_NOISE_LEVEL),
    "early_retry": lambda number: lambda engine: early_best_of(engine, number, EARLY_NOISE_LEVEL, until_passed=True),
    "corrected_best_of": lambda number: lambda engine: best_of_n(engine, number, LoopSettings()),
    "corrected_retry": lambda number: lambda engine: retry(engine, number, LoopSettings()),
    "loop": _loop(*DEFAULT_STRATEGIES),
    "corrector_at": lambda number: lambda engine: at_level(engine, number),
    "process": _loop(*DEFAULT_STRATEGIES, *OBJECT_BY_OBJECT),
    "guided_loop": _loop(*DEFAULT_STRATEGIES, first="always"),
    "rearrange": _loop("rearrange"),
    "region": _loop("region"),
    "correct": _loop("correct"),
    "resample": _loop("resample"),
}
_SINGLE: dict[str, Method] = {
    "base": base,
    "corrector": _corrected,
    "corrector_always": lambda engine: _corrected(replace(engine, head=None)),
    "corrector_finished": on_finished,
    "corrector_and_noise": and_on_noise,
    "random": _with(RandomResidual),
    "shuffled": _with(ShuffledPrompt),
    "gradient": _gradient,
    "noise_gradient": lambda engine: noise_gradient(engine, _known(engine)),
    "renoise": lambda engine: one_correction(
        engine,
        engine.corrector.config.single_step_level or RENOISE_NOISE_LEVEL,
        LoopSettings(candidates=1, strength=0.0),
    ),
}


def method(name: str, budget: int | None = None) -> Method:
    """The method of a name. What follows a colon is ignored. Raises ValueError for other names.

    One picture a prompt, returned as it is:

    * ``base``, the plain sampler;
    * ``corrector``, drawn with the corrector at work: one that acts once only where the head doubts, with
      ``corrector_always`` on every picture;
    * ``corrector_at_N``, on every picture at the noise level of N percent alone, at 100 on the noise itself;
      ``corrector_and_noise``, there and at its own level; ``corrector_finished``, on the finished latent, without
      sampling on;
    * ``random``, ``shuffled``, ``gradient``: a random change of the same size, another picture's prompt, or the head's
      gradient in the corrector's place; ``noise_gradient``, that gradient on the initial noise instead;
    * ``renoise``, the base picture renoised and drawn on, without a corrector.

    Several pictures, the critic's best returned. N caps the model calls in multiples of one base generation; ``budget``
    stands in where N is left out:

    * ``best_of_N``; ``corrected_best_of_N`` with each drawn as by ``corrector``;
    * ``retry_N`` and ``corrected_retry_N``, the same until the critic accepts one;
    * ``early_best_of_N`` and ``early_retry_N``, each the one of two candidates that the head likes better half way;
    * ``loop_N``, the loop, whose later draws a corrector that acts once has part in; with ``guided_loop_N`` it has part
      in the first picture, too; ``process_N``, the loop that introduces missing objects one by one;
    * ``rearrange_N``, ``region_N``, ``correct_N``, ``resample_N``, a loop with one strategy alone.
    """
    name = name.split(":")[0]
    if name in _SINGLE:
        return _SINGLE[name]
    found = re.fullmatch(r"([a-z_]+?)(?:_(\d+))?", name)
    number = int(found.group(2)) if found and found.group(2) else budget
    if not found or found.group(1) not in _FAMILIES or not number:
        raise ValueError(
            f"There is no method '{name}'; there are {', '.join(_SINGLE)} and "
            f"{', '.join(f'{family}_N' for family in _FAMILIES)} (N: multiples of one generation, or --budget)."
        )
    return _FAMILIES[found.group(1)](number)
