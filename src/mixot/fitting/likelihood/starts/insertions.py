"""Components for small clusters that no other component describes, found where rows lie denser than a mixture says.

A start that looks at some of the rows sees little of a cluster of ten among thousands, and a component that covers two
such clusters, or half a large one, does not find them by EM. Among the least likely rows a scan statistic does: that of
Kulldorff (Communications in Statistics, Theory and Methods 26, 1997), over balls around each of them, with the numbers
of rows that the mixture expects. A new component goes there; its shape and weight follow by EM on it alone (Verbeek,
Vlassis and Kroese, Neural Computation 15, 2003). Balls are round in coordinates that an affine map of the data turns.
"""

from __future__ import annotations

from math import log, pi
from typing import NamedTuple

import numpy as np

from mixot._native import dense_balls
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.gaussian.statistics import Parameters

_ROWS, _PART = 256, 8  # least likely rows, among which small clusters are looked for: so many, or one in so many
_SPARE = 2  # rows more than dimensions: the smallest ball
_PLACES = 4  # balls from which EM starts
_DENSE = 0.5  # of what a component has to gain: how much a ball is off at least
_PASSES = 8  # of this EM
_LARGEST = 600.0  # logarithm of a density
_FLAT = 1e-10  # variance, relative to the largest, of directions in which the rows do not vary


class Insertion(NamedTuple):
    """A component more, and by how much it raises the mean log-likelihood of all rows with the others as they are."""

    weight: float
    mean: np.ndarray
    cov: np.ndarray
    gain: float


class _Rows(NamedTuple):
    """The least likely rows in round coordinates, (m, d), their shares of all the mass, and their log-densities."""

    y: np.ndarray
    share: np.ndarray
    log_p: np.ndarray


def insertions(em: GaussianEM, state: Parameters, log_p: np.ndarray) -> list[Insertion]:
    """New components that the rows ask for, largest gain first: each is worth its parameters by BIC.

    ``log_p`` (n,) is the log-density of the mixture at the rows.
    """
    n, d = em.points.shape
    if not em.whole:  # balls are of points
        return []
    away = state.means - em.center
    cov = np.einsum("k,kij->ij", state.weights, state.covs) + (away.T * state.weights) @ away  # that of the rows
    root = np.sqrt(em.units)
    values, axes = np.linalg.eigh(cov / np.outer(root, root))
    if not values[0] > _FLAT * values[-1]:
        return []
    into = (axes / np.sqrt(values)) / root[:, None]
    few = min(_ROWS, n // _PART)
    if few <= d + _SPARE:
        return []
    low = np.sort(np.argpartition(log_p, few)[:few])
    points = em.points[low] - em.center
    total = float(em.weights.sum())
    rows = _Rows(points @ into, em.weights[low] / total, log_p[low] - np.linalg.slogdet(into)[1])
    noise = into.T @ (em.noise[:, None] * into)
    worth = 0.5 * (1 + d + d * (d + 1) / 2) * log(max(em.observations, 2.0)) / em.observations
    out, back = [], np.linalg.inv(into)
    for ball in _balls(rows, em.observations, _DENSE * worth * em.observations):
        found = _grown(rows, ball, noise, em.observations)
        if found is not None and found.gain > worth:
            out.append(found._replace(mean=em.center + found.mean @ back, cov=back.T @ found.cov @ back))
    return sorted(out, key=lambda each: -each.gain)


def _balls(rows: _Rows, observations: float, least: float) -> list[np.ndarray]:
    """Balls that hold more rows than expected, as masks (m,): the most unlikely ones, none with the center of another.

    Each is off by more than ``least`` nats.
    """
    m, d = rows.y.shape
    density = observations * np.exp(np.minimum(rows.log_p, _LARGEST))
    excess, square = np.empty(m), np.empty(m)
    dense_balls(rows.y, rows.share * observations, density, d + _SPARE, excess, square)
    balls: list[np.ndarray] = []
    while excess.max() > least and len(balls) < _PLACES:
        at = int(np.argmax(excess))
        z = rows.y - rows.y[at]
        balls.append((z * z).sum(axis=1) <= square[at] * (1 + 1e-9))
        excess[balls[-1]] = 0.0
    return balls


def _grown(rows: _Rows, ball: np.ndarray, noise: np.ndarray, observations: float) -> Insertion | None:
    """The component that EM makes of a ball, the others as they are; None where its rows do not determine it."""
    share, d = rows.share, rows.y.shape[1]
    r = ball.astype(np.float64)
    mass, mean, cov, odds = 0.0, np.zeros(d), noise, r
    for _ in range(_PASSES):
        mass = float(share @ r)
        if mass * observations < d + 1:
            return None
        mean = (share * r) @ rows.y / mass
        z = rows.y - mean
        cov = (z * (share * r)[:, None]).T @ z / mass + noise
        values, axes = np.linalg.eigh(cov)
        if not values[0] > 0 or mass >= 1:
            return None
        z = z @ (axes / np.sqrt(values))
        log_q = -0.5 * ((z * z).sum(axis=1) + np.log(values).sum() + d * log(2 * pi))
        odds = log_q - rows.log_p + log(mass / (1 - mass))
        r = 1 / (1 + np.exp(np.clip(-odds, -600.0, 600.0)))
    gain = log(1 - mass) + float(share @ np.logaddexp(0.0, odds))
    return Insertion(mass, mean, cov, gain)
