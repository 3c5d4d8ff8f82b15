"""Sufficient statistics of Gaussian mixtures: what one E step leaves of the data, and all the M step needs.

They add up over chunks, so that data larger than memory are one loop::

    for _ in range(20):
        mixture = maximization(sum_of(expectation(mixture, chunk, noise=noise) for chunk in chunks))

What EM climbs is, for noise variances s (d,),

``F = mean_i log sum_k weight_k N(x_i; mean_k, cov_k) exp(-tr(diag(s) inv(cov_k)) / 2)``.

By Jensen's inequality it is a lower bound on the mean log-likelihood of the data blurred by independent N(0, diag(s)),
and its M step adds exactly diag(s) to each covariance. So nothing collapses, F never decreases, and for s = 0 it is
the log-likelihood itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import NamedTuple

import numpy as np

from mixot._checks import as_floats, is_one_of
from mixot._native import em_log_joint, em_pass
from mixot._shapes import ArrayLike, Float
from mixot.errors import InputError, SolveError, UnsupportedError
from mixot.families.elliptical.diagonal import DiagonalGaussian
from mixot.families.elliptical.gaussian import Gaussian
from mixot.measures import Samples
from mixot.mixture import Mixture
from mixot.threads import thread_count

STRUCTURES = ("full", "diagonal", "spherical", "tied")
_SMALL = 3  # dimensions up to which NumPy inverts factors as fast as LAPACK, whose import is most of a first fit's time
_NOTHING = 1e-14  # a component with a smaller share of the mass has no say in its own parameters


@dataclass(frozen=True, eq=False, slots=True)
class Statistics:
    """Weighted moments of the data under the responsibilities r[i, j] of one mixture, and the objective F.

    ``mass[j] = sum_i w_i r_ij``; ``first`` and ``second`` are moments about ``reference`` (the means of the mixture
    of the E step, so that nothing cancels). ``a + b`` are the statistics of both chunks.

    Parameters
    ----------
    structure : "full", "diagonal", "spherical" or "tied"
    noise : variances s of the objective, (d,)
    reference : (k, d)
    mass : (k,)
    first : (k, d)
    second : (k, d, d) full; (k, d) diagonal and spherical; (d, d) tied, summed over the components
    objective : sum of weight times what F takes the mean of, in nats; without noise the log-likelihood
    weight : sum of the weights
    rows : number of rows
    """

    structure: str
    noise: Float[np.ndarray, " d"]
    reference: Float[np.ndarray, "k d"]
    mass: Float[np.ndarray, " k"]
    first: Float[np.ndarray, "k d"]
    second: Float[np.ndarray, "..."]
    objective: float
    weight: float
    rows: int

    def __add__(self, other: Statistics) -> Statistics:
        same = (self.structure, *map(np.ndarray.tobytes, (self.noise, self.reference)))
        if same != (other.structure, *map(np.ndarray.tobytes, (other.noise, other.reference))):
            raise InputError("statistics add up only where both come from E steps under one mixture, alike in all else")
        return replace(
            self,
            mass=self.mass + other.mass,
            first=self.first + other.first,
            second=self.second + other.second,
            objective=self.objective + other.objective,
            weight=self.weight + other.weight,
            rows=self.rows + other.rows,
        )

    def variances(self) -> Float[np.ndarray, " d"]:
        """Variance of each coordinate of all the data, (d,), whatever the mixture."""
        mean = (self.mass @ self.reference + self.first.sum(axis=0)) / self.weight
        away = self.reference - mean
        own = self.second if self.structure == "tied" else self.second.sum(axis=0)
        own = np.diagonal(own) if own.ndim == 2 else own
        return (own + 2 * (away * self.first).sum(axis=0) + self.mass @ away**2) / self.weight


class Parameters(NamedTuple):
    """Weights (k,), means (k, d) and covariances: (k, d, d) full, (d, d) tied, (k, d) diagonal and spherical."""

    weights: np.ndarray
    means: np.ndarray
    covs: np.ndarray


class Weights(NamedTuple):
    """Weights (n,) of mean one for the kernels, and the unit that makes them the caller's again."""

    values: np.ndarray
    unit: float

    @classmethod
    def of(cls, weights: ArrayLike | None, n: int) -> Weights:
        """Checked weights of n rows; ones where none are given."""
        if weights is None:
            return cls(np.ones(n), 1.0)
        array = np.ascontiguousarray(as_floats(weights, "weights"))
        if array.shape != (n,):
            raise InputError(f"weights must have shape {(n,)}, one for each row, got {array.shape}")
        if not (np.isfinite(array).all() and (array >= 0).all()):
            bad = np.flatnonzero(~(np.isfinite(array) & (array >= 0)))
            raise InputError(f"weights must be finite and not negative; look at rows {bad[:5].tolist()}")
        unit = float(array.mean()) or 1.0
        return cls(array / unit, unit)


