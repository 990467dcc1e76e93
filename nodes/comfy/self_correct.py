"""The whole loop in one node: run with ComfyUI's models, with previews, and without losing anything to a failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import comfy.model_management
import torch
from comfy_api.latest import io

from ...xlard.claims import Claim, NotedClaims
from ...xlard.loop.critic_failure import RoundError
from ...xlard.loop.object_by_object import PROCESSES
from ...xlard.loop.painted import Painted
from ...xlard.loop.registry import OBJECT_BY_OBJECT
from ...xlard.loop.run import self_correct
from ...xlard.loop.settings import LoopSettings
from ...xlard.loop.state import LoopState, Round
from ...xlard.loop.written_instruction import InstructionWriter
from ...xlard.protocols import Editor, Filler, Judge
from .compat.jobs import GraphBuilder, JobGraph, output_count
from .critic.pictures import states_text
from .critic_failure import rescued
from .loop_progress import LoopProgress
from .managed import ManagedModule
from .result_card import KEY, preview_files, states_card
from .sampling.latents import as_pictures, like_source
from .sampling.method import SamplingMethod
from .sampling.rewriting import ConditioningRewriter
from .sampling.sampler import ComfyDecoder, ComfySampler


@dataclass(frozen=True)
class Rewording:
    """What writes and encodes other prompts in a loop, None without a CLIP, and why the guider bars them; empty if it
    does not.
    """

    rewriter: ConditioningRewriter | None
    barred: str = ""

    @classmethod
    def of(cls, method: SamplingMethod, critic: object, clip: Any, prompt: str, second_clip: Any = None) -> Rewording:
        """The rewording of what a method draws, by a CLIP if one is connected; ``second_clip`` is that of a second
        model, None where it is the same.
        """
        if clip is None or method.refusal:
            return cls(None, "" if clip is None else method.refusal)
        second = None
        if method.second is not None:
            second = ConditioningRewriter(critic, second_clip or clip, prompt, method.second.prompted)
        return cls(ConditioningRewriter(critic, clip, prompt, method.turns[0].prompted, second))

    def introducing(self, process: str, source: dict | None) -> tuple[str, ...]:
        """The strategies that one of ``PROCESSES`` adds; none where the guider bars them.

        Raises ValueError where something that they need is missing.
        """
        if process == PROCESSES[0]:
            return ()
        if source is not None:
            raise ValueError(
                f"An edit has no prompt to draw objects from one by one. Set objects to '{PROCESSES[0]}', or "
                "disconnect source."
            )
        if self.barred:
            return ()
        if self.rewriter is None:
            raise ValueError(
                "Objects are drawn one by one from prompts of their own, and nothing encodes these. Connect clip, the "
                f"CLIP that made positive, or set objects to '{PROCESSES[0]}'."
            )
        self.rewriter.check()
        return OBJECT_BY_OBJECT


@dataclass(frozen=True)
class SelfCorrection:
    """A loop over the pictures of a sampler's LATENT. ``notes`` are what the artist should know of how it draws."""

    sampler: ComfySampler
    decoder: ComfyDecoder
    critic: Judge
    head: ManagedModule | None
    corrector: ManagedModule | None
    settings: LoopSettings
    rewriter: ConditioningRewriter | None
    read_steps: bool
    painted: Sequence[Painted | None]
    notes: tuple[str, ...] = ()
    editor: Editor | None = None
    instructor: InstructionWriter | None = None
    filler: Filler | None = None

    def run(
        self, node: type[io.ComfyNode], prompt: str, claims: NotedClaims, seed: int, latent: dict, is_edit: bool
    ) -> io.NodeOutput:
        """What a running node puts out: LATENT, best and first images, state, scores, verdicts, report.

        All pictures have the same prompt and claims; their seeds count up from ``seed``. Where the artist cancels, the
        best pictures so far stay on the node; where the critic fails, they are returned. Raises CriticError if not even
        the first pictures were judged.
        """
        progress = LoopProgress(node, self.sampler.batch, self.settings.rounds)
        try:
            states = self._states(node, prompt, claims, seed, is_edit, progress)
            progress.finish()
        except comfy.model_management.InterruptProcessingException:
            if not progress.best:
                raise
            return _cancelled(node, list(progress.best.values()))
        for state in states:
            state.notes = (*claims.notes, *self.notes)
        refusal = self.rewriter.refusal if self.rewriter else ""
        samples = like_source(torch.stack([state.best.latent for state in states]), self.sampler.source)
        return io.NodeOutput(
            {**latent, "samples": samples},
            torch.stack([state.best.image for state in states]),
            torch.stack([state.first.image for state in states]),
            states,
            [state.best.critique.score for state in states],
            [state.passed for state in states],
            "\n".join(filter(None, (states_text(states), refusal))),
            ui=states_card(node, states),
        )

    def _states(
        self,
        node: type[io.ComfyNode],
        prompt: str,
        claims: Sequence[Claim],
        seed: int,
        is_edit: bool,
        progress: LoopProgress,
    ) -> list[LoopState]:
        try:
            with progress.running():
                return self._run_rounds(prompt, claims, seed, is_edit, progress)
        except RoundError as failed:
            return rescued(node, failed, self.sampler.source)

    def _run_rounds(
        self, prompt: str, claims: Sequence[Claim], seed: int, is_edit: bool, progress: LoopProgress
    ) -> list[LoopState]:
        batch = self.sampler.batch
        return self_correct(
            [prompt] * batch,
            [claims] * batch,
            [seed + row for row in range(batch)],
            self.sampler,
            self.decoder,
            self.critic,
            self.head,
            self.corrector,
            self.settings,
            progress.judged,
            self.rewriter,
            as_pictures(self.sampler.source) if is_edit else None,
            self.read_steps,
            self.decoder,
            self.painted,
            progress.attempt,
            self.editor,
            self.instructor,
            self.filler,
        )


def _cancelled(node: type[io.ComfyNode], best: Sequence[Round]) -> io.NodeOutput:
    """What a node returns where it was cancelled after it had drawn these rounds; the job still ends as interrupted.

    ComfyUI forgets what a node that raises had to show. So it shows its pictures and goes on as a copy of itself, and
    the interruption, which is set again, meets whatever node would run next. Nothing is cached: the next job starts
    from the beginning.
    """
    graph, job = GraphBuilder(), JobGraph(node)
    again = graph.node(job.kind(job.own_id), **job.inputs(job.own_id))
    comfy.model_management.interrupt_current_processing()
    return io.NodeOutput(
        *(again.out(index) for index in range(output_count(node))),
        expand=graph.finalize(),
        # With the name of the card: ComfyUI joins what a node shows for each item of a list.
        ui={**preview_files(torch.stack([version.image for version in best]), node), KEY: []},
    )
