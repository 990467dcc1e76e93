"""A detector as critic: it puts boxes around the claims' nouns, and arithmetic and pixels decide the rest."""
