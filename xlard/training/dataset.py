"""Collected pictures on disk: their latents, what the critic saw in them, and the embeddings of their prompts.

A folder holds ``dataset.json``, what the pictures were made with; ``pictures.jsonl``, a line for each picture with its
critique and its latents' noise levels and rewards; ``parts/<n>.safetensors``, the latents of the pictures that were
drawn together; and ``contexts/<hash>.safetensors``, the embedding of each prompt. A line is written after its tensors:
one that is there can be read."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from torch import Tensor

from ..aspects import ASPECTS
from ..file_names import from_file, to_file
from ..files import append_lines, read_json, read_lines, write_json, write_lines
from ..models.head import LATENT_KINDS
from ..tensor_files import read_tensors, write_tensors
from .dataset_rows import Batch, Picture, Row, critique_row
from .records import NO_REWARD, Records

FORMAT = 1
"""Number of the layout. Another one is refused."""

_CACHED = 512 * 1024 * 1024
"""Bytes of prompt embeddings that are kept in memory; more are read anew each time."""


@dataclass(frozen=True)
class Source:
    """What a dataset's pictures were made with. ``family`` is the model's architecture, empty where it is not known."""

    base_model: str
    family: str
    latent_channels: int
    context_width: int


class Dataset:
    """A folder of collected pictures. It holds no pictures in memory: what is read is what lies there now."""

    def __init__(self, folder: Path, source: Source, shape: tuple[int, int] | None = None, side: int | None = None):
        self.folder, self.source = folder, source
        self._shape, self._side = shape, side
        self._contexts: dict[str, Tensor] = {}
        self._cached = 0

    @classmethod
    def load(cls, folder: Path) -> Dataset:
        """A dataset that is there. Raises FileNotFoundError if there is none, ValueError if it cannot be read."""
        path = folder / "dataset.json"
        if not path.is_file():
            raise FileNotFoundError(
                f"There is no dataset in {folder} (no dataset.json). Check the name, or collect one."
            )
        mend = f"Delete the folder {folder} and collect again, or copy the file from where the dataset was made."
        found = read_json(path, mend)
        if found.get("format") != FORMAT or found.get("aspects") != list(ASPECTS):
            raise ValueError(
                f"{path} was written by another version of xLARD (format {found.get('format')}, this one reads "
                f"{FORMAT}, with rewards for {', '.join(ASPECTS)}). Use that version, or collect again."
            )
        try:
            source = Source(**{field.name: found[field.name] for field in fields(Source)})
            return cls(folder, source, tuple(found["latent_size"]), found["side"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path} is incomplete ({error!r}). {mend}") from error

    @classmethod
    def open(cls, folder: Path, source: Source) -> Dataset:
        """The dataset of a folder, to which pictures of ``source`` are to be added, or a new one; nothing is written
        yet.

        Raises ValueError if what lies there was made with something else.
        """
        if not (folder / "dataset.json").is_file():
            return cls(folder, source)
        found = cls.load(folder)
        different = [
            f"{field.name.replace('_', ' ')} {getattr(found.source, field.name)}, not {getattr(source, field.name)}"
            for field in fields(Source)
            if getattr(found.source, field.name) != getattr(source, field.name)
        ]
        if different:
            raise ValueError(
                f"The dataset in {folder} was collected with {'; '.join(different)}. A dataset belongs to one "
                "model: choose another name for this one, or delete the folder."
            )
        return found

    def pictures(self) -> list[Picture]:
        """All pictures, in the order in which they were collected. Raises ValueError for a damaged list."""
        path, found = self.folder / "pictures.jsonl", []
        for number, entry in enumerate(read_lines(path), 1):
            try:
                rows = tuple(Row(**from_file(row)) for row in entry.pop("rows"))
                found.append(Picture(**from_file(entry), rows=rows))
            except (KeyError, TypeError, AttributeError) as error:
                raise ValueError(
                    f"Line {number} of {path} is no picture ({error!r}). Delete the line, and collect again: the "
                    "picture is then drawn anew."
                ) from error
        return found

    def done(self, origin: str | None = None) -> set[tuple[str, int]]:
        """Prompts and seeds of the pictures that are there, of one origin or of any."""
        return {(picture.prompt, picture.seed) for picture in self.pictures() if origin in (None, picture.origin)}

    def append(self, batch: Batch) -> None:
        """Write pictures. Raises ValueError for another picture size or latents that are not finite, OSError if the
        disk is full.

        Whatever goes wrong, what was there before stays as it was.
        """
        height, width = batch.finals.shape[-2:]
        if self._side is not None and (self._shape, self._side) != ((height, width), batch.side):
            raise ValueError(
                f"The dataset in {self.folder} holds pictures of {self._side} pixels with latents of {self._shape};"
                f" these are of {batch.side} with {(height, width)}. Choose another name, or the size of before."
            )
        tensors = {"finals": _half(batch.finals), "latents": _half(batch.latents)}
        if not all(torch.isfinite(values).all() for values in tensors.values()):
            raise ValueError("The model drew NaN or infinite latents. Lower the CFG, or run the model in fp32 or bf16.")
        for folder in ("parts", "contexts"):
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
        if self._side is None:
            self._start((height, width), batch.side)
        for prompt, context in batch.contexts.items():
            if not self._context_path(prompt).is_file():
                write_tensors(self._context_path(prompt), {"context": _half(context)})
        part = 1 + max((int(path.stem) for path in (self.folder / "parts").glob("*.safetensors")), default=-1)
        write_tensors(self._part_path(part), tensors)
        try:
            append_lines(
                self.folder / "pictures.jsonl",
                [
                    to_file(
                        asdict(
                            Picture(
                                prompt, seed, batch.origin, critique_row(critique), part, place, tuple(rows), mended
                            )
                        )
                    )
                    for place, ((prompt, seed), critique, rows, mended) in enumerate(
                        zip(batch.jobs, batch.critiques, batch.rows, batch.mended or [None] * len(batch.jobs))
                    )
                ],
            )
        except OSError:
            self._part_path(part).unlink()
            raise

    def replace(self, pictures: Sequence[Picture]) -> None:
        """Write all pictures' entries anew, for example with other critiques; their latents stay."""
        write_lines(self.folder / "pictures.jsonl", [to_file(asdict(picture)) for picture in pictures])

    def finals(self, part: int) -> Tensor:
        """The finished latents (B, C, h, w) of a part, in fp32. Raises ValueError for a damaged file."""
        return self._part(part)[0]

    def records(self, prompts: Collection[str] | None = None) -> Records:
        """Everything that was collected, in fp32; with ``prompts`` only their pictures, read with no other picture's
        prompt.

        Raises ValueError if there is nothing, or a file is damaged.
        """
        everything = self.pictures()
        wanted = {picture.prompt for picture in everything} if prompts is None else set(prompts)
        left_out = {picture.prompt for picture in everything} - wanted
        chosen = [picture for picture in everything if picture.prompt in wanted]
        if not chosen:
            raise ValueError(
                f"The dataset in {self.folder} holds no pictures{' of these prompts' if prompts else ''}. Collect some."
            )
        rows = [
            (number, row) for number, picture in enumerate(chosen) for row in picture.rows if row.prompt not in left_out
        ]
        own = [chosen[number] for number, _ in rows]
        latents = self._gather([(picture.part, 1, row.index) for picture, (_, row) in zip(own, rows)])
        finals = self._gather([(picture.part, 0, picture.place) for picture in chosen])
        mended = [number for number, picture in enumerate(chosen) if picture.mended is not None]
        place_of = {number: place for place, number in enumerate(mended)}
        return Records(
            prompts=[row.prompt for _, row in rows],
            latents=latents,
            noise_level=torch.tensor([row.noise_level for _, row in rows]),
            kinds=torch.tensor([LATENT_KINDS.index(row.kind) for _, row in rows]),
            renoised=torch.tensor([row.renoised for _, row in rows]),
            rewards=torch.tensor([[row.rewards.get(aspect, NO_REWARD) for aspect in ASPECTS] for _, row in rows]),
            passed=torch.tensor([row.passed for _, row in rows]),
            confidence=torch.tensor([picture.confidence for picture in own]),
            # Only read with its own prompt does what was mended belong to a latent.
            mended=torch.tensor(
                [place_of.get(number, -1) if row.prompt == chosen[number].prompt else -1 for number, row in rows]
            ),
            mends=self._gather([(chosen[number].part, 1, chosen[number].mended) for number in mended]),
            pictures=torch.tensor([number for number, _ in rows]),
            finals=finals,
            objects=[picture.objects for picture in chosen],
            side=float(self._side),
        )

    def encode(self, prompts: Sequence[str]) -> Tensor:
        """Embeddings (B, L, D) of prompts that were collected, in fp32; shorter ones end in zeros, which heads and
        correctors do not read.

        Raises ValueError for a prompt that was not, or a damaged file.
        """
        return torch.nn.utils.rnn.pad_sequence([self._context(prompt).float() for prompt in prompts], batch_first=True)

    def knows(self, prompt: str) -> bool:
        """Whether the prompt's embedding is there."""
        return self._context_path(prompt).is_file()

    def split(self, share: float, seed: int = 0) -> tuple[list[str], list[str]]:
        """The pictures' prompts, parted: those to train with, and about a ``share`` of them to validate with.

        A prompt stays on its side when others are added. Raises ValueError for fewer than four prompts.
        """
        prompts = list(dict.fromkeys(picture.prompt for picture in self.pictures()))
        if len(prompts) < 4:
            raise ValueError(
                f"The dataset in {self.folder} has {len(prompts)} prompts. Some are kept out of training to measure "
                "with, so at least four are needed: collect more."
            )
        ranked = sorted(prompts, key=lambda prompt: _position(prompt, seed))
        kept = sum(_position(prompt, seed) < share for prompt in prompts)
        validation = set(ranked[: min(max(kept, 1), len(prompts) - 1)])
        return [prompt for prompt in prompts if prompt not in validation], [
            prompt for prompt in prompts if prompt in validation
        ]

    @property
    def size(self) -> int:
        """Bytes on disk, without what trainings keep beside it."""
        return sum(
            path.stat().st_size
            for pattern in ("dataset.json", "pictures.jsonl", "*/*.safetensors")
            for path in self.folder.glob(pattern)
        )

    def _start(self, shape: tuple[int, int], side: int) -> None:
        content = {"format": FORMAT, **asdict(self.source), "aspects": ASPECTS, "latent_size": shape, "side": side}
        write_json(self.folder / "dataset.json", content)
        self._shape, self._side = shape, side

    def _part_path(self, part: int) -> Path:
        return self.folder / "parts" / f"{part}.safetensors"

    def _part(self, part: int) -> list[Tensor]:
        mend = f'Copy it again, or delete the lines with "part": {part} from pictures.jsonl and collect again.'
        return [found.float() for found in read_tensors(self._part_path(part), ("finals", "latents"), mend)]

    def _gather(self, places: Sequence[tuple[int, int, int]]) -> Tensor:
        """Latents (N, C, h, w) by part, tensor of the part, and index in it; one part in memory at a time."""
        found = torch.empty(len(places), self.source.latent_channels, *self._shape)
        by_part: dict[int, list[int]] = {}
        for row, (part, _, _) in enumerate(places):
            by_part.setdefault(part, []).append(row)
        for part, rows in by_part.items():
            tensors = self._part(part)
            try:
                found[rows] = torch.stack([tensors[places[row][1]][places[row][2]] for row in rows])
            except (IndexError, RuntimeError) as error:
                raise ValueError(
                    f"{self._part_path(part)} does not hold what pictures.jsonl says ({error}). Were the files mixed "
                    "with others? Copy the whole folder again, or collect again."
                ) from error
        return found

    def _context_path(self, prompt: str) -> Path:
        return self.folder / "contexts" / f"{hashlib.sha256(prompt.encode()).hexdigest()}.safetensors"

    def _context(self, prompt: str) -> Tensor:
        if prompt in self._contexts:
            return self._contexts[prompt]
        path = self._context_path(prompt)
        if not path.is_file():
            raise ValueError(
                f"The dataset in {self.folder} has no embedding of the prompt {prompt!r}. Only prompts that were "
                "collected can be used: collect it, too."
            )
        (context,) = read_tensors(path, ("context",), "Delete the file, and collect another picture of the prompt.")
        if self._cached < _CACHED:
            self._contexts[prompt] = context
            self._cached += context.nbytes
        return context


def _half(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", torch.float16).contiguous()


def _position(prompt: str, seed: int) -> float:
    """Where a prompt stands in [0, 1), the same on every machine."""
    return int.from_bytes(hashlib.sha256(f"{seed} {prompt}".encode()).digest()[:8], "big") / 2**64
