"""Laws on the real line that know their distribution function and its inverse.

On the line that is all optimal transport asks for: ``W2^2(p, q) = int_0^1 (F_p^-1(u) - F_q^-1(u))^2 du``, and the
optimal coupling is the comonotone one (`mixot.families.line.couplings`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from mixot._checks import as_floats, check_finite
from mixot._shapes import ArrayLike, Float, Int
from mixot.errors import InputError, UnsupportedError
from mixot.families.base import Family
from mixot.families.couplings import Coupling
from mixot.families.line.couplings import QuantileCoupling
from mixot.families.line.entropic_line import EntropicLineCoupling, entropic_line_costs
from mixot.families.moment_model import Extent, MomentModel, Parameter
from mixot.formulas.polynomial.regions import Box, Region

L = TypeVar("L", bound="LineFamily")

_LEAST = 1e-6  # a scale or rate of zero is a law of no family: fits to moments stay above this share of the largest


class LineFamily(Family):
    """k laws on the line, by density or, on the integers, by mass.

    A rank u comes and goes as the pair (u, 1 - u), so that both tails keep all their digits.
    """

    @property
    def dim(self) -> int:
        return 1

    @abstractmethod
    def tails(self, x: Float[np.ndarray, " n"], at: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """P(X <= x) and P(X > x) for component ``at``."""

    def tails_before(
        self, x: Float[np.ndarray, " n"], at: int
    ) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """P(X < x) and P(X >= x) for component ``at``."""
        return self.tails(np.ceil(x) - 1 if self.discrete else x, at)

    @abstractmethod
    def quantile(
        self, lower: Float[np.ndarray, " n"], upper: Float[np.ndarray, " n"], at: int
    ) -> Float[np.ndarray, " n"]:
        """The smallest y with P(X <= y) >= lower for component ``at``; ``upper`` is 1 - lower."""

    def cdf(self, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n k"]:
        return np.stack([self.tails(x, at)[0] for at in range(len(self))], axis=1)

    def coupling(self, other: Any, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"]) -> Coupling:
        """Comonotone couplings of the pairs: a map from a density, a random coupling from atoms."""
        return QuantileCoupling(self.take(rows), other.take(cols))

    def entropic_cost(self, other: Any, eps: float) -> Float[np.ndarray, "k l"]:
        """By quadrature, right to 1e-8; `UnsupportedError` where eps is too small for that to end."""
        return entropic_line_costs(self, other, eps)

    def entropic_coupling(
        self, other: Any, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], eps: float
    ) -> Coupling:
        """The couplings of least cost plus eps KL, by the same quadrature."""
        return EntropicLineCoupling.of(self, other, rows, cols, eps)

    @classmethod
    def check_points(cls, x: Float[np.ndarray, "n d"], fixed: Mapping[str, Any]) -> None:
        if x.shape[1] != 1:
            raise InputError(
                f"{cls.name} laws live on the line, got points in dimension {x.shape[1]}; for coordinates that are "
                f'independent in each component, fit the product family "{cls.name}*{x.shape[1]}"'
            )

    def marginal(self: L, axes: Sequence[int]) -> L:
        if list(axes) not in ([0], [-1]):
            raise InputError(f"axes must be [0] on the line, got {list(axes)}")
        return self


def as_positive(value: Any, name: str) -> Float[np.ndarray, " k"]:
    """``value`` as (k,) float64, finite and positive, or an `InputError` that names the components that are not."""
    out = as_floats(value, name)
    if out.ndim != 1 or not len(out):
        raise InputError(f"{name} must have shape (k,), one for each of k >= 1 components, got {out.shape}")
    bad = np.flatnonzero(~(np.isfinite(out) & (out > 0)))
    if len(bad):
        raise InputError(f"{name} must be positive and finite, got {out[bad[0]]:g} for component {bad[0]}")
    return out


def as_locs_and_scales(locs: ArrayLike, scales: ArrayLike) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Locations, finite, and scales, positive, as two (k,) float64; or an `InputError`."""
    centers, spreads = as_floats(locs, "locs"), as_positive(scales, "scales")
    if centers.shape != spreads.shape:
        raise InputError(f"locs and scales must be vectors of one length, got {centers.shape} and {spreads.shape}")
    check_finite(centers, "locs", "components")
    return centers, spreads


