"""Gaussian laws with diagonal covariances: every formula acts coordinate by coordinate."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._checks import as_floats, check_finite
from mixot._shapes import ArrayLike, Float, Int
from mixot.errors import InputError
from mixot.families.base import Family, register
from mixot.families.couplings import AffineCoupling
from mixot.families.elliptical.gaussian import Gaussian
from mixot.families.elliptical.parameters import as_means, check_structure, diagonal_model
from mixot.families.moment_model import MomentModel
from mixot.families.whitening import Whitening
from mixot.formulas.gaussian.barycenter import mean_barycenter
from mixot.formulas.gaussian.cost_matrix import diagonal_costs, entropic_diagonal_costs
from mixot.formulas.gaussian.divergences import diagonal_divergences
from mixot.formulas.gaussian.elliptical import variance_floor
from mixot.formulas.gaussian.support import off_tolerance
from mixot.formulas.polynomial.moments import gaussian_moments


@register("diagonal")
@dataclass(frozen=True, eq=False)
class DiagonalGaussian(Family):
    """k Gaussian laws N(m, diag(v)) on R^d.

    Parameters
    ----------
    means : (k, d); a vector (k,) is read as k laws on the line
    variances : (k, d), non-negative; (k,) stands for spherical covariances v I

    Raises
    ------
    InputError
        Where the shapes disagree, a value is not finite or a variance is negative.

    Examples
    --------
    >>> import numpy as np
    >>> DiagonalGaussian(np.zeros((2, 3)), np.ones(2)).covs.shape
    (2, 3, 3)
    """

    means: Float[np.ndarray, "k d"]
    variances: Float[np.ndarray, "k d"]

    def __init__(self, means: ArrayLike, variances: ArrayLike) -> None:
        centers = as_means(means)
        spreads = as_floats(variances, "variances")
        if spreads.shape == (len(centers),):
            spreads = np.repeat(spreads[:, None], centers.shape[1], axis=1)
        if spreads.shape != centers.shape:
            raise InputError(f"variances must have shape {centers.shape} like means, got {spreads.shape}")
        check_finite(spreads, "variances", "components")
        if (spreads < 0).any():
            worst = int(spreads.min(axis=1).argmin())
            raise InputError(f"variances must not be negative: component {worst} has {spreads[worst].min():.3g}")
        object.__setattr__(self, "means", centers)
        object.__setattr__(self, "variances", spreads)

    def __len__(self) -> int:
        return len(self.means)

    @property
    def dim(self) -> int:
        return self.means.shape[1]

    @property
    def covs(self) -> Float[np.ndarray, "k d d"]:
        """Covariances as full matrices, (k, d, d)."""
        return self.variances[:, :, None] * np.eye(self.dim)

    def mean(self) -> Float[np.ndarray, "k d"]:
        return self.means

    def cov(self) -> Float[np.ndarray, "k d d"]:
        return self.covs

    def moments(self, order: int) -> Float[np.ndarray, "k s"]:
        return gaussian_moments(self.means, self.covs, order)

    def rank(self) -> Int[np.ndarray, " k"]:
        return (self.variances > 0).sum(axis=1)

    def whitening(self) -> Whitening | None:
        if (self.variances == 0).any():
            return None
        std = np.sqrt(self.variances)
        log_norm = -np.log(std).sum(axis=1) - self.dim / 2 * np.log(2 * np.pi)
        return Whitening(self.means, (1 / std)[:, :, None] * np.eye(self.dim), log_norm)

    def log_prob(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        """Log-density at x, (n, d) -> (n, k); on the support of a singular component, -inf off it."""
        out = np.empty((len(x), len(self)))
        for k, (mean, var) in enumerate(zip(self.means, self.variances, strict=True)):
            seen = var > 0
            y = x - mean
            out[:, k] = -0.5 * (np.sum(y[:, seen] ** 2 / var[seen], axis=1) + np.log(2 * np.pi * var[seen]).sum())
            if not seen.all():
                size = np.sqrt(var.max()) + np.abs(mean).max() + np.abs(x).max(axis=1)
                out[np.abs(y[:, ~seen]).max(axis=1) > off_tolerance(x) * size, k] = -np.inf
        return out

    def cdf(self, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n k"]:
        return self.widen().cdf(x)

    def sample(self, labels: Int[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        noise = rng.standard_normal((len(labels), self.dim))
        return self.means[labels] + noise * np.sqrt(self.variances[labels])

    def marginal(self, axes: Sequence[int]) -> DiagonalGaussian:
        index = np.asarray(axes)
        return DiagonalGaussian(self.means[:, index], self.variances[:, index])

    def conditional(
        self, known: Int[np.ndarray, " o"], x: Float[np.ndarray, "n o"], labels: Int[np.ndarray, " n"]
    ) -> DiagonalGaussian:
        return self.marginal(np.setdiff1d(np.arange(self.dim), known).tolist()).take(labels)

    def conditional_mean(self, known: Int[np.ndarray, " o"], x: Float[np.ndarray, "n o"]) -> Float[np.ndarray, "n k m"]:
        means = np.delete(self.means, known, axis=1)
        return np.broadcast_to(means, (len(x), *means.shape))

    def affine(self, matrix: Float[np.ndarray, "e d"], shift: Float[np.ndarray, " e"]) -> Family:
        """Laws of ``matrix @ x + shift``; diagonal again where no coordinate enters two rows."""
        if ((matrix != 0).sum(axis=0) <= 1).all():
            return DiagonalGaussian(self.means @ matrix.T + shift, self.variances @ (matrix**2).T)
        return self.widen().affine(matrix, shift)

    def widen(self) -> Gaussian:
        return Gaussian(self.means, self.covs)

    def cost(self, other: Family) -> Float[np.ndarray, "k l"]:
        if isinstance(other, DiagonalGaussian):
            return diagonal_costs(self.means, self.variances, other.means, other.variances)
        return self.widen().cost(other)

    def coupling(
        self, other: DiagonalGaussian, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"]
    ) -> AffineCoupling:
        """Optimal couplings of the pairs: each axis is scaled by ``sqrt(b / a)``.

        A target axis whose source axis is flat has nothing to be scaled from. Such pairs are coupled as full
        Gaussians, which finds a map wherever the target has no more axes than the source.
        """
        a, b = self.variances[rows], other.variances[cols]
        linear = np.sqrt(np.divide(b, a, out=np.zeros_like(a), where=a > 0))[:, :, None] * np.eye(self.dim)
        noise = np.zeros_like(linear)
        blind = np.flatnonzero(((a == 0) & (b > 0)).any(axis=1))
        if len(blind):
            wide = self.widen().coupling(other.widen(), rows[blind], cols[blind])
            linear[blind], noise[blind] = wide.linear, wide.noise
        shift = other.means[cols] - np.einsum("sij,sj->si", linear, self.means[rows])
        return AffineCoupling(linear, shift, noise)

    def entropic_cost(self, other: DiagonalGaussian, eps: float) -> Float[np.ndarray, "k l"]:
        return entropic_diagonal_costs(self.means, self.variances, other.means, other.variances, eps)

    def entropic_coupling(
        self, other: DiagonalGaussian, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], eps: float
    ) -> AffineCoupling:
        """The couplings of least cost plus eps KL: axis by axis of correlation ``z / (1 + sqrt(1 + z^2))``.

        There ``z = 4 sqrt(a b) / eps``.
        """
        a, b = self.variances[rows], other.variances[cols]
        r = np.hypot(1.0, 4 * np.sqrt(a) * np.sqrt(b) / eps)
        linear = (4 * b / eps / (1 + r))[:, :, None] * np.eye(self.dim)
        noise = (2 * b / (1 + r))[:, :, None] * np.eye(self.dim)
        return AffineCoupling(linear, other.means[cols] - linear.diagonal(axis1=1, axis2=2) * self.means[rows], noise)

    def divergence(self, other: DiagonalGaussian) -> Float[np.ndarray, "k l"]:
        """``KL(p_k | q_l)``, a sum over axes; of singular laws infinite, but for those that share their support."""
        if (self.variances == 0).any() or (other.variances == 0).any():
            return self.widen().divergence(other.widen())
        return diagonal_divergences(self.means, self.variances, other.means, other.variances)

    def between(
        self, other: DiagonalGaussian, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], t: float
    ) -> DiagonalGaussian:
        """Geodesics axis by axis, so that they stay diagonal; at t = 0 and 1 the components themselves.

        Where supports are at right angles there are several geodesics, and this one keeps the axes apart.
        """
        if t in (0.0, 1.0):
            return self.take(rows) if t == 0.0 else other.take(cols)
        std = (1 - t) * np.sqrt(self.variances[rows]) + t * np.sqrt(other.variances[cols])
        return DiagonalGaussian((1 - t) * self.means[rows] + t * other.means[cols], std**2)

    def barycenter(
        self, others: Sequence[DiagonalGaussian], index: Int[np.ndarray, "s j"], weights: Float[np.ndarray, " j"]
    ) -> tuple[DiagonalGaussian, Float[np.ndarray, " s"]]:
        families = (self, *others)
        means = np.stack([family.means[k] for family, k in zip(families, index.T, strict=True)], axis=1)
        stds = np.stack([np.sqrt(family.variances)[k] for family, k in zip(families, index.T, strict=True)], axis=1)
        # Diagonal covariances commute, so (mean, standard deviations) is a point of a Euclidean space.
        center, between_means = mean_barycenter(means, weights)
        std, between_stds = mean_barycenter(stds, weights)
        return DiagonalGaussian(center, std**2), between_means + between_stds

    @classmethod
    def start(
        cls, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Mapping[str, Any]
    ) -> DiagonalGaussian:
        """Weighted means and variances, none below a small share of the data's."""
        mass = shares.sum(axis=0)[:, None]
        means = shares.T @ x / mass
        variances = np.stack([shares[:, k] @ (x - center) ** 2 for k, center in enumerate(means)]) / mass
        return cls(means, np.maximum(variances, variance_floor(x, shares)))

    def m_step(
        self, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Collection[str] = ()
    ) -> DiagonalGaussian:
        """The same; `EM` does it in one compiled pass, this serves diagonal factors of a product."""
        return self.start(x, shares, {})

    @classmethod
    def moment_model(
        cls, dim: int, *, structure: str = "full", weighted: bool = True, fixed: Mapping[str, Any] | None = None
    ) -> MomentModel:
        """Means, then variances of degree 2: see `mixot.families.elliptical.parameters.diagonal_model`."""
        cls.check_fixed(fixed or ())
        check_structure(structure)
        return diagonal_model(dim, structure == "spherical" and dim > 1, weighted, DiagonalGaussian)

    @classmethod
    def example(cls, rng: np.random.Generator, k: int) -> DiagonalGaussian:
        return cls(2 * rng.standard_normal((k, 3)), rng.uniform(0.2, 2.0, size=(k, 3)))
