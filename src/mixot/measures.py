"""Measures, and the one door through which a user's arrays, frames and pictures come in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import comb, prod
from typing import Any

import numpy as np

from mixot._shapes import Float, Int
from mixot.errors import InputError
from mixot.formulas.moments import exponents, sample_moments

_WEIGHT_TOL = 1e-6  # decimals printed in a paper or float32 sums are normalised; anything further off is an error


class Measure(ABC):
    """A probability measure on R^dim."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Dimension of the space."""

    @abstractmethod
    def mean(self) -> Float[np.ndarray, " d"]:
        """Mean, (d,)."""

    @abstractmethod
    def cov(self) -> Float[np.ndarray, "d d"]:
        """Covariance, (d, d)."""

    @abstractmethod
    def moments(self, order: int) -> Moments:
        """Raw moments E[x^a] for all |a| <= order."""


@dataclass(frozen=True, eq=False)
class Samples(Measure):
    """A sum of Diracs, ``sum_i weights[i] delta(points[i])``.

    Parameters
    ----------
    points : (n, d), finite; float32 stays float32, anything else becomes float64; a vector (n,) is n points on the line
    weights : (n,), not negative, summing to one; equal where not given

    Raises
    ------
    InputError
        On no points, NaN or infinity (the rows are named), or bad weights.

    Examples
    --------
    >>> Samples([[0.0, 0.0], [2.0, 0.0]]).mean().tolist()
    [1.0, 0.0]
    """

    points: Float[np.ndarray, "n d"]
    weights: Float[np.ndarray, " n"] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", _check_points(self.points))
        n = len(self.points)
        weights = np.full(n, 1.0 / n) if self.weights is None else check_weights(self.weights, n, "points")
        object.__setattr__(self, "weights", weights)

    def __len__(self) -> int:
        return len(self.points)

    @property
    def dim(self) -> int:
        return self.points.shape[1]

    def mean(self) -> Float[np.ndarray, " d"]:
        return self.weights @ self.points

    def cov(self) -> Float[np.ndarray, "d d"]:
        centred = self.points - self.mean()
        return (centred * self.weights[:, None]).T @ centred

    def moments(self, order: int) -> Moments:
        return Moments(sample_moments(self.points.astype(np.float64), self.weights, order), order=order)


@dataclass(frozen=True, eq=False)
class Grid(Measure):
    """A density on the pixels or voxels of a box.

    Parameters
    ----------
    values : array of d axes (axis j runs along coordinate j), not negative, not all zero; scaled to total mass one
    bounds : (d, 2), lower and upper end of each axis; unit pixels, ``[0, values.shape[j]]``, where not given
    degree : 0, constant on each pixel; 1, (bi-, tri-)linear between pixel centres

    Raises
    ------
    InputError
        On NaN, infinity, negative or vanishing values, or bounds that are not increasing.

    Examples
    --------
    >>> Grid([[1.0, 3.0]], bounds=[[0, 1], [0, 1]]).mean().tolist()
    [0.5, 0.625]
    """

    values: Float[np.ndarray, "..."]
    bounds: Float[np.ndarray, "d 2"] = None  # type: ignore[assignment]
    degree: int = 0

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=np.float64)
        if values.ndim == 0 or values.size == 0:
            raise InputError(f"values must be an array of one axis per dimension, got shape {values.shape}")
        if not np.isfinite(values).all() or (values < 0).any():
            at = np.argwhere(~(np.isfinite(values) & (values >= 0)))[0].tolist()
            raise InputError(f"values must be finite and not negative; the first that is not stands at {at}")
        if not values.any():
            raise InputError("values must not be all zero: there is no mass to transport")
        unit = np.array([[0.0, size] for size in values.shape])
        bounds = unit if self.bounds is None else np.asarray(self.bounds, dtype=np.float64)
        if bounds.shape != unit.shape or not (np.isfinite(bounds).all() and (bounds[:, 0] < bounds[:, 1]).all()):
            raise InputError(f"bounds must be {values.ndim} increasing pairs, one per axis, got {bounds.tolist()}")
        if self.degree not in (0, 1):
            raise InputError(f"degree must be 0 (constant pixels) or 1 (linear), got {self.degree}")
        object.__setattr__(self, "values", values / values.sum())
        object.__setattr__(self, "bounds", bounds)

    @property
    def dim(self) -> int:
        return self.values.ndim

    @property
    def spacing(self) -> Float[np.ndarray, " d"]:
        """Side lengths of a pixel, (d,)."""
        return (self.bounds[:, 1] - self.bounds[:, 0]) / self.values.shape

    def centers(self) -> Samples:
        """The pixels' masses at their centres."""
        axes = [
            low + (np.arange(size) + 0.5) * step
            for (low, _), size, step in zip(self.bounds, self.values.shape, self.spacing, strict=True)
        ]
        points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(prod(self.values.shape), self.dim)
        return Samples(points, self.values.ravel())

    def mean(self) -> Float[np.ndarray, " d"]:
        return self.moments(1).mean()

    def cov(self) -> Float[np.ndarray, "d d"]:
        return self.moments(2).cov()

    def moments(self, order: int) -> Moments:
        """Exact raw moments of the density (of its pixelwise constant reading when ``degree`` is 0).

        A product over axes of the integrals of x^r over each cell (degree 0) or against each hat function (degree 1,
        constant beyond the outermost centres).
        """
        tables = [
            _axis_moments(low, high, size, order, self.degree)
            for (low, high), size in zip(self.bounds, self.values.shape, strict=True)
        ]
        powers = exponents(self.dim, order)
        out = np.empty(len(powers))
        for s, power in enumerate(powers):
            rest = self.values
            for axis in reversed(range(self.dim)):
                rest = rest @ tables[axis][power[axis]]
            out[s] = rest
        return Moments(out / out[0], order=order)


