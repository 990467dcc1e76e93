"""Training of the things world's models."""
