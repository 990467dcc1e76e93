"""Reads prompts without a language model: tokens, noun phrases, relations, and the claims that follow from them."""

from .parser import PromptClaims, claims_from_prompt, parse_prompt, read_claims

__all__ = ["PromptClaims", "claims_from_prompt", "parse_prompt", "read_claims"]
