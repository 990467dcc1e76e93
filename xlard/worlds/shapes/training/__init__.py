"""Training of the demo world's models; each script is one model, seeded and resumable."""
