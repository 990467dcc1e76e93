"""Faults on demand in a running ComfyUI, for the tests: the next calls of a function fail, or end the process.

``POST /faults`` arms one: ``target`` is ``module:attribute.path``, of a pack's module its end suffices; ``kind`` what
happens at its call number ``call``, from 1, and at ``times`` - 1 more; ``{}`` takes it away. ``GET /faults`` says how
often the target was called since, and what has been left on models and in the process; ``GET /faults?trim=1`` has
garbage collected and the C library give back free memory before.
"""

from __future__ import annotations

import ctypes
import errno
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import reduce
from importlib import import_module
from types import ModuleType
from typing import Any

import comfy.model_management
import folder_paths
import torch
from aiohttp import web
from comfy_api.latest import ComfyExtension
from server import PromptServer


def _raise(error: Exception) -> None:
    raise error


KINDS: dict[str, Callable[[], object]] = {
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "memory": lambda: _raise(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore of it.")),
    "foreign": lambda: _raise(AttributeError("'Patch' object has no attribute 'weight'")),
    "mismatch": lambda: _raise(RuntimeError("The size of tensor a (77) must match the size of tensor b (154)")),
    "assertion": lambda: _raise(AssertionError()),
    "full disk": lambda: _raise(OSError(errno.ENOSPC, "No space left on device")),
    "read only": lambda: _raise(OSError(errno.EROFS, "Read-only file system")),
    "cancel": comfy.model_management.interrupt_current_processing,
}

_armed: dict[str, Any] = {}


def _imported(ending: str) -> ModuleType:
    """A module of the pack that no node has needed yet; ComfyUI imports a pack under its path."""
    pack = next(name for name in sys.modules if name.replace("\\", "/").endswith("custom_nodes/xlard"))
    return import_module(f"{pack}.{ending}")


def _found(target: str) -> tuple[object, str]:
    """What holds an attribute, and the attribute's name."""
    ending, path = target.split(":")
    loaded = (module for name, module in list(sys.modules.items()) if name == ending or name.endswith(f".{ending}"))
    module = next(loaded, None) or _imported(ending)
    *steps, last = path.split(".")
    return reduce(getattr, steps, module), last


def _arm(target: str, kind: str, call: int, times: int = 1) -> None:
    holder, name = _found(target)
    plain = getattr(holder, name)

    def counted(*arguments, **options):
        _armed["called"] += 1
        if call <= _armed["called"] < call + times:
            KINDS[kind]()
        return plain(*arguments, **options)

    _armed.update(holder=holder, name=name, plain=vars(holder)[name], called=0)
    setattr(holder, name, counted)


def _disarm() -> None:
    if "holder" in _armed:
        setattr(_armed["holder"], _armed["name"], _armed["plain"])
    _armed.clear()


def _left() -> dict[str, Any]:
    """What a job may leave behind: files in use, threads, files in the temporary folder, patches and hooks."""
    temporary = folder_paths.get_temp_directory()
    loaded = [entry for entry in comfy.model_management.current_loaded_models if entry.model is not None]
    models = [entry.model for entry in loaded]
    modules = [module for model in models for module in model.model.modules()]
    return {
        "called": _armed.get("called", 0),
        "loaded": len(models),
        "lost": sum(entry.model is None for entry in comfy.model_management.current_loaded_models),
        "weights": sum(entry.model_loaded_memory() for entry in loaded),
        "files": len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0,
        "threads": threading.active_count(),
        "temporary": sum(len(files) for _, _, files in os.walk(temporary)),
        "hooks": sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in modules),
        "wrappers": sum(bool(model.model_options.get("sampler_post_cfg_function")) for model in models),
        "gradients": sum(parameter.grad is not None for module in modules for parameter in module.parameters(False)),
        "inference": torch.is_inference_mode_enabled(),
    }


def _trim() -> None:
    gc.collect()
    # What the C library keeps for later differs from run to run. Only glibc has this.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@PromptServer.instance.routes.post("/faults")
async def arm(request: web.Request) -> web.Response:
    """Take away what was armed, and arm what is asked for."""
    _disarm()
    wanted = await request.json()
    if wanted:
        _arm(**wanted)
    return web.json_response({})


@PromptServer.instance.routes.get("/faults")
async def left(request: web.Request) -> web.Response:
    """What was called, and what is left."""
    if request.query.get("trim"):
        _trim()
    return web.json_response(_left())


class Faults(ComfyExtension):
    """No nodes: the file has to be a pack to be loaded."""

    async def get_node_list(self) -> list:
        """None."""
        return []


async def comfy_entrypoint() -> Faults:
    return Faults()
