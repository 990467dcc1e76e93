"""The figures of a trained head or corrector in words, and what they say about trusting it."""

from __future__ import annotations


def head_report(figures: dict, noise_level_range: tuple[float, float]) -> str:
    """What a head's ``figures`` (see ``train_head``) say, in lines of text."""
    auc = {name: found["all"] for name, found in figures["auc"].items() if "all" in found}
    lines = _begin(figures)
    if not auc:
        return "\n".join(
            [
                *lines,
                (
                    "None of the held-out prompts has both right and wrong pictures, so it could not be measured"
                    " whether the head tells them apart. Do not rely on it: collect more prompts, and several pictures"
                    " of each."
                ),
            ]
        )
    lines.append(
        "Of a right and a wrong picture of the same prompt the head rates the right one higher (0.5 is chance, 1 is"
        " always):"
    )
    for name, value in sorted(auc.items(), reverse=True):
        where = "finished pictures" if name == "final" else f"predictions at noise level {name.split()[1]}"
        error = figures["ece"].get(name)
        lines.append(
            f"  {where}: {value:.2f}" + ("" if error is None else f", its rewards are off by {error:.2f} on average")
        )
    aspects = ", ".join(
        f"{aspect} {value:.2f}" for aspect, value in figures["auc"].get("final", {}).items() if aspect != "all"
    )
    lines += [f"  finished pictures, by aspect: {aspects}"] if aspects else []
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
    lines.append(
        "These are the critic's verdicts as the head foresees them: where the critic is wrong, the head is too."
    )
    return "\n".join(lines)


def corrector_report(figures: dict) -> str:
    """What a corrector's ``figures`` (see ``train_corrector``) say, in lines of text."""
    lines = [
        *_begin(figures),
        (
            f"Noise levels {figures['noise_level_start']:g} to {figures['noise_level_end']:g}; it moves a held-out prediction by "
            f"{100 * figures['change']:.1f} % of its size on average."
        ),
    ]
    lines += _LINES[figures["way"]](figures)
    lines.append(
        "Whether pictures get better only the critic can say: draw held-out prompts with and without the corrector, on"
        " the same seeds, and compare."
    )
    return "\n".join(lines)


def _begin(figures: dict) -> list[str]:
    return [
        (
            f"{figures['steps']} steps in {figures['seconds']} s on {figures['latents']} latents of"
            f" {figures['pictures']} pictures of {figures['prompts']} prompts."
        ),
        (
            f"Measured on {figures['held_out_pictures']} pictures of {figures['held_out_prompts']} prompts that were"
            " kept out."
        ),
    ]


def _errors(figures: dict) -> list[str]:
    before, after = (figures[f"held_out_error_passed_{when}"] for when in ("before", "after"))
    if before is None:
        return [
            "No held-out picture passed, so it could not be measured whether it learnt where right pictures are."
            " Collect more."
        ]
    said = (
        "It has learnt something that holds for new prompts."
        if after < before
        else "It has learnt nothing that holds for new prompts: do not use it. Collect more prompts, or train shorter."
    )
    return [
        (
            f"Squared distance from held-out predictions to the pictures that passed: {before:.4f} without it,"
            f" {after:.4f} with it (before the trust region). {said}"
        ),
        (
            f"To all held-out pictures: {figures['held_out_error_all_before']:.4f} without it, "
            f"{figures['held_out_error_all_after']:.4f} with its second read-out."
        ),
    ]


def _mends(figures: dict) -> list[str]:
    return [
        _distance(figures, "failed", "failed pictures to what they became when mended"),
        _distance(figures, "passed", "pictures that passed to themselves"),
    ]


def _distance(figures: dict, name: str, what: str) -> str:
    before, after = (figures[f"held_out_error_{name}_{when}"] for when in ("before", "after"))
    if before is None:
        return f"There was no held-out record to measure the distance from {what}."
    return (
        f"Squared distance from held-out {what}: {before:.4f} without it, {after:.4f} with it (before the trust"
        " region)."
    )


def _drafts(figures: dict) -> list[str]:
    before, after = (figures[f"held_out_error_{when}"] for when in ("before", "after"))
    if before is None:
        return ["No held-out prompt has a draft, so nothing could be measured. Collect more prompts and pictures."]
    said = (
        "It draws drafts of new prompts."
        if after < 0.5 * before
        else "It has not learnt to draw drafts of new prompts: do not use it. Train longer, or collect more prompts."
    )
    return [
        (
            f"Squared distance from held-out predictions to the drafts of their prompts: {before:.4f} without it,"
            f" {after:.4f} with it. {said}"
        ),
        f"It acts once, at noise level {figures['noise_level_end']:g}: with a head beside it, on pictures whose predicted"
        f" reward is below {figures['reward_threshold']:g}, without one on all."
        + (" Without a head it also moves the noise before the first step." if figures["moves_noise"] else ""),
    ]


def _opinions(figures: dict) -> list[str]:
    before, after, usable = (
        figures[name] for name in ("head_opinion_before", "head_opinion_after", "head_usable_up_to")
    )
    lines = [
        f"The head's opinion of held-out pictures that failed: {before:.3f} before, {after:.3f} after the correction."
        " That is what it was trained to raise, and no proof: a gain may be a weakness of the head."
    ]
    if usable < figures["noise_level_start"]:
        lines.append(
            f"The head was found usable up to noise level {usable:g} only, and this corrector starts at"
            f" {figures['noise_level_start']:g}: above, it follows a head that cannot see. Lower noise_level_start, or train the"
            " head on more."
        )
    return lines


_LINES = {"distillation": _errors, "mending": _mends, "path-wise": _opinions, "drafting": _drafts}
