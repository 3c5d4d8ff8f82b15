"""From a solved relaxation to a mixture: starts for each number of components, and the choice among them.

`starts` is the seam: whoever knows a better way to go on from a relaxation takes its starts from there.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import comb
from typing import Any

import numpy as np

from mixot.errors import AccuracyWarning, UnsupportedError
from mixot.families.elliptical.diagonal import DiagonalGaussian
from mixot.families.elliptical.gaussian import Gaussian
from mixot.fitting.likelihood.criteria import bic
from mixot.fitting.likelihood.em import EM
from mixot.fitting.likelihood.family_em import FamilyEM
from mixot.fitting.likelihood.gaussian_em import GaussianEM
from mixot.fitting.likelihood.k_means import lloyd
from mixot.fitting.moments.moment_matching import MomentMatching
from mixot.fitting.moments.target import component_parameters
from mixot.measures import Grid, Measure, Samples
from mixot.mixture import Mixture
from mixot.results import Candidate, Fit, Status
from mixot.sos.atomic import theta_of
from mixot.sos.extraction import Compression
from mixot.sos.hierarchy import Relaxed

_MOST = 3  # dimensions in which all moments of the usual orders are few enough to be matched
_LEAST = 1e-6  # atoms of less weight are pruned: a relaxation puts specks on the boundary of the region


@dataclass(frozen=True, eq=False)
class Found:
    """What the relaxations know: whether they are flat, starts, and the number of components they suggest."""

    flat: bool
    starts: tuple[Mixture, ...]
    k: int


@dataclass(frozen=True, eq=False, slots=True)
class Refinement:
    """How a fit goes on from starts.

    ``by`` is "em", "kmeans" or None; ``order``, half the degree of the moments, and ``k_max`` are for the polish in
    moment space, and ``fixed`` holds the parameters that keep a value.
    """

    by: str | None
    order: int
    k_max: int
    fixed: Mapping[str, Any]


def starts(relaxed: Relaxed, numbers: Iterable[int]) -> Iterator[Mixture]:
    """Yield a mixture for each number of components, from the leading eigenvectors of the mixing measure's moments.

    Means are joint eigenvalues of multiplication by them; variances are carried through the same compression. Atoms of
    vanishing weight are left out, so that a mixture may have fewer components than asked for.
    """
    compression = Compression(relaxed.mixing, True)
    for k in numbers:
        atoms = compression.atoms(k)
        kept = atoms.weights > _LEAST
        theta = theta_of(relaxed.relaxation, atoms)[kept]
        weights = atoms.weights[kept]
        yield Mixture(weights / weights.sum(), relaxed.relaxation.model.laws(theta))


def chosen(found: Found, data: Measure, family: str, structure: str, refinement: Refinement, rng: Any) -> Fit:
    """The mixture: the flat one, or what starts become that are refined, of the size that BIC prefers.

    Gaussian starts are first polished in moment space: a relaxation of order r fits the noise of moments of degree 2 r
    and does not know K; the polish, with its merges and splits, does (`mixot.fitting.moments.moment_matching`).
    """
    points = data.centers() if isinstance(data, Grid) else data
    if not isinstance(points, Samples):
        return _alone(_suggested(found))
    if refinement.by is None or found.flat:
        return _scored(_suggested(found), points)
    matching = MomentMatching(order=refinement.order, starts=found.starts, k_max=refinement.k_max, refine=refinement.by)
    if _polished(found, points, structure, matching):
        k = None if len(found.starts) > 1 else len(next(iter(found.starts)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AccuracyWarning)  # its notes are warned of with those of the relaxation
            return matching.fit(points, family, k=k, structure=structure, rng=rng)
    refined = _by_em if refinement.by == "em" else _by_kmeans
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)  # what befell the starts that lose is nobody's concern
        fits = [refined(start, points, family, structure, refinement, rng) for start in found.starts]
    best = int(np.argmin([fit.criterion for fit in fits]))
    tried = tuple(Candidate(len(fit.mixture), fit.log_likelihood, fit.criterion) for fit in fits)
    return replace(fits[best], candidates=tried)


def _polished(found: Found, data: Samples, structure: str, matching: MomentMatching) -> bool:
    """Whether the polish applies: Gaussian starts, in as many dimensions and components as moments can determine."""
    if data.dim > _MOST or not all(isinstance(s.components, Gaussian | DiagonalGaussian) for s in found.starts):
        return False
    largest = max(found.starts, key=len)
    if len(found.starts) > 1:  # sizes that cannot be determined are left out of the choice
        return True
    shape = _structure_of(largest, structure)
    moments = comb(data.dim + 2 * matching.order_for(data), data.dim)
    return len(largest) * component_parameters(data.dim, shape) <= moments


def _structure_of(start: Mixture, structure: str) -> str:
    """The structure meant: for diagonal components, "full" is all they have."""
    return "diagonal" if isinstance(start.components, DiagonalGaussian) and structure == "full" else structure


def _suggested(found: Found) -> Mixture:
    return min(found.starts, key=lambda start: abs(len(start) - found.k))


def _alone(mixture: Mixture) -> Fit:
    """A mixture without data: there is no likelihood."""
    nothing = float("nan")
    note = ("only moments are known, so there is no likelihood",)
    return Fit(mixture, Status.CONVERGED, 0, nothing, nothing, np.zeros(0), (), note)


def _scored(mixture: Mixture, data: Samples, iterations: int = 0) -> Fit:
    """A mixture as it is, with its likelihood and BIC."""
    likelihood = float(data.weights @ mixture.log_density(data.points))
    free = len(mixture) - 1 + mixture.components.free_parameters()
    return Fit(mixture, Status.CONVERGED, iterations, likelihood, bic(likelihood, free, data.observations), np.zeros(0))


def _by_em(start: Mixture, data: Samples, family: str, structure: str, refinement: Refinement, rng: Any) -> Fit:
    if isinstance(start.components, Gaussian | DiagonalGaussian):
        return EM(start=_open(start, data)).fit(data, family, structure=structure, rng=rng)
    return FamilyEM(start=start, fixed=dict(refinement.fixed)).fit(data, family, rng=rng)


def _open(start: Mixture, data: Samples) -> Mixture:
    """A start that EM can move: no component so light or so narrow that it holds no point."""
    floor = 1e-4 * np.diagonal(data.cov())
    weights = np.maximum(start.weights, 0.02 / len(start))
    law = start.components
    if isinstance(law, DiagonalGaussian):
        return Mixture(weights / weights.sum(), DiagonalGaussian(law.means, np.maximum(law.variances, floor)))
    lam, q = np.linalg.eigh(law.cov() / np.sqrt(np.outer(floor, floor)))
    covs = (q * np.maximum(lam, 1.0)[:, None, :]) @ q.swapaxes(1, 2) * np.sqrt(np.outer(floor, floor))
    return Mixture(weights / weights.sum(), Gaussian(law.mean(), covs))


def _by_kmeans(start: Mixture, data: Samples, family: str, structure: str, refinement: Refinement, rng: Any) -> Fit:
    if not isinstance(start.components, Gaussian | DiagonalGaussian):
        raise UnsupportedError(f'refine="kmeans" is for Gaussian families, got {family!r}; use "em"')
    x = data.points.astype(np.float64)
    labels, _, iterations = lloyd(x, data.weights, start.components.mean(), max_iter=100)
    em = GaussianEM.of(x, data.weights, _structure_of(start, structure), EM().reg)
    return _scored(em.mixture(em.from_labels(labels, len(start))), data, iterations)
