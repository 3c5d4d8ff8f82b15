"""Runs for many numbers of components, each from the one before; only the choice among them is searched thoroughly."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mixot.fitting.likelihood.runs import Run
from mixot.fitting.likelihood.search.candidates import choice
from mixot.fitting.likelihood.search.search import Search, best_of
from mixot.results import Candidate, Status

_GLANCE = 3  # iterations over all the rows that tell whether a number of components may be the choice
_MORE = 12  # iterations of one that may, until this is asked again
_REACH = 10  # of its last gain is what a run may still gain

Carry = Callable[[Sequence[Run], int, int | None], Run]


def runs_of_sizes(sizes: Sequence[int], search: Search, carried: Carry, judge: Callable[[Run], Candidate]) -> list[Run]:
    """A run over all rows for each number of components, in order; those that may be the choice carried to their end.

    ``carried`` takes runs on few rows, k, and iterations at most (no limit, if None), and leads the best of them over
    all rows; ``judge`` gives the candidate that a run stands for, among which `choice` is made.
    """
    ends = search.thorough(sizes[0])
    runs, small = [carried(ends, sizes[0], None)], ends[0]
    for k in sizes[1:]:
        small = search.warm(k, small)
        runs.append(carried([small], k, _GLANCE))
    tried, searched, ended = [judge(run) for run in runs], {0}, {0}
    max_iter = search.climb(sizes[0], "").max_iter
    while True:
        best = choice(tried)
        rivals = [at for at, run in enumerate(runs) if tried[at].criterion - _outlook(run) < tried[best].criterion]
        left = [at for at in (best, *rivals, *_below_a_smaller_one(tried)) if at not in ended]
        if best not in searched:
            searched.add(best)
            found = carried(search.thorough(sizes[best]), sizes[best], None)
            runs[best] = best_of([runs[best], found], 1)[0]
            changed = best
        elif left:
            changed = left[0]
        else:
            return runs
        more = _MORE if changed in rivals and changed != best else None
        runs[changed] = search.climb(sizes[changed], "all rows").further(runs[changed], more)
        if more is None or runs[changed].status is not Status.MAX_ITER or len(runs[changed].history) >= max_iter:
            ended.add(changed)
        tried[changed] = judge(runs[changed])


def _outlook(run: Run) -> float:
    """How much lower a run's criterion may become if it goes on."""
    if run.status is not Status.MAX_ITER:
        return 0.0
    return 2 * _REACH * float(np.diff(run.history[-2:]).sum()) if len(run.history) > 1 else np.inf


def _below_a_smaller_one(tried: Sequence[Candidate]) -> list[int]:
    """Places of candidates that are less likely than one of fewer components."""
    tops = np.maximum.accumulate([each.log_likelihood for each in tried])
    return [at for at in range(1, len(tried)) if tried[at].log_likelihood < tops[at - 1]]
