"""Measures, and the one door through which a user's arrays, frames and pictures come in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import comb, prod
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from mixot._checks import as_floats, as_numbers, check_columns, check_finite, is_whole
from mixot._frames import column_names, is_frame, opened
from mixot._shapes import ArrayLike, Float, Int
from mixot._typing import DataLike, F, Found
from mixot.errors import InputError
from mixot.formulas.color_profiles import as_pixels, unit_colors
from mixot.formulas.pixel_weights import pixel_weights
from mixot.formulas.polynomial.moments import exponents, sample_moments
from mixot.tallies import MASS_TOL, check_tally, with_named

if TYPE_CHECKING:
    from mixot.mixture import Mixture

M = TypeVar("M", bound="Measure")


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
    points : (n, d), finite, copied; float32 stays float32, anything else becomes float64; a vector (n,) is n points on
        the line
    weights : (n,), importance weights: not negative, summing to one (to 1e-6, the rest is taken off); equal where not
        given. They say how much each point counts, not how often it was seen: of how many observations a criterion
        speaks is Kish's effective number. Of a dataframe also the name of the column that holds them, which is then no
        coordinate; a column's are scaled to sum to one
    counts : (n,), in place of weights: how often each point was seen, whole numbers; they stand for as many equal rows,
        their sum is the number of observations, and the weights are their shares of it. Of a dataframe also a column
    columns : d names of the coordinates; those of a dataframe where not given, None of arrays. Measures with names are
        compared name by name.

    Raises
    ------
    InputError
        On no points, NaN or infinity (rows and columns are named), bad weights or counts, or names that do not fit.

    Examples
    --------
    >>> Samples([[0.0, 0.0], [2.0, 0.0]]).mean().tolist()
    [1.0, 0.0]
    >>> histogram = Samples([0.0, 1.0], counts=[30, 10])
    >>> histogram.weights.tolist(), histogram.observations
    ([0.75, 0.25], 40.0)
    """

    points: Float[np.ndarray, "n d"]
    weights: Float[np.ndarray, " n"]
    observations: float
    counts: Float[np.ndarray, " n"] | None = None
    columns: tuple[str, ...] | None = None

    def __init__(
        self,
        points: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        counts: ArrayLike | None = None,
        columns: Any = None,
    ) -> None:
        rows, weights, counts = with_named(opened(points), weights, counts)
        array = _check_points(rows, column_names(rows))
        n = len(array)
        names = column_names(rows) if columns is None else check_columns(columns, array.shape[1])
        object.__setattr__(self, "columns", names)
        share, observations, times = check_tally(weights, counts, n)
        object.__setattr__(self, "points", array)
        object.__setattr__(self, "weights", share)
        object.__setattr__(self, "observations", observations)
        object.__setattr__(self, "counts", times)

    def __len__(self) -> int:
        return len(self.points)

    def moved(self, points: ArrayLike, *, columns: Any = None) -> Samples:
        """The same weights, or counts, at other points (n, e), whose coordinates are called so."""
        if self.counts is not None:
            return Samples(points, counts=self.counts, columns=columns)
        return Samples(points, self.weights, columns=columns)

    def take(self, rows: Int[np.ndarray, " m"]) -> Samples:
        """Some of the rows, with their counts, or with weights that are scaled to sum to one."""
        if self.counts is not None:
            return Samples(self.points[rows], counts=self.counts[rows], columns=self.columns)
        return Samples(self.points[rows], self.weights[rows] / self.weights[rows].sum(), columns=self.columns)

    def multiplicities(self) -> Float[np.ndarray, " n"]:
        """How many observations each row stands for: its count, or one where there are none."""
        return np.ones(len(self)) if self.counts is None else self.counts

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
    bounds: Float[np.ndarray, "d 2"]
    degree: int

    def __init__(self, values: ArrayLike, bounds: ArrayLike | None = None, degree: int = 0) -> None:
        density = as_floats(values, "values")
        if density.ndim == 0 or density.size == 0:
            raise InputError(f"values must be an array of one axis per dimension, got shape {density.shape}")
        good = np.isfinite(density) & (density >= 0)
        if not good.all():
            at = np.argwhere(~good)[0].tolist()
            raise InputError(f"values must be finite and not negative; the first that is not stands at {at}")
        if not density.any():
            raise InputError("values must not be all zero: there is no mass to transport")
        box = np.array([[0.0, size] for size in density.shape])
        ends = box if bounds is None else as_floats(bounds, "bounds")
        if ends.shape != box.shape or not (np.isfinite(ends).all() and (ends[:, 0] < ends[:, 1]).all()):
            raise InputError(f"bounds must be {density.ndim} increasing pairs, one per axis, got {ends.tolist()}")
        if not (is_whole(degree) and degree in (0, 1)):
            raise InputError(f"degree must be 0 (constant pixels) or 1 (linear), got {degree!r}")
        density = density / density.max()  # first, so that the sum neither overflows nor vanishes
        object.__setattr__(self, "values", density / density.sum())
        object.__setattr__(self, "bounds", ends)
        object.__setattr__(self, "degree", degree)

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
        middle = self.bounds.mean(axis=1, keepdims=True)  # seen from there, a box far from the origin loses no digits
        return Grid(self.values, self.bounds - middle, self.degree).moments(2).cov()

    def moments(self, order: int) -> Moments:
        """Raw moments up to ``order``, exact for the density that ``degree`` describes.

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

    def __init__(self, values: ArrayLike, order: int) -> None:
        vector = as_floats(values, "moments")
        if not is_whole(order) or order < 1:
            raise InputError(f"order must be a whole number of 1 or more, got {order!r}")
        if vector.ndim != 1 or not _dimension(len(vector), order):
            raise InputError(
                f"values must be a vector of C(d + order, order) moments for some d >= 1, "
                f"got shape {vector.shape} and order {order}"
            )
        check_finite(vector, "moments", "places")
        if abs(vector[0] - 1.0) > MASS_TOL:
            raise InputError(f"the moment of degree 0 is the mass and must be 1, got {vector[0]:g}")
        object.__setattr__(self, "values", vector)
        object.__setattr__(self, "order", int(order))

    @property
    def dim(self) -> int:
        return _dimension(len(self.values), self.order)

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
        if not 1 <= order <= self.order:
            raise InputError(f"these moments have the orders 1 to {self.order}, order {order} was asked for")
        return Moments(self.values[: comb(self.dim + order, order)], order=order)


@overload
def as_measure(data: M) -> M: ...
@overload
def as_measure(data: Found[F]) -> Mixture[F]: ...
@overload
def as_measure(data: DataLike) -> Measure: ...
def as_measure(data: Any) -> Measure:
    """Return the measure that ``data`` stands for.

    ======================================  =====================================================
    data                                    measure
    ======================================  =====================================================
    a Measure, a Fit                        itself, its mixture
    array (n, d), list of rows, (n,)        ``Samples`` of equal weight (float32 kept)
    pair (points, weights)                  weighted ``Samples``
    dataframe                               ``Samples`` of its columns, which must be numeric (pandas,
                                            polars, also lazy, Arrow, DuckDB, and their like; all but
                                            pandas through narwhals, ``pip install "mixot[table]"``)
    picture: array (h, w, 3 or 4), PIL      ``Samples`` of its colours in [0, 1], weighted by alpha where
                                            there is any; integers of 8 or 16 bits are scaled, floats
                                            stay and must lie in [0, 1] (points are no array of three
                                            axes); PIL's are converted to sRGB through their profile
    ======================================  =====================================================

    Raises
    ------
    InputError
        Where ``data`` is none of these; a text column, a bad row is named.

    Examples
    --------
    >>> as_measure([[0.0, 1.0], [2.0, 3.0]]).dim
    2
    """
    if isinstance(data, Measure):
        return data
    if isinstance(getattr(data, "mixture", None), Measure):
        return data.mixture
    if isinstance(data, str | PathLike):
        raise InputError(f"data must be in memory, got the path {str(data)!r}; read it first: mixot.read(path)")
    if is_frame(data) or (isinstance(data, tuple) and len(data) == 2 and is_frame(data[0])):
        return Samples(*data) if isinstance(data, tuple) else Samples(data)
    if hasattr(data, "getbands") and hasattr(data, "convert"):
        return color_samples(as_pixels(data))
    if isinstance(data, tuple) and len(data) == 2 and _depth(data[0]) in (1, 2) and _depth(data[1]) == 1:
        return Samples(*data)
    if _depth(data) == 3:
        pixels = as_pixels(data)
        if pixels.shape[2] in (3, 4):
            return color_samples(pixels)
    return Samples(data)


def color_samples(pixels: np.ndarray, mask: np.ndarray | None = None) -> Samples:
    """Return the colors of a picture as points in [0, 1], row by row, each as far as it is opaque and let in by a mask.

    Parameters
    ----------
    pixels : (h, w), (h, w, 1 to 4)
        Grey, or with 3 or 4 channels colors; two and four channels end in alpha.
    mask : (h, w), (h, w, 1 to 4), optional
        As for `mixot.formulas.pixel_weights.pixel_weights`.

    Raises
    ------
    InputError
        On another type, floats outside [0, 1], a mask of another size, or where no pixel counts.
    """
    colors = unit_colors(pixels if pixels.ndim == 2 else pixels[:, :, : 1 if pixels.shape[2] < 3 else 3])
    weights = pixel_weights(pixels, mask)  # after the colors, whose errors tell what may be points
    shares = None if weights is None else weights.ravel().astype(np.float64)
    return Samples(colors, None if shares is None else shares / shares.sum())


def _depth(data: Any) -> int:
    """Number of axes, -1 for rows of unequal length."""
    try:
        return np.ndim(data)
    except Exception:  # whatever a stranger's array raises, the reader of points says what is wrong with it
        return -1


def _check_points(points: Any, names: tuple[str, ...] | None) -> np.ndarray:
    array = as_numbers(points, "points")
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] == 0:
        raise InputError(f"points must have shape (n, d), got {array.shape}")
    if len(array) == 0:
        raise InputError("points must not be empty: there are zero rows")
    gaps = ", or fit what is there: EM(missing='ignore')" if np.isnan(array).any() and not np.isinf(array).any() else ""
    check_finite(array, "points", "rows", f"; drop or fill them{gaps}", names)
    # A copy: whoever goes on writing to his array must not change a measure, nor what was computed from it.
    return np.array(array, order="C")


def _dimension(count: int, order: int) -> int:
    """The d with C(d + order, order) = count, or 0 where there is none."""
    d = next((d for d in range(1, count + 1) if comb(d + order, order) >= count), 0)
    return d if comb(d + order, order) == count else 0


def _axis_moments(low: float, high: float, size: int, order: int, degree: int) -> np.ndarray:
    """Mean of x^r over each cell (degree 0), or against each hat function of one cell's mass (degree 1).

    By Gauss-Legendre on both halves of every cell, exact at this degree; -> (order + 1, size).
    """
    nodes, masses = np.polynomial.legendre.leggauss(order // 2 + 2)
    powers = np.arange(order + 1)[:, None, None]
    out = np.zeros((order + 1, size))
    for side in (0, 1):
        place = side / 2 + (1 + nodes) / 4  # inside the cell, which runs from 0 to 1
        x = low + (high - low) / size * (np.arange(size)[:, None] + place)
        mass = x**powers * (masses / 4)
        far = np.abs(place - 0.5) * degree  # what the neighbour's hat takes
        neighbour = np.clip(np.arange(size) + (2 * side - 1), 0, size - 1)
        out += (mass * (1 - far)).sum(axis=2)
        np.add.at(out.T, neighbour, (mass * far).sum(axis=2).T)
    return out
