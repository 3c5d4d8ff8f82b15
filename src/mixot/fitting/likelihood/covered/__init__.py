"""Mixtures over a uniform background."""
