"""A proven upper bound on the likelihood of every mixture of a family of one parameter, with no floor."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum
from typing import Any

import numpy as np

from mixot._native import fast_exp
from mixot._shapes import Float
from mixot.errors import InputError
from mixot.families.roles import Natural, require
from mixot.inference.mixing_bound import MixingBound
from mixot.inference.mixing_weights import best_weights
from mixot.mixture import Mixture
from mixot.results import Progress, ProgressCallback

_EPS = float(np.finfo(float).eps)
_ROUNDS = 60
_FIRST = 33  # parameters that the search begins with
_DEEPEST = 60  # halvings of the interval between two of them
_TILE = 2**15  # exponents that are held at once: they stay in the cache through all that is done with them


@dataclass(frozen=True, eq=False)
class _Laws:
    """Distinct statistics T of the data, how often each was seen, and the family's functions.

    The kernel at theta is ``exp(theta T - A(theta) - top)``, top its largest exponent over theta, so at most one.
    """

    family: Any
    statistics: Float[np.ndarray, " n"]
    times: Float[np.ndarray, " n"]
    tops: Float[np.ndarray, " n"]
    offset_size: float  # sum of |times * tops| and of |times * log h|, which measures the rounding of their sums

    def kernel(self, theta: Float[np.ndarray, " k"]) -> Float[np.ndarray, "n k"]:
        exponents = self.statistics[:, None] * theta
        exponents -= self.family.log_partition(theta)
        exponents -= self.tops[:, None]
        fast_exp(exponents.ravel(), exponents.ravel())
        return exponents

    def log_gradient(self, logs: Float[np.ndarray, " n"], theta: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
        """``log D(theta)``, ``D = sum_i exp(logs_i) kernel_i``: finite however far all points are from theta."""
        n = len(self.statistics)
        step, width = max(_TILE // n, 1), min(n, _TILE)
        fixed, parts = logs - self.tops, []
        for at in range(0, len(theta), step):
            part = theta[at : at + step, None]
            tops, sums = [], []
            for first in range(0, n, width):
                some = slice(first, first + width)
                terms = part * self.statistics[some]
                terms += fixed[some]
                tops.append(terms.max(axis=1))
                terms -= tops[-1][:, None]
                fast_exp(terms.ravel(), terms.ravel())  # right to the last bit but one, as `_chord_bounds` allows for
                sums.append(terms.sum(axis=1))
            top = np.max(tops, axis=0)
            total = (np.array(sums) * np.exp(np.array(tops) - top)).sum(axis=0)
            parts.append(top - self.family.log_partition(part[:, 0]) + np.log(total))
        return np.concatenate(parts) if parts else np.empty(0)


def natural_bound(
    family: Any,
    points: Float[np.ndarray, "n 1"],
    times: Float[np.ndarray, " n"] | None = None,
    *,
    gap: float = 0.3,
    progress: ProgressCallback | None = None,
) -> MixingBound:
    """Return a proven bound on ``sum_i times_i log g(x_i)`` over all mixtures g of a family, of any number of laws.

    As `mixot.inference.mixing_bound.mixing_bound`, with the laws of the family as kernels. In its natural parameter
    log D + A is convex, so that between two parameters a < b, where it is at most its chord of slope s, log D is at
    most ``chord(t) - A(t)`` at the t of [a, b] where the mean of T is s, which is in closed form. Intervals are halved
    until that is not above the best value seen. Beyond the parameters of the least and the largest statistic D falls;
    where one of these is infinite, D is bounded beyond a finite one by its largest terms.

    Parameters
    ----------
    family : type or Family
        A class of components that plays `mixot.families.roles.Natural`; or components, which say what all laws of the
        family share: the number of trials of binomial ones.
    points : (n, 1)
        Where the family has mass.
    times : (n,), optional
        How often each point was seen, positive; once where not given.
    gap : float
        How far the bound may be from the supremum, in nats; where that is not reached, `MixingBound.gap` says it.
    progress : callable, optional
        Called with a `Progress` whose value is the gap.

    Raises
    ------
    InputError
        Where a point has unbounded density, such as 0 under exponential laws.

    References
    ----------
    Lindsay, Ann. Statist. 11 (1983).

    Examples
    --------
    >>> import numpy as np
    >>> from mixot import Poisson
    >>> bound = natural_bound(Poisson, np.array([[0.0], [0.0], [9.0]]), gap=1e-3)
    >>> best = 2 * np.log(2 / 3) + np.log(1 / 3) + 9 * np.log(9) - 9 - np.log(362880)
    >>> bool(best - 1e-2 < bound.lower < bound.upper < bound.lower + 1e-3)
    True
    """
    law: Any = require(family, Natural)
    t = np.ones(len(points)) if times is None else np.asarray(times, dtype=np.float64)
    laws, base = _laws(law, points, t)
    total, offset = fsum(t), base + fsum(laws.times * laws.tops)
    shares, tol = laws.times / total, min(gap / total / 3, 1e-2)
    low, high = _ends(laws, tol)
    if not low < high:  # one statistic: its best law has it as the mean
        return _single(laws, law, offset)
    grid = _grid(laws, low, high)
    atoms, weights = grid, np.full(len(grid), 1 / len(grid))
    bound, aim = MixingBound(np.inf, -np.inf, 0, 0), 1e-2
    for turn in range(_ROUNDS):
        densities = laws.kernel(atoms)
        best, _ = best_weights(densities, shares, weights, tol=max(min(tol, aim) / 10, 1e-13))
        kept = best > 1e-10
        atoms, weights = atoms[kept], best[kept] / best[kept].sum()
        reached_at = densities[:, kept] @ weights
        f = np.maximum(reached_at, 1e-290)  # any positive numbers bound; only those of a mixture are its likelihood
        found = _search(laws, shares / f, grid, aim)
        terms = laws.times * np.log(f)
        value = fsum(terms) + offset
        lower = value if (reached_at >= 1e-290).all() else -np.inf
        scale = _EPS * (4 * fsum(np.abs(terms)) + 8 * (abs(offset) + laws.offset_size + total))
        upper = value + total * found.log_upper + scale
        reached = Mixture(weights, law.of_natural(atoms)) if lower > bound.lower else bound.mixture
        bound = MixingBound(min(bound.upper, upper), max(bound.lower, lower), len(weights), turn + 1, reached)
        if progress is not None:
            progress(Progress("mixing law", turn + 1, None, bound.gap))
        if bound.gap <= gap or (aim <= tol and not len(found.peaks)):
            break
        aim = max(min(aim, 0.1 * float(np.expm1(min(found.log_best, 1.0)))), tol)
        atoms, weights = np.concatenate([atoms, found.peaks]), np.concatenate([weights, np.zeros(len(found.peaks))])
    return bound


def _laws(law: Any, points: Float[np.ndarray, "n 1"], t: Float[np.ndarray, " n"]) -> tuple[_Laws, float]:
    """The distinct statistics, with their times, and ``sum_i t_i log h(x_i)``."""
    held = {} if isinstance(law, type) else {name: getattr(law, name) for name in law.holdable}
    law.check_points(points, held)
    statistics, owner = np.unique(law.statistic(points), return_inverse=True)
    owner = owner.ravel()
    logs = law.log_base(points)
    mean = law.natural_of_mean(statistics)
    with np.errstate(invalid="ignore"):
        tops = np.where(np.isfinite(mean), statistics * mean - law.log_partition(mean), 0.0)
    at_limit = ~np.isfinite(mean)
    # the laws tend to a point mass there, whose density is one where points are atoms, and has no bound where not
    unbounded = ~np.isfinite(logs) | (at_limit[owner] & (not law.example(np.random.default_rng(0), 1).discrete))
    if unbounded.any():
        raise InputError(
            f"the likelihood of mixtures of the {law.name} family has no bound: at {points[unbounded][0, 0]:g} its "
            "laws may have any density; leave such points out"
        )
    tops[at_limit] = -logs[np.unique(owner, return_index=True)[1]][at_limit]
    times = np.bincount(owner, t)
    size = fsum(np.abs(t * logs)) + fsum(np.abs(times * tops))
    return _Laws(law, statistics, times, tops, size), fsum(t * logs)


def _ends(laws: _Laws, tol: float) -> tuple[float, float]:
    """The interval of parameters outside which D is no larger than at its ends, or bounded well by `_beyond`.

    The ratios are about one or less there, f being at least the share of a point's own atom.
    """
    mean = laws.family.natural_of_mean(laws.statistics[[0, -1]])
    if len(laws.statistics) == 1:
        return 0.0, 0.0
    inner = laws.family.natural_of_mean(laws.statistics[[1, -2]])
    low, high = float(mean[0]), float(mean[1])
    for side in (0, 1):
        if np.isfinite(mean[side]):
            continue
        end = float(inner[side]) if np.isfinite(inner[side]) else 0.0
        others = laws.statistics != laws.statistics[[0, -1][side]]
        away = end
        for step in range(60):
            away = end - 2.0**step if side == 0 else end + 2.0**step
            kernel = laws.kernel(np.array([away]))[:, 0]
            if kernel[others].sum() <= tol / 100 and (1 - kernel[~others]).sum() <= tol / 100:
                break
        low, high = (away, high) if side == 0 else (low, away)
    return low, high


@dataclass(frozen=True, eq=False)
class _Found:
    """A proven bound of log D, the best value seen, and maxima above zero."""

    log_upper: float
    log_best: float
    peaks: Float[np.ndarray, " k"]


def _grid(laws: _Laws, low: float, high: float) -> Float[np.ndarray, " k"]:
    """Parameters that the search begins with: even ones, and those of the best laws of some of the points."""
    some = laws.statistics[np.linspace(0, len(laws.statistics) - 1, _FIRST).astype(np.intp)]
    best = laws.family.natural_of_mean(some)
    inside = best[np.isfinite(best) & (best > low) & (best < high)]
    return np.unique(np.concatenate([np.linspace(low, high, _FIRST), inside]))


def _search(laws: _Laws, ratios: Float[np.ndarray, " n"], theta: Float[np.ndarray, " k"], tol: float) -> _Found:
    """Branch and bound over the line; ``theta`` (k,), increasing, are the parameters that it begins with."""
    logs, low, high = np.log(ratios), float(theta[0]), float(theta[-1])
    values = laws.log_gradient(logs, theta)
    size = float(np.abs(logs).max() + 2 * np.abs(laws.tops).max()) + len(logs) + 100
    left, right = np.arange(len(theta) - 1), np.arange(1, len(theta))
    top, bounds = float(np.log(_beyond(laws, ratios, low, high))) + 8 * _EPS * size, np.zeros(0)
    for _ in range(_DEEPEST):
        bounds = _chord_bounds(laws, theta[left], theta[right], values[left], values[right], size)
        limit = max(0.0, float(values.max())) + np.log1p(tol)
        middles = (theta[left] + theta[right]) / 2
        between = (theta[left] < middles) & (middles < theta[right])
        open_ = (bounds > limit) & between
        top = max(top, float(bounds[~open_].max(initial=-np.inf)))
        if not open_.any():
            break
        left, right = left[open_], right[open_]
        middle = np.arange(len(theta), len(theta) + len(left))
        theta = np.concatenate([theta, middles[open_]])
        values = np.concatenate([values, laws.log_gradient(logs, theta[middle])])
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
    else:
        top = max(top, float(bounds.max(initial=-np.inf)))
    order = np.argsort(theta)
    spots, heights = theta[order], values[order]
    padded = np.concatenate([[-np.inf], heights, [-np.inf]])
    peaks = spots[(heights > tol / 10) & (heights >= padded[:-2]) & (heights >= padded[2:])]
    return _Found(top, float(values.max()), peaks)


def _chord_bounds(
    laws: _Laws,
    a: Float[np.ndarray, " k"],
    b: Float[np.ndarray, " k"],
    at_a: Float[np.ndarray, " k"],
    at_b: Float[np.ndarray, " k"],
    size: float,
) -> Float[np.ndarray, " k"]:
    """Bounds of log D on the intervals [a, b], from its values at their ends, with all that rounding may have hidden.

    ``size`` is what the exponents of log D hold beside what is seen here: those terms that count are near the largest,
    so that theta T is no larger than log D, A and ``size`` together.
    """
    partition = laws.family.log_partition
    of_a, of_b = partition(a), partition(b)
    high_a, high_b = at_a + of_a, at_b + of_b
    slope = (high_b - high_a) / (b - a)
    best = laws.family.natural_of_mean(np.clip(slope, laws.statistics[0], laws.statistics[-1]))
    best = np.clip(best, a, b)
    of_best = partition(best)
    # from the nearer end, so that the slope's error counts little
    from_a, from_b = high_a + slope * (best - a), high_b - slope * (b - best)
    chord = np.where(best - a < b - best, from_a, from_b)
    sizes = np.abs(at_a) + np.abs(at_b) + 3 * (np.abs(of_a) + np.abs(of_b)) + np.abs(of_best) + size
    sizes += np.abs(slope) * np.minimum(best - a, b - best)
    return chord - of_best + 16 * _EPS * sizes


def _beyond(laws: _Laws, ratios: Float[np.ndarray, " n"], low: float, high: float) -> float:
    """A bound of D outside [low, high]: there each other statistic than the extreme one counts less than at the end."""
    at_low, at_high = laws.kernel(np.array([low, high])).T * ratios
    return float(max(ratios[0] + at_low[1:].sum(), ratios[-1] + at_high[:-1].sum()))


def _single(laws: _Laws, law: Any, offset: float) -> MixingBound:
    """All points have one statistic: the law that has it as its mean, or a limit of laws, is the best mixture."""
    mean = law.natural_of_mean(laws.statistics)
    theta = np.clip(mean, -700.0, 700.0) if not np.isfinite(mean).all() else mean
    rounding = 8 * _EPS * (abs(offset) + laws.offset_size + fsum(laws.times))
    return MixingBound(offset + rounding, offset, 1, 1, Mixture([1.0], law.of_natural(theta)))
