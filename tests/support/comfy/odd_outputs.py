"""Custom nodes for the tests: what another pack might put on the wires of xLARD's sockets."""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io
from torch.nn import Linear


class OnlyJudges:
    """A critic that has ``judge`` and nothing else: every claim fails, wherever it looks."""

    def judge(self, images, claims):
        import xlard_api as api

        return [api.critique_of([api.Verdict(claim, False, 0.0) for claim in per_image]) for per_image in claims]


VALUES = {
    "a text": lambda: "text",
    "a list of texts": lambda: ["text"],
    "a layer of torch": lambda: Linear(1, 1),
    "a judge": OnlyJudges,
}


class XLARDTestOddOutput(io.ComfyNode):
    """Something on each of xLARD's sockets."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        sockets = ("critic", "claims", "critique", "head", "corrector", "state", "dataset", "second_model")
        return io.Schema(
            node_id="XLARDTestOddOutput",
            inputs=[io.Combo.Input("value", options=list(VALUES))],
            outputs=[io.Custom(f"XLARD_{socket.upper()}").Output(socket) for socket in sockets],
        )

    @classmethod
    def execute(cls, value: str) -> io.NodeOutput:
        return io.NodeOutput(*[VALUES[value]()] * 8)


class OddOutputs(ComfyExtension):
    """The node as an extension."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """The one node."""
        return [XLARDTestOddOutput]


async def comfy_entrypoint() -> OddOutputs:
    return OddOutputs()
