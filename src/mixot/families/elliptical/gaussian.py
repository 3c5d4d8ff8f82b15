"""Gaussian laws with full covariances, singular ones included."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np

from mixot._checks import as_floats
from mixot._native import place_draws
from mixot._shapes import ArrayLike, Float, Int
from mixot.errors import AccuracyWarning
from mixot.families.base import Family, register
from mixot.families.couplings import AffineCoupling
from mixot.families.elliptical.parameters import (
    LEAST_VARIANCE,
    as_means,
    check_covs,
    check_structure,
    diagonal_model,
    mean_parameters,
)
from mixot.families.moment_model import Extent, MomentModel, Parameter, Symbols
from mixot.families.whitening import Whitening
from mixot.formulas.gaussian.barycenter import gaussian_barycenter, mean_barycenter
from mixot.formulas.gaussian.conditional import conditional_means, regression
from mixot.formulas.gaussian.cost_matrix import entropic_gaussian_costs, gaussian_costs
from mixot.formulas.gaussian.divergences import gaussian_divergences, singular_divergence
from mixot.formulas.gaussian.elliptical import clip_spectrum, scatters, standard_scores, variance_floor
from mixot.formulas.gaussian.maps import entropic_joint_law, optimal_joint_law
from mixot.formulas.gaussian.support import Support, support_ranks, support_roots
from mixot.formulas.polynomial.moments import gaussian_moments, stein_moments
from mixot.formulas.polynomial.regions import Box, Region, Spectrum

_WIDE = 32  # dimensions above which matrix products over the draws of one component are quickest


@register("gaussian")
@dataclass(frozen=True, eq=False)
class Gaussian(Family):
    """k Gaussian laws N(m, S) on R^d.

    Parameters
    ----------
    means : (k, d); a vector (k,) is read as k laws on the line
    covs : (k, d, d), symmetric positive semi-definite (singular is fine); a vector (k,) of variances when d = 1

    Raises
    ------
    InputError
        Where the shapes disagree, a value is not finite, or a covariance is not symmetric PSD (the message says
        which component, and by how much).

    Examples
    --------
    >>> import numpy as np
    >>> Gaussian(np.zeros((2, 3)), np.stack([np.eye(3)] * 2)).dim
    3
    """

    means: Float[np.ndarray, "k d"]
    covs: Float[np.ndarray, "k d d"]

    def __init__(self, means: ArrayLike, covs: ArrayLike) -> None:
        centers = as_means(means)
        spreads = as_floats(covs, "covs")
        if spreads.ndim == 1 and centers.shape[1] == 1:
            spreads = spreads[:, None, None]
        check_covs(centers, spreads)
        object.__setattr__(self, "means", centers)
        object.__setattr__(self, "covs", (spreads + spreads.swapaxes(1, 2)) / 2)

    def __len__(self) -> int:
        return len(self.means)

    @property
    def dim(self) -> int:
        return self.means.shape[1]

    def mean(self) -> Float[np.ndarray, "k d"]:
        return self.means

    def cov(self) -> Float[np.ndarray, "k d d"]:
        return self.covs

    def moments(self, order: int) -> Float[np.ndarray, "k s"]:
        return gaussian_moments(self.means, self.covs, order)

    def rank(self) -> Int[np.ndarray, " k"]:
        return support_ranks(self.covs)

    def whitening(self) -> Whitening | None:
        if (self.rank() < self.dim).any():
            return None
        root = np.linalg.cholesky(self.covs)
        log_det = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
        return Whitening(self.means, np.linalg.inv(root), -log_det - self.dim / 2 * np.log(2 * np.pi))

    def log_prob(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        """Log-density at x, (n, d) -> (n, k).

        A singular component has it on its own support (the affine hull of its ellipsoid), -inf elsewhere.
        """
        out = np.empty((len(x), len(self)))
        for k, (mean, cov) in enumerate(zip(self.means, self.covs, strict=True)):
            out[:, k] = Support.of(mean, cov).log_prob(x)
        return out

    def cdf(self, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n k"]:
        from scipy.special import ndtr  # only now: mixtures load NumPy alone

        return ndtr(standard_scores(x, self.means[:, 0], np.sqrt(self.covs[:, 0, 0])))

    def sample(self, labels: Int[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        out, owner = rng.standard_normal((len(labels), self.dim)), np.ascontiguousarray(labels, dtype=np.int64)
        if self.dim > _WIDE:
            for k in np.unique(owner):
                support, mine = Support.of(self.means[k], self.covs[k]), np.flatnonzero(owner == k)
                out[mine] = support.mean + out[mine, : support.rank] @ support.root.T
            return out
        place_draws(owner, np.ascontiguousarray(self.means), support_roots(self.means, self.covs), out)
        return out

    def marginal(self, axes: Sequence[int]) -> Gaussian:
        index = np.asarray(axes)
        return Gaussian(self.means[:, index], self.covs[:, index[:, None], index])

    def conditional(
        self, known: Int[np.ndarray, " o"], x: Float[np.ndarray, "n o"], labels: Int[np.ndarray, " n"]
    ) -> Gaussian:
        law = regression(self.covs, known)
        means = conditional_means(self.means, law, known, x)
        return Gaussian(means[np.arange(len(x)), labels], law.left[labels])

    def conditional_mean(self, known: Int[np.ndarray, " o"], x: Float[np.ndarray, "n o"]) -> Float[np.ndarray, "n k m"]:
        return conditional_means(self.means, regression(self.covs, known), known, x)

    def affine(self, matrix: Float[np.ndarray, "e d"], shift: Float[np.ndarray, " e"]) -> Gaussian:
        return Gaussian(self.means @ matrix.T + shift, matrix @ self.covs @ matrix.T)

    def cost(self, other: Family) -> Float[np.ndarray, "k l"]:
        return gaussian_costs(self.means, self.covs, other.mean(), other.cov())

    def coupling(self, other: Gaussian, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"]) -> AffineCoupling:
        """Optimal couplings of the pairs; noise is zero where the target's rank is at most the source's."""
        law = optimal_joint_law(self.covs, other.covs, rows, cols)
        linear = law.linear
        shift = other.means[cols] - np.einsum("sij,sj->si", linear, self.means[rows])
        return AffineCoupling(linear, shift, law.noise)

    def entropic_cost(self, other: Gaussian, eps: float) -> Float[np.ndarray, "k l"]:
        return entropic_gaussian_costs(self.means, self.covs, other.means, other.covs, eps)

    def entropic_coupling(
        self, other: Gaussian, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], eps: float
    ) -> AffineCoupling:
        """The couplings of least cost plus eps KL: affine, and y given x is never certain."""
        law = entropic_joint_law(self.covs, other.covs, eps, rows, cols)
        linear = law.linear
        shift = other.means[cols] - np.einsum("sij,sj->si", linear, self.means[rows])
        return AffineCoupling(linear, shift, law.noise)

    def divergence(self, other: Gaussian) -> Float[np.ndarray, "k l"]:
        """``KL(p_k | q_l)``; of singular laws infinite, but for those that share their support."""
        full, theirs = self.rank() == self.dim, other.rank() == self.dim
        out = np.full((len(self), len(other)), np.inf)
        out[np.ix_(full, theirs)] = gaussian_divergences(
            self.means[full], self.covs[full], other.means[theirs], other.covs[theirs]
        )
        for i in np.flatnonzero(~full):
            for j in np.flatnonzero(~theirs):
                out[i, j] = singular_divergence(self.means[i], self.covs[i], other.means[j], other.covs[j])
        return out

    def between(self, other: Gaussian, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], t: float) -> Gaussian:
        """Laws of ``(1 - t) x + t y`` under `coupling`; at t = 0 and 1 the components themselves."""
        if t in (0.0, 1.0):
            return self.take(rows) if t == 0.0 else other.take(cols)
        means = (1 - t) * self.means[rows] + t * other.means[cols]
        return Gaussian(means, optimal_joint_law(self.covs, other.covs, rows, cols).between(t))

    def barycenter(
        self, others: Sequence[Gaussian], index: Int[np.ndarray, "s j"], weights: Float[np.ndarray, " j"]
    ) -> tuple[Gaussian, Float[np.ndarray, " s"]]:
        families = (self, *others)
        means = np.stack([family.means[k] for family, k in zip(families, index.T, strict=True)], axis=1)
        covs = np.stack([family.covs[k] for family, k in zip(families, index.T, strict=True)], axis=1)
        center, spread = mean_barycenter(means, weights)
        found = gaussian_barycenter(covs, weights)
        if (found.residuals > 1e-6).any():
            warnings.warn(
                f"a Gaussian barycenter solves its equation only up to {found.residuals.max():.2g}: the covariances "
                "are nearly singular; add a small multiple of the identity to them",
                AccuracyWarning,
                stacklevel=2,
            )
        return Gaussian(center, found.covs), spread + found.costs

    @classmethod
    def start(cls, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Mapping[str, Any]) -> Gaussian:
        """Weighted means and covariances, no variance in any direction below a small share of the data's."""
        mass = shares.sum(axis=0)
        means = shares.T @ x / mass[:, None]
        scatter = scatters(x, means, shares) / mass[:, None, None]
        return cls(means, clip_spectrum(scatter, variance_floor(x, shares))[0])

    def m_step(
        self, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Collection[str] = ()
    ) -> Gaussian:
        """The same; `EM` does it in one compiled pass, this serves Gaussian factors of a product."""
        return self.start(x, shares, {})

    def free_parameters(self, fixed: Collection[str] = ()) -> int:
        return len(self) * (self.dim + self.dim * (self.dim + 1) // 2)

    @classmethod
    def moment_model(
        cls, dim: int, *, structure: str = "full", weighted: bool = True, fixed: Mapping[str, Any] | None = None
    ) -> MomentModel:
        """Means, then the upper triangle of the covariance row by row; by default each entry has degree 2.

        The default region bounds the covariance from below and above: ``a D <= S <= D``, D diagonal with the squared
        half-widths of the data. Without correlations the parameters are those of `DiagonalGaussian`.
        """
        cls.check_fixed(fixed or ())
        check_structure(structure)
        if structure != "full":
            return diagonal_model(dim, structure == "spherical" and dim > 1, weighted, _uncorrelated)
        return _full_model(dim, weighted)

    @classmethod
    def example(cls, rng: np.random.Generator, k: int) -> Gaussian:
        root = rng.standard_normal((k, 3, 4))
        return cls(2 * rng.standard_normal((k, 3)), root @ root.swapaxes(1, 2) / 4)


def _uncorrelated(means: np.ndarray, variances: np.ndarray) -> Gaussian:
    return Gaussian(means, variances[:, :, None] * np.eye(means.shape[1]))


@lru_cache
def _full_model(dim: int, weighted: bool) -> MomentModel:
    rows, cols = np.triu_indices(dim)
    units = np.eye(dim, dtype=int)
    covs = tuple(
        Parameter(
            f"cov[{i},{j}]",
            2 if weighted else 1,
            tuple((units[i] + units[j]).tolist()),
            least=0.0 if i == j else -np.inf,
        )
        for i, j in zip(rows, cols, strict=True)
    )
    index = np.empty((dim, dim), dtype=np.int64)
    index[rows, cols] = index[cols, rows] = dim + np.arange(len(rows))

    def moments(theta: Symbols, order: int) -> list[Any]:
        return stein_moments(theta[:dim], [[theta[at] for at in row] for row in index.tolist()], order, theta[0] ** 0)

    def laws(theta: np.ndarray) -> Gaussian:
        lam, q = np.linalg.eigh(theta[:, index])
        return Gaussian(theta[:, :dim], (q * np.maximum(lam, 0.0)[:, None, :]) @ q.swapaxes(1, 2))

    return MomentModel(mean_parameters(dim) + covs, moments, laws, partial(_full_region, index))


def _full_region(index: np.ndarray, extent: Extent) -> Region:
    squares = np.diag(((extent.upper - extent.lower) / 2) ** 2)
    rest = np.full(index.max() + 1 - len(index), np.inf)
    means = Box(np.append(extent.lower, -rest), np.append(extent.upper, rest))
    return means, Spectrum(index, LEAST_VARIANCE * squares, squares)
