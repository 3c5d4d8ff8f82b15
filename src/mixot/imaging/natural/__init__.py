"""Natural recoloring: one smooth map of all colors, with bounded gain, baked into a table."""

from mixot.imaging.natural.color_map import ColorMap
from mixot.imaging.natural.counts import ColorCounts, count_colors, mixture_counts
from mixot.imaging.natural.fitting import GAIN, natural_map
from mixot.imaging.natural.grain import move_without_grain
from mixot.imaging.natural.table import ColorTable

__all__ = [
    "GAIN",
    "ColorCounts",
    "ColorMap",
    "ColorTable",
    "count_colors",
    "mixture_counts",
    "move_without_grain",
    "natural_map",
]
