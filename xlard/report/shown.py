"""What a node shows of judged pictures: claims with verdicts and boxes, and rounds, as JSON-ready values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image
from torch import Tensor

from ..characters import whole_characters
from ..claims import NOTHING_TO_CHECK
from ..critique import Critique, Verdict
from ..loop.state import LoopState, Round
from .drawing import boxes_of, summarise, to_picture
from .outcome import outcome, round_number
from .pictures import fit

MOST_PICTURES = 16
"""Pictures of a batch that a node shows; its workflow keeps what is shown."""

MOST_CHOICES = 64
"""Pictures of a batch that a node lets people choose from."""

MOST_ROUNDS = 24
"""Rounds of a picture that a node shows, the last ones."""

SIDE = 512
"""Longer side in pixels of a picture that a node shows at most."""

MOST_ANSWER = 8000
"""Characters of a critic's answer that a node shows, the first ones."""

Keep = Callable[[Image.Image], dict[str, str]]
"""Keeps a picture as a file and says where: ``filename``, ``subfolder``, ``type``."""


def shown_critiques(
    images: Tensor, critiques: Sequence[Critique], notes: Sequence[str], keep: Keep
) -> list[dict[str, Any]]:
    """The first ``MOST_PICTURES`` of images (B, H, W, 3) in [0, 1] with what the critic said of each."""
    return [
        {
            "summary": summarise(critique),
            **_judged(image, critique, keep),
            "answer": _answer(critique),
            "notes": list(notes),
        }
        for image, critique in list(zip(images, critiques))[:MOST_PICTURES]
    ]


def shown_states(states: Sequence[LoopState], keep: Keep) -> list[dict[str, Any]]:
    """The first ``MOST_PICTURES`` pictures of a loop: the best version of each, the first one, and every round."""
    return [_state(state, keep) for state in states[:MOST_PICTURES]]


def shown_batch(
    images: Tensor, critiques: Sequence[Critique], chosen: Sequence[int], keep: Keep
) -> list[dict[str, Any]]:
    """The first ``MOST_CHOICES`` of images (B, H, W, 3) in [0, 1] to choose from, and whether each is ``chosen``."""
    return [
        {"summary": summarise(critique), "chosen": index in chosen, **_shown_image(image, keep)}
        for index, (image, critique) in list(enumerate(zip(images, critiques)))[:MOST_CHOICES]
    ]


def progress_text(number: int, rounds: int, strategy: str, critiques: Sequence[Critique]) -> str:
    """How far a loop is, in a line: the round that is drawn now, 0 for first pictures, what is still wrong by the
    critiques of its pictures' best versions, and how it is to be corrected.
    """
    if number == 0:
        return "First picture"
    return " \u00b7 ".join((f"Round {number} of {rounds}", _failing(critiques), strategy))


def picture_text(rows: Sequence[int], batch: int) -> str:
    """Which pictures of a batch a line is about; empty if it is about all."""
    if len(rows) == batch:
        return ""
    named = ", ".join(str(row + 1) for row in rows)
    return f"Picture{'s' if len(rows) > 1 else ''} {named} of {batch}"


def finished_text(critiques: Sequence[Critique]) -> str:
    """How a loop ended, in a line, by the critiques of its best pictures."""
    return f"Finished \u00b7 {_failing(critiques)}"


def _failing(critiques: Sequence[Critique]) -> str:
    failed = sum(critique.failed_claims for critique in critiques)
    total = sum(len(critique.verdicts) for critique in critiques)
    if not total:
        return NOTHING_TO_CHECK
    if not failed:
        return "every claim holds"
    return f"{failed} of {total} claims {'fails' if failed == 1 else 'fail'}"


def _state(state: LoopState, keep: Keep) -> dict[str, Any]:
    best = round_number(state, state.best)
    listed = range(len(state.rounds))[-MOST_ROUNDS:]
    judged = {
        number: _judged(state.rounds[number].image, state.rounds[number].critique, keep)
        for number in {0, best, *listed}
    }
    return {
        "summary": outcome(state)[0],
        **judged[best],
        "answer": _answer(state.rounds[best].critique),
        "before": judged[0]["image"],
        "rounds": [{**_round(state.rounds[number], number, best), **judged[number]} for number in listed],
        "notes": list(state.notes),
    }


def _round(loop_round: Round, number: int, best: int) -> dict[str, Any]:
    kept = "best" if number == best else "kept" if loop_round.accepted else "dropped"
    return {
        "number": number,
        "strategy": loop_round.strategy,
        "kept": kept,
        "nfe": loop_round.nfe,
        "reason": loop_round.reason,
    }


def _shown_image(image: Tensor, keep: Keep) -> dict[str, Any]:
    # A card shows what the critic saw, which is without an alpha channel.
    picture = to_picture(image[..., :3])
    return {"image": keep(fit(picture, SIDE) if max(picture.size) > SIDE else picture), "size": list(picture.size)}


def _judged(image: Tensor, critique: Critique, keep: Keep) -> dict[str, Any]:
    return {**_shown_image(image, keep), "claims": [_claim(verdict, critique) for verdict in critique.verdicts]}


def _answer(critique: Critique) -> str:
    """What the critic said, verbatim; what is left out of a long answer is counted."""
    left_out = len(critique.answer) - MOST_ANSWER
    if left_out <= 0:
        return critique.answer
    return f"{whole_characters(critique.answer[:MOST_ANSWER])}\n... and {left_out} characters more."


def _claim(verdict: Verdict, critique: Critique) -> dict[str, Any]:
    return {
        "text": verdict.claim.shown,
        **({"original": verdict.claim.original} if verdict.claim.original else {}),
        "passed": verdict.passed,
        "score": None if verdict.score is None else round(verdict.score, 3),
        "reason": verdict.reason,
        "weight": verdict.claim.weight,
        "boxes": [
            [round(side, 1) for side in (box.x, box.y, box.width, box.height)] for box in boxes_of(verdict, critique)
        ],
    }
