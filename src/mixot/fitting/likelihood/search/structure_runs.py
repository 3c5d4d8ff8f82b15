"""Runs of EM for every covariance model and number of components: found on few rows, decided on all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from mixot.errors import SolveError
from mixot.fitting.likelihood.criteria import bic
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.gaussian.statistics import Parameters
from mixot.fitting.likelihood.gaussian.stored_covariances import stored_as, with_model, written_out
from mixot.fitting.likelihood.runs import Climb, Run
from mixot.fitting.likelihood.search.search import Search, look
from mixot.fitting.likelihood.search.structure_search import (
    Cell,
    StructureSearch,
    carried_on,
    rivals,
)
from mixot.fitting.likelihood.starts.subsample import thinned
from mixot.measures import Samples
from mixot.mixture import Mixture
from mixot.results import Candidate, Status

_CARRIED = 12  # of those that are best on few rows, and the best of every number of components, see all rows
_GLANCE = 3  # iterations over all rows that tell whether one may be the choice
_MOVES, _PROMISE = 3, 3.0  # moves that are tried on many rows, and nats in all that they have to promise
_CLOSER = 20  # times the tolerance of other runs is that of the choice
STOPPED = "stopped early: it would not have become the choice"


@dataclass(frozen=True, eq=False)
class StructureRuns:
    """How the models of ``names`` are tried on the rows of ``em``.

    ``climb(em, k, stage)`` is how a run goes on, ``judge`` gives the candidate that one stands for; where not
    ``plain``, the criterion needs more than the likelihood, and all runs are judged in full.
    """

    em: GaussianEM
    names: Sequence[str]
    starts: int
    subsample: int
    climb: Callable[[GaussianEM, int, str], Climb]
    judge: Callable[[Run], Candidate]
    plain: bool
    rng: np.random.Generator

    def started(self, start: Mixture | Samples) -> tuple[list[Run], list[Candidate]]:
        """A run of each model from the closest mixture to ``start`` that it has, or from means and their weights."""

        def begun(em: GaussianEM) -> Parameters:
            if isinstance(start, Samples):
                return em.around(start.points, start.weights)
            return stored_as(em, Parameters(start.weights, start.components.mean(), start.components.cov()))

        runs = []
        for name in self.names:
            em = with_model(self.em, name)
            climb = self.climb(em, len(start), "")
            runs.append(climb.start(em, em.into_kernel(begun(em))))
        return runs, [self.judge(run) for run in runs]

    def over(self, sizes: Sequence[int]) -> tuple[list[Run], list[Candidate]]:
        """A run for each model and number of components, and what it stands for, simplest models first."""
        most = max(sizes)
        coarse = thinned(self.em, max(self.subsample, most), most, self.rng)
        few = thinned(coarse, look(self.em, most), most, self.rng)
        one = self.em.from_labels(np.zeros(len(self.em.points), dtype=np.int64), 1)
        score = self._score(few.observations, self.em.spread(one).rank)
        search = StructureSearch(few, self.names, self.starts, lambda em, k: self.climb(em, k, ""), score, self.rng)
        search.over(sizes)
        seen = set(search.runs) if few is self.em else self._on_all_rows(search, coarse, sizes)
        runs, tried = search.runs, {}
        for cell, run in runs.items():
            if run.status is Status.STALLED:  # has made all the iterations that it may
                runs[cell] = replace(run, status=Status.MAX_ITER)
        best = search.ranked()[0]
        runs[best] = self._closer(runs[best])
        for cell, run in runs.items():
            if cell in seen:
                tried[cell] = self._in_full(run, score)
            else:
                reason = search.tried[cell].reason or f"far from the best on {len(few.points)} of the rows"
                tried[cell] = replace(search.tried[cell], log_likelihood=np.nan, criterion=np.nan, reason=reason)
        cells = sorted(runs, key=lambda cell: (self.names.index(cell[0]), cell[1]))
        return [runs[cell] for cell in cells], [tried[cell] for cell in cells]

    def _score(self, rows: float, rank: int) -> Callable[[Run], Candidate]:
        """What a run on so many rows stands for among all: its objective, less what few rows make of parameters."""
        total = self.em.observations
        flattery = 1 / rows - 1 / total  # of minus twice the log-likelihood, for each parameter

        def score(run: Run) -> Candidate:
            if not self.plain:
                return _bounded(self.judge(run), run)
            em, k = run.em, len(run.shares)
            free = em.free_parameters(k, rank)
            away = 0.0 if em.observations == total else flattery
            value = bic(run.objective, free, total) + free * away
            reason = "" if run.determined else "the rows do not determine some covariance"
            structure = em.model.shown(em.points.shape[1])
            found = Candidate(k, run.objective, value, reason, structure, n_parameters=free, observations=total)
            return _bounded(found, run)

        return score

    def _in_full(self, run: Run, score: Callable[[Run], Candidate]) -> Candidate:
        """The candidate of a run on all rows: its likelihood without noise, and why it does not compete, in words."""
        if not self.plain or not run.determined:
            found = _bounded(self.judge(run), run)
        else:
            rough = score(run)
            likelihood = run.em.log_likelihood(run.state) if run.em.noise.any() else run.objective
            gain = 2 * (rough.log_likelihood - likelihood)
            found = replace(rough, log_likelihood=likelihood, criterion=rough.criterion + gain)
        limit = self.climb(run.em, len(run.shares), "").max_iter
        stopped = run.status is Status.MAX_ITER and len(run.history) < limit
        return replace(found, reason=STOPPED) if stopped and not found.reason else found

    def _closer(self, run: Run) -> Run:
        """The choice nearer to its maximum, where it has come to one."""
        climb = self.climb(run.em, len(run.shares), "all rows")
        if run.status is not Status.CONVERGED or climb.tol == 0 or len(run.history) >= climb.max_iter:
            return run
        return replace(climb, tol=climb.tol / _CLOSER).further(replace(run, status=Status.MAX_ITER))

    def _on_all_rows(self, search: StructureSearch, coarse: GaussianEM, sizes: Sequence[int]) -> set[Cell]:
        """Runs of the promising cells over all rows; the choice among them is searched on more rows. Which they are."""
        ranked, small = search.ranked(), dict(search.runs)
        cells = ranked[:_CARRIED] + [cell for k in sizes for cell in [each for each in ranked if each[1] == k][:1]]
        runs: dict[Cell, Run] = {}
        tried: dict[Cell, Candidate] = {}

        def take(cell: Cell, run: Run) -> None:
            if cell not in runs or run.objective > runs[cell].objective:
                runs[cell], tried[cell] = run, search.score(run)

        for cell in dict.fromkeys(cells):
            em = with_model(self.em, cell[0])
            with suppress(SolveError):
                take(cell, self.climb(em, cell[1], "all rows").start(em, small[cell].path.state, _GLANCE))
        searched: set[Cell] = set()
        while True:
            while left := rivals(runs, tried):
                for cell in left:
                    on = carried_on(self.climb(runs[cell].em, cell[1], "all rows"), runs[cell])
                    runs[cell], tried[cell] = on, search.score(on)
            best = min(runs, key=lambda cell: (bool(tried[cell].reason), tried[cell].criterion))
            if best in searched:
                search.runs |= runs
                search.tried |= tried
                return set(runs)
            searched.add(best)
            if coarse is not self.em:
                with suppress(SolveError):
                    better = self._moved(small.get(best, runs[best]), with_model(coarse, best[0]), best[1])
                    em = runs[best].em
                    take(best, self.climb(em, best[1], "all rows").start(em, better.path.state))
            for name, run in self._from_the_best(runs[best]):
                take((name, best[1]), run)

    def _from_the_best(self, best: Run) -> Iterator[tuple[str, Run]]:
        """Short runs of the other models, from the mixture of the best."""
        state = written_out(best.em, best.state)
        for name in self.names:
            em = with_model(self.em, name)
            if em.model != best.em.model:
                with suppress(SolveError):
                    start = em.into_kernel(stored_as(em, state))
                    yield name, self.climb(em, len(state.weights), "all rows").start(em, start, _GLANCE)

    def _moved(self, run: Run, coarse: GaussianEM, k: int) -> Run:
        """``run`` carried to more rows, and moved there as long as that helps."""
        climb = self.climb(coarse, k, "subsample")
        search = Search(coarse, self.starts, lambda k, _: climb, self.rng)
        return search.moved(climb.start(coarse, run.path.state), climb, _MOVES, _PROMISE / coarse.observations)


def _bounded(found: Candidate, run: Run) -> Candidate:
    """The candidate of a run, which does not compete where the run ended at a singular covariance."""
    if run.status is not Status.UNBOUNDED:
        return found
    return replace(found, reason="its likelihood is unbounded: a covariance becomes singular; raise reg")
