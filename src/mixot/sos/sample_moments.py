"""Moments of samples that are too many to hold, or not for us to see: sums that are streamed and merged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mixot._checks import as_floats, check_finite, is_whole
from mixot._shapes import Float
from mixot.errors import InputError
from mixot.measures import Measure, Moments, Samples, as_measure
from mixot.sos.monomials import Basis, basis_of, monomial_axis

_CHUNK = 8192  # rows whose polynomials are held at once


@dataclass(frozen=True, eq=False)
class SampleMoments(Measure):
    """Moments of weighted samples up to an order, with the covariance of their errors.

    Held are sums of products of Chebyshev polynomials of ``u = (x - center) / scale``, which lose no digits to
    cancellation where raw moments would, and the sums of their pairwise products, from which the covariance follows.
    Two of them merge into what all samples together would have given.

    Parameters
    ----------
    center, scale : (d,), the frame; points far outside ``center +- scale`` cost digits, no more
    order : largest degree
    count, mass, square_mass : number of points, sum of their weights w and of w^2
    lower, upper : (d,), least and largest coordinates seen
    sums : (s,), ``sum_i w_i T_a(u_i)``
    square_sums, gram : (s,) and (s, s), ``sum_i w_i^2 T_a(u_i)`` and ``sum_i w_i^2 T_a(u_i) T_b(u_i)``

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(1000, 2))
    >>> whole = SampleMoments.of(x, order=4)
    >>> parts = SampleMoments.of(x[:300], order=4).merge(SampleMoments.of(x[300:], order=4))
    >>> bool(np.allclose(whole.moments(4).values, parts.moments(4).values, rtol=1e-12, atol=1e-12))
    True
    """

    center: Float[np.ndarray, " d"]
    scale: Float[np.ndarray, " d"]
    order: int
    count: int
    mass: float
    square_mass: float
    lower: Float[np.ndarray, " d"]
    upper: Float[np.ndarray, " d"]
    sums: Float[np.ndarray, " s"]
    square_sums: Float[np.ndarray, " s"]
    gram: Float[np.ndarray, "s s"]

    @classmethod
    def of(cls, points: Any, weights: Any = None, *, order: int) -> SampleMoments:
        """Moments of points (n, d), in the frame of their own box.

        Weights need not sum to one: they count observations, each 1 where none are given. ``points`` may also be
        anything that `mixot.as_measure` reads as samples.

        Raises
        ------
        InputError
            On points that are not finite or no samples, negative weights, or an order below 1.
        """
        if not is_whole(order) or order < 1:
            raise InputError(f"order must be a whole number of 1 or more, got {order!r}")
        x, w = _points(points, weights)
        lower, upper = x.min(axis=0), x.max(axis=0)
        half = (upper - lower) / 2
        scale = np.where(half > 0, half, np.maximum(np.abs(upper), 1.0))
        d, size = x.shape[1], len(basis_of("chebyshev", (1,) * x.shape[1], int(order)))
        nothing = cls(
            (lower + upper) / 2, scale, int(order), 0, 0.0, 0.0, np.full(d, np.inf), np.full(d, -np.inf),
            np.zeros(size), np.zeros(size), np.zeros((size, size)),
        )  # fmt: skip
        return nothing.add(x, w)

    @classmethod
    def stream(cls, chunks: Iterable[Any], *, order: int) -> SampleMoments:
        """Moments of all points of an iterable of chunks (n, d), none of which is kept."""
        out: SampleMoments | None = None
        for chunk in chunks:
            out = cls.of(chunk, order=order) if out is None else out.add(chunk)
        if out is None:
            raise InputError("chunks must not be empty: there is nothing to take moments of")
        return out

    def add(self, points: Any, weights: Any = None) -> SampleMoments:
        """These and the moments of more points, in the same frame."""
        x, w = _points(points, weights)
        if x.shape[1] != self.dim:
            raise InputError(f"points must have dimension {self.dim}, got {x.shape[1]}")
        sums, square_sums, gram = self.sums.copy(), self.square_sums.copy(), self.gram.copy()
        for start in range(0, len(x), _CHUNK):
            part = slice(start, start + _CHUNK)
            values = self.basis.values((x[part] - self.center) / self.scale)
            lifted = values * w[part, None]
            sums += lifted.sum(axis=0)
            square_sums += w[part] @ lifted
            gram += lifted.T @ lifted
        return replace(
            self,
            count=self.count + len(x),
            mass=self.mass + float(w.sum()),
            square_mass=self.square_mass + float(w @ w),
            lower=np.minimum(self.lower, x.min(axis=0)),
            upper=np.maximum(self.upper, x.max(axis=0)),
            sums=sums,
            square_sums=square_sums,
            gram=gram,
        )

    def merge(self, other: SampleMoments) -> SampleMoments:
        """Moments of the samples of both, in the frame of these."""
        if other.dim != self.dim or other.order != self.order:
            raise InputError(
                f"only moments of one dimension and order merge, got dimension {self.dim} and {other.dim}, "
                f"order {self.order} and {other.order}"
            )
        theirs = other.framed(self.center, self.scale)
        return replace(
            self,
            count=self.count + theirs.count,
            mass=self.mass + theirs.mass,
            square_mass=self.square_mass + theirs.square_mass,
            lower=np.minimum(self.lower, theirs.lower),
            upper=np.maximum(self.upper, theirs.upper),
            sums=self.sums + theirs.sums,
            square_sums=self.square_sums + theirs.square_sums,
            gram=self.gram + theirs.gram,
        )

    def framed(self, center: Float[np.ndarray, " d"], scale: Float[np.ndarray, " d"]) -> SampleMoments:
        """The same moments in another frame."""
        if np.array_equal(center, self.center) and np.array_equal(scale, self.scale):
            return self
        shift, factor = (self.center - center) / scale, self.scale / scale
        change = reframing(self.basis, shift, factor)
        return replace(
            self,
            center=center,
            scale=scale,
            sums=change @ self.sums,
            square_sums=change @ self.square_sums,
            gram=change @ self.gram @ change.T,
        )

    @property
    def observations(self) -> float:
        """Number of observations behind the moments: Kish's effective one where they are weighted."""
        return self.mass**2 / self.square_mass

    @property
    def basis(self) -> Basis:
        """The polynomials whose means are held."""
        return basis_of("chebyshev", (1,) * self.dim, self.order)

    @property
    def dim(self) -> int:
        return len(self.center)

    def mean(self) -> Float[np.ndarray, " d"]:
        return self.center + self.scale * (self.sums[1 : self.dim + 1] / self.mass)

    def cov(self) -> Float[np.ndarray, "d d"]:
        if self.order < 2:
            raise InputError(f"a covariance needs moments of order 2 or more, these end at {self.order}")
        values = self.sums / self.mass
        second = (
            basis_of("chebyshev", (1,) * self.dim, 2).from_monomials() @ values[: 1 + self.dim * (self.dim + 3) // 2]
        )
        inner = Moments(np.append(1.0, second[1:]), order=2).cov()
        return inner * np.outer(self.scale, self.scale)

    def moments(self, order: int) -> Moments:
        """Raw moments; far from the origin they lose digits that these sums have."""
        if not 1 <= order <= self.order:
            raise InputError(f"these moments have the orders 1 to {self.order}, order {order} was asked for")
        axes = tuple(
            monomial_axis(order).shifted(float(c), float(s)) @ _chebyshev_powers(order)
            for c, s in zip(self.center, self.scale, strict=True)
        )
        inner = basis_of("chebyshev", (1,) * self.dim, order)
        values = inner.change(axes) @ (self.sums[: len(inner)] / self.mass)
        return Moments(np.append(1.0, values[1:]), order=order)

    def errors(self, order: int) -> Float[np.ndarray, " s"]:
        """Standard errors of the raw moments of degree at most ``order``, (s,)."""
        axes = tuple(
            monomial_axis(order).shifted(float(c), float(s)) @ _chebyshev_powers(order)
            for c, s in zip(self.center, self.scale, strict=True)
        )
        change = basis_of("chebyshev", (1,) * self.dim, order).change(axes)
        cov = self.error_cov()[: len(change), : len(change)]
        return np.sqrt(np.maximum(np.einsum("as,st,at->a", change, cov, change), 0.0))

    def error_cov(self) -> Float[np.ndarray, "s s"]:
        """Covariance of the held means, ``sum_i w_i^2 (T(u_i) - mean)(T(u_i) - mean)' / (sum_i w_i)^2``."""
        mean = self.sums / self.mass
        cross = np.outer(self.square_sums, mean)
        cov = (self.gram - cross - cross.T + self.square_mass * np.outer(mean, mean)) / self.mass**2
        return cov * (self.observations / max(self.observations - 1.0, 1.0))


def reframing(basis: Basis, shift: Float[np.ndarray, " d"], factor: Float[np.ndarray, " d"]) -> np.ndarray:
    """The members of a basis at ``shift + factor u`` as combinations of its members at u, one a row."""
    return basis.change(
        tuple(
            axis.to_powers @ axis.shifted(float(a), float(b))
            for axis, a, b in zip(basis.axes, shift, factor, strict=True)
        )
    )


def _chebyshev_powers(order: int) -> np.ndarray:
    return basis_of("chebyshev", (1,), order).axes[0].from_powers


def _points(points: Any, weights: Any) -> tuple[np.ndarray, np.ndarray]:
    measure = as_measure(points)
    if not isinstance(measure, Samples):
        raise InputError(f"points must be samples, got {type(measure).__name__}; take its moments directly")
    x = measure.points.astype(np.float64)
    if weights is None:
        return x, np.ones(len(x)) if not isinstance(points, Samples) else measure.weights
    w = as_floats(weights, "weights")
    if w.shape != (len(x),) or (w < 0).any() or not w.sum() > 0:
        raise InputError(f"weights must be {len(x)} numbers, none negative and not all zero, got shape {w.shape}")
    check_finite(w, "weights", "places")
    return x, w
