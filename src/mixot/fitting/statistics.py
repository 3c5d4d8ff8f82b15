"""Sufficient statistics of Gaussian mixtures: what one E step leaves of the data, and all the M step needs.

They add up over chunks, so that data larger than memory is one loop::

    for _ in range(20):
        mixture = maximization(sum_of(expectation(mixture, chunk) for chunk in chunks))
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from mixot import _native
from mixot._shapes import Float
from mixot.errors import InputError, SolveError, UnsupportedError
from mixot.families.diagonal import DiagonalGaussian
from mixot.families.gaussian import Gaussian
from mixot.measures import Samples
from mixot.mixture import Mixture
from mixot.threads import thread_count

STRUCTURES = ("full", "diagonal", "spherical", "tied")
_NOTHING = 1e-14  # a component with a smaller share of the mass has no say in its own parameters


@dataclass(frozen=True, eq=False, slots=True)
class Statistics:
    """Weighted moments of the data under the responsibilities r[i, j] of one mixture, and its log-likelihood.

    ``mass[j] = sum_i w_i r_ij``; ``first`` and ``second`` are moments about ``reference`` (the means of the mixture
    of the E step, so that nothing cancels). ``a + b`` are the statistics of both chunks.

    Parameters
    ----------
    structure : "full", "diagonal", "spherical" or "tied"
    reference : (k, d)
    mass : (k,)
    first : (k, d)
    second : (k, d, d) full, lower triangles mirrored; (k, d) diagonal and spherical; (d, d) tied, summed over components
    log_likelihood : sum of weight times log-density, in nats
    weight : sum of the weights
    rows : number of rows
    """

    structure: str
    reference: Float[np.ndarray, "k d"]
    mass: Float[np.ndarray, " k"]
    first: Float[np.ndarray, "k d"]
    second: Float[np.ndarray, "..."]
    log_likelihood: float
    weight: float
    rows: int

    def __add__(self, other: "Statistics") -> "Statistics":
        if self.structure != other.structure or not np.array_equal(self.reference, other.reference):
            raise InputError("statistics add up only where both come from the E step of one mixture and one structure")
        return replace(
            self,
            mass=self.mass + other.mass,
            first=self.first + other.first,
            second=self.second + other.second,
            log_likelihood=self.log_likelihood + other.log_likelihood,
            weight=self.weight + other.weight,
            rows=self.rows + other.rows,
        )

    def spread(self) -> Float[np.ndarray, " d"]:
        """Variance of each coordinate of all the data, (d,); what ``reg`` is measured in.

        A constant coordinate counts as the average of the others, so that it gets a width in proportion.
        """
        mean = (self.mass @ self.reference + self.first.sum(axis=0)) / self.weight
        away = self.reference - mean
        second = self.second
        own = np.diagonal(second) if self.structure == "tied" else second.sum(axis=0)
        if self.structure == "full":
            own = np.diagonal(own)
        total = own + 2 * (away * self.first).sum(axis=0) + self.mass @ away**2
        return proportionate(total / self.weight, mean)


class Parameters(NamedTuple):
    """Weights (k,), means (k, d) and covariances: (k, d, d) full, (d, d) tied, (k, d) diagonal and spherical."""

    weights: np.ndarray
    means: np.ndarray
    covs: np.ndarray


class Frame(NamedTuple):
    """Origin and units (powers of two, so that scaling rounds nothing) in which the kernels compute, both (d,)."""

    center: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, center: np.ndarray, variances: np.ndarray) -> "Frame":
        """The frame about ``center`` in which variances are about one."""
        return cls(center, 2.0 ** np.round(np.log2(proportionate(variances, center)) / 2))


def expectation(mixture: Mixture, points: Any, weights: Any = None, *, structure: str | None = None) -> Statistics:
    """Return the sufficient statistics of ``points`` under ``mixture``: an E step, in one pass.

    Parameters
    ----------
    mixture : Gaussian or DiagonalGaussian components, none singular
    points : (n, d), float32 and float64 are read as they are
    weights : (n,), not negative, of any sum; ones where not given
    structure : what the M step will fit; "full" or "diagonal", after the components, where not given

    Raises
    ------
    InputError
        On bad points or weights, a wrong dimension, or a structure that the components do not have.
    UnsupportedError
        On components of another family.

    Examples
    --------
    >>> import numpy as np
    >>> from mixot import Gaussian, Mixture
    >>> p = Mixture([0.5, 0.5], Gaussian([-1.0, 1.0], [1.0, 1.0]))
    >>> x = np.array([-1.0, 0.0, 3.0])
    >>> whole, parts = expectation(p, x), expectation(p, x[:1]) + expectation(p, x[1:])
    >>> bool(np.allclose(whole.second, parts.second)), parts.rows
    (True, 3)
    """
    if structure is None:
        structure = "diagonal" if isinstance(mixture.components, DiagonalGaussian) else "full"
    parameters = parameters_of(mixture, structure)
    array = Samples(points).points
    if array.shape[1] != mixture.dim:
        raise InputError(f"points must have shape (n, {mixture.dim}) to go with the mixture, got {array.shape}")
    frame = Frame.of(mixture.mean(), np.diagonal(mixture.cov()))
    return e_step(parameters, array, Weights.of(weights, len(array)), structure, frame)


def maximization(statistics: Statistics, *, reg: float = 1e-6) -> Mixture:
    """Return the mixture that fits ``statistics`` best: an M step.

    ``weights = mass / total``, ``means = reference + first / mass``, and covariances

    ``(scatter + reg * weight / k * diag(v)) / mass``  (tied: ``scatter / weight + reg * diag(v)``),

    v the variances of all the data: the maximum of the expected log-likelihood minus
    ``reg / 2 * mean_k tr(diag(v) inv(cov_k))``, a prior that keeps covariances away from zero. Its strength relative
    to the data is the same in all units, and a component of average mass gets ``reg`` times the variance of the data.

    Raises
    ------
    InputError
        Where the statistics are those of no data at all.

    Examples
    --------
    >>> from mixot import Gaussian, Mixture
    >>> p = Mixture([1.0], Gaussian([0.0], [1.0]))
    >>> maximization(expectation(p, [1.0, 3.0]), reg=0.0).mean().tolist()
    [2.0]
    """
    if not statistics.weight > 0:
        raise InputError("there is nothing to fit: the statistics are those of no rows, or all their weights are zero")
    return mixture_of(m_step(statistics, reg), statistics.structure)


def sum_of(parts: Iterable[Statistics]) -> Statistics:
    """Return the statistics of all the chunks together."""
    return reduce(lambda a, b: a + b, parts)


class Weights(NamedTuple):
    """Weights (n,) of mean one for the kernels, and the unit that makes them the caller's again."""

    values: np.ndarray
    unit: float

    @classmethod
    def of(cls, weights: Any, n: int) -> "Weights":
        """Checked weights of n rows; ones where none are given."""
        if weights is None:
            return cls(np.ones(n), 1.0)
        array = np.ascontiguousarray(weights, dtype=np.float64)
        if array.shape != (n,):
            raise InputError(f"weights must have shape {(n,)}, one for each row, got {array.shape}")
        if not (np.isfinite(array).all() and (array >= 0).all()):
            bad = np.flatnonzero(~(np.isfinite(array) & (array >= 0)))
            raise InputError(f"weights must be finite and not negative; look at rows {bad[:5].tolist()}")
        unit = float(array.mean()) or 1.0
        return cls(array / unit, unit)


