"""The bench: methods at equal compute on the demo world."""
