"""What the laws of a mixture make of points: their density, and which component each belongs to."""

from __future__ import annotations

import numpy as np

from mixot._native import posterior
from mixot._shapes import Float
from mixot.errors import UnsupportedError
from mixot.families.base import Family
from mixot.families.roles import whitening
from mixot.families.whitening import Whitening
from mixot.threads import thread_count


def log_densities(weights: np.ndarray, components: Family, points: np.ndarray) -> Float[np.ndarray, " n"]:
    """Logarithm of the density at the points, (n, d) -> (n,); refused where a component is singular."""
    law = whitening(components)
    if law is not None:
        log = np.empty(len(points))
        _weigh(weights, law, points, log=log)
        return log
    flat = np.flatnonzero((components.rank() < components.dim) & (weights > 0))
    if len(flat):
        raise UnsupportedError(
            f"components {flat[:5].tolist()} have a singular covariance, so the mixture has no density; "
            "add a small multiple of the identity to the covariances, or use responsibilities(x)"
        )
    return _log_sum_exp(_log_joint(weights, components, points))


def responsibilities(weights: np.ndarray, components: Family, points: np.ndarray) -> Float[np.ndarray, "n k"]:
    """Posterior probability of each component at the points, (n, d) -> (n, k), those of singular ones included."""
    law = whitening(components)
    if law is not None:
        r = np.empty((len(points), len(weights)))
        _weigh(weights, law, points, r=r)
        return r
    joint = _log_joint(weights, components, points)
    rank = components.rank()
    if (rank < components.dim).any():
        able = np.isfinite(joint)
        smallest = np.where(able, rank, components.dim + 1).min(axis=1)
        joint = np.where(able & (rank == smallest[:, None]), joint, -np.inf)
    lost = ~np.isfinite(joint).any(axis=1)
    if lost.any():
        away = ((points[lost, None, :] - components.mean()) ** 2).sum(axis=2)
        away[:, weights == 0] = np.inf
        joint[lost, np.argmin(away, axis=1)] = 0.0
    return np.exp(joint - _log_sum_exp(joint)[:, None])


def _weigh(
    weights: np.ndarray,
    law: Whitening,
    points: np.ndarray,
    *,
    r: np.ndarray | None = None,
    log: np.ndarray | None = None,
) -> None:
    """Fill r (n, k) with responsibilities and log (n,) with log-densities, by the compiled loop."""
    origin = weights @ law.mean
    with np.errstate(divide="ignore"):
        level = law.log_norm + np.log(weights)
    x = np.ascontiguousarray(points, dtype=np.float64)
    posterior(x, origin, law.mean - origin, law.whiten, level, r, log, thread_count())


def _log_joint(weights: np.ndarray, components: Family, points: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return components.log_prob(points) + np.log(weights)


def _log_sum_exp(joint: np.ndarray) -> np.ndarray:
    top = joint.max(axis=1)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return top + np.log(np.exp(joint - top[:, None]).sum(axis=1))
