"""Closed forms, in NumPy: over many components at once, with no loops over data."""