@dataclass(frozen=True, eq=False)
class Moments(Measure):
    """What is known of a law through its raw moments up to an order.

    Parameters
    ----------
    values : (s,), s = C(dim + order, order), in the order of ``exponents``; values[0] is the mass and must be one
    order : the largest degree

    Raises
    ------
    InputError
        Where s fits no dimension, a value is not finite or the mass is not one.

    Examples
    --------
    >>> Moments([1.0, 0.0, 1.0], order=2).cov().tolist()
    [[1.0]]
    """

    values: Float[np.ndarray, " s"]
    order: int

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=np.float64)
        sizes = [comb(d + self.order, self.order) for d in range(1, 65)]
        if self.order < 1 or values.ndim != 1 or len(values) not in sizes:
            raise InputError(
                f"values must be a vector of C(d + order, order) moments for some d >= 1 and order >= 1, "
                f"got shape {values.shape} and order {self.order}"
            )
        if not np.isfinite(values).all():
            raise InputError("moments must be finite")
        if abs(values[0] - 1.0) > _WEIGHT_TOL:
            raise InputError(f"the moment of degree 0 is the mass and must be 1, got {values[0]:g}")
        object.__setattr__(self, "values", values)

    @property
    def dim(self) -> int:
        return next(d for d in range(1, 65) if comb(d + self.order, self.order) == len(self.values))

    @property
    def exponents(self) -> Int[np.ndarray, "s d"]:
        """Exponents of the moments, row by row: graded, x1^r first inside a degree."""
        return exponents(self.dim, self.order)

    def mean(self) -> Float[np.ndarray, " d"]:
        return self.values[1 : self.dim + 1].copy()

    def cov(self) -> Float[np.ndarray, "d d"]:
        if self.order < 2:
            raise InputError(f"a covariance needs moments of order 2 or more, these end at {self.order}")
        d = self.dim
        second = np.empty((d, d))
        upper = np.triu_indices(d)
        second[upper] = self.values[d + 1 : d + 1 + len(upper[0])]
        second.T[upper] = second[upper]
        mean = self.mean()
        return second - np.outer(mean, mean)

    def moments(self, order: int) -> Moments:
        if order > self.order:
            raise InputError(f"these moments end at order {self.order}, order {order} was asked for")
        return Moments(self.values[: comb(self.dim + order, order)], order=order)


def as_measure(data: Any) -> Measure:
    """Return the measure that ``data`` stands for.

    ======================================  =====================================================
    data                                    measure
    ======================================  =====================================================
    a Measure, a Fit                        itself, its mixture
    array (n, d), list of rows, (n,)        ``Samples`` of equal weight (float32 kept)
    pair (points, weights)                  weighted ``Samples``
    dataframe                               ``Samples`` of its columns, which must be numeric
    picture: array (h, w, 3 or 4), PIL      ``Samples`` of its colours in [0, 1], alpha left out
    ======================================  =====================================================

    Raises
    ------
    InputError
        Where ``data`` is none of these; a text column is named.

    Examples
    --------
    >>> as_measure([[0.0, 1.0], [2.0, 3.0]]).dim
    2
    """
    if isinstance(data, Measure):
        return data
    if isinstance(getattr(data, "mixture", None), Measure):
        return data.mixture
    if hasattr(data, "columns") and hasattr(data, "to_numpy"):
        return Samples(_frame_values(data))
    if hasattr(data, "getbands") and hasattr(data, "convert"):
        return _colors(np.asarray(data.convert("RGB") if data.mode not in ("L", "I;16") else data))
    if isinstance(data, tuple) and len(data) == 2 and np.ndim(data[0]) in (1, 2) and np.ndim(data[1]) == 1:
        return Samples(*data)
    try:
        array = np.asarray(data)
    except ValueError as ragged:
        raise InputError(f"data must be rows of equal length: {ragged}") from None
    if array.ndim == 3 and array.shape[2] in (3, 4):
        return _colors(array[:, :, :3])
    return Samples(array)


