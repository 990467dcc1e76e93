"""Makes the word list and the tagger that the parser ships with. Nothing here is imported when prompts are read."""