def e_step(parameters: Parameters, points: np.ndarray, weights: Weights, structure: str, frame: Frame) -> Statistics:
    """Statistics of checked points; the compiled pass works in ``frame``, what comes out is in the caller's units."""
    k, d = parameters.means.shape
    arguments = _kernel_arguments(parameters, structure, frame, points.dtype)
    mass, first = np.empty(k), np.empty((k, d))
    second = np.empty({"full": (k, d, d), "tied": (d, d)}.get(structure, (k, d)))
    log_likelihood = _native.em_pass(points, weights.values, *arguments, thread_count(), mass, first, second)
    reference = arguments[2]
    if structure == "full":
        second += np.tril(second, -1).swapaxes(1, 2)
        second *= np.multiply.outer(frame.scale, frame.scale)
    elif structure == "tied":  # the kernel's moment is about zero; make it one about the references
        second += np.tril(second, -1).T
        cross = first.T @ reference
        second -= cross + cross.T + (reference * mass[:, None]).T @ reference
        second *= np.multiply.outer(frame.scale, frame.scale)
    else:
        second *= frame.scale**2
    unit = weights.unit
    return Statistics(
        structure=structure,
        reference=frame.center + reference * frame.scale,
        mass=mass * unit,
        first=first * (frame.scale * unit),
        second=second * unit,
        log_likelihood=log_likelihood * unit,
        weight=float(weights.values.sum()) * unit,
        rows=len(points),
    )


