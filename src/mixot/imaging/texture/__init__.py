"""Textures: pictures of any size that look like a piece of another one, and holes filled from around them."""

from mixot.imaging.texture.synthesize import Method, Preset, SynthesizedTexture, synthesize

__all__ = ["Method", "Preset", "SynthesizedTexture", "synthesize"]
