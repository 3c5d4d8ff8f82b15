"""What a fit to moments aims at: Chebyshev moments of a law, and how well they are known."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from math import comb

import numpy as np

from mixot._native import chebyshev_moments
from mixot._shapes import Float, Int
from mixot.errors import AccuracyWarning, InputError
from mixot.families.elliptical.diagonal import DiagonalGaussian
from mixot.families.elliptical.gaussian import Gaussian
from mixot.formulas.polynomial.chebyshev import (
    chebyshev_of_powers,
    chebyshev_statistics,
    derivative_matrices,
    product_covariance,
    shifted_powers,
)
from mixot.formulas.polynomial.moments import exponents
from mixot.measures import Grid, Measure, Moments, Samples
from mixot.mixture import Mixture
from mixot.sos.sample_moments import SampleMoments

STRUCTURES = ("full", "diagonal", "spherical")
_DROP = 1e-6  # directions of the moments whose variance is below this share of the largest carry no information ..
_EXACT_DROP = 1e-13  # .. but rounding, where moments are exact
_FLOOR = 1e-4  # least variance of a component: a hundredth of the half width of the data, squared
_EXACT_FLOOR = 1e-10  # the same where moments are exact and can tell narrow components
_NOT_PSD = 1e-8  # a moment matrix may be so far from positive semi-definite by rounding
_ROWS_PER_MOMENT = 3  # with fewer rows the covariance of the moments is mostly noise
_MOST_MOMENTS = 12_000  # of which the covariance takes a GiB
_LIGHTEST = 0.01  # a component of this weight stays inside the box of a law that is known through moments only


@dataclass(frozen=True, eq=False)
class MomentTarget:
    """Moments ``E T_a(y)``, ``|a| <= degree``, of a law, in the coordinates ``y = (x - center) / scale``.

    What a fit minimises is ``J(theta) = n |omega^(-1/2) (moments - p(theta))|^2``, n = ``count``, p the moments of the
    mixture theta: the optimally weighted distance of the generalised method of moments. For a law known exactly
    (``count = inf``) the factor n is left out. Directions in which omega is below 1e-6 (exact moments: 1e-13) of its
    largest eigenvalue are dropped.

    Parameters
    ----------
    center, scale : (d,), the box ``center - scale .. center + scale`` holds the data
    degree : largest degree of a moment
    moments : (s,)
    omega : (s, s), covariance of the T_a of one observation; its first row is zero
    count : number of observations behind the moments
    floor : least variance of a component, in y
    provisional : omega is that of a Gaussian law until a fitted mixture replaces it
    notes : what was assumed or lowered, one sentence each

    References
    ----------
    Hansen, Econometrica 50 (1982), for the weighting.
    """

    center: Float[np.ndarray, " d"]
    scale: Float[np.ndarray, " d"]
    degree: int
    moments: Float[np.ndarray, " s"]
    omega: Float[np.ndarray, "s s"]
    count: float
    floor: float = _FLOOR
    provisional: bool = False
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, law: Measure, degree: int, *, structure: str = "full", count: float | int | None = None
    ) -> MomentTarget:
        """Return the target that ``law`` sets: sampled moments with their covariance, or what its moments say.

        Samples and grids give means and covariance of the T_a; ``count`` is then Kish's effective number of rows,
        infinite for everything else, unless given. `Moments` up to twice the degree, and mixtures, give the
        covariance exactly. Where moments end below that, omega is that of the Gaussian law of the same mean and
        covariance until a fitted mixture replaces it (`weighted_by`).
        """
        if degree < 2:
            raise InputError(f"a fit needs moments of degree 2 or more, got {degree}")
        if count is not None and not count > 0:
            raise InputError(f"count must be a positive number of observations, got {count!r}")
        if isinstance(law, Samples | Grid):
            return _of_points(law, degree, structure, count)
        if isinstance(law, SampleMoments):
            return _of_stream(law, degree, structure, count)
        return _of_moments(law, degree, structure, np.inf if count is None else float(count))

    @property
    def dim(self) -> int:
        """Dimension d of the law."""
        return len(self.center)

    @property
    def exact(self) -> bool:
        """Whether the moments carry no noise."""
        return bool(np.isinf(self.count))

    @cached_property
    def powers(self) -> Int[np.ndarray, "s d"]:
        """Exponents a of the moments."""
        return exponents(self.dim, self.degree)

    @cached_property
    def whitening(self) -> Float[np.ndarray, "m s"]:
        """W with ``J = |W (moments - p)|^2``; m directions are kept."""
        values, vectors = np.linalg.eigh(self.omega[1:, 1:])
        kept = values > (_EXACT_DROP if self.exact else _DROP) * values[-1]
        if not kept.any():
            raise InputError("all moments are certain: the data are one point, there is no mixture to fit")
        out = np.zeros((int(kept.sum()), len(self.moments)))
        out[:, 1:] = (vectors[:, kept] / np.sqrt(values[kept])).T
        return out if self.exact else out * np.sqrt(self.count)

    @property
    def equations(self) -> int:
        """Number m of independent moments."""
        return len(self.whitening)

    def operators(self, structure: str) -> Float[np.ndarray, "c m s"]:
        """W, W D_j and derivatives by each number of a covariance (mixtures/moment_fit.hpp in native); kept."""
        if structure == "full":
            return self._full_operators
        return self._diagonal_operators if structure == "diagonal" else self._spherical_operators

    @cached_property
    def _full_operators(self) -> Float[np.ndarray, "c m s"]:
        return self._whitened([self._second(i, j) for i in range(self.dim) for j in range(i + 1)])

    @cached_property
    def _diagonal_operators(self) -> Float[np.ndarray, "c m s"]:
        return self._whitened([self._second(j, j) for j in range(self.dim)])

    @cached_property
    def _spherical_operators(self) -> Float[np.ndarray, "c m s"]:
        return self._whitened([np.sum([self._second(j, j) for j in range(self.dim)], axis=0)])

    @cached_property
    def _slopes(self) -> Float[np.ndarray, "d s s"]:
        return derivative_matrices(self.dim, self.degree)

    def _second(self, i: int, j: int) -> np.ndarray:
        """Derivative by an entry of the covariance; an entry off the diagonal stands twice in it."""
        return self._slopes[i] @ self._slopes[j] / (2 if i == j else 1)

    def _whitened(self, by_cov: list[np.ndarray]) -> Float[np.ndarray, "c m s"]:
        matrices = [np.eye(len(self.moments)), *self._slopes, *by_cov]
        return np.ascontiguousarray(np.stack([self.whitening @ matrix for matrix in matrices]))

    def most_components(self, structure: str) -> int:
        """The largest k whose k (1 + d + c) - 1 parameters the moments can determine."""
        return max(1, (self.equations + 1) // component_parameters(self.dim, structure))

    def weighted_by(self, mixture: Mixture) -> MomentTarget:
        """The same target with omega that of ``mixture``, a Gaussian mixture in the coordinates of the law."""
        inside = mixture.affine(np.diag(1 / self.scale), -self.center / self.scale)
        omega = product_covariance(gaussian_chebyshev(inside, 2 * self.degree), self.dim, self.degree)
        return replace(self, omega=omega, provisional=False)


def component_parameters(dim: int, structure: str) -> int:
    """How many numbers describe one component, its weight included."""
    return 1 + dim + {"full": dim * (dim + 1) // 2, "diagonal": dim, "spherical": 1}[structure]


def gaussian_chebyshev(mixture: Mixture, degree: int) -> Float[np.ndarray, " s"]:
    """``E T_a`` of a Gaussian mixture, up to ``degree``."""
    components = mixture.components
    lower = np.tril_indices(mixture.dim)
    covs = np.ascontiguousarray(components.cov()[:, lower[0], lower[1]])
    powers = exponents(mixture.dim, degree)
    out = np.empty((len(mixture), len(powers)))
    chebyshev_moments(powers, "full", np.ascontiguousarray(components.mean()), covs, out)
    return mixture.weights @ out


def _of_points(law: Samples | Grid, degree: int, structure: str, count: float | int | None) -> MomentTarget:
    """Sampled moments; a grid stands for its pixels' masses at their centers."""
    points = law.centers() if isinstance(law, Grid) else law
    seen = points.weights > 0
    x, weights = points.points[seen].astype(np.float64), points.weights[seen]
    low, high = x.min(axis=0), x.max(axis=0)
    center, scale = low / 2 + high / 2, high / 2 - low / 2
    constant = np.flatnonzero(scale <= 8 * np.finfo(float).eps * np.abs(center))
    if len(constant):
        raise InputError(f"columns {constant[:5].tolist()} are constant: they have no moments to fit; leave them out")
    scale = np.full_like(scale, scale.max()) if structure == "spherical" else scale
    count = points.observations if count is None else float(count)
    degree, notes = _affordable(degree, law.dim, min(count, float(len(x))))
    _check_size(degree, law.dim)
    moments, omega = chebyshev_statistics((x - center) / scale, weights / weights.sum(), degree)
    return MomentTarget(center, scale, degree, moments, omega, count, notes=notes)


