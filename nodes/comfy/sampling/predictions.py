"""A head's predictions as text, numbers and a picture."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ....xlard.aspects import ASPECT_OF
from ....xlard.models.corrector import enlarge
from ....xlard.models.head import RewardPrediction, overall_reward
from .latents import map_image


def aspects_of_prompt(prompt: str, known: Sequence[str]) -> list[str]:
    """The head's aspects that the prompt's claims touch; all that it knows for an empty prompt.

    Raises ValueError for a prompt without any claim that the head can rate.
    """
    if not prompt.strip():
        return list(known)
    # Imported late: it takes a third of the time that the pack may add to ComfyUI's start.
    from ....xlard.prompts import claims_from_prompt

    touched = {ASPECT_OF[claim.type] for claim in claims_from_prompt(prompt)}
    aspects = [aspect for aspect in known if aspect in touched]
    if not aspects:
        raise ValueError(
            f"The prompt asks for nothing that this head rates ({', '.join(known)}): {prompt!r}. Leave it "
            "empty, or write what should be there, for example 'two red circles'."
        )
    return aspects


def reward_text(prediction: RewardPrediction, columns: Sequence[int]) -> str:
    """One line for each picture: each aspect's reward and standard deviation."""
    return "\n".join(
        f"Picture {row + 1}: "
        + ", ".join(
            f"{prediction.aspects[column]} {prediction.rewards[row, column]:.2f} "
            f"\u00b1 {prediction.deviations[row, column]:.2f}"
            for column in columns
        )
        for row in range(len(prediction.rewards))
    )


def overall(prediction: RewardPrediction, columns: list[int]) -> float:
    """Product of the aspects' rewards, the mean over the pictures."""
    return overall_reward(prediction, [columns] * len(prediction.rewards)).mean().item()


def uncertainty(prediction: RewardPrediction, columns: list[int]) -> float:
    """Standard deviation, the mean over aspects and pictures."""
    return prediction.deviations[:, columns].mean().item()


def reward_map(prediction: RewardPrediction, columns: list[int], height: int, width: int) -> Tensor:
    """The mean map of the aspects for latents of height and width, as a grey IMAGE."""
    return map_image(enlarge(prediction.maps[:, columns].sigmoid().mean(dim=1), height, width))
