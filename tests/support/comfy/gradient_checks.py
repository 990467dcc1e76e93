"""The checks of gradients through a MODEL, of noise and of draws in parts, for compat_checks.py."""

from collections.abc import Callable
from typing import Any

import comfy.latent_formats
import comfy.model_sampling
import comfy.samplers
import torch


def gradient_checks(
    gradients: Any, guiders: Any, sampling: Any, model: Any, prompt: Any, latents: torch.Tensor
) -> tuple[Callable[[], None], ...]:
    """The checks, on a MODEL with the conditioning of a prompt and empty latents."""
    euler = guiders.named_sampler("euler")

    def run(drawing: Any, sigmas: torch.Tensor) -> torch.Tensor:
        return sampling.sampled(guiders.cfg_guider(drawing, prompt, prompt, 4.0), latents, [5], euler, sigmas, None)

    def fails_of_another_size(inner: Any, denoised: torch.Tensor, sigmas: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("a tensor of another size")

    def gradients_pass_through_a_model() -> None:
        guider, seen = guiders.cfg_guider(model, prompt, prompt, 4.0), {}
        noise, sigmas = sampling.initial_noise({}, latents, 5), torch.tensor([1.0, 0.0])

        def explore(predict: Callable[[torch.Tensor], torch.Tensor]) -> None:
            point = noise.clone().requires_grad_()
            x0 = predict(point)
            (seen["gradient"],) = torch.autograd.grad(x0.square().sum(), point)
            seen["x0"] = x0.detach()

        weights = list(model.model.parameters())
        with torch.inference_mode():
            gradients.with_predictions(guider, noise, latents, None, sigmas, 5, explore)
        assert seen["gradient"].isfinite().all() and seen["gradient"].abs().max() > 0, "no gradient came through"
        detached = model.clone()
        sampling.add_x0_hook(detached, lambda inner, denoised, sigmas: denoised.detach())
        try:
            unable = guiders.cfg_guider(detached, prompt, prompt, 4.0)
            gradients.with_predictions(unable, noise, latents, None, sigmas, 5, explore)
        except ValueError as error:
            assert "No gradient passes" in str(error)
        else:
            raise AssertionError("a model without gradients is not refused")
        broken = model.clone()
        sampling.add_x0_hook(broken, fails_of_another_size)
        try:
            gradients.with_predictions(
                guiders.cfg_guider(broken, prompt, prompt, 4.0), noise, latents, None, sigmas, 5, explore
            )
        except RuntimeError as error:
            assert "another size" in str(error), error
        else:
            raise AssertionError("a model's own error is not raised")
        same = (before is after for before, after in zip(weights, model.model.parameters()))
        assert all(same), "the model has other weights afterwards"
        assert torch.allclose(seen["x0"], run(model, sigmas), atol=1e-4), "a sampler is given another prediction"

    def noise_is_replaced() -> None:
        changed, seen = model.clone(), []

        def change(model_sampling: Any, sigmas: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
            seen.append((sampling.highest_sigma(model_sampling), sigmas, noise))
            return sampling.initial_noise({}, latents, 6)

        sampling.add_noise_hook(changed, change)
        schedule = sampling.schedule_of(model, 3, "euler", "simple")
        assert not torch.equal(run(changed, schedule), run(model, schedule)), "the change had no effect"
        highest, sigmas, noise = seen[0]
        assert torch.equal(noise, sampling.initial_noise({}, latents, 5)), "other noise than KSampler's"
        assert sigmas[0] == highest, "another schedule than that of the run"

    def draws_go_on() -> None:
        sigmas, guider = (
            sampling.schedule_of(model, 3, "euler", "simple"),
            guiders.cfg_guider(model, prompt, prompt, 4.0),
        )
        begun = sampling.sampled(guider, latents, [5], euler, sigmas[:2], None)
        nothing, whole = torch.zeros_like(begun), run(model, sigmas)
        finished = sampling.sampled(guider, begun, [5], euler, sigmas[1:], None, noise=nothing)
        assert torch.allclose(finished, whole, atol=1e-4), "a draw in two parts is not that of one"
        left = sampling.noise_left(model, begun, latents, sigmas[1])
        finished = sampling.sampled(guider, latents, [5], euler, sigmas[1:], None, noise=left)
        assert torch.allclose(finished, whole, atol=1e-4), "noise and latents cannot be told apart"

    def latents_are_told_apart() -> None:
        other = model.clone()
        other.add_object_patch("latent_format", comfy.latent_formats.SD3())
        assert sampling.latents_of(model) == sampling.latents_of(model.clone()) != sampling.latents_of(other)
        other = model.clone()
        other.add_object_patch("model_sampling", comfy.model_sampling.ModelSamplingDiscrete())
        assert sampling.latents_of(model) != sampling.latents_of(other), "flows"

    def samplers_keep_the_shape() -> None:
        guider, last = guiders.cfg_guider(model, prompt, prompt, 4.0), torch.tensor([1.0, 0.0])
        for change in (lambda x: torch.cat([x, x]), lambda x: x[..., :5]):

            def draw(inner: Any, x: torch.Tensor, sigmas: Any, change: Any = change, **rest: Any) -> torch.Tensor:
                return change(x)

            try:
                sampling.sampled(guider, latents, [5], comfy.samplers.KSAMPLER(draw), last, None)
            except ValueError as error:
                assert "Connect a SAMPLER and GUIDER that keep their shape." in str(error), error
            else:
                raise AssertionError("latents of another shape were taken")

    return (
        gradients_pass_through_a_model,
        noise_is_replaced,
        draws_go_on,
        latents_are_told_apart,
        samplers_keep_the_shape,
    )
