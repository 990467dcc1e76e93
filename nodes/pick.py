"""The best of a batch."""

from __future__ import annotations

from comfy_api.latest import io
from torch import Tensor

from ..xlard.critics.ranking import AUTOMATIC, RANK_BY, RankBy, rank
from ..xlard.critics.registry import as_writer
from . import inputs, sockets
from .comfy.accepted import as_critiques
from .comfy.critic.picking import (
    SEED_RULES,
    check_batch,
    picked_images,
    picked_latent,
    picked_masks,
    picked_seeds,
    ranking_text,
)
from .comfy.critic.pictures import checked_images
from .comfy.result_card import batch_card, preview_files


class XLARDPickBest(io.ComfyNode):
    """A batch in, its best pictures out, with everything that belongs to them."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDPickBest",
            display_name="xLARD Pick Best",
            category="xLARD/loop",
            **inputs.search_aliases("best of", "best of n", "rank", "choose picture"),
            description=(
                "Picks the best pictures of a batch by what the critic said of them, with their latents, masks and "
                "seeds, best first."
            ),
            inputs=[
                sockets.Critique.Input(
                    "critique", tooltip="What xLARD Critique says of the batch, one critique for each picture."
                ),
                io.Int.Input("number", default=1, min=1, max=4096, tooltip="How many pictures to pick."),
                io.Combo.Input(
                    "by",
                    options=list(RANK_BY),
                    default=RANK_BY[0],
                    tooltip=(
                        "claims: fewest failed claims, then the highest score. pairwise: each picture is compared "
                        "with every other one, claim by claim, and the share of wins decides. Ties go to the "
                        "earlier picture."
                    ),
                ),
                io.Image.Input("images", optional=True, tooltip="Optional: the pictures that were judged."),
                io.Latent.Input(
                    "latents",
                    optional=True,
                    tooltip="Optional: their latents. Noise masks and places in the batch go with them.",
                ),
                io.Mask.Input("masks", optional=True, tooltip="Optional: a mask for each of them, or one for all."),
                io.Int.Input(
                    "seed", optional=True, force_input=True, tooltip="Optional: the seed that the batch was drawn with."
                ),
                io.Combo.Input(
                    "seeds",
                    options=list(SEED_RULES),
                    default=SEED_RULES[0],
                    optional=True,
                    tooltip=(
                        "one for the batch: as KSampler, one seed and a place in the batch. counting up: as xLARD "
                        "Self-Correct, each picture has the seed of the one before it plus 1."
                    ),
                ),
                sockets.Critic.Input(
                    "critic",
                    optional=True,
                    tooltip=(
                        "Optional, and only for pairwise: a critic that looks at the images two by two. It gets two "
                        "questions for each pair, so 30 for 6 pictures."
                    ),
                ),
                io.Int.Input(
                    "choice",
                    default=AUTOMATIC,
                    min=AUTOMATIC,
                    max=4095,
                    optional=True,
                    tooltip=(
                        "The picture that you choose by hand, its place in the batch from 0; it comes before all "
                        "others. A click on a picture of the node sets it, a second click takes it back. -1: the "
                        "critic chooses."
                    ),
                ),
            ],
            outputs=sockets.named(
                io.Latent.Output("latent", tooltip="The chosen latents."),
                io.Image.Output("image", tooltip="The chosen pictures."),
                io.Mask.Output("mask", tooltip="The chosen masks."),
                io.Int.Output(
                    "chosen_seed", display_name="seed", is_output_list=True, tooltip="The seed of each chosen picture."
                ),
                io.Int.Output(
                    "index", is_output_list=True, tooltip="The place of each chosen picture in the batch, from 0."
                ),
                sockets.Critique.Output(
                    "chosen_critique", display_name="critique", tooltip="The critiques of the chosen pictures."
                ),
                io.Float.Output(
                    "win_rate",
                    is_output_list=True,
                    tooltip=(
                        "For each chosen picture the share of the batch's others that it won against, in [0, 1]; a "
                        "tie is half a win."
                    ),
                ),
                io.Float.Output(
                    "score",
                    is_output_list=True,
                    tooltip="For each chosen picture its critique's score in [0, 1]; None without a verdict.",
                ),
                io.String.Output("report", tooltip="All pictures as text, best first, and how they were compared."),
            ),
            hidden=[io.Hidden.dynprompt, io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        critique: object,
        number: int,
        by: RankBy,
        images: Tensor | None = None,
        latents: dict | None = None,
        masks: Tensor | None = None,
        seed: int | None = None,
        seeds: str = SEED_RULES[0],
        critic: object | None = None,
        choice: int = AUTOMATIC,
    ) -> io.NodeOutput:
        critiques = as_critiques(critique)
        check_batch(len(critiques), images, latents, masks)
        writer = None if critic is None or by == RANK_BY[0] else as_writer(critic)
        ranking = rank(critiques, by, writer, None if images is None else checked_images(images))
        chosen = ranking.best(number, choice)
        pictures = picked_images(images, chosen)
        card = {} if images is None else batch_card(cls, images, critiques, chosen)
        return io.NodeOutput(
            picked_latent(latents, chosen, seeds),
            pictures,
            picked_masks(masks, chosen),
            picked_seeds(seed, chosen, seeds),
            list(chosen),
            [critiques[index] for index in chosen],
            [ranking.win_rates[index] for index in chosen],
            [critiques[index].score for index in chosen],
            ranking_text(ranking, critiques, choice),
            ui=None if images is None else {**preview_files(pictures, cls), **card},
        )
