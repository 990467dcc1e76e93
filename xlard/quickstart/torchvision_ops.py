"""Lets a CPU-only torch import a torchvision whose compiled part was built for CUDA.

torchvision registers shape functions for its operators while it is imported, which fails when its compiled part
could not be loaded and the operators therefore do not exist. Declaring their signatures is enough for the import;
calling them still fails, and nothing here calls them.

The quickstart copies this file into the virtual environment together with a `.pth` file that imports it, so it
runs at every interpreter start: it must stay light and must not import torch before torchvision is imported.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder

# Type checkers know the name; `typing` itself would take time at every start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)

_libraries: list[object] = []


def declare_operators() -> None:
    """Declare the signatures in OPERATORS under the namespace `torchvision`."""
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for signature in OPERATORS:
        library.define(signature)
    # The declarations vanish with the object that made them.
    _libraries.append(library)


class TorchvisionFinder:
    """Meta path finder that calls `declare_operators` just before torchvision's own code runs."""

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of torchvision, whose loader declares the operators first; None for any other module."""
        if name != "torchvision":
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            if not _libraries:
                declare_operators()
            execute(module)

        # Of this one loader object only: importlib makes a new one for each module.
        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, TorchvisionFinder)
