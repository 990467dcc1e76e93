"""Training of the shapes world's models; each script is one model, seeded and resumable."""
