"""Pairs of numbers of components, and how each fares: its likelihood, and how firm the plan between its fits is."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._checks import as_generator
from mixot._shapes import Float
from mixot.errors import AccuracyWarning, UnsupportedError
from mixot.fitting.base import Fitter
from mixot.fitting.joint.component_search import ComponentSearch
from mixot.fitting.joint.halves import some, split
from mixot.fitting.joint.map_stability import Images, instability
from mixot.fitting.likelihood.runs import reporter
from mixot.measures import Samples
from mixot.results import Fit, ProgressCallback
from mixot.solvers.entropic.omt_plan import OMTPlan
from mixot.transport.plans import between_mixtures


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


@dataclass(frozen=True, eq=False)
class FittedSide:
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
    ) -> FittedSide:
        side = cls(data, sizes, (), fitter, family, structure)
        fits = tuple(side.fitted(data, as_generator(rng), progress))
        bad = [size for size, fit in zip(sizes, fits, strict=True) if not np.isfinite(fit.criterion)]
        if bad:
            raise UnsupportedError(f"the fits have no information criterion (k = {bad[0]}), so none can be preferred")
        named = tuple(fit.named(data.columns) for fit in fits)
        return cls(data, sizes, named, fitter, family, structure)

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
        """Effective number of rows, or the sum of their counts."""
        return self.data.observations

    def scores(self) -> Float[np.ndarray, " s"]:
        """BIC of each fit, for all rows together."""
        return self.rows * np.array([fit.criterion for fit in self.fits])

    def variances(self, best: int) -> Float[np.ndarray, " s"]:
        """Sampling variance of the difference of -2 log-likelihood between each fit and the one at ``best``."""
        logs = np.stack([fit.mixture.log_density(self.data.points) for fit in self.fits])
        apart = logs - logs[best]
        apart -= (apart @ self.data.weights)[:, None]
        return (2 * self.rows) ** 2 * (apart**2 @ (self.data.weights**2 / self.data.multiplicities()))

    def determined(self) -> list[bool]:
        """Whether the rows determine each fit, as its fitter says."""
        return [all(not each.reason for each in fit.candidates) for fit in self.fits]


@dataclass(frozen=True, eq=False)
class PairComparison:
    """Both sides, and the pairs of their fits that are compared."""

    p: FittedSide
    q: FittedSide
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
