"""A transformers image-text-to-text model as backend: by its own chat template, whatever its architecture."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import groupby

import torch
from torch import Tensor, nn

from . import questions
from .backend import GREEDY, Answer, Ask, CannotDo, Sampling
from .boxes import convention_of
from .folder import CriticFolder
from .memory import does_not_fit, empty_cache, in_batches, is_out_of_memory
from .pictures import resized_picture

LEAST_LIKELY = 0.01
"""Below this probability of yes and no together, a model was about to say something else, and their ratio means
nothing."""

_WORDS = {"yes": ("yes", "Yes", "YES", " yes", " Yes"), "no": ("no", "No", "NO", " no", " No")}


class TransformersBackend:
    """Runs the model that ``model()`` returns, which must be on its device; implements ``backend.Backend``.

    ``check_interrupt`` is called before each question and for every token, and may raise. ``on_progress(done, total)``
    counts questions. Pictures are judged ``batch`` at a time, fewer after ``make_room`` where memory does not suffice.
    With ``reuse_prefix`` the keys and values of a picture are computed once for all yes-or-no questions and likelihoods
    that concern it and follow one another."""

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

        Raises CannotDo for a question without a picture whose words are mostly unknown to the model: it would write at
        random for as long as it may."""
        for ask in asks:
            if ask.image is None and self._is_foreign(ask.question):
                raise CannotDo(
                    f"{self.name} does not know most of the words of the question. It answers only questions that it "
                    "was trained on; use a critic that was trained on language at large."
                )
        answers: list[Answer] = []
        for answer in self._in_batches(asks, lambda done, part: self._generate(part, sampling, done, len(asks))):
            answers.append(answer)
            self.on_progress(len(answers), len(asks))
        return answers

    @torch.inference_mode()
    def probability_of_yes(self, asks: Sequence[Ask]) -> list[float | None]:
        """P(yes) / (P(yes) + P(no)) in [0, 1] of the next word; None where neither is at all likely."""
        yes, no = (self._first_tokens(_WORDS[word]) for word in ("yes", "no"))
        found = []
        for logits in self._logits(asks, [""] * len(asks)):
            words = logits[-1].log_softmax(dim=-1)
            sure, doubted = words[yes].logsumexp(dim=0), words[no].logsumexp(dim=0)
            likely = torch.logaddexp(sure, doubted).exp() >= LEAST_LIKELY
            found.append(torch.sigmoid(sure - doubted).item() if likely else None)
        return found

    @torch.inference_mode()
    def log_likelihood(self, asks: Sequence[Ask], texts: Sequence[str]) -> list[float]:
        """Mean log-probability, at most 0, of a text's tokens as the answer to each question."""
        texts = [self._plain(text) for text in texts]
        found = []
        for ask, text, logits in zip(asks, texts, self._logits(asks, texts)):
            tokens = self._answer_tokens(ask, text)
            if not len(tokens):
                raise ValueError("An empty text has no likelihood; write what the picture should show.")
            logs = logits[:-1].log_softmax(dim=-1)
            found.append(logs.gather(1, tokens.to(logs.device)[:, None]).mean().item())
        return found

    def _is_foreign(self, text: str) -> bool:
        tokenizer = self.folder.processor.tokenizer
        tokens = tokenizer(text, add_special_tokens=False).input_ids
        return 2 * tokens.count(tokenizer.unk_token_id) > len(tokens)

    def _in_batches(self, asks: Sequence[Ask], run: Callable[[int, list[Ask]], Sequence]):
        return in_batches(asks, self.batch, run, self.make_room, self.name, self.folder.weights)

    def _loaded(self) -> nn.Module:
        """The model on its device. Raises CriticError if it does not fit."""
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

        def user(text: str, first: bool) -> dict:
            picture = [{"type": "image"}] if first and ask.image is not None else []
            return {"role": "user", "content": [*picture, {"type": "text", "text": self._plain(text)}]}

        asked = [*(question for question, _ in ask.turns), ask.question]
        messages = [user(asked[0], True)]
        for (_, answer), question in zip(ask.turns, asked[1:]):
            said = [{"type": "text", "text": self._plain(answer)}]
            messages += [{"role": "assistant", "content": said}, user(question, False)]
        return _with_system(self.folder.processor, messages)

    @cached_property
    def _marks(self) -> list[str]:
        return [
            token.content for token in self.folder.processor.tokenizer.added_tokens_decoder.values() if token.special
        ]

    def _plain(self, text: str) -> str:
        """Text without the tokenizer's special tokens: written in a claim, ``<image>`` would stand for another
        picture."""
        for mark in self._marks:
            text = text.replace(mark, " ")
        return text

    def _inputs(self, asks: Sequence[Ask], texts: Sequence[str]):
        processor = self.folder.processor
        pictures = None if asks[0].image is None else [[resized_picture(ask.image)] for ask in asks]
        whole = [self._text(ask) + text for ask, text in zip(asks, texts)]
        # Some templates write the token that begins a text, which the tokenizer must not do again.
        begun = bool(processor.tokenizer.bos_token) and whole[0].startswith(processor.tokenizer.bos_token)
        return processor(text=whole, images=pictures, return_tensors="pt", padding=True, add_special_tokens=not begun)

    @torch.inference_mode()
    def _generate(self, asks: Sequence[Ask], sampling: Sampling, done: int, total: int) -> list[Answer]:
        from transformers import LogitsProcessorList, StoppingCriteriaList

        self.check_interrupt()
        inputs = self._inputs(asks, [""] * len(asks))
        model = self._loaded()
        device = next(model.parameters()).device

        def each_token(written: int) -> None:
            self.check_interrupt()
            self.on_progress(done + len(asks) * min(written / self.max_tokens, 0.99), total)

        tokens = _Tokens(each_token)
        chosen = (
            {"do_sample": True, "temperature": sampling.temperature, "top_p": 1.0, "top_k": 0}
            if sampling.temperature
            else {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        )
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(sampling.seed)
            output = model.generate(
                **_cast(inputs.to(device), model),
                **chosen,
                num_beams=1,
                max_new_tokens=self.max_tokens,
                disable_compile=True,
                pad_token_id=self.folder.processor.tokenizer.pad_token_id,
                logits_processor=LogitsProcessorList([tokens]),
                stopping_criteria=StoppingCriteriaList([tokens.chosen]),
            )
        return self._read(output[:, inputs["input_ids"].shape[1] :], torch.stack(tokens.logs, dim=1))

    def _read(self, generated: Tensor, logs: Tensor) -> list[Answer]:
        """Answers from tokens and their log-probabilities, (B, n) both."""
        tokenizer = self.folder.processor.tokenizer
        ends = (generated == tokenizer.pad_token_id) & (torch.arange(generated.shape[1], device=generated.device) > 0)
        kept = ~ends & logs.isfinite()
        means = torch.where(kept, logs, 0).sum(dim=1) / kept.sum(dim=1).clamp_min(1)
        texts = tokenizer.batch_decode(generated, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return [Answer(text, confidence) for text, confidence in zip(texts, means.exp().clamp(max=1).tolist())]

    def _first_tokens(self, words: Sequence[str]) -> Tensor:
        tokenizer = self.folder.processor.tokenizer
        encoded = [tokenizer(word, add_special_tokens=False).input_ids for word in words]
        # Only whole words: a piece such as "n" begins other words too.
        whole = {
            ids[0]
            for ids, word in zip(encoded, words)
            if len(ids) == 1 and tokenizer.decode(ids).strip().lower() == word.strip().lower()
        }
        return torch.tensor(sorted(whole or {encoded[0][0]}))

    def _answer_tokens(self, ask: Ask, text: str) -> Tensor:
        """The tokens that a text adds to its question."""
        tokenizer, before = self.folder.processor.tokenizer, self._text(ask)
        start = tokenizer(before, add_special_tokens=False).input_ids
        whole = tokenizer(before + text, add_special_tokens=False).input_ids
        return torch.tensor(whole[_common(start, whole) :], dtype=torch.long)

    def _logits(self, asks: Sequence[Ask], texts: Sequence[str]):
        """For each question, in order, the logits (n + 1, V) that predict its text's n tokens and what would follow."""
        done = 0
        for picture, run in groupby(zip(self._shared(asks), asks, texts), key=lambda each: each[0]):
            _, own, own_texts = zip(*run)
            read = 0
            if picture is not None:
                try:
                    for logits in self._continued(own, own_texts):
                        yield logits
                        read += 1
                except Exception as error:
                    if not is_out_of_memory(error):
                        raise
            # One by one from their beginnings, they need less memory, and the longer.
            yield from self._whole(own[read:], own_texts[read:])
            done += len(own)
            self.on_progress(done, len(asks))

    def _shared(self, asks: Sequence[Ask]) -> list[int | None]:
        """The picture that each ask shares with a neighbour, by id; None for others and where prefixes are not
        reused."""
        pictures = [id(ask.image) if self.reuse_prefix and ask.image is not None else None for ask in asks]
        return [
            own if own in (before, after) else None
            for before, own, after in zip([None, *pictures], pictures, [*pictures[1:], None])
        ]

    def _whole(self, asks: Sequence[Ask], texts: Sequence[str]):
        def run(done: int, part: list[Ask]) -> list[Tensor]:
            self.check_interrupt()
            own = texts[done : done + len(part)]
            lengths = [len(self._answer_tokens(ask, text)) for ask, text in zip(part, own)]
            inputs = self._inputs(part, own)
            model = self._loaded()
            logits = model(
                **_cast(inputs.to(next(model.parameters()).device), model),
                use_cache=False,
                **_accepted(model, logits_to_keep=max(lengths) + 1),
            ).logits
            # Padding is on the left, so that every row ends with its text.
            return [row[-length - 1 :].float() for row, length in zip(logits, lengths)]

        return self._in_batches(asks, run)

    def _continued(self, asks: Sequence[Ask], texts: Sequence[str]):
        """As ``_whole``, with what all the asks begin with, the picture in it, computed once."""
        encoded = [self._inputs([ask], [text]) for ask, text in zip(asks, texts)]
        rows = [inputs["input_ids"][0].tolist() for inputs in encoded]
        lengths = [len(self._answer_tokens(ask, text)) for ask, text in zip(asks, texts)]
        # The logits that predict a text's first token come from the token before it, which must be run for each.
        shared = min(min(_common(rows[0], row) for row in rows), min(len(row) - n - 1 for row, n in zip(rows, lengths)))
        model = self._loaded()
        device = next(model.parameters()).device
        if any(getattr(model.config, "image_token_id", None) in row[shared:] for row in rows):
            # This template writes the picture after the question.
            yield from self._whole(asks, texts)
            return
        prefix = {
            name: value[:, :shared] if value.shape[:2] == encoded[0]["input_ids"].shape else value
            for name, value in encoded[0].to(device).items()
        }
        self.check_interrupt()
        cache = model(**_cast(prefix, model), use_cache=True, **_accepted(model, logits_to_keep=1)).past_key_values
        for row, length in zip(rows, lengths):
            self.check_interrupt()
            # One row without padding needs no mask. Qwen's models of transformers 4 take the place of what follows from
            # cache_position alone; later ones, which do not know it, take it from the cache.
            places = torch.arange(shared, len(row), device=device)
            following = model(
                input_ids=torch.tensor([row[shared:]], device=device),
                past_key_values=copy.deepcopy(cache),
                use_cache=True,
                **_accepted(model, logits_to_keep=length + 1, cache_position=places),
            )
            yield following.logits[0, -length - 1 :].float()


class _Tokens:
    """Follows a generation as its logits processor, and with ``chosen`` as its stopping criterion.

    ``logs`` are the log-probabilities (B,) of the tokens so far: keeping all logits would take gigabytes.
    ``each(written)`` is called for every token and may raise."""

    def __init__(self, each: Callable[[int], None]):
        self.logs: list[Tensor] = []
        self._each, self._next = each, None

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        self._next = scores.float().log_softmax(dim=-1)
        return scores

    def chosen(self, ids: Tensor, scores, **kwargs) -> Tensor:
        """Never stops by itself."""
        self.logs.append(self._next.gather(1, ids[:, -1:])[:, 0])
        self._each(len(self.logs))
        return torch.zeros(len(ids), dtype=torch.bool, device=ids.device)


def _accepted(model: nn.Module, **options) -> dict:
    """Those of the options that the model's ``forward`` names."""
    named = inspect.signature(model.forward).parameters
    return {name: value for name, value in options.items() if name in named}


def _with_system(processor, messages: list[dict]) -> str:
    """Messages as text, preceded by the system message, which stands in the first question where there is no such
    role."""
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


def _cast(inputs, model: nn.Module):
    """Inputs with floating-point tensors in the model's precision."""
    return {
        name: value.to(model.dtype) if torch.is_tensor(value) and value.is_floating_point() else value
        for name, value in inputs.items()
    }


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of the longest common beginning."""
    return next((index for index, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))


def loaded_backend(folder: CriticFolder, device: str = "cpu", **options) -> TransformersBackend:
    """A backend outside ComfyUI, with its model on one device."""
    model = folder.load_module().to(device)
    return TransformersBackend(folder, lambda: model, **options)
