"""What a relaxation knows of the measure it approaches: its moments, in coordinates that suit them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError, UnsupportedError
from mixot.families.moment_model import Extent, MomentModel
from mixot.measures import Grid, Measure, Moments, Samples
from mixot.mixture import Mixture
from mixot.sos.monomials import Basis, basis_of, monomial_axis, pairs_of
from mixot.sos.sample_moments import SampleMoments

_REACH, _WIDE = 2.0, 3.0  # standard deviations around the components' means, and around the mean of moments alone
_NOT_A_MEASURE = 1e-7  # a moment matrix with an eigenvalue this far below zero, relative to the largest, is refused


@dataclass(frozen=True, eq=False)
class Target:
    """Moments of a measure in the coordinates ``u = (x - center) / scale``.

    ``values`` are the means of products of Chebyshev polynomials up to ``order``, ``error_cov`` the covariance of their
    errors (None where they are exact). ``bounded`` says that u is known to stay in [-1, 1].
    """

    center: Float[np.ndarray, " d"]
    scale: Float[np.ndarray, " d"]
    order: int
    values: Float[np.ndarray, " s"]
    extent: Extent
    error_cov: Float[np.ndarray, "s s"] | None = None
    bounded: bool = False

    @property
    def dim(self) -> int:
        """Dimension of the space."""
        return len(self.center)

    @property
    def basis(self) -> Basis:
        """The polynomials whose means are held."""
        return basis_of("chebyshev", (1,) * self.dim, self.order)

    @property
    def ends(self) -> Float[np.ndarray, "d 2"] | None:
        """The box in u that holds the measure; None where none is known to."""
        if not self.bounded:
            return None
        box = np.stack([self.extent.lower, self.extent.upper], axis=1)
        return (box - self.center[:, None]) / self.scale[:, None]

    def moments(self, basis: Basis) -> Float[np.ndarray, " s"]:
        """Means of the members of another basis of the same variables."""
        inner = basis_of("chebyshev", (1,) * self.dim, basis.order)
        return self._change(basis, inner) @ self.values[: len(inner)]

    def errors(self, basis: Basis) -> Float[np.ndarray, " s"]:
        """Standard errors of these means, zero where they are exact."""
        return np.sqrt(np.maximum(np.diagonal(self.error_covariance(basis)), 0.0))

    def error_covariance(self, basis: Basis) -> Float[np.ndarray, "s s"]:
        """Covariance of the errors of these means, zero where they are exact."""
        inner = basis_of("chebyshev", (1,) * self.dim, basis.order)
        if self.error_cov is None:
            return np.zeros((len(inner), len(inner)))
        change = self._change(basis, inner)
        return change @ self.error_cov[: len(inner), : len(inner)] @ change.T

    def highest_order(self) -> int:
        """The largest r for which the standard errors of ``z_i^(2 r)``, z standardised, stay below half of them."""
        most = self.order // 2
        if self.error_cov is None:
            return most
        mean, std = (self.extent.mean - self.center) / self.scale, np.sqrt(np.diagonal(self.extent.cov)) / self.scale
        for r in range(most, 1, -1):
            axis = monomial_axis(2 * r)
            rows = [
                self._pure(i, axis.shifted(-m / s, 1 / s)[-1]) for i, (m, s) in enumerate(zip(mean, std, strict=True))
            ]
            if all(row @ self.error_cov @ row <= (0.5 * (row @ self.values)) ** 2 for row in rows):
                return r
        return 1

    def _pure(self, i: int, powers: np.ndarray) -> np.ndarray:
        """A polynomial of coordinate i alone, from its powers of u to the members of the basis."""
        degree = len(powers) - 1
        exponents = np.zeros((degree + 1, self.dim), dtype=np.int64)
        exponents[:, i] = np.arange(degree + 1)
        out = np.zeros(len(self.values))
        out[self.basis.find(exponents)] = powers @ basis_of("chebyshev", (1,), degree).axes[0].from_powers
        return out

    def _change(self, basis: Basis, inner: Basis) -> np.ndarray:
        if basis.axes == inner.axes:
            return np.eye(len(inner))
        return inner.change(
            tuple((axis.to_powers @ cheb.from_powers) for axis, cheb in zip(basis.axes, inner.axes, strict=True))
        )


def target_of(measure: Measure, model: MomentModel, order: int, box: Float[np.ndarray, "d 2"] | None = None) -> Target:
    """The moments of ``measure`` up to degree ``order``, in coordinates in which the model may live.

    These put the data into [-1, 1]^d: the box of samples or of a grid, that of a mixture's components; where moments
    alone are known, three standard deviations, and the nodes of the Gauss rules that they determine. A model that
    cannot be shifted keeps the origin. A ``box`` that holds samples takes the place of their own.

    Raises
    ------
    InputError
        Where a column is constant, the dimensions differ, or the moments end below ``order``.
    UnsupportedError
        Where the measure has no moments up to ``order``.
    """
    if measure.dim != model.dim:
        raise InputError(f"the measure has dimension {measure.dim}, the family {model.dim}")
    if isinstance(measure, Samples):
        measure = SampleMoments.of(measure, order=order)
    if isinstance(measure, SampleMoments | Moments) and measure.order < order:
        raise InputError(
            f"order {order // 2} needs moments up to degree {order}, these end at {measure.order}; "
            f"lower the order to {measure.order // 2}"
        )
    extent = _extent(measure, order)
    if box is not None:
        extent = replace(extent, lower=box[:, 0], upper=box[:, 1])
    flat = np.flatnonzero(extent.upper - extent.lower <= 1e-12 * np.maximum(np.abs(extent.upper), np.abs(extent.lower)))
    if len(flat):
        raise InputError(
            f"constant columns: {', '.join(f'{c} (value {extent.mean[c]:g})' for c in flat[:5])}; "
            "they have no scale to fit a mixture to; drop them"
        )
    center, scale = (extent.lower + extent.upper) / 2, (extent.upper - extent.lower) / 2
    if not model.moves:
        center, scale = np.zeros(model.dim), np.maximum(np.abs(extent.lower), np.abs(extent.upper))
    if model.isotropic:
        scale = np.full(model.dim, scale.max())
    return _in_frame(measure, Target(center, scale, order, np.zeros(0), extent))


def check_moments(target: Target, order: int) -> None:
    """Raise an `InputError` where no measure has these moments, telling which matrix is not PSD and by how much."""
    pairs = pairs_of(target.basis, target.order // 2)
    for r in range(1, order + 1):
        size = target.basis.size(r)
        matrix = moment_matrix(pairs.products @ target.values, pairs.size)[:size, :size]
        lam = np.linalg.eigvalsh(matrix)
        if lam[0] < -_NOT_A_MEASURE * lam[-1]:
            raise InputError(
                f"no measure has these moments: the moment matrix of order {r}, {size} x {size} in Chebyshev "
                f"polynomials of the scaled coordinates, must be positive semi-definite but has the eigenvalue "
                f"{lam[0]:.3g} (largest {lam[-1]:.3g}); correct them, or use moments up to degree {2 * (r - 1)}"
            )


def moment_matrix(entries: Float[np.ndarray, " e"], size: int) -> Float[np.ndarray, "n n"]:
    """The symmetric matrix with this upper triangle, row by row."""
    out = np.empty((size, size))
    rows, cols = np.triu_indices(size)
    out[rows, cols] = entries
    out[cols, rows] = entries
    return out


def _extent(measure: Measure, order: int) -> Extent:
    if isinstance(measure, SampleMoments):
        return Extent(measure.lower, measure.upper, measure.mean(), measure.cov())
    mean, cov = measure.mean(), measure.cov()
    if isinstance(measure, Grid):
        return Extent(measure.bounds[:, 0], measure.bounds[:, 1], mean, cov)
    if isinstance(measure, Mixture):
        middle, reach = measure.components.mean(), _REACH * np.sqrt(np.einsum("kii->ki", measure.components.cov()))
        return Extent((middle - reach).min(axis=0), (middle + reach).max(axis=0), mean, cov)
    std = np.sqrt(np.diagonal(cov))
    if not (std > 0).all():
        return Extent(mean, mean, mean, cov)
    basis = basis_of("monomial", (1,) * measure.dim, order)
    standard = _monomials(measure, mean, std, order)
    ends = []
    for i in range(measure.dim):
        exponents = np.zeros((order + 1, measure.dim), dtype=np.int64)
        exponents[:, i] = np.arange(order + 1)
        nodes = np.append(_gauss_nodes(standard[basis.find(exponents)]), [-_WIDE, _WIDE])
        ends.append((mean[i] + std[i] * nodes.min(), mean[i] + std[i] * nodes.max()))
    lower, upper = np.array(ends).T
    return Extent(lower, upper, mean, cov)


def _gauss_nodes(moments: np.ndarray) -> np.ndarray:
    """Nodes of the Gauss rule of a law on the line with these moments 0 .. 2 r, at most r of them (Golub, Welsch)."""
    count = len(moments) // 2
    while count > 1:
        hankel = moments[np.add.outer(np.arange(count + 1), np.arange(count + 1))]
        try:
            root = np.linalg.cholesky(hankel).T
        except np.linalg.LinAlgError:
            count -= 1
            continue
        ratio = np.diagonal(root, 1) / np.diagonal(root)[:-1]
        alpha = np.diff(np.append(0.0, ratio))[:count]
        beta = (np.diagonal(root)[1:] / np.diagonal(root)[:-1])[: count - 1]
        return np.linalg.eigvalsh(np.diag(alpha) + np.diag(beta, 1) + np.diag(beta, -1))
    return np.array([-1.0, 1.0])


def _in_frame(measure: Measure, frame: Target) -> Target:
    center, scale, order = frame.center, frame.scale, frame.order
    basis = basis_of("chebyshev", (1,) * frame.dim, order)
    if isinstance(measure, SampleMoments):
        framed = measure.framed(center, scale)
        size = len(basis)
        return replace(
            frame,
            values=framed.sums[:size] / framed.mass,
            error_cov=framed.error_cov()[:size, :size],
            bounded=True,
        )
    values = basis.to_monomials() @ _monomials(measure, center, scale, order)
    return replace(frame, values=values, bounded=isinstance(measure, Grid))


def _monomials(measure: Measure, center: np.ndarray, scale: np.ndarray, order: int) -> np.ndarray:
    """Moments of ``(x - center) / scale``, exact where the law can be moved there, else from its raw moments."""
    if isinstance(measure, Grid):
        bounds = (measure.bounds - center[:, None]) / scale[:, None]
        return Grid(measure.values, bounds, measure.degree).moments(order).values
    if isinstance(measure, Mixture):
        moved = _moved(measure, center, scale)
        # Moments of the moved law do not cancel; those that are moved afterwards lose digits far from the center.
        if moved is not None:
            return moved.moments(order).values
    raw = measure.moments(order).values
    basis = basis_of("monomial", (1,) * len(center), order)
    axes = tuple(monomial_axis(order).shifted(float(-c / s), float(1 / s)) for c, s in zip(center, scale, strict=True))
    return basis.change(axes) @ raw


def _moved(mixture: Mixture, center: np.ndarray, scale: np.ndarray) -> Any:
    try:
        return mixture.affine(np.diag(1 / scale), -center / scale)
    except UnsupportedError:
        return None
