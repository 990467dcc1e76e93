"""A critic from a local folder of a Hugging Face image-text-to-text model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from ..claims import Claim
from ..critique import Critique
from ..rewards import abstention, critique_from_detections
from .grounded import UnreadableAnswer, parse_answer, question

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}

_MAX_NEW_TOKENS = 512


class CriticError(RuntimeError):
    """The critic's files cannot be loaded."""


class TransformersCritic:
    """Runs an image-text-to-text model by its own chat template; files are read when first needed, never downloaded.

    ``dtype`` is ``auto`` (what the files hold), ``fp32``, ``fp16`` or ``bf16``; ``attention`` is transformers' name of
    an attention implementation. Pictures are judged ``batch`` at a time.
    """

    def __init__(self, folder: Path, dtype: str = "auto", attention: str = "sdpa", batch: int = 8):
        self.folder, self.dtype, self.attention, self.batch = Path(folder), dtype, attention, batch
        if not (self.folder / "config.json").is_file():
            raise FileNotFoundError(f"There is no critic in {self.folder}: config.json is missing. Put a Hugging Face "
                                    "image-text-to-text model there, with its processor files.")

    @cached_property
    def processor(self):
        """The model's processor: chat template, tokenizer, image processor."""
        from transformers import AutoProcessor

        processor = AutoProcessor.from_pretrained(self.folder, local_files_only=True)
        processor.tokenizer.padding_side = "left"
        return processor

    def load_module(self) -> nn.Module:
        """Read the model's weights to the CPU. Raises CriticError for files that are missing or damaged."""
        from safetensors import SafetensorError
        from transformers import AutoModelForImageTextToText

        try:
            model = AutoModelForImageTextToText.from_pretrained(
                self.folder, dtype=DTYPES.get(self.dtype, "auto"), attn_implementation=self.attention,
                local_files_only=True, use_safetensors=True)
        except (SafetensorError, OSError, ValueError) as error:
            raise CriticError(f"The critic in {self.folder.name} cannot be loaded: {error} "
                              "Copy or download the folder again.") from error
        return model.eval()

    def judge_with(self, model: nn.Module, images: Tensor, claims: Sequence[Sequence[Claim]],
                   check_interrupt: Callable[[], None] | None = None,
                   on_token: Callable[[], None] | None = None) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims, with a loaded model.

        ``check_interrupt`` is called for every token and may raise. An unreadable answer becomes an abstention.
        """
        critiques = []
        for start in range(0, len(images), self.batch):
            part = slice(start, start + self.batch)
            critiques += self._judge_batch(model, images[part], claims[part], check_interrupt, on_token)
        return critiques

    def _judge_batch(self, model, images, claims, check_interrupt, on_token) -> list[Critique]:
        height, width = images.shape[1:3]
        answers = self._answer(model, images, [question(own) for own in claims], check_interrupt, on_token)
        critiques = []
        for own, (answer, confidence) in zip(claims, answers):
            try:
                detections = parse_answer(answer, width, height, confidence)
                critiques.append(critique_from_detections(own, detections, max(width, height), confidence, answer))
            except UnreadableAnswer as error:
                critiques.append(abstention(own, answer, str(error)))
        return critiques

    @torch.inference_mode()
    def _answer(self, model, images, questions, check_interrupt, on_token) -> list[tuple[str, float]]:
        """Text and confidence (geometric mean of the tokens' probabilities) for each picture."""
        from PIL import Image
        from transformers import StoppingCriteriaList

        pictures = [Image.fromarray((image.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()) for image in images]
        texts = [self.processor.apply_chat_template(
            [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": text}]}],
            add_generation_prompt=True, tokenize=False) for text in questions]
        inputs = self.processor(text=texts, images=[[picture] for picture in pictures], return_tensors="pt", padding=True)
        device = next(model.parameters()).device

        def each_token(ids: Tensor, scores, **kwargs) -> Tensor:
            if check_interrupt:
                check_interrupt()
            if on_token:
                on_token()
            return torch.zeros(len(ids), dtype=torch.bool, device=ids.device)

        output = model.generate(**inputs.to(device), max_new_tokens=_MAX_NEW_TOKENS, do_sample=False,
                                stopping_criteria=StoppingCriteriaList([each_token]),
                                return_dict_in_generate=True, output_scores=True)
        generated = output.sequences[:, inputs["input_ids"].shape[1]:]
        logs = model.compute_transition_scores(output.sequences, output.scores, normalize_logits=True)
        written = (generated != self.processor.tokenizer.pad_token_id) & torch.isfinite(logs)
        means = torch.where(written, logs, 0).sum(dim=1) / written.sum(dim=1).clamp_min(1)
        decoded = self.processor.batch_decode(generated, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return list(zip(decoded, means.exp().tolist()))


class LoadedCritic:
    """protocols.Judge outside ComfyUI: a critic with its model on one device."""

    def __init__(self, critic: TransformersCritic, device: str = "cpu"):
        self.critic, self.model = critic, critic.load_module().to(device)

    def judge(self, images: Tensor, claims: Sequence[Sequence[Claim]]) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims."""
        return self.critic.judge_with(self.model, images, claims)
