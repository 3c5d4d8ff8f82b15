"""Squared W2 from points to Gaussian mixtures, as a function of coordinates in which every vector is a mixture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mixot._shapes import Float
from mixot.errors import SolveError
from mixot.families.elliptical.gaussian import Gaussian
from mixot.fitting.wasserstein.cell_walls import shares, walls
from mixot.fitting.wasserstein.curvature import Curvature
from mixot.formulas.gaussian.plane_cells import MixtureGradient
from mixot.measures import Samples
from mixot.mixture import Mixture
from mixot.solvers.semidiscrete.gaussian_target import GaussianTarget
from mixot.solvers.semidiscrete.plan import SemidiscretePlan
from mixot.solvers.semidiscrete.semidiscrete import Semidiscrete
from mixot.transport.plans import gaussian_target

_LEAST_LOG = -25.0  # of a weight over the largest one: it has gone, and its component costs nothing
_LEAST_TOL = 1e-12  # of a mass, of a total of one
_ROUGH = 0.3  # of a mass: a plan that is further off is none
_SLIP = 1e-2  # of a mass, and of the cost: what a plan may be off by
_LAST = 1e-4  # of the error of masses, where it costs more than that
_FIRST, _NEXT = 2000, 30  # diagrams for the first plan, and for one that starts nearby


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Vectors (log weights, means, factors) and the mixtures they are; covariances are ``floor I + F F'``.

    The factors F are k square matrices for the structure "full", one for "tied", k diagonals for "diagonal" and k
    numbers for "spherical". With the coupling of the points and the standard normal laws held as it is, the cost is
    quadratic in means and factors (but for the floor), of the second derivatives ``stiffness``; the best coupling costs
    no more, so that the minimum of that form is not above the cost.
    """

    k: int
    dim: int
    structure: str
    floor: float
    free_weights: bool

    def of(self, mixture: Mixture) -> Float[np.ndarray, " v"]:
        """The vector of the mixture nearest to this one."""
        weights = mixture.weights if self.free_weights else np.full(self.k, 1.0 / self.k)
        above = mixture.components.cov() - self.floor * np.eye(self.dim)
        if self.structure == "tied":
            above = np.tensordot(weights, above, 1)[None]
        if self.structure == "spherical":
            above = np.trace(above, axis1=1, axis2=2)[:, None, None] * np.eye(self.dim) / self.dim
        elif self.structure == "diagonal":
            above = above * np.eye(self.dim)
        least = 1e-2 * self.floor  # a factor of zero would stay there
        values, vectors = np.linalg.eigh(above)
        roots = vectors * np.sqrt(np.maximum(values, least))[:, None, :]
        if self.structure in ("full", "tied"):
            factors = roots
        else:
            diagonals = np.sqrt(np.maximum(np.diagonal(above, axis1=1, axis2=2), least))
            factors = diagonals if self.structure == "diagonal" else diagonals[:, 0]
        with np.errstate(divide="ignore"):
            logs = np.log(weights)
        return np.concatenate(
            [np.maximum(logs - logs.max(), _LEAST_LOG), mixture.components.mean().ravel(), factors.ravel()]
        )

    def law(self, vector: np.ndarray) -> GaussianTarget:
        """The mixture of a vector."""
        k, d = self.k, self.dim
        logs, factors = vector[:k], (self._embedding @ vector[k + k * d :]).reshape(k, d, d)
        weights = np.exp(np.maximum(logs - logs.max(), _LEAST_LOG))
        means, covs = vector[k : k + k * d].reshape(k, d), self.floor * np.eye(d) + factors @ factors.swapaxes(1, 2)
        return gaussian_target(Mixture(weights / weights.sum(), Gaussian(means, covs)))

    def gradient(self, vector: np.ndarray, law: GaussianTarget, by: MixtureGradient) -> Float[np.ndarray, " v"]:
        """Derivatives in a vector, from those in weights, means and covariances."""
        logs = law.weights * (by.weights - law.weights @ by.weights)
        parts = np.concatenate([logs[:, None], by.means, by.covs.reshape(self.k, -1)], axis=1)
        return parts.ravel() @ self.jacobian(vector)

    def hessian(self, vector: np.ndarray, curvature: Curvature) -> Float[np.ndarray, "v v"]:
        """Second derivatives in a vector; S = floor I + F F' bends, and adds ``2 G dF dF'``, G the derivative in S."""
        turn, k, d = self.jacobian(vector), self.k, self.dim
        out = turn.T @ curvature.matrix @ turn
        bent = np.zeros((k, d, d, k, d, d))
        for at in range(k):
            bent[at, :, :, at] = 2 * np.einsum("pq,rs->prqs", curvature.gradient.covs[at], np.eye(d))
        shape = self._embedding
        out[k + k * d :, k + k * d :] += shape.T @ bent.reshape(k * d * d, k * d * d) @ shape
        return out

    def jacobian(self, vector: np.ndarray) -> Float[np.ndarray, "p v"]:
        """Derivatives of (log weight, mean, covariance) of each component in a vector."""
        k, d = self.k, self.dim
        factors = (self._embedding @ vector[k + k * d :]).reshape(k, d, d)
        out = np.zeros((k, 1 + d + d * d, len(vector)))
        each = np.arange(k)
        out[each, 0, each] = 1.0
        for axis in range(d):
            out[each, 1 + axis, k + each * d + axis] = 1.0
        half = np.einsum("ap,kbr->kabpr", np.eye(d), factors)
        by_factors = np.zeros((k, d * d, k, d * d))
        by_factors[each, :, each] = (half + half.swapaxes(1, 2)).reshape(k, d * d, d * d)
        out[:, 1 + d :, k + k * d :] = by_factors.reshape(k, d * d, -1) @ self._embedding
        return out.reshape(-1, len(vector))

    @cached_property
    def _embedding(self) -> Float[np.ndarray, "kdd f"]:
        """Square factors of all components from the numbers that a vector holds."""
        k, d = self.k, self.dim
        match self.structure:
            case "full":
                return np.eye(k * d * d)
            case "tied":
                return np.tile(np.eye(d * d), (k, 1))
            case "diagonal":
                return np.kron(np.eye(k), np.eye(d * d)[:, :: d + 1])
        return np.kron(np.eye(k), np.eye(d).reshape(d * d, 1))

    def stiffness(self, law: GaussianTarget) -> Float[np.ndarray, " u"]:
        """Second derivatives of the upper bound in means and factors."""
        d, twice = self.dim, 2 * law.weights
        of_factors = {
            "full": np.repeat(twice, d * d),
            "tied": np.full(d * d, 2.0),
            "diagonal": np.repeat(twice, d),
            "spherical": d * twice,
        }
        return np.concatenate([np.repeat(twice, d), of_factors[self.structure]])


