"""The closest mixture to a measure of which moments are known, with a proof of how close any mixture can come."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import comb
from typing import Any

import numpy as np

from mixot._checks import check_whole
from mixot.errors import AccuracyWarning, InputError, SolveError
from mixot.families.base import Family
from mixot.families.elliptical.diagonal import DiagonalGaussian
from mixot.families.elliptical.gaussian import Gaussian
from mixot.families.moment_model import MomentModel
from mixot.families.registry import lookup
from mixot.families.roles import Polynomial, require
from mixot.fitting.base import register_fitter
from mixot.fitting.moments.from_relaxations import Found, Refinement, chosen, starts
from mixot.fitting.moments.projections import Projection, project
from mixot.fitting.moments.region_of_answer import outside_region
from mixot.formulas.polynomial.regions import Constraint, Region, contains, enclosing_box, in_words
from mixot.measures import Measure
from mixot.mixture import Mixture
from mixot.results import Level, MomentFit, Progress, ProgressCallback
from mixot.solvers.base import Task, choose_solver
from mixot.solvers.sdp.interior_point import SDP
from mixot.sos import regularizers
from mixot.sos.atomic import Atomic, determined, fewest_atoms, theta_of
from mixot.sos.extraction import Atoms, Compression, Flatness, energy_rank, flatness, most_atoms
from mixot.sos.hierarchy import Relaxed, check_region, mixing_of, mixing_of_atoms, solve
from mixot.sos.relaxation import Relaxation
from mixot.sos.target import Target, check_moments, target_of

_ORDERS = {1: 5, 2: 4, 3: 3}  # the largest that is tried by default
_WIDE = 3  # dimension above which the data are projected
_GAP = 1e-3  # a mixture that is further from the measure than the bound by no more than this share is the closest one
_OUTSIDE = 1e-4  # of what a constraint sums, so far may atoms lie outside: the relaxation is solved to a tolerance
_ATTAINED = 1e-5  # a relaxation's value below this (relative to the data's spread) counts as zero
_REGULARIZERS = ("auto", "rank", "spread", "published", "trace")


@register_fitter("moments")
@dataclass(frozen=True)
class MomentSOS:
    """The closest mixture by the hierarchy of moment-SOS relaxations.

    Order r of the hierarchy is a semidefinite program in moments up to degree 2 r whose value is a lower bound of the
    distance to every mixture of the family with parameters in a set S. The order is raised until the mixing measure
    is flat, which means that it has as few atoms as its rank, or until ``max_order``. Where exact moments are those of
    few components, these are the mixture. Moments of samples are noisy: a flat relaxation shows the atoms of the noise
    and does not prove K, so that the leading eigenvectors of its moment matrix give starts, which are polished at an
    order of their own, and K is chosen by BIC. Where the samples support a lower order only, as with heavy tails, a
    note says so, and expectation-maximisation from k-means is taken where it is likelier.

    Parameters
    ----------
    order : the only order, or the first one where ``max_order`` is given, too
    max_order : the last order; where neither is given 5 on the line, 4 in the plane, 3 in space, or what the number of
        samples supports
    distance : "tv", total variation ``|mu - nu|`` between 0 and 2, or "w2"
    regularizer : what chooses among the mixing measures of one mixture. "spread": components of one size, a tenth of
        the data's variance; "published": the trace of the paper; "trace"; "rank": the fewest atoms with the given
        moments; or a function of the parameters, in coordinates in which the data lie in [-1, 1]. "auto" is "rank" for
        exact moments and "spread" for samples
    eps : weight of the regulariser; 0.1 for "spread", else 1e-3
    refine : "em", "kmeans" or None, what starts are handed to where data are at hand
    support : constraints of `mixot.formulas.polynomial.regions` on the parameters, in the units of the data; by
        default the region that the family takes from the data. It bounds the relaxations, not what starts are refined
        to: a note says where the answer has components outside
    parameterization : "weighted", variances of degree 2, or "published", standard deviations of degree 1
    slack : how many standard errors the moments of samples may be off; None for none
    basis : "chebyshev", "monomial" or "orthonormal"; "auto" is the first on the line, where orders are high, and the
        second, which is sparser, in the plane and in space
    tightened : with localisers that the region implies but a moment matrix does not know, the products of the ends of
        variances, and those of the box that holds the data: larger bounds in the same time
    fixed : parameters that keep a value, such as ``{"shapes": 2.0}`` for "gamma"
    k_max : most components that are tried
    rank_tol : singular values below this share of the largest count as zero
    energy : share of the trace that the rank of nearly flat moments may leave out
    projection : "pca" or "pairs", for data of more than three dimensions: two principal components, or the pair of
        coordinates that look least Gaussian
    solver : the solver of the semidefinite programs

    Examples
    --------
    >>> from mixot import Mixture, Poisson
    >>> known = Mixture([0.25, 0.75], Poisson([2.0, 9.0])).moments(8)  # what is known of it
    >>> found = MomentSOS(order=4).fit(known, "poisson")
    >>> found.flat, sorted(found.mixture.components.rates.round(6).tolist())
    (True, [2.0, 9.0])

    References
    ----------
    Durasinovic, Lasserre and Magron, Mixtures closest to a given measure: a semidefinite programming approach,
    arXiv 2509.22879.
    """

    order: int | None = None
    max_order: int | None = None
    distance: str = "tv"
    regularizer: Any = "auto"
    eps: float | None = None
    refine: str | None = "em"
    support: Constraint | tuple[Constraint, ...] | None = None
    parameterization: str = "weighted"
    slack: float | None = None
    basis: str = "auto"
    tightened: bool = True
    fixed: Mapping[str, Any] = field(default_factory=dict)
    k_max: int = 8
    rank_tol: float = 1e-4
    energy: float = 0.01
    projection: str = "pca"
    solver: Any = field(default_factory=SDP)

    def __post_init__(self) -> None:
        for name, allowed in (
            ("distance", ("w2", "tv")),
            ("refine", ("em", "kmeans", None)),
            ("parameterization", ("weighted", "published")),
            ("projection", ("pca", "pairs")),
        ):
            if getattr(self, name) not in allowed:
                raise InputError(f"{name} must be one of {allowed}, got {getattr(self, name)!r}")
        for name in ("order", "max_order", "k_max"):
            if name == "k_max" or getattr(self, name) is not None:
                check_whole(getattr(self, name), name)
        if self.order is not None and self.max_order is not None and self.order > self.max_order:
            raise InputError(f"max_order must be at least order, got {self.max_order} and {self.order}")
        if isinstance(self.regularizer, str) and self.regularizer not in _REGULARIZERS:
            raise InputError(
                f"regularizer must be one of {_REGULARIZERS}, a function or None, got {self.regularizer!r}"
            )
        if isinstance(self.support, list):
            object.__setattr__(self, "support", tuple(self.support))
        given = self.support if isinstance(self.support, tuple) else (self.support,)
        if self.support is not None and not all(isinstance(each, Constraint) for each in given):
            raise InputError(
                "support must be a constraint of mixot.formulas.polynomial.regions, such as Box(lower, upper), or a "
                f"tuple of them, got {self.support!r}"
            )
        choose_solver(self.solver, Task.CONIC, (SDP,), "moment relaxations are")

    def fit(
        self,
        data: Measure,
        family: str,
        *,
        k: int | None = None,
        structure: str = "full",
        rng: Any = None,
        progress: ProgressCallback | None = None,
    ) -> MomentFit:
        """Return the mixture of ``family`` that is closest to ``data``, and a bound that none over the region beats.

        Parameters
        ----------
        data : Measure
            `Samples`, `mixot.sos.sample_moments.SampleMoments`, `Grid`, `Moments` or a `Mixture` of any family.
        family : str
            A family whose moments are polynomials of its parameters: "gaussian", "diagonal", "poisson", "exponential",
            "gamma" with fixed shapes, or one of your own.
        k : int, optional
            Number of components; found where not given.
        structure : str
            "full", "diagonal" or "spherical" covariances.
        rng : seed, Generator or None
            For EM, where it is what comes last.
        progress : callable, optional
            Called with a `Progress` for each order and search.

        Raises
        ------
        InputError
            On moments that no measure has (the matrix is named), constant columns, a region that does not contain the
            data's scale, an order too low for ``k``.
        SolveError
            Where a semidefinite program does not converge; ``.result`` holds the hierarchy so far, its last level the
            last certified bound.
        """
        shadow = project(data, self.projection) if data.dim > _WIDE else None
        seen: Measure = data if shadow is None else shadow.measure
        shape = "full" if shadow is not None else structure
        model = require(_law(family, shape), Polynomial).moment_model(
            seen.dim, structure=shape, weighted=self.parameterization == "weighted", fixed=dict(self.fixed)
        )
        run = _Run(self, model, *_prepared(self, seen, model, k), k, progress)
        found = run.climb()
        return self._finished(data, family, structure, shadow, run, found, rng)

    def _finished(
        self, data: Measure, family: str, structure: str, shadow: Projection | None, run: _Run, found: Found, rng: Any
    ) -> MomentFit:
        """The fit, from the relaxations' starts."""
        lift = (lambda mixture: mixture) if shadow is None else shadow.lift
        last = run.levels[-1]
        refinement = Refinement(self.refine, run.k, self.k_max, self.fixed, run.lowered)
        lifted = replace(found, starts=tuple(map(lift, found.starts)))
        fit = chosen(lifted, data, family, structure, refinement, rng)
        notes = tuple(run.notes) + (() if shadow is None else (shadow.note,)) + fit.notes
        if self.support is not None and not found.solved:
            seen = fit.mixture if shadow is None else shadow.see(fit.mixture)
            notes += outside_region(run.model, run.region, seen.components)
        if run.lowered and run.asked:
            warnings.warn(run.notes[0], AccuracyWarning, stacklevel=3)
        bound = max(last.lower_bound, 0.0)
        return MomentFit(
            mixture=fit.mixture,
            status=fit.status,
            iterations=fit.iterations,
            log_likelihood=fit.log_likelihood,
            criterion=fit.criterion,
            history=fit.history,
            candidates=fit.candidates,
            notes=notes,
            lower_bound=float(np.sqrt(bound)) if self.distance == "w2" else bound,
            distance_name=self.distance,
            order=last.order,
            flat=last.flat,
            ranks=last.ranks,
            hierarchy=tuple(run.levels),
            projection=None if shadow is None else shadow.matrix,
            starts=found.starts,
            region=in_words(run.region, run.model.names),
        )


