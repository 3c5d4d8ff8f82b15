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
from functools import cached_property

import numpy as np

from mixot._native import planar_barycenters
from mixot._shapes import Float
from mixot.threads import thread_count

_NOISE = 4 * np.finfo(float).eps  # share of the largest eigenvalue, per dimension, below which one is rounding
_ROUGH = 1e-4  # eigenvalues of M_j below this share of the largest lose digits when they are roots of eigenvalues
_MAX_CG = 25
_DIGITS = 1e-5  # what conjugate gradients in float32 can reach
_CLOSE = 0.01  # residual from which Newton's step is trusted at once
_NEAR = 3e-3  # relative step below which the old eigenvectors find the new roots faster than a decomposition
_ROUGH_STEPS = 5  # in single precision, to begin with
_PRODUCTS = 32  # dimension from which products of matrices are much cheaper than decompositions
# Odd quintics that take [0.02, 1] to 1, one after the other: minimax ones (Amsel, Persson, Musco and Gower 2025), then
# Newton and Schulz's.
_POLAR = (
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
    (2.300652019954817, -1.6689039845747493, 0.4188073119525673),
    (1.891301407787398, -1.2679958271945868, 0.37680408948524835),
    (1.875, -1.25, 0.375),
)


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
    covs: Float[np.ndarray, "s j d d"], weights: Float[np.ndarray, " j"], *, tol: float = 1e-11, max_iter: int = 2000
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
        found = _newton(covs, None, _start(covs, weights), weights, tol, max_iter)
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
    steps = planar_barycenters(
        np.ascontiguousarray(covs), weights, tol, 200, thread_count(), out.covs, out.costs, out.residuals
    )
    return Barycenters(out.covs, out.costs, out.residuals, steps)


