"""Methods compared on a world's pictures at equal compute."""
