"""A custom node for the tests: a model during one of whose calls the artist clicks on Cancel."""

from __future__ import annotations

from pathlib import Path

import comfy.model_management
import folder_paths
from comfy.patcher_extension import WrappersMP
from comfy_api.latest import ComfyExtension, io


class XLARDTestCancelDuringCall(io.ComfyNode):
    """Passes on a model that is interrupted at the beginning of its call number ``call`` (0: never), and writes into
    the temporary folder how many calls began in all.
    """

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDTestCancelDuringCall",
            inputs=[io.Model.Input("model"), io.Int.Input("call", min=0)],
            outputs=[io.Model.Output("cancelled")],
        )

    @classmethod
    def fingerprint_inputs(cls, **inputs) -> float:
        """Never the same: each run counts from the beginning."""
        return float("nan")

    @classmethod
    def execute(cls, model, call: int) -> io.NodeOutput:
        counter, calls = Path(folder_paths.get_temp_directory()) / "calls", 0
        counter.parent.mkdir(exist_ok=True)

        def counted(executor, *arguments, **keywords):
            nonlocal calls
            calls += 1
            counter.write_text(str(calls))
            if calls == call:
                comfy.model_management.interrupt_current_processing()
            return executor(*arguments, **keywords)

        clone = model.clone()
        clone.add_wrapper(WrappersMP.PREDICT_NOISE, counted)
        return io.NodeOutput(clone)


class Cancelling(ComfyExtension):
    """The node as an extension."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """The one node."""
        return [XLARDTestCancelDuringCall]


async def comfy_entrypoint() -> Cancelling:
    return Cancelling()
