"""Textures like an exemplar, of any size."""
