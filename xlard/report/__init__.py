"""Reports of the loop: boxes on pictures, a before/after picture, a page of every round, the history as JSON."""
