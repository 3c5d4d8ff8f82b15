"""Films and series of pictures in other colors: one map for all frames, or maps that follow slow changes."""

from mixot.imaging.film.flicker import flicker
from mixot.imaging.film.maps import frame_table, palette_counts
from mixot.imaging.film.recoloring import RecoloredFilm, recolor_film, recolor_frames, series
from mixot.imaging.film.videos import SUFFIXES

__all__ = [
    "SUFFIXES",
    "RecoloredFilm",
    "flicker",
    "frame_table",
    "palette_counts",
    "recolor_film",
    "recolor_frames",
    "series",
]
