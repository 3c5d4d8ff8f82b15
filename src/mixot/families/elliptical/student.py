"""Multivariate Student t laws: elliptical, with tails as heavy as their degrees of freedom are few."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from scipy.special import digamma, gammaln, stdtr

from mixot._checks import as_floats
from mixot._shapes import ArrayLike, Float, Int
from mixot.errors import InputError, UnsupportedError
from mixot.families.base import Family, register
from mixot.families.couplings import AffineCoupling
from mixot.families.elliptical.gaussian import Gaussian
from mixot.formulas.gaussian.elliptical import clip_spectrum, scatters, standard_scores, variance_floor
from mixot.formulas.gaussian.support import Support, support_ranks
from mixot.formulas.line.gamma_law import solve_shape
from mixot.formulas.polynomial.moments import elliptical_moments

_DF = (2.01, 1e6)  # where fits look for df: W2 needs a covariance, and above 1e6 the law is Gaussian to six digits
_NEARLY_GAUSSIAN = 1e3


@register("student")
@dataclass(frozen=True, eq=False)
class StudentT(Family):
    """k Student t laws on R^d with common degrees of freedom.

    ``x = loc + z sqrt(df / c)`` with z ~ N(0, scale) and c ~ chi^2(df); the covariance is ``scale df / (df - 2)``.
    Laws of one df are affine images of each other, so costs, maps, geodesics and barycenters are those of Gaussian
    laws with the same means and covariances (Delon and Desolneux 2020, section 4.6; Gelbrich 1990).

    Parameters
    ----------
    locs : (k, d); a vector (k,) is read as k laws on the line
    scales : (k, d, d), symmetric positive semi-definite scale matrices (not covariances); (k,) when d = 1
    df : degrees of freedom above 2, one number for all components

    Raises
    ------
    InputError
        Where df is 2 or less, shapes disagree, a value is not finite or a scale matrix is not symmetric PSD.

    Examples
    --------
    >>> p, q = StudentT([0.0], [1.0], df=4), StudentT([0.0], [4.0], df=4)
    >>> p.cov().tolist(), p.cost(q).round(12).tolist()
    ([[[2.0]]], [[2.0]])
    """

    locs: Float[np.ndarray, "k d"]
    scales: Float[np.ndarray, "k d d"]
    df: float

    holdable: ClassVar[tuple[str, ...]] = ("df",)

    def __init__(self, locs: ArrayLike, scales: ArrayLike, df: ArrayLike) -> None:
        try:
            gaussian = Gaussian(locs, scales)
        except InputError as error:
            raise InputError(f"locs and scales must do as means and covs of Gaussian laws; there, {error}") from None
        values = np.unique(as_floats(df, "df"))
        if len(values) != 1:
            raise InputError(f"df must be one number for all components, got {values[:5].tolist()}")
        if not 2 < values[0] < np.inf:
            raise InputError(
                f"df must be finite and above 2, got {values[0]:g}: at 2 or less a Student law has no covariance and "
                "W2 is infinite; for df = inf take Gaussian"
            )
        object.__setattr__(self, "locs", gaussian.means)
        object.__setattr__(self, "scales", gaussian.covs)
        object.__setattr__(self, "df", float(values[0]))

    def __len__(self) -> int:
        return len(self.locs)

    @property
    def dim(self) -> int:
        return self.locs.shape[1]

    def parameters(self) -> dict[str, np.ndarray]:
        """Arrays that define the components, by field name; df is repeated for each."""
        return {"locs": self.locs, "scales": self.scales, "df": np.full(len(self), self.df)}

    def mean(self) -> Float[np.ndarray, "k d"]:
        return self.locs

    def cov(self) -> Float[np.ndarray, "k d d"]:
        return self.scales * self._spread

    def moments(self, order: int) -> Float[np.ndarray, "k s"]:
        """Raw moments up to ``order``, which must be below df; columns in the order of ``exponents``.

        Those of a Gaussian scale mixture, ``E[w^j] = (df / 2)^j Gamma(df / 2 - j) / Gamma(df / 2)``.
        """
        if order >= self.df:
            raise InputError(f"a Student law has moments of order below df = {self.df:g} only, got order {order}")
        half = self.df / 2
        radial = np.cumprod(np.append(1.0, half / (half - np.arange(1, order // 2 + 1))))
        return elliptical_moments(self.locs, self.scales, radial, order)

    def rank(self) -> Int[np.ndarray, " k"]:
        return support_ranks(self.scales)

    def log_prob(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        """Log-density at x, (n, d) -> (n, k); on the support of a singular component, -inf off it."""
        out = np.empty((len(x), len(self)))
        for k, support in enumerate(self._supports()):
            r, df = support.rank, self.df
            norm = gammaln((df + r) / 2) - gammaln(df / 2) - r / 2 * np.log(df * np.pi) - support.log_volume
            out[:, k] = norm - (df + r) / 2 * np.log1p(_squares(support, x) / df)
        return out

    def cdf(self, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n k"]:
        return stdtr(self.df, standard_scores(x, self.locs[:, 0], np.sqrt(self.scales[:, 0, 0])))

    def sample(self, labels: Int[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        centered = Gaussian(np.zeros_like(self.locs), self.scales).sample(labels, rng)
        return self.locs[labels] + centered * np.sqrt(self.df / rng.chisquare(self.df, len(labels)))[:, None]

    def marginal(self, axes: Sequence[int]) -> StudentT:
        index = np.asarray(axes)
        return StudentT(self.locs[:, index], self.scales[:, index[:, None], index], self.df)

    def affine(self, matrix: Float[np.ndarray, "e d"], shift: Float[np.ndarray, " e"]) -> StudentT:
        return StudentT(self.locs @ matrix.T + shift, matrix @ self.scales @ matrix.T, self.df)

    def cost(self, other: Family) -> Float[np.ndarray, "k l"]:
        """Squared W2 of components of one df, by the formula for Gaussian laws of these means and covariances."""
        return self._twin().cost(self._alike(other)._twin())

    def coupling(self, other: StudentT, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"]) -> AffineCoupling:
        """Optimal maps of the pairs; refused where the target has the larger support, so that there is none."""
        out = self._twin().coupling(self._alike(other)._twin(), rows, cols)
        spread = np.flatnonzero(out.noise.any(axis=(1, 2)))
        if len(spread):
            i, j = int(rows[spread[0]]), int(cols[spread[0]])
            raise UnsupportedError(
                f"no map from the singular component {i} onto component {j} of larger support; "
                "add a small multiple of the identity to the scales"
            )
        return out

    def between(self, other: StudentT, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], t: float) -> StudentT:
        """Geodesics of components of one df, which they keep; at t = 0 and 1 the components themselves."""
        theirs = self._alike(other)
        if t in (0.0, 1.0):
            return self.take(rows) if t == 0.0 else theirs.take(cols)
        return self._from_twin(self._twin().between(theirs._twin(), rows, cols, t))

    def barycenter(
        self, others: Sequence[StudentT], index: Int[np.ndarray, "s j"], weights: Float[np.ndarray, " j"]
    ) -> tuple[StudentT, Float[np.ndarray, " s"]]:
        twins = [self._alike(other)._twin() for other in others]
        center, cost = self._twin().barycenter(twins, index, weights)
        return self._from_twin(center), cost

    @classmethod
    def start(cls, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Mapping[str, Any]) -> StudentT:
        df = fixed.get("df", 10.0)
        mass = shares.sum(axis=0)
        locs = shares.T @ x / mass[:, None]
        covs = clip_spectrum(scatters(x, locs, shares) / mass[:, None, None], variance_floor(x, shares))[0]
        return cls(locs, covs, df)

    def m_step(
        self, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Collection[str] = ()
    ) -> StudentT:
        """One step of parameter-expanded EM on locations, scales and, unless it is fixed, df.

        Each point carries a latent precision of mean ``u = (df + d) / (df + |x - loc|_scale^2)``. The expansion lets
        that precision have a free mean a_k, absorbed by the scale, which takes far fewer steps than EM itself; df
        solves ``log(df/2) - digamma(df/2) = mean(log a + u/a - 1 - E[log precision])`` and is then moved on along
        the likelihood itself, where plain EM would take thousands of steps.

        References
        ----------
        Liu and Rubin, ML estimation of the t distribution using EM and its extensions (1995); Liu, Rubin and Wu,
        Parameter expansion to accelerate EM: the PX-EM algorithm (1998).
        """
        df, d = self.df, self.dim
        u = (df + d) / (df + self._squares(x))
        mass, pull = shares.sum(axis=0), shares * u
        locs = pull.T @ x / pull.sum(axis=0)[:, None]
        scatter, level = scatters(x, locs, pull), pull.sum(axis=0) / mass
        floor = variance_floor(x, shares)
        scales, low = clip_spectrum(scatter / (mass * level)[:, None, None], floor)
        expand = np.where(low, 1.0, level)  # at the bound on variances the plain step is the one known to climb
        scales[low] = clip_spectrum(scatter[low] / mass[low, None, None], floor)[0]
        if "df" in fixed:
            return StudentT(locs, scales, df)
        log_precision = (shares * np.log(u)).sum() / mass.sum() + digamma((df + d) / 2) - np.log((df + d) / 2)
        gap = mass @ (np.log(expand) + level / expand - 1) / mass.sum() - log_precision
        step = np.clip(2 * solve_shape(np.array([max(gap, 1e-8)]))[0], *_DF)
        return StudentT(locs, scales, step)._with_better_df(x, shares, df)

    def _with_better_df(self, x: np.ndarray, shares: np.ndarray, before: float) -> StudentT:
        """These laws, df moved on by a secant step of the likelihood in 1 / df where that climbs higher."""
        old, new = 1 / before, 1 / self.df
        if abs(new - old) < 1e-10 * old:
            return self
        squares, shares = self._squares(x).T.copy(), shares.T.copy()  # (k, n): sums over k are then quick
        log_volume = np.array([support.log_volume for support in self._supports()])
        score = partial(_likelihood, squares, shares, log_volume, self.dim)
        (_, slope), (height, slope_new) = score(old), score(new)
        bend = (slope_new - slope) / (new - old)
        on = new - slope_new / bend if bend < 0 else new + 4 * (new - old)
        on = float(np.clip(np.clip(on, new / 4, new * 4), 1 / _DF[1], 1 / _DF[0]))
        return StudentT(self.locs, self.scales, 1 / on) if score(on)[0] > height else self

    def free_parameters(self, fixed: Collection[str] = ()) -> int:
        return len(self) * (self.dim + self.dim * (self.dim + 1) // 2) + ("df" not in fixed)

    def fit_notes(self) -> tuple[str, ...]:
        if self.df <= _DF[0]:
            return (f"df is at its lower bound {_DF[0]}: the data have no finite covariance, and W2 means little",)
        return (f"df is {self.df:.3g}: the data look Gaussian",) if self.df >= _NEARLY_GAUSSIAN else ()

    @classmethod
    def example(cls, rng: np.random.Generator, k: int) -> StudentT:
        gaussian = Gaussian.example(rng, k)
        return cls(gaussian.means, gaussian.covs, 8.0)

    @property
    def _spread(self) -> float:
        return self.df / (self.df - 2)

    def _twin(self) -> Gaussian:
        """Gaussian laws of the same means and covariances."""
        return Gaussian(self.locs, self.cov())

    def _from_twin(self, twin: Gaussian) -> StudentT:
        return StudentT(twin.means, twin.covs / self._spread, self.df)

    def _alike(self, other: Any) -> StudentT:
        if other.df != self.df:
            raise UnsupportedError(
                f"W2 between Student laws has a formula for one df only, got {self.df:g} and {other.df:g}; "
                'fit both with the same, FamilyEM(fixed={"df": 5.0}), or sample both and compare the samples'
            )
        return other

    def _squares(self, x: np.ndarray) -> Float[np.ndarray, "n k"]:
        return np.stack([_squares(support, x) for support in self._supports()], axis=1)

    def _supports(self) -> list[Support]:
        return [Support.of(loc, scale) for loc, scale in zip(self.locs, self.scales, strict=True)]


def _squares(support: Support, x: np.ndarray) -> np.ndarray:
    """Squared Mahalanobis distances, infinite off the support, (n, d) -> (n,)."""
    z = (x - support.mean) @ support.whiten
    out = np.einsum("nr,nr->n", z, z)
    if support.rank < x.shape[1]:
        out[support.log_prob(x) == -np.inf] = np.inf
    return out


def _likelihood(
    squares: np.ndarray, shares: np.ndarray, log_volume: np.ndarray, d: int, inverse: float
) -> tuple[float, float]:
    """Log-likelihood of a mixture with weights in proportion to the shares, and its slope, in 1 / df = inverse.

    Squares and shares are (k, n) here.
    """
    df, mass = 1 / inverse, shares.sum(axis=1)
    norm = gammaln((df + d) / 2) - gammaln(df / 2) - d / 2 * np.log(df * np.pi)
    ratio = np.log1p(squares * inverse)
    joint = (np.log(mass / mass.sum()) - log_volume + norm)[:, None] - (df + d) / 2 * ratio
    top = joint.max(axis=0)
    chance = np.exp(joint - top)
    total = chance.sum(axis=0)
    weights = shares.sum(axis=0)
    per_point = np.einsum("kn,kn->n", chance, (df + d) * squares / (df * (df + squares)) - ratio) / total
    slope = (digamma((df + d) / 2) - digamma(df / 2) - d / df) * weights.sum() + weights @ per_point
    return float(weights @ (top + np.log(total))), float(-(df**2) * slope / 2)
