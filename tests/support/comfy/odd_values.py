"""A custom node for the tests: any value on any wire, whatever the receiving socket's type is."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import torch
from comfy_api.latest import ComfyExtension, io


def _pairs(pooled: bool = False, width: int = 64) -> list:
    return [[torch.zeros(1, 4, width), {"pooled_output": torch.zeros(1, width)} if pooled else {}]]


def _boxes(number: int, **changes) -> list:
    box = {"x": 1.0, "y": 1.0, "width": 8.0, "height": 8.0, "label": "circle", "score": 0.9, **changes}
    return [box] * number


# ComfyUI writes out what a node that fails was given, and torch takes long to write out tensors.
torch.set_printoptions(threshold=0, edgeitems=1)


class Mute:
    """An object that can neither be shown nor compared nor counted."""

    def _refuse(self, *arguments: object) -> None:
        raise RuntimeError

    __str__ = __repr__ = __eq__ = __len__ = __bool__ = __iter__ = __float__ = __int__ = _refuse
    __hash__ = object.__hash__


VALUES = {
    "nothing": lambda: None,
    "true": lambda: True,
    "minus one": lambda: -1,
    "zero": lambda: 0,
    "one": lambda: 1,
    "one as a float": lambda: 1.0,
    "a half": lambda: 0.5,
    "2**70": lambda: 2**70,
    "400 digits": lambda: 10**400,
    "nan": lambda: math.nan,
    "infinity": lambda: math.inf,
    "1e308": lambda: 1e308,
    "numpy integer": lambda: np.int64(1),
    "numpy nan": lambda: np.float32("nan"),
    "numpy array": lambda: np.zeros(3),
    "complex": lambda: 1j,
    "empty text": lambda: "",
    "blanks": lambda: " \t\n",
    "text": lambda: "a red circle",
    "chinese": lambda: "\u4e00\u53ea\u732b" * 500,
    "half a pair": lambda: "a \ud83d circle",
    "undecodable name": lambda: "x\udc80.safetensors",
    "whole pair": lambda: "a \ud83d\ude00 circle",
    "right to left": lambda: "\u202ered\u202c \u0627\u0644",
    "zero byte": lambda: "a\0b",
    "300 letters": lambda: "x" * 300,
    "million letters": lambda: "x" * 1_000_001,
    "above": lambda: "../../x",
    "drive": lambda: "C:\\x",
    "share": lambda: "\\\\host\\x",
    "root": lambda: "/etc/passwd",
    "device": lambda: "CON",
    "tilde": lambda: "~/x",
    "markup": lambda: "<script>alert(1)</script>{{7*7}}%s%n",
    "many counted": lambda: "count: 100000000 circles",
    "brackets": lambda: '{"' * 5000,
    "red and": lambda: "red and " * 2000,
    "lines": lambda: "a circle\n" * 500,
    "bytes": lambda: b"\xff",
    "empty list": lambda: [],
    "list": lambda: [1, "x", None],
    "deep list": lambda: _nested(2000),
    "empty dict": lambda: {},
    "dict": lambda: {"samples": "x"},
    "class": lambda: int,
    "object": object,
    "function": lambda: print,
    "0-d tensor": lambda: torch.tensor(1.0),
    "1-d tensor": lambda: torch.zeros(3),
    "empty tensor": lambda: torch.zeros(0, 8, 8, 3),
    "whole numbers": lambda: torch.zeros(1, 96, 96, 3, dtype=torch.uint8),
    "black image": lambda: torch.zeros(1, 96, 96, 3),
    "image": lambda: torch.rand(1, 96, 96, 3),
    "nan image": lambda: torch.full((1, 96, 96, 3), math.nan),
    "grey image": lambda: torch.rand(1, 96, 96, 1),
    "image of a pixel": lambda: torch.rand(1, 1, 1, 3),
    "three images": lambda: torch.rand(3, 96, 96, 3),
    "alpha image": lambda: torch.rand(1, 96, 96, 4),
    "half image": lambda: torch.rand(1, 96, 96, 3).half(),
    "mask": lambda: torch.ones(1, 96, 96),
    "small mask": lambda: torch.ones(1, 7, 5),
    "nan mask": lambda: torch.full((1, 96, 96), math.nan),
    "empty mask": lambda: torch.zeros(0, 96, 96),
    "latent": lambda: {"samples": torch.zeros(1, 4, 12, 12)},
    "wide latent": lambda: {"samples": torch.zeros(1, 16, 12, 12)},
    "nan latent": lambda: {"samples": torch.full((1, 4, 12, 12), math.nan)},
    "0-d latent": lambda: {"samples": torch.tensor(1.0)},
    "empty latent": lambda: {"samples": torch.zeros(1, 4, 0, 12)},
    "video latent": lambda: {"samples": torch.zeros(1, 4, 3, 12, 12)},
    "latent with small mask": lambda: {"samples": torch.zeros(1, 4, 12, 12), "noise_mask": torch.ones(1, 3, 5)},
    "latent with nan mask": lambda: {
        "samples": torch.zeros(1, 4, 12, 12),
        "noise_mask": torch.full((1, 1, 96, 96), math.nan),
    },
    "latent with empty mask": lambda: {"samples": torch.zeros(1, 4, 12, 12), "noise_mask": torch.zeros(0, 96, 96)},
    "latent with far index": lambda: {"samples": torch.zeros(1, 4, 12, 12), "batch_index": [10**12]},
    "latent with two indexes": lambda: {"samples": torch.zeros(1, 4, 12, 12), "batch_index": torch.tensor([0, 1])},
    "latent with odd index": lambda: {"samples": torch.zeros(1, 4, 12, 12), "batch_index": "x"},
    "conditioning": lambda: _pairs(),
    "conditioning pooled": lambda: _pairs(True),
    "wide conditioning": lambda: _pairs(width=7),
    "conditioning of nothing": lambda: [[None, {}]],
    "0-d conditioning": lambda: [[torch.tensor(1.0), {}]],
    "boxes": lambda: [_boxes(2)],
    "nan boxes": lambda: [_boxes(1, x=math.nan)],
    "huge boxes": lambda: [_boxes(1, width=1e300)],
    "600 boxes": lambda: [[{**box, "x": float(i)} for i, box in enumerate(_boxes(600))]],
    "boxes of text": lambda: [_boxes(1, x="a")],
    "bare box": lambda: {"x": 1},
    "huge fraction": lambda: Fraction(10**400, 3),
    "long double": lambda: np.longdouble("1e4000"),
    "numpy text": lambda: np.str_("a red circle"),
    "mute object": Mute,
    "image without memory": lambda: torch.zeros(1, 96, 96, 3, device="meta"),
    "sparse image": lambda: torch.zeros(1, 96, 96, 3).to_sparse(),
    "double image": lambda: torch.rand(1, 96, 96, 3).double(),
    "complex image": lambda: torch.zeros(1, 96, 96, 3, dtype=torch.complex64),
    "image with a gradient": lambda: torch.rand(1, 96, 96, 3).requires_grad_(),
    "nested image": lambda: torch.nested.nested_tensor([torch.rand(96, 96, 3)]),
    "no image": lambda: torch.zeros(0, 96, 96, 3),
    "latent without memory": lambda: {"samples": torch.zeros(1, 4, 12, 12, device="meta")},
    "sparse latent": lambda: {"samples": torch.zeros(1, 4, 12, 12).to_sparse()},
    "latent on a latent": lambda: {"samples": {"samples": torch.zeros(1, 4, 12, 12)}},
    "sparse mask": lambda: torch.ones(1, 96, 96).to_sparse(),
    "conditioning without memory": lambda: [[torch.zeros(1, 4, 64, device="meta"), {}]],
    "sigmas": lambda: torch.tensor([1.0, 0.5, 0.0]),
    "box with half a pair": lambda: [_boxes(1, label="\ud83d")],
}


def _nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


class XLARDTestValue(io.ComfyNode):
    """One of the values, on a wire that fits every socket."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDTestValue",
            inputs=[io.Combo.Input("name", options=list(VALUES))],
            outputs=[io.AnyType.Output("value")],
        )

    @classmethod
    def execute(cls, name: str) -> io.NodeOutput:
        return io.NodeOutput(VALUES[name]())


class Quick:
    """A critic that looks at nothing: every claim fails."""

    def judge(self, images, claims):
        import xlard_api as api

        return [api.critique_of([api.Verdict(claim, False, 0.0) for claim in per_image]) for per_image in claims]


class XLARDTestQuickCritic(io.ComfyNode):
    """A critic for cases that are not about what it sees."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDTestQuickCritic", inputs=[], outputs=[io.Custom("XLARD_CRITIC").Output("critic")]
        )

    @classmethod
    def execute(cls) -> io.NodeOutput:
        return io.NodeOutput(Quick())


class OddValues(ComfyExtension):
    """The nodes as an extension."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Both."""
        return [XLARDTestValue, XLARDTestQuickCritic]


async def comfy_entrypoint() -> OddValues:
    return OddValues()
