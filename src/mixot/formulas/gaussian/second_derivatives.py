"""Optimal and entropic maps between Gaussian laws, and how they change with covariances, batched over leading axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._native import psd_factors
from mixot._shapes import Float
from mixot.errors import UnsupportedError
from mixot.threads import thread_count

_LEAST = (
    1e-8  # share of a variance that other coordinates leave unexplained, below which a covariance counts as singular
)


@dataclass(frozen=True, eq=False, slots=True)
class Maps:
    """The symmetric maps T from N(0, A) to N(0, B), with ``T A T + s T = B``, ``s = eps / 2``, and S back from B to A.

    For ``eps = 0`` they are the optimal maps, inverses of each other; else T x is the mean of y given x in the coupling
    that minimises ``E|x - y|^2 + eps KL(. | product)``. Its cost has the gradient ``I - T`` in A and ``I - S`` in B.
    With ``A = L L'``, ``B = R R'`` and ``L' R = U D V'`` it is ``T = R V q V' R'``, ``S = L U q U' L'``,
    ``q = 2 / (s + sqrt(s^2 + 4 D^2))``: no covariance is inverted where s is positive, singular ones are right.

    Fields, the last axes (d, d) but for ``sigma`` (d,), in front k components against l: left and right factors with
    ``left' left = A``, the singular vectors of ``left right'``.
    """

    left: Float[np.ndarray, "*b k 1 d d"]
    right: Float[np.ndarray, "*b 1 l d d"]
    u: Float[np.ndarray, "*b k l d d"]
    sigma: Float[np.ndarray, "*b k l d"]
    v: Float[np.ndarray, "*b k l d d"]
    s: float

    @classmethod
    def between(cls, a: Float[np.ndarray, "*b k d d"], b: Float[np.ndarray, "*b l d d"], eps: float) -> Maps:
        """Maps between all components of a and of b."""
        left, right = _factors(a)[..., :, None, :, :], _factors(b)[..., None, :, :, :]
        u, sigma, vt = np.linalg.svd(left @ right.swapaxes(-1, -2))
        return cls(left, right, u, sigma, vt.swapaxes(-1, -2), eps / 2)

    @property
    def forth(self) -> Float[np.ndarray, "*b k l d d"]:
        """T."""
        return _product(self.right, self.v, self._q)

    @property
    def back(self) -> Float[np.ndarray, "*b k l d d"]:
        """S."""
        return _product(self.left, self.u, self._q)

    def changes(
        self, in_a: Float[np.ndarray, "*b k d d"], in_b: Float[np.ndarray, "*b l d d"]
    ) -> tuple[Float[np.ndarray, "*b k l d d"], Float[np.ndarray, "*b k l d d"]]:
        """Derivatives of T and of S along symmetric changes of A and of B.

        Differentiating ``T A T + s T = B`` gives a Lyapunov equation, diagonal in the singular vectors,
        ``dT (A T + s/2) + (T A + s/2) dT = dB - T dA T``.

        Raises
        ------
        UnsupportedError
            Where a covariance is singular: there the maps are not differentiable.
        """
        for factor, name in ((self.left, "p"), (self.right, "q")):
            _check_sound(factor, name)
        da, db = in_a[..., :, None, :, :], in_b[..., None, :, :, :]
        forth, back = self.forth, self.back
        return (
            self._lyapunov(self.left, self.u, db - forth @ da @ forth),
            self._lyapunov(self.right, self.v, da - back @ db @ back),
        )

    @property
    def _q(self) -> np.ndarray:
        with np.errstate(divide="ignore"):
            q = 2 / (self.s + np.sqrt(self.s**2 + 4 * self.sigma**2))
        return np.where(np.isfinite(q), q, 0.0)

    def _lyapunov(self, factor: np.ndarray, vectors: np.ndarray, right: np.ndarray) -> np.ndarray:
        turned = factor.swapaxes(-1, -2)  # L
        inside = vectors.swapaxes(-1, -2) @ factor @ right @ turned @ vectors
        mu = self.sigma**2 * self._q
        inside = inside / (mu[..., :, None] + mu[..., None, :] + self.s)
        whole = vectors @ inside @ vectors.swapaxes(-1, -2)  # L' dT L
        inverse = np.linalg.inv(factor)  # of L'
        return inverse @ whole @ inverse.swapaxes(-1, -2)


def _product(factor: np.ndarray, vectors: np.ndarray, q: np.ndarray) -> np.ndarray:
    ends = factor.swapaxes(-1, -2) @ vectors
    return (ends * q[..., None, :]) @ ends.swapaxes(-1, -2)


def _factors(covs: Float[np.ndarray, "*b d d"]) -> Float[np.ndarray, "*b d d"]:
    """Matrices F with ``F' F`` the covariance."""
    d = covs.shape[-1]
    flat = np.ascontiguousarray(covs.reshape(-1, d, d))
    rows, ranks = np.zeros(flat.shape), np.zeros(len(flat), dtype=np.int64)
    psd_factors(flat, rows, ranks, thread_count())
    return rows.reshape(covs.shape)


def _check_sound(factor: np.ndarray, name: str) -> None:
    variances = (factor**2).sum(axis=-2)
    pivots = np.diagonal(factor, axis1=-2, axis2=-1) ** 2  # in the natural order only where the rank is full
    if not (pivots > _LEAST * variances).all():
        raise UnsupportedError(
            f"a covariance of {name} is singular, where the second derivatives of a transport cost do not exist; add a "
            "small multiple of the identity to it, or leave covariances out of what is differentiated twice"
        )
