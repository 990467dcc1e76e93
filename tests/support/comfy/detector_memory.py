"""Run with ComfyUI's folder, the pack's and those of detectors as arguments: prints for each detector how many bytes
ComfyUI's memory manager counts as loaded before it judges, after that, and after memory was asked for.
"""

import importlib.util
import json
import sys
from pathlib import Path

comfyui, checkout, *folders = map(Path, sys.argv[1:])
sys.argv = ["main.py", "--cpu"]
sys.path.insert(0, str(comfyui))

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import comfy.model_management as memory  # noqa: E402
import torch  # noqa: E402

EVERYTHING = 1e18
"""What a sampler that needs all memory asks for: more than a machine's RAM, which counts as free memory on a CPU."""

spec = importlib.util.spec_from_file_location(
    "pack", checkout / "__init__.py", submodule_search_locations=[str(checkout)]
)
sys.modules["pack"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["pack"])

from pack.nodes.comfy.critic.folder import load_detector  # noqa: E402
from pack.xlard.claims import object_claim  # noqa: E402


def loaded() -> int:
    """The bytes of all models that are loaded now."""
    return sum(model.model_loaded_memory() for model in memory.current_loaded_models)


figures = {}
for folder in folders:
    critic = load_detector(folder)
    counted = [loaded()]
    critic.judge(torch.rand(1, 64, 64, 3), [[object_claim("cat")]])
    counted.append(loaded())
    memory.free_memory(EVERYTHING, memory.get_torch_device())
    counted.append(loaded())
    figures[folder.name] = counted
print(json.dumps(figures))
