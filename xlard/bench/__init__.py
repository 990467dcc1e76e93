"""Benches: methods at equal compute on a world, GenEval and costs with an artist's own models."""
