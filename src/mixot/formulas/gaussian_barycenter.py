"""W2 barycenters of centred Gaussian laws, batched over tuples, certified by their fixed-point equation.

The barycenter S of ``S_1, ..., S_J`` solves ``S = sum_j w_j (S^1/2 S_j S^1/2)^1/2`` (Delon and Desolneux 2020,
section 2.4.2). Write ``S = F F^T`` with ``F^T F`` diagonal, and ``M_j = (F^T S_j F)^1/2``; then the *residual*
``R = sum_j w_j M_j - F^T F`` is the equation in the coordinates of F. Two steps bring it to zero:

- Alvarez-Esteban's (2016): ``F <- F^-T sum_j w_j M_j``. It never raises the objective and never fails, but gains
  only a constant factor, a poor one where the covariances are ill-conditioned.
- Newton's: ``F <- F (I + E / 2)``, where ``sum_j w_j Q_j (k_j * (Q_j^T E Q_j)) Q_j^T = R``, Q_j the eigenvectors and mu
  the eigenvalues of M_j, ``k_j[a, b] = mu_a mu_b / (mu_a + mu_b)``. Conjugate gradients solve it, preconditioned by the
  same expression for ``F^T F`` in place of every M_j: one step of that is, to first order, Alvarez-Esteban's.

The objective is convex in S and both steps keep S positive semi-definite, so a zero residual reached from inside is
the optimum. Where S becomes singular in the limit, its vanishing directions are dropped once they are rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot import _native
from mixot._shapes import Float
from mixot.threads import thread_count

_NOISE = 4 * np.finfo(float).eps  # share of the largest eigenvalue, per dimension, below which one is rounding
_ROUGH = 1e-4  # eigenvalues of M_j below this share of the largest lose digits when they are roots of eigenvalues
_MAX_CG = 25


@dataclass(frozen=True, eq=False, slots=True)
class Barycenters:
    """Covariances of s barycenters, what each costs, and how well it solves its fixed-point equation.

    ``residuals`` are ``|S - sum_j w_j (S^1/2 S_j S^1/2)^1/2| / |S|`` in Frobenius norm; the cost exceeds the optimum
    by their square.
    """

    covs: Float[np.ndarray, "s d d"]
    costs: Float[np.ndarray, " s"]
    residuals: Float[np.ndarray, " s"]
    iterations: int


def mean_barycenter(
    points: Float[np.ndarray, "s j d"], weights: Float[np.ndarray, " j"]
) -> tuple[Float[np.ndarray, "s d"], Float[np.ndarray, " s"]]:
    """Weighted means of s tuples of points and their weighted squared deviations, (s, j, d) -> (s, d), (s,)."""
    center = np.einsum("j,sjd->sd", weights, points)
    return center, np.einsum("j,sjd->s", weights, (points - center[:, None]) ** 2)


def gaussian_barycenter(
    covs: Float[np.ndarray, "s j d d"], weights: Float[np.ndarray, " j"], *, tol: float = 1e-12, max_iter: int = 2000
) -> Barycenters:
    """Return the W2 barycenters of s tuples of centred Gaussian laws, (s, j, d, d) -> (s, d, d).

    Singular covariances are welcome. Where every covariance of a tuple is singular the barycenter need not be unique;
    the one that is nearest to the mixture of all of them is returned.

    Parameters
    ----------
    covs : (s, j, d, d)
        Covariances, one tuple a row.
    weights : (j,)
        Positive, summing to one.
    tol : float
        Residual at which a tuple is done.
    max_iter : int
        Steps after which a tuple is left as it is, its residual stated.

    Examples
    --------
    >>> import numpy as np
    >>> found = gaussian_barycenter(np.array([[[[1.0]], [[9.0]]]]), np.array([0.5, 0.5]))
    >>> found.covs.item(), found.costs.item()
    (4.0, 1.0)

    References
    ----------
    Alvarez-Esteban, del Barrio, Cuesta-Albertos and Matran (2016), A fixed-point approach to barycenters in
    Wasserstein space, Theorem 4.2.
    """
    d = covs.shape[-1]
    if d == 1:  # commuting covariances: the standard deviations average
        std, costs = mean_barycenter(np.sqrt(covs[..., 0]), weights)
        return Barycenters(std[:, :, None] ** 2, costs, np.zeros(len(covs)), 1)
    if d == 2:
        found = _planar(covs, weights, tol)
    else:
        start = np.einsum("j,sjab->sab", weights, covs)
        found = _newton(covs, None, start, weights, tol, max_iter)
    stuck = np.flatnonzero(~(found.residuals <= tol))
    if len(stuck) == 0:
        return found
    again = _newton(covs[stuck], roots(covs[stuck]), found.covs[stuck], weights, tol, max_iter)
    better = again.residuals <= np.where(np.isfinite(found.residuals[stuck]), found.residuals[stuck], np.inf)
    for into, other in ((found.covs, again.covs), (found.costs, again.costs), (found.residuals, again.residuals)):
        into[stuck[better]] = other[better]
    return Barycenters(found.covs, found.costs, found.residuals, found.iterations + again.iterations)


def roots(covs: Float[np.ndarray, "s j d d"]) -> Float[np.ndarray, "s j d d"]:
    """Symmetric square roots, eigenvalues that are rounding set to zero: the rank is what it was meant to be."""
    lam, q = np.linalg.eigh(covs)
    lam = np.where(lam > _NOISE * lam.shape[-1] * lam[..., -1:], lam, 0.0)
    return (q * np.sqrt(lam)[..., None, :]) @ q.swapaxes(-1, -2)


def _planar(covs: np.ndarray, weights: np.ndarray, tol: float) -> Barycenters:
    s = len(covs)
    out = Barycenters(np.empty((s, 2, 2)), np.empty(s), np.empty(s), 0)
    steps = _native.planar_barycenters(
        np.ascontiguousarray(covs), weights, tol, 200, thread_count(), out.covs, out.costs, out.residuals
    )
    return Barycenters(out.covs, out.costs, out.residuals, steps)


def _newton(
    covs: np.ndarray, factors: np.ndarray | None, start: np.ndarray, weights: np.ndarray, tol: float, max_iter: int
) -> Barycenters:
    """Both steps, by turns, from ``start``; with ``factors`` (symmetric roots of ``covs``) by the accurate route.

    The fast route takes M_j from the eigenvalues of F^T S_j F, whose roots lose half their digits near zero; a tuple
    where that shows is left for the accurate route, which takes the singular values of ``S_j^1/2 F``.
    """
    s, d = len(covs), covs.shape[-1]
    best = Barycenters(start.copy(), np.full(s, np.inf), np.full(s, np.inf), 0)
    trace = np.einsum("j,sjaa->s", weights, covs)
    live, current = np.arange(s), start
    slow = np.zeros(s, dtype=int)  # rounds in which Newton's step is not trusted
    step = 0
    for step in range(1, max_iter + 1):
        lam, v = _eigh(current)
        f = v * np.sqrt(lam)[:, None, :]
        mu, q = _middle_spectrum(f, covs[live], None if factors is None else factors[live])
        middle = ((q * (weights[:, None] * mu)[:, :, None, :]) @ q.swapaxes(-1, -2)).sum(axis=1)
        gap = middle.copy()
        gap[:, np.arange(d), np.arange(d)] -= lam
        residual = np.linalg.norm(gap, axis=(1, 2)) / np.maximum(np.linalg.norm(lam, axis=1), np.finfo(float).tiny)
        better = residual < best.residuals[live]
        slow[live[~better]] = 4
        best.residuals[live[better]] = residual[better]
        best.covs[live[better]] = current[better]
        best.costs[live[better]] = (trace[live] + lam.sum(axis=1) - 2 * mu.sum(axis=2) @ weights)[better]
        go = residual > tol
        if factors is None:
            go &= mu.min(axis=(1, 2)) >= _ROUGH * mu.max(axis=(1, 2))
        if not go.any():
            break
        live, lam, v, f, mu, q, middle, gap = (x[go] for x in (live, lam, v, f, mu, q, middle, gap))
        plain = (slow[live] > 0) | (step == 1)
        slow[live] -= slow[live] > 0
        moved = np.empty_like(f)
        if plain.any():
            moved[plain] = v[plain] @ (_inverse(np.sqrt(lam[plain]))[:, :, None] * middle[plain])
        if not plain.all():
            bold = ~plain
            e = _solve(lam[bold], mu[bold], q[bold], gap[bold], weights)
            far = ~(np.abs(e).max(axis=(1, 2)) < 1.0)
            e[far] = 0.0
            moved[bold] = f[bold] + f[bold] @ e / 2
            if far.any():
                at = np.flatnonzero(bold)[far]
                moved[at] = v[at] @ (_inverse(np.sqrt(lam[at]))[:, :, None] * middle[at])
        current = moved @ moved.swapaxes(-1, -2)
    return Barycenters(best.covs, np.maximum(best.costs, 0.0), best.residuals, step)


def _eigh(s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lam, v = np.linalg.eigh(s)
    return np.where(lam > _NOISE * s.shape[-1] * lam[:, -1:], lam, 0.0), v


def _inverse(x: np.ndarray) -> np.ndarray:
    """1 / x, and 0 where x is 0: outside the range of S nothing is ever moved."""
    return np.divide(1.0, x, out=np.zeros_like(x), where=x > 0)


def _middle_spectrum(f: np.ndarray, covs: np.ndarray, factors: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues (s, j, d) and eigenvectors (s, j, d, d) of ``M_j = (F^T S_j F)^1/2``."""
    if factors is not None:
        _, mu, qt = np.linalg.svd(factors @ f[:, None])
        return np.where(mu > _NOISE * mu.shape[-1] * mu[..., :1], mu, 0.0), qt.swapaxes(-1, -2)
    mu, q = np.linalg.eigh(f.swapaxes(-1, -2)[:, None] @ covs @ f[:, None])
    return np.sqrt(np.maximum(mu, 0.0)), q


