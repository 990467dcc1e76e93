"""Reward head and corrector: small transformers on latents, and their files."""