def _start(covs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Where the steps begin, (s, d, d): the mean covariance, or the outcome of some rough steps where they pay."""
    s, j, d, _ = covs.shape
    mean = np.einsum("j,sjab->sab", weights, covs)
    if d < _PRODUCTS:
        return mean
    unit = np.einsum("saa->s", mean)[:, None, None]  # float32 has a short range
    unit = np.where(unit > 0, unit, 1.0)
    try:
        c = np.linalg.cholesky((covs / unit[:, None]).astype(np.float32))
        f = np.linalg.cholesky((mean / unit).astype(np.float32))
    except np.linalg.LinAlgError:  # a singular one among them
        return mean
    ct = np.ascontiguousarray(c.swapaxes(-1, -2))
    wide = (weights.astype(np.float32)[:, None, None] * c).swapaxes(1, 2).reshape(s, d, j * d)
    # With S_j = C_j C_j^T Alvarez-Esteban's step is F <- sum_j w_j C_j U_j, U_j the orthogonal factor of C_j^T F. In
    # single precision, with U_j from products of matrices alone, it takes a fraction of the time of a decomposition.
    for _ in range(_ROUGH_STEPS):
        f = wide @ _orthogonal(ct @ f[:, None]).reshape(s, j * d, d)
    f = f.astype(np.float64)
    out = unit * (f @ f.swapaxes(1, 2))
    # What overflowed in single precision begins at the mean like the rest.
    return np.where(np.isfinite(out).all(axis=(1, 2), keepdims=True), out, mean)


def _orthogonal(x: np.ndarray) -> np.ndarray:
    """Orthogonal polar factors to some digits: odd polynomials drive all singular values from [0.02, 1] to 1."""
    x = x / np.sqrt(np.einsum("...ab,...ab->...", x, x))[..., None, None]
    for a, b, c in _POLAR:
        square = x.swapaxes(-1, -2) @ x
        inner = square @ square
        inner *= c
        square *= b
        inner += square
        outer = x @ inner
        x *= a
        x += outer
    return x


@dataclass(eq=False)
class _Frame:
    """Eigenvectors Q_j and eigenvalues mu_j of the M_j at some F with ``F^T F = diag(lam)``: Newton's equation."""

    lam: np.ndarray  # (s, d)
    mu: np.ndarray  # (s, j, d)
    q: np.ndarray  # (s, j, d, d)
    weights: np.ndarray  # (j,)
    dtype: type  # of what follows

    @cached_property
    def kernel(self) -> np.ndarray:
        return (self.weights[:, None, None] * _harmonic(self.mu)).astype(self.dtype)

    @cached_property
    def precondition(self) -> np.ndarray:
        return _inverse(_harmonic(self.lam / self.lam.max(axis=1, keepdims=True))).astype(self.dtype)

    @cached_property
    def qt(self) -> np.ndarray:
        return np.ascontiguousarray(self.q.swapaxes(-1, -2), dtype=self.dtype)

    @cached_property
    def wide(self) -> np.ndarray:
        """Q_1 ... Q_J side by side, (s, d, j d)."""
        n, j, d = self.mu.shape
        return np.ascontiguousarray(self.q.swapaxes(1, 2), dtype=self.dtype).reshape(n, d, j * d)

    def hessian(self, e: np.ndarray) -> np.ndarray:
        """``sum_j w_j Q_j (k_j * (Q_j^T E Q_j)) Q_j^T``, (s, d, d) -> (s, d, d)."""
        n, j, d = self.mu.shape
        turned = self.qt @ (e @ self.wide).reshape(n, d, j, d).swapaxes(1, 2)
        turned *= self.kernel
        return self.wide @ (turned @ self.qt).reshape(n, j * d, d)

    def take(self, rows: np.ndarray) -> _Frame:
        return _Frame(self.lam[rows], self.mu[rows], self.q[rows], self.weights, self.dtype)


@dataclass(eq=False, slots=True)
class _State:
    """What is known at F, ``S = F F^T``. ``here`` says that the frame is that of F itself, not of a point nearby."""

    f: np.ndarray  # (s, d, d)
    traces: np.ndarray  # (s,), sum_j w_j tr M_j
    middle: np.ndarray  # (s, d, d), sum_j w_j M_j
    gram: np.ndarray  # (s, d, d), F^T F
    frame: _Frame
    here: bool

    @property
    def residuals(self) -> np.ndarray:
        return _norm(self.middle - self.gram) / np.maximum(_norm(self.gram), np.finfo(float).tiny)

    def take(self, rows: np.ndarray) -> _State:
        if rows.all():
            return self
        parts = (self.f[rows], self.traces[rows], self.middle[rows], self.gram[rows])
        return _State(*parts, self.frame.take(rows), self.here)


def _newton(
    covs: np.ndarray, factors: np.ndarray | None, start: np.ndarray, weights: np.ndarray, tol: float, max_iter: int
) -> Barycenters:
    """Both steps, by turns, from ``start``; with ``factors`` (symmetric roots of ``covs``) by the accurate route."""
    s = len(covs)
    best = Barycenters(start.copy(), np.full(s, np.inf), np.full(s, np.inf), 0)
    spread = np.einsum("j,sjaa->s", weights, covs)
    live = np.arange(s)
    careful = np.full(s, 1)  # steps for which Newton's is not trusted: the first, and some after it failed
    now = _decompose(start, covs, factors, weights)
    step = 0
    while True:
        step += 1
        residual = now.residuals
        careful[live[residual < _CLOSE]] = 0
        better = residual < best.residuals[live]
        careful[live[~better]] = 4
        lagging = not (residual < 0.5 * best.residuals[live]).all()
        at = live[better]
        best.residuals[at], best.covs[at] = residual[better], (now.f @ now.f.swapaxes(1, 2))[better]
        best.costs[at] = (spread[live] + np.einsum("saa->s", now.gram) - 2 * now.traces)[better]
        go = residual > tol
        # The fast route takes M_j from the eigenvalues of F^T S_j F, whose roots lose half their digits near zero. A
        # tuple where that shows is left for the accurate route, which takes the singular values of S_j^1/2 F.
        if factors is None:
            go &= now.frame.mu.min(axis=(1, 2)) >= _ROUGH * now.frame.mu.max(axis=(1, 2))
        if not go.any() or step == max_iter:
            break
        live, now = live[go], now.take(go)
        chosen = covs if len(live) == s else covs[live]
        roots_now = None if factors is None else factors[live]
        moved, size = _move(now, careful[live] == 0, tol)
        careful[live] -= careful[live] > 0
        followed = None
        if factors is None and size < _NEAR and (now.here or not lagging):
            followed = _follow(moved, chosen, now.frame)
        now = followed or _decompose(moved @ moved.swapaxes(1, 2), chosen, roots_now, weights)
    return Barycenters(best.covs, np.maximum(best.costs, 0.0), best.residuals, step)


def _move(now: _State, bold: np.ndarray, tol: float) -> tuple[np.ndarray, float]:
    """F after one step, Newton's where ``bold`` and not too long, and the relative length of the longest."""
    e = np.zeros_like(now.f)
    if bold.any():
        e = _solve(now, tol)
        bold = bold & (np.abs(e).max(axis=(1, 2)) < 1.0)
    moved = now.f + now.f @ e / 2
    if bold.all():
        return moved, float(np.abs(e).max())
    gram = now.gram[~bold]
    if now.here:
        lam = np.einsum("saa->sa", gram)
        ratio = _inverse(lam)[:, :, None] * now.middle[~bold]
    else:
        ratio = np.linalg.solve(gram, now.middle[~bold])
    moved[~bold] = now.f[~bold] @ ratio  # F (F^T F)^-1 M = F^-T M
    return moved, np.inf


def _decompose(s: np.ndarray, covs: np.ndarray, factors: np.ndarray | None, weights: np.ndarray) -> _State:
    """The state at S, from eigenvalues or, given factors of the covariances, from singular values."""
    lam, v = np.linalg.eigh(s)
    lam = np.where(lam > _NOISE * s.shape[-1] * lam[:, -1:], lam, 0.0)
    f = v * np.sqrt(lam)[:, None, :]
    if factors is None:
        mu, q = np.linalg.eigh(f.swapaxes(-1, -2)[:, None] @ covs @ f[:, None])
        mu = np.sqrt(np.maximum(mu, 0.0))
    else:
        _, mu, qt = np.linalg.svd(factors @ f[:, None])
        mu, q = np.where(mu > _NOISE * mu.shape[-1] * mu[..., :1], mu, 0.0), qt.swapaxes(-1, -2)
    middle = _join(q * (weights[:, None] * mu)[:, :, None, :], q)
    gram = lam[:, :, None] * np.eye(s.shape[-1])
    return _State(
        f,
        mu.sum(axis=2) @ weights,
        middle,
        gram,
        _Frame(lam, mu, q, weights, np.float32 if factors is None else np.float64),
        True,
    )


def _follow(f: np.ndarray, covs: np.ndarray, frame: _Frame) -> _State | None:
    """The state at F with the frame of a point nearby, without a decomposition; None where it is not near enough."""
    b = f[:, None] @ frame.q
    a = b.swapaxes(-1, -2) @ (covs @ b)
    share = 1 / (frame.mu[..., :, None] + frame.mu[..., None, :])
    m = frame.mu[..., None] * np.eye(a.shape[-1])
    correction = (a - frame.mu[..., None] * m) * share
    enough = 1e-14 * frame.mu.max()
    # The root m of A = Q^T F^T S_j F Q is nearly diagonal here, and m <- m + (A - m^2) / (mu_a + mu_b) gains a constant
    # factor at each step: the relative distance of the points.
    for _ in range(12):
        m += correction
        if np.abs(correction).max() <= enough:
            middle = _join(frame.q @ (frame.weights[:, None, None] * m), frame.q)
            traces = np.einsum("j,sjaa->s", frame.weights, m)
            return _State(f, traces, middle, f.swapaxes(1, 2) @ f, frame, False)
        np.subtract(a, m @ m, out=correction)
        correction *= share
    return None


def _solve(now: _State, tol: float) -> np.ndarray:
    """Newton's equation ``hessian(E) = R`` by conjugate gradients, (s, d, d)."""
    # Single on the fast route: the digits it lacks are supplied by the next step, whose right side is exact.
    dtype = now.frame.dtype
    right = now.middle - now.gram
    # Right side and matrix are brought to size one, so that squares of them stay in the range of float32.
    unit = np.maximum(_norm(right), np.finfo(float).tiny)[:, None, None]
    scale = now.frame.lam.max(axis=1)[:, None, None].astype(dtype)
    # As many digits as the next residual will have: the square of this one, or what is asked for.
    residual = now.residuals[:, None, None]
    digits = np.clip(np.maximum(residual, 0.3 * tol / residual), _DIGITS, 0.1).astype(dtype)
    rest = (right / unit).astype(dtype)
    e = np.zeros_like(rest)
    z = now.frame.precondition * rest
    p = z
    size = first = _dot(rest, z)
    for _ in range(_MAX_CG):
        busy = size > digits**2 * first
        if not busy.any():
            break
        hp = now.frame.hessian(p) / scale
        curve = _dot(p, hp)
        go = busy & (curve > 0)
        move = np.divide(size, curve, out=np.zeros_like(size), where=go)
        e = e + move * p
        rest = rest - move * hp
        z = now.frame.precondition * rest
        new = _dot(rest, z)
        p = z + np.divide(new, size, out=np.zeros_like(size), where=go) * p
        size = np.where(go, new, 0)
    return e * (unit / scale)


def _dot(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.einsum("sab,sab->s", x, y)[:, None, None]


def _join(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """``sum_j left_j right_j^T``, symmetric, (s, j, d, d) twice -> (s, d, d)."""
    total = (left @ right.swapaxes(-1, -2)).sum(axis=1)
    return (total + total.swapaxes(1, 2)) / 2


def _norm(x: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("sab,sab->s", x, x))


def _inverse(x: np.ndarray) -> np.ndarray:
    """1 / x, and 0 where x is 0: outside the range of S nothing is ever moved."""
    return np.divide(1, x, out=np.zeros_like(x), where=x > 0)


def _harmonic(x: np.ndarray) -> np.ndarray:
    """x_a x_b / (x_a + x_b) for all a, b of the last axis; 0 where both are 0."""
    top, total = x[..., :, None] * x[..., None, :], x[..., :, None] + x[..., None, :]
    return np.divide(top, total, out=np.zeros_like(top), where=total > 0)
