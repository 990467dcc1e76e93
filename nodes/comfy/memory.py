"""What is done where memory runs out: once more, with nothing else in memory."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import comfy.model_management

from ...xlard.critics.memory import is_out_of_memory

T = TypeVar("T")

_LOG = logging.getLogger(__name__)


def with_another_try(run: Callable[[], T], again: Callable[[], T]) -> T:
    """What ``run`` returns. Where memory runs out, all models are unloaded, as ComfyUI itself does, and ``again`` is
    the one further try: it raises what it raises.
    """
    try:
        return run()
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        _LOG.warning("xLARD: memory ran out. All models are unloaded, and it is tried once more.")
    # Not inside the handler: the error refers to what was allocated.
    comfy.model_management.unload_all_models()
    comfy.model_management.soft_empty_cache()
    return again()
