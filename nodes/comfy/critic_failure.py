"""What a loop makes of a round that failed, or a critic: nothing that was drawn is lost."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import comfy.model_management
import folder_paths
import torch
from comfy_api.latest import io
from torch import Tensor

from ...xlard.claims import Claim
from ...xlard.critics.backend import CriticError
from ...xlard.critics.memory import is_out_of_memory
from ...xlard.critique import Critique
from ...xlard.loop.critic_failure import RoundError, critiques_of, failed_critique, judged_or_named, register_cancelling
from ...xlard.loop.state import LoopState
from ...xlard.protocols import Judge
from ...xlard.tensor_files import write_tensors
from .compat.jobs import JobGraph
from .critic.pictures import checked_images
from .failed_runs import note_failure
from .sampling.latents import like_source

register_cancelling(comfy.model_management.InterruptProcessingException)

_LOG = logging.getLogger(__name__)

_PREFIX = "latents/xLARD_unjudged"
"""Beside what ComfyUI's own Save Latent writes."""


def rescued(node: type[io.ComfyNode], failed: RoundError, source: Tensor) -> list[LoopState]:
    """The states that a loop in a running ``node`` ends with after a round failed; latents that were not judged are
    saved in the shape of ``source``. Where memory ran out, all models are unloaded, as ComfyUI itself does. The next
    job runs the node again, even with the same settings.

    Raises CriticError, which names the file, where not even the first pictures were judged.
    """
    if failed.__cause__ is not None and is_out_of_memory(failed.__cause__):
        comfy.model_management.unload_all_models()
    where = "" if failed.latents is None else _saved(like_source(failed.latents, source))
    if not failed.judged:
        raise CriticError(f"{failed} {where}".strip()) from failed
    note_failure(node)
    _LOG.warning("xLARD: %s The best pictures so far are returned. %s", failed, where)
    for state in failed.states:
        state.ended = state.ended and f"{state.ended} {where}".strip()
    return failed.states


def judged(
    node: type[io.ComfyNode], critic: Judge, images: Tensor, claims: Sequence[Claim], end: str
) -> Sequence[Critique]:
    """What a critic says of images (B, H, W, 3) in [0, 1] in a running ``node``, whose first output is the critiques.

    Where the critic fails in a later round of a loop, whose node of the kind ``end`` waits for them, that gets failures
    in their place: it has what was drawn before. Elsewhere raises CriticError, and ComfyUI itself keeps what was drawn;
    lets through where memory ran out, which ComfyUI handles; and raises ValueError for NaN. A picture that is black all
    over has no verdict. Without claims there is nothing to ask about.
    """
    if not claims:
        return [Critique(())] * len(images)
    if not _ends_a_copy(node, end):
        return judged_or_named(critic, checked_images(images), [claims] * len(images))[0]
    try:
        return critiques_of(critic, images, [claims] * len(images))
    except CriticError as error:
        return [failed_critique(claims, str(error))] * len(images)


def _ends_a_copy(node: type[io.ComfyNode], end: str) -> bool:
    job = JobGraph(node)
    if job.parent(job.own_id) is None:
        return False
    ends = (node_id for node_id in job.ids() if job.kind(node_id) == end)
    return any(job.inputs(end_id).get("critique") == [job.own_id, 0] for end_id in ends)


def _saved(samples: Tensor) -> str:
    """Saves samples as Save Latent does, whole or not at all, and says where."""
    try:
        folder, name, number, subfolder, _ = folder_paths.get_save_image_path(
            _PREFIX, folder_paths.get_output_directory()
        )
        path = Path(folder) / f"{name}_{number:05}_.latent"
        write_tensors(path, {"latent_tensor": samples.contiguous(), "latent_format_version_0": torch.tensor([])})
    except OSError as error:
        return f"Its latents could not be saved: {error}"
    return (
        f"Its latents are saved as {path.name} in the folder {subfolder} of ComfyUI's output folder: put the file into"
        " the input folder, and Load Latent loads it."
    )
