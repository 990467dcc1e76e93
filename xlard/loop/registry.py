"""The strategies that there are: one entry for each, from which nodes make their switches and the router its order."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from .detail import Detail
from .edit_by_model import EditByModel
from .object_by_object import Compose, Introduce
from .plan import Strategy
from .recolour import Recolour
from .strategies import Correct, Rearrange, Region, Resample, Rewrite

Need = Literal["boxes", "rewriter", "prompts", "encoder", "crops", "editor"]
"""What a strategy needs beside model and critic: boxes from the critic, a critic that can write other wordings of the
prompt, somebody who encodes prompts of its own, somebody who encodes pictures, a sampler that also draws parts of
them, or a model that changes them by instructions.
"""


@dataclass(frozen=True)
class Priority:
    """When a strategy is asked: lower numbers earlier.

    ``single_step`` counts where a corrector that acts once corrects fresh draws, ``editing`` where a source is edited,
    ``filling`` where there is a fill model; None stands for ``usual``.
    """

    usual: int
    single_step: int | None = None
    editing: int | None = None
    filling: int | None = None

    def among(self, editing: bool, single_step: bool, filling: bool = False) -> int:
        """The number that counts in a loop; editing goes before all else, and a fill model before a corrector."""
        if editing:
            return self.usual if self.editing is None else self.editing
        cases = ((filling, self.filling), (single_step, self.single_step))
        return next((number for holds, number in cases if holds and number is not None), self.usual)


@dataclass(frozen=True)
class StrategySpec:
    """A strategy as nodes and router know it.

    ``build`` makes it, given the noise level to renoise to, or None for the strategy's own. ``needs`` says what must be
    there. One without a ``switch`` has no input of its own on the nodes: it comes with ``process``, object by object. A
    ``fresh_draw`` is also tried after rounds without progress; several of them take turns. One that ``uses_corrector``
    has head and corrector act. While it is allowed, a corrector that acts once also corrects fresh draws on their way,
    and this strategy goes first where the critic is unsure of its boxes. One that is not ``default_on`` is used only
    where it is switched on.
    """

    name: str
    tooltip: str
    build: Callable[[float | None], Strategy]
    priority: Priority
    needs: frozenset[Need] = frozenset()
    switch: bool = True
    fresh_draw: bool = False
    uses_corrector: bool = False
    default_on: bool = True


_SPECS: dict[str, StrategySpec] = {}


def register(spec: StrategySpec) -> None:
    """Add a strategy to loops and nodes.

    Raises TypeError for what is no StrategySpec, ValueError for a name that is taken or is no plain word.
    """
    if not isinstance(spec, StrategySpec):
        raise TypeError(
            f"A strategy is registered by a StrategySpec, not by {type(spec).__name__}; see docs/extending.md."
        )
    if spec.name in _SPECS:
        raise ValueError(f"There is a strategy '{spec.name}' already. Give this one another name.")
    if not spec.name.isidentifier():
        raise ValueError(
            f"'{spec.name}' is no name for a strategy: it becomes an input of nodes. Use letters and _ only."
        )
    _SPECS[spec.name] = spec


def built(spec: StrategySpec, noise_level: float | None) -> Strategy:
    """The strategy of a spec. Raises TypeError, which names what it lacks, for what cannot plan."""
    strategy = spec.build(noise_level)
    lacking = [name for name in ("name", "plan") if not hasattr(strategy, name)]
    if lacking:
        raise TypeError(
            f"The strategy '{spec.name}' lacks {' and '.join(lacking)}: it needs a name and plan(situation); see "
            "docs/extending.md."
        )
    return strategy


def strategy_specs() -> tuple[StrategySpec, ...]:
    """All strategies, in the order in which they were registered."""
    return tuple(_SPECS.values())


def switches() -> tuple[StrategySpec, ...]:
    """The strategies that an artist switches on and off, in the order of the nodes' inputs."""
    return tuple(spec for spec in strategy_specs() if spec.switch)


def usable(names: Collection[str], provided: Collection[Need]) -> tuple[str, ...]:
    """Those of the named strategies for which everything that they need is provided."""
    return tuple(spec.name for spec in strategy_specs() if spec.name in names and spec.needs <= set(provided))


def uses_corrector(names: Collection[str]) -> bool:
    """Whether one of the named strategies has head and corrector act."""
    return any(spec.uses_corrector for spec in strategy_specs() if spec.name in names)