def exponential_quantile(lower: Float[np.ndarray, " n"], upper: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Quantiles of the exponential law of rate one, ``-log(upper)``, from the side on which ranks have their digits."""
    low = lower < 0.5
    return -np.where(low, np.log1p(-np.where(low, lower, 0.0)), np.log(np.where(low, 1.0, upper)))


def check_moments(values: Float[np.ndarray, "k s"], name: str) -> Float[np.ndarray, "k s"]:
    """``values`` themselves, or an `InputError` that names the first component with one beyond floating point."""
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        raise InputError(f"the moment of order {bad[0][1]} of {name} component {bad[0][0]} exceeds floating point")
    return values


def scaled(family: Family, matrix: np.ndarray, shift: np.ndarray) -> float:
    """The factor of a positive scaling of the half line; any other affine map is refused."""
    if matrix.shape != (1, 1) or matrix[0, 0] <= 0 or shift[0] != 0:
        raise UnsupportedError(
            f"a {family.name} law stays one under positive scaling only; transform samples of the mixture instead"
        )
    return float(matrix[0, 0])


def held(fixed: Mapping[str, Any], name: str, k: int, otherwise: ArrayLike) -> Float[np.ndarray, " k"]:
    """What ``fixed`` says of a parameter of k components, one number for all or one for each; else ``otherwise``."""
    value = as_floats(fixed.get(name, otherwise), name)
    if value.shape not in ((), (k,)):
        raise InputError(f"{name} must be held at one number, or one for each of {k} components, got {value.shape}")
    return np.broadcast_to(value, k).copy()


def one_fixed(cls: type[Family], fixed: Mapping[str, Any] | None, name: str, such_as: float) -> float:
    """The number at which a fit to moments holds a parameter of all components; it must be given."""
    cls.check_fixed(fixed or ())
    value = (fixed or {}).get(name, ())
    if np.size(value) != 1:
        raise InputError(
            f"to find {cls.name} mixtures from moments, fix one number for the {name} of all components, "
            f'fixed={{"{name}": {such_as}}}, got {value if np.size(value) else "none"}'
        )
    return float(as_positive(np.atleast_1d(value), name)[0])


def check_rows(good: np.ndarray, what: str, x: np.ndarray) -> None:
    """Raise an `InputError` that names the rows where ``good`` is false."""
    bad = np.flatnonzero(~good)
    if len(bad):
        shown = ", ".join(map(str, bad[:5].tolist())) + (", ..." if len(bad) > 5 else "")
        raise InputError(f"{what}; {len(bad)} of {len(x)} rows are not, the first holds {x[bad[0]]:g}: rows {shown}")


def weighted_means(x: Float[np.ndarray, "n 1"], shares: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " k"]:
    """Mean of the points under each component's shares, (n, 1), (n, k) -> (k,).

    Kept above a vanishing fraction of the largest point, so that a component of zeros stays a law of the family.
    """
    top = float(x.max())
    if top <= 0:
        raise InputError("all points are zero: no law of this family has its mass there; drop this column")
    return np.maximum((x[:, 0] @ shares) / shares.sum(axis=0), 1e-12 * top)


def scale_model(
    cls: type[Family],
    dim: int,
    structure: str,
    name: str,
    moments: Callable[[Any, int], list[Any]],
    laws: Callable[[np.ndarray], Family],
    *,
    scales: bool = True,
    mean: float = 1.0,
) -> MomentModel:
    """A law on the half line of one parameter: ``moments(parameter, order)``, mean ``mean`` times the parameter.

    The default region is where means lie between zero and the largest of the data.
    """
    if dim != 1:
        raise InputError(f"{cls.name} laws live on the line, got moments in dimension {dim}; take one coordinate")
    if structure != "full":
        raise UnsupportedError(f'structure={structure!r} is for Gaussian families; {cls.name!r} has "full" only')

    def region(extent: Extent) -> Region:
        return (Box(np.zeros(1), extent.upper / mean),)

    def positive(theta: np.ndarray) -> Family:
        return laws(np.maximum(theta[:, 0], _LEAST * max(float(theta.max()), np.finfo(np.float64).tiny)))

    return MomentModel(
        (Parameter(name, 1, (1,), least=0.0),),
        lambda theta, order: moments(theta[0], order),
        positive,
        region,
        scales=scales,
    )