def _harmonic(x: np.ndarray) -> np.ndarray:
    """x_a x_b / (x_a + x_b) for all a, b of the last axis; 0 where both are 0."""
    top, total = x[..., :, None] * x[..., None, :], x[..., :, None] + x[..., None, :]
    return np.divide(top, total, out=np.zeros_like(top), where=total > 0)


def _solve(
    lam: np.ndarray, mu: np.ndarray, q: np.ndarray, right: np.ndarray, weights: np.ndarray
) -> Float[np.ndarray, "s d d"]:
    """Newton's equation ``sum_j w_j Q_j (k_j * (Q_j^T E Q_j)) Q_j^T = right``, to the digits its residual deserves."""
    kernel = weights[:, None, None] * _harmonic(mu)
    precondition = _inverse(_harmonic(lam))
    qt = np.ascontiguousarray(q.swapaxes(-1, -2))

    def hessian(e: np.ndarray) -> np.ndarray:
        return (q @ (kernel * (qt @ e[:, None] @ q)) @ qt).sum(axis=1)

    def dot(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.einsum("sab,sab->s", x, y)[:, None, None]

    e = np.zeros_like(right)
    rest = right
    z = precondition * rest
    p = z
    size = first = dot(rest, z)
    # As many digits as Newton's next residual will have: the square of this one.
    goal = np.minimum(0.01, first / np.maximum(lam.sum(axis=1), np.finfo(float).tiny)[:, None, None]) * first
    for _ in range(_MAX_CG):
        busy = size > goal
        if not busy.any():
            break
        hp = hessian(p)
        curve = dot(p, hp)
        move = np.divide(size, curve, out=np.zeros_like(size), where=busy & (curve > 0))
        e = e + move * p
        rest = rest - move * hp
        z = precondition * rest
        new = dot(rest, z)
        p = z + np.divide(new, size, out=np.zeros_like(size), where=size > 0) * p
        size = np.where(busy, new, 0.0)
    return e
