"""A transformers image-text-to-text model of any architecture as backend, by its own chat template."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn

from . import questions, yes_no
from .backend import GREEDY, Answer, Ask, CannotDo, Sampling
from .boxes import convention_of
from .folder import CriticFolder
from .generation import TokenWatch, end_tokens, lengths
from .memory import does_not_fit, empty_cache, in_batches, is_out_of_memory
from .pictures import resized_picture

if TYPE_CHECKING:
    from transformers import BatchFeature, ProcessorMixin

T = TypeVar("T")


class TransformersBackend:
    """Runs the model that ``model()`` returns, which must be on its device; implements ``backend.Backend``.

    ``check_interrupt`` is called before each question and for every token, and may raise. ``on_progress(done, total)``
    counts questions. ``batch`` questions are answered at a time, fewer after ``make_room`` if memory runs out. With
    ``reuse_prefix``, consecutive yes-or-no questions and likelihoods about the same picture share its keys and
    values.
    """

    def __init__(
        self,
        folder: CriticFolder,
        model: Callable[[], nn.Module],
        check_interrupt: Callable[[], None] | None = None,
        on_progress: Callable[[float, int], None] | None = None,
        batch: int = 8,
        max_tokens: int = 1024,
        reuse_prefix: bool = True,
        make_room: Callable[[], None] = empty_cache,
    ):
        self.folder, self.model, self.batch, self.max_tokens = folder, model, batch, max_tokens
        self.check_interrupt, self.on_progress = (
            check_interrupt or (lambda: None),
            on_progress or (lambda done, total: None),
        )
        self.reuse_prefix, self.make_room = reuse_prefix, make_room
        self.name, self.boxes = folder.name, convention_of(folder.model_type)

    def seen_size(self, image: Tensor) -> tuple[int, int]:
        """Width and height that the model's image processor makes of an image (H, W, 3)."""
        picture = resized_picture(image)
        if self.boxes.scale:
            return picture.width, picture.height
        processor = self.folder.processor.image_processor
        _, rows, columns = processor(images=[picture], return_tensors="pt")["image_grid_thw"][0].tolist()
        return columns * processor.patch_size, rows * processor.patch_size

    def answer(self, asks: Sequence[Ask], sampling: Sampling = GREEDY) -> list[Answer]:
        """An answer for each question, with the geometric mean of its tokens' probabilities as confidence.

        Raises CannotDo for a question without a picture if the model does not know most of its words: it would write
        random text, as long as it may be.
        """
        for ask in asks:
            if ask.image is None and self.unknown_share(ask.question) > 0.5:
                raise CannotDo(
                    f"{self.name} does not know most of the words of the question. It answers only questions that it "
                    "was trained on; use a critic that was trained on language at large."
                )
        answers: list[Answer] = []
        for answer in self._in_batches(asks, lambda done, batch: self._generate(batch, sampling, done, len(asks))):
            answers.append(answer)
            self.on_progress(len(answers), len(asks))
        return answers

    @torch.inference_mode()
    def probability_of_yes(self, asks: Sequence[Ask]) -> list[float | None]:
        """P(yes) / (P(yes) + P(no)) in [0, 1] of the next word; None if both are unlikely."""
        yes_tokens, no_tokens = (self._first_tokens(words) for words in (yes_no.YES, yes_no.NO))
        return [
            yes_no.probability_of_yes(logits[-1], yes_tokens, no_tokens)
            for logits in self._logits(asks, [""] * len(asks))
        ]

    @torch.inference_mode()
    def log_likelihood(self, asks: Sequence[Ask], texts: Sequence[str]) -> list[float]:
        """Mean log-probability, at most 0, of a text's tokens as the answer to each question."""
        texts = [self._plain(text) for text in texts]
        return [
            yes_no.mean_log_likelihood(logits[:-1], self._answer_tokens(ask, text))
            for ask, text, logits in zip(asks, texts, self._logits(asks, texts))
        ]

    def unknown_share(self, text: str) -> float:
        """The share in [0, 1] of a text's tokens that stand for words which the tokenizer does not know."""
        tokenizer = self.folder.processor.tokenizer
        tokens = tokenizer(text, add_special_tokens=False).input_ids
        return tokens.count(tokenizer.unk_token_id) / max(len(tokens), 1)

    def _in_batches(self, asks: Sequence[Ask], run: Callable[[int, list[Ask]], Sequence[T]]) -> Iterator[T]:
        return in_batches(asks, self.batch, run, self.make_room, self.name, self.folder.weights)

    def _loaded(self) -> Any:
        """The model on its device, of a class of transformers. Raises CriticError if it does not fit."""
        try:
            return self.model()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            cause = str(error)
        self.make_room()
        raise does_not_fit(self.name, self.folder.weights, cause)

    def _text(self, ask: Ask) -> str:
        """The conversation in the model's own chat template, up to where its answer begins."""

        def message(role: str, text: str) -> dict[str, Any]:
            return {"role": role, "content": [{"type": "text", "text": self._plain(text)}]}

        messages = []
        for question, answer in ask.turns:
            messages += [message("user", question), message("assistant", answer)]
        messages.append(message("user", ask.question))
        if ask.image is not None:
            messages[0]["content"].insert(0, {"type": "image"})
        return _with_system(self.folder.processor, messages)

    @cached_property
    def _special_tokens(self) -> list[str]:
        return [
            token.content for token in self.folder.processor.tokenizer.added_tokens_decoder.values() if token.special
        ]

    def _plain(self, text: str) -> str:
        """Text without the tokenizer's special tokens: ``<image>`` in a claim would stand for another picture."""
        for token in self._special_tokens:
            text = text.replace(token, " ")
        return text

    def _inputs(self, asks: Sequence[Ask], texts: Sequence[str]) -> BatchFeature:
        """The model's inputs for conversations whose answers begin with the texts, all with a picture or none."""
        processor = self.folder.processor
        pictures = [[resized_picture(ask.image)] for ask in asks if ask.image is not None] or None
        conversations = [self._text(ask) + text for ask, text in zip(asks, texts)]
        # Some templates write the first token of a text, which the tokenizer must not do again.
        bos = processor.tokenizer.bos_token
        has_bos = bool(bos) and conversations[0].startswith(bos)
        return processor(
            text=conversations, images=pictures, return_tensors="pt", padding=True, add_special_tokens=not has_bos
        )

    @torch.inference_mode()
    def _generate(self, asks: Sequence[Ask], sampling: Sampling, done: int, total: int) -> list[Answer]:
        from transformers import LogitsProcessorList, StoppingCriteriaList

        self.check_interrupt()
        inputs = self._inputs(asks, [""] * len(asks))
        model = self._loaded()
        device = next(model.parameters()).device

        def on_token(written: int) -> None:
            self.check_interrupt()
            self.on_progress(done + len(asks) * min(written / self.max_tokens, 0.99), total)

        tokens, ends = TokenWatch(on_token), end_tokens(model, self.folder.processor.tokenizer)
        choice: dict[str, Any] = (
            {"do_sample": True, "temperature": sampling.temperature, "top_p": 1.0, "top_k": 0}
            if sampling.temperature
            else {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        )
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(sampling.seed)
            output = model.generate(
                **_cast(inputs.to(device), model),
                **choice,
                num_beams=1,
                max_new_tokens=self.max_tokens,
                disable_compile=True,
                eos_token_id=ends or None,
                pad_token_id=self.folder.processor.tokenizer.pad_token_id,
                logits_processor=LogitsProcessorList([tokens]),
                stopping_criteria=StoppingCriteriaList([tokens.chosen]),
            )
        return self._read(output[:, inputs["input_ids"].shape[1] :], torch.stack(tokens.logs, dim=1), ends)

    def _read(self, generated: Tensor, logs: Tensor, ends: Sequence[int]) -> list[Answer]:
        """Answers from tokens and their log-probabilities, (B, n) both, which one of the tokens ``ends``."""
        tokenizer = self.folder.processor.tokenizer
        count, written = lengths(generated, ends), generated.shape[1]
        counted = torch.arange(written, device=generated.device) < count[:, None]
        counted &= logs.isfinite() | logs.isnan()
        means = torch.where(counted, logs, 0).sum(dim=1) / counted.sum(dim=1).clamp_min(1)
        texts = tokenizer.batch_decode(generated, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return [
            Answer(text, confidence, "" if whole else self._cut(written))
            for text, confidence, whole in zip(texts, means.exp().clamp(max=1).tolist(), (count <= written).tolist())
        ]

    def _cut(self, written: int) -> str:
        return (
            f"{self.name} was still writing after {written} tokens, so its answer is not whole. Raise max_tokens; a"
            " model that repeats itself needs a larger one in its place."
        )

    def _first_tokens(self, words: Sequence[str]) -> list[int]:
        tokenizer = self.folder.processor.tokenizer
        encoded = [tokenizer(word, add_special_tokens=False).input_ids for word in words]
        # Only whole words: a piece such as "n" also begins other words.
        whole_words = {
            ids[0]
            for ids, word in zip(encoded, words)
            if len(ids) == 1 and tokenizer.decode(ids).strip().lower() == word.strip().lower()
        }
        return sorted(whole_words or {encoded[0][0]})

    def _answer_tokens(self, ask: Ask, text: str) -> Tensor:
        """The tokens that a text adds to its question."""
        tokenizer, before = self.folder.processor.tokenizer, self._text(ask)
        start = tokenizer(before, add_special_tokens=False).input_ids
        tokens = tokenizer(before + text, add_special_tokens=False).input_ids
        return torch.tensor(tokens[_common(start, tokens) :], dtype=torch.long)

    def _logits(self, asks: Sequence[Ask], texts: Sequence[str]) -> Iterator[Tensor]:
        """For each question, in order, the logits (n + 1, V) that predict its text's n tokens and the next one."""
        done = 0
        for picture, group in groupby(zip(self._shared(asks), asks, texts), key=lambda item: item[0]):
            _, group_asks, group_texts = zip(*group)
            finished = 0
            if picture is not None:
                try:
                    for logits in self._logits_after_prefix(group_asks, group_texts):
                        yield logits
                        finished += 1
                except Exception as error:
                    if not is_out_of_memory(error):
                        raise
            # From the beginning of each conversation: less memory, more time.
            yield from self._logits_from_start(group_asks[finished:], group_texts[finished:])
            done += len(group_asks)
            self.on_progress(done, len(asks))

    def _shared(self, asks: Sequence[Ask]) -> list[int | None]:
        """The picture that each ask shares with a neighbour, by id; None if it shares none, or prefixes are not
        reused.
        """
        pictures = [id(ask.image) if self.reuse_prefix and ask.image is not None else None for ask in asks]
        return [
            picture if picture in (before, after) else None
            for before, picture, after in zip([None, *pictures], pictures, [*pictures[1:], None])
        ]

    def _logits_from_start(self, asks: Sequence[Ask], texts: Sequence[str]) -> Iterator[Tensor]:
        """As ``_logits``, with whole conversations in batches."""

        def run(done: int, batch: list[Ask]) -> list[Tensor]:
            self.check_interrupt()
            batch_texts = texts[done : done + len(batch)]
            lengths = [len(self._answer_tokens(ask, text)) for ask, text in zip(batch, batch_texts)]
            inputs = self._inputs(batch, batch_texts)
            model = self._loaded()
            logits = model(
                **_cast(inputs.to(next(model.parameters()).device), model),
                use_cache=False,
                **_accepted(model, logits_to_keep=max(lengths) + 1),
            ).logits
            # Padding is on the left: every row ends with its text.
            return [row[-length - 1 :].float() for row, length in zip(logits, lengths)]

        return self._in_batches(asks, run)

    def _logits_after_prefix(self, asks: Sequence[Ask], texts: Sequence[str]) -> Iterator[Tensor]:
        """As ``_logits``, with the common beginning of the conversations, which holds the picture, computed once."""
        encoded = [self._inputs([ask], [text]) for ask, text in zip(asks, texts)]
        rows = [inputs["input_ids"][0].tolist() for inputs in encoded]
        lengths = [len(self._answer_tokens(ask, text)) for ask, text in zip(asks, texts)]
        # The logits that predict a text's first token come from the token before it, which must be run for each.
        shared = min(min(_common(rows[0], row) for row in rows), min(len(row) - n - 1 for row, n in zip(rows, lengths)))
        model = self._loaded()
        device = next(model.parameters()).device
        if any(getattr(model.config, "image_token_id", None) in row[shared:] for row in rows):
            # This template writes the picture after the question.
            yield from self._logits_from_start(asks, texts)
            return
        prefix = {
            name: value[:, :shared] if value.shape[:2] == encoded[0]["input_ids"].shape else value
            for name, value in encoded[0].to(device).items()
        }
        self.check_interrupt()
        cache = model(**_cast(prefix, model), use_cache=True, **_accepted(model, logits_to_keep=1)).past_key_values
        for row, length in zip(rows, lengths):
            self.check_interrupt()
            # One row without padding needs no mask. Qwen's models of transformers 4 take positions from cache_position
            # alone; later ones, which do not know it, take them from the cache.
            positions = torch.arange(shared, len(row), device=device)
            following = model(
                input_ids=torch.tensor([row[shared:]], device=device),
                past_key_values=copy.deepcopy(cache),
                use_cache=True,
                **_accepted(model, logits_to_keep=length + 1, cache_position=positions),
            )
            yield following.logits[0, -length - 1 :].float()


def _accepted(model: nn.Module, **options: Any) -> dict[str, Any]:
    """Those of the options that the model's ``forward`` names."""
    parameters = inspect.signature(model.forward).parameters
    return {name: value for name, value in options.items() if name in parameters}


def _with_system(processor: ProcessorMixin, messages: list[dict[str, Any]]) -> str:
    """Messages as text after the system message, which begins the first question if there is no such role."""
    from jinja2 import TemplateError

    system = {"role": "system", "content": [{"type": "text", "text": questions.SYSTEM}]}
    try:
        text = processor.apply_chat_template([system, *messages], add_generation_prompt=True, tokenize=False)
    except TemplateError:
        text = ""
    if questions.SYSTEM in text:
        return text
    first = {
        **messages[0],
        "content": [
            *messages[0]["content"][:-1],
            {"type": "text", "text": f"{questions.SYSTEM} {messages[0]['content'][-1]['text']}"},
        ],
    }
    return processor.apply_chat_template([first, *messages[1:]], add_generation_prompt=True, tokenize=False)


def _cast(inputs: Mapping[str, Any], model: Any) -> dict[str, Any]:
    """Inputs with floating-point tensors in the model's precision."""
    return {
        name: value.to(model.dtype) if torch.is_tensor(value) and value.is_floating_point() else value
        for name, value in inputs.items()
    }


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of the longest common beginning."""
    return next((index for index, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))


def loaded_backend(folder: CriticFolder, device: str = "cpu", **options: Any) -> TransformersBackend:
    """A backend outside ComfyUI with its model on one device; ``options`` are those of TransformersBackend."""
    model = folder.load_module().to(device)
    return TransformersBackend(folder, lambda: model, **options)
