"""Fitting reward heads and correctors to a generator and its critic."""
