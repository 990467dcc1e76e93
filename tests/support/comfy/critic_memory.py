"""Run with ComfyUI's folder and the pack's as arguments: prints what its memory manager counts before and after a
critique.

There is no VRAM on a CPU; free memory is what the manager's loaded models leave of a fixed total.
"""

import importlib.util
import json
import sys
from pathlib import Path

comfyui, checkout = map(Path, sys.argv[1:3])
sys.argv = ["main.py", "--cpu"]
sys.path.insert(0, str(comfyui))

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import comfy.model_management as memory  # noqa: E402
import torch  # noqa: E402
from torch.nn import Linear  # noqa: E402

TOTAL = 40_000_000
EVERYTHING = 1e18
"""What a sampler that needs all memory asks for: more than a machine's RAM, which counts as free memory on a CPU."""

spec = importlib.util.spec_from_file_location(
    "pack", checkout / "__init__.py", submodule_search_locations=[str(checkout)]
)
sys.modules["pack"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["pack"])

from pack.nodes.comfy.critic.folder import load_critic  # noqa: E402
from pack.nodes.comfy.managed import ManagedModule  # noqa: E402
from pack.xlard.prompts import claims_from_prompt  # noqa: E402
from pack.xlard.worlds.shapes.architecture import CRITIC  # noqa: E402


def free() -> int:
    """What loaded models leave of the total, in bytes."""
    return TOTAL - sum(loaded.model_loaded_memory() for loaded in memory.current_loaded_models)


critic, image = load_critic(CRITIC), torch.rand(1, 96, 96, 3)
figures = {"before": free()}
critic.judge(image, [claims_from_prompt("a red circle")])
figures["judged"] = free()
memory.free_memory(EVERYTHING, memory.get_torch_device())
figures["asked_for"] = free()
critic.judge(image, [claims_from_prompt("a red circle")])
figures["judged_again"] = free()
other = ManagedModule(Linear(100, 100))
other.load()
critic.backend.make_room()
figures["made_room"] = {
    name: any(loaded.model is patcher for loaded in memory.current_loaded_models)
    for name, patcher in (("other", other.patcher), ("critic", critic.backend.model._managed.patcher))
}
del critic
memory.cleanup_models_gc()
memory.free_memory(EVERYTHING, memory.get_torch_device())
figures["gone"] = len(memory.current_loaded_models)
print(json.dumps(figures))
