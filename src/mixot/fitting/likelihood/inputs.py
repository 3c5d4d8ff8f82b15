"""What fits of Gaussian mixtures read of measures, and of the words for structures."""

from __future__ import annotations

import numpy as np

from mixot.errors import InputError, UnsupportedError
from mixot.fitting.likelihood.gaussian.covariance_models import structure_in_words
from mixot.fitting.likelihood.gaussian.statistics import STRUCTURES
from mixot.measures import Grid, Measure, Samples

OWN = {"gaussian": STRUCTURES, "diagonal": ("diagonal", "spherical")}  # structures by family; others have their own EM


def structure_of(family: str, structure: str, reason: str) -> str:
    """The structure in words that is meant; for the diagonal family, "full" is all it has.

    ``reason`` says why covariances that share volumes, shapes or axes are refused.
    """
    structure = "diagonal" if (family, structure) == ("diagonal", "full") else structure
    word = structure_in_words(structure, STRUCTURES, reason)
    if word not in OWN[family]:
        raise InputError(f"unknown structure {structure!r}; the {family} family has {', '.join(OWN[family])}")
    return word


def rows_of(data: Measure) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights, rows of weight zero left out."""
    if isinstance(data, Grid):
        data = data.centers()
    if not isinstance(data, Samples):
        raise UnsupportedError(
            f"EM fits Samples and Grids, got {type(data).__name__}; draw points from it first, as in p.sample(10_000)"
        )
    seen = data.weights > 0
    return (data.points, data.weights) if seen.all() else (data.points[seen], data.weights[seen])


def seen_rows(data: Measure) -> np.ndarray:
    """Which rows have weight, (n,)."""
    points = data.centers() if isinstance(data, Grid) else data
    return points.weights > 0 if isinstance(points, Samples) else np.zeros(0, dtype=bool)


def observations_of(data: Measure) -> float | None:
    """How many observations the points stand for, where somebody said so."""
    return data.observations if isinstance(data, Samples) else None
