"""How many components on both sides of a plan: by the likelihood of the data, and by how firm the plan's map is."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._checks import as_generator, is_whole
from mixot.errors import AccuracyWarning, InputError, UnsupportedError
from mixot.fitting.base import Fitter, as_fitter
from mixot.fitting.joint.component_pairs import ComponentPair, FittedSide, PairComparison
from mixot.fitting.joint.component_search import ComponentSearch
from mixot.fitting.joint.halves import seen_rows
from mixot.measures import Grid, Measure, Samples, as_measure
from mixot.mixture import Mixture, aligned_all
from mixot.results import Fit, ProgressCallback
from mixot.solvers.entropic.omt_plan import OMTPlan

_K_MAX = 10  # the largest number that is tried where neither the sizes nor the fitter say so


@dataclass(frozen=True, eq=False, slots=True)
class ComponentChoice:
    """Numbers of components for two data sets, chosen together, and the whole table that the choice was made from.

    ``fits`` are those of x and y with ``k`` and ``l`` components, ``plan`` the plan between them. ``candidates`` holds
    every pair that was tried, in order of k and then l, and ``source_fits``, ``target_fits`` every fit, in order of its
    size. ``rows`` are the effective numbers of rows, by which a fit's ``criterion`` is multiplied for its BIC.
    """

    k: int
    l: int  # noqa: E741
    fits: tuple[Fit, Fit]
    plan: OMTPlan
    candidates: tuple[ComponentPair, ...]
    source_fits: tuple[Fit, ...]
    target_fits: tuple[Fit, ...]
    rows: tuple[float, float]

    @property
    def source(self) -> Mixture:
        """The mixture of k components for x."""
        return self.fits[0].mixture

    @property
    def target(self) -> Mixture:
        """The mixture of l components for y."""
        return self.fits[1].mixture

    @property
    def pair(self) -> ComponentPair:
        """The candidate that was chosen."""
        return self.candidate(self.k, self.l)

    def candidate(self, k: int, l: int) -> ComponentPair:  # noqa: E741
        """The candidate of these numbers of components."""
        for each in self.candidates:
            if (each.k, each.l) == (k, l):
                return each
        raise InputError(f"the pair ({k}, {l}) was not tried; see candidates")


def choose_components(
    x: Any,
    y: Any,
    family: str = "gaussian",
    *,
    ks: int | Iterable[int] | None = None,
    ls: int | Iterable[int] | None = None,
    structure: str = "full",
    method: ComponentSearch | None = None,
    rng: Any = None,
    progress: ProgressCallback | None = None,
) -> ComponentChoice:
    """Return numbers of components for x and y, chosen together: likely on both sides, and with a firm plan between.

    Each side is fitted with every number, as `fit` does, and every pair is joined by optimal mixture transport. Then

    1. a pair is *likely* if its BIC, both sides together, is above the lowest by no more than one standard error of the
       difference: the data do not tell it from the best;
    2. of the likely ones, those are *firm* whose instability is above the least by no more than its standard error;
    3. of these, the one of fewest components is taken, and of several the likeliest.

    BIC alone keeps components that hardly pay; when the data are drawn again they come out elsewhere, and the plan's
    map with them. Stability alone prefers one component, whose map hardly moves: hence the order of the steps, and
    both rules are those of one standard error (Breiman, Friedman, Olshen and Stone 1984, section 3.4.3), so that no
    threshold is to be set. The instability is measured: the rows are halved at random, each half is fitted anew, and
    what is compared is where the two plans send the same points, since components have neither order nor identity.

    Parameters
    ----------
    x, y : anything that `as_measure` reads as points
        Points, weighted or counted points, dataframes; of one dimension, their columns matched by name.
    family : str
        "gaussian", "diagonal", or any that has an M step.
    ks, ls : numbers of components to try for x and for y
        1 to ``k_max`` of the fitter where ``ks`` is not given; ``ls`` are ``ks`` where not given.
    structure : str
        Of the covariances, as for `fit`. With "auto" one fit chooses a model for each side, which all numbers of
        components then have (``fits[0].structure``): to choose it anew for every half would cost ten times as much.
    method : ComponentSearch, optional
        Its options, such as ``ComponentSearch(pairs="equal", solver=OMT(lam=0.5))``.
    rng : seed, Generator or None
        For starts and splits. A seed gives the fits that `fit` gives with it.
    progress : callable, optional
        Called with a `Progress` after every iteration, then after every fit to a half.

    Returns
    -------
    ComponentChoice
        ``.k .l .fits .plan .candidates .source .target``

    Raises
    ------
    InputError
        On data of different dimensions, numbers of components that are not whole or more than half of the rows, and
        all that `fit` refuses.
    UnsupportedError
        On a density, which has no rows to halve.

    References
    ----------
    Vuong, Econometrica 57 (1989), for the error of a difference of likelihoods; von Luxburg, Clustering stability: an
    overview (2010), for what stability can tell of a number of clusters, and what not.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal([[-4], [4]], 1.0, size=(2, 200)).ravel(), rng.normal([[-6], [0], [6]], 1.0, (3, 200)).ravel()
    >>> found = choose_components(x, y, ks=range(1, 5), rng=0)
    >>> found.k, found.l
    (2, 3)
    """
    search, sizes = method or ComponentSearch(), (ks, ks if ls is None else ls)
    fitter = as_fitter(search.fitter)
    data = aligned_all([_points(as_measure(side), name) for side, name in ((x, "x"), (y, "y"))])
    if data[0].dim != data[1].dim:
        raise InputError(f"x and y must live in the same space, got dimension {data[0].dim} and {data[1].dim}")
    tried = [_sizes(*each, fitter, search.rows) for each in zip(sizes, ("ks", "ls"), data, strict=True)]
    if search.pairs == "equal":
        tried = [sorted(set(tried[0]) & set(tried[1]))] * 2
        if not tried[0]:
            raise InputError("pairs are equal, but ks and ls have no number in common")
    p, q = (
        FittedSide.of(side, ladder, fitter, family, _named(structure, side, fitter, family, rng), rng, progress)
        for side, ladder in zip(data, tried, strict=True)
    )
    comparison = PairComparison(p, q, search, np.random.default_rng(as_generator(rng).integers(0, 2**63, size=4)))
    candidates = comparison.candidates(progress)
    best = chosen(candidates)
    fits = p.fits[p.sizes.index(best.k)], q.fits[q.sizes.index(best.l)]
    for note in {note: None for fit in fits for note in fit.notes}:
        warnings.warn(note, AccuracyWarning, stacklevel=2)
    return ComponentChoice(best.k, best.l, fits, best.plan, candidates, p.fits, q.fits, (p.rows, q.rows))


def _named(structure: str, side: Samples, fitter: Fitter, family: str, rng: Any) -> str:
    """The structure, that of the fit which chooses among all of them where it is "auto"."""
    if structure.lower() != "auto":
        return structure
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)  # what is said of the fits that follow counts
        return fitter.fit(side, family, structure=structure, rng=rng).structure


def chosen(candidates: Iterable[ComponentPair]) -> ComponentPair:
    """The candidate that the three steps of `choose_components` lead to."""
    table = list(candidates)
    likely = [each for each in table if each.likely] or [min(table, key=lambda each: each.excess)]
    firmest = min(likely, key=lambda each: each.instability)
    firm = [each for each in likely if each.instability <= firmest.instability + firmest.instability_error]
    return min(firm, key=lambda each: (each.k + each.l, each.excess))


def _points(data: Measure, name: str) -> Samples:
    if isinstance(data, Grid):
        raise UnsupportedError(f"{name} is a density on a grid, which has no rows to halve; draw points from it first")
    return seen_rows(data)


def _sizes(given: int | Iterable[int] | None, name: str, data: Samples, fitter: Fitter, rows: int) -> list[int]:
    """Numbers of components to try, in order; each half of the rows must have as many rows."""
    half = min(len(data), rows) // 2
    if given is None:
        return list(range(1, max(1, min(getattr(fitter, "k_max", _K_MAX), half)) + 1))
    each = list(given) if isinstance(given, Iterable) else [given]
    if not each or not all(is_whole(k) and k >= 1 for k in each):
        raise InputError(f"{name} must be whole numbers of at least 1, got {given!r}")
    if max(each) > half:
        raise InputError(
            f"{name} go up to {max(each)}, but half of the data has {half} rows: each half is fitted by as many "
            "components; lower them"
        )
    return sorted({int(k) for k in each})
