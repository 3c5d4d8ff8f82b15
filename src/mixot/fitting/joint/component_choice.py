"""How many components on both sides of a plan: by the likelihood of the data, and by how firm the plan's map is."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mixot._shapes import Float
from mixot.errors import AccuracyWarning, InputError, UnsupportedError
from mixot.fitting.base import Fitter, as_fitter
from mixot.fitting.joint.map_stability import Images, instability, some, split
from mixot.fitting.likelihood.criteria import effective_count
from mixot.fitting.likelihood.em import reporter, rows_of
from mixot.measures import Grid, Measure, Samples, as_measure
from mixot.mixture import Mixture
from mixot.results import Fit, ProgressCallback
from mixot.solvers.entropic.omt import OMT
from mixot.solvers.entropic.omt_plan import OMTPlan
from mixot.transport.plans import between_mixtures

_K_MAX = 10  # the largest number that is tried where neither the sizes nor the fitter say so
_GAUSSIAN = ("gaussian", "diagonal")


@dataclass(frozen=True, eq=False, slots=True)
class ComponentPair:
    """One pair of numbers of components that was tried, and how it fared.

    ``excess`` is by how much its BIC, both sides together, is above that of the likeliest pair, and ``excess_error``
    one standard error of that difference, from the log-likelihoods row by row (Vuong 1989). ``instability`` is the
    sampling variance of a point's image under the plan as a share of the variance of all images, measured by fits to
    halves of the data, and ``instability_error`` its standard error over the splits. Two analytic numbers of the
    ``plan`` stand beside it, for the weights' part of the noise alone: ``second_singular_value`` (see `Stability`), and
    ``arrow_error``, the relative standard error of an entry of the plan, on average over its mass, when the weights are
    shares among as many rows as there are (None where marginals are relaxed).
    """

    k: int
    l: int  # noqa: E741 (the letters of the house: k, l components)
    excess: float
    excess_error: float
    instability: float
    instability_error: float
    second_singular_value: float
    arrow_error: float | None
    determined: bool
    plan: OMTPlan

    @property
    def likely(self) -> bool:
        """Whether the pair is as likely as the likeliest, within one standard error, and its fits are determined."""
        return self.determined and self.excess <= self.excess_error


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


@dataclass(frozen=True)
class ComponentSearch:
    """How numbers of components are chosen.

    Parameters
    ----------
    pairs : "all" for every number of x with every number of y, "equal" for the same number on both sides
    splits : how many times the rows are halved; each costs two fits of every size on each side
    rows : most rows that are halved; of more, a random part is taken each time, and the instability is that of plans
        from so many rows
    points : most points of each side whose images are compared
    fitter : the way to fit, or its name
    solver : the plan whose map is to be firm
    """

    pairs: str = "all"
    splits: int = 8
    rows: int = 20_000
    points: int = 1000
    fitter: str | Fitter = "em"
    solver: OMT = field(default_factory=OMT)

    def __post_init__(self) -> None:
        if self.pairs not in ("all", "equal"):
            raise InputError(f'pairs must be "all" or "equal", got {self.pairs!r}')
        for name, least in (("splits", 2), ("rows", 4), ("points", 2)):
            value = getattr(self, name)
            if not (isinstance(value, int | np.integer) and value >= least):
                raise InputError(f"{name} must be a whole number of at least {least}, got {value!r}")
        if not isinstance(self.solver, OMT):
            raise InputError(f"solver must be OMT(...), got {type(self.solver).__name__}; OMT(lam=0) is the exact plan")
        if self.solver.cost != "w2":
            raise InputError('a plan under the KL cost moves no points, so it has no arrows; leave cost="w2"')


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
        Points, weighted points, dataframes; of one dimension.
    family : str
        "gaussian", "diagonal", or any that has an M step.
    ks, ls : numbers of components to try for x and for y
        1 to ``k_max`` of the fitter where ``ks`` is not given; ``ls`` are ``ks`` where not given.
    structure : str
        Of the covariances, as for `fit`.
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
    data = [_points(as_measure(side), name) for side, name in ((x, "x"), (y, "y"))]
    if data[0].dim != data[1].dim:
        raise InputError(f"x and y must live in the same space, got dimension {data[0].dim} and {data[1].dim}")
    tried = [_sizes(*each, fitter, search.rows) for each in zip(sizes, ("ks", "ls"), data, strict=True)]
    if search.pairs == "equal":
        tried = [sorted(set(tried[0]) & set(tried[1]))] * 2
        if not tried[0]:
            raise InputError("pairs are equal, but ks and ls have no number in common")
    p, q = (
        _Side.of(side, ladder, fitter, family, structure, rng, progress)
        for side, ladder in zip(data, tried, strict=True)
    )
    comparison = _PairComparison(
        p, q, search, np.random.default_rng(np.random.default_rng(rng).integers(0, 2**63, size=4))
    )
    candidates = comparison.candidates(progress)
    best = chosen(candidates)
    fits = p.fits[p.sizes.index(best.k)], q.fits[q.sizes.index(best.l)]
    for note in {note: None for fit in fits for note in fit.notes}:
        warnings.warn(note, AccuracyWarning, stacklevel=2)
    return ComponentChoice(best.k, best.l, fits, best.plan, candidates, p.fits, q.fits, (p.rows, q.rows))


def chosen(candidates: Iterable[ComponentPair]) -> ComponentPair:
    """The candidate that the three steps of `choose_components` lead to."""
    table = list(candidates)
    likely = [each for each in table if each.likely] or [min(table, key=lambda each: each.excess)]
    firmest = min(likely, key=lambda each: each.instability)
    firm = [each for each in likely if each.instability <= firmest.instability + firmest.instability_error]
    return min(firm, key=lambda each: (each.k + each.l, each.excess))


@dataclass(frozen=True, eq=False)
class _Side:
    """One data set, and its fits of every size."""

    data: Samples
    sizes: list[int]
    fits: tuple[Fit, ...]
    fitter: Fitter
    family: str
    structure: str

    @classmethod
    def of(
        cls,
        data: Samples,
        sizes: list[int],
        fitter: Fitter,
        family: str,
        structure: str,
        rng: Any,
        progress: ProgressCallback | None,
    ) -> _Side:
        side = cls(data, sizes, (), fitter, family, structure)
        fits = tuple(side.fitted(data, np.random.default_rng(rng), progress))
        bad = [size for size, fit in zip(sizes, fits, strict=True) if not np.isfinite(fit.criterion)]
        if bad:
            raise UnsupportedError(f"the fits have no information criterion (k = {bad[0]}), so none can be preferred")
        return cls(data, sizes, fits, fitter, family, structure)

    def fitted(
        self, data: Samples, rng: np.random.Generator, progress: ProgressCallback | None = None
    ) -> Iterator[Fit]:
        """Fits of every size to this part of the data; what they warn of stands in their notes."""
        options: dict[str, Any] = {"structure": self.structure, "rng": rng, "progress": progress}
        for size in self.sizes:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", AccuracyWarning)
                yield self.fitter.fit(data, self.family, k=size, **options)

    @property
    def rows(self) -> float:
        """Effective number of rows."""
        return effective_count(self.data.weights)

    def scores(self) -> Float[np.ndarray, " s"]:
        """BIC of each fit, for all rows together."""
        return self.rows * np.array([fit.criterion for fit in self.fits])

    def variances(self, best: int) -> Float[np.ndarray, " s"]:
        """Sampling variance of the difference of -2 log-likelihood between each fit and the one at ``best``."""
        logs = np.stack([fit.mixture.log_density(self.data.points) for fit in self.fits])
        apart = logs - logs[best]
        apart -= (apart @ self.data.weights)[:, None]
        return (2 * self.rows) ** 2 * (apart**2 @ self.data.weights**2)

    def determined(self) -> list[bool]:
        """Whether each component of each fit has the rows that its covariance takes, as `EM` asks for."""
        least = {"full": self.data.dim + 1, "tied": 0}.get(self.structure, 2) if self.family in _GAUSSIAN else 0
        return [float(fit.mixture.weights.min()) * len(self.data) >= least for fit in self.fits]


@dataclass(frozen=True, eq=False)
class _PairComparison:
    """Both sides, and the pairs of their fits that are compared."""

    p: _Side
    q: _Side
    search: ComponentSearch
    rng: np.random.Generator

    def pairs(self) -> list[tuple[int, int]]:
        """Places of the pairs of fits in the lists of both sides."""
        if self.search.pairs == "equal":
            return [(i, i) for i in range(len(self.p.fits))]
        return [(i, j) for i in range(len(self.p.fits)) for j in range(len(self.q.fits))]

    def candidates(self, progress: ProgressCallback | None) -> tuple[ComponentPair, ...]:
        """The table."""
        pairs = self.pairs()
        plans = {(i, j): self._plan(self.p.fits[i], self.q.fits[j]) for i, j in pairs}
        noise = self._instabilities(plans, progress)
        scores = [self.p.scores(), self.q.scores()]
        fine = self.p.determined(), self.q.determined()
        open_to = [pair for pair in pairs if fine[0][pair[0]] and fine[1][pair[1]]] or pairs
        best = min(open_to, key=lambda pair: scores[0][pair[0]] + scores[1][pair[1]])
        squares = self.p.variances(best[0]), self.q.variances(best[1])
        out = []
        for i, j in pairs:
            plan, shares = plans[i, j], noise[i, j]
            report = plan.stability()
            out.append(
                ComponentPair(
                    k=self.p.sizes[i],
                    l=self.q.sizes[j],
                    excess=float(scores[0][i] - scores[0][best[0]] + scores[1][j] - scores[1][best[1]]),
                    excess_error=float(np.sqrt(squares[0][i] + squares[1][j])),
                    instability=float(shares.mean()),
                    instability_error=float(shares.std(ddof=1) / np.sqrt(len(shares))),
                    second_singular_value=report.second_singular_value,
                    arrow_error=_arrow_error(plan, self.p.rows, self.q.rows),
                    determined=fine[0][i] and fine[1][j],
                    plan=plan,
                )
            )
        return tuple(out)

    def _plan(self, first: Fit, second: Fit) -> OMTPlan:
        return between_mixtures(first.mixture, second.mixture, self.search.solver)

    def _instabilities(
        self, plans: dict[tuple[int, int], OMTPlan], progress: ProgressCallback | None
    ) -> dict[tuple[int, int], Float[np.ndarray, " s"]]:
        """The instability of each pair, split by split."""
        x, y = (some(side.data, self.search.points, self.rng) for side in (self.p, self.q))
        out = {pair: np.empty(self.search.splits) for pair in plans}
        whole = {(i, j): self._images(self.p.fits[i], self.q.fits[j], x, y) for i, j in plans}
        per_split = 2 * (len(self.p.sizes) + len(self.q.sizes))
        report = reporter(progress, "fits to halves", per_split * self.search.splits)
        done = 0
        for s in range(self.search.splits):
            halves: list[list[list[Fit]]] = [[], []]  # side, half, size
            for side, fits in zip((self.p, self.q), halves, strict=True):
                for half in split(side.data, self.rng, self.search.rows):
                    fits.append([])
                    for fit in side.fitted(half, self.rng):
                        fits[-1].append(fit)
                        report(done := done + 1, fit.criterion)
            for i, j in plans:
                first, second = (self._images(halves[0][h][i], halves[1][h][j], x, y) for h in range(2))
                out[i, j][s] = instability(whole[i, j], (first, second))
        return out

    def _images(self, first: Fit, second: Fit, x: np.ndarray, y: np.ndarray) -> Images:
        return Images.of(first.mixture, second.mixture, self._plan(first, second), x, y)


def _arrow_error(plan: OMTPlan, n: float, m: float) -> float | None:
    """Relative standard error of an entry of the plan, on average over its mass, by the sampling of the weights."""
    if not plan.balanced:
        return None
    seen = plan.coupling > 0
    return float(plan.coupling[seen] @ plan.stability().relative_errors(n, m)[seen] / plan.coupling.sum())


def _points(data: Measure, name: str) -> Samples:
    if isinstance(data, Grid):
        raise UnsupportedError(f"{name} is a density on a grid, which has no rows to halve; draw points from it first")
    points, weights = rows_of(data)
    if isinstance(data, Samples) and len(points) == len(data):
        return data
    return Samples(points, weights / weights.sum())


def _sizes(given: int | Iterable[int] | None, name: str, data: Samples, fitter: Fitter, rows: int) -> list[int]:
    """Numbers of components to try, in order; each half of the rows must have as many rows."""
    half = min(len(data), rows) // 2
    if given is None:
        return list(range(1, max(1, min(getattr(fitter, "k_max", _K_MAX), half)) + 1))
    each = [given] if isinstance(given, int | np.integer) else list(given)
    if not each or not all(isinstance(k, int | np.integer) and k >= 1 for k in each):
        raise InputError(f"{name} must be whole numbers of at least 1, got {given!r}")
    if max(each) > half:
        raise InputError(
            f"{name} go up to {max(each)}, but half of the data has {half} rows: each half is fitted by as many "
            "components; lower them"
        )
    return sorted({int(k) for k in each})