@dataclass(frozen=True, eq=False)
class Point:
    """A vector, its mixture, the plan there, and derivatives of its cost."""

    vector: np.ndarray
    law: GaussianTarget
    plan: SemidiscretePlan
    coordinates: Coordinates

    @property
    def cost(self) -> float:
        """Squared W2: the dual value, and what it is short by."""
        return self.plan.cost + self.slip

    @cached_property
    def slip(self) -> float:
        """What the dual value is short by as masses are off: little between cells that share walls, much elsewhere."""
        if self.plan.gap <= 0:
            return 0.0
        missing = self.plan.source.weights - self.plan.masses
        return min(self.plan.gap, max(self.curvature.slack(missing), 0.0))

    @cached_property
    def by_mixture(self) -> MixtureGradient:
        """Derivatives in weights, means and covariances."""
        return self.plan.mixture_gradient()

    @cached_property
    def gradient(self) -> Float[np.ndarray, " v"]:
        """Derivatives in the vector."""
        return self.coordinates.gradient(self.vector, self.law, self.by_mixture)

    @cached_property
    def curvature(self) -> Curvature:
        """Second derivatives."""
        return Curvature(self.law, walls(self.plan, self.law), self.by_mixture)


@dataclass(frozen=True, eq=False)
class TransportObjective:
    """Squared W2 from the points to the mixtures of these coordinates."""

    points: Samples
    coordinates: Coordinates

    def first(self, vector: np.ndarray, accuracy: float) -> Point:
        """The cost at a vector far from all others; raises `SolveError` where it is not found."""
        tol = self.tolerance(None, accuracy)
        point = self._solved(vector, None, tol)
        finer = self.tolerance(point, accuracy)
        if finer < tol / 2:
            near = self.at(vector, point.plan.potentials, finer)
            point = self._solved(vector, None, finer) if near is None else near
        if point.plan.marginal_error > _ROUGH * float(self.points.weights.min()):
            raise SolveError(
                f"the transport to the first mixture was not found: masses are off by {point.plan.marginal_error:.2g}; "
                "start elsewhere, or raise reg",
                point.plan,
            )
        return point

    def at(self, vector: np.ndarray, start: np.ndarray, tol: float) -> Point | None:
        """The cost at a vector, from the potentials of a plan nearby; None where they do not lead to a plan at once.

        Where masses cannot be had to ``tol``, a plan is taken that is good enough for the cost.
        """
        point = self._solved(vector, start, tol)
        if point.plan.marginal_error > max(tol, _SLIP * float(self.points.weights.min())):
            return None
        if point.slip > _SLIP * point.plan.cost:
            finer = self._solved(vector, point.plan.potentials, max(_LAST * tol, _LEAST_TOL))
            point = min(point, finer, key=lambda each: each.slip)
        return point

    def refined(self, point: Point, accuracy: float) -> Point:
        """The same point, its masses as exact as they can be."""
        tol = self.tolerance(point, accuracy)
        if point.plan.marginal_error <= tol:
            return point
        return self._solved(point.vector, point.plan.potentials, tol, most=_FIRST)

    def balanced(self, vector: np.ndarray, start: np.ndarray, near: Point) -> np.ndarray:
        """The vector with the weights that the cells of these potentials ask for, where that can be told."""
        law = self.coordinates.law(vector)
        found = shares(self.points.points, start, law)
        weights = None if found is None else near.curvature.balance(self.points.weights, found, law.weights)
        if weights is None or not (weights > 0).all():
            return vector
        return np.concatenate([np.log(weights / weights.max()), vector[self.coordinates.k :]])

    def tolerance(self, point: Point | None, accuracy: float) -> float:
        """Error of a mass that changes the mass of no point, and not the cost, by more than this share.

        Between parts that are far apart the price of a misplaced mass is the difference of their potentials.
        """
        least = float(self.points.weights.min())
        if point is not None:
            least = min(least, point.cost / max(float(np.ptp(point.plan.potentials)), 1e-300))
        return max(accuracy * least, _LEAST_TOL)

    def _solved(self, vector: np.ndarray, start: np.ndarray | None, tol: float, most: int = 0) -> Point:
        """The best plan that is found, solved or not."""
        law = self.coordinates.law(vector)
        solver = Semidiscrete(tol=min(tol, 0.5), max_iter=most or (_FIRST if start is None else _NEXT))
        try:
            plan = solver.solve(self.points, law, start)
        except SolveError as stopped:
            plan = stopped.result
        return Point(vector, law, plan, self.coordinates)
