"""The shapes world: a small text-to-image model, critic, head and corrector, trained from scratch by these scripts."""
