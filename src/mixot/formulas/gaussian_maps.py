"""Optimal and entropic couplings of centered Gaussian laws, singular ones included, as factors of their joint law."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._shapes import Float
from mixot.formulas.support import Support, support_ranks


@dataclass(frozen=True, eq=False, slots=True)
class JointLaw:
    """Optimal couplings of s pairs: ``x = root u``, ``y = image u + rest v``, with u, v independent standard normal.

    ``inverse`` is a left inverse of ``root``. All four are (s, d, d).
    """

    root: Float[np.ndarray, "s d d"]
    inverse: Float[np.ndarray, "s d d"]
    image: Float[np.ndarray, "s d d"]
    rest: Float[np.ndarray, "s d d"]

    @property
    def linear(self) -> Float[np.ndarray, "s d d"]:
        """M of the conditional law ``y | x ~ N(M x, noise)``, ``M = image inverse``.

        For a source of full rank it is the optimal map ``A^-1/2 (A^1/2 B A^1/2)^1/2 A^-1/2`` (Delon and Desolneux
        2020, section 2.4). A point off the support of a singular A is first projected onto it, orthogonally where
        each coordinate is measured in its standard deviations.
        """
        return self.image @ self.inverse

    @property
    def noise(self) -> Float[np.ndarray, "s d d"]:
        """Covariance of y given x; exactly zero where the coupling is a map."""
        return self.rest @ self.rest.swapaxes(1, 2)

    def between(self, t: float) -> Float[np.ndarray, "s d d"]:
        """Covariances of ``(1 - t) x + t y``: the W2 geodesic at time t."""
        step = (1 - t) * self.root + t * self.image
        return step @ step.swapaxes(1, 2) + t**2 * self.noise


def optimal_joint_law(a: Float[np.ndarray, "s d d"], b: Float[np.ndarray, "s d d"]) -> JointLaw:
    """Optimal coupling of N(0, a) and N(0, b), pair by pair.

    Write ``a = l l'`` and ``b = r r'`` with as many columns as the ranks (see `Support`). The couplings are
    ``x = l u``, ``y = r (z u + ...)`` with z a contraction, and ``E x.y = tr(l' r z)`` is largest, the nuclear norm of
    ``l' r``, at ``z = V U'`` where ``l' r = U S V'``. So ``image = r z``, and no matrix is squared or inverted on the
    way: both marginals are right to rounding however ill-conditioned they are, and the error of `JointLaw.linear` is
    about 1e-16 times the condition number of the correlation matrix of a, the change that rounding a itself makes.

    z is taken of full rank. Then, if rank b <= rank a, all of b is reached, ``rest`` is zero, and the coupling is a
    map; if rank b > rank a, no linear map reaches b, and ``rest`` holds what is left. Where singular values vanish
    (parts of the supports at right angles) the optimal coupling is not unique, and this is one that is a map if any
    is; the pair in reverse order has the same joint law.
    """
    law = JointLaw(*(np.zeros_like(a) for _ in range(4)))
    rank_a, rank_b = support_ranks(a), support_ranks(b)
    full = (rank_a == a.shape[-1]) & (rank_b == a.shape[-1])
    if full.any():
        law.root[full], law.inverse[full], law.image[full] = _full(a[full], b[full])
    for s in np.flatnonzero(~full):
        mine, theirs = (Support.of(np.zeros(len(cov)), cov) for cov in (a[s], b[s]))
        turn = _isometry(mine.root, theirs.root)
        i, j = mine.rank, theirs.rank
        law.root[s, :, :i], law.inverse[s, :i] = mine.root, mine.whiten.T
        law.image[s, :, :i] = theirs.root @ turn
        if j > i:
            law.rest[s, :, : j - i] = theirs.root @ np.linalg.svd(turn)[0][:, i:]
    return law


def entropic_joint_law(a: Float[np.ndarray, "s d d"], b: Float[np.ndarray, "s d d"], eps: float) -> JointLaw:
    """Couplings of N(0, a) and N(0, b) that minimise ``E|x - y|^2 + eps KL(. | product)``, pair by pair.

    Where the optimal coupling joins the directions u_i and v_i, ``l' r = U S V'``, with correlation one, this joins
    them with ``rho_i = z_i / (1 + sqrt(1 + z_i^2))``, ``z_i = 4 S_i / eps``: ``image = r V rho U'``. The covariance of
    x and y is that of Janati, Muzellec, Peyré and Cuturi (2020, Theorem 1), without roots or inverses of products.

    Examples
    --------
    >>> one = np.ones((1, 1, 1))
    >>> law = entropic_joint_law(one, one, 4.0)
    >>> law.linear.round(12).item(), (law.linear**2 + law.noise).round(12).item()
    (0.414213562373, 1.0)
    """
    law = JointLaw(*(np.zeros_like(a) for _ in range(4)))
    rank_a, rank_b = support_ranks(a), support_ranks(b)
    full = (rank_a == a.shape[-1]) & (rank_b == a.shape[-1])
    if full.any():
        law.root[full], law.inverse[full], law.image[full], law.rest[full] = _full_entropic(a[full], b[full], eps)
    for s in np.flatnonzero(~full):
        mine, theirs = (Support.of(np.zeros(len(cov)), cov) for cov in (a[s], b[s]))
        i, j = mine.rank, theirs.rank
        u, sigma, vt = np.linalg.svd(mine.root.T @ theirs.root)
        rho, rest = _correlations(sigma, eps)
        law.root[s, :, :i], law.inverse[s, :i] = mine.root, mine.whiten.T
        law.image[s, :, :i] = theirs.root @ (vt[: len(rho)].T * rho) @ u[:, : len(rho)].T
        law.rest[s, :, :j] = theirs.root @ vt.T * np.append(rest, np.ones(j - len(rho)))
    return law


def _correlations(sigma: np.ndarray, eps: float) -> tuple[np.ndarray, np.ndarray]:
    """``rho`` and ``sqrt(1 - rho^2)`` of the directions with singular values sigma."""
    z = 4 * sigma / eps
    r = np.hypot(1.0, z)
    return z / (1 + r), np.sqrt(2 / (1 + r))


def _full_entropic(a: np.ndarray, b: np.ndarray, eps: float) -> tuple[np.ndarray, ...]:
    mine, theirs = np.linalg.cholesky(a), np.linalg.cholesky(b)
    u, sigma, vt = np.linalg.svd(mine.swapaxes(1, 2) @ theirs)
    rho, rest = _correlations(sigma, eps)
    ends = theirs @ vt.swapaxes(1, 2)
    return mine, np.linalg.inv(mine), (ends * rho[:, None, :]) @ u.swapaxes(1, 2), ends * rest[:, None, :]


def _full(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Root, inverse and image for covariances of full rank.

    Cholesky factors do not mind columns in unlike units, but ``l' r`` mixes the units. With the largest first, it is
    graded from its first entry down, and the singular vectors of the small columns come out right too.
    """
    units = np.sqrt(np.diagonal(a, axis1=1, axis2=2)) * np.sqrt(np.diagonal(b, axis1=1, axis2=2))
    order = np.argsort(-units, axis=1)
    back = np.argsort(order, axis=1)
    sort = np.arange(len(a))[:, None, None], order[:, :, None], order[:, None, :]
    mine, theirs = np.linalg.cholesky(a[sort]), np.linalg.cholesky(b[sort])
    u, _, vt = np.linalg.svd(mine.swapaxes(1, 2) @ theirs)
    image, inverse = theirs @ (u @ vt).swapaxes(1, 2), np.linalg.inv(mine)
    rows = back[:, :, None]
    return (
        np.take_along_axis(mine, rows, axis=1),
        np.take_along_axis(inverse, back[:, None, :], axis=2),
        np.take_along_axis(image, rows, axis=1),
    )


def _isometry(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return ``V U'`` (j, i) of ``left' right = U S V'`` (i, j), of full rank even where S vanishes.

    There U and V are whatever LAPACK returns; ordering the two first makes ``_isometry(right, left)`` the transpose.
    """
    if (right.shape, right.tobytes()) < (left.shape, left.tobytes()):
        return _isometry(right, left).T
    if not left.size or not right.size:
        return np.zeros((right.shape[1], left.shape[1]))
    u, _, vt = np.linalg.svd(left.T @ right, full_matrices=False)
    return (u @ vt).T
