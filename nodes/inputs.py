"""Inputs that several nodes declare alike."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, get_args

import comfy.samplers
from comfy_api.latest import io

from ..xlard.claims import MOST_CLAIMS, MOST_CLAIMS_IN_ALL
from ..xlard.guidance.min_norm import Combination
from ..xlard.loop.settings import AS_NEEDED, MAY_CHANGE
from . import sockets

_WITH_WIDGET = (io.Boolean.Input, io.Combo.Input, io.Float.Input, io.Int.Input, io.String.Input)

_LARGEST_SEED = 0xFFFFFFFFFFFFFFFF


def seed(tooltip: str, **options: Any) -> io.Input:
    """A seed, as KSampler has it."""
    return io.Int.Input("seed", default=0, min=0, max=_LARGEST_SEED, tooltip=tooltip, **options)


def strength(tooltip: str, **options: Any) -> io.Input:
    """The share of a correction that is applied."""
    return io.Float.Input("strength", default=1.0, min=0.0, max=1.0, step=0.05, tooltip=tooltip, **options)


def noise_level(input_id: str, shown: str, tooltip: str, default: float = 0.0) -> io.Input:
    """A noise level in [0, 1]; saved workflows hold it under ``input_id``, and people see the name ``shown``."""
    return io.Float.Input(input_id, display_name=shown, default=default, min=0.0, max=1.0, step=0.01, tooltip=tooltip)


def sampling(steps_tooltip: str, optional: bool = False) -> list[io.Input]:
    """Steps, CFG, sampler and schedule, as KSampler has them."""
    return [
        io.Int.Input("steps", default=20, min=1, max=10000, optional=optional, tooltip=steps_tooltip),
        io.Float.Input(
            "cfg",
            default=4.0,
            min=0.0,
            max=100.0,
            step=0.1,
            round=0.01,
            optional=optional,
            tooltip="Strength of the guidance by the prompt.",
        ),
        io.Combo.Input(
            "sampler_name",
            options=comfy.samplers.KSampler.SAMPLERS,
            default="euler",
            optional=optional,
            tooltip="Any of KSampler's samplers.",
        ),
        io.Combo.Input(
            "scheduler",
            options=comfy.samplers.KSampler.SCHEDULERS,
            default="simple",
            optional=optional,
            tooltip="Any of KSampler's schedules.",
        ),
    ]


def custom_sampling(guider_tooltip: str) -> list[io.Input]:
    """A SAMPLER, SIGMAS and a GUIDER in place of KSampler's settings. They stand behind the inputs that saved workflows
    hold.
    """
    return [
        io.Sampler.Input(
            "sampler",
            optional=True,
            tooltip=(
                "Optional: any SAMPLER, for example of KSamplerSelect or of another pack. sampler_name is then not "
                "used; without sigmas, steps and scheduler make the schedule of BasicScheduler."
            ),
        ),
        io.Sigmas.Input(
            "sigmas",
            optional=True,
            tooltip=(
                "Optional: the sigmas of a whole run, from high down to 0, for example of BasicScheduler or "
                "Flux2Scheduler. steps and scheduler are then not used; a later round starts from the sigma that is "
                "nearest to its noise level."
            ),
        ),
        io.Guider.Input("guider", optional=True, tooltip=guider_tooltip),
    ]


def of_picture_model(works: str) -> list[io.Input]:
    """What a model for editing or filling avoids, at which size it ``works`` (edits, draws), and custom sampling."""
    return [
        io.String.Input("negative", default="", tooltip="What to avoid, as text."),
        io.Int.Input(
            "size",
            default=0,
            min=0,
            max=8192,
            step=16,
            tooltip=(
                f"The longer side in pixels at which the model {works}: the size that it draws best. 0: the "
                "picture's own."
            ),
        ),
        io.Sampler.Input("sampler", optional=True, tooltip="Optional: any SAMPLER, in place of sampler_name."),
        io.Sigmas.Input(
            "sigmas",
            optional=True,
            tooltip=(
                "Optional: the sigmas of a whole run, from high down to 0, for example of BasicScheduler or "
                "Flux2Scheduler, in place of steps and scheduler."
            ),
        ),
    ]


def second_model(tooltip: str) -> io.Input:
    """A model that takes over on the way. It stands behind the inputs that saved workflows hold."""
    return sockets.SecondModel.Input("second_model", optional=True, tooltip=tooltip)


def claims() -> io.Input:
    """Claims in place of those of a prompt."""
    return sockets.Claims.Input(
        "claims", optional=True, tooltip="Optional: claims from xLARD Claims, used instead of the prompt's."
    )


def most_claims() -> io.Input:
    """How many claims of a prompt are checked. Saved workflows hold values by place: it stands behind other inputs."""
    limit = io.Int.Input(
        "most_claims",
        default=MOST_CLAIMS,
        min=1,
        max=MOST_CLAIMS_IN_ALL,
        optional=True,
        tooltip=(
            "How many claims of the prompt are checked at most, the surest first; the others are listed as not "
            "checked. Connected or edited claims are all checked."
        ),
    )
    return advanced(limit)


def claim_edits() -> io.Input:
    """Changes to claims, which a click on the node's list of claims writes. It stands behind other inputs."""
    edits = io.String.Input(
        "claim_edits",
        default="",
        optional=True,
        socketless=True,
        tooltip=(
            "Changes to single claims, one a line: 'off: two red circles', 'fine: a blue square' for what may stay as "
            "it is, 'weight 2: red circle left of blue square', 'reword: two cats -> three cats'. A click on a claim "
            "in the node's list writes them."
        ),
    )
    return advanced(edits)


