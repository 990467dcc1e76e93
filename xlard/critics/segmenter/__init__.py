"""A segmenter beside a critic: it makes masks of the boxes that the critic sees."""
