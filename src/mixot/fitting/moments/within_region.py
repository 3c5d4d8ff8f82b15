"""Maximum likelihood among mixtures whose components lie in a region of the parameters.

Where what follows a relaxation leads out of a region that was given, it starts again inside. The E step is as ever; the
M step maximises each component's share of the likelihood over the region, by sequential quadratic programming from
where the component stands, and a step that is not better, or not inside, is not taken: the likelihood grows, and every
iterate obeys.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import minimize

from mixot._shapes import Float
from mixot.families.elliptical.diagonal import DiagonalGaussian
from mixot.families.elliptical.gaussian import Gaussian
from mixot.families.moment_model import MomentModel
from mixot.fitting.likelihood.criteria import bic
from mixot.fitting.likelihood.search.candidates import candidate_of, choice, judged, without_options
from mixot.fitting.likelihood.starts.k_means import lloyd
from mixot.fitting.moments.from_relaxations import Refinement
from mixot.fitting.moments.moment_matching import kmeans_starts
from mixot.fitting.moments.region_of_answer import outside_region, parameters_of
from mixot.formulas.polynomial.polynomials import Polynomial, symbols
from mixot.formulas.polynomial.regions import Box, Region, Spectrum, contains, enclosing_box, in_words
from mixot.measures import Grid, Measure, Samples
from mixot.mixture import Mixture
from mixot.results import Candidate, Fit, Status

_INSIDE = 1e-6  # of what a constraint sums, so far may an iterate lie outside: rounding
_SHORT, _LONG = 8, 200  # iterations of every start, and of the best of each size
_TOL = 1e-7  # nats per observation that an iteration must gain
_PATIENCE = 2  # numbers of components in a row that may be worse than the best before the search ends
_STEPS = 30  # of the quadratic programs, of one M step


@dataclass(frozen=True, eq=False)
class Confined:
    """Mixtures of a family with parameters in a region, for weighted points."""

    model: MomentModel
    region: Region
    data: Samples

    def best(self, starts: Sequence[Mixture], most: int | None, *, by: str = "em") -> Fit | None:
        """The mixture of lowest BIC that starts, pulled into the region, lead to; None where no start gets there.

        With ``by="kmeans"`` components are the most likely ones, within the region, of the clusters that the starts'
        means lead to.
        """
        fits: list[Fit] = []
        tried: list[Candidate] = []
        for k in sorted({len(start) for start in starts}):
            found = self._best_of([start for start in starts if len(start) == k], by)
            if found is None:
                continue
            fits.append(found)
            tried.append(candidate_of(found))
            if len(tried) - 1 - choice(tried) >= _PATIENCE:
                break
        if not fits:
            return None
        at, candidates, notes = judged(tried, self.data.observations, most, "k_max or the order, which bound it")
        return replace(fits[at], candidates=candidates, notes=without_options(notes))

    def _best_of(self, starts: Sequence[Mixture], by: str) -> Fit | None:
        """What the best of some starts of one size becomes."""
        ends = []
        for start in starts:
            theta = self.pulled(start)
            if theta is not None:
                clusters = by == "kmeans"
                ends.append(
                    self._of_clusters(start, theta) if clusters else self._climbed(start.weights, theta, _SHORT)
                )
        if not ends:
            return None
        best = max(ends, key=lambda fit: fit.log_likelihood)
        return best if by == "kmeans" else self._onwards(best)

    def pulled(self, mixture: Mixture) -> Float[np.ndarray, "k p"] | None:
        """The parameters of a mixture's components, each moved to the nearest in the region; None where that fails."""
        theta = parameters_of(self.model, self.region, mixture.components)
        if theta is None:
            return None
        out = np.empty_like(theta)
        for j, each in enumerate(theta):
            goal = self._inner(each)
            if self._holds(each):
                out[j] = each
                continue
            from_here = self._solved(lambda t, goal=goal: float(((t - goal) ** 2).sum()), np.clip(goal, -1.0, 1.0))
            if not self._holds(from_here):
                return None
            out[j] = from_here
        return out

    def _short(self, start: Mixture, theta: np.ndarray) -> Fit:
        return self._climbed(start.weights, theta, _SHORT)

    def _climbed(self, weights: np.ndarray, theta: np.ndarray, iterations: int) -> Fit:
        mixture, history = Mixture(weights, self.model.laws(theta)), []
        status = Status.MAX_ITER
        for _ in range(iterations):
            likelihood, shares = self._expect(mixture)
            history.append(likelihood)
            if len(history) > 1 and history[-1] - history[-2] < _TOL:
                status = Status.CONVERGED
                break
            mass = np.maximum(shares.sum(axis=0), 1e-12)
            theta = np.stack([self._moved(each, share) for each, share in zip(theta, shares.T, strict=True)])
            mixture = Mixture(mass / mass.sum(), self.model.laws(theta))
        return self._scored(mixture, status, history)

    def _onwards(self, fit: Fit) -> Fit:
        theta = self.pulled(fit.mixture)
        assert theta is not None  # it came from there
        after = self._climbed(fit.mixture.weights, theta, _LONG)
        return after if after.log_likelihood >= fit.log_likelihood else fit

    def _of_clusters(self, start: Mixture, theta: np.ndarray) -> Fit:
        labels, _, iterations = lloyd(self._x, self.data.weights, start.components.mean(), max_iter=100)
        shares = self.data.weights[:, None] * (labels[:, None] == np.arange(len(start)))
        held = shares.sum(axis=0) > 0
        moved = np.stack([self._moved(each, s) for each, s in zip(theta[held], shares[:, held].T, strict=True)])
        mixture = Mixture(shares[:, held].sum(axis=0), self.model.laws(moved))
        return self._scored(mixture, Status.CONVERGED, [np.nan] * iterations)

    def _scored(self, mixture: Mixture, status: Status, history: list[float]) -> Fit:
        likelihood = self._expect(mixture)[0]
        free = len(mixture) * (len(self.model.parameters) + 1) - 1
        score = bic(likelihood, free, self.data.observations)
        counts: dict[str, Any] = {"n_parameters": free, "observations": self.data.observations}
        return Fit(mixture, status, len(history), likelihood, score, np.array(history), **counts)

    def _expect(self, mixture: Mixture) -> tuple[float, Float[np.ndarray, "n k"]]:
        """The mean log-likelihood, and the weight that each component has in each point."""
        with np.errstate(divide="ignore"):
            joint = mixture.components.log_prob(self._x) + np.log(mixture.weights)
        top = joint.max(axis=1, keepdims=True)
        shares = np.exp(joint - top)
        total = shares.sum(axis=1, keepdims=True)
        likelihood = float(self.data.weights @ (top + np.log(total))[:, 0])
        return likelihood, shares / total * self.data.weights[:, None]

    def _moved(self, theta: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """The parameters in the region that make a component's share of the points most likely, from where it is."""
        mass = float(shares.sum())
        if not mass > 0:
            return theta
        if not self.gaussian:
            weights = shares / mass
            return self._lowered(
                theta, lambda t: -float(weights @ self.model.laws(self._theta(t)[None]).log_prob(self._x)[:, 0])
            )
        mean = shares @ self._x / mass
        away = self._x - mean
        cov = (away * (shares / mass)[:, None]).T @ away
        free = self._of_moments(mean, cov)
        if self._holds(free):
            return free
        if self._boxed:  # means first, then what is left of the spread about them: each number on its own
            middle = np.clip(mean, *self._box[: self.model.dim].T)
            return np.clip(self._of_moments(middle, cov + np.outer(mean - middle, mean - middle)), *self._box.T)
        return self._lowered(theta, self._misfit(mean, cov))

    def _lowered(self, theta: np.ndarray, loss: Callable[[np.ndarray], float]) -> np.ndarray:
        """Where the loss is least in the region, from theta, or theta itself where nothing better is found."""
        begin = self._inner(theta)
        found = self._solved(loss, begin)
        return found if self._holds(found) and loss(self._inner(found)) < loss(begin) else theta

    def _misfit(self, mean: np.ndarray, cov: np.ndarray) -> Callable[[np.ndarray], float]:
        """Minus the mean Gaussian log-likelihood of points with this mean and covariance, up to a constant."""

        def loss(t: np.ndarray) -> float:
            law = self.model.laws(self._theta(t)[None])
            spread, gap = law.cov()[0], mean - law.mean()[0]
            try:
                root = np.linalg.cholesky(spread)
            except np.linalg.LinAlgError:
                return 1e10
            inverse = np.linalg.solve(root, np.eye(len(root)))
            scatter = inverse @ (cov + np.outer(gap, gap)) @ inverse.T
            return float(np.log(np.diagonal(root)).sum() + np.trace(scatter) / 2)

        return loss

    def _of_moments(self, mean: np.ndarray, cov: np.ndarray) -> np.ndarray:
        """Parameters of the Gaussian law with this mean and covariance, or what the structure can say of it."""
        structure, variances = structure_of(self.model), np.diagonal(cov)
        if structure == "full":
            return np.append(mean, cov[np.triu_indices(len(cov))])
        variances = variances.mean(keepdims=True) if structure == "spherical" else variances
        return np.append(mean, variances if self.model.degrees[-1] == 2 else np.sqrt(variances))

    @cached_property
    def _boxed(self) -> bool:
        """Whether the region is a box of means and variances, in which the M step has a closed form."""
        kinds = Box | Spectrum if self.model.dim == 1 else Box
        return structure_of(self.model) != "full" and all(isinstance(each, kinds) for each in self.region)

    def _solved(self, loss: Callable[[np.ndarray], float], begin: np.ndarray) -> np.ndarray:
        """Parameters where the loss is least within the region, from t = ``begin``."""
        limits = [{"type": "ineq", "fun": self._limits}]
        box = [(-1.0, 1.0)] * len(begin)
        found = minimize(loss, begin, method="SLSQP", bounds=box, constraints=limits, options={"maxiter": _STEPS})
        return self._theta(np.clip(found.x, -1.0, 1.0)) if np.isfinite(found.x).all() else self._theta(begin)

    def _limits(self, t: np.ndarray) -> np.ndarray:
        """Numbers that are nonnegative in the region: polynomials, and the least eigenvalues of matrices."""
        theta = self._theta(t)[None]
        out = []
        for matrix in self._matrices:
            values = np.array([[float(entry(theta)[0]) for entry in row] for row in matrix])
            out.append(values[0, 0] if len(values) == 1 else np.linalg.eigvalsh(values)[0])
        return np.array(out)

    def _holds(self, theta: np.ndarray) -> bool:
        return bool(contains(self.region, theta[None], self.model.degrees, _INSIDE)[0])

    @cached_property
    def _matrices(self) -> list[list[list[Polynomial]]]:
        """What must be positive semi-definite, as polynomials of the parameters, of the size of one on the box."""
        out = []
        for constraint in self.region:
            for matrix in constraint.matrices(symbols(len(self.model.parameters)), self.model.degrees):
                ends = self._box.T
                size = max(float(np.abs([row[i](ends) for i, row in enumerate(matrix)]).max()), 1e-300)
                out.append([[entry * (1 / size) for entry in row] for row in matrix])
        return out

    @cached_property
    def _box(self) -> Float[np.ndarray, "p 2"]:
        return enclosing_box(self.region, self.model.names)

    def _theta(self, t: np.ndarray) -> np.ndarray:
        middle, half = self._box.mean(axis=1), np.diff(self._box, axis=1)[:, 0] / 2
        return middle + half * t

    def _inner(self, theta: np.ndarray) -> np.ndarray:
        middle, half = self._box.mean(axis=1), np.diff(self._box, axis=1)[:, 0] / 2
        return (theta - middle) / half

    @cached_property
    def _x(self) -> Float[np.ndarray, "n d"]:
        return self.data.points.astype(np.float64)

    @cached_property
    def gaussian(self) -> bool:
        """Whether the components are Gaussian laws."""
        return isinstance(self.model.laws(self._theta(np.zeros(len(self._box)))[None]), Gaussian | DiagonalGaussian)


def obeying(
    fit: Fit, starts: Sequence[Mixture], data: Measure, model: MomentModel, region: Region, refinement: Refinement
) -> tuple[Fit, tuple[str, ...]]:
    """Return the fit if it lies in the region, else one that does, and what is to be said of it."""
    outside = outside_region(model, region, fit.mixture.components)
    if not outside:
        return fit, ()
    points = data.centers() if isinstance(data, Grid) else data
    words = in_words(region, model.names)
    if not isinstance(points, Samples):
        nearest = min(starts, key=lambda start: abs(len(start) - len(fit.mixture)))
        if outside_region(model, region, nearest.components):
            return fit, outside
        note = f"the polish of these moments leads out of the given support, {words}: these are atoms in it"
        return replace(fit, mixture=nearest, status=Status.MAX_ITER), (note,)
    if refinement.by is None:
        return fit, outside
    most = None if refinement.k is not None else refinement.k_max
    begin = [each for each in (*starts, fit.mixture) if refinement.k in (None, len(each))]
    confined = Confined(model, region, points)
    if confined.gaussian:
        sizes = range(1, refinement.k_max + 1) if refinement.k is None else [refinement.k]
        begin += kmeans_starts(points, structure_of(model), sizes, 1, np.random.default_rng(0))
    inside = confined.best(begin, most, by=refinement.by)
    if inside is None:
        return fit, outside
    return inside, (f"the refinement is kept within the given support, {words}: left alone it went out of it",)


def structure_of(model: MomentModel) -> str:
    """The structure of covariances that the parameters of Gaussian laws describe."""
    spreads = len(model.parameters) - model.dim
    if model.isotropic:
        return "spherical"
    return "full" if model.dim > 1 and spreads == model.dim * (model.dim + 1) // 2 else "diagonal"
