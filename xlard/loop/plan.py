"""What a strategy proposes to do next with a picture, before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from torch import Tensor

from ..claims import Claim
from ..critique import Critique
from ..detections import Detection
from ..protocols import CropTerms
from .crops import Crop
from .edit_instruction import EditInstruction
from .fills import Fill
from .grid import Grid
from .regions import area_of, region_grid
from .state import LoopState
from .written_instruction import WrittenInstruction

_HELD = 0.5
"""Share of an object's cells that must not change from which on it has to stay where it is."""


def _none(noise_level: float) -> int:
    return 0


@dataclass(frozen=True)
class Situation:
    """What a strategy knows when it plans.

    ``seed`` is the round's own. ``nfe`` gives the model calls from a noise level in [0, 1] to the end,
    ``prediction_nfe`` those that head and corrector need before. ``rewrite`` gives another wording of the prompt, given
    a critique of it, or None; it is None itself where nobody can. ``single_step_level`` is the noise level at which a
    corrector changes fresh draws on their way, 0 where none does, and ``draw_nfe`` the model calls that it costs.
    ``candidates_nfe`` are those of the candidates of a fresh draw that are not finished.
    ``encode`` turns a picture (H, W, 3) in [0, 1] into a latent (C, h, w); None where nothing can. ``mixed_levels``
    says whether the sampler can start parts of a picture from noise levels of their own. ``crop_terms`` says on what
    terms it draws parts of the picture enlarged, or None; it is None itself where it never does. ``crop_side`` is the
    longer side in pixels to enlarge a part to, 0 for the picture's own. ``edit_nfe`` gives the model calls of an edit
    by an instruction; it is None where nobody edits pictures so. ``instruct`` puts an instruction in other
    words than the rules'; None where nobody does. With ``edits_only`` nobody does anything else. ``fill_nfe`` gives the
    model calls that a hole costs which a fill model redraws; it is None where there is none.
    ``keeps_rest`` says that whatever is not wrong has to stay. ``drawn_area`` is how much of each cell (h, w) the
    artist's latent lets change, in [0, 1]; None: all of it.
    """

    state: LoopState
    seed: int
    nfe: Callable[[float], int]
    prediction_nfe: Callable[[float], int] = _none
    rewrite: Callable[[Critique], str | None] | None = None
    single_step_level: float = 0.0
    draw_nfe: int = 0
    encode: Callable[[Tensor], Tensor] | None = None
    mixed_levels: bool = False
    crop_terms: Callable[[], CropTerms | None] | None = None
    crop_side: int = 0
    candidates_nfe: int = 0
    edit_nfe: Callable[[], int] | None = None
    instruct: Callable[[EditInstruction], WrittenInstruction] | None = None
    edits_only: bool = False
    keeps_rest: bool = False
    drawn_area: Tensor | None = field(default=None, repr=False)
    fill_nfe: Callable[[], int] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the best latent."""
        height, width = self.state.best.latent.shape[-2:]
        return height, width

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the best picture in pixels."""
        height, width = self.state.best.image.shape[:2]
        return height, width

    def tries(self, strategy: str) -> int:
        """How many rounds of a strategy began from the best picture so far."""
        rounds = self.state.rounds
        return sum(round_.strategy == strategy for round_ in rounds[rounds.index(self.state.best) + 1 :])

    @property
    def corrects_draws(self) -> bool:
        """Whether fresh draws are corrected on their way. Those of a part do not start from pure noise alone."""
        return self.single_step_level > 0 and not self.state.from_source and self.state.painted is None

    @property
    def area(self) -> Tensor | None:
        """The cells (h, w) that the edit of a source and the artist's masks let change, as booleans; None if that is
        all of them.
        """
        edit, painted = self.state.edit, self.painted_area
        edited = area_of(edit, region_grid(self.size, self.image_size)) if edit and self.state.from_source else None
        return painted if edited is None else edited if painted is None else edited & painted

    @property
    def painted_area(self) -> Tensor | None:
        """The cells (h, w) that the artist's masks let change, as booleans; None where nothing is painted."""
        return None if self.state.painted is None else self.state.painted.area(self.size)

    @property
    def held(self) -> list[Detection]:
        """The objects of the best picture that have to stay where they are: by an edit, or by the artist's masks."""
        edit, painted, objects = self.state.edit, self.painted_area, self.state.best.critique.detections
        held = edit.held(objects) if edit else []
        if painted is None:
            return held
        grid = Grid(self.size, self.image_size, 0.0)
        taken = [grid.cells([detection]) for detection in objects]
        outside = [(cells & ~painted).sum() > _HELD * cells.sum() for cells in taken]
        return [*held, *(detection for detection, is_outside in zip(objects, outside) if is_outside)]


