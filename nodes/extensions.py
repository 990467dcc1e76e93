"""Other packs that add critics, strategies and scorers: each is asked once."""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Callable

from ..xlard import api

_LOG = logging.getLogger(__name__)

HOOK = "xlard_extension"
"""The function of another pack's ``__init__.py`` that is called with ``xlard.api``."""

_called: set[Callable] = set()


def publish_api() -> None:
    """Make ``xlard.api`` importable as ``xlard_api``, whatever this pack's folder is called."""
    sys.modules.setdefault("xlard_api", api)


def load_extensions() -> None:
    """Call the hook of every loaded pack that has one and was not asked yet.

    Packs load in any order, so this runs whenever ComfyUI asks for the inputs that they add to. A hook that fails is
    logged with its pack's name; ComfyUI and the other packs go on.
    """
    for name in _packs(len(sys.modules)):
        hook = getattr(sys.modules.get(name), "__dict__", {}).get(HOOK)
        if not callable(hook) or hook in _called:
            continue
        _called.add(hook)
        try:
            hook(api)
        except Exception:
            _LOG.exception("xLARD: %s of the pack %s failed; what it adds is missing.", HOOK, name)


@functools.lru_cache(maxsize=1)
def _packs(loaded: int) -> list[str]:
    """The names of packs, and of modules in them, among so many ``loaded`` modules: ComfyUI names a pack by its path.

    They are remembered until there are more, since a schema is asked for many times in a job, and there are thousands.
    """
    return [name for name in list(sys.modules) if os.sep in name]
