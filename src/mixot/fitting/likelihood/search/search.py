"""The search for the best maximum of the likelihood: many short runs, few long ones, and moves out of the best."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from math import log

import numpy as np

from mixot.errors import SolveError
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.gaussian.paths import KernelState
from mixot.fitting.likelihood.gaussian.stored_covariances import with_model
from mixot.fitting.likelihood.runs import Climb, Run
from mixot.fitting.likelihood.starts.moves import memberships, moves
from mixot.fitting.likelihood.starts.split_and_merge import splits, with_split
from mixot.fitting.likelihood.starts.views import Views
from mixot.results import Status

SAME = 1e-9  # runs that end so close ended in one place: take the first, whatever the rounding
_SHORT = 5  # iterations of all starts
_STAGES = ((3, 8),)  # of how many starts one goes on, and for how many iterations more
_LAST = 2  # runs that are carried to their end
_AGREED = 3  # starts that converge at once, to one place, settle the matter
_EXCHANGES, _SETTLED = 8, 4  # times that rows may change components, and iterations after each
_MOVES, _ROUNDS = 3, 8  # moves tried at once, and how often one may succeed
_BLIND = 3  # times as many, where what they promise is told by another model
_GLANCE, _LOOK = 6, 20  # iterations of all moves, and of the best two
_LEAST_ROWS = 2  # of a component that a move may make, in units of what determines a covariance
_WORTH = 0.25  # nats for each of its parameters and log rows that a component of fewer has to gain
_NEAR = 2e-3  # nats per observation that a move may still lack after these
_SPLITS, _FRESH = 2, 1  # splits of the mixture of one component less, and k-means starts beside them
_ROWS, _ROWS_EACH = 1000, 10  # rows that the starts look at: so many, or more with components and dimensions


@dataclass(frozen=True, eq=False)
class Search:
    """Runs on ``rows``, the same for every number of components; ``climb(k, stage)`` is how those of a stage go on.

    ``starts`` is the number of k-means starts of a thorough search, which ``rng`` draws.
    """

    rows: GaussianEM
    starts: int
    climb: Callable[[int, str], Climb]
    rng: np.random.Generator
    views: Views = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "views", Views(self.rows))

    def thorough(self, k: int, known: Sequence[Run] = ()) -> list[Run]:
        """The best ends of ``starts`` runs, of which ever fewer go ever farther, and of moves; most likely first."""
        climb = self.climb(k, "")
        if k == 1 or (self.starts == 1 and not known):
            labels = self.views.labels(0, k, self.rng) if k > 1 else np.zeros(len(self.rows.points), dtype=np.int64)
            return [climb.start(self.rows, self.rows.on_labels(labels, k))]
        tries, agreed = self._short_runs(k, known, range(self.starts))
        if agreed:
            return tries
        for part, more in _STAGES:
            tries = [
                _exchanged(climb.further(run, more), climb) for run in best_of(tries, max(_LAST, self.starts // part))
            ]
        best, *others = best_of([_to_the_end(run, climb) for run in best_of(tries, _LAST)], _LAST)
        ends = best_of([self.moved(best, climb), *others], _LAST)
        free = [] if known else self._of_free_covariances(k, climb)
        if not free or best_of([*ends, *free], 1)[0] is not free[0]:
            return ends
        return best_of([self.moved(free[0], climb), *ends], _LAST)

    def _of_free_covariances(self, k: int, climb: Climb) -> list[Run]:
        """Where covariances share volumes, shapes or axes: a run from the clusters that free ones have found.

        What k-means takes for one cluster may be two of unlike shapes, and moves know little of what is shared.
        """
        if self.rows.model.in_words:
            return []
        with suppress(SolveError):
            run = replace(self, rows=with_model(self.rows, "VVV")).thorough(k)[0]
            labels = memberships(run.em, run.state).shares.argmax(axis=1)
            if len(np.unique(labels)) == k:
                return [_to_the_end(climb.start(self.rows, self.rows.on_labels(labels, k)), climb)]
        return []

    def warm(self, k: int, smaller: Run) -> Run:
        """The best of short runs from splits of a mixture of one component less and from few k-means starts."""
        known = []
        if smaller.determined:
            shares = memberships(self.rows, smaller.state).shares
            for at, split in enumerate(splits(self.rows, smaller.state, shares)[:_SPLITS]):
                state = self.rows.into_kernel(with_split(self.rows, smaller.state, split))
                known.append(self._short(k, f"split {at + 1}", state))
        fresh = min(self.starts, _FRESH)
        tries, _ = self._short_runs(k, known, range(fresh * (k - 2), fresh * (k - 1)))
        return self.climb(k, "").further(best_of(tries, 1)[0])

    def _short_runs(self, k: int, known: Sequence[Run], starts: range) -> tuple[list[Run], bool]:
        """Short runs from every start, or one where the first few have settled the matter; whether they have."""
        tries = list(known)
        near = 2 * self.climb(k, "").tol
        for s in starts:
            state = self.rows.on_labels(self.views.labels(s, k, self.rng), k)
            tries.append(self._short(k, f"start {s - starts[0] + 1} of {len(starts)}", state))
            if tries[-1].status is not Status.CONVERGED:
                continue
            top = max(run.objective for run in tries)
            same = [run for run in tries if run.status is Status.CONVERGED and run.objective >= top - near]
            if len(same) >= _AGREED and same[0].determined:
                return best_of(same, 1), True
        return tries, False

    def _short(self, k: int, name: str, state: KernelState) -> Run:
        return self.climb(k, name).start(self.rows, state, _SHORT)

    def moved(self, run: Run, climb: Climb, count: int = _MOVES, least: float = -np.inf) -> Run:
        """``run``, or what moves out of it lead to, as long as they lead up.

        ``count`` moves are tried at once, of those that promise more than ``least`` nats per row; more where
        covariances are not free, of which the promises know nothing.
        """
        rows = run.em
        count = count if rows.model.free else _BLIND * count
        for _ in range(_ROUNDS):
            starts = moves(rows, run.state, count, least)
            tries = _standing(partial(climb.start, rows, rows.into_kernel(move.state), _GLANCE) for move in starts)
            tries = _standing(partial(climb.further, trial, _LOOK - _GLANCE) for trial in best_of(tries, _LAST))
            near = (trial for trial in tries if trial.objective > run.objective - _NEAR)
            tries = _standing(partial(_to_the_end, trial, climb) for trial in near)
            level = run.objective + SAME if run.determined else -np.inf
            better = [trial for trial in tries if trial.objective > level and _solid(trial, run)]
            if not better:
                return run
            before, run = run, best_of(better, 1)[0]
            if before.determined and run.objective <= before.objective + 2 * climb.tol:
                return run  # the same place, a little nearer to its top
        return run


def _standing(tries: Iterable[Callable[[], Run]]) -> list[Run]:
    """Where the tries lead, without those in which a component collapses, as it may without ``reg``."""
    out = []
    for each in tries:
        with suppress(SolveError):
            out.append(each())
    return out


def _to_the_end(run: Run, climb: Climb) -> Run:
    """``run`` carried to its end, and on where rows change their components."""
    return climb.further(_exchanged(climb.further(run), climb))


def _exchanged(run: Run, climb: Climb) -> Run:
    """``run``, or what rows that change their components lead to, as long as they lead up."""
    best = run
    for _ in range(_EXCHANGES):
        state = best.em.exchanged(best.path.following) if best.determined else None
        if state is None:
            break
        trial = _standing([partial(climb.start, best.em, state, _SETTLED)])
        if not trial or not (trial[0].objective > best.objective + SAME and _solid(trial[0], best)):
            break
        best = trial[0]
    return best


def _solid(run: Run, before: Run) -> bool:
    """Whether no component is a needle among few rows, unless there was such a one before or it pays for itself."""
    d, rows = run.em.points.shape[1], run.em.observations
    least = _LEAST_ROWS * (d + 1) / rows
    if not run.determined or float(run.shares.min()) >= min(least, float(before.shares.min())):
        return run.determined
    return run.objective - before.objective > _WORTH * (1 + d + d * (d + 1) / 2) * log(max(rows, 2.0)) / rows


def look(em: GaussianEM, k: int) -> int:
    """How many rows tell good starts of k components from bad ones: all, where a part of them would save little."""
    few = max(_ROWS, _ROWS_EACH * k * (em.points.shape[1] + 1))
    return few if len(em.points) > 2 * few else len(em.points)


def on_more_rows(ends: Sequence[Run], em: GaussianEM, climb: Climb, most: int | None = None) -> Run:
    """The best of the runs on other rows, those of ``em``, from where they ended, of ``most`` iterations."""
    if len(ends) == 1 or most is not None:
        return climb.start(em, ends[0].path.state, most)
    return climb.further(best_of([climb.start(em, run.path.state, _GLANCE) for run in ends], 1)[0])


def best_of(runs: Sequence[Run], count: int) -> list[Run]:
    """The ``count`` most likely, best first; of those that ended in one place, whatever the rounding, the first.

    Those with a component that the rows do not determine come last: at the floor a likelihood is as large as ``reg`` is
    small, so it is no reason to prefer a start.
    """
    out: list[Run] = []
    for run in sorted(runs, key=lambda run: (not run.determined, -run.objective)):
        same = out and run.determined is out[-1].determined and out[-1].objective - run.objective <= SAME
        if same:
            out[-1] = min(out[-1], run, key=runs.index)
        elif len(out) < count:
            out.append(run)
        else:
            break
    return out
