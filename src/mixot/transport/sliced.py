"""Sliced distances: exact W2 of what two measures are along lines, in the mean over the directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._checks import as_floats, as_generator, check_finite, check_whole, is_whole
from mixot._shapes import Float
from mixot._typing import DataLike
from mixot.errors import InputError, UnsupportedError
from mixot.families.elliptical.gaussian import Gaussian
from mixot.formulas.gaussian.quantiles import Line, w2_squared_on_line
from mixot.measures import Measure, Samples, as_measure
from mixot.mixture import Mixture, aligned, check_squares

_LEAST = 1e-15  # mass of a cell of ranks below which it is no more than rounding
_TOL, _TOL_OF_MANY = 1e-10, 1e-6  # share of a squared W2 of mixtures: on the line, and where few directions err by more


@dataclass(frozen=True, eq=False, slots=True)
class SlicedCosts:
    """Exact squared W2 along each of some directions, and what their mean says of the mean over all directions.

    ``costs[i]`` is the squared W2 of both measures along the unit vector ``directions[i]``, ``cost`` the squared sliced
    distance, and ``standard_error`` that of `distance`, in the units of the data, as directions are drawn: zero on the
    line, where there is only one, and NaN of a single direction elsewhere.
    """

    directions: Float[np.ndarray, "r d"]
    costs: Float[np.ndarray, " r"]
    cost: float
    standard_error: float

    @property
    def distance(self) -> float:
        """Root of the mean cost, in the units of the data."""
        return float(np.sqrt(max(self.cost, 0.0)))


def sliced_distance(p: DataLike, q: DataLike, *, directions: Any = 100, rng: Any = None) -> float:
    """Return the sliced Wasserstein distance of p and q, in the units of the data (never its square).

    ``SW2^2 = E W2^2(<v, X>, <v, Y>)``, v uniform on the sphere: each W2 is that of quantiles on the line, exact, or
    between two mixtures proven to 1e-6 of its square. It is a metric, at most ``W2 / sqrt(d)``, and W2 itself on the
    line. `sliced_costs` also has its standard error.

    Parameters
    ----------
    p, q : mixtures or fits, or samples, in any combination
        Anything that `as_measure` reads; mixtures of Gaussians, of whatever structure.
    directions : int or (r, d)
        How many directions to draw, or the directions themselves, whose lengths do not matter.
    rng : seed, Generator or None
        Where directions are drawn. Distances that are compared with each other want the same seed, so that they keep
        the triangle inequality.

    Raises
    ------
    InputError
        Where p and q live in different dimensions, and on directions that are none.
    UnsupportedError
        For other measures, and mixtures of other families.

    Examples
    --------
    >>> from mixot import Gaussian, Mixture, Samples
    >>> round_law = Mixture([1.0], Gaussian([[0.0, 0.0]], [np.eye(2)]))
    >>> wide_law = Mixture([1.0], Gaussian([[4.0, 0.0]], [9 * np.eye(2)]))
    >>> round(sliced_distance(round_law, wide_law) ** 2, 9)  # 4^2 / 2 + (3 - 1)^2
    12.0
    >>> sliced_distance(Samples([0.0, 1.0]), Samples([3.0, 2.0]))
    2.0

    References
    ----------
    Bonneel, Rabin, Peyre and Pfister, Sliced and Radon Wasserstein barycenters of measures (2015).
    """
    return sliced_costs(p, q, directions=directions, rng=rng).distance


def sliced_costs(p: DataLike, q: DataLike, *, directions: Any = 100, rng: Any = None) -> SlicedCosts:
    """Return the squared W2 of p and q along directions, their mean over all directions, and its standard error.

    W2 squared is that of the means and that of the laws about them. Of the first the mean over the sphere is known,
    ``|m_p - m_q|^2 / d``; that of the second is estimated from the directions that were drawn. Of directions that are
    given, ``cost`` is the mean of ``costs``.

    Parameters
    ----------
    p, q, directions, rng :
        As in `sliced_distance`, which raises what this raises.

    Returns
    -------
    SlicedCosts
        ``.distance .standard_error .cost .costs .directions``

    Examples
    --------
    >>> found = sliced_costs([[0.0, 0.0], [2.0, 0.0]], [[5.0, 0.0], [5.0, 2.0]], directions=[[1, 0], [0, 1]])
    >>> found.costs.tolist(), found.cost
    ([17.0, 2.0], 9.5)
    """
    first = as_measure(p)
    second = aligned(first, as_measure(q))
    laws = [_supported(measure) for measure in (first, second)]
    (dim, other) = (law.dim for law in laws)
    if dim != other:
        raise InputError(f"p and q must live in the same space, got dimension {dim} and {other}")
    drawn = is_whole(directions)
    v = _directions(directions, dim, rng)
    (a, mean_a), (b, mean_b) = (_along(law, v) for law in laws)
    tol = _TOL if dim == 1 else _TOL_OF_MANY
    spread = np.array([_w2_squared(x, y, tol) for x, y in zip(a, b, strict=True)])
    shift = mean_b - mean_a
    costs = (v @ shift) ** 2 + spread
    varying = spread if drawn else costs
    cost = float(spread.mean() + shift @ shift / dim if drawn else costs.mean())
    return SlicedCosts(v, costs, cost, _standard_error(varying, cost, dim))


def _supported(measure: Measure) -> Samples | Mixture:
    """The measure, a mixture with full covariances; `UnsupportedError` on what has no known quantiles along lines."""
    if isinstance(measure, Mixture):
        check_squares(measure)
        wide = measure.components.widen()
        if isinstance(wide, Gaussian):
            return Mixture(measure.weights, wide)
        raise UnsupportedError(
            f"sliced distances are those of samples and of mixtures of Gaussians, got {measure.components.name} laws; "
            "take a sample of it: Samples(mixture.sample(n))"
        )
    if not isinstance(measure, Samples):
        raise UnsupportedError(
            f"sliced distances are those of samples and of mixtures of Gaussians, got {type(measure).__name__}; "
            "fit a mixture to it, or sample it"
        )
    check_squares(measure)
    return measure


def _directions(given: Any, dim: int, rng: Any) -> Float[np.ndarray, "r d"]:
    """Unit vectors: drawn uniformly, or those that are given; on the line one is enough."""
    if isinstance(given, bool) or is_whole(given):
        check_whole(given, "directions")
        draws = as_generator(rng).standard_normal((1 if dim == 1 else int(given), dim))
        return np.ones((1, 1)) if dim == 1 else draws / np.linalg.norm(draws, axis=1, keepdims=True)
    v = as_floats(given, "directions")
    if v.ndim != 2 or v.shape[1] != dim or not len(v):
        raise InputError(f"directions must be their number, or vectors (r, {dim}), got an array of shape {v.shape}")
    check_finite(v, "directions", "rows")
    top = np.abs(v).max(axis=1, keepdims=True)
    if not (top > 0).all():
        raise InputError(f"directions must not be zero, got a zero vector at {int(np.argmin(top))}")
    v = v / top  # so that no square of a length vanishes or overflows
    return v / np.linalg.norm(v, axis=1, keepdims=True)


@dataclass(frozen=True, eq=False, slots=True)
class _Atoms:
    """A law of finitely many atoms on the line, in order."""

    points: Float[np.ndarray, " n"]
    weights: Float[np.ndarray, " n"]


def _along(law: Samples | Mixture, v: Float[np.ndarray, "r d"]) -> tuple[list[_Atoms] | list[Line], np.ndarray]:
    """What a law is along each direction about its mean, and its mean (d,)."""
    seen = law.weights > 0
    weights = law.weights[seen] / law.weights[seen].sum()
    if isinstance(law, Samples):
        points = law.points[seen].astype(np.float64)
        mean = weights @ points
        images = v @ (points - mean).T
        order = np.argsort(images, axis=1)
        return [_Atoms(x[i], weights[i]) for x, i in zip(images, order, strict=True)], mean
    means = law.components.mean()[seen]
    mean = weights @ means
    centers = v @ (means - mean).T
    variances = np.einsum("ri,kij,rj->rk", v, law.components.cov()[seen], v, optimize=True)
    stds = np.sqrt(np.clip(variances, 0.0, None))
    return [Line(weights, m, s) for m, s in zip(centers, stds, strict=True)], mean


def _w2_squared(p: _Atoms | Line, q: _Atoms | Line, tol: float) -> float:
    """Squared W2 on the line: exact, between two mixtures to the share ``tol``."""
    if isinstance(p, _Atoms):
        return _of_atoms(p, q) if isinstance(q, _Atoms) else _of_atoms_and_line(p, q)
    if isinstance(q, _Atoms):
        return _of_atoms_and_line(q, p)
    if len(p.weights) == len(q.weights) == 1:
        return float((p.means[0] - q.means[0]) ** 2 + (p.stds[0] - q.stds[0]) ** 2)
    low, high = w2_squared_on_line(p, q, tol=tol)
    return (low + high) / 2


def _of_atoms(p: _Atoms, q: _Atoms) -> float:
    """Mean square of the difference of quantiles, which is constant between the ranks where one of them jumps."""
    ends = [np.cumsum(law.weights)[:-1] for law in (p, q)]
    levels = np.unique(np.concatenate([*ends, [0.0, 1.0]]))
    middle = (levels[:-1] + levels[1:]) / 2
    x, y = (law.points[np.searchsorted(end, middle)] for law, end in zip((p, q), ends, strict=True))
    return float(np.diff(levels) @ (x - y) ** 2)


def _of_atoms_and_line(p: _Atoms, q: Line) -> float:
    """Each atom takes the part of q of its ranks, and costs its square to the part's mean and the part's variance."""
    ends = np.cumsum(p.weights)
    kept = np.append((np.diff(ends) > _LEAST) & (ends[:-1] > _LEAST) & (ends[:-1] < 1 - _LEAST), True)
    levels = ends[kept][:-1]
    if not len(levels):
        x = p.points[np.argmax(p.weights)]
        return float(q.weights @ ((q.means - x) ** 2 + q.stds**2))
    means, variances = q.cells(q.quantile(levels), levels)
    masses = np.diff(np.concatenate([[0.0], levels, [1.0]]))
    return float(masses @ ((p.points[kept] - means) ** 2 + variances))


def _standard_error(varying: Float[np.ndarray, " r"], cost: float, dim: int) -> float:
    """Standard error of the root of a cost that is a mean of these, but for a constant."""
    if dim == 1:
        return 0.0
    if len(varying) < 2:
        return float("nan")
    error = float(np.std(varying, ddof=1) / np.sqrt(len(varying)))
    return error / (2 * np.sqrt(cost)) if cost > 0 else 0.0
