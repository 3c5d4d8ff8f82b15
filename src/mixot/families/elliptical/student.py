"""Multivariate Student t laws: elliptical, with tails as heavy as their degrees of freedom are few."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, cast

import numpy as np
from scipy.special import stdtr

from mixot._checks import as_floats
from mixot._shapes import ArrayLike, Float, Int
from mixot.errors import InputError, UnsupportedError
from mixot.families.base import Family, register
from mixot.families.couplings import AffineCoupling
from mixot.families.elliptical.gaussian import Gaussian
from mixot.families.elliptical.student_em import DF, EACH, StudentSteps, likelihood_by_df, log_norms, m_step
from mixot.families.elliptical.student_pairs import (
    RadialCoupling,
    enclosed_costs,
    exact_costs,
    told_exactly,
    unlike,
)
from mixot.formulas.gaussian.conditional import conditional_means, regression
from mixot.formulas.gaussian.elliptical import clip_spectrum, scatters, standard_scores, variance_floor
from mixot.formulas.gaussian.support import Support, support_ranks
from mixot.formulas.polynomial.moments import elliptical_moments

_NEARLY_GAUSSIAN = 1e3
_DF_START = 10.0


@register("student")
@dataclass(frozen=True, eq=False)
class StudentT(Family):
    """k Student t laws on R^d, of common degrees of freedom or each of its own.

    ``x = loc + z sqrt(df / c)`` with z ~ N(0, scale) and c ~ chi^2(df); the covariance is ``scale df / (df - 2)``.
    Laws of one df are affine images of each other, so costs, maps, geodesics and barycenters are those of Gaussian
    laws with the same means and covariances (Delon and Desolneux 2020, section 4.6; Gelbrich 1990). Of unlike df there
    are costs and maps on the line and between round laws, and `mixot.bounds` elsewhere.

    Parameters
    ----------
    locs : (k, d); a vector (k,) is read as k laws on the line
    scales : (k, d, d), symmetric positive semi-definite scale matrices (not covariances); (k,) when d = 1
    df : degrees of freedom above 2: one number for all components, or (k,), one for each

    Attributes
    ----------
    df : one number where all components have it, else (k,); ``dfs`` is (k,) always

    Raises
    ------
    InputError
        Where a df is 2 or less, shapes disagree, a value is not finite or a scale matrix is not symmetric PSD.

    Examples
    --------
    >>> p, q = StudentT([0.0], [1.0], df=4), StudentT([0.0], [4.0], df=4)
    >>> p.cov().tolist(), p.cost(q).round(12).tolist()
    ([[[2.0]]], [[2.0]])
    """

    locs: Float[np.ndarray, "k d"]
    scales: Float[np.ndarray, "k d d"]
    df: float | Float[np.ndarray, " k"]

    holdable: ClassVar[tuple[str, ...]] = ("df",)

    def __init__(self, locs: ArrayLike, scales: ArrayLike, df: ArrayLike) -> None:
        try:
            gaussian = Gaussian(locs, scales)
        except InputError as error:
            raise InputError(f"locs and scales must do as means and covs of Gaussian laws; there, {error}") from None
        object.__setattr__(self, "locs", gaussian.means)
        object.__setattr__(self, "scales", gaussian.covs)
        object.__setattr__(self, "df", _checked_df(df, len(gaussian)))

    def __len__(self) -> int:
        return len(self.locs)

    @property
    def dim(self) -> int:
        return self.locs.shape[1]

    @property
    def dfs(self) -> Float[np.ndarray, " k"]:
        """Degrees of freedom of each component."""
        return np.broadcast_to(np.asarray(self.df, dtype=np.float64), len(self)).copy()

    def parameters(self) -> dict[str, np.ndarray]:
        """Arrays that define the components, by field name; a common df is repeated for each."""
        return {"locs": self.locs, "scales": self.scales, "df": self.dfs}

    def mean(self) -> Float[np.ndarray, "k d"]:
        return self.locs

    def cov(self) -> Float[np.ndarray, "k d d"]:
        return self.scales * self._spread[:, None, None]

    def moments(self, order: int) -> Float[np.ndarray, "k s"]:
        """Raw moments up to ``order``, which must be below every df; columns in the order of ``exponents``.

        Those of a Gaussian scale mixture, ``E[w^j] = (df / 2)^j Gamma(df / 2 - j) / Gamma(df / 2)``.
        """
        least = float(self.dfs.min())
        if order >= least:
            raise InputError(f"a Student law has moments of order below df = {least:g} only, got order {order}")
        half, powers = self.dfs[:, None] / 2, np.arange(1, order // 2 + 1)
        radial = np.cumprod(np.hstack([np.ones_like(half), half / (half - powers)]), axis=1)
        return elliptical_moments(self.locs, self.scales, radial, order)

    def rank(self) -> Int[np.ndarray, " k"]:
        return support_ranks(self.scales)

    def log_prob(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        """Log-density at x, (n, d) -> (n, k); on the support of a singular component, -inf off it."""
        out = np.empty((len(x), len(self)))
        for k, (support, df) in enumerate(zip(self._supports(), self.dfs, strict=True)):
            norm = log_norms(np.array([df]), support.rank)[0] - support.log_volume
            out[:, k] = norm - (df + support.rank) / 2 * np.log1p(_squares(support, x) / df)
        return out

    def cdf(self, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n k"]:
        return stdtr(self.dfs, standard_scores(x, self.locs[:, 0], np.sqrt(self.scales[:, 0, 0])))

    def sample(self, labels: Int[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        centered = Gaussian(np.zeros_like(self.locs), self.scales).sample(labels, rng)
        df = self.dfs[labels]
        return self.locs[labels] + centered * np.sqrt(df / rng.chisquare(df))[:, None]

    def marginal(self, axes: Sequence[int]) -> StudentT:
        index = np.asarray(axes)
        return StudentT(self.locs[:, index], self.scales[:, index[:, None], index], self.df)

    def conditional(
        self, known: Int[np.ndarray, " o"], x: Float[np.ndarray, "n o"], labels: Int[np.ndarray, " n"]
    ) -> StudentT:
        """Student laws of df + o, scaled by ``(df + |x - loc|_scale^2) / (df + o)``: far rows leave more open.

        Ding, On the conditional distribution of the multivariate t distribution, Am. Stat. 70 (2016).
        """
        law, at = regression(self.scales, known), (np.arange(len(x)), labels)
        whitened = [(x - loc[known]) @ root for loc, root in zip(self.locs, law.whiten, strict=True)]
        squares = np.stack([(each**2).sum(axis=1) for each in whitened], axis=1)[at]
        df, ranks = self.dfs[labels], np.array([root.shape[1] for root in law.whiten])[labels]
        far = ((df + squares) / (df + ranks))[:, None, None]
        return StudentT(conditional_means(self.locs, law, known, x)[at], law.left[labels] * far, df + ranks)

    def conditional_mean(self, known: Int[np.ndarray, " o"], x: Float[np.ndarray, "n o"]) -> Float[np.ndarray, "n k m"]:
        return conditional_means(self.locs, regression(self.scales, known), known, x)

    def affine(self, matrix: Float[np.ndarray, "e d"], shift: Float[np.ndarray, " e"]) -> StudentT:
        return StudentT(self.locs @ matrix.T + shift, matrix @ self.scales @ matrix.T, self.df)

    def cost(self, other: Family) -> Float[np.ndarray, "k l"]:
        """Squared W2: of one df by the formula for Gaussian laws of these means and covariances.

        Of unlike df on the line, and between round laws (scales c I), by an integral over ranks that is right to 1e-9;
        elsewhere there is no formula, and an `UnsupportedError` names `mixot.bounds`.
        """
        theirs = cast("StudentT", other)
        return self._twin().cost(theirs._twin()) if self._same(theirs) else exact_costs(self, theirs)

    def cost_bounds(self, other: StudentT) -> tuple[Float[np.ndarray, "k l"], Float[np.ndarray, "k l"]]:
        """Squared W2 from below (Gelbrich 1990) and above, by a coupling that shares directions and ranks of radii."""
        return enclosed_costs(self, other)

    def coupling(
        self, other: StudentT, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"]
    ) -> AffineCoupling | RadialCoupling:
        """Optimal maps of the pairs; refused where the target has the larger support, so that there is none."""
        out = self._twin().coupling(other._twin(), rows, cols)
        spread = np.flatnonzero(out.noise.any(axis=(1, 2)))
        if len(spread):
            i, j = int(rows[spread[0]]), int(cols[spread[0]])
            raise UnsupportedError(
                f"no map from the singular component {i} onto component {j} of larger support; "
                "add a small multiple of the identity to the scales"
            )
        if (self.dfs[rows] == other.dfs[cols]).all():
            return out
        source, target = self.take(rows), other.take(cols)
        unknown = np.flatnonzero(~np.diagonal(told_exactly(source, target)))
        if len(unknown):
            raise unlike(self, other, int(rows[unknown[0]]), int(cols[unknown[0]]), "the optimal map")
        return RadialCoupling(out, source, target)

    def between(self, other: StudentT, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], t: float) -> StudentT:
        """Geodesics of components of one df, which they keep; at t = 0 and 1 the components themselves."""
        if t in (0.0, 1.0):
            return self.take(rows) if t == 0.0 else other.take(cols)
        _check_alike(np.stack([self.dfs[rows], other.dfs[cols]], axis=1), "the geodesic between")
        return _from_twin(self._twin().between(other._twin(), rows, cols, t), self.dfs[rows])

    def barycenter(
        self, others: Sequence[StudentT], index: Int[np.ndarray, "s j"], weights: Float[np.ndarray, " j"]
    ) -> tuple[StudentT, Float[np.ndarray, " s"]]:
        tails = np.stack([laws.dfs[k] for laws, k in zip((self, *others), index.T, strict=True)], axis=1)
        _check_alike(tails, "the barycenter of")
        center, cost = self._twin().barycenter([other._twin() for other in others], index, weights)
        return _from_twin(center, tails[:, 0]), cost

    @classmethod
    def start(cls, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Mapping[str, Any]) -> StudentT:
        df = np.broadcast_to(as_floats(fixed.get("df", _DF_START), "df"), shares.shape[1])
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
        solves ``log(df/2) - digamma(df/2) = mean(log a + u/a - 1 - E[log precision])``, the mean over all components or
        over each, and a common one is then moved on along the likelihood itself, where plain EM would take thousands
        of steps. A mixture of t laws alone goes by compiled passes of the same step, see `em_steps`.

        References
        ----------
        Liu and Rubin, ML estimation of the t distribution using EM and its extensions (1995); Liu, Rubin and Wu,
        Parameter expansion to accelerate EM: the PX-EM algorithm (1998).
        """
        after = StudentT(*m_step(self, self._squares(x), x, shares, fixed))
        if "df" in fixed or EACH in fixed:
            return after
        return after._with_better_df(x, shares, float(self.dfs[0]))

    def _with_better_df(self, x: np.ndarray, shares: np.ndarray, before: float) -> StudentT:
        """These laws, df moved on by a secant step of the likelihood in 1 / df where that climbs higher."""
        old, new = 1 / before, 1 / float(self.dfs[0])
        if abs(new - old) < 1e-10 * old:
            return self
        squares, shares = self._squares(x).T.copy(), shares.T.copy()  # (k, n): sums over k are then quick
        log_volume = np.array([support.log_volume for support in self._supports()])
        score = partial(likelihood_by_df, squares, shares, log_volume, self.dim)
        (_, slope), (height, slope_new) = score(old), score(new)
        bend = (slope_new - slope) / (new - old)
        on = new - slope_new / bend if bend < 0 else new + 4 * (new - old)
        on = float(np.clip(np.clip(on, new / 4, new * 4), 1 / DF[1], 1 / DF[0]))
        return StudentT(self.locs, self.scales, 1 / on) if score(on)[0] > height else self

    @classmethod
    def em_steps(
        cls, x: Float[np.ndarray, "n d"], weights: Float[np.ndarray, " n"], fixed: Collection[str] = ()
    ) -> StudentSteps:
        """Compiled passes of the step of `m_step` over the same points, and their acceleration."""
        return StudentSteps.of(cls, x, weights, fixed)

    @classmethod
    def check_fixed(cls, fixed: Collection[str]) -> None:
        super().check_fixed([name for name in fixed if name != EACH])
        if EACH in fixed and "df" in fixed:
            raise InputError('df is either fixed or fitted for each component: leave out fixed["df"] or df="each"')

    def free_parameters(self, fixed: Collection[str] = ()) -> int:
        tails = 0 if "df" in fixed else len(self) if EACH in fixed else 1
        return len(self) * (self.dim + self.dim * (self.dim + 1) // 2) + tails

    def fit_notes(self) -> tuple[str, ...]:
        heavy, light = (np.flatnonzero(bad) for bad in (self.dfs <= DF[0], self.dfs >= _NEARLY_GAUSSIAN))
        if isinstance(self.df, float):
            if len(heavy):
                return (f"df is at its lower bound {DF[0]}: the data have no finite covariance, and W2 means little",)
            return (f"df is {self.df:.3g}: the data look Gaussian",) if len(light) else ()
        notes = []
        if len(heavy):
            notes.append(
                f"df of components {heavy.tolist()} is at its lower bound {DF[0]}: they have no finite covariance, and "
                "W2 means little"
            )
        if len(light):
            notes.append(
                f"df of components {light.tolist()} is {self.dfs[light].min():.3g} or more: they look Gaussian"
            )
        return tuple(notes)

    @classmethod
    def example(cls, rng: np.random.Generator, k: int) -> StudentT:
        gaussian = Gaussian.example(rng, k)
        return cls(gaussian.means, gaussian.covs, 8.0)

    @property
    def _spread(self) -> Float[np.ndarray, " k"]:
        return self.dfs / (self.dfs - 2)

    def _twin(self) -> Gaussian:
        """Gaussian laws of the same means and covariances."""
        return Gaussian(self.locs, self.cov())

    def _same(self, other: StudentT) -> bool:
        return len(np.unique(np.concatenate([self.dfs, other.dfs]))) == 1

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


def _checked_df(df: ArrayLike, k: int) -> float | Float[np.ndarray, " k"]:
    values = as_floats(df, "df")
    same = np.unique(values)
    if values.shape != (k,) and len(same) != 1:
        raise InputError(f"df must be one number, or one for each of {k} components, got {values[:5].tolist()}")
    bad = np.flatnonzero(~((values.ravel() > 2) & np.isfinite(values.ravel())))
    if len(bad):
        raise InputError(
            f"df must be finite and above 2, got {values.ravel()[bad[0]]:g}: at 2 or less a Student law has no "
            "covariance and W2 is infinite; for df = inf take Gaussian"
        )
    return float(same[0]) if len(same) == 1 else values


def _from_twin(twin: Gaussian, df: Float[np.ndarray, " k"]) -> StudentT:
    """The t laws of these means and covariances."""
    return StudentT(twin.means, twin.covs * ((df - 2) / df)[:, None, None], df)


def _check_alike(df: Float[np.ndarray, "s j"], what: str) -> None:
    bad = np.flatnonzero((df != df[:, :1]).any(axis=1))
    if len(bad):
        raise UnsupportedError(
            f"{what} Student laws of unlike df is none, got {df[bad[0]].tolist()}; fit both with one df, "
            'FamilyEM(fixed={"df": 5.0}), or move points part of the way along transport_map(p, q)'
        )
