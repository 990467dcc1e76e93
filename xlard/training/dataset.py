"""Collected pictures on disk: their latents, what the critic saw in them, and the embeddings of their prompts.

A folder holds ``dataset.json``, what the pictures were made with and which aspects they have rewards for;
``pictures.jsonl``, a line for each picture with its critique and its latents' noise levels and rewards;
``parts/<n>.safetensors``, the latents of the pictures that were drawn together; and ``contexts/<hash>.safetensors``,
the embedding of each prompt. A line is written after its tensors, so the tensors of a line can always be read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..aspects import ASPECTS
from ..file_keys import from_file, to_file
from ..files import append_lines, make_folder, read_json, read_lines, write_json, write_lines
from ..models.head import LATENT_KINDS
from ..tensor_files import read_tensors, write_tensors
from .dataset_rows import Batch, Picture, Row
from .only_writer import only_writer
from .records import NO_REWARD, Records

FORMAT = 1
"""Number of the layout. Another one is refused."""

_CACHED = 512 * 1024 * 1024
"""Bytes of prompt embeddings that are kept in memory; others are read from disk each time."""


@dataclass(frozen=True)
class Source:
    """What a dataset's pictures were made with. ``family`` is the model's architecture, empty if it is not known."""

    base_model: str
    family: str
    latent_channels: int
    context_width: int


class Dataset:
    """A folder of collected pictures. No pictures are held in memory: what is read is what lies there now.

    ``aspects`` are those that the pictures have rewards for; ``shape`` is the height and width of the latents, ``side``
    the pictures' longer side in pixels, both None as long as there are no pictures.
    """

    def __init__(
        self,
        folder: Path,
        source: Source,
        shape: tuple[int, int] | None = None,
        side: int | None = None,
        aspects: tuple[str, ...] = ASPECTS,
    ):
        self.folder, self.source, self.aspects = folder, source, aspects
        self._shape, self._side = shape, side
        self._contexts: dict[str, Tensor] = {}
        self._cached = 0
        self._highest_part: int | None = None

    @classmethod
    def load(cls, folder: Path) -> Dataset:
        """The dataset in a folder. Raises FileNotFoundError if there is none, ValueError if it cannot be read.

        Its aspects may be fewer than today's, or in another order.
        """
        path = folder / "dataset.json"
        if not path.is_file():
            raise FileNotFoundError(
                f"There is no dataset in {folder} (no dataset.json). Check the name, or collect one."
            )
        advice = f"Delete the folder {folder} and collect again, or copy the file from where the dataset was made."
        content = read_json(path, advice)
        try:
            if content.get("format") != FORMAT or not set(content["aspects"]) <= set(ASPECTS):
                raise ValueError(
                    f"{path} was written by another version of xLARD (format {content.get('format')}, rewards for "
                    f"{', '.join(content['aspects'])}; this one reads format {FORMAT} with rewards for "
                    f"{', '.join(ASPECTS)}). Use that version, or collect again."
                )
            source = Source(**{field.name: content[field.name] for field in fields(Source)})
            height, width = content["latent_size"]
            aspects = tuple(aspect for aspect in ASPECTS if aspect in content["aspects"])
            return cls(folder, source, (height, width), content["side"], aspects)
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path} is incomplete ({error!r}). {advice}") from error

    @classmethod
    def open(cls, folder: Path, source: Source) -> Dataset:
        """The dataset of a folder, to which pictures of ``source`` are to be added, or a new one; nothing is written
        yet.

        Raises ValueError if what lies there was made with something else.
        """
        if not (folder / "dataset.json").is_file():
            if (folder / "pictures.jsonl").is_file():
                raise ValueError(
                    f"The dataset in {folder} has lost its dataset.json, which says what its pictures were made with. "
                    "Copy that file again, choose another name, or delete the folder."
                )
            return cls(folder, source)
        dataset = cls.load(folder)
        differences = [
            f"{field.name.replace('_', ' ')} {getattr(dataset.source, field.name)}, not {getattr(source, field.name)}"
            for field in fields(Source)
            if getattr(dataset.source, field.name) != getattr(source, field.name)
        ]
        if differences:
            raise ValueError(
                f"The dataset in {folder} was collected with {'; '.join(differences)}. A dataset belongs to one "
                "model: choose another name for this one, or delete the folder."
            )
        return dataset

    def pictures(self) -> list[Picture]:
        """All pictures, in the order in which they were collected. Raises ValueError for a damaged list."""
        path, pictures = self.folder / "pictures.jsonl", []
        for number, line in enumerate(read_lines(path), 1):
            try:
                rows = tuple(Row(**from_file(row)) for row in line.pop("rows"))
                pictures.append(Picture(**from_file(line), rows=rows))
            except (KeyError, TypeError, AttributeError) as error:
                raise ValueError(
                    f"Line {number} of {path} is no picture ({error!r}). Delete the line, and collect again: the "
                    "picture is then redrawn."
                ) from error
        return pictures

    def done(self, origin: str | None = None) -> set[tuple[str, int]]:
        """Prompts and seeds of the collected pictures, of one origin or of any."""
        return {(picture.prompt, picture.seed) for picture in self.pictures() if origin in (None, picture.origin)}

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other jobs from writing to the folder: two of them would take the same place for their latents.

        Raises ValueError where one does, or has made a new dataset since this one was opened; OSError as
        ``only_writer``.
        """
        with only_writer(self.folder):
            if self._side is None and (self.folder / "dataset.json").is_file():
                raise ValueError(f"Another job has begun the dataset in {self.folder} meanwhile. Run again.")
            yield

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
            make_folder(self.folder / folder)
        if self._side is None or self.aspects != ASPECTS:
            self._write_header((height, width), batch.side)
        for prompt, context in batch.contexts.items():
            if not self._context_path(prompt).is_file():
                write_tensors(self._context_path(prompt), {"context": _half(context)})
        part = self._next_part()
        write_tensors(self._part_path(part), tensors)
        try:
            append_lines(self.folder / "pictures.jsonl", [to_file(asdict(picture)) for picture in batch.pictures(part)])
        except OSError:
            self._part_path(part).unlink()
            raise
        self._highest_part = part

    def replace(self, pictures: Sequence[Picture]) -> None:
        """Write the list of all pictures again, for example with other critiques; their latents stay."""
        write_lines(self.folder / "pictures.jsonl", [to_file(asdict(picture)) for picture in pictures])

    def finals(self, part: int) -> Tensor:
        """The finished latents (B, C, h, w) of a part, in fp32. Raises ValueError for a damaged file."""
        return self._part(part)[0]

    def records(self, prompts: Collection[str] | None = None) -> Records:
        """Everything that was collected, in fp32; with ``prompts`` only the pictures of these, and without the latents
        that are read with the prompt of a picture left out.

        Raises ValueError if there is nothing, or a file is damaged.
        """
        collected = self.pictures()
        chosen_prompts = {picture.prompt for picture in collected} if prompts is None else set(prompts)
        chosen = [picture for picture in collected if picture.prompt in chosen_prompts]
        if not chosen or self._side is None:
            raise ValueError(
                f"The dataset in {self.folder} holds no pictures{' of these prompts' if prompts else ''}. Collect some."
            )
        left_out = {picture.prompt for picture in collected} - chosen_prompts
        numbered_rows = [
            (number, row) for number, picture in enumerate(chosen) for row in picture.rows if row.prompt not in left_out
        ]
        numbers, rows = [number for number, _ in numbered_rows], [row for _, row in numbered_rows]
        repaired = [
            (chosen[number].part, 1, chosen[number].repair if row.prompt == chosen[number].prompt else row.repair)
            for number, row in numbered_rows
        ]
        repairs = list(dict.fromkeys((part, which, place) for part, which, place in repaired if place is not None))
        repair_of: dict[tuple[int, int, int | None], int] = {place: index for index, place in enumerate(repairs)}
        return Records(
            prompts=[row.prompt for row in rows],
            latents=self._gather([(chosen[number].part, 1, row.index) for number, row in numbered_rows]),
            noise_level=torch.tensor([row.noise_level for row in rows]),
            kinds=torch.tensor([LATENT_KINDS.index(row.kind) for row in rows]),
            renoised=torch.tensor([row.renoised for row in rows]),
            rewards=torch.tensor([[row.rewards.get(aspect, NO_REWARD) for aspect in self.aspects] for row in rows]),
            passed=torch.tensor([row.passed for row in rows]),
            confidence=torch.tensor([chosen[number].confidence for number in numbers]),
            pictures=torch.tensor(numbers),
            finals=self._gather([(picture.part, 0, picture.place) for picture in chosen]),
            objects=[picture.objects for picture in chosen],
            side=float(self._side),
            # A repaired version belongs to the latents that are read with the prompt that it was made for.
            repair_index=torch.tensor([repair_of.get(place, -1) for place in repaired]),
            repairs=self._gather(repairs),
            aspects=self.aspects,
        )

    def encode(self, prompts: Sequence[str]) -> Tensor:
        """Embeddings (B, L, D) of collected prompts, in fp32; shorter ones end in zeros, which heads and correctors
        ignore.

        Raises ValueError for a prompt that was not collected, or a damaged file.
        """
        return torch.nn.utils.rnn.pad_sequence([self._context(prompt).float() for prompt in prompts], batch_first=True)

    def knows(self, prompt: str) -> bool:
        """Whether the prompt's embedding was collected."""
        return self._context_path(prompt).is_file()

    def split(self, share: float, seed: int = 0) -> tuple[list[str], list[str]]:
        """The pictures' prompts in two groups: those to train with, and about a ``share`` of them to validate with.

        A prompt stays in its group when others are added. Raises ValueError for fewer than four prompts.
        """
        prompts = list(dict.fromkeys(picture.prompt for picture in self.pictures()))
        if len(prompts) < 4:
            raise ValueError(
                f"The dataset in {self.folder} has {len(prompts)} prompts. Some are kept out of training to measure "
                "with, so it takes at least four: collect more."
            )
        ranked = sorted(prompts, key=lambda prompt: _position(prompt, seed))
        number = sum(_position(prompt, seed) < share for prompt in prompts)
        validation = set(ranked[: min(max(number, 1), len(prompts) - 1)])
        return [prompt for prompt in prompts if prompt not in validation], [
            prompt for prompt in prompts if prompt in validation
        ]

    @property
    def size(self) -> int:
        """Bytes on disk, without the runs of trainings in the folder."""
        return sum(
            path.stat().st_size
            for pattern in ("dataset.json", "pictures.jsonl", "*/*.safetensors")
            for path in self.folder.glob(pattern)
        )

    def _write_header(self, shape: tuple[int, int], side: int) -> None:
        content: dict[str, Any] = {
            "format": FORMAT,
            **asdict(self.source),
            "aspects": ASPECTS,
            "latent_size": shape,
            "side": side,
        }
        write_json(self.folder / "dataset.json", content)
        self._shape, self._side, self.aspects = shape, side, ASPECTS

    def _next_part(self) -> int:
        """A part that is neither there nor listed: of one that was removed, the list still tells."""
        if self._highest_part is None:
            self._highest_part = max((picture.part for picture in self.pictures()), default=-1)
        there = (int(path.stem) for path in (self.folder / "parts").glob("*.safetensors"))
        return 1 + max(self._highest_part, *there, -1)

    def _part_path(self, part: int) -> Path:
        return self.folder / "parts" / f"{part}.safetensors"

    def _part(self, part: int) -> list[Tensor]:
        advice = f'Copy it again, or delete the lines with "part": {part} from pictures.jsonl and collect again.'
        return [values.float() for values in read_tensors(self._part_path(part), ("finals", "latents"), advice)]

    def _gather(self, places: Sequence[tuple[int, int, int]]) -> Tensor:
        """Latents (N, C, h, w) by part, tensor of the part, and index in it; one part in memory at a time."""
        if self._shape is None:
            raise ValueError(f"The dataset in {self.folder} holds no pictures. Collect some.")
        latents = torch.empty(len(places), self.source.latent_channels, *self._shape)
        by_part: dict[int, list[int]] = {}
        for row, (part, _, _) in enumerate(places):
            by_part.setdefault(part, []).append(row)
        for part, rows in by_part.items():
            tensors = self._part(part)
            try:
                latents[rows] = torch.stack([tensors[places[row][1]][places[row][2]] for row in rows])
            except (IndexError, RuntimeError) as error:
                raise ValueError(
                    f"{self._part_path(part)} does not hold what pictures.jsonl says ({error}). Were the files mixed "
                    "with others? Copy the whole folder again, or collect again."
                ) from error
        return latents

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
