"""Maximum likelihood of Student t laws: the M step, and passes of EM that are compiled and accelerated."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import digamma, gammaln

from mixot._native import student_pass
from mixot._shapes import Float
from mixot.formulas.gaussian.elliptical import clip_spectrum, scatters, variance_floor
from mixot.formulas.line.gamma_law import solve_shape
from mixot.threads import thread_count

DF = (2.01, 1e6)  # where fits look for df: W2 needs a covariance, and above 1e6 the law is Gaussian to six digits
EACH = "df=each"  # stands among the names that are fixed where every component has degrees of freedom of its own
_LEAST_GAP = 1e-8  # of the equation for df: less is beyond the upper end
_NOTHING = 1e-290  # mass below which a component stays as it is


@dataclass(frozen=True, eq=False, slots=True)
class TailSums:
    """What the latent precisions u say: ``mass = sum r``, ``pull = sum r u``, ``log_pull = sum r log u``.

    r are the shares that component k has of the points.
    """

    mass: Float[np.ndarray, " k"]
    pull: Float[np.ndarray, " k"]
    log_pull: Float[np.ndarray, " k"]


def next_scales(
    sums: TailSums, scatter: Float[np.ndarray, "k d d"], floor: Float[np.ndarray, " d"]
) -> tuple[Float[np.ndarray, "k d d"], Float[np.ndarray, " k"]]:
    """Scales of the parameter-expanded M step, and the factors a by which it stretches the latent precisions."""
    level = sums.pull / sums.mass
    scales, low = clip_spectrum(scatter / sums.pull[:, None, None], floor)
    # At the bound on variances the plain step is the one known to climb.
    scales[low] = clip_spectrum(scatter[low] / sums.mass[low, None, None], floor)[0]
    return scales, np.where(low, 1.0, level)


def next_df(
    sums: TailSums, expand: Float[np.ndarray, " k"], df: Float[np.ndarray, " k"], d: int, *, each: bool
) -> Float[np.ndarray, " k"]:
    """Degrees of freedom of the M step: ``log(df/2) - digamma(df/2) = mean(log a + u/a - 1 - E[log precision])``."""
    log_precision = sums.log_pull / sums.mass + digamma((df + d) / 2) - np.log((df + d) / 2)
    gap = np.log(expand) + sums.pull / sums.mass / expand - 1 - log_precision
    if not each:
        gap = np.full(len(gap), sums.mass @ gap / sums.mass.sum())
    return np.clip(2 * solve_shape(np.maximum(gap, _LEAST_GAP)), *DF)


def m_step(
    laws: Any,
    squares: Float[np.ndarray, "n k"],
    x: Float[np.ndarray, "n d"],
    shares: Float[np.ndarray, "n k"],
    fixed: Any,
) -> tuple[Float[np.ndarray, "k d"], Float[np.ndarray, "k d d"], Float[np.ndarray, " k"]]:
    """Locations, scales and df of one step from shares that somebody else computed, as a product does."""
    df, d = laws.dfs, x.shape[1]
    u = (df + d) / (df + squares)
    pull = shares * u
    sums = TailSums(shares.sum(axis=0), pull.sum(axis=0), (shares * np.log(u)).sum(axis=0))
    locs = pull.T @ x / sums.pull[:, None]
    scales, expand = next_scales(sums, scatters(x, locs, pull), variance_floor(x, shares))
    if "df" in fixed:
        return locs, scales, df
    return locs, scales, next_df(sums, expand, df, d, each=EACH in fixed)


def likelihood_by_df(
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


def log_norms(df: Float[np.ndarray, " k"], d: int) -> Float[np.ndarray, " k"]:
    """Log-density at its location of a t law in d dimensions with the identity as scale."""
    # The difference of two log-gammas loses what df = 1e6 needs; by Stirling's series it keeps it.
    large = df > 1e4
    with np.errstate(invalid="ignore"):
        near = gammaln((df + d) / 2) - gammaln(df / 2) - d / 2 * np.log(df / 2)
    a, b = df / 2, d / 2
    far = (a + b - 0.5) * np.log1p(b / a) - b + (1 / (a + b) - 1 / a) / 12 - (1 / (a + b) ** 3 - 1 / a**3) / 360
    return np.where(large, far, near) - d / 2 * np.log(2 * np.pi)


@dataclass(frozen=True, eq=False, slots=True)
class StudentSteps:
    """Passes of EM over the same points: what `mixot.families.roles.Fused` asks for.

    Parameters
    ----------
    law : the class of the components
    x, weights : the points
    floor : (d,), least variances
    fixed : names of parameters that stay, and ``EACH``
    """

    law: type[Any]
    x: Float[np.ndarray, "n d"]
    weights: Float[np.ndarray, " n"]
    floor: Float[np.ndarray, " d"]
    fixed: tuple[str, ...]

    @classmethod
    def of(cls, law: type[Any], x: np.ndarray, weights: np.ndarray, fixed: Collection[str]) -> StudentSteps:
        floor = variance_floor(x, weights[:, None])
        return cls(law, np.ascontiguousarray(x), np.ascontiguousarray(weights), floor, tuple(fixed))

    def step(self, mixing: Float[np.ndarray, " k"], laws: Any) -> tuple[float, Float[np.ndarray, " k"], Any]:
        """Log-likelihood of the mixture, and the weights and components of the M step after it."""
        d, k = laws.dim, len(laws)
        roots = np.linalg.cholesky(laws.scales)
        factors = np.ascontiguousarray(np.linalg.inv(roots).swapaxes(1, 2))
        with np.errstate(divide="ignore"):
            level = np.log(mixing) + log_norms(laws.dfs, d) - np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)
        mass, pull, log_pull, first, second = (
            np.empty(k),
            np.empty(k),
            np.empty(k),
            np.empty((k, d)),
            np.empty((k, d, d)),
        )
        likelihood = student_pass(
            self.x,
            self.weights,
            laws.locs,
            factors,
            level,
            laws.dfs,
            thread_count(),
            mass,
            pull,
            log_pull,
            first,
            second,
        )
        second = np.tril(second) + np.tril(second, -1).swapaxes(1, 2)
        alive = mass > _NOTHING
        sums = TailSums(mass[alive], pull[alive], log_pull[alive])
        away = first[alive] / sums.pull[:, None]
        scatter = second[alive] - sums.pull[:, None, None] * away[:, :, None] * away[:, None, :]
        locs, scales, df = laws.locs.copy(), laws.scales.copy(), laws.dfs.copy()
        locs[alive] += away
        scales[alive], expand = next_scales(sums, scatter, self.floor)
        if "df" not in self.fixed:
            moved = next_df(sums, expand, df[alive], d, each=EACH in self.fixed)
            df[alive] = moved
            df = df if EACH in self.fixed else np.full(k, moved[0])
        return float(likelihood), mass / mass.sum(), self.law(locs, scales, df)

    def ahead(
        self, states: list[tuple[Float[np.ndarray, " k"], Any]], longest: float, other: bool = False
    ) -> tuple[tuple[Float[np.ndarray, " k"], Any], float] | None:
        """A mixture beyond three that follow each other by plain steps, and the length of the extrapolation.

        Squared iterative extrapolation, scheme S3, in coordinates in which the first of the three is the unit: steps of
        an affine image of the points are the image of these. Where ``other``, df goes by a secant step of its own. None
        where a component holds nothing, or plain steps do as well.

        References
        ----------
        Varadhan and Roland, Simple and globally convergent methods for accelerating the convergence of any EM
        algorithm, Scand. J. Stat. 35 (2008).
        """
        (mixing, first), (_, one), (_, two) = states
        if min(weights.min() for weights, _ in states) < 1e-12:
            return None
        root = np.linalg.cholesky(first.scales)
        inverse = np.linalg.inv(root)
        begin, middle, end = (_coordinates(weights, laws, first, inverse) for weights, laws in states)
        r = [b - a for a, b in zip(begin, middle, strict=True)]
        v = [c - 2 * b + a for a, b, c in zip(begin, middle, end, strict=True)]
        curve = _norm(v, mixing)
        length = min(_norm(r, mixing) / curve, longest) if curve > 0 else longest
        secant = other and "df" not in self.fixed
        if not (length > 1 or secant):
            return None
        length = max(length, 1.0)
        logs, away, spread, tails = (a + 2 * length * b + length**2 * c for a, b, c in zip(begin, r, v, strict=True))
        weights = np.exp(logs - logs.max())
        lam, q = np.linalg.eigh(spread)
        scales = root @ ((q * np.exp(np.clip(lam, -50, 50))[:, None, :]) @ q.swapaxes(1, 2)) @ root.swapaxes(1, 2)
        scales = clip_spectrum((scales + scales.swapaxes(1, 2)) / 2, self.floor)[0]
        locs = first.locs + np.einsum("kij,kj->ki", root, away)
        df = one.dfs if "df" in self.fixed else np.clip(1 / np.clip(tails, 1 / DF[1], 1 / DF[0]), *DF)
        df = _df_ahead(first.dfs, one.dfs, two.dfs) if secant else df
        return (weights / weights.sum(), self.law(locs, scales, df)), length


def _df_ahead(
    first: Float[np.ndarray, " k"], one: Float[np.ndarray, " k"], two: Float[np.ndarray, " k"]
) -> Float[np.ndarray, " k"]:
    """Where the likelihood is stationary in t = 1 / df, by a secant step from two plain steps.

    Towards a bound these shrink like t^2, and squared extrapolation would need hundreds. Near its end a plain step is
    ``t^2`` times the slope of the likelihood, up to a constant.
    """
    t, now, ahead = 1 / first, 1 / one, 1 / two
    slope, slope_now = (now - t) / t**2, (ahead - now) / now**2
    bend = np.divide(slope_now - slope, now - t, out=np.zeros_like(t), where=now != t)
    falls = bend < 0
    root = now - np.divide(slope_now, bend, out=np.zeros_like(t), where=falls)
    on = np.where(falls, root, np.where(ahead < now, 0.0, np.where(ahead > now, np.inf, now)))
    return np.clip(1 / np.clip(on, now / 4, now * 4), *DF)


def _coordinates(weights: np.ndarray, laws: Any, first: Any, inverse: np.ndarray) -> list[np.ndarray]:
    """Logarithms of weights; locations and logarithms of scales as the first laws see them; 1 / df."""
    away = np.einsum("kij,kj->ki", inverse, laws.locs - first.locs)
    lam, q = np.linalg.eigh(inverse @ laws.scales @ inverse.swapaxes(1, 2))
    spread = (q * np.log(np.maximum(lam, 1e-300))[:, None, :]) @ q.swapaxes(1, 2)
    return [np.log(weights), away, spread, 1 / laws.dfs]


def _norm(parts: list[np.ndarray], mixing: np.ndarray) -> float:
    """Length of a step, components by their weights."""
    logs, away, spread, tails = parts
    squares = logs**2 + (away**2).sum(axis=1) + (spread**2).sum(axis=(1, 2)) / 2 + tails**2
    return float(np.sqrt(mixing @ squares))
