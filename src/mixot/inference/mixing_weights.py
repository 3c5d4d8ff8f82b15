"""Weights of the largest likelihood, of components that stand where they are."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Bool, Float

_RIDGE = 1e-11  # relative: columns of components that nearly coincide depend on each other
_HALVINGS = 30


def best_weights(
    densities: Float[np.ndarray, "n k"],
    shares: Float[np.ndarray, " n"],
    start: Float[np.ndarray, " k"],
    *,
    tol: float = 1e-9,
    max_iter: int = 40,
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " n"]]:
    """Return the weights p that maximise ``sum_i shares_i log (densities @ p)_i``, and the mixture's densities.

    Sequential quadratic programming: with S = densities / f, g = S' shares and H = S' diag(shares) S, each step
    minimises ``q' H q / 2 - (2 g - 1)' q`` over q >= 0, whose minimum sums to one where f is that of the optimum, and
    goes as far towards it as the likelihood grows. It ends where no component would gain: ``max g <= 1 + tol``.

    References
    ----------
    Wang, J. R. Statist. Soc. B 69 (2007); Kim, Carbonetto, Stephens and Anitescu, J. Comput. Graph. Stat. 29 (2020).

    Examples
    --------
    >>> import numpy as np
    >>> p, _ = best_weights(np.eye(2), np.array([0.25, 0.75]), np.array([0.5, 0.5]))
    >>> p.round(6).tolist()
    [0.25, 0.75]
    """
    p, f = start, np.maximum(densities @ start, 1e-290)
    value = float(shares @ np.log(f))
    for _ in range(max_iter):
        scaled = densities * (np.sqrt(shares) / f)[:, None]
        gradient = np.sqrt(shares) @ scaled
        if gradient.max() - 1 < tol:
            break
        hessian = scaled.T @ scaled
        hessian[np.diag_indices_from(hessian)] += _RIDGE * np.trace(hessian) / len(hessian)
        q = nonnegative_minimum(hessian, 2 * gradient - 1, p)
        total = q.sum()
        if not total > 0:
            break
        change, length = densities @ (q / total) - f, 1.0
        for _ in range(_HALVINGS):
            reached = float(shares @ np.log(np.maximum(f + length * change, 1e-290)))
            if reached > value:
                break
            length /= 2
        else:
            break
        p = (1 - length) * p + length * q / total
        f, gained, value = np.maximum(densities @ p, 1e-290), reached - value, reached
        if gained < tol * 1e-2:
            break
    return p, f


def nonnegative_minimum(
    hessian: Float[np.ndarray, "k k"], linear: Float[np.ndarray, " k"], start: Float[np.ndarray, " k"]
) -> Float[np.ndarray, " k"]:
    """Return the q >= 0 of least ``q' hessian q / 2 - linear' q``, by active sets from where ``start`` is positive.

    Lawson and Hanson's method for a positive definite matrix; a warm start saves it most of its steps.

    References
    ----------
    Lawson and Hanson, Solving Least Squares Problems (1974), chapter 23.

    Examples
    --------
    >>> import numpy as np
    >>> nonnegative_minimum(np.eye(2), np.array([1.0, -1.0]), np.ones(2)).tolist()
    [1.0, 0.0]
    """
    free, q = start > 0, start.copy()
    tol = 1e-10 * max(float(np.abs(linear).max()), 1.0)
    for _ in range(3 * len(q) + 10):
        free, q = _minimum_over(hessian, linear, free, q)
        rise = np.where(free, -np.inf, linear - hessian @ q)
        best = float(rise.max())
        if best <= tol:
            break
        # several at a time: those that rise half as much as the steepest; the inner loop takes back what was too much
        free = free | (rise >= 0.5 * best)
    return q


def _minimum_over(
    hessian: Float[np.ndarray, "k k"],
    linear: Float[np.ndarray, " k"],
    free: Bool[np.ndarray, " k"],
    q: Float[np.ndarray, " k"],
) -> tuple[Bool[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """The minimum over some entries, with those taken to zero that would become negative on the way from q."""
    while free.any():
        at = np.flatnonzero(free)
        goal = np.linalg.solve(hessian[np.ix_(at, at)], linear[at])
        if (goal > 0).all():
            q = np.zeros_like(q)
            q[at] = goal
            return free, q
        down = goal <= 0
        share = float((q[at][down] / (q[at][down] - goal[down] + 1e-300)).min())
        moved = q[at] + min(max(share, 0.0), 1.0) * (goal - q[at])
        moved[down & (moved <= 1e-14)] = 0.0
        if (moved[down] > 0).all():  # by rounding nothing became zero: take what comes nearest
            moved[np.flatnonzero(down)[int(moved[down].argmin())]] = 0.0
        q = np.zeros_like(q)
        q[at] = moved
        free = free.copy()
        free[at[down & (moved == 0)]] = False
    return free, np.zeros_like(q)
