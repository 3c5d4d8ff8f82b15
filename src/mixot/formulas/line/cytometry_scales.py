"""Scales on which cytometers' channels are looked at: linear near zero, also below it, and logarithmic far away."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import exp, isfinite, log

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError

_ROUNDS = 60  # of Newton steps; ten do
_EXACT = 1e-14  # of the answer, at which they stop


@dataclass(frozen=True)
class Asinh:
    """The scale ``y = asinh(x / cofactor)``.

    Parameters
    ----------
    cofactor : float
        Width of the part that is nearly linear: 150 is usual for light, 5 for counts of mass cytometry.

    Raises
    ------
    InputError
        Where the cofactor is not positive and finite.

    Examples
    --------
    >>> scale = Asinh(5.0)
    >>> round(float(scale.inverse(scale([10.0]))[0]), 9)
    10.0
    """

    cofactor: float = 150.0

    def __post_init__(self) -> None:
        if not (isfinite(self.cofactor) and self.cofactor > 0):
            raise InputError(f"cofactor must be positive and finite, got {self.cofactor!r}")

    def __call__(self, x: Float[np.ndarray, "..."] | list[float]) -> Float[np.ndarray, "..."]:
        """Values of any shape on the scale."""
        return np.asarray(np.arcsinh(np.asarray(x, dtype=np.float64) / self.cofactor))

    def inverse(self, y: Float[np.ndarray, "..."] | list[float]) -> Float[np.ndarray, "..."]:
        """Values whose places on the scale these are."""
        return np.asarray(self.cofactor * np.sinh(np.asarray(y, dtype=np.float64)))


@dataclass(frozen=True)
class Logicle:
    """The logicle scale of Parks, Roederer and Moore: the y at which a biexponential is x.

    ``x = a e^(b y) - c e^(-d y) + f``, whose second derivative vanishes at x = 0, and which is ``top`` at y = 1; below
    zero it is reflected, so that x and -x lie equally far from the place of zero.

    Parameters
    ----------
    top : float
        T, the value at the upper end of the scale, y = 1.
    width : float
        W, decades of the part that is nearly linear.
    decades : float
        M, decades that the scale would have if it were logarithmic.
    negative : float
        A, further decades below zero.

    Raises
    ------
    InputError
        Unless top and decades are positive, 0 <= 2 width <= decades, and -width <= negative <= decades - 2 width.

    References
    ----------
    D. R. Parks, M. Roederer and W. A. Moore, A new "logicle" display method avoids deceptive effects of logarithmic
    scaling for low signals and compensated data, Cytometry A 69 (2006); W. A. Moore and D. R. Parks, Update for the
    logicle data scale, Cytometry A 81 (2012).

    Examples
    --------
    >>> scale = Logicle(top=1000.0, width=1.0, decades=4.0)
    >>> scale([0.0, 1000.0]).round(6).tolist()
    [0.25, 1.0]
    """

    top: float = 262144.0
    width: float = 0.5
    decades: float = 4.5
    negative: float = 0.0

    def __post_init__(self) -> None:
        numbers = (self.top, self.width, self.decades, self.negative)
        if not all(map(isfinite, numbers)) or self.top <= 0 or self.decades <= 0:
            raise InputError(f"top and decades must be positive, and all numbers finite, got {numbers}")
        if not (0 <= 2 * self.width <= self.decades and -self.width <= self.negative <= self.decades - 2 * self.width):
            raise InputError(
                "width must lie in [0, decades / 2], and negative in [-width, decades - 2 width], got width "
                f"{self.width}, negative {self.negative}, decades {self.decades}"
            )

    @cached_property
    def _curve(self) -> tuple[float, float, float, float, float]:
        """Of x = up (e^(b z) - 1) - down (e^(-d z) - 1), z = y - y0 >= 0: up, b, down, d, and y0, where x is zero."""
        whole = self.decades + self.negative
        w, x2 = self.width / whole, self.negative / whole
        x1, x0 = x2 + w, x2 + 2 * w
        b = whole * log(10)
        d = _straight(b, w)
        ratio = exp(x0 * (b + d))  # of c and a
        a = self.top / (exp(b) - ratio * exp(-d) - exp(b * x1) + ratio * exp(-d * x1))
        return a * exp(b * x1), b, ratio * a * exp(-d * x1), d, x1

    def inverse(self, y: Float[np.ndarray, "..."] | list[float]) -> Float[np.ndarray, "..."]:
        """Values whose places on the scale these are; by the formula."""
        up, b, down, d, zero = self._curve
        z = np.asarray(y, dtype=np.float64) - zero
        far = np.abs(z)
        # expm1 from the zero on, where the terms of the formula themselves would cancel
        return np.asarray(np.sign(z) * (up * np.expm1(b * far) - down * np.expm1(-d * far)))

    def __call__(self, x: Float[np.ndarray, "..."] | list[float]) -> Float[np.ndarray, "..."]:
        """Places on the scale, of values of any shape."""
        up, b, down, d, zero = self._curve
        x = np.asarray(x, dtype=np.float64)
        size = np.abs(x)
        # The curve is convex from zero on, above its tangent there and above its first term: from where the first of
        # these is as large as x, Newton steps go down to the answer and never below.
        z = np.minimum(np.log1p(size / up) / b, size / (up * b + down * d))
        for _ in range(_ROUNDS):
            over = up * np.expm1(b * z) - down * np.expm1(-d * z) - size
            step = over / (up * b * np.exp(b * z) + down * d * np.exp(-d * z))
            z = z - step
            if (np.abs(step) <= _EXACT * z).all():
                break
        return np.asarray(zero + np.sign(x) * z)


def _straight(b: float, w: float) -> float:
    """The d that solves ``2 (ln d - ln b) + w (b + d) = 0``, which makes the second derivative vanish at zero."""
    d = b * exp(-w * b)  # below it; the left side grows and is concave, so Newton steps never go beyond
    for _ in range(_ROUNDS):
        step = (2 * log(d / b) + w * (b + d)) / (2 / d + w)
        d -= step
        if abs(step) <= _EXACT * d:
            break
    return d
