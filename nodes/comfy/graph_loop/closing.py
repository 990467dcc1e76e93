"""The end of a round: what its body drew is judged against the best so far, and the loop goes on or ends."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from comfy_api.latest import io
from torch import Tensor

from ....xlard.critique import Critique
from ....xlard.loop.critic_failure import RoundError
from ....xlard.loop.state import LoopState
from ..compat.jobs import JobGraph, in_lists, output_count
from ..critic.pictures import states_text
from ..critic_failure import rescued
from ..loop_progress import show_round
from ..result_card import states_card
from ..sampling.latents import like_source
from .body import body_of, copied, repetitions, takes
from .flow import Flow

_FROM_BODY = ("latent", "image", "critique")
"""The inputs of a loop's end that its body makes."""

_WORDING = 9
"""Which output of xLARD Loop Start is the prompt that a round is drawn from."""

_NOT_CONNECTED = (
    "The critic of xLARD Loop Start rewords the prompt, and no node in the loop's body takes the new wording."
    " Connect prompt of xLARD Loop Start to the text of CLIP Text Encode, switch rewrite off, or disconnect the critic."
)


def closed(
    node: type[io.ComfyNode], flow: Flow, latent: dict, image: Tensor, critiques: Sequence[Critique], rounds: int
) -> io.NodeOutput:
    """What a loop's end, a running ``node``, puts out: the results, or one more copy of the loop's body.

    Raises ValueError where the body is not connected as a loop needs it, and CriticError if not even the first pictures
    were judged.
    """
    job = JobGraph(node)
    body, number = body_of(job, flow.start, job.own_id, _FROM_BODY), repetitions(job, job.own_id)
    if flow.batch.rewriter and not takes(job, body, flow.start, _WORDING):
        raise ValueError(_NOT_CONNECTED)
    try:
        states = flow.finished(latent, image, critiques, body)
    except RoundError as failed:
        states = rescued(node, failed, latent["samples"])
        return io.NodeOutput(*_results(flow, states, latent, number), ui=states_card(node, states))
    following = flow.batch.after(states) if number < rounds else None
    show_round(node, states, number, rounds, [plan.strategy for plan in following.plans if plan] if following else ())
    if following is None or following.leading is None:
        return io.NodeOutput(*_results(flow, states, latent, number), ui=states_card(node, states))
    given = {"state": following, "latent_image": flow.source_like(latent)}
    graph, links = copied(job, flow.start, job.own_id, body, given, output_count(node))
    return io.NodeOutput(*links, expand=graph)


def _results(flow: Flow, states: Sequence[LoopState], latent: dict, repetitions: int) -> tuple:
    """What a loop's end puts out: best latent, best and first images, state, scores, verdicts, report."""
    best = [state.best for state in states]
    options = {key: value for key, value in latent.items() if key not in ("samples", "noise_mask")}
    if "noise_mask" in flow.source:
        options["noise_mask"] = flow.source["noise_mask"]
    samples = like_source(torch.stack([version.latent for version in best]), latent["samples"]).to(latent["samples"])
    critiques = [version.critique for version in best]
    refusal = getattr(flow.batch.rewriter, "refusal", "")
    return (
        {**options, "samples": samples},
        torch.stack([version.image for version in best]),
        torch.stack([state.first.image for state in states]),
        states,
        in_lists([critique.score for critique in critiques], repetitions),
        in_lists([critique.passed for critique in critiques], repetitions),
        "\n".join(filter(None, (states_text(states), refusal))),
    )