def advanced(declared: io.Input) -> io.Input:
    """An input that becomes one of a node's advanced ones; older releases have no argument for it."""
    declared.extra_dict["advanced"] = True
    return declared


def showing(*shown: str) -> Callable[[Callable[[Any], io.Schema]], Callable[[Any], io.Schema]]:
    """A decorator of ``define_schema``: of the inputs with a widget, all but those ``shown`` become advanced ones."""

    def with_advanced(define: Callable[[Any], io.Schema]) -> Callable[[Any], io.Schema]:
        @functools.wraps(define)
        def defined(cls: Any) -> io.Schema:
            schema = define(cls)
            for declared in schema.inputs:
                if isinstance(declared, _WITH_WIDGET) and declared.id not in shown:
                    advanced(declared)
            return schema

        return defined

    return with_advanced


def search_aliases(*words: str) -> dict[str, Any]:
    """Other words that find a node in the page's search, in releases of ComfyUI whose schemas have these."""
    return {"search_aliases": list(words)} if "search_aliases" in inspect.signature(io.Schema).parameters else {}


def repair_limits() -> list[io.Input]:
    """How much of a picture repairs may change, and where. They stand behind the inputs that saved workflows hold."""
    return [
        io.Combo.Input(
            "may_change",
            display_name="how_much_may_change",
            options=list(MAY_CHANGE),
            default=AS_NEEDED,
            optional=True,
            tooltip=(
                "keep everything else: only what is wrong is redrawn, by the repair that changes least, and a round "
                "that loses something right does not count. as much as it takes: by the kind of failure, with a fresh "
                "picture after two rounds that were no better. anything: with a fresh picture after one."
            ),
        ),
        io.Mask.Input(
            "protect",
            optional=True,
            tooltip=(
                "Optional: what you paint here stays as it is in the first picture, to the last bit of its latent. Of "
                "any size; it is stretched over the picture."
            ),
        ),
        io.Mask.Input(
            "fix_here",
            optional=True,
            tooltip=(
                "Optional: only what you paint here is redrawn after the first picture. Of any size; it is stretched "
                "over the picture. An empty mask counts as none."
            ),
        ),
    ]


def combination() -> io.Input:
    """How gradients of several aspects are combined."""
    return io.Combo.Input(
        "combine",
        options=list(get_args(Combination)),
        optional=True,
        tooltip=(
            "How gradient steps weigh several aspects, such as count and colour. sum: most gain in all. min_norm: no "
            "aspect at the expense of another."
        ),
    )
