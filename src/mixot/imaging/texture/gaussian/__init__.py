"""Gaussian textures, and how mixtures of patches bring them closer to the exemplar."""

from mixot.imaging.texture.gaussian.synthesis import GaussianTexture, synthesize_gaussian

__all__ = ["GaussianTexture", "synthesize_gaussian"]
