"""The parts of generators that the worlds share: text encoder and schedule."""

from __future__ import annotations

from typing import Any


def clip_text_model(tokenizer: Any, width: int, layers: int, heads: int) -> Any:
    """An untrained CLIP text model for a tokenizer's words and length."""
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=width * 4,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            max_position_embeddings=tokenizer.model_max_length,
            projection_dim=width,
            hidden_act="gelu",
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def build_scheduler() -> Any:
    """First-order DPM-Solver++ on flow sigmas, which is Euler's method for a flow model."""
    from diffusers import DPMSolverMultistepScheduler

    return DPMSolverMultistepScheduler(
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        flow_shift=1.0,
        solver_order=1,
        algorithm_type="dpmsolver++",
        final_sigmas_type="zero",
        steps_offset=1,
    )