class Frame(NamedTuple):
    """Origin and units (powers of two, so that scaling rounds nothing) in which the kernels compute, both (d,)."""

    center: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, center: np.ndarray, variances: np.ndarray) -> Frame:
        """The frame about ``center`` in which variances are about one."""
        return cls(center, 2.0 ** np.round(np.log2(proportionate(variances, center)) / 2))


def expectation(
    mixture: Mixture,
    points: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    structure: str | None = None,
    noise: ArrayLike | None = None,
) -> Statistics:
    """Return the sufficient statistics of ``points`` under ``mixture``: an E step, in one pass.

    Parameters
    ----------
    mixture : Mixture
        of Gaussian or DiagonalGaussian components, none singular
    points : (n, d)
        float32 and float64 are computed as they are
    weights : (n,)
        not negative, of any sum; ones where not given
    structure : str
        what the M step will fit; "full" or "diagonal", after the components, where not given
    noise : (d,)
        variances that the M step will add to each covariance, zero where not given; `EM` takes ``reg * variances``

    Raises
    ------
    InputError
        On bad points or weights, a wrong dimension, or a structure that the components do not have.
    UnsupportedError
        On components of another family.
    SolveError
        On a singular covariance.

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
    added = np.zeros(mixture.dim) if noise is None else as_floats(noise, "noise")
    if added.shape != (mixture.dim,) or not (added >= 0).all():
        raise InputError(f"noise must be {mixture.dim} variances, not negative, got {added.tolist()}")
    frame = Frame.of(mixture.mean(), np.diagonal(mixture.cov()))
    return e_step(parameters, array, Weights.of(weights, len(array)), structure, added, frame)


def maximization(statistics: Statistics) -> Mixture:
    """Return the mixture that fits ``statistics`` best: an M step.

    ``weight = mass / total``, ``mean = reference + first / mass`` and ``cov = scatter / mass + diag(noise)``, where
    the scatter is about the new mean and is shared, averaged or cut to its diagonal as the structure says.

    Raises
    ------
    InputError
        Where the statistics are those of no data at all.

    Examples
    --------
    >>> from mixot import Gaussian, Mixture
    >>> p = Mixture([1.0], Gaussian([0.0], [1.0]))
    >>> maximization(expectation(p, [1.0, 3.0])).mean().tolist()
    [2.0]
    """
    if not statistics.weight > 0:
        raise InputError("there is nothing to fit: the statistics are those of no rows, or all their weights are zero")
    return mixture_of(m_step(statistics), statistics.structure)


def sum_of(parts: Iterable[Statistics]) -> Statistics:
    """Return the statistics of all the chunks together."""
    return reduce(lambda a, b: a + b, parts)


def e_step(
    parameters: Parameters, points: np.ndarray, weights: Weights, structure: str, noise: np.ndarray, frame: Frame
) -> Statistics:
    """Statistics of checked points; the compiled pass works in ``frame``, what comes out is in the caller's units."""
    k, d = parameters.means.shape
    model = _KernelModel.of(parameters, structure, noise, frame, points.dtype)
    mass, first = np.empty(k), np.empty((k, d))
    second = np.empty({"full": (k, d, d), "tied": (d, d)}.get(structure, (k, d)))
    objective = em_pass(points, weights.values, *model, thread_count(), mass, first, second)
    if structure in ("full", "tied"):
        second += np.tril(second, -1).swapaxes(-1, -2)
    if structure == "tied":  # the kernel's moment is about zero; make it one about the references
        cross = first.T @ model.means
        second -= cross + cross.T + (model.means * mass[:, None]).T @ model.means
    second *= np.outer(frame.scale, frame.scale) if structure in ("full", "tied") else frame.scale**2
    return Statistics(
        structure=structure,
        noise=noise,
        reference=frame.center + model.means * frame.scale,
        mass=mass * weights.unit,
        first=first * (frame.scale * weights.unit),
        second=second * weights.unit,
        objective=objective * weights.unit,
        weight=float(weights.values.sum()) * weights.unit,
        rows=len(points),
    )