def of_labels(points: np.ndarray, weights: np.ndarray, labels: np.ndarray, k: int, structure: str) -> Statistics:
    """Statistics of points that each belong to one cluster, about the clusters' means; what a start is fitted to."""
    d = points.shape[1]
    mass, means = np.bincount(labels, weights, minlength=k), np.zeros((k, d))
    second = np.zeros((k, d, d) if structure in ("full", "tied") else (k, d))
    for j in range(k):
        x, w = points[labels == j].astype(np.float64), weights[labels == j]
        means[j] = x[0] + w @ (x - x[0]) / mass[j]
        z = x - means[j]
        second[j] = (z * w[:, None]).T @ z if second.ndim == 3 else w @ z**2
    second = second.sum(axis=0) if structure == "tied" else second
    return Statistics(structure, means, mass, np.zeros((k, d)), second, -np.inf, float(weights.sum()), len(points))


def log_joint(parameters: Parameters, points: np.ndarray, structure: str, frame: Frame) -> np.ndarray:
    """Logarithm of weight times density of every component at every point, (n, k)."""
    out = np.empty((len(points), len(parameters.weights)))
    arguments = _kernel_arguments(parameters, structure, frame, points.dtype)
    _native.em_log_joint(points, *arguments, thread_count(), out)
    return out


def m_step(statistics: Statistics, reg: float, spread: np.ndarray | None = None) -> Parameters:
    """Parameters that maximise the expected penalised log-likelihood; see `maximization`."""
    s, k = statistics, len(statistics.mass)
    spread = s.spread() if spread is None else spread
    alive = s.mass > _NOTHING * s.weight
    mass = np.where(alive, s.mass, 1.0)[:, None]
    shift = np.where(alive[:, None], s.first / mass, 0.0)
    prior = reg * s.weight / k * spread
    if s.structure == "tied":
        scatter = s.second - (shift * s.mass[:, None]).T @ shift
        covs = (scatter + k * np.diag(prior)) / s.weight
    elif s.structure == "full":
        scatter = s.second - mass[:, :, None] * (shift[:, :, None] * shift[:, None, :])
        covs = np.where(alive[:, None, None], (scatter + np.diag(prior)) / mass[:, :, None], np.diag(spread))
    else:
        scatter = s.second - mass * shift**2
        if s.structure == "spherical":
            scatter, prior, spread = (
                np.broadcast_to(a.mean(axis=-1, keepdims=True), a.shape) for a in (scatter, prior, spread)
            )
        covs = np.where(alive[:, None], (np.maximum(scatter, 0.0) + prior) / mass, spread)
    weights = np.where(alive, s.mass, 0.0)
    return Parameters(weights / weights.sum(), s.reference + shift, covs)


