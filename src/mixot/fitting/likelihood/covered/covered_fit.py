"""The fit of a mixture over a uniform background, and the choice of its covariance model and number of components."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from mixot.errors import AccuracyWarning, SolveError, UnsupportedError
from mixot.fitting.likelihood.covered.background import BackgroundEM, Covered, log_volume, loneliness
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.gaussian.stored_covariances import stored_as, with_model, written_out
from mixot.fitting.likelihood.runs import Climb
from mixot.fitting.likelihood.search.candidates import judged
from mixot.results import Fit


@dataclass(frozen=True, eq=False)
class CoveredFit:
    """How mixtures over a background are fitted to the rows of ``em`` and chosen among.

    ``climb(em, k)`` is how runs go on, ``starts`` the number of k-means starts, ``icl`` whether entropy counts, and
    ``most`` the largest number of components, where it is chosen.
    """

    em: GaussianEM
    climb: Callable[[GaussianEM, int], Climb]
    starts: int
    icl: bool
    most: int | None
    rng: np.random.Generator

    def over(self, names: Sequence[str], sizes: Sequence[int], rows: np.ndarray) -> Fit:
        """The fit of the lowest criterion; ``rows`` (n,) says which rows of the data are those of ``em``.

        Raises
        ------
        UnsupportedError
            Where values are missing or have noise of their own.
        SolveError
            Where every try ends at a singular covariance, or without rows in some component.
        """
        if not self.em.whole:
            raise UnsupportedError("a background goes with complete rows without noise of their own; leave it out")
        density = -log_volume(self.em.points.astype(np.float64))
        found = list(self._ends(names, sizes, density))
        if not found:
            raise SolveError("from every start a covariance is singular, or a component loses its rows; lower k")
        tried = [covered.candidate(end, self.icl) for covered, end in found]
        best, candidates, notes = judged(tried, self.em.observations, self.most)
        (covered, end), chosen = found[best], candidates[best]
        told = f"{end.weight:.3g} of the mass is background, uniform over a volume of {np.exp(-density):.4g}"
        stopped = not end.status.solved and self.climb(covered.em, chosen.k).tol != 0
        alarms = (f"the fit {end.status.advice}",) if stopped else ()
        for each in alarms:
            warnings.warn(each, AccuracyWarning, stacklevel=2)
        return Fit(
            mixture=chosen.mixture,
            status=end.status,
            iterations=len(end.history) - 1,
            log_likelihood=chosen.log_likelihood,
            criterion=chosen.criterion,
            history=np.array(end.history[1:]),
            candidates=candidates,
            notes=(*alarms, told, *notes),
            structure=chosen.structure,
            n_parameters=chosen.n_parameters,
            observations=chosen.observations,
            background=covered.background(end, rows),
        )

    def _ends(
        self, names: Sequence[str], sizes: Sequence[int], density: float
    ) -> Iterator[tuple[BackgroundEM, Covered]]:
        """The ends of all models: the widest is searched, the others start where it ended."""
        covers = [BackgroundEM(with_model(self.em, name), density, self.climb, self.starts, self.rng) for name in names]
        lonely, widest, first = loneliness(self.em), covers[-1], {}
        for k in sizes:
            with suppress(SolveError):
                first[k] = widest.best(k, lonely)
        for covered in covers:
            for end in first.values():
                if covered is widest:
                    yield covered, end
                    continue
                state = stored_as(covered.em, written_out(widest.em, end.state))
                with suppress(SolveError):
                    yield covered, covered.run(Covered(end.weight, covered.em.within(state), [], end.status))