def _of_stream(law: SampleMoments, degree: int, structure: str, count: float | int | None) -> MomentTarget:
    """Moments of samples that are not at hand, with the covariance that was streamed along with them."""
    if law.order < degree:
        raise InputError(f"these moments end at order {law.order}, {degree} are needed; lower the order of the fit")
    center, scale = law.lower / 2 + law.upper / 2, law.upper / 2 - law.lower / 2
    framed = law.framed(center, np.full_like(scale, scale.max()) if structure == "spherical" else scale)
    count = law.observations if count is None else float(count)
    degree, notes = _affordable(degree, law.dim, min(law.observations, float(law.count)))
    size = comb(law.dim + degree, degree)
    omega = framed.error_cov()[:size, :size] * law.observations
    return MomentTarget(center, framed.scale, degree, framed.sums[:size] / framed.mass, omega, count, notes=notes)


def _affordable(degree: int, dim: int, rows: float) -> tuple[int, tuple[str, ...]]:
    """The degree that so many rows can pay for, and what to say where that is less than was asked for."""
    lower = degree
    while lower > 2 and _ROWS_PER_MOMENT * comb(dim + lower, dim) > rows:
        lower -= 1
    if lower == degree:
        return degree, ()
    note = (
        f"{rows:.0f} rows are too few for the {comb(dim + degree, dim)} moments of degree {degree}: "
        f"their covariance would be noise; the degree is lowered to {lower}"
    )
    warnings.warn(note, AccuracyWarning, stacklevel=5)
    return lower, (note,)


