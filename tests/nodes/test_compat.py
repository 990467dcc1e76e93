"""ComfyUI's private parts, each tried on the real ComfyUI: a failure names what would break in the pack."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.support.paths import CHECKOUT
from xlard.quickstart.comfyui import find_comfyui

pytestmark = pytest.mark.comfy

BREAKS = {
    "memory_tells_what_is_loaded": "Heads and correctors push the sampling model out of memory at every call",
    "memory_is_freed_but_for_one_model": "A critic that runs out of memory cannot make room, nor can a training",
    "sigmas_are_noise_levels": "Heads and correctors read the wrong noise level",
    "families_have_names": "A head or corrector is refused for its own checkpoint, or taken for another one",
    "calls_are_counted": "Reports count the wrong number of model calls",
    "samplers_keep_the_shape": "A SAMPLER of another pack that changes the latents' shape is not named",
    "predictions_are_replaced": "xLARD Guide Model does not correct what the model predicts",
    "guiders_show_and_take_conditionings": "xLARD Self-Correct cannot give another prompt to a guider",
    "guiders_have_options_of_their_own": "xLARD Self-Correct draws another picture than a guider of another pack",
    "checkpoints_are_told_apart": "A guider of another checkpoint is not refused, or one of the same is",
    "clones_of_clones_are_let_go": "After a job that failed ComfyUI collects garbage in each later one",
    "edit_models_are_told_apart": "xLARD Edit Model takes a model that sees no picture, or refuses one that does",
    "edits_have_conditionings": "Edit models are not given the picture",
    "edits_are_seen_by_text_encoders": "Qwen-Image-Edit's text encoder does not see the picture",
    "edits_have_two_guidances": "InstructPix2Pix and OmniGen2 edit with one guidance only",
    "fill_models_are_told_apart": "xLARD Fill Model takes a model that sees no hole, or refuses one that does",
    "holes_have_conditionings": "Fill models are not given the hole and what is around it",
    "samplers_are_stopped": "xLARD Guide Model cannot stop a sampler",
    "gradients_pass_through_a_model": "xLARD Search Noise finds no gradient",
    "noise_is_replaced": "KSampler does not begin with the noise that xLARD Search Noise found",
    "draws_go_on": "Candidates of a fresh picture in xLARD Self-Correct become other pictures",
    "latents_are_told_apart": "xLARD Second Model takes a model that cannot go on from the first one's latents",
    "modules_are_loaded_with_a_model": "Heads and correctors lose their gradients inside of samplers",
    "noise_is_scaled": "A corrector that acts once adds its correction at the wrong size",
    "masks_fit_latents": "xLARD Self-Correct redraws what it should keep",
    "masks_are_replaced": "Rearranged pictures in xLARD Self-Correct keep holes where an object was",
    "empty_latents_fit_the_model": "Empty latents of another shape cannot be drawn from",
    "schedules_are_those_of_ksampler": "xLARD Self-Correct draws another picture than KSampler",
    "pictures_have_their_seeds": "Pictures of a batch do not have seeds of their own",
    "pages_hear_of_progress": "The card of a running loop does not say how far it is",
    "bars_are_parts_of_others": "The bar of xLARD Self-Correct jumps back with each sampler's own",
    "pictures_carry_their_workflow": "xLARD Report's picture does not open its workflow",
    "previews_have_an_end": "Previews fill ComfyUI's temporary folder",
    "jobs_have_ids": "A loop as a graph counts calls and seconds of other jobs",
    "graphs_can_be_read_and_grown": "xLARD Loop End cannot run the loop's body again",
    "nodes_know_their_outputs": "A cancelled loop and xLARD Loop End return too few outputs",
    "folders_are_listed": "Heads, correctors and critics are missing from the lists of nodes",
    "text_encoders_are_told_apart": "xLARD Critic From CLIP takes text encoders that cannot write or see",
    "text_encoders_write": "xLARD Critic From CLIP cannot ask a text encoder",
    "words_have_probabilities": "xLARD Critic From CLIP cannot score by P(yes) and likelihood",
    "hints_can_be_split": "Pictures of a batch are redrawn with another one's ControlNet hint",
    "conditionings_are_split": "Pictures of a batch are redrawn with another one's prompt",
    "tokens_have_names": "xLARD Correct Latent cannot name tokens",
    "vaes_tell_their_latents": "A VAE of another checkpoint is not refused, and video VAEs fail",
    "boxes_have_masks": "xLARD Critic With Masks makes no masks with ComfyUI's SAM 3",
    "models_are_built_from_weights": "xLARD Demo World cannot be loaded",
}
"""By the name of a check in tests/support/comfy/compat_checks.py: what stops working in the pack."""


@pytest.fixture(scope="module")
def outcomes() -> dict[str, str]:
    """What each check says is wrong with the ComfyUI of COMFYUI_PATH, or the cached one."""
    folder = find_comfyui()
    if folder is None:
        pytest.fail("No ComfyUI: run `python3 -m xlard.quickstart test`, or set COMFYUI_PATH to a checkout of it.")
    script = CHECKOUT / "tests" / "support" / "comfy" / "compat_checks.py"
    process = subprocess.run(
        [sys.executable, script, folder, CHECKOUT],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.returncode == 0, f"The pack's adapters cannot be imported:\n{process.stderr[-2000:]}"
    return json.loads(process.stdout.splitlines()[-1])


@pytest.mark.parametrize("check", BREAKS)
def test_contract(outcomes: dict[str, str], check: str) -> None:
    assert not outcomes[check], f"{BREAKS[check]}. {outcomes[check]}"


def test_every_check_says_what_breaks(outcomes: dict[str, str]) -> None:
    assert set(outcomes) == set(BREAKS)
