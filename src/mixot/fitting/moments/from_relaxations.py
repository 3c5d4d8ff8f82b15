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

from mixot._checks import as_generator
from mixot.errors import AccuracyWarning, UnsupportedError
from mixot.families.elliptical.diagonal import DiagonalGaussian
from mixot.families.elliptical.gaussian import Gaussian
from mixot.fitting.likelihood.criteria import bic
from mixot.fitting.likelihood.em import EM
from mixot.fitting.likelihood.family_em import FamilyEM
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.search.candidates import LAST, OTHER_STARTS, candidate_of, judged, without_options
from mixot.fitting.likelihood.starts.k_means import lloyd
from mixot.fitting.moments.moment_matching import MomentMatching, kmeans_starts
from mixot.fitting.moments.target import component_parameters
from mixot.measures import Grid, Measure, Samples
from mixot.mixture import Mixture
from mixot.results import Fit, Status
from mixot.sos.atomic import theta_of
from mixot.sos.extraction import Compression
from mixot.sos.hierarchy import Relaxed
from mixot.sos.sample_moments import SampleMoments

_MOST = 3  # dimensions in which all moments of the usual orders are few enough to be matched
_SAME = 1e-6  # criteria that are no further apart are the same
_MORE = 2  # starts from k-means++ beside each of a relaxation, which shows atoms of the noise
_LEAST = 1e-6  # atoms of less weight are pruned: a relaxation puts specks on the boundary of the region


@dataclass(frozen=True, eq=False)
class Found:
    """What the relaxations know: starts, the number of components they suggest, and whether that is the answer.

    ``solved`` says that the start of k components lies in the region, and is as close to exact moments as the bound
    allows. Noisy moments never say that: a relaxation that is flat shows the atoms of the noise.
    """

    solved: bool
    starts: tuple[Mixture, ...]
    k: int


@dataclass(frozen=True, eq=False, slots=True)
class Refinement:
    """How a fit goes on from starts.

    ``by`` is "em", "kmeans" or None; ``k`` is the number of components, ``k_max`` the most that are tried where it is
    not given, and ``fixed`` holds the parameters that keep a value. ``lowered`` says that the moments are too noisy for
    the order that their number would allow.
    """

    by: str | None
    k: int | None
    k_max: int
    fixed: Mapping[str, Any]
    lowered: bool


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
    """The mixture: the one that is proven, or what starts become that are refined, of the size that BIC prefers.

    Gaussian starts are first polished in moment space, at the order that the polish has of its own: a relaxation of
    order r fits the noise of moments of degree 2 r and does not know K; the polish, with its merges and splits, does
    (`mixot.fitting.moments.moment_matching`). Where the moments are too noisy for that, or the data have more
    dimensions than a relaxation sees, expectation-maximisation with its own splits and merges is asked, too.
    """
    points = data.centers() if isinstance(data, Grid) else data
    if found.solved or refinement.by is None or not isinstance(points, Samples):
        return _unrefined(found, data, family, structure, refinement, rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)  # what is to be said of the choice stands in its notes
        fit = _refined(found, points, family, structure, refinement, rng)
        fit = replace(fit, notes=without_options(fit.notes))
        wide = points.dim > _MOST and isinstance(fit.mixture.components, Gaussian | DiagonalGaussian)
        if not ((refinement.lowered or wide) and refinement.by == "em"):
            return fit
        law = "gaussian" if isinstance(fit.mixture.components, Gaussian) else family
        em = EM(k_max=refinement.k_max) if law in ("gaussian", "diagonal") else None
        em = em or FamilyEM(k_max=refinement.k_max, fixed=dict(refinement.fixed))
        other = em.fit(points, family, k=refinement.k, structure=structure, rng=rng)
    if not other.criterion < fit.criterion - _SAME or not _competes(other):
        return fit
    if wide:
        note = (
            f"a projection hides components: the mixture is that of splits and merges in all {points.dim} dimensions, "
            f"with a criterion of {other.criterion:.4f}; {fit.criterion:.4f} is what the relaxations' starts led to"
        )
        return replace(other, notes=(note, *without_options(other.notes)))
    note = (
        f"the moments do not determine the mixture: it is that of expectation-maximisation from k-means, with a "
        f"criterion of {other.criterion:.4f}; {fit.criterion:.4f} is what it reached from the moments"
    )
    return replace(other, notes=(note, *without_options(other.notes)))


def _competes(fit: Fit) -> bool:
    """Whether nothing speaks against the candidate that was chosen."""
    return all(each.reason in ("", LAST) for each in fit.candidates if each.k == len(fit.mixture))