def penalty(parameters: Parameters, structure: str, reg: float, spread: np.ndarray) -> float:
    """``reg / 2 * mean_k tr(diag(spread) inv(cov_k))``, what the M step holds against small covariances."""
    if reg == 0:
        return 0.0
    if structure in ("diagonal", "spherical"):
        share = spread if structure == "diagonal" else np.full_like(spread, spread.mean())
        return reg / 2 * float((share / parameters.covs).sum(axis=1).mean())
    units = np.sqrt(spread)
    inverse = np.linalg.inv(parameters.covs / np.multiply.outer(units, units))
    return reg / 2 * float(np.trace(inverse, axis1=-2, axis2=-1).mean())


def parameters_of(mixture: Mixture, structure: str) -> Parameters:
    """The arrays of a Gaussian mixture in the shape of ``structure``."""
    components = mixture.components
    if not isinstance(components, Gaussian | DiagonalGaussian):
        raise UnsupportedError(f"expected Gaussian or DiagonalGaussian components, got {type(components).__name__}")
    if structure not in STRUCTURES:
        raise InputError(f"unknown structure {structure!r}; structures are {', '.join(STRUCTURES)}")
    if structure in ("diagonal", "spherical"):
        if not isinstance(components, DiagonalGaussian):
            raise InputError(f"structure {structure!r} needs DiagonalGaussian components, got Gaussian")
        return Parameters(mixture.weights, components.means, components.variances)
    covs = components.cov()
    if structure == "tied" and (covs != covs[0]).any():
        raise InputError("structure 'tied' needs components that share one covariance")
    return Parameters(mixture.weights, components.mean(), covs if structure == "full" else covs[0])


def mixture_of(parameters: Parameters, structure: str) -> Mixture:
    """The mixture these arrays stand for."""
    weights, means, covs = parameters
    if structure in ("diagonal", "spherical"):
        return Mixture(weights, DiagonalGaussian(means, covs))
    return Mixture(weights, Gaussian(means, np.broadcast_to(covs, (len(means), *covs.shape[-2:]))))


def proportionate(variances: np.ndarray, center: np.ndarray) -> np.ndarray:
    """Variances with those that are zero but for rounding replaced by the mean of the others."""
    constant = variances <= (8 * np.finfo(float).eps * center) ** 2
    if not constant.any():
        return variances
    rest = variances[~constant]
    return np.where(constant, rest.mean() if len(rest) else np.abs(center).max() ** 2 or 1.0, variances)


def _kernel_arguments(parameters: Parameters, structure: str, frame: Frame, dtype: Any) -> tuple[Any, ...]:
    weights, means, covs = parameters
    d = means.shape[1]
    # the kernel reads means in the precision of the points: round them here, so that the moments are about what it read
    reference = ((means - frame.center) / frame.scale).astype(dtype).astype(np.float64)
    if structure in ("diagonal", "spherical"):
        if not (covs > 0).all():
            raise _collapsed(np.flatnonzero(~(covs > 0).all(axis=1)))
        factors = frame.scale / np.sqrt(covs)
        log_det = np.log(factors).sum(axis=1)
    else:
        factors = _inverse_factors(covs.reshape(-1, d, d) / np.multiply.outer(frame.scale, frame.scale))
        log_det = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
    with np.errstate(divide="ignore"):
        log_const = np.log(weights) + log_det - d / 2 * np.log(2 * np.pi) - np.log(frame.scale).sum()
    kernel = structure if structure in ("full", "tied") else "diagonal"
    return frame.center, 1 / frame.scale, reference, factors, log_const, kernel


def _inverse_factors(covs: np.ndarray) -> np.ndarray:
    """Upper triangular P with inv(cov) = P P', (k, d, d)."""
    from scipy.linalg.lapack import dtrtri

    try:
        lower = np.linalg.cholesky(covs)
    except np.linalg.LinAlgError:
        raise _collapsed(np.flatnonzero(np.linalg.eigvalsh(covs)[:, 0] <= 0)) from None
    return np.stack([np.ascontiguousarray(dtrtri(each, lower=1)[0].T) for each in lower])


def _collapsed(components: np.ndarray) -> SolveError:
    return SolveError(
        f"the covariance of components {components[:5].tolist()} is singular, so they have no density; "
        "raise reg, or ask for fewer components or a simpler structure"
    )