def needs_rewriter(names: Collection[str]) -> bool:
    """Whether one of the named strategies needs other wordings of the prompt."""
    return any("rewriter" in spec.needs for spec in strategy_specs() if spec.name in names)


def spec_of(name: str) -> StrategySpec:
    """The strategy of a name. Raises ValueError where there is none."""
    if name not in _SPECS:
        raise ValueError(f"There is no strategy '{name}'; there are {', '.join(_SPECS)}.")
    return _SPECS[name]


# The order is that of the nodes' inputs, which saved workflows count on.
for _spec in (
    StrategySpec(
        "rearrange",
        "Erase, move and copy objects in the latent by the critic's boxes, and join them with what is around. Nothing "
        "else changes. Needs a critic that gives boxes, and a sampler that keeps to noise masks, as KSampler does.",
        lambda noise_level: Rearrange(noise_level) if noise_level else Rearrange(),
        Priority(20),
        frozenset({"boxes"}),
    ),
    StrategySpec(
        "region",
        "Redraw only what is wrong, and keep the rest as it is to the last bit. Needs a critic that gives boxes, and a "
        "sampler that keeps to noise masks.",
        lambda noise_level: Region(noise_level) if noise_level else Region(),
        # A fill model adds, too: it is asked before a fresh draw gives the picture up.
        Priority(50, filling=32),
        frozenset({"boxes"}),
    ),
    StrategySpec(
        "correct",
        "Renoise the whole picture to a middle noise level and sample on from there, with head and corrector if "
        "they are connected. Needs a sampler that takes denoise.",
        Correct,
        Priority(60, single_step=35),
        uses_corrector=True,
    ),
    StrategySpec(
        "resample",
        "Draw a fresh picture from new noise where nothing is there to copy, and after two rounds that were no better.",
        lambda noise_level: Resample(),
        # Editing: a fresh draw gains nothing from starting over, so what redraws least is asked first.
        Priority(40, editing=90),
        fresh_draw=True,
    ),
    StrategySpec(
        "rewrite",
        "Have the critic write the prompt in words that say more clearly what failed, and draw a fresh picture from "
        "them, by turns with resample. Needs a critic that can write: connect clip to xLARD Self-Correct, or critic to "
        "xLARD Loop Start and its prompt to CLIP Text Encode. The picture is still judged by your own prompt.",
        lambda noise_level: Rewrite(),
        Priority(80, editing=95),
        frozenset({"rewriter"}),
        fresh_draw=True,
    ),
    StrategySpec(
        Introduce.name,
        "Draw an object that is missing alone, from a prompt of its own.",
        lambda noise_level: Introduce(),
        Priority(30),
        frozenset({"boxes", "prompts"}),
        switch=False,
    ),
    StrategySpec(
        Compose.name,
        "Put objects that were drawn alone together with what is right of the best picture.",
        lambda noise_level: Compose(),
        Priority(10),
        frozenset({"boxes", "prompts"}),
        switch=False,
    ),
    StrategySpec(
        "recolour",
        "Where only colours are wrong: paint these objects in the latent, renoise them a little, and more if the "
        "colour does not turn. Shape and place stay. Needs a critic that gives boxes with colours, a VAE that encodes, "
        "and a sampler that keeps to noise masks.",
        lambda noise_level: Recolour((noise_level,)) if noise_level else Recolour(),
        Priority(15),
        frozenset({"boxes", "encoder"}),
    ),
    StrategySpec(
        "detail",
        "Where a small object is wrong: crop it with what is around, enlarge it to the model's own size, redraw it "
        "there from a prompt of its own, and stitch it in. All other pixels stay as they are to the last bit. Needs a "
        "critic that gives boxes, and a VAE that encodes.",
        Detail,
        Priority(25),
        frozenset({"boxes", "encoder", "crops"}),
        default_on=False,
    ),
    StrategySpec(
        EditByModel.name,
        "Have a model for editing change the best picture by one instruction that names every failed claim, such as "
        "'make the car blue'. Needs edit_model, from xLARD Edit Model, and a VAE that encodes.",
        lambda noise_level: EditByModel(),
        Priority(12),
        frozenset({"encoder", "editor"}),
    ),
):
    register(_spec)

BUNDLED = tuple(_SPECS)
"""The pack's own strategies."""

DEFAULT_STRATEGIES = tuple(spec.name for spec in switches() if spec.default_on)
"""What a loop may do if nothing else is said."""

OBJECT_BY_OBJECT = (Introduce.name, Compose.name)
"""The strategies that a loop needs beside the others to introduce objects one by one."""
