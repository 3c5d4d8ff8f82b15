"""A proven upper bound on the likelihood of every Gaussian mixture above a floor, whatever its number of components."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import fsum

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError
from mixot.families.elliptical.gaussian import Gaussian
from mixot.inference.mixing_law import (
    Atoms,
    Kernels,
    Peaks,
    climbed,
    compressed,
    first_atoms,
    searched,
    weighed,
)
from mixot.mixture import Mixture
from mixot.results import Progress, ProgressCallback

_EPS = float(np.finfo(float).eps)
_WIDEST = 1e6  # of the data, in standard deviations of the floor: beyond, whitened coordinates lose too many digits
_ROUNDS = 60
_COARSEST = 0.01  # tolerance of the supremum, relative
_CELL = {1: 0.004, 2: 0.1, 3: 0.2}  # side of the cells whose means stand for many points at first
_CLOSE = {1: 1e-6, 2: 1e-4, 3: 1e-3}  # how well the best law of the means suits the points themselves
_MANY = 3000


@dataclass(frozen=True, eq=False, slots=True)
class MixingBound:
    """What no mixture above the floors exceeds: log-likelihoods, sums over the observations, in nats.

    ``upper`` is proven for all of them, ``lower`` is reached by one, ``mixture``, of ``atoms`` kernels at the floors.
    """

    upper: float
    lower: float
    atoms: int
    rounds: int
    mixture: Mixture | None = None

    @property
    def gap(self) -> float:
        """How far the bound can be from the supremum, ``upper - lower``."""
        return self.upper - self.lower


def mixing_bound(
    points: Float[np.ndarray, "n d"],
    floors: Float[np.ndarray, "j d d"],
    times: Float[np.ndarray, " n"] | None = None,
    *,
    gap: float = 0.3,
    between: tuple[float, float] | None = None,
    progress: ProgressCallback | None = None,
) -> MixingBound:
    """Return a proven bound on ``sum_i times_i log g(x_i)`` over all Gaussian mixtures g above the floors.

    Above means that each covariance S of g is at least one of the floors A, S - A positive semi-definite; g may have
    any number of components. Such a g is a mixture of kernels phi_A, and for any positive numbers f_i

    ``sum_i t_i log g(x_i) <= sum_i t_i log f_i + T log sup_(A, m) D``, ``D = sum_i (t_i / T) phi_A(x_i - m) / f_i``,

    T the sum of times. f comes from the mixing law of the largest likelihood, where sup D = 1; that needs no proof.
    The supremum is proven: in boxes, where log D + |m|^2 / 2 is convex in whitened coordinates, so that no value is
    above the largest corner times ``exp(d s^2 / 8)``, s the side, and in those where this is not enough, by a Taylor
    polynomial, its remainder by Cramer's bound on Hermite functions, and branch and bound. Rounding is bounded, too:
    whitening by a matrix whose floor is smaller than A, its error as a shift of the points, logarithms one by one.

    Parameters
    ----------
    points : (n, d)
        d = 1, 2 or 3.
    floors : (j, d, d)
        Positive definite.
    times : (n,), optional
        How often each point was seen, positive; once where not given.
    gap : float
        How far the bound may be from the supremum, in nats; where that is not reached, `MixingBound.gap` says it.
    between : two floats, optional
        Stop as soon as the bound is below the first, or a mixture above the second was found.
    progress : callable, optional
        Called with a `Progress` whose value is the gap.

    Raises
    ------
    InputError
        Where the data are wider than 1e6 standard deviations of a floor.

    References
    ----------
    Lindsay, Ann. Statist. 11 (1983), theorem 4.1, for the gradient D; Jensen's inequality for the rest.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[0.0], [0.5], [4.0]])
    >>> bound = mixing_bound(x, np.ones((1, 1, 1)), gap=1e-3)
    >>> one = -(x - x.mean()) ** 2 / 2 - np.log(2 * np.pi) / 2
    >>> bool(one.sum() < bound.lower < bound.upper < bound.lower + 1e-3)
    True
    """
    t = np.ones(len(points)) if times is None else np.asarray(times, dtype=np.float64)
    kernels, frame = _frame(np.asarray(points, dtype=np.float64), t, np.asarray(floors, dtype=np.float64))
    total = fsum(t)
    shares, tol = t / total, min(gap / total / 3, _COARSEST)
    atoms = _start(kernels, shares, tol)
    bound = MixingBound(np.inf, -np.inf, 0, 0)
    aim = _COARSEST
    for turn in range(_ROUNDS):
        atoms, f = weighed(kernels, shares, atoms, max(min(tol, aim) / 10, 1e-13))
        lower = _log_sum(t, f)[0] + total * frame.log_height
        peaks = climbed(kernels, shares / f, atoms, tol / 20)
        aim = max(min(aim, 0.3 * (peaks.best - 1)), tol)
        if turn % 3 == 0 or aim <= 3 * tol or peaks.best - 1 < 3 * tol:
            found = searched(kernels, shares / f, aim)
            upper = _proven(t, f, found.upper, frame, aim)
            bound = replace(bound, upper=min(bound.upper, upper))
            peaks = _both(peaks, found)
        if lower > bound.lower:
            bound = replace(bound, lower=lower, atoms=len(atoms.weights), mixture=frame.mixture(atoms))
        bound = replace(bound, rounds=turn + 1)
        if progress is not None:
            progress(Progress("mixing law", turn + 1, None, bound.gap))
        if bound.gap <= gap or _decided(bound, between) or (aim <= tol and not sum(map(len, peaks.places))):
            break
        atoms = atoms.joined(peaks.places)
    if bound.mixture is None:
        return bound
    reached = fsum(t * bound.mixture.log_density(np.asarray(points, dtype=np.float64)))  # whitening widens no gap
    return replace(bound, lower=min(bound.lower, reached))


def _start(kernels: Kernels, shares: Float[np.ndarray, " n"], tol: float) -> Atoms:
    """A mixing law to set out from: of many points the one that suits the means of small cells."""
    dim = kernels.points.shape[2]
    if len(kernels.points) > 1 or len(shares) <= _MANY:
        return first_atoms(kernels)
    few, mass = compressed(kernels, shares, _CELL[dim])
    if len(mass) > len(shares) / 2:
        return first_atoms(kernels)
    atoms = first_atoms(few)
    aim, close = _COARSEST, max(_CLOSE[dim], tol)
    for turn in range(_ROUNDS):
        atoms, f = weighed(few, mass, atoms, aim / 10)
        peaks = climbed(few, mass / f, atoms, aim / 20)
        aim = max(min(aim, 0.3 * (peaks.best - 1)), close)
        if turn % 3 == 0 or aim <= close:
            found = searched(few, mass / f, aim)
            if found.upper <= 1 + 2 * close:
                break
            peaks = _both(peaks, found)
        atoms = atoms.joined(peaks.places)
    return atoms


def _both(peaks: Peaks, found: Peaks) -> Peaks:
    places = [np.concatenate(pair) for pair in zip(peaks.places, found.places, strict=True)]
    return Peaks(places, max(peaks.best, found.best), found.upper)


def _decided(bound: MixingBound, between: tuple[float, float] | None) -> bool:
    return between is not None and (bound.upper < between[0] or bound.lower > between[1])


@dataclass(frozen=True, eq=False, slots=True)
class _Frame:
    """How points became whitened ones: log of the largest kernel's height, and the error of a coordinate at most."""

    log_height: float
    shift: float
    center: Float[np.ndarray, " d"]
    roots: Float[np.ndarray, "j d d"]
    floors: Float[np.ndarray, "j d d"]

    def mixture(self, atoms: Atoms) -> Mixture:
        """The atoms as a mixture of kernels at the floors, in the coordinates of the data."""
        means = np.einsum("kij,kj->ki", self.roots[atoms.shapes], atoms.places) + self.center
        return Mixture(atoms.weights, Gaussian(means, self.floors[atoms.shapes]))