def _law(family: str, structure: str) -> type[Family]:
    """The family that is searched: Gaussian laws without correlations are diagonal ones."""
    law = lookup(family)
    return DiagonalGaussian if law is Gaussian and structure in ("diagonal", "spherical") else law


def _prepared(options: MomentSOS, data: Measure, model: MomentModel, k: int | None) -> tuple[Target, Region, int, int]:
    """The target, the region, and the first and last order."""
    last = options.max_order or options.order or _ORDERS[model.dim]
    known = getattr(data, "order", None)
    if options.order is None and options.max_order is None and known is not None:
        last = max(1, min(last, known // 2))
    target = target_of(data, model, 2 * last)
    check_moments(target, last)
    first = min(options.order or 2, last)
    support = options.support
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


class _Run:
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
        highest = max(target.highest_order(), 1)
        self.lowered = highest < last
        self.asked = not (options.order is None and options.max_order is None)
        if self.lowered:
            self.notes.append(
                f"too few samples for order {last}: the standard errors of moments of degree {2 * last} exceed half of "
                f"them; order {highest} is used"
            )
        self.last = min(last, highest)
        self.first = min(first, self.last)
        self._check_k()

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
        self.first = next(r for r in room if room[r] >= self.k)

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
        atomic = self._fewest(bare) if self._ranked else None
        if atomic is not None:
            level = flatness(mixing_of_atoms(atomic.relaxation, atomic.atoms), self.options.rank_tol)
            found, commutator = self._of_atoms(atomic), atomic.atoms.commutator
        else:
            relaxed = self._regularized(bare)
            level = flatness(relaxed.mixing, self.options.rank_tol)
            found = self._read(bare, relaxed, level)
            commutator = Compression(relaxed.mixing, True).atoms(min(found.k, most_atoms(relaxed.mixing))).commutator
        self._record(bare, level, commutator, time.perf_counter() - begin)
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
        name = "spread" if options.regularizer in ("auto", "rank") else options.regularizer
        rule = regularizers.named(name, bare.relaxation)
        eps = options.eps if options.eps is not None else (0.1 if name == "spread" else 1e-3)
        if rule is None or eps == 0:
            return bare
        return self._solved(replace(bare.relaxation, eps=eps, regularizer=rule))

    def _solved(self, relaxation: Relaxation) -> Relaxed:
        self._tell(f"order {relaxation.order}, {relaxation.distance}", relaxation.order, None)
        relaxed = solve(relaxation, self.options.solver)
        if not relaxed.accurate:
            bound = max([self.levels[-1].lower_bound if self.levels else -np.inf, relaxed.bound])
            raise SolveError(
                f"the semidefinite program of order {relaxation.order} did not converge: it {relaxed.status.advice}; "
                f"the last certified bound of the distance is {bound:.6g}"
                f"{' (squared)' if self.options.distance == 'w2' else ''}",
                result=tuple(self.levels),
            )
        return relaxed

    def _record(self, bare: Relaxed, level: Flatness, commutator: float, seconds: float) -> None:
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
