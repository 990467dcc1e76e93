"""What a cancelled loop leaves: the best pictures so far, in the job's history."""

from __future__ import annotations

from collections.abc import Sequence

import comfy.model_management
import torch
from comfy_api.latest import io, ui
from comfy_execution.graph_utils import GraphBuilder

from ....xlard.loop.state import Round


def left_behind(node: type[io.ComfyNode], best: Sequence[Round]) -> io.NodeOutput:
    """What a node returns where it was cancelled after it had drawn these rounds; the job still ends as interrupted.

    ComfyUI forgets what a node that raises had to show. So it shows its pictures and goes on as a copy of itself, and
    the interruption, which is set again, meets whatever node would run next. Nothing is cached: the next job starts
    anew."""
    graph = GraphBuilder()
    own = node.hidden.dynprompt.get_node(node.hidden.unique_id)
    again = graph.node(own["class_type"], **own["inputs"])
    comfy.model_management.interrupt_current_processing()
    return io.NodeOutput(
        *(again.out(index) for index in range(len(node.RETURN_TYPES))),
        expand=graph.finalize(),
        ui=ui.PreviewImage(torch.stack([entry.image for entry in best])),
    )
