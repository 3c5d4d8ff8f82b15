"""The search for a covariance model and a number of components together.

Where clusters lie is asked of the data once for all models: each starts from the same partitions of the rows, those of
k-means in several coordinates and, later, those that the best models of this and of neighbouring numbers of components
have found. All go a few iterations; only those that may still become the choice are carried to their end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np

from mixot.errors import SolveError
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.gaussian.paths import KernelState
from mixot.fitting.likelihood.gaussian.stored_covariances import with_model, written_out
from mixot.fitting.likelihood.runs import Climb, Run
from mixot.fitting.likelihood.search.candidates import choice
from mixot.fitting.likelihood.search.search import SAME, Search
from mixot.fitting.likelihood.starts.moves import memberships
from mixot.fitting.likelihood.starts.split_and_merge import merges, splits, with_split
from mixot.results import Candidate, Status

_STARTS = 6  # partitions by k-means, at most
_TRIED = 3  # partitions, of the largest classification likelihoods, from which a model starts
_FIRST = 3  # iterations of a model from a partition
_MORE = 12  # of one that may be the choice, until this is asked again
_REACH = 10  # of its last gain is what a run may still gain
_MARGIN = 0.5  # of the criterion, that no partition found later makes up for
_DONORS = 2  # models of a number of components whose partitions the others try
_HANDED = 2  # splits, and mergers, that a number of components hands to its neighbours
_SEARCHED = 3  # of the best that are searched one by one
_FRESH = 3  # k-means starts of such a search

Cell = tuple[str, int]  # a model and a number of components


@dataclass(eq=False)
class StructureSearch:
    """Runs on ``rows``, one for each model and number of components, from partitions that all of them share.

    ``climb(em, k)`` is how the runs of a model go on, ``score`` gives the candidate that one stands for, ``starts`` is
    the number of partitions by k-means, which ``rng`` draws.
    """

    rows: GaussianEM
    models: Sequence[str]
    starts: int
    climb: Callable[[GaussianEM, int], Climb]
    score: Callable[[Run], Candidate]
    rng: np.random.Generator
    runs: dict[Cell, Run] = field(default_factory=dict)
    tried: dict[Cell, Candidate] = field(default_factory=dict)
    level: float = np.inf  # the lowest criterion so far

    def __post_init__(self) -> None:
        self.ems = {name: with_model(self.rows, name) for name in self.models}
        wide = with_model(self.rows, "VVV")
        self.search = Search(wide, self.starts, lambda k, _: self.climb(wide, k), self.rng)
        self.seen: set[tuple[int, bytes]] = set()
        self.likelihoods: dict[Cell, list[float]] = {}

    def over(self, sizes: Sequence[int]) -> None:
        """Fills ``runs`` and ``tried`` for these numbers of components; the choice among them is searched."""
        for k in sizes:
            self._from_partitions(k, self._k_means(k), np.inf)
        if not self.runs:
            raise SolveError("with every covariance model some covariance is singular; raise reg, or ask for fewer")
        for k in sizes:
            self._from_partitions(k, self._of_the_best(k))
        for k in sizes[1:]:
            self._from_partitions(k, self._split(k - 1))
        for k in reversed(sizes[:-1]):
            self._from_partitions(k, self._merged(k + 1))
        searched: set[Cell] = set()
        while True:
            self._rivals_to_their_end()
            few = min(_SEARCHED, len(self.models) // 2)  # on the line there are two models, easily searched
            left = [cell for cell in self.ranked()[:few] if cell not in searched]
            if not left:
                return
            searched.add(left[0])
            self._search(left[0])
            self._from_partitions(left[0][1], self._of_the_best(left[0][1]))

    def ranked(self) -> list[Cell]:
        """The cells, lowest criterion first, those that do not compete last."""
        return sorted(self.tried, key=lambda cell: (bool(self.tried[cell].reason), self.tried[cell].criterion))

    def _k_means(self, k: int) -> Iterable[np.ndarray]:
        if k == 1:
            return [np.zeros(len(self.rows.points), dtype=np.int64)]
        most = _STARTS if self.rows.points.shape[1] > 1 else 2  # on the line all coordinates are the same
        return (self.search.views.labels(s, k, self.rng) for s in range(min(self.starts, most)))

    def _best(self, k: int, count: int) -> list[Run]:
        """The best runs of k components, of whatever model."""
        return [self.runs[cell] for cell in self.ranked() if cell[1] == k][:count]

    def _of_the_best(self, k: int) -> list[np.ndarray]:
        return [memberships(run.em, run.state).shares.argmax(axis=1) for run in self._best(k, _DONORS)]

    def _split(self, k: int) -> Iterator[np.ndarray]:
        """Partitions of k + 1 clusters, one of k split."""
        em = self.search.rows
        for run in self._best(k, 1):
            state = written_out(run.em, run.state)
            for split in splits(em, state, memberships(run.em, run.state).shares)[:_HANDED]:
                with suppress(SolveError):  # a half may be flat, where nothing is added to it
                    labels = em.log_joint(with_split(em, state, split)).argmax(axis=1)
                    yield labels

    def _merged(self, k: int) -> Iterator[np.ndarray]:
        """Partitions of k - 1 clusters, two of k merged."""
        for run in self._best(k, 1):
            labels = memberships(run.em, run.state).shares.argmax(axis=1)
            pairs = merges(written_out(run.em, run.state))
            for i, j, _ in sorted(pairs, key=lambda pair: pair[2])[:_HANDED]:
                one = np.where(labels == i, j, labels)  # j < i
                yield one - (one > i)

    def _from_partitions(self, k: int, partitions: Iterable[np.ndarray], margin: float = _MARGIN) -> None:
        """A few iterations from every partition that is new, of the models for which it is among the likeliest.

        Those whose criterion is above the best by more than ``margin`` are left as they are.
        """
        climbs = {name: self.climb(em, k) for name, em in self.ems.items()}
        for labels in partitions:
            clusters, places = np.unique(labels, return_inverse=True)
            key = k, places.astype(np.uint16).tobytes()
            if key in self.seen or len(clusters) < k:
                continue
            self.seen.add(key)
            for name, em in self.ems.items():
                known = self.tried.get((name, k))
                if known is not None and known.criterion > self.level + margin:
                    continue
                start = em.on_labels(labels, k)
                if self._promising((name, k), classification(em, start)):
                    with suppress(SolveError):
                        self._keep((name, k), climbs[name].start(em, start, _FIRST))

    def _promising(self, cell: Cell, likelihood: float) -> bool:
        """Whether few partitions were likelier."""
        known = self.likelihoods.setdefault(cell, [])
        known.append(likelihood)
        return sum(other > likelihood for other in known) < _TRIED

    def _keep(self, cell: Cell, run: Run) -> bool:
        """Takes a run where it is the best of its model so far; whether it is."""
        old = self.runs.get(cell)
        if old is not None and (not run.determined, -run.objective) >= (not old.determined, -old.objective - SAME):
            return False
        self._take(cell, run)
        return True

    def _take(self, cell: Cell, run: Run) -> None:
        self.runs[cell], self.tried[cell] = run, self.score(run)
        if not self.tried[cell].reason:
            self.level = min(self.level, self.tried[cell].criterion)

    def _rivals_to_their_end(self) -> None:
        while left := rivals(self.runs, self.tried):
            for cell in left:
                run = self.runs[cell]
                self._take(cell, carried_on(self.climb(run.em, cell[1]), run))

    def _search(self, cell: Cell) -> None:
        """Searches one model and number of components as if they had been asked for."""
        name, k = cell
        em = self.ems[name]
        own = Search(em, min(self.starts, _FRESH), lambda k, _: self.climb(em, k), self.rng)
        if k > 1:
            with suppress(SolveError):
                self._keep(cell, own.thorough(k, [self.runs[cell]])[0])


def rivals(runs: dict[Cell, Run], tried: dict[Cell, Candidate]) -> list[Cell]:
    """The cells that have not come to their end and are the best one or may become it."""
    cells = list(runs)
    best = cells[choice([tried[cell] for cell in cells])]
    level = tried[best].criterion
    return [
        cell
        for cell in cells
        if runs[cell].status is Status.MAX_ITER
        and (cell == best or tried[cell].criterion - _outlook(runs[cell]) < level)
    ]


def carried_on(climb: Climb, run: Run) -> Run:
    """``run`` some iterations farther; one that has made all that it may is stalled, one that collapses unbounded."""
    try:
        on = climb.further(run, _MORE)
    except SolveError:
        return replace(run, status=Status.UNBOUNDED)
    return replace(on, status=Status.STALLED) if on is run else on


def _outlook(run: Run) -> float:
    """How much lower a run's criterion may become if it goes on."""
    return 2 * _REACH * float(np.diff(run.history[-2:]).sum()) if len(run.history) > 1 else np.inf


def classification(em: GaussianEM, state: KernelState) -> float:
    """Mean log-likelihood of the rows and the partition that the M step ``state`` was made of, but for a constant."""
    weights, covs, d = state.weights, state.covs, em.noise.size
    with np.errstate(divide="ignore"):  # of singular ones
        if d == 1:
            logs = np.log(covs)
        else:
            logs = np.linalg.slogdet(covs.reshape(-1, d, d))[1] if em.dense else np.log(covs.reshape(-1, d)).sum(axis=1)
        return float(weights @ (np.log(weights) - logs / 2))
