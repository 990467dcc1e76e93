"""Reading prompts without a language model: tokens, noun phrases, what stands where, and the claims that follow."""

from .parser import claims_from_prompt, parse_prompt

__all__ = ["claims_from_prompt", "parse_prompt"]
