"""The embedded worlds: text-to-image models small enough to ship, with renderers, prompts and checkers."""