def _refined(found: Found, points: Samples, family: str, structure: str, refinement: Refinement, rng: Any) -> Fit:
    """The fit from the starts: by the polish where it applies, else by EM or k-means from each."""
    matching = MomentMatching(starts=found.starts, k_max=refinement.k_max, refine=refinement.by)
    if _polished(found, points, structure, matching):
        sizes = range(2, refinement.k_max + 1) if refinement.k is None else [refinement.k]
        more = kmeans_starts(points, _law_structure(family, structure), sizes, _MORE, as_generator(rng))
        matching = replace(matching, starts=(*found.starts, *more))
        return matching.fit(points, family, k=refinement.k, structure=structure, rng=rng)
    refined = _by_em if refinement.by == "em" else _by_kmeans
    fits = [refined(start, points, family, structure, refinement, rng) for start in found.starts]
    tried = [candidate_of(fit, next((c.reason for c in fit.candidates), "")) for fit in fits]
    most = max(each.k for each in tried) if refinement.k is None else None
    best, tried, notes = judged(tried, points.observations, most, "order, which bounds it", OTHER_STARTS)
    return replace(fits[best], candidates=tried, notes=(*(n for n in fits[best].notes if n not in notes), *notes))


def _unrefined(found: Found, data: Measure, family: str, structure: str, refinement: Refinement, rng: Any) -> Fit:
    """The start of the number that is suggested, as it is; or, of noisy moments without data, what the polish finds."""
    points = data.centers() if isinstance(data, Grid) else data
    mixture = min(found.starts, key=lambda start: abs(len(start) - found.k))
    if isinstance(points, Samples):
        fit = _scored(mixture, points)
    else:
        nothing = float("nan")
        note = ("only moments are known, so there is no likelihood",)
        free = len(mixture) - 1 + mixture.components.free_parameters(tuple(refinement.fixed))
        seen = data.observations if isinstance(data, SampleMoments) else np.inf
        counts: dict[str, Any] = {"n_parameters": free, "observations": seen}
        fit = Fit(mixture, Status.CONVERGED, 0, nothing, nothing, np.zeros(0), (), note, **counts)
        if isinstance(data, SampleMoments) and refinement.by is not None and _gaussian(found):
            matching = MomentMatching(starts=found.starts, k_max=refinement.k_max, refine=None)
            return matching.fit(data, family, k=refinement.k, structure=structure, rng=rng)
    if found.solved:
        return fit
    note = (
        f"not solved: the mixture of {len(mixture)} is a start, read from the last relaxation, which does not prove "
        "it; raise max_order, or refine it on data"
    )
    return replace(fit, status=Status.MAX_ITER, notes=(*fit.notes, note))


def _gaussian(found: Found) -> bool:
    """Whether the starts are of a family, and in a dimension, that the polish knows."""
    return all(isinstance(s.components, Gaussian | DiagonalGaussian) and s.dim <= _MOST for s in found.starts)


def _polished(found: Found, data: Samples, structure: str, matching: MomentMatching) -> bool:
    """Whether the polish applies: Gaussian starts, in as many dimensions and components as moments can determine."""
    if data.dim > _MOST or not _gaussian(found):
        return False
    largest = max(found.starts, key=len)
    if len(found.starts) > 1:  # sizes that cannot be determined are left out of the choice
        return True
    shape = _structure_of(largest, structure)
    moments = comb(data.dim + 2 * matching.order_for(data), data.dim)
    return len(largest) * component_parameters(data.dim, shape) <= moments


def _law_structure(family: str, structure: str) -> str:
    """The structure meant by a family and its option: the diagonal one has no correlations."""
    return "diagonal" if (family, structure) == ("diagonal", "full") else structure


def _structure_of(start: Mixture, structure: str) -> str:
    """The structure meant: for diagonal components, "full" is all they have."""
    return "diagonal" if isinstance(start.components, DiagonalGaussian) and structure == "full" else structure


def _scored(mixture: Mixture, data: Samples, iterations: int = 0) -> Fit:
    """A mixture as it is, with its likelihood and BIC."""
    likelihood = float(data.weights @ mixture.log_density(data.points))
    free, seen = len(mixture) - 1 + mixture.components.free_parameters(), data.observations
    counts: dict[str, Any] = {"n_parameters": free, "observations": seen}
    return Fit(mixture, Status.CONVERGED, iterations, likelihood, bic(likelihood, free, seen), np.zeros(0), **counts)


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
