"""What the arguments of the differentiable fronts stand for: groups of arrays, read as measures.

==================================  =====================================================
argument                            measure
==================================  =====================================================
array (n, d)                        points of equal weight
``(points, weights)``               weighted points
``(weights, means, covs)``          a Gaussian mixture
`GridOf` (values, bounds, degree)   a density on pixels, whose values a framework may trace
`Samples`, `Grid`, `Mixture`        itself (a mixture of Gaussian laws), as a constant
==================================  =====================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from mixot._checks import as_floats, check_finite
from mixot._shapes import Float
from mixot.errors import InputError, UnsupportedError
from mixot.families.elliptical.gaussian import Gaussian
from mixot.measures import Grid, Measure, Samples
from mixot.mixture import Mixture
from mixot.transport.gradients import cost_and_gradients, cost_between

_SKEW = 1e-3  # finite differences of one entry of a covariance, and float32, leave it no more asymmetric than this


@dataclass(frozen=True, eq=False)
class GridOf:
    """A density on the pixels of a box: `mixot.Grid`, but of any framework's array.

    Parameters
    ----------
    values : array of d axes
        Not negative; scaled to total mass one.
    bounds : (d, 2)
        Lower and upper end of each axis; unit pixels where not given.
    degree : int
        0, constant on each pixel; 1, (bi-, tri-)linear between pixel centers.
    """

    values: Any
    bounds: Any = None
    degree: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "bounds", _box(self.bounds))  # hashable: JAX compiles for it


class Kind(StrEnum):
    """The measure that a group of arrays describes."""

    POINTS = "points"
    WEIGHTED = "weighted points"
    MIXTURE = "mixture"
    GRID = "grid"


@dataclass(frozen=True)
class Form:
    """How to read a group of ``count`` arrays as a measure; hashable, so that a front can compile for it."""

    kind: Kind
    count: int
    bounds: tuple[tuple[float, float], ...] | None = None
    degree: int = 0

    def measure(self, arrays: Sequence[np.ndarray]) -> Measure:
        """The measure; `InputError` says what is wrong with the arrays."""
        match self.kind:
            case Kind.POINTS:
                return Samples(as_floats(arrays[0], "points"))
            case Kind.WEIGHTED:
                return Samples(as_floats(arrays[0], "points"), _weights(arrays[1]))
            case Kind.MIXTURE:
                return Mixture(_weights(arrays[0]), Gaussian(arrays[1], _covs(arrays[2])))
        return Grid(arrays[0], self.bounds, self.degree)

    def outside(self, gradients: Sequence[np.ndarray], arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """From gradients in the arrays of the measure those in the arrays that were given."""
        if self.kind is Kind.GRID:
            return [gradients[0] / np.asarray(arrays[0], dtype=np.float64).sum()]
        return list(gradients[: self.count])


@dataclass(frozen=True)
class CostFunction:
    """The squared distance as a function of the arrays of p followed by those of q, in NumPy, and its gradients."""

    p: Form
    q: Form

    def cost(self, *arrays: np.ndarray) -> float:
        """The squared distance."""
        return cost_between(*self._measures(arrays))

    def cost_and_gradients(self, wanted: tuple[bool, ...], *arrays: np.ndarray) -> tuple[float, tuple[np.ndarray, ...]]:
        """The squared distance, and its gradient in each array, of its shape, in float64; zero where not wanted."""
        count = self.p.count
        # Weights that are not given are not wanted: the padding is theirs.
        want_p, want_q = (*wanted[:count], False), (*wanted[count:], False)
        both = cost_and_gradients(*self._measures(arrays), want_p, want_q)
        gradients = [*self.p.outside(both.p, arrays), *self.q.outside(both.q, arrays[count:])]
        return both.cost, tuple(g.reshape(a.shape) for g, a in zip(gradients, arrays, strict=True))

    def _measures(self, arrays: Sequence[np.ndarray]) -> tuple[Measure, Measure]:
        return self.p.measure(arrays[: self.p.count]), self.q.measure(arrays[self.p.count :])


def read(p: Any, q: Any) -> tuple[CostFunction, list[Any]]:
    """The cost of p and q as a function of their arrays, and these arrays, as they came; see this module's table.

    Raises
    ------
    InputError
        On a tuple of neither two nor three arrays.
    UnsupportedError
        On a mixture of other than Gaussian laws.

    Examples
    --------
    >>> function, arrays = read(np.zeros((2, 1)), (np.ones((1, 1)), np.ones(1)))
    >>> function.p.kind.value, function.q.kind.value, function.cost(*arrays)
    ('points', 'weighted points', 1.0)
    """
    (form_p, arrays_p), (form_q, arrays_q) = _read(p), _read(q)
    return CostFunction(form_p, form_q), [*arrays_p, *arrays_q]


def no_second_derivatives() -> UnsupportedError:
    """The error for a gradient that is differentiated again."""
    return UnsupportedError(
        "the gradient of a transport cost cannot be differentiated again; use first derivatives, or finite "
        "differences of them"
    )


def _read(argument: Any) -> tuple[Form, list[Any]]:
    if isinstance(argument, tuple):
        if len(argument) not in (2, 3):
            raise InputError(
                "a measure must be an array of points, (points, weights) or (weights, means, covs), "
                f"got a tuple of {len(argument)}"
            )
        return Form(Kind.WEIGHTED if len(argument) == 2 else Kind.MIXTURE, len(argument)), list(argument)
    fitted = getattr(argument, "mixture", None)
    measure = fitted if isinstance(fitted, Measure) else argument
    match measure:
        case Samples():
            return Form(Kind.WEIGHTED, 2), [measure.points, measure.weights]
        case Grid():
            return Form(Kind.GRID, 1, _box(measure.bounds), measure.degree), [measure.values]
        case GridOf():
            return Form(Kind.GRID, 1, measure.bounds, measure.degree), [measure.values]
        case Mixture():
            wide = measure.components.widen()
            if not isinstance(wide, Gaussian):
                raise UnsupportedError(
                    f"gradients are known for mixtures of Gaussian laws, not of {measure.components.name} laws"
                )
            return Form(Kind.MIXTURE, 3), [measure.weights, wide.means, wide.covs]
        case Measure():
            raise UnsupportedError(f"no gradients of a distance to {type(measure).__name__}; pass points or a mixture")
    return Form(Kind.POINTS, 1), [argument]


def _box(bounds: Any) -> tuple[tuple[float, float], ...] | None:
    """As numbers that can be hashed."""
    if bounds is None:
        return None
    return tuple((float(low), float(high)) for low, high in np.asarray(bounds, dtype=np.float64).reshape(-1, 2))


def _weights(weights: np.ndarray) -> Float[np.ndarray, " n"]:
    """Weights in float64; the rounding of a sum of float32 is taken off."""
    out = as_floats(weights, "weights")
    total = out.sum()
    return out / total if abs(total - 1) <= len(np.atleast_1d(out)) * _eps(weights) else out


def _covs(covs: np.ndarray) -> Float[np.ndarray, "..."]:
    """Covariances in float64, made symmetric; eigenvalues that are negative by the rounding of float32 are zero."""
    out = as_floats(covs, "covs")
    if out.ndim != 3 or out.shape[1] != out.shape[2]:
        return out  # Gaussian says what is wrong, if anything is
    check_finite(out, "covs", "components")
    turned = out.swapaxes(1, 2)
    if (np.abs(out - turned).max(axis=(1, 2)) > _SKEW * np.abs(out).max(axis=(1, 2))).any():
        return out
    out = (out + turned) / 2
    if _eps(covs) > 1e-10:
        lam, q = np.linalg.eigh(out)
        low = (lam[:, 0] < 0) & (lam[:, 0] >= -4 * out.shape[1] * _eps(covs) * lam[:, -1])
        out[low] = (q[low] * np.maximum(lam[low], 0.0)[:, None]) @ q[low].swapaxes(1, 2)
    return out


def _eps(array: np.ndarray) -> float:
    return float(np.finfo(array.dtype).eps) if array.dtype.kind == "f" else 0.0