def check_weights(weights: Any, n: int, of: str) -> Float[np.ndarray, " n"]:
    """Weights as (n,) float64 that sum to one, or an `InputError` that says what is wrong with them."""
    out = np.asarray(weights, dtype=np.float64)
    if out.shape != (n,):
        raise InputError(f"weights must have shape {(n,)}, one for each of the {of}, got {out.shape}")
    if not np.isfinite(out).all():
        raise InputError(
            f"weights must be finite, got NaN or infinity at {np.flatnonzero(~np.isfinite(out))[:5].tolist()}"
        )
    if (out < 0).any():
        raise InputError(f"weights must not be negative, got {out.min():g} at {int(out.argmin())}")
    total = out.sum()
    if abs(total - 1.0) > _WEIGHT_TOL:
        raise InputError(f"weights must sum to one, got {total:.9g}; pass weights / weights.sum() to normalise them")
    # Weights that sum to one up to rounding stay as they are, so that what is saved and loaded is the same to the bit.
    return out if abs(total - 1.0) <= 8 * np.finfo(np.float64).eps else out / total


def _check_points(points: Any) -> np.ndarray:
    array = np.asarray(points)
    if array.dtype.kind not in "fiub":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError):
            raise InputError(f"points must be numbers, got an array of {array.dtype}") from None
    if array.dtype != np.float32:
        array = array.astype(np.float64, copy=False)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] == 0:
        raise InputError(f"points must have shape (n, d), got {array.shape}")
    if len(array) == 0:
        raise InputError("points must not be empty: there are zero rows")
    if not np.isfinite(array).all():
        rows = np.flatnonzero(~np.isfinite(array).all(axis=1))
        shown = ", ".join(map(str, rows[:5].tolist())) + (", ..." if len(rows) > 5 else "")
        raise InputError(f"points must be finite, got NaN or infinity in {len(rows)} rows: {shown}; drop or fill them")
    return np.ascontiguousarray(array)


def _frame_values(frame: Any) -> np.ndarray:
    text = [str(name) for name in frame.columns if getattr(frame[name].dtype, "kind", "O") not in "fiub"]
    if text:
        raise InputError(f"every column must be numeric, these are not: {', '.join(text)}; select the numeric ones")
    return frame.to_numpy(dtype=np.float64)


def _colors(pixels: np.ndarray) -> Samples:
    """Colours of a picture, integer types scaled to [0, 1]."""
    top = float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind in "iu" else 1.0
    return Samples(pixels.reshape(pixels.shape[0] * pixels.shape[1], -1).astype(np.float64) / top)


def _axis_moments(low: float, high: float, size: int, order: int, degree: int) -> np.ndarray:
    """Mean of x^r over each cell, or against each normalised-to-one-cell hat function, (order + 1, size)."""
    edges = np.linspace(low, high, size + 1)
    nodes, masses = np.polynomial.legendre.leggauss(order // 2 + 2)
    out = np.zeros((order + 1, size))
    half = (high - low) / size / 2
    pieces = [(edges[:-1] + edges[1:]) / 2] if degree == 0 else [edges[:-1] + half / 2, edges[1:] - half / 2]
    width = half if degree == 0 else half / 2
    centers = (edges[:-1] + edges[1:]) / 2
    for side, mid in enumerate(pieces):
        x = mid[:, None] + width * nodes
        share = np.ones_like(x) if degree == 0 else 1 - np.abs(x - centers[:, None]) / (2 * half)
        neighbour = np.arange(size) + (-1 if side == 0 else 1)
        for r in range(order + 1):
            whole = (x**r * masses / 2 * (1 if degree == 0 else 0.5)) @ np.ones(len(nodes))
            mine = (x**r * share * masses / 2 * (1 if degree == 0 else 0.5)) @ np.ones(len(nodes))
            out[r] += mine
            if degree == 1:
                np.add.at(out[r], np.clip(neighbour, 0, size - 1), whole - mine)
    return out