PlanCorrection = Literal["none", "draw", "renoise"]
"""What head and corrector do in a plan: nothing, correct a fresh draw on its way, or choose the noise of a renoised
picture and change its prediction.
"""


@dataclass(frozen=True, eq=False)
class Plan:
    """One attempt: start from ``noise_level`` (1 is a fresh draw) inside ``region``, and spend ``nfe`` model calls.

    ``region`` (h, w) is true where the best latent is redrawn; elsewhere it stays to the last bit. None redraws all of
    it. ``levels`` (h, w) says from which noise level each cell of the region is redrawn, None: all of them from
    ``noise_level``, which is the highest. ``latent`` (C, h, w) is what is renoised, None for the best one as it is;
    outside of the region they are equal. ``failing`` is how many claims would still fail by the critic's boxes.
    ``prompt`` is the wording to draw with, empty for the artist's own. ``reason`` says in a few words why. A plan with
    ``claims`` draws one object alone, and is judged on these claims only. A plan with a ``crop`` redraws a part of the
    best picture enlarged and stitches it into its pixels; ``region`` are the cells that this touches. One with an
    ``instruction`` has the best picture changed by it; outside of the ``region`` its pixels stay. One with a
    ``fill`` has a fill model redraw that part of the ``region`` in the picture, after the rest has been sampled; or,
    where it is not by such a model, the ``region`` is sampled from the prompt of the ``fill``.
    """

    strategy: str
    noise_level: float
    seed: int
    nfe: int
    reason: str = ""
    region: Tensor | None = field(default=None, repr=False)
    latent: Tensor | None = field(default=None, repr=False)
    prompt: str = ""
    correction: PlanCorrection = "none"
    claims: tuple[Claim, ...] = ()
    levels: Tensor | None = field(default=None, repr=False)
    failing: int = 0
    crop: Crop | None = field(default=None, repr=False)
    instruction: str = ""
    fill: Fill | None = field(default=None, repr=False)

    @property
    def group(self) -> tuple:
        """Equal for plans that can be carried out together."""
        drawn = None if self.crop is None else self.crop.drawn_as
        filled = (self.only_fills, self.fill.drawn_as) if self.fill is not None else None
        return self.strategy, self.noise_level, self.prompt, self.region is None, drawn, bool(self.instruction), filled

    @property
    def only_fills(self) -> bool:
        """Whether a fill model redraws all that is redrawn."""
        if self.fill is None or self.region is None:
            return False
        return self.fill.by_model and not (self.region & ~self.fill.cells).any()

    @property
    def change(self) -> float:
        """How much of the best picture it gives up, in [0, 1]: the mean of the noise levels that cells start from."""
        if self.claims:
            return 0.0
        if self.levels is not None:
            return self.levels.mean().item()
        return self.noise_level * (1.0 if self.region is None else self.region.float().mean().item())


@runtime_checkable
class Strategy(Protocol):
    """One way of fixing a picture."""

    @property
    def name(self) -> str:
        """What plans, reports and switches call it."""

    def plan(self, situation: Situation) -> Plan | None:
        """What it would do next, or None where it has nothing to offer."""
