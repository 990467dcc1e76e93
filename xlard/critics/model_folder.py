"""A local folder of a model of transformers: what every kind of critic asks of one. Nothing is downloaded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from torch import nn

from .backend import CriticError
from .memory import is_out_of_memory

_LONGEST_CAUSE = 300

FilePatterns = tuple[Sequence[str], str, str]
"""Patterns of files of which one must match, and the cause and the fix if none does; an empty fix is to copy all."""

WEIGHTS: FilePatterns = (
    ("*.safetensors",),
    "it holds no safetensors, and other files of weights are never read, because they may hold code",
    "Copy its safetensors, or choose a version of the model that has them.",
)


def _is_part(name: str) -> bool:
    """Whether an index may list weights under this name; transformers would unpickle files that end otherwise."""
    return name.endswith(".safetensors") and Path(name).name == name and "\\" not in name


class ModelFolder:
    """A folder with config.json and safetensors. Raises FileNotFoundError if there is no config.json.

    ``role`` is what errors call the model, ``content`` which kind of model belongs there.
    """

    role: ClassVar[str]
    content: ClassVar[str]

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        if not (self.folder / "config.json").is_file():
            raise FileNotFoundError(
                f"There is no {self.role} in {self.folder}: config.json is missing. Put a Hugging Face {self.content} "
                "there, with its processor files."
            )

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def weights(self) -> int:
        """The size of the model's weights in bytes."""
        return sum(path.stat().st_size for path in self.folder.glob("*.safetensors"))

    @cached_property
    def model_type(self) -> str:
        """The architecture by transformers' name, e.g. ``qwen3_vl``. Raises CriticError if config.json cannot be
        read.
        """
        return self._config.get("model_type") or ""

    @cached_property
    def _config(self) -> dict[str, Any]:
        try:
            config = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        except ValueError as error:
            raise self._error(f"config.json cannot be read ({error})", self._again) from error
        if not isinstance(config, dict):
            raise self._error("config.json holds no settings", self._again)
        return config

    @property
    def _again(self) -> str:
        return f"Copy or download the whole folder of an {self.content} again."

    def _check_files(self, needed: Sequence[FilePatterns]) -> None:
        """Raises CriticError for the first of the needed files that is missing."""
        for patterns, cause, fix in needed:
            if not any(any(self.folder.glob(pattern)) for pattern in patterns):
                raise self._error(cause, fix or self._again)

    def _check_known(self) -> None:
        """Raises CriticError for an architecture that the installed transformers does not know."""
        from transformers import CONFIG_MAPPING, __version__

        if self.model_type in CONFIG_MAPPING:
            return
        if "auto_map" in self._config:
            raise self._error(
                "it brings code of its own, which is never run",
                "Take its version for transformers, whose name often ends in -hf, or another model.",
            )
        raise self._error(
            f"transformers {__version__} does not know the model type '{self.model_type}'",
            "Update transformers, or choose another model.",
        )

    def _read_weights(self, auto_class: Any, **options: Any) -> nn.Module:
        """The model by one of transformers' auto classes. Raises CriticError for weights that are missing or
        damaged, and for a folder that has others read.
        """
        self._check_own()
        with self._readable("weights"):
            model, loading_info = auto_class.from_pretrained(
                self.folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
                **options,
            )
        if missing := sorted(loading_info["missing_keys"]):
            # transformers would fill them with random numbers, and the critic would judge all the same.
            raise self._error(
                f"{len(missing)} of its weights are missing, among them {missing[0]}", self._again + self._newer()
            )
        return model.eval()

    def _check_own(self) -> None:
        """Raises CriticError for a folder that has transformers read weights from elsewhere."""
        if (self.folder / "adapter_config.json").exists():
            # With the package peft, transformers reads the model that an adapter names in the place of this one.
            raise self._error(
                "it holds an adapter (adapter_config.json), which is loaded onto another model",
                "Merge the adapter into its model and save that, or take the adapter's files out of the folder.",
            )
        for index in self.folder.glob("*.safetensors.index.json"):
            with self._readable("list of weights"):
                parts = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
                foreign = sorted(part for part in parts if not _is_part(part))
            if foreign:
                cause = f"{index.name} names other files than safetensors of this folder ({foreign[0][:80]!r})"
                raise self._error(cause, self._again)

    def _newer(self) -> str:
        """A sentence to add to a fix if the model was saved by a later transformers than the installed one."""
        from packaging.version import InvalidVersion, Version
        from transformers import __version__

        saved = str(self._config.get("transformers_version", ""))
        try:
            newer = Version(saved) > Version(__version__)
        except InvalidVersion:
            return ""
        return (
            f" Or update transformers: the model was saved with {saved}, and {__version__} is installed."
            if newer
            else ""
        )

    def _error(self, cause: str, fix: str) -> CriticError:
        return CriticError(f"The {self.role} in {self.name} cannot be loaded: {cause}. {fix}")

    @contextmanager
    def _readable(self, content: str) -> Iterator[None]:
        """Turn what transformers raises about the ``content`` of a folder into a CriticError that names the folder."""
        try:
            yield
        # Broken files raise nearly anything: errors of safetensors and huggingface_hub, TypeError, AttributeError.
        except Exception as error:
            if is_out_of_memory(error):
                raise
            cause = " ".join(str(error).split())
            fix = self._again
            if isinstance(error, ImportError):
                fix = "Install what is missing with the Python that runs ComfyUI."
            elif "scaled_dot_product_attention" in cause:
                fix = "Set attention to eager."
            cause = cause if len(cause) <= _LONGEST_CAUSE else cause[:_LONGEST_CAUSE] + " ..."
            raise self._error(
                f"its {content} cannot be read ({cause.rstrip('.') or type(error).__name__})", fix + self._newer()
            ) from error
