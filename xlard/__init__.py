"""xLARD: self-corrected image generation with explainable latent rewards."""

__version__ = "0.1.0"
