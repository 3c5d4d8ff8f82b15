"""The closest mixture to a measure of which moments are known, with a proof of how close any mixture can come."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mixot._checks import check_whole
from mixot.errors import AccuracyWarning, InputError, UnsupportedError
from mixot.families.base import Family
from mixot.families.elliptical.diagonal import DiagonalGaussian
from mixot.families.elliptical.gaussian import Gaussian
from mixot.families.registry import law_of
from mixot.families.roles import Polynomial, require
from mixot.fitting.base import register_fitter
from mixot.fitting.moments.climb import Climb, prepared
from mixot.fitting.moments.constant_columns import varied_columns, with_columns_back
from mixot.fitting.moments.from_relaxations import Found, Refinement, chosen
from mixot.fitting.moments.population import COVERAGES
from mixot.fitting.moments.projections import Projection, project, structured
from mixot.fitting.moments.region_in_words import check_words
from mixot.fitting.moments.region_of_answer import outside_region
from mixot.fitting.moments.within_region import obeying
from mixot.formulas.polynomial.regions import Constraint, in_words
from mixot.measures import Measure, Samples
from mixot.results import MomentFit, ProgressCallback
from mixot.solvers.base import Task, choose_solver
from mixot.solvers.sdp.interior_point import SDP

_WIDE = 3  # dimension above which the data are projected
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
    order : the only order, or the first one where ``max_order`` is given, too; obeyed, or refused where the moments
        end below it or cannot show ``k`` components
    max_order : the last order; where neither is given 5 on the line, 4 in the plane, 3 in space, or what the number of
        samples supports
    distance : "tv", total variation ``|mu - nu|`` between 0 and 2, or "w2"
    regularizer : what chooses among the mixing measures of one mixture. "spread": components of one size, a tenth of
        the data's variance; "published": the trace of the paper; "trace"; "rank": the fewest atoms with the given
        moments; or a function of the parameters, in coordinates in which the data lie in [-1, 1]. "auto" is "rank" for
        exact moments and "spread" for samples
    eps : weight of the regulariser; 0.1 for "spread", else 1e-3
    refine : "em", "kmeans" or None, what starts are handed to where data are at hand
    support : constraints of `mixot.formulas.polynomial.regions` on the parameters, in the units of the data, or in
        words, ``"mean in [-3, 3], sd in [0.5, 2]"``, parameters that are left out being bounded as usual; by
        default the region that the family takes from the data. What starts are refined to is kept in it, too; of
        data that are projected, it is the region of the projected components, and a note says where some lie outside
    parameterization : "weighted", variances of degree 2, or "published", standard deviations of degree 1
    slack : how many standard errors the moments of samples may be off; None for none
    basis : "chebyshev", "monomial" or "orthonormal"; "auto" is the first on the line, where orders are high, and the
        second, which is sparser, in the plane and in space
    tightened : with localisers that the region implies but a moment matrix does not know, the products of the ends of
        variances, and those of the box that holds the data: larger bounds in the same time
    confidence : level between 0 and 1 at which something is said of the law that samples were drawn from, as
        `MomentFit.population`; None for nothing
    domain : lower and upper ends of a box that is known to hold that law, each a number or (d,); without one the
        statement is of total variation only, after the extreme draws were cut off
    coverage : "asymptotic", by the covariance of the moments' errors, or "finite-sample", by empirical Bernstein bounds
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
    support: Constraint | tuple[Constraint, ...] | str | None = None
    parameterization: str = "weighted"
    slack: float | None = None
    basis: str = "auto"
    tightened: bool = True
    confidence: float | None = None
    domain: Any = None
    coverage: str = "asymptotic"
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
            ("coverage", COVERAGES),
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
        if isinstance(self.support, str):
            check_words(self.support)
        elif self.support is not None and not all(isinstance(each, Constraint) for each in given):
            raise InputError(
                "support must be a constraint of mixot.formulas.polynomial.regions, such as Box(lower, upper), or a "
                f"tuple of them, got {self.support!r}"
            )
        if self.confidence is not None and not 0 < self.confidence < 1:
            raise InputError(f"confidence must be a level between 0 and 1, such as 0.95, got {self.confidence!r}")
        if self.domain is not None and (not isinstance(self.domain, tuple | list) or len(self.domain) != 2):
            raise InputError(f"domain must be a pair, the lower and upper ends of a box, got {self.domain!r}")
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
            On moments that no measure has (the matrix is named), columns that are all constant, a region that does not
            contain the data's scale, an order too low for ``k``.
        SolveError
            Where a semidefinite program does not converge; ``.result`` holds the hierarchy so far, its last level the
            last certified bound.
        """
        varied = varied_columns(data)
        if varied is not None:
            assert isinstance(data, Samples)
            part = data.moved(data.points[:, varied])
            found = self.fit(part, family, k=k, structure=structure, rng=rng, progress=progress)
            return with_columns_back(found, data, varied, family, structure, self.refine)
        if self.confidence is not None and data.dim > _WIDE:
            raise UnsupportedError(
                f"confidence is for at most {_WIDE} dimensions: data of {data.dim} are projected along axes that they "
                "choose themselves; take some of the columns"
            )
        shadow = project(data, self.projection) if data.dim > _WIDE else None
        seen: Measure = data if shadow is None else shadow.measure
        shape = "full" if shadow is not None else structure
        law, fixed = _law(family, shape, self.fixed)
        model = require(law, Polynomial).moment_model(
            seen.dim, structure=shape, weighted=self.parameterization == "weighted", fixed=fixed
        )
        run = Climb(self, model, *prepared(self, seen, model, k), k, progress)
        found = run.climb()
        return self._finished(data, family, structure, shadow, run, found, rng)

    def _finished(
        self, data: Measure, family: str, structure: str, shadow: Projection | None, run: Climb, found: Found, rng: Any
    ) -> MomentFit:
        """The fit, from the relaxations' starts."""
        shape = "diagonal" if (family, structure) == ("diagonal", "full") else structure
        lift = (lambda each: each) if shadow is None else (lambda each: structured(shadow.lift(each), shape))
        last = run.levels[-1]
        refinement = Refinement(self.refine, run.k, self.k_max, self.fixed, run.noisy_order)
        lifted = replace(found, starts=tuple(map(lift, found.starts)))
        fit = chosen(lifted, data, family, structure, refinement, rng)
        said: tuple[str, ...] = ()
        if self.support is not None and not found.solved:
            if shadow is None:
                fit, said = obeying(fit, found.starts, data, run.model, run.region, refinement)
            else:  # the region is of the projected components, of which the full ones are not a function
                said = outside_region(run.model, run.region, shadow.see(fit.mixture).components)
        notes = tuple(run.notes) + (() if shadow is None else (shadow.note,)) + fit.notes + said
        if run.noisy_order and run.asked:
            warnings.warn(run.notes[0], AccuracyWarning, stacklevel=3)
        population = None
        if self.confidence is not None:
            population = run.population(data, self.confidence, self.domain, self.coverage)
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
            n_parameters=fit.n_parameters,
            observations=fit.observations,
            lower_bound=float(np.sqrt(bound)) if self.distance == "w2" else bound,
            distance_name=self.distance,
            order=last.order,
            flat=last.flat,
            ranks=last.ranks,
            hierarchy=tuple(run.levels),
            projection=None if shadow is None else shadow.matrix,
            starts=found.starts,
            region=in_words(run.region, run.model.names),
            regularizer=run.regularizer,
            population=population,
        )


def _law(family: str, structure: str, fixed: Mapping[str, Any]) -> tuple[type[Family], dict[str, Any]]:
    """The family that is searched, and what is held: Gaussian laws without correlations are diagonal ones."""
    law, held = law_of(family, fixed)
    return (DiagonalGaussian if law is Gaussian and structure in ("diagonal", "spherical") else law), held
