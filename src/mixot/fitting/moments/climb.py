"""One climb of the hierarchy of relaxations: order after order, until the answer is proven or the last is reached."""

from __future__ import annotations

import time
from dataclasses import replace
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np

from mixot._checks import check_whole
from mixot.errors import InputError, SolveError
from mixot.families.moment_model import MomentModel
from mixot.fitting.moments.from_relaxations import Found, starts
from mixot.fitting.moments.population import population_bound
from mixot.fitting.moments.region_in_words import region_of_words
from mixot.formulas.polynomial.regions import Region, contains, enclosing_box
from mixot.measures import Measure
from mixot.mixture import Mixture
from mixot.results import Level, PopulationBound, Progress, ProgressCallback
from mixot.sos import regularizers
from mixot.sos.atomic import Atomic, determined, fewest_atoms, theta_of
from mixot.sos.extraction import Atoms, Compression, Flatness, energy_rank, flatness, most_atoms
from mixot.sos.hierarchy import Relaxed, check_region, mixing_of, mixing_of_atoms, solve
from mixot.sos.relaxation import Relaxation
from mixot.sos.target import Target, check_moments, target_of

if TYPE_CHECKING:
    from mixot.fitting.moments.moment_sos import MomentSOS

_ORDERS = {1: 5, 2: 4, 3: 3}  # the largest that is tried by default
_GAP = 1e-3  # a mixture that is further from the measure than the bound by no more than this share is the closest one
_OUTSIDE = 1e-4  # of what a constraint sums, so far may atoms lie outside: the relaxation is solved to a tolerance
_ATTAINED = 1e-5  # a relaxation's value below this (relative to the data's spread) counts as zero


