"""Whether one Gaussian law is enough: a likelihood ratio whose law under the null needs no asymptotics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular

from mixot._checks import as_generator, check_whole
from mixot._shapes import Float, Int
from mixot.errors import InputError
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.gaussian.paths import EMLimits, EMPath, KernelState
from mixot.fitting.likelihood.starts.k_means import kmeans_labels
from mixot.inference.levels import checked_level, shown_p
from mixot.inference.rows import check_spread, repeated, rows_of, samples_of
from mixot.mixture import Mixture
from mixot.results import Progress, ProgressCallback

_REG = 1e-2  # variance of the noise, in variances of the data: no component may shrink to a few rows
_TOL = 1e-5  # nats per row that a run may lack
_FIRST, _MOST = 8, 400  # iterations of every start, and of the best
_STARTS = 2  # by k-means, besides the one by distance from the center
_LLOYD = 11


@dataclass(frozen=True, eq=False, slots=True)
class OneComponentTest:
    """How much better k Gaussian components fit than one, and how often one Gaussian alone gives as much by chance.

    ``gain`` is in nats, of all rows together: EM's best objective with k components (`mixot.EM`, ``reg=0.01``) less
    that with one; ``exceeded`` of ``draws`` samples of one Gaussian gained as much, and ``p_value`` is exact.
    ``mixture`` is the fit of k components, in the units of the data.
    """

    gain: float
    p_value: float
    exceeded: int
    draws: int
    mixture: Mixture
    n: int
    notes: tuple[str, ...] = ()

    @property
    def k(self) -> int:
        """Components of the alternative."""
        return len(self.mixture)

    def reject(self, alpha: float = 0.05) -> bool:
        """Whether one Gaussian is rejected at level ``alpha``: where it is true, with at most that probability."""
        return self.p_value <= checked_level(alpha)

    def __str__(self) -> str:
        return (
            f"{self.k} components fit {self.n} rows better than one Gaussian by {self.gain:.4g} nats; of {self.draws} "
            f"samples of one Gaussian, {self.exceeded} gained as much: {shown_p(self.p_value)}, exact in finite samples"
        )


def test_one_component(
    data: Any,
    *,
    k: int = 2,
    draws: int = 999,
    enough: int | None = 20,
    rng: Any = None,
    progress: ProgressCallback | None = None,
) -> OneComponentTest:
    """Return the test of one Gaussian law against k components, with a p-value that is exact in finite samples.

    The likelihood ratio of mixtures has no law that is known, not even for many rows (Hartigan 1985). But it is one law
    for all Gaussians: rows are divided by the Cholesky factor L of their covariance, ``z = inv(L) (x - mean)``, and
    where x are draws of N(m, S) the law of z depends on the number of rows and of columns alone. So draws of N(0, I) go
    the same way, and ``p = (1 + #{as large}) / (1 + draws)`` has ``P(p <= alpha) <= alpha`` whatever m, S
    and n are, and whether or not EM finds the best fit. EM on z is equivariant: the answer depends on no units, and on
    no choice of coordinates but for the random starts.

    Parameters
    ----------
    data : anything that `as_measure` reads as points, (n, d)
        Rows of equal weight, or with counts; at least ``k (d + 1)`` of them.
    k : int
        Components of the alternative; two find most that is not one Gaussian.
    draws : int
        Samples of one Gaussian at most; no p-value is below ``1 / (1 + draws)``.
    enough : int, optional
        Draws end once so many gained as much as the data, and the p-value then is their share: as exact, and soon where
        there is nothing to be found (Besag and Clifford 1991). None makes all draws.
    rng : seed, Generator or None
        Of the draws and the starts.
    progress : callable, optional
        Called with a `Progress` after every draw.

    Returns
    -------
    OneComponentTest
        ``.p_value .gain .reject(alpha) .mixture .exceeded .draws .notes``

    Raises
    ------
    InputError
        On weights, too few rows, constant columns or columns that are sums of others.
    UnsupportedError
        On data that are no rows.

    Examples
    --------
    >>> import numpy as np
    >>> from mixot import test_one_component
    >>> x = np.random.default_rng(0).normal(np.repeat([0.0, 4.0], 50))
    >>> found = test_one_component(x, draws=99, rng=0)
    >>> found.p_value, found.reject(0.05)
    (0.01, True)

    References
    ----------
    McLachlan, J. R. Statist. Soc. C 36 (1987), for Monte Carlo tests of the number of components; Besag and Clifford,
    Biometrika 78 (1991), for the end of the draws.
    """
    check_whole(k, "k", 2)
    check_whole(draws, "draws", 19)
    if enough is not None:
        check_whole(enough, "enough")
    samples = samples_of(data, "data")
    x = rows_of(samples, "data")
    n, d = x.shape
    if n < k * (d + 1):
        raise InputError(
            f"{k} components in dimension {d} need at least {k * (d + 1)} rows, got {n}; add rows, or leave columns out"
        )
    check_spread(x, samples.columns)
    generator = as_generator(rng)
    z, mean, factor = whitened(x)
    seen = _Climb.on(z, k, generator)
    exceeded = made = 0
    for made in range(1, draws + 1):
        null = _Climb.on(whitened(generator.standard_normal((n, d)))[0], k, generator)
        exceeded += int(null.gain >= seen.gain)
        if progress is not None:
            progress(Progress("draws of one Gaussian", made, draws, exceeded / made))
        if exceeded == enough:
            break
    p = exceeded / made if exceeded == enough else (1 + exceeded) / (1 + made)
    mixture = seen.mixture().affine(factor, mean).named(samples.columns)
    return OneComponentTest(n * seen.gain, p, exceeded, made, mixture, n, repeated(x))


test_one_component.__test__ = False  # type: ignore[attr-defined]  # pytest takes names like this one for its own


def whitened(
    x: Float[np.ndarray, "n d"],
) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, " d"], Float[np.ndarray, "d d"]]:
    """The rows with mean zero and covariance one, their mean, and the lower factor of their covariance."""
    mean, scale = x.mean(axis=0), x.std(axis=0)
    standard = (x - mean) / scale
    root = np.linalg.cholesky(standard.T @ standard / len(x))
    return solve_triangular(root, standard.T, lower=True).T, mean, scale[:, None] * root


@dataclass(frozen=True, eq=False)
class _Climb:
    """The best of a few runs of EM with k components on white rows."""

    em: GaussianEM
    path: EMPath

    @classmethod
    def on(cls, z: Float[np.ndarray, "n d"], k: int, rng: np.random.Generator) -> _Climb:
        """Every start goes a few iterations, the best to its end; the starts turn with the rows."""
        em = GaussianEM.of(np.ascontiguousarray(z), np.full(len(z), 1 / len(z)), "full", _REG)
        begun = [em.run(start, EMLimits(_FIRST, _TOL)) for start in _starts(em, k, rng)]
        best = max(begun, key=lambda path: path.objective)
        if best.end == "limit":
            best = em.run(best.following, EMLimits(_MOST, _TOL), best.objective)
        return cls(em, best)

    @property
    def gain(self) -> float:
        """Nats per row above one Gaussian; white rows, and their noise, make that one a constant."""
        d = self.em.points.shape[1]
        one = -d / 2 * (np.log(2 * np.pi * (1 + _REG)) + 1)  # of covariance (1 + reg) I, which is EM's with k = 1
        return self.path.objective - one

    def mixture(self) -> Mixture:
        """The fit, of white rows."""
        return self.em.mixture(self.em.out_of_kernel(self.path.state))


def _starts(em: GaussianEM, k: int, rng: np.random.Generator) -> list[KernelState]:
    """By k-means, and by distance from the center, which finds components of one mean and unlike spread."""
    z = em.points
    labels = [kmeans_labels(z, em.weights, k, rng, max_iter=_LLOYD, candidates=1) for _ in range(_STARTS)]
    return [em.on_labels(np.ascontiguousarray(each), k) for each in [*labels, _shells(z, k)]]


def _shells(z: Float[np.ndarray, "n d"], k: int) -> Int[np.ndarray, " n"]:
    """Labels of k parts of the rows, of one size, by distance from the center."""
    labels = np.empty(len(z), dtype=np.int64)
    labels[np.argsort((z * z).sum(axis=1), kind="stable")] = np.arange(len(z)) * k // len(z)
    return labels
