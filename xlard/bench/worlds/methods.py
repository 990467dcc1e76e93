"""The methods that the bench compares, by the name that the command line gives them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from ...aspects import ASPECT_OF, ASPECTS
from ...loop.baselines import base, best_of_n, correct_latent, corrected, one_correction, retry
from ...loop.edit_by_model import EditByModel
from ...loop.engine import Engine
from ...loop.registry import DEFAULT_STRATEGIES, OBJECT_BY_OBJECT, switches
from ...loop.run import correct_all
from ...loop.settings import ANYTHING, AS_NEEDED, FIRST, KEEP_ALL, LoopSettings
from ...loop.state import LoopState
from ...models.corrector import LatentCorrector
from ...protocols import Corrector
from .controls import HeadGradient, RandomResidual, ShuffledPrompt
from .corrector_placement import and_on_noise, at_level, on_finished
from .early import early_best_of
from .engine_models import corrector_of, head_of
from .noise_gradient import noise_gradient, search_noise

RENOISE_NOISE_LEVEL = 0.8
"""Where ``renoise`` starts from beside a corrector of many steps; beside one of a single step, where that acts."""

EARLY_NOISE_LEVEL = 0.5
"""Where ``early_best_of_N`` and ``early_retry_N`` decide: there the head reads best which of a prompt's pictures will
be right.
"""

GRADIENT_WINDOW = (0.7, 0.8)
"""Where ``gradient`` acts: the highest noise levels that a head can read."""

EDIT = EditByModel.name

WITHOUT_EDIT = tuple(name for name in DEFAULT_STRATEGIES if name != EDIT)
"""The loop's own strategies: an edit model is compared as something added."""

Run = Callable[[Engine], list[LoopState]]


@dataclass(frozen=True)
class Method:
    """What the bench compares. A ``name`` that ends in ``_N`` stands for one method for each N.

    ``build`` makes it from N, and without an N in the name from 1.
    """

    name: str
    description: str
    build: Callable[[int], Run]

    @property
    def family(self) -> str:
        """The name without its N."""
        return self.name.removesuffix("_N")

    @property
    def takes_number(self) -> bool:
        """Whether an N belongs to the name."""
        return self.name != self.family


def _loop(
    *strategies: str, first: str = FIRST[0], may_change: str = AS_NEEDED, fresh_candidates: int = 1
) -> Callable[[int], Run]:
    def build(number: int) -> Run:
        def run(engine: Engine) -> list[LoopState]:
            if EDIT in strategies and engine.editor is None:
                raise ValueError("This method needs an edit model, and this world has none.")
            # In base generations for all methods, though a draw that is corrected on its way takes a call more.
            cap = number * engine.sampler.nfe()
            settings = LoopSettings(
                rounds=10 * number,
                strategies=strategies,
                budget=cap,
                first=first,
                may_change=may_change,
                fresh_candidates=fresh_candidates,
            )
            return correct_all(engine, settings)

        return run

    return build


def _single(run: Run) -> Callable[[int], Run]:
    return lambda number: run


def _corrected(engine: Engine) -> list[LoopState]:
    return corrected(engine, LoopSettings())


def _corrected_always(engine: Engine) -> list[LoopState]:
    return _corrected(replace(engine, head=None))


def _with_control(control: Callable[[LatentCorrector], Corrector]) -> Callable[[int], Run]:
    return _single(lambda engine: _corrected(replace(engine, corrector=control(corrector_of(engine)))))


def _known_aspects(engine: Engine) -> torch.Tensor:
    """Which aspects each picture's claims are about, (B, A)."""
    known = torch.zeros(len(engine.states), len(ASPECTS))
    for row, claims in enumerate(engine.claims):
        known[row, [ASPECTS.index(ASPECT_OF[claim.type]) for claim in claims]] = 1
    return known


def _gradient(engine: Engine) -> list[LoopState]:
    climber = HeadGradient(head_of(engine), _known_aspects(engine))
    return corrected(replace(engine, corrector=climber), LoopSettings(window=GRADIENT_WINDOW))


def _noise_gradient(engine: Engine) -> list[LoopState]:
    return noise_gradient(engine, _known_aspects(engine))


def _renoise(engine: Engine) -> list[LoopState]:
    noise_level = corrector_of(engine).config.single_step_level or RENOISE_NOISE_LEVEL
    return one_correction(engine, noise_level, LoopSettings(candidates=1, strength=0.0))