def m_step(statistics: Statistics) -> Parameters:
    """Parameters that maximise the expected objective; a component without mass gets the variances of the data."""
    s = statistics
    alive = s.mass > _NOTHING * s.weight
    mass = np.where(alive, s.mass, 1.0)[:, None]
    shift = np.where(alive[:, None], s.first / mass, 0.0)
    weights = np.where(alive, s.mass, 0.0)
    if s.structure == "tied":
        covs = (s.second - (shift * s.mass[:, None]).T @ shift) / s.weight + np.diag(s.noise)
    elif s.structure == "full":
        scatter = s.second / mass[:, :, None] - shift[:, :, None] * shift[:, None, :]
        covs = np.where(alive[:, None, None], scatter, np.diag(s.variances())) + np.diag(s.noise)
    else:
        scatter = np.where(alive[:, None], np.maximum(s.second / mass - shift**2, 0.0), s.variances())
        covs = scatter + s.noise
        if s.structure == "spherical":
            covs = np.repeat(covs.mean(axis=1, keepdims=True), covs.shape[1], axis=1)
    return Parameters(weights / weights.sum(), s.reference + shift, covs)


def log_joint(parameters: Parameters, points: np.ndarray, structure: str, frame: Frame) -> np.ndarray:
    """Logarithm of weight times density of every component at every point, (n, k)."""
    out = np.empty((len(points), len(parameters.weights)))
    model = _KernelModel.of(parameters, structure, np.zeros(points.shape[1]), frame, points.dtype)
    em_log_joint(points, *model, thread_count(), out)
    return out


def parameters_of(mixture: Mixture, structure: str) -> Parameters:
    """The arrays of a Gaussian mixture in the shape of ``structure``."""
    components = mixture.components
    if not isinstance(components, Gaussian | DiagonalGaussian):
        raise UnsupportedError(f"expected Gaussian or DiagonalGaussian components, got {type(components).__name__}")
    if not is_one_of(structure, STRUCTURES):
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


class _KernelModel(NamedTuple):
    """A mixture in the units of the compiled pass, in the order of its arguments (native/mixtures/em.hpp)."""

    center: np.ndarray
    inv_scale: np.ndarray
    means: np.ndarray
    factors: np.ndarray
    log_const: np.ndarray
    kernel: str

    @classmethod
    def of(
        cls, parameters: Parameters, structure: str, noise: np.ndarray, frame: Frame, dtype: np.dtype
    ) -> _KernelModel:
        weights, means, covs = parameters
        d = means.shape[1]
        # rounded to the precision in which the kernel reads them: its moments are about the rounded means
        local = ((means - frame.center) / frame.scale).astype(dtype).astype(np.float64)
        jitter = noise / frame.scale**2
        if structure in ("diagonal", "spherical"):
            if not (covs > 0).all():
                raise collapsed(np.flatnonzero(~(covs > 0).all(axis=1)))
            factors = frame.scale / np.sqrt(covs)
            log_det, trace = np.log(factors).sum(axis=1), factors**2 @ jitter
        else:
            factors = _inverse_factors(covs.reshape(-1, d, d) / np.outer(frame.scale, frame.scale))
            log_det = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
            trace = (factors**2).sum(axis=2) @ jitter
        with np.errstate(divide="ignore"):  # a component of weight zero
            log_const = np.log(weights) + log_det - trace / 2 - d / 2 * np.log(2 * np.pi) - np.log(frame.scale).sum()
        kernel = structure if structure in ("full", "tied") else "diagonal"
        return cls(frame.center, 1 / frame.scale, local, factors, log_const, kernel)


def _inverse_factors(covs: np.ndarray) -> np.ndarray:
    """Upper triangular P with inv(cov) = P P', (k, d, d)."""
    try:
        lower = np.linalg.cholesky(covs)
    except np.linalg.LinAlgError:
        raise collapsed(np.flatnonzero(np.linalg.eigvalsh(covs)[:, 0] <= 0)) from None
    return np.ascontiguousarray(_inverse_lower(lower).swapaxes(1, 2))


def _inverse_lower(lower: np.ndarray) -> np.ndarray:
    """Inverses of lower triangular matrices, (k, d, d)."""
    if lower.shape[1] > _SMALL:
        from scipy.linalg.lapack import dtrtri  # pyright: ignore[reportAttributeAccessIssue]

        return np.stack([dtrtri(each, lower=1)[0] for each in lower])
    out = np.zeros_like(lower)
    for i in range(lower.shape[1]):  # forward substitution, all matrices at once
        out[:, i, i] = 1 / lower[:, i, i]
        out[:, i, :i] = -(lower[:, i, None, :i] @ out[:, :i, :i])[:, 0] * out[:, i, i, None]
    return out


def collapsed(components: np.ndarray) -> SolveError:
    """What is raised where these covariances are singular."""
    return SolveError(
        f"the covariance of components {components[:5].tolist()} is singular, so they have no density; "
        "raise reg, or ask for fewer components or a simpler structure"
    )
