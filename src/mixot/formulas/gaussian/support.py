"""Coordinates on the support of a Gaussian law, full or singular: what densities and draws are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._shapes import Float, Int

_RANK_TOL = 1e-13  # eigenvalues of a correlation matrix below d times this are rounding, not variance
_BLOCK = 16384  # points that stay in cache between the steps of a density


@dataclass(frozen=True, eq=False, slots=True)
class Support:
    """The affine hull of N(mean, cov) with orthonormal noise on it, ``x = mean + root @ z``, z ~ N(0, I_r).

    Everything is read off the correlation matrix, so that columns in unlike units (variances 1e20 apart) are told
    from a singular law, whose rank r is below d.
    """

    mean: Float[np.ndarray, " d"]
    root: Float[np.ndarray, "d r"]
    whiten: Float[np.ndarray, "d r"]  # z = whiten.T @ (x - mean) on the support
    normal: Float[np.ndarray, "d o"]  # normal.T @ (x - mean) vanishes on the support
    units: Float[np.ndarray, " d"]  # standard deviations; infinite for a constant coordinate
    log_volume: float  # half the logarithm of the product of the non-zero eigenvalues of cov

    @classmethod
    def of(cls, mean: Float[np.ndarray, " d"], cov: Float[np.ndarray, "d d"]) -> Support:
        """The support of N(mean, cov)."""
        units = _units(cov)
        live = np.isfinite(units)
        correlation = (cov / units / units[:, None])[np.ix_(live, live)]
        lam, q = np.linalg.eigh(correlation)
        seen = lam > _RANK_TOL * len(cov) * lam[-1:]
        root, whiten, normal = (np.zeros((len(cov), width)) for width in (seen.sum(), seen.sum(), (~seen).sum()))
        root[live] = units[live, None] * q[:, seen] * np.sqrt(lam[seen])
        whiten[live] = q[:, seen] / np.sqrt(lam[seen]) / units[live, None]
        normal[live] = q[:, ~seen] / units[live, None]
        if seen.all() and live.all():
            log_volume = np.log(units).sum() + np.log(lam).sum() / 2
        else:
            log_volume = np.log(np.abs(np.diagonal(np.linalg.qr(root, mode="r")))).sum()
        return cls(mean, root, whiten, normal, units, float(log_volume))

    @property
    def rank(self) -> int:
        """Dimension of the support."""
        return self.root.shape[1]

    def log_prob(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """Log-density on the support, -inf off it, (n, d) -> (n,)."""
        out = np.empty(len(x))
        for start in range(0, len(x), _BLOCK):
            part = slice(start, start + _BLOCK)
            y = x[part] - self.mean
            z = y @ self.whiten
            np.einsum("nr,nr->n", z, z, out=out[part])
            if self.rank < len(self.mean):
                out[part][self._is_off(x[part], y)] = np.inf
        out *= -0.5
        out -= self.log_volume + self.rank / 2 * np.log(2 * np.pi)
        return out

    def _is_off(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        live = np.isfinite(self.units)
        scaled = 1 + np.abs((np.abs(x) + np.abs(self.mean)) / self.units).max(axis=1)
        raw = self.units[live].max(initial=0.0) + (np.abs(x) + np.abs(self.mean)).max(axis=1)
        off = np.linalg.norm(y @ self.normal, axis=1) > off_tolerance(x) * scaled
        return off | (np.abs(y[:, ~live]).max(axis=1, initial=0.0) > off_tolerance(x) * raw)


def off_tolerance(x: Float[np.ndarray, "n d"]) -> float:
    """Distance from a support, relative to their size, beyond which points of x's precision do not belong to it."""
    return 1e-5 if x.dtype == np.float32 else 1e-9


def support_roots(means: Float[np.ndarray, "k d"], covs: Float[np.ndarray, "k d d"]) -> Float[np.ndarray, "k d d"]:
    """Root of each support, filled up with columns of zeros, (k, d), (k, d, d) -> (k, d, d)."""
    units = _units(covs)
    lam, q = np.linalg.eigh(covs / units[:, None, :] / units[:, :, None])
    regular = np.isfinite(units).all(axis=1) & (lam[:, 0] > _RANK_TOL * covs.shape[1] * lam[:, -1])
    roots = np.where(regular[:, None], units, 0.0)[:, :, None] * q * np.sqrt(np.maximum(lam, 0.0))[:, None, :]
    for k in np.flatnonzero(~regular):
        support = Support.of(means[k], covs[k])
        roots[k] = np.pad(support.root, ((0, 0), (0, covs.shape[1] - support.rank)))
    return roots


def support_ranks(covs: Float[np.ndarray, "k d d"]) -> Int[np.ndarray, " k"]:
    """Ranks of k covariances, (k, d, d) -> (k,); the same judgement as `Support`."""
    units = _units(covs)
    lam = np.linalg.eigvalsh(covs / units[:, :, None] / units[:, None, :])
    return (lam > _RANK_TOL * covs.shape[1] * lam[:, -1:]).sum(axis=1)


def _units(cov: np.ndarray) -> np.ndarray:
    """Standard deviations, (..., d, d) -> (..., d); infinity where one is zero or lost in the rounding of the rest."""
    std = np.sqrt(np.clip(np.diagonal(cov, axis1=-2, axis2=-1), 0.0, None))
    floor = cov.shape[-1] * np.finfo(np.float64).eps * std.max(axis=-1, keepdims=True)
    return np.where(std > floor, std, np.inf)
