"""The checks of compat/guiders.py and compat/clones.py, for compat_checks.py, which has the demo world's models."""

import gc
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import comfy.model_management as memory
import torch


def guider_checks(
    guiders: Any, sampling: Any, model: Any, load_other: Callable[[], Any], clip: Any
) -> tuple[Callable[[], None], ...]:
    """The checks, on a MODEL and its CLIP; ``load_other`` loads another checkpoint."""
    prompt, other = (clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in ("a red circle", "a square"))

    def run(guider: Any) -> torch.Tensor:
        sigmas, euler = sampling.schedule_of(model, 3, "euler", "simple"), guiders.named_sampler("euler")
        return sampling.sampled(guider, torch.zeros(1, 4, 12, 12), [5], euler, sigmas, None)

    def guiders_show_and_take_conditionings() -> None:
        guider = guiders.cfg_guider(model, prompt, prompt, 4.0)
        before, shown = run(guider), guiders.conditionings_of(guider)
        assert sorted(shown) == ["negative", "positive"] and torch.equal(shown["positive"][0][0], prompt[0][0])
        assert shown["positive"][0][1].keys() >= prompt[0][1].keys(), shown["positive"][0][1].keys()
        changed = guiders.guider_with(guider, model.clone(), {**shown, "positive": other})
        assert torch.equal(run(changed), run(guiders.cfg_guider(model, other, prompt, 4.0))), "another prompt"
        assert torch.equal(run(guider), before), "the guider itself has changed"
        assert guiders.conditionings_of(SimpleNamespace(model_patcher=model)) == {}

    def guiders_have_options_of_their_own() -> None:
        guider = guiders.cfg_guider(model, prompt, prompt, 4.0)
        guider.model_options = {**model.model_options, "mark": 1}
        assert guiders.model_in(guider).model_options["mark"] == 1 and "mark" not in model.model_options

    def checkpoints_are_told_apart() -> None:
        assert guiders.are_of_one_checkpoint(model, model.clone().clone()), "a clone"
        assert not guiders.are_of_one_checkpoint(model, load_other()), "another one"

    def clones_of_clones_are_let_go() -> None:
        guider = guiders.cfg_guider(model, prompt, prompt, 4.0)
        for _ in range(2):
            guider = guiders.cfg_guider(guiders.model_in(guider), prompt, prompt, 4.0)
        run(guider)
        garbage = [guider]
        garbage.append(garbage)
        del guider, garbage
        gc.collect()
        entries = [entry for entry in memory.current_loaded_models if entry.real_model() is model.model]
        assert entries and all(entry.model is not None for entry in entries), "ComfyUI has lost what it loaded"

    return (
        guiders_show_and_take_conditionings,
        guiders_have_options_of_their_own,
        checkpoints_are_told_apart,
        clones_of_clones_are_let_go,
    )
