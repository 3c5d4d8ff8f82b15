"""Rows that change their component, where that makes all of them more likely although no step of EM does it.

A row pulls the component that it belongs to towards itself. Where components have few rows for their dimension that
pull holds it there: each assignment of such rows is a place where EM stands still. What the likelihood of a mixture
with its rows assigned gains when one of them goes from one component to another, both fitted again, is known in closed
form from squared Mahalanobis distances (Hartigan's rule for k-means, with covariances). It does not know the axes.
"""

from __future__ import annotations

import numpy as np

from mixot.fitting.likelihood.gaussian_em import GaussianEM
from mixot.fitting.likelihood.statistics import Parameters

_LEAST_GAIN = 0.02  # nats, that a row has to gain
_AT_ONCE = 4  # rows that change at once
_LEAST_ROWS = 2  # rows, in units of what determines a covariance, that a row has to leave behind
_MANY_ROWS = 30  # rows, in the same units, of components that no row holds
_LEFT = 1e-6  # of a determinant, which has to stay when a row leaves


def exchanged(em: GaussianEM, state: Parameters) -> Parameters | None:
    """``state`` after the few rows that gain most have changed their components, or None where none gains.

    ``state`` is that of an M step, with full covariances.
    """
    (n, d), k = em.points.shape, len(state.weights)
    if em.structure != "full" or k < 2 or state.weights.min() * em.observations > _MANY_ROWS * (d + 1):
        return None
    joint = em.log_joint(state)
    mass = state.weights * em.observations
    log_det = np.linalg.slogdet(state.covs)[1]
    square = 2 * (np.log(state.weights) - log_det / 2 - d / 2 * np.log(2 * np.pi) - joint)
    own, each = joint.argmax(axis=1), np.arange(n)
    top = joint[each, own]
    share = 1 / np.exp(joint - top[:, None]).sum(axis=1)
    u = share * em.weights * (em.observations / em.weights.sum())  # the observations that would go
    left = mass[own] - u
    fall = 1 - u * square[each, own] / np.maximum(left, 1e-300)
    may = (left > _LEAST_ROWS * (d + 1)) & (fall > _LEFT)
    out = np.full(n, -np.inf)
    out[may] = _leaving(mass[own[may]], u[may], log_det[own[may]], fall[may], d)
    # -m / 2 log(1 + u D / m) is at most -u D / 2 + (u D)^2 / (4 m): few rows need more than that
    at_most = out[:, None] + u[:, None] * joint + (u[:, None] * square) ** 2 / (4 * mass)
    at_most[each, own] = -np.inf
    rows = np.flatnonzero(at_most.max(axis=1) + u > 0)
    gains = out[rows, None] + _entering(mass, u[rows, None], log_det, square[rows], d)
    gains[np.arange(len(rows)), own[rows]] = -np.inf
    best = gains.max(axis=1, initial=-np.inf)
    order = np.argsort(-best, kind="stable")[:_AT_ONCE]
    order = order[best[order] > _LEAST_GAIN]
    if not len(order):
        return None
    goals, moved = gains.argmax(axis=1), rows[order]
    x, part = em.points[moved].astype(np.float64), u[moved] / em.observations
    return _changed(state, list(zip(x, part.tolist(), own[moved].tolist(), goals[order].tolist(), strict=True)))


def _leaving(mass: np.ndarray, u: np.ndarray, log_det: np.ndarray, fall: np.ndarray, d: int) -> np.ndarray:
    """What a component's ``m log m - m / 2 log det`` gains when ``u`` of its mass leave."""
    left = mass - u
    after = log_det + d * np.log(mass / left) + np.log(fall)
    return left * (np.log(left) - after / 2) - mass * (np.log(mass) - log_det / 2)


def _entering(mass: np.ndarray, u: np.ndarray, log_det: np.ndarray, square: np.ndarray, d: int) -> np.ndarray:
    """The same when ``u`` enter at squared distance ``square``."""
    more = mass + u
    after = log_det + d * np.log(mass / more) + np.log1p(u * square / more)
    return more * (np.log(more) - after / 2) - mass * (np.log(mass) - log_det / 2)


def _changed(state: Parameters, changes: list[tuple[np.ndarray, float, int, int]]) -> Parameters:
    """``state`` after rows x of weight u went from component a to b, one after the other."""
    weights, means, covs = (each.copy() for each in state)
    for x, u, a, b in changes:
        left, away = weights[a] - u, x - means[a]
        if left <= 0 or u / left * (away @ np.linalg.solve(covs[a], away)) > 1 - _LEFT:
            continue  # another row has left before
        covs[a] = weights[a] / left * (covs[a] - u / left * np.outer(away, away))
        means[a] -= u / left * away
        more, away = weights[b] + u, x - means[b]
        covs[b] = weights[b] / more * (covs[b] + u / more * np.outer(away, away))
        means[b] += u / more * away
        weights[a], weights[b] = left, more
    return Parameters(weights, means, covs)
