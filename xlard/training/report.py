"""The figures of a trained head or corrector in words, and what they say about trusting it."""

from __future__ import annotations

from typing import Any

from .registry import spec_of


def head_report(figures: dict[str, Any], noise_level_range: tuple[float, float]) -> str:
    """What a head's ``figures`` (see ``train_head``) say, in lines of text."""
    auc = {name: by_aspect["all"] for name, by_aspect in figures["auc"].items() if "all" in by_aspect}
    lines = _training(figures)
    if not auc:
        lines.append(
            "None of the held-out prompts has both right and wrong pictures, so it could not be measured whether the"
            " head tells them apart. Do not rely on it: collect more prompts, and several pictures of each."
        )
        return "\n".join(lines)
    lines.append(
        "Of a right and a wrong picture of the same prompt the head rates the right one higher (0.5 is chance, 1 is"
        " always):"
    )
    for name, value in sorted(auc.items(), reverse=True):
        latents = "finished pictures" if name == "final" else f"predictions at noise level {name.split()[1]}"
        error = figures["ece"].get(name)
        calibration = "" if error is None else f", its rewards are off by {error:.2f} on average"
        lines.append(f"  {latents}: {value:.2f}{calibration}")
    aspects = ", ".join(
        f"{aspect} {value:.2f}" for aspect, value in figures["auc"].get("final", {}).items() if aspect != "all"
    )
    if aspects:
        lines.append(f"  finished pictures, by aspect: {aspects}")
    if noise_level_range[1] > 0:
        lines.append(
            f"It may choose between latents up to noise level {noise_level_range[1]:g}, the highest with at least 0.6."
        )
    else:
        lines.append(
            "At no noise level it reaches 0.6: it hardly knows more than chance in the middle of sampling. Do not"
            " select or correct by it. Collect more prompts that the model gets right sometimes, or train longer."
        )
    if figures["predicted_minus_judged"] is not None:
        excess = figures["predicted_minus_judged"]
        lines.append(
            f"On finished pictures its rewards are {abs(excess):.2f} {'higher' if excess > 0 else 'lower'} than the"
            " critic's on average."
        )
    lines.append("The head learns the critic's verdicts: where the critic is wrong, the head is too.")
    return "\n".join(lines)


def corrector_report(figures: dict[str, Any]) -> str:
    """What a corrector's ``figures`` (see ``train_corrector``) say, in lines of text."""
    return "\n".join(
        [
            *_training(figures),
            f"Noise levels {figures['noise_level_start']:g} to {figures['noise_level_end']:g}; it moves a held-out "
            f"prediction by {100 * figures['change']:.1f} % of its size on average.",
            *spec_of(figures["objective"]).load().report(figures),
            "Whether pictures get better only the critic can say: draw held-out prompts with and without the corrector,"
            " on the same seeds, and compare.",
        ]
    )


def _training(figures: dict[str, Any]) -> list[str]:
    return [
        f"{figures['steps']} steps in {figures['seconds']} s on {figures['latents']} latents of"
        f" {figures['pictures']} pictures of {figures['prompts']} prompts.",
        f"Measured on {figures['held_out_pictures']} pictures of {figures['held_out_prompts']} prompts that were kept"
        " out.",
    ]
