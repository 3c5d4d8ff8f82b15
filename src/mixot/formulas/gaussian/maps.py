"""Optimal and entropic couplings of centered Gaussian laws, singular ones included, as factors of their joint law."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from mixot._shapes import Float, Int
from mixot.formulas.gaussian.support import Support, support_ranks

_GRADED = 16.0  # ratio of the units of two coordinates up to which a singular value decomposition loses but a digit


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


def optimal_joint_law(
    a: Float[np.ndarray, "k d d"],
    b: Float[np.ndarray, "l d d"],
    rows: Int[np.ndarray, " s"] | None = None,
    cols: Int[np.ndarray, " s"] | None = None,
) -> JointLaw:
    """Optimal couplings of N(0, a[rows]) and N(0, b[cols]), pair by pair; of a and b one to one if not given.

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
    pairs = _Pairs.of(a, b, rows, cols)
    law, full = pairs.empty(), pairs.full
    even = full & ~pairs.graded
    if even.any():
        left, right = pairs.roots(even)
        u, _, vt = np.linalg.svd(left.swapaxes(1, 2) @ right)
        law.root[even], law.inverse[even] = left, pairs.inverses(even)
        law.image[even] = right @ (u @ vt).swapaxes(1, 2)
    graded = full & pairs.graded
    if graded.any():
        law.root[graded], law.inverse[graded], law.image[graded] = _sorted(a[pairs.rows[graded]], b[pairs.cols[graded]])
    for s, mine, theirs in pairs.singular():
        turn = _isometry(mine.root, theirs.root)
        i, j = mine.rank, theirs.rank
        law.root[s, :, :i], law.inverse[s, :i] = mine.root, mine.whiten.T
        law.image[s, :, :i] = theirs.root @ turn
        if j > i:
            law.rest[s, :, : j - i] = theirs.root @ np.linalg.svd(turn)[0][:, i:]
    return law


def entropic_joint_law(
    a: Float[np.ndarray, "k d d"],
    b: Float[np.ndarray, "l d d"],
    eps: float,
    rows: Int[np.ndarray, " s"] | None = None,
    cols: Int[np.ndarray, " s"] | None = None,
) -> JointLaw:
    """Couplings of N(0, a[rows]) and N(0, b[cols]) that minimise ``E|x - y|^2 + eps KL(. | product)``, pair by pair.

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
    pairs = _Pairs.of(a, b, rows, cols)
    law, full = pairs.empty(), pairs.full
    if full.any():
        left, right = pairs.roots(full)
        u, sigma, vt = np.linalg.svd(left.swapaxes(1, 2) @ right)
        rho, rest = _correlations(sigma, eps)
        ends = right @ vt.swapaxes(1, 2)
        law.root[full], law.inverse[full] = left, pairs.inverses(full)
        law.image[full], law.rest[full] = (ends * rho[:, None, :]) @ u.swapaxes(1, 2), ends * rest[:, None, :]
    for s, mine, theirs in pairs.singular():
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


@dataclass(frozen=True, eq=False, slots=True)
class _Pairs:
    """Pairs of covariances, with what is done once for each covariance: its rank, its Cholesky factor."""

    a: np.ndarray
    b: np.ndarray
    rows: np.ndarray
    cols: np.ndarray
    full: np.ndarray  # (s,), whether both have full rank

    @classmethod
    def of(cls, a: np.ndarray, b: np.ndarray, rows: np.ndarray | None, cols: np.ndarray | None) -> _Pairs:
        left = np.arange(len(a)) if rows is None else rows
        right = np.arange(len(b)) if cols is None else cols
        whole = [_of_each(covs, index, _of_full_rank) for covs, index in ((a, left), (b, right))]
        return cls(a, b, left, right, whole[0] & whole[1])

    def empty(self) -> JointLaw:
        shape = len(self.rows), *self.a.shape[1:]
        return JointLaw(*(np.zeros(shape) for _ in range(4)))

    @property
    def graded(self) -> np.ndarray:
        """Where the coordinates have such unlike units that their order matters, (s,)."""
        left, right = (np.sqrt(np.diagonal(c, axis1=1, axis2=2)) for c in (self.a, self.b))
        units = left[self.rows] * right[self.cols]
        return units.max(axis=1) > _GRADED * units.min(axis=1)

    def roots(self, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lower Cholesky factors of both sides of some pairs."""
        return self._left(which, np.linalg.cholesky), _of_each(self.b, self.cols[which], np.linalg.cholesky)

    def inverses(self, which: np.ndarray) -> np.ndarray:
        return self._left(which, lambda covs: np.linalg.inv(np.linalg.cholesky(covs)))

    def _left(self, which: np.ndarray, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        return _of_each(self.a, self.rows[which], function)

    def singular(self) -> Iterator[tuple[int, Support, Support]]:
        """The other pairs, one by one."""
        for s in np.flatnonzero(~self.full):
            covs = self.a[self.rows[s]], self.b[self.cols[s]]
            mine, theirs = (Support.of(np.zeros(len(cov)), cov) for cov in covs)
            yield int(s), mine, theirs


def _of_full_rank(covs: np.ndarray) -> np.ndarray:
    return support_ranks(covs) == covs.shape[-1]


def _of_each(covs: np.ndarray, index: np.ndarray, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """``function(covs)[index]``, computed once for each covariance that the index names."""
    used, back = np.unique(index, return_inverse=True)
    return function(covs[used])[back]


def _sorted(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Root, inverse and image for covariances of full rank whose coordinates have unlike units."""
    # Cholesky factors do not mind columns in unlike units, but l' r mixes the units. With the largest first, it is
    # graded from its first entry down, and the singular vectors of the small columns come out right too.
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
    """Return ``V U'`` (j, i) of ``left' right = U S V'`` (i, j), of full rank even where S vanishes."""
    # Where S vanishes, U and V are whatever LAPACK returns: ordering the two first makes _isometry(right, left) the
    # transpose there, too.
    if (right.shape, right.tobytes()) < (left.shape, left.tobytes()):
        return _isometry(right, left).T
    if not left.size or not right.size:
        return np.zeros((right.shape[1], left.shape[1]))
    u, _, vt = np.linalg.svd(left.T @ right, full_matrices=False)
    return (u @ vt).T
