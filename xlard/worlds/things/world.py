"""The things world's settings."""

STEPS = 20
GUIDANCE_SCALE = 4.0
