"""EM for a Gaussian mixture over a uniform background, which takes the rows that belong to no component.

``p(x) = w / V + (1 - w) sum_j weight_j N(x; mean_j, cov_j)``, V the volume of the smaller of two boxes around the rows,
along the coordinates and along the principal axes (Banfield and Raftery, Biometrics 49, 1993; Fraley and Raftery, The
Computer Journal 41, 1998). A start takes the rows that are far from their neighbours for the background.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mixot.errors import InputError, SolveError
from mixot.fitting.likelihood.criteria import bic
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.gaussian.statistics import Parameters
from mixot.fitting.likelihood.gaussian.stored_covariances import stored_as
from mixot.fitting.likelihood.runs import LEAST_MASS, Climb
from mixot.fitting.likelihood.search.search import Search, look
from mixot.fitting.likelihood.starts.subsample import distinct_rows, thinned
from mixot.results import Background, Candidate, Status

_LEFT_OUT = (0.03, 0.1, 0.25, 0.45)  # shares of the rows that starts take for the background
_NEIGHBOUR = 4  # and so many more than dimensions: the neighbour whose distance tells a row's surroundings
_FLAT = 1e-9  # side of a box, beside that along the coordinates: none
_FREE = 2  # numbers that the background chooses: its weight and its volume


class Covered(NamedTuple):
    """A mixture, the weight of the background beside it, and what EM says of both."""

    weight: float
    state: Parameters
    history: list[float]
    status: Status


@dataclass(frozen=True, eq=False)
class BackgroundEM:
    """EM on the rows of ``em`` with a background of density ``exp(log_density)``.

    ``climb(em, k)`` is how runs without it go on, which find where the components start; ``starts`` is how many of
    k-means they make.
    """

    em: GaussianEM
    log_density: float
    climb: Callable[[GaussianEM, int], Climb]
    starts: int
    rng: np.random.Generator

    def best(self, k: int, lonely: np.ndarray) -> Covered:
        """The most likely end of the starts, rows ranked by how ``lonely`` (n,) they are; those determined first.

        Raises
        ------
        SolveError
            Where a covariance becomes singular from every start.
        """
        ends = list(self._ends(k, lonely))
        if not ends:
            raise SolveError(f"from every start a covariance of {k} components becomes singular; raise reg or lower k")
        return max(ends, key=lambda end: (not self.reason(end), end.history[-1]))

    def _ends(self, k: int, lonely: np.ndarray) -> Iterator[Covered]:
        order, em = np.argsort(lonely, kind="stable"), self.em
        for share in _LEFT_OUT:
            kept = np.sort(order[: max(k, round((1 - share) * len(order)))])
            core = em.on(em.points[kept], em.weights[kept])
            if distinct_rows(core.points, k) < k:
                continue
            few = thinned(core, look(core, k), k, self.rng)
            with suppress(SolveError):
                found = Search(few, self.starts, lambda k, _, few=few: self.climb(few, k), self.rng).thorough(k)[0]
                yield self.run(Covered(share, found.state, [], Status.MAX_ITER))

    def run(self, start: Covered) -> Covered:
        """EM from a state; its history never decreases."""
        climb = self.climb(self.em, len(start.state.weights))
        weight, state, history = start.weight, start.state, []
        before, status = start, Status.MAX_ITER
        for step in range(climb.max_iter + 1):
            value, following = self._step(weight, state)
            if history and value < history[-1]:  # rounding, or axes that an M step has found anew
                return before._replace(history=history, status=Status.CONVERGED)
            history.append(value)
            before = Covered(weight, state, history, status)
            climb.report(step, value)
            if _settled(history, climb.tol):
                return before._replace(status=Status.CONVERGED)
            weight, state = following
        return before

    def _joint(self, weight: float, state: Parameters, noise: bool) -> np.ndarray:
        """Logarithm of weight times density of the background and every component, (n, 1 + k)."""
        components = self.em.log_joint(state) + np.log1p(-weight)
        if noise and self.em.noise.any():
            covs = state.covs if self.em.dense else state.covs[:, :, None] * np.eye(len(self.em.noise))
            components -= np.diagonal(np.linalg.inv(covs), axis1=-2, axis2=-1) @ self.em.noise / 2
        flat = np.full((len(components), 1), np.log(max(weight, 1e-300)) + self.log_density)
        return np.concatenate([flat, components], axis=1)

    def _step(self, weight: float, state: Parameters) -> tuple[float, tuple[float, Parameters]]:
        """The objective, and the M step after it."""
        em, share = self.em, self.em.weights / self.em.weights.sum()
        shares, log_p = _normalised(self._joint(weight, state, noise=True))
        weighted = shares * share[:, None]
        mass = weighted.sum(axis=0)
        if mass[1:].min() * len(share) < LEAST_MASS:
            raise SolveError("a component has lost its rows to the background")
        points = em.points - em.center
        means = weighted[:, 1:].T @ points / mass[1:, None]
        covs = np.empty((len(means), points.shape[1], points.shape[1]))
        for j, mean in enumerate(means):
            away = points - mean
            covs[j] = (away * weighted[:, j + 1, None]).T @ away / mass[j + 1]
        covs += np.diag(em.noise)
        parts = mass[1:] / mass[1:].sum()
        fitted = em.within(stored_as(em, Parameters(parts, em.center + means, covs)))
        return float(share @ log_p), (float(mass[0]), fitted)

    def reason(self, end: Covered) -> str:
        """Why the rows do not determine some component, in words; empty where they do."""
        low = self.em.spread(end.state).at_floor
        floor = f"{low} of {len(end.state.weights)} components have a covariance at the floor of reg" if low else ""
        return self.em.few_rows((1 - end.weight) * end.state.weights) or floor

    def candidate(self, end: Covered, icl: bool) -> Candidate:
        """Likelihood and BIC, or ICL, of an end."""
        em, k = self.em, len(end.state.weights)
        shares, log_p = _normalised(self._joint(end.weight, end.state, noise=False))
        likelihood = float(em.weights @ log_p / em.weights.sum())
        free = em.free_parameters(k, em.spread(end.state).rank) + _FREE
        entropy = -(shares * np.log(np.maximum(shares, 1e-300))).sum(axis=1)
        doubt = float(em.weights @ entropy / em.weights.sum()) if icl else 0.0
        return Candidate(
            k,
            likelihood,
            bic(likelihood, free, em.observations) + 2 * doubt,
            self.reason(end),
            em.model.shown(em.points.shape[1]),
            mixture=em.mixture(end.state),
            n_parameters=free,
            observations=em.observations,
        )

    def background(self, end: Covered, rows: np.ndarray) -> Background:
        """The background of an end; ``rows`` (n,) says which of all rows were fitted: the others get no share."""
        shares = np.zeros(len(rows))
        shares[rows] = _normalised(self._joint(end.weight, end.state, noise=False))[0][:, 0]
        return Background(end.weight, float(np.exp(-self.log_density)), shares)


def log_volume(points: np.ndarray) -> float:
    """Logarithm of the volume of the smaller box around points, along the coordinates or their principal axes.

    Raises
    ------
    InputError
        Where the points lie in a flat, which has no volume.
    """
    x = points - points.mean(axis=0)
    sides = np.ptp(x, axis=0)
    if not (sides > 0).all():
        raise InputError(
            f"a uniform background needs a volume, but column {int(np.argmin(sides))} is constant; leave it out"
        )
    x = x / sides  # the same for every unit
    axes = np.linalg.svd(x, full_matrices=False)[2]
    turned = np.ptp(x @ axes.T, axis=0)
    if len(axes) < x.shape[1] or turned.min() <= _FLAT:
        raise InputError(
            "a uniform background needs a volume, but the rows lie in a flat, as if some columns were sums of others; "
            "leave these columns out, or the background"
        )
    return float(np.log(sides).sum() + min(0.0, np.log(turned).sum()))


def loneliness(em: GaussianEM) -> np.ndarray:
    """Distance of every row to a near neighbour, in the units of the columns, (n,)."""
    from scipy.spatial import KDTree

    points = em.standard()
    near = min(_NEIGHBOUR + points.shape[1], len(points))
    return np.reshape(KDTree(points).query(points, k=near)[0], (len(points), -1))[:, -1]


def _normalised(joint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    top = joint.max(axis=1, keepdims=True)
    shares = np.exp(joint - top)
    sums = shares.sum(axis=1, keepdims=True)
    return shares / sums, (top + np.log(sums))[:, 0]


def _settled(history: list[float], tol: float) -> bool:
    """Whether what is left to gain, by Aitken's rule, is below the tolerance."""
    if len(history) < 3 or tol == 0:
        return False
    last, gain = history[-2] - history[-3], history[-1] - history[-2]
    return gain <= 0 or (last > gain and gain * gain / (last - gain) <= tol)
