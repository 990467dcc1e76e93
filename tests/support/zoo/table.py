"""``python -m tests.support.zoo.table``: which test shows which feature on which family, as the Markdown tables of
``docs/families.md``.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

import pytest

FEATURES = {
    "tests/zoo/test_zoo_families.py": {
        "loaded by ComfyUI, latent shape": "test_latents_have_the_family_s_shape",
        "Guide Model, corrector and gradient, batch of 3": "test_guide_moves_every_picture_of_a_batch",
        "… alone as in a batch": "test_guide_draws_a_picture_alone_as_in_a_batch",
        "… strength 0, or outside its window": "test_guide_at_strength_zero_or_outside_its_window_is_bit_identical",
        "… noise mask": "test_guide_keeps_to_a_noise_mask",
        "Correct Latent, corrector and gradient, batch of 3": "test_correct_latent_stays_within_the_trust_region",
        "… one as in the batch": "test_correct_latent_corrects_one_picture_as_in_a_batch",
        "… at strength 0": "test_correct_latent_at_strength_zero_is_bit_identical",
        "… latents in fp16 and bf16": "test_correct_latent_in_half_precision",
        "Critique": "test_critique_of_what_is_decoded",
        "Self-Correct begins with KSampler's picture": "test_self_correct_begins_with_ksampler_s_picture",
        "… region, rearrange, correct, resample; batch of 3": "test_self_correct_by_each_strategy",
        "… inside a noise mask": "test_self_correct_keeps_to_a_noise_mask",
        "Collect, train both, save, load, use": "test_collect_train_save_load_and_use",
        "another family's modules refused, both named": "test_modules_of_another_family_are_refused_with_both_names",
        "LoRA before, after and without": "test_lora_is_applied_and_removed",
        "noise levels on one scale": "test_noise_levels_say_how_much_is_noise",
        "weights in fp8": "test_weights_in_eight_bits",
        "arithmetic in fp16 and bf16": "test_arithmetic_in_half_precision",
    },
    "tests/zoo/test_zoo_published.py": {
        "Guide Model, and strength 0": "test_it_is_guided",
        "Critique, Self-Correct with a region": "test_it_is_judged_and_redrawn_where_it_is_wrong",
        "Correct Latent, and strength 0": "test_its_latent_is_corrected",
        "another family's modules refused, both named": "test_modules_of_another_family_are_refused_with_both_names",
    },
}
"""Features by the tests that show them, in each file of tests."""


class _Collected:
    """The tests that pytest finds."""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.items = list(items)


def collected(path: str) -> dict[tuple[str, str], str]:
    """By test function and family: whether it runs in CI or in the big part."""
    plugin = _Collected()
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main(["--collect-only", "-qq", "-m", "big or not big", path], plugins=[plugin])
    parts = {}
    for item in plugin.items:
        parameters = getattr(item, "callspec", None) and item.callspec.params
        family = parameters and (parameters.get("family") or parameters.get("halved"))
        if family:
            parts[item.originalname, family.name] = "big" if item.get_closest_marker("big") else "CI"
    return parts


def table(path: str) -> Iterator[str]:
    """The lines of one file's table; a cell is the test of its row with the family of its column in brackets."""
    cells = collected(path)
    families = list(dict.fromkeys(family for _, family in cells))
    yield f"| feature | `{path}::` | {' | '.join(families)} |"
    yield f"| --- | --- |{' --- |' * len(families)}"
    for feature, test in FEATURES[path].items():
        yield f"| {feature} | `{test}` | {' | '.join(cells.get((test, family), '') for family in families)} |"


if __name__ == "__main__":
    print("\n\n".join("\n".join(table(path)) for path in FEATURES))