METHODS = (
    Method("base", "the plain sampler", _single(base)),
    Method(
        "corrector",
        "drawn with the corrector; one that acts in a single step does so only where the head doubts",
        _single(_corrected),
    ),
    Method("corrector_always", "the same on every picture", _single(_corrected_always)),
    Method(
        "correct_latent",
        "each finished latent that the head doubts noised to the corrector's level, corrected and sampled on",
        _single(correct_latent),
    ),
    Method("corrector_finished", "the corrector on every finished latent, without sampling on", _single(on_finished)),
    Method("corrector_and_noise", "the corrector on the noise and at its own level", _single(and_on_noise)),
    Method("random", "a random change of the corrector's size in its place", _with_control(RandomResidual)),
    Method("shuffled", "the corrector with another picture's prompt", _with_control(ShuffledPrompt)),
    Method("gradient", "the head's gradient in the corrector's place", _single(_gradient)),
    Method("noise_gradient", "the head's gradient on the initial noise", _single(_noise_gradient)),
    Method(
        "search_noise_N",
        "the same on the noise's sphere, with all calls but the picture's own; a step counts two",
        lambda number: lambda engine: search_noise(engine, _known_aspects(engine), number),
    ),
    Method("renoise", "the base picture renoised and sampled on, without a corrector", _single(_renoise)),
    Method("best_of_N", "N pictures, the critic's best", lambda number: lambda engine: best_of_n(engine, number)),
    Method("retry_N", "the same until the critic accepts one", lambda number: lambda engine: retry(engine, number)),
    Method(
        "early_best_of_N",
        "best_of_N, each picture the one of two candidates that the head prefers halfway",
        lambda number: lambda engine: early_best_of(engine, number, EARLY_NOISE_LEVEL),
    ),
    Method(
        "early_retry_N",
        "retry_N, each picture the one of two candidates that the head prefers halfway",
        lambda number: lambda engine: early_best_of(engine, number, EARLY_NOISE_LEVEL, until_passed=True),
    ),
    Method(
        "corrected_best_of_N",
        "best_of_N, each picture drawn as by corrector",
        lambda number: lambda engine: best_of_n(engine, number, LoopSettings()),
    ),
    Method(
        "corrected_retry_N",
        "retry_N, each picture drawn as by corrector",
        lambda number: lambda engine: retry(engine, number, LoopSettings()),
    ),
    Method(
        "loop_N",
        "the loop; a corrector that acts in a single step has part in all pictures but the first",
        _loop(*WITHOUT_EDIT),
    ),
    Method(
        "corrector_at_N",
        "the corrector on every picture at the noise level of N percent alone, at 100 on the noise itself",
        lambda number: lambda engine: at_level(engine, number),
    ),
    Method("process_N", "the loop that introduces missing objects one by one", _loop(*WITHOUT_EDIT, *OBJECT_BY_OBJECT)),
    Method(
        "guided_loop_N",
        "the loop whose corrector has part in the first picture, too",
        _loop(*WITHOUT_EDIT, first="always"),
    ),
    Method(
        "keeping_loop_N", "the loop that keeps everything but what is wrong", _loop(*WITHOUT_EDIT, may_change=KEEP_ALL)
    ),
    Method(
        "early_resample_N",
        "resample_N, each fresh picture the one of two candidates that the head prefers halfway",
        _loop("resample", fresh_candidates=2),
    ),
    Method("editing_loop_N", "the loop with the world's edit model, too", _loop(*WITHOUT_EDIT, EDIT)),
    Method("detailed_loop_N", "the loop with detail, too", _loop(*WITHOUT_EDIT, "detail")),
    Method("anything_loop_N", "the loop in which anything may change", _loop(*WITHOUT_EDIT, may_change=ANYTHING)),
    *(
        Method(f"{spec.name}_N", "the loop with this strategy alone", _loop(spec.name))
        for spec in switches()
        if "rewriter" not in spec.needs
    ),
)
"""Every method. Those of several pictures return the critic's best; N caps their model calls in multiples of one base
generation.
"""


@dataclass(frozen=True)
class MethodName:
    """A method's name in its parts: ``retry_4:exact_judge`` is of the family ``retry``."""

    family: str
    number: int | None
    variant: str

    @classmethod
    def read(cls, name: str) -> MethodName:
        """The parts of a name, whether or not there is such a method."""
        plain, _, variant = name.partition(":")
        match = re.fullmatch(r"([a-z_]+?)_(\d+)", plain)
        return cls(match[1], int(match[2]), variant) if match else cls(plain, None, variant)


def method(name: str, budget: int | None = None) -> Run:
    """The method of a name; ``budget`` stands in for an N that is left out. What follows a colon is ignored.

    Raises ValueError for a name that is not in ``METHODS``.
    """
    parsed = MethodName.read(name)
    number = parsed.number or (budget if parsed.number is None else None)
    for known in METHODS:
        if known.family == parsed.family and known.takes_number and number:
            return known.build(number)
        if known.family == parsed.family and not known.takes_number and parsed.number is None:
            return known.build(1)
    raise ValueError(
        f"There is no method '{name.partition(':')[0]}'; there are {', '.join(known.name for known in METHODS)} "
        "(N: multiples of one generation, or --budget)."
    )


def described_methods() -> str:
    """All methods with their descriptions, a line each."""
    width = max(len(known.name) for known in METHODS)
    return "\n".join(f"  {known.name:<{width}}  {known.description}" for known in METHODS)
