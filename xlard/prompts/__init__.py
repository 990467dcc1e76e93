"""Reads prompts without a language model: tokens, noun phrases, relations, and the claims that follow from them."""

from .parser import claims_from_prompt, parse_prompt

__all__ = ["claims_from_prompt", "parse_prompt"]
