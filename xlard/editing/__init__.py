"""Editing by instruction: what it asks for, what must stay, and whether it did."""