def prepared(options: MomentSOS, data: Measure, model: MomentModel, k: int | None) -> tuple[Target, Region, int, int]:
    """The target, the region, and the first and last order."""
    last = options.max_order or options.order or _ORDERS[model.dim]
    known = getattr(data, "order", None)
    if options.order is None and options.max_order is None and known is not None:
        last = max(1, min(last, known // 2))
    target = target_of(data, model, 2 * last)
    check_moments(target, last)
    first = min(options.order or 2, last)
    support = options.support
    if isinstance(support, str):
        support = region_of_words(support, model, target.extent)
    region = model.region(target.extent) if support is None else support
    region = region if isinstance(region, tuple) else (region,)
    if support is not None:
        _check_inside(region, model)
    return target, region, first, last


def _check_inside(region: Region, model: MomentModel) -> None:
    """Refuse a region with parameters that the family does not have: laws would take their nearest for them."""
    for parameter, (low, high) in zip(model.parameters, enclosing_box(region, model.names), strict=True):
        if low < parameter.least:
            raise InputError(
                f"support must lie where the family has laws, {parameter.name} >= {parameter.least:g}, got a region "
                f"that lets it go from {low:.6g} to {high:.6g}; let it begin there, or add a Box that does"
            )


class Climb:
    """One climb of the hierarchy: its levels so far and what is to be remarked."""

    def __init__(
        self,
        options: MomentSOS,
        model: MomentModel,
        target: Target,
        region: Region,
        first: int,
        last: int,
        k: int | None,
        progress: ProgressCallback | None,
    ) -> None:
        self.options, self.model, self.target, self.region, self.k = options, model, target, region, k
        self.progress = progress
        self.levels: list[Level] = []
        self.notes: list[str] = []
        self.regularizer = ""
        self.highest = max(target.highest_order(), 1)
        self.asked = not (options.order is None and options.max_order is None)
        self.noisy_order = self.highest < last
        self.given_last = last
        self.last = last if self.asked else min(last, self.highest)
        self.first = min(first, self.last)
        if self.noisy_order:
            self.notes.append(self._of_noise(last))
        self._check_k()

    def _of_noise(self, last: int) -> str:
        """What is to be said of an order that the samples hardly support: it is used where it was asked for."""
        used = "it was asked for" if self.asked else f"order {self.highest} is used"
        return (
            f"too few samples for order {last}: the standard errors of moments of degree {2 * last} exceed half of "
            f"them; {used}" + (f", the samples support order {self.highest}" if self.asked else "")
        )

    def _check_k(self) -> None:
        """Refuse a k that even the last order cannot show."""
        if self.k is None:
            return
        check_whole(self.k, "k")
        room = {r: most_atoms(_nothing(self._relaxation(r))) for r in range(self.first, self.last + 1)}
        if room[self.last] < self.k:
            need = next(r for r in range(self.last, 99) if _room(self.model, r) >= self.k)
            raise InputError(
                f"order {self.last} is too low for k={self.k}: its moments show at most {room[self.last]} components; "
                f"use order {need} or more"
            )
        enough = next(r for r in room if room[r] >= self.k)
        if self.options.order is not None and enough > self.first:
            raise InputError(
                f"order {self.first}, the first that is asked for, is too low for k={self.k}: its moments show at most "
                f"{room[self.first]} components; begin at order {enough}, or leave order out"
            )
        self.first = enough

    def climb(self) -> Found:
        """Raise the order until the answer is proven, or the mixing measure of noisy moments is flat, or to the last.

        Exact moments that some regulariser did not lead to a mixture with them are those of the fewest atoms that have
        them, if any.
        """
        found, bare = None, None
        for order in range(self.first, self.last + 1):
            found, bare = self._level(order)
            if found.solved or (self.noisy and self.levels[-1].flat):
                break
        assert found is not None
        assert bare is not None
        if found.solved or self._ranked or self.noisy:
            return found
        atomic = self._fewest(bare)
        if atomic is None:
            return found
        self.notes.append(
            f"the regularizer {self.options.regularizer!r} does not lead to a mixture with exactly these moments; this "
            "is the one of fewest components that has them"
        )
        return self._of_atoms(atomic)

    @property
    def noisy(self) -> bool:
        """Whether the moments are those of samples."""
        return self.target.error_cov is not None

    @property
    def _ranked(self) -> bool:
        """Whether the fewest atoms are asked for at every order."""
        return self.options.regularizer == "rank" or (self.options.regularizer == "auto" and not self.noisy)

    def _level(self, order: int) -> tuple[Found, Relaxed]:
        begin = time.perf_counter()
        plain = self._relaxation(order)
        if order == self.first:
            check_region(plain)
        bare = self._solved(plain)
        atomic, tau = self._fewest(bare) if self._ranked else None, float("nan")
        if atomic is not None:
            level = flatness(mixing_of_atoms(atomic.relaxation, atomic.atoms), self.options.rank_tol)
            found, commutator = self._of_atoms(atomic), atomic.atoms.commutator
        else:
            relaxed = self._regularized(bare)
            tau = float("nan") if relaxed is bare else relaxed.objective
            level = flatness(relaxed.mixing, self.options.rank_tol)
            found = self._read(bare, relaxed, level)
            commutator = Compression(relaxed.mixing, True).atoms(min(found.k, most_atoms(relaxed.mixing))).commutator
        self._record(bare, level, commutator, tau, time.perf_counter() - begin)
        return found, bare

    def _of_atoms(self, atomic: Atomic) -> Found:
        """The mixture of atoms that have the moments."""
        start = Mixture(atomic.atoms.weights, self.model.laws(theta_of(atomic.relaxation, atomic.atoms)))
        return Found(True, (start,), len(start))

    def _read(self, bare: Relaxed, relaxed: Relaxed, level: Flatness) -> Found:
        """Starts from a solved relaxation: as many as its rank where that is proven, else for each number."""
        room = most_atoms(relaxed.mixing)
        guess = level.rank if level.flat else min(energy_rank(relaxed.mixing, self.options.energy), room)
        solved = level.flat and self.k in (None, guess) and self._attained(bare, relaxed, guess)
        if solved or self.k is not None:
            wanted = range(self.k or guess, (self.k or guess) + 1)
        else:
            wanted = range(1, min(self.options.k_max, room) + 1)
        return Found(solved, tuple(starts(relaxed, wanted)), self.k or guess)

    def _attained(self, bare: Relaxed, relaxed: Relaxed, k: int) -> bool:
        """Whether the k atoms of a flat relaxation of exact moments lie in the region and come as close as is proven.

        A regulariser moves them away from the closest mixture, and rounding out of the region. Where the distance is
        zero, only a mixture with exactly these moments will do (`_fewest`).
        """
        if self.noisy or bare.distance <= _ATTAINED * bare.relaxation.unit:
            return False
        if relaxed.distance > (1 + _GAP) * bare.distance:
            return False
        return self._inside(relaxed.relaxation, Compression(relaxed.mixing, True).atoms(k))

    def _inside(self, relaxation: Relaxation, atoms: Atoms) -> bool:
        """Whether every atom lies in the region."""
        return bool(contains(self.region, theta_of(relaxation, atoms), self.model.degrees, _OUTSIDE).all())

    def _fewest(self, bare: Relaxed) -> Atomic | None:
        """Where the distance is zero: the fewest atoms that have the moments, if they lie in the region."""
        options, relaxation = self.options, bare.relaxation
        if not bare.accurate or bare.distance > _ATTAINED * relaxation.unit:
            return None
        most = min(options.k_max, determined(relaxation)) if self.k is None else self.k

        def report(k: int, left: float) -> None:
            self._tell(f"order {relaxation.order}, {k} atoms", k, left)

        found = fewest_atoms(relaxation, most, least=self.k or 1, solver=options.solver, report=report)
        return found if found is not None and self._inside(found.relaxation, found.atoms) else None

    def _regularized(self, bare: Relaxed) -> Relaxed:
        options = self.options
        name = self._rule_name
        rule = regularizers.named(name, bare.relaxation)
        eps = options.eps if options.eps is not None else (0.1 if name == "spread" else 1e-3)
        if rule is None or eps == 0:
            return bare
        called = name if isinstance(name, str) else getattr(name, "__name__", type(name).__name__)
        self.regularizer = f"{eps:g} times {called}"
        return self._solved(replace(bare.relaxation, eps=eps, regularizer=rule))

    @property
    def _rule_name(self) -> Any:
        """The regulariser of relaxations, where the fewest atoms are not asked for or not found."""
        return "spread" if self.options.regularizer in ("auto", "rank") else self.options.regularizer

    def population(self, data: Measure, level: float, domain: Any, coverage: str) -> PopulationBound:
        """What the last order says of the law that the data were drawn from."""
        # Not the order at which the climb ended: a choice by the draws would cost confidence.
        plain = self._relaxation(self.given_last)
        self._tell(f"order {plain.order}, population", plain.order, None)
        return population_bound(plain, data, level, domain, coverage, self.options.solver)

    def _solved(self, relaxation: Relaxation) -> Relaxed:
        self._tell(f"order {relaxation.order}, {relaxation.distance}", relaxation.order, None)
        relaxed = solve(relaxation, self.options.solver)
        if not relaxed.accurate:
            bound = max([self.levels[-1].lower_bound if self.levels else -np.inf, relaxed.bound])
            raise SolveError(
                f"the semidefinite program of order {relaxation.order} did not converge: it {relaxed.status.advice}; "
                f"the last certified bound of the distance is {bound:.6g}"
                f"{' (squared)' if self.options.distance == 'w2' else ''}"
                + (f"; {self._of_noise(self.last)}" if self.noisy_order else ""),
                result=tuple(self.levels),
            )
        return relaxed

    def _record(self, bare: Relaxed, level: Flatness, commutator: float, tau: float, seconds: float) -> None:
        before = self.levels[-1].lower_bound if self.levels else 0.0
        self.levels.append(
            Level(
                order=bare.relaxation.order,
                objective=bare.objective,
                lower_bound=max(before, bare.bound, 0.0),
                status=bare.status,
                flat=level.flat,
                vacuous=level.vacuous,
                ranks=(level.rank, level.lower_rank),
                singular_values=level.singular_values,
                commutator=commutator,
                variables=bare.relaxation.layout.total,
                seconds=seconds,
                regularized=tau,
            )
        )
        self._tell(f"order {bare.relaxation.order} done", bare.relaxation.order, self.levels[-1].lower_bound)

    def _relaxation(self, order: int) -> Relaxation:
        options, line = self.options, self.model.dim == 1
        basis = ("chebyshev" if line else "monomial") if options.basis == "auto" else options.basis
        return Relaxation(
            self.model,
            self.region,
            self.target,
            order,
            options.distance,
            slack=options.slack,
            basis=basis,
            tightened=options.tightened,
        )

    def _tell(self, stage: str, step: int, value: float | None) -> None:
        if self.progress is not None:
            self.progress(Progress(f"moments, {stage}", step, None, value))


def _nothing(relaxation: Relaxation) -> Any:
    return mixing_of(relaxation, np.zeros(relaxation.layout.total))


def _room(model: MomentModel, order: int) -> int:
    """How many atoms the leading parameters show at an order."""
    return comb(len(model.leading) + order - 1, order - 1)
