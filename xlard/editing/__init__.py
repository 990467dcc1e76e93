"""Editing by instruction: its claims to do and to keep, and the prompt of the edited picture."""