def _frame(
    x: Float[np.ndarray, "n d"], t: Float[np.ndarray, " n"], floors: Float[np.ndarray, "j d d"]
) -> tuple[Kernels, _Frame]:
    """The points as the kernels of each floor see them; each floor a bit smaller than it is, against rounding."""
    dim = x.shape[1]
    center = t @ x / t.sum()  # rows that are repeated and rows that are counted see the same
    y = x - center
    points, logs, roots, shift = [], [], [], 0.0
    for floor in floors:
        whiten = np.tril(np.linalg.inv(np.linalg.cholesky(floor)))
        size = np.abs(whiten)
        # rows of whiten A whiten' are the identity but for this: stretched by it, they are above
        away = 8 * dim**2 * _EPS * float((size @ np.abs(floor) @ size.T).sum(axis=1).max())
        lowest = float(np.linalg.eigvalsh(whiten @ floor @ whiten.T)[0])
        whiten = whiten * (1 + away + max(1 - lowest, 0.0))
        z = np.ascontiguousarray(y @ whiten.T)
        if np.abs(z).max() > _WIDEST:
            raise InputError(
                f"the data must be no wider than {_WIDEST:g} standard deviations of the floor, got "
                f"{np.abs(z).max():.3g}; raise the floor, or leave out rows that are far away"
            )
        reach = np.linalg.norm(np.abs(y) @ size.T, axis=1).max()
        shift = max(shift, 4 * (dim + 2) * _EPS * float(reach))
        points.append(z)
        roots.append(np.linalg.inv(whiten))
        logs.append(float(np.log(np.diag(whiten)).sum()))
    top = max(logs)
    heights = np.exp(np.array(logs) - top)
    log_height = top - dim / 2 * float(np.log(2 * np.pi))
    return Kernels(np.stack(points), heights), _Frame(log_height, shift, center, np.stack(roots), floors)


def _log_sum(t: Float[np.ndarray, " n"], f: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """``sum_i t_i log f_i``, and a bound of its error: the terms are rounded, their sum is exact."""
    terms = t * np.log(f)
    return fsum(terms), 4 * _EPS * fsum(np.abs(terms))


def _proven(
    t: Float[np.ndarray, " n"],
    f: Float[np.ndarray, " n"],
    top: float,
    frame: _Frame,
    tol: float,
) -> float:
    """The bound of the sum from that of D, with all that rounding may have hidden."""
    total = fsum(t)
    value, error = _log_sum(t, f)
    ratios = float((t / total / f).sum())
    radius = float(np.sqrt(2 * np.log(max(ratios, 1.0) * 60 / tol))) + 4
    # each point stands elsewhere by at most `shift`, which changes a kernel within the radius by this factor
    log_top = float(np.log(top)) + frame.shift * (radius + frame.shift) + 400 * _EPS
    rounding = error + 8 * _EPS * total * (abs(log_top) + abs(frame.log_height))
    return value + total * (log_top + frame.log_height) + rounding
