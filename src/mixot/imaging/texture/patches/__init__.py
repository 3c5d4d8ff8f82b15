"""Textures from an exemplar's own patches, by optimal transport with two capacities."""

from mixot.imaging.texture.patches.synthesis import PatchTexture, synthesize_patches

__all__ = ["PatchTexture", "synthesize_patches"]
