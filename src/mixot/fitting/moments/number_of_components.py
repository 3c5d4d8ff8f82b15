"""How many components: by the likelihood of the data, or, where there are only moments, by what is left of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from mixot.errors import AccuracyWarning
from mixot.fitting.likelihood.criteria import bic
from mixot.fitting.likelihood.em import EM
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.gaussian.statistics import Parameters
from mixot.fitting.likelihood.search.candidates import OTHER_STARTS, choice, judged
from mixot.fitting.moments.polish import Sweep
from mixot.measures import Grid, Samples
from mixot.mixture import Mixture
from mixot.results import Candidate, Fit, Status

ZERO = 1e-13  # J of moments that a mixture has, up to rounding
_RIVALS = 8  # polished mixtures of lowest J among which the most likely one is a rival
_SHORT = 10  # iterations that tell which of them is better
_PATIENCE = 2  # numbers of components in a row that may be worse than the best before the search ends


def by_likelihood(
    sweep: Sweep, data: Samples | Grid, sizes: list[int], em: EM, rng: np.random.Generator, limit: str = "k_max"
) -> Fit:
    """Return the expectation-maximisation fit of lowest BIC (or ICL), one from the best mixture of each size.

    Sizes are tried upwards until two in a row are worse than the best so far. The choice is made on at most
    ``em.subsample`` rows, drawn by weight; the mixture chosen is then fitted to all of them.
    """
    points = data.centers() if isinstance(data, Grid) else data
    few = _thinned(points, em.subsample, rng)
    fits: list[Fit] = []
    tried: list[Candidate] = []
    for k in sizes:
        fits.append(_climb(em, sweep, few, k))
        tried += fits[-1].candidates
        if len(tried) - 1 - choice(tried) >= _PATIENCE:
            break
    best, candidates, notes = judged(
        tried, few.observations, sizes[-1] if len(sizes) > 1 else None, limit, OTHER_STARTS
    )
    fit = fits[best]
    if few is not points:
        fit = replace(em, start=fit.mixture).fit(points, "gaussian", structure=sweep.structure)
    else:
        for note in fit.notes:
            if note.startswith("the fit "):
                warnings.warn(note, AccuracyWarning, stacklevel=3)
    return replace(fit, candidates=candidates, notes=(*(note for note in fit.notes if note not in notes), *notes))


def as_they_are(
    states: Iterable[tuple[int, Parameters]], em: GaussianEM, criterion: str, most: int | None, limit: str = "k_max"
) -> tuple[int, tuple[Candidate, ...], tuple[str, ...]]:
    """Return the number of components of lowest BIC (or ICL) among mixtures that climb no likelihood, and the choice.

    As in `by_likelihood`, two in a row that are worse than the best so far end the search.
    """
    tried: list[Candidate] = []
    for k, state in states:
        likelihood, spread = em.log_likelihood(state), em.spread(state)
        free = em.free_parameters(k, spread.rank)
        score = bic(likelihood, free, em.observations)
        score += 2 * em.entropy(state) if criterion == "icl" else 0.0
        floor = f"{spread.at_floor} of {k} components have a covariance at the floor" if spread.at_floor else ""
        reason, mixture = em.few_rows(state.weights) or floor, em.mixture(state)
        tried.append(
            Candidate(k, likelihood, score, reason, mixture=mixture, n_parameters=free, observations=em.observations)
        )
        if len(tried) - 1 - choice(tried) >= _PATIENCE:
            break
    best, candidates, notes = judged(tried, em.observations, most, limit, OTHER_STARTS)
    return tried[best].k, candidates, notes


def by_moments(sweep: Sweep, sizes: list[int]) -> tuple[int, dict[int, float], tuple[str, ...]]:
    """Return the number of components that the moments alone choose, the criterion of each, and notes.

    Moments of n observations: the lowest ``J + p log n``, p parameters, which finds the true number as n grows (Andrews
    1999). Exact moments: the smallest number with J = 0 up to rounding; the criterion is J.
    """
    objectives = {k: sweep.best(k).objective for k in sizes}
    if not sweep.target.exact:
        log_n = np.log(sweep.target.count)
        scores = {k: objectives[k] + sweep.parameters(k) * log_n for k in sizes}
        return min(scores, key=scores.__getitem__), scores, ()
    zero = [k for k in sizes if objectives[k] <= ZERO]
    if zero:
        return zero[0], objectives, ()
    best = min(objectives, key=objectives.__getitem__)
    left = (
        f"no mixture of up to {sizes[-1]} components has exactly these moments: J = {objectives[best]:.3g} is left; "
        "if they are those of n observations, say so by count=n"
    )
    return best, objectives, (left,)


def _climb(em: EM, sweep: Sweep, data: Samples, k: int) -> Fit:
    """The likelihood fit of k components, from the lowest J or from what is more likely some iterations later.

    The rivals are other polished mixtures and the starts as they came, of either kind the most likely one.
    """
    tried = sorted(sweep.found[k], key=lambda polished: polished.objective)
    kinds = [
        [tried[0].mixture],
        [polished.mixture for polished in tried[1:_RIVALS]],
        [start for start in sweep.starts if len(start) == k],
    ]
    starts = [_most_likely(kind, data) for kind in kinds if kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)  # said once, of the fit that is chosen
        short = [
            replace(em, start=start, max_iter=min(em.max_iter, _SHORT)).fit(data, "gaussian", structure=sweep.structure)
            for start in starts
        ]
        best = max(short, key=lambda fit: fit.history[-1])
        if best.status is not Status.MAX_ITER or em.max_iter <= _SHORT:
            return best
        rest = replace(em, start=best.mixture, max_iter=em.max_iter - _SHORT)
        fit = rest.fit(data, "gaussian", structure=sweep.structure)
    history = np.concatenate([best.history, fit.history])
    return replace(fit, history=history, iterations=len(history))


def _most_likely(mixtures: list[Mixture], data: Samples) -> Mixture:
    if len(mixtures) == 1:
        return mixtures[0]
    return max(mixtures, key=lambda mixture: float(data.weights @ mixture.log_density(data.points)))


def _thinned(points: Samples, size: int, rng: np.random.Generator) -> Samples:
    if len(points) <= size:
        return points
    rows, counts = np.unique(rng.choice(len(points), size, p=points.weights), return_counts=True)
    return Samples(points.points[rows], counts / size)
