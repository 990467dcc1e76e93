"""Run with ComfyUI's folder, the pack's and a file of model configs by name: prints what the pack calls the family of
each.

The models are built without weights, as ComfyUI builds them once it has read a config off a checkpoint.
"""

import importlib.util
import json
import sys
from pathlib import Path

comfyui, checkout, configs = map(Path, sys.argv[1:4])
sys.argv = ["main.py", "--cpu"]
sys.path.insert(0, str(comfyui))

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import comfy.model_detection  # noqa: E402
import torch  # noqa: E402
from comfy.model_patcher import ModelPatcher  # noqa: E402

spec = importlib.util.spec_from_file_location(
    "pack", checkout / "__init__.py", submodule_search_locations=[str(checkout)]
)
sys.modules["pack"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["pack"])

from pack.nodes.comfy.sampling.family import family_of  # noqa: E402

names = {}
for name, read in json.loads(configs.read_text(encoding="utf-8")).items():
    config = comfy.model_detection.model_config_from_unet_config(read["model"], {})
    config.unet_config.update(read["narrow"])
    config.set_inference_dtype(torch.float32, None)
    cpu = torch.device("cpu")
    names[name] = family_of(ModelPatcher(config.get_model({}, device="meta"), cpu, cpu))
print(json.dumps(names))
