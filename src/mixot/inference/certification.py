"""How much better any mixture could be than a fit: the bound, and the floor down to which it settles the choice."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mixot._checks import is_one_of
from mixot._shapes import Float
from mixot.errors import AccuracyWarning, InputError, SolveError, UnsupportedError
from mixot.families.elliptical.diagonal import DiagonalGaussian
from mixot.families.elliptical.gaussian import Gaussian
from mixot.families.roles import Natural, plays
from mixot.inference.certificate import Certificate, Rung, largest_number
from mixot.inference.floors import KINDS, fitted_floors, is_above
from mixot.inference.mixing_bound import MixingBound, mixing_bound
from mixot.inference.natural_bound import natural_bound
from mixot.inference.told_floors import told_floors
from mixot.measures import Samples, as_measure
from mixot.mixture import Mixture, aligned, check_squares
from mixot.results import Fit, ProgressCallback

CRITERIA = ("bic", "aic", "icl")
_FACTOR = 0.5  # of the fitted covariances, where none is given
_LOWEST = 2.0**-10  # factor at which the search for the critical floor ends
_CLOSE = 2 ** (1 / 16)  # how close the critical floor is known, as a ratio
_TIED = 1e-9


def certify(
    data: Any,
    fit: Any,
    *,
    floors: Any = "common",
    c: float | None = None,
    gap: float = 0.3,
    criterion: str = "bic",
    progress: ProgressCallback | None = None,
) -> Certificate:
    """Return how much any mixture, of any number of components, could still gain over a fit, with proof.

    For Gaussian mixtures the likelihood has no bound, unless components may not be arbitrarily narrow: they are to be
    above a floor A, ``S - A`` positive semi-definite. Then, with U the bound, l the fit's log-likelihood and p_K the
    parameters of K components, ``U - l`` is what any number of components could still gain, and K' > K are excluded by
    BIC where ``U - l < (p_K' - p_K) / 2 log n``. Only mixtures above the floor are excluded, and nothing is said of
    fewer components. Mixtures of a family of one parameter are bounded without a floor.

    The bound is that of duality for the nonparametric maximum likelihood (`mixot.inference.mixing_bound`); what is
    proven holds in floating point, too. Work grows with the number of points, and fast with the range of the data in
    standard deviations of the floor.

    Parameters
    ----------
    data : anything that `as_measure` reads as points
        (n, d), d = 1, 2 or 3, with weights or counts where they are `Samples`.
    fit : Mixture or Fit
        Of Gaussian laws, or of a family of one parameter: Poisson, binomial, exponential, Bernoulli, Rayleigh.
    floors : "common", "shapes", covariance, "sd >= 0.5", or a list
        "common": the largest matrix below all fitted covariances; "shapes": these themselves, so that a component must
        be above one of them; or floors of one's own: covariances (d, d), where a number is a variance in every
        direction, and standard deviations in words, "sd >= 0.5" or "0.4 sd", a share of the spread of the data.
        Gaussians of known covariance are the fits whose covariances all equal the floor that is given.
    c : float, optional
        Factor of the floors. Where it is not given, fitted floors are halved, and the critical one is searched: the
        smallest factor at which all larger numbers of components are excluded, to 5 %.
    gap : float
        How far the bound may be from the supremum, in nats.
    criterion : str
        "bic", "aic", or "icl", which also charges twice the entropy of the responsibilities.
    progress : callable, optional
        Called with a `Progress` now and then.

    Returns
    -------
    Certificate
        ``.upper_bound .gain .gap .k_max .critical_floor .floors .rungs .notes``; printed, it is a sentence or two

    Raises
    ------
    InputError
        On data of more than three columns (a marginal may do), floors that are singular, or where the family has no
        mass.
    UnsupportedError
        On a fit of another family.
    SolveError
        Where a bound of all mixtures of a family were below the fit, which is one of them.

    References
    ----------
    Lindsay, Ann. Statist. 11 (1983); Polyanskiy and Wu, arXiv 2008.08244 (2020).

    Examples
    --------
    >>> import numpy as np
    >>> from mixot import fit
    >>> x = np.random.default_rng(0).normal([-3.0, 3.0], 1.0, size=(200, 2)).reshape(-1, 1)
    >>> proof = certify(x, fit(x, k=2, rng=0), c=0.5)
    >>> proof.k_max, bool(0 < proof.gain < 8)
    (2, True)
    """
    points, mixture = _read(data, fit)
    _check(gap, criterion, c, progress)
    if isinstance(mixture.components, Gaussian | DiagonalGaussian):
        return _gaussian(points, mixture, floors, c, gap, criterion, progress)
    if not plays(mixture.components, Natural):
        raise UnsupportedError(
            "only Gaussian mixtures and those of one parameter (Poisson, binomial, exponential, Bernoulli, Rayleigh) "
            f"can be certified, got the {mixture.components.name} family"
        )
    if not is_one_of(floors, ("common",)) or c is not None:
        raise InputError(f"mixtures of the {mixture.components.name} family need no floor; leave out floors and c")
    return _natural(points, mixture, gap, criterion, progress)


def _read(data: Any, fit: Any) -> tuple[Samples, Mixture]:
    """The points, in the order of the mixture's columns, and the mixture without what has no weight."""
    mixture = fit.mixture if isinstance(fit, Fit) else fit
    if not isinstance(mixture, Mixture):
        raise InputError(f"fit must be a Mixture or a Fit, got {type(fit).__name__}")
    points = as_measure(data)
    if not isinstance(points, Samples):
        raise InputError(f"data must be points, got {type(points).__name__}; a likelihood is that of points")
    if points.dim != mixture.dim:
        raise InputError(f"the data have {points.dim} columns and the fit {mixture.dim}; they must be the same")
    if points.dim > 3:
        raise InputError(
            f"certificates are for one to three columns, got {points.dim}; certify a marginal: "
            "certify(data[:, [0, 1]], mixture.marginal([0, 1]))"
        )
    check_squares(points)
    points = aligned(mixture, points)
    seen, kept = points.weights > 0, np.flatnonzero(mixture.weights > 0)
    points = points if seen.all() else points.take(np.flatnonzero(seen))
    if len(kept) < len(mixture):
        mixture = Mixture(mixture.weights[kept], mixture.components.take(kept))
    return points, mixture


def _check(gap: Any, criterion: Any, c: Any, progress: Any) -> None:
    if not is_one_of(criterion, CRITERIA):
        raise InputError(f"criterion must be one of {', '.join(CRITERIA)}, got {criterion!r}")
    given: dict[str, Any] = {"gap": gap} if c is None else {"gap": gap, "c": c}
    for name, value in given.items():
        number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not (number and np.isfinite(value) and value > 0):
            raise InputError(f"{name} must be a positive number, got {value!r}")
    if progress is not None and not callable(progress):
        raise InputError(f"progress must be callable, or None, got {type(progress).__name__}")


@dataclass(frozen=True, eq=False)
class _Facts:
    """What is known before anything is bounded: points, how often each was seen, and the fit's account."""

    points: Float[np.ndarray, "n d"]
    times: Float[np.ndarray, " n"]
    mixture: Mixture
    log_likelihood: float
    entropy: float
    criterion: str
    observations: float
    each: int  # parameters of one more component

    @property
    def price(self) -> float:
        return self.each * (1.0 if self.criterion == "aic" else float(np.log(self.observations)) / 2)

    def certificate(self, bound: MixingBound, parameters: int, **more: Any) -> Certificate:
        gaussian = more["floors"] is not None
        return Certificate(
            upper_bound=bound.upper,
            gap=bound.gap,
            reference=bound.mixture,
            log_likelihood=self.log_likelihood,
            entropy=self.entropy,
            k=len(self.mixture),
            price=self.price,
            criterion=self.criterion,
            observations=self.observations,
            parameters=parameters,
            family="Gaussian" if gaussian else type(self.mixture.components).__name__,
            dim=self.mixture.dim,
            **more,
        )


def _facts(points: Samples, mixture: Mixture, criterion: str, each: int) -> _Facts:
    x = points.points.astype(np.float64)
    times = points.weights * points.observations
    if points.observations <= 1 and criterion != "aic":
        raise InputError(f"{criterion} is of two observations or more, got {points.observations:g}")
    logs = mixture.log_density(x)
    if not np.isfinite(logs).all():
        raise InputError(
            f"the fit gives no density to {int((~np.isfinite(logs)).sum())} of {len(x)} rows, the first "
            f"{int(np.flatnonzero(~np.isfinite(logs))[0])}: its likelihood is zero; certify a fit of these data"
        )
    likelihood = float(times @ logs)
    entropy = 0.0
    if criterion == "icl":
        r = mixture.responsibilities(x)
        entropy = float(-times @ (r * np.log(np.maximum(r, 1e-300))).sum(axis=1))
    return _Facts(x, times, mixture, likelihood, entropy, criterion, points.observations, each)


def _natural(
    points: Samples, mixture: Mixture, gap: float, criterion: str, progress: ProgressCallback | None
) -> Certificate:
    facts = _facts(points, mixture, criterion, 2)
    bound = natural_bound(mixture.components, facts.points, facts.times, gap=gap, progress=progress)
    if facts.log_likelihood > bound.upper + 1e-9 * (1 + abs(bound.upper)):  # it is one of the mixtures itself
        raise SolveError(
            f"the bound, {bound.upper:.9g}, is below the fit's own log-likelihood, {facts.log_likelihood:.9g}: one of "
            "the two is wrong; please report these data"
        )
    return facts.certificate(bound, parameters=2 * len(mixture) - 1, floors=None, notes=_loose(bound, gap))


def _gaussian(
    points: Samples,
    mixture: Mixture,
    floors: Any,
    c: float | None,
    gap: float,
    criterion: str,
    progress: ProgressCallback | None,
) -> Certificate:
    covs = mixture.components.cov()
    fitted = is_one_of(floors, KINDS)
    if isinstance(floors, str) and not fitted and not any(letter.isdecimal() for letter in floors):
        raise InputError(f'floors must be one of {", ".join(KINDS)}, "sd >= 0.5", or covariances, got {floors!r}')
    if (mixture.components.rank() < mixture.dim).any():
        raise InputError(
            "the fit has components with singular covariances, whose likelihood has no bound; fit with a larger reg"
        )
    base = (
        fitted_floors(covs, floors) if fitted else told_floors(floors, points.points.astype(np.float64), points.weights)
    )
    known = not fitted and c in (None, 1.0) and len(base) == 1 and bool(np.abs(covs - base).max() <= _TIED * base.max())
    each, shared = _parameters(mixture, known)
    facts = _facts(points, mixture, criterion, each)

    def bounded(factor: float, between: tuple[float, float] | None = None) -> MixingBound:
        close = gap if between is None else gap / 5  # which stops as soon as it is decided
        return mixing_bound(facts.points, factor * base, facts.times, gap=close, between=between, progress=progress)

    factor = (_FACTOR if fitted else 1.0) if c is None else float(c)
    bound = bounded(factor)
    critical, rungs = None, (_rung(facts, factor, bound),)
    if fitted and c is None:
        critical, rungs = _critical(facts, bounded, rungs[0])
    notes = (*_loose(bound, gap), *_outside(covs, factor * base), *_rounded(points, factor * base))
    notes += ("all covariances equal the floor: its Gaussians are taken as of known covariance",) if known else ()
    return facts.certificate(
        bound,
        parameters=len(mixture) * each - 1 + shared,
        floors=factor * base,
        factor=factor,
        critical_floor=critical,
        rungs=rungs,
        notes=notes,
    )


def _parameters(mixture: Mixture, known: bool) -> tuple[int, int]:
    """Parameters of one more component, its weight included, by the structure that the covariances show; and shared."""
    d, covs = mixture.dim, mixture.components.cov()
    size = float(np.abs(covs).max())
    if known:
        return 1 + d, 0
    if len(covs) > 1 and np.abs(covs - covs[0]).max() <= _TIED * size:
        return 1 + d, d * (d + 1) // 2
    diagonals = np.einsum("kii->ki", covs)
    if d > 1 and np.abs(covs - np.einsum("ki,ij->kij", diagonals, np.eye(d))).max() <= _TIED * size:
        spherical = bool(np.abs(diagonals - diagonals[:, :1]).max() <= _TIED * size)
        return (2 + d, 0) if spherical else (1 + 2 * d, 0)
    return 1 + d + d * (d + 1) // 2, 0


def _rung(facts: _Facts, factor: float, bound: MixingBound) -> Rung:
    gain = bound.upper - facts.log_likelihood
    return Rung(factor, bound.upper, gain, largest_number(len(facts.mixture), gain + facts.entropy, facts.price))


def _critical(
    facts: _Facts, bounded: Callable[[float, tuple[float, float]], MixingBound], first: Rung
) -> tuple[float | None, tuple[Rung, ...]]:
    """The smallest factor at which all larger numbers of components are excluded, and all that were tried.

    Bisection of the logarithm. Each bound is computed until it is decided: it is below what the next component would
    have to gain, or a mixture of the class is above.
    """
    level = facts.log_likelihood - facts.entropy + facts.price
    k, rungs = len(facts.mixture), [first]

    def settles(factor: float) -> bool:
        rungs.append(_rung(facts, factor, bounded(factor, (level, level))))
        return rungs[-1].k_max == k

    good: float | None = None
    if first.k_max == k:
        good = first.factor
        while good > _LOWEST and settles(good / 2):
            good /= 2
        bad = good / 2
    else:
        bad = first.factor
        for factor in (0.7, 0.9, 1.0):
            if settles(factor):
                good = factor
                break
            bad = factor
    while good is not None and good > _LOWEST and good / bad > _CLOSE:
        middle = float(np.sqrt(good * bad))
        good, bad = (middle, bad) if settles(middle) else (good, middle)
    return good, _tightened(rungs)


def _tightened(rungs: list[Rung]) -> tuple[Rung, ...]:
    """The rungs, the highest floor first; what bounds all mixtures above a floor bounds those above a higher one."""
    out: list[Rung] = []
    for rung in sorted(rungs, key=lambda rung: rung.factor):
        lower = out[-1] if out and out[-1].upper_bound < rung.upper_bound else rung
        out.append(replace(lower, factor=rung.factor))
    return tuple(reversed(out))


def _loose(bound: MixingBound, gap: float) -> tuple[str, ...]:
    if bound.gap <= gap:
        return ()
    return (f"the bound may be {bound.gap:.3g} nats above the supremum, more than the gap of {gap:g} asked for",)


def _outside(covs: Float[np.ndarray, "k d d"], floors: Float[np.ndarray, "j d d"]) -> tuple[str, ...]:
    if is_above(covs, floors):
        return ()
    return ("the fit itself is outside: some of its covariances are below the floor, and it may be above the bound",)


def _rounded(points: Samples, floors: Float[np.ndarray, "j d d"]) -> tuple[str, ...]:
    """Whether values of the data are on a lattice, and how that compares with the floor."""
    notes = []
    spread = np.sqrt(np.einsum("kjj->kj", floors).min(axis=0))
    for j, column in enumerate(points.points.T.astype(np.float64)):
        name = f"column {points.columns[j] if points.columns else j}"
        values = np.unique(column)
        if len(values) == 1:
            notes.append(f"{name} has one value: its spread is nothing but the floor")
            continue
        seen = float(points.multiplicities().sum())
        if len(values) > 0.9 * seen:
            continue
        step = float(np.diff(values).min())
        note = (
            f"{name} is rounded, {len(values)} different values among {seen:g}: the likelihood of narrow components "
            "grows without bound as the floor shrinks below the rounding"
        )
        notes.append(note)
        if spread[j] < step:
            warnings.warn(f"{note}, and a floor is narrower than its step of {step:.3g}", AccuracyWarning, stacklevel=4)
    return tuple(notes)