def _check_size(degree: int, dim: int) -> None:
    """Refuse what a computer would stop at: the covariance of the moments is held, factored and held again."""
    moments = comb(dim + degree, dim)
    if moments <= _MOST_MOMENTS:
        return
    order = max((half for half in range(1, degree // 2) if comb(dim + 2 * half, dim) <= _MOST_MOMENTS), default=0)
    advice = f"take MomentMatching(order={order}), or " if order else ""
    raise InputError(
        f"{dim} columns have {moments} moments up to degree {degree}, whose covariance takes "
        f"{8 * moments**2 / 2**30:.1f} GiB; {advice}project the rows on fewer columns"
    )


def _of_moments(law: Measure, degree: int, structure: str, count: float) -> MomentTarget:
    """Exact or given moments; the box is wide enough for every component of weight 0.01 or more."""
    given = law.order if isinstance(law, Moments) else 2 * degree
    if given < degree:
        raise InputError(f"these moments end at order {given}, {degree} are needed; lower the order of the fit")
    mean, cov = law.mean(), law.cov()
    spread = np.sqrt(np.maximum(np.diagonal(cov), 0.0))
    if not (spread > 0).all():
        raise InputError(f"the law must have positive variances, got {np.diagonal(cov).tolist()}")
    known = 2 * degree if given >= 2 * degree else degree
    even = degree - degree % 2
    standard = _powers_about(law, known, mean, spread)
    _check_possible(standard, law.dim, known)
    column = {tuple(power): s for s, power in enumerate(exponents(law.dim, known).tolist())}
    tails = np.array([standard[column[tuple(even * unit)]] for unit in np.eye(law.dim, dtype=int)])
    scale = spread * (tails / _LIGHTEST) ** (1 / even)  # weight |m - mean|^even <= tail, for every component
    scale = np.full_like(scale, scale.max()) if structure == "spherical" else scale
    values = chebyshev_of_powers(_powers_about(law, known, mean, scale), law.dim, known)
    first = values[: comb(law.dim + degree, degree)]
    floor = _FLOOR if np.isfinite(count) else _EXACT_FLOOR
    target = MomentTarget(mean, scale, degree, first, np.eye(len(first)), count, floor)
    if known == 2 * degree:
        return replace(target, omega=product_covariance(values, law.dim, degree))
    note = f"moments end at order {given}: their covariance is that of the fitted mixture, not of the law"
    gaussian = target.weighted_by(Mixture([1.0], Gaussian(mean[None], cov[None])))
    return replace(gaussian, provisional=True, notes=(note,))


def _powers_about(law: Measure, degree: int, center: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Raw moments of ``(x - center) / scale``; mixtures of Gaussian laws are moved first, which loses no digits."""
    if isinstance(law, Mixture) and isinstance(law.components, Gaussian | DiagonalGaussian):
        return law.affine(np.diag(1 / scale), -center / scale).moments(degree).values
    return shifted_powers(law.moments(degree).values, law.dim, degree, center, scale)


def _check_possible(standard: np.ndarray, dim: int, degree: int) -> None:
    """Refuse moments that no measure has: their moment matrix must be positive semi-definite."""
    half = exponents(dim, degree // 2)
    column = {tuple(power): s for s, power in enumerate(exponents(dim, degree).tolist())}
    matrix = np.array([[standard[column[tuple(a + b)]] for b in half] for a in half])
    diagonal = np.diagonal(matrix)
    lowest = diagonal.min()
    if lowest > 0:
        lowest = np.linalg.eigvalsh(matrix / np.sqrt(np.outer(diagonal, diagonal)))[0]
    if lowest < -_NOT_PSD:
        raise InputError(
            f"no measure has these moments: their matrix of order {degree // 2}, scaled to a unit diagonal, has the "
            f"eigenvalue {lowest:.3g}; check the order they are listed in, or lower the order of the fit"
        )
