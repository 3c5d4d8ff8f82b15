"""What Gaussian families share: checks of means and covariances, and moments of laws without correlations."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np

from mixot._checks import as_floats, check_finite
from mixot._shapes import Float
from mixot.errors import InputError
from mixot.families.base import Family
from mixot.families.moment_model import Extent, MomentModel, Parameter, Symbols
from mixot.formulas.polynomial.moments import stein_moments
from mixot.formulas.polynomial.regions import Box, Region

LEAST_VARIANCE = 1e-4  # of a component in fits to moments, relative to the squared half-width of the data


def as_means(means: object) -> Float[np.ndarray, "k d"]:
    """Means as (k, d) float64, finite; the check that every location family shares."""
    out = as_floats(means, "means")
    if out.ndim == 1:
        out = out[:, None]
    if out.ndim != 2 or 0 in out.shape:
        raise InputError(f"means must have shape (k, d) with k, d >= 1, got {np.shape(out)}")
    check_finite(out, "means", "components")
    return out


def check_covs(means: Float[np.ndarray, "k d"], covs: np.ndarray) -> None:
    """Raise an `InputError` on covariances that are not (k, d, d), finite, symmetric and positive semi-definite."""
    k, d = means.shape
    if covs.shape != (k, d, d):
        raise InputError(f"covs must have shape {(k, d, d)} to go with means of shape {means.shape}, got {covs.shape}")
    check_finite(covs, "covs", "components")
    size = np.abs(covs).max(axis=(1, 2))
    skew = np.abs(covs - covs.swapaxes(1, 2)).max(axis=(1, 2))
    if (skew > 1e-8 * size).any():
        worst = int(np.argmax(skew / np.where(size > 0, size, 1.0)))
        raise InputError(
            f"covs must be symmetric: component {worst} differs from its transpose by {skew[worst]:.3g}; "
            "pass (covs + covs.swapaxes(1, 2)) / 2 if that is rounding"
        )
    allowed = 1e-10 * d * size
    try:
        np.linalg.cholesky(covs + (allowed + np.finfo(float).tiny)[:, None, None] * np.eye(d))
    except np.linalg.LinAlgError:
        lowest = np.linalg.eigvalsh(covs)[:, 0]
        worst = int(np.argmin(lowest + allowed))
        if lowest[worst] < -allowed[worst]:
            raise InputError(
                f"covs must be positive semi-definite: component {worst} has the eigenvalue {lowest[worst]:.3g} "
                f"(largest entry {size[worst]:.3g}); clip its eigenvalues at zero if that is rounding"
            ) from None


def check_structure(structure: str) -> None:
    """Raise an `InputError` on a structure of covariances that fits to moments do not have."""
    if structure not in ("full", "diagonal", "spherical"):
        raise InputError(
            f'mixtures are found from moments with structure "full", "diagonal" or "spherical", got {structure!r}'
        )


def mean_parameters(dim: int) -> tuple[Parameter, ...]:
    """The coordinates of the mean, as parameters."""
    return tuple(Parameter(f"mean[{i}]", 1, tuple(np.eye(dim, dtype=int)[i].tolist()), i) for i in range(dim))


@lru_cache
def diagonal_model(
    dim: int, spherical: bool, weighted: bool, of: Callable[[np.ndarray, np.ndarray], Family]
) -> MomentModel:
    """Gaussian laws without correlations by their moments: means, then variances (k, d), of which ``of`` makes laws.

    Variances have degree 2; where not ``weighted`` there are standard deviations of degree 1 in their place;
    where ``spherical`` there is one for all axes. The default region is a box: variances lie between a small
    part and all of the squared half-width of the data.
    """
    count = 1 if spherical else dim
    power = 1 if weighted else 2  # of the parameter that gives a variance
    name = "variance" if weighted else "std"
    units = (2 // power) * np.eye(dim, dtype=int)
    spreads = tuple(
        Parameter(name if spherical else f"{name}[{i}]", 2 // power, tuple(units[i].tolist()), least=0.0)
        for i in range(count)
    )

    def moments(theta: Symbols, order: int) -> list[Any]:
        variances = [theta[dim + i % count] ** power for i in range(dim)]
        covs = [[variances[i] if i == j else 0.0 for j in range(dim)] for i in range(dim)]
        return stein_moments(theta[:dim], covs, order, theta[0] ** 0)

    def laws(theta: np.ndarray) -> Family:
        variances = np.maximum(theta[:, dim:], 0.0) ** power
        return of(theta[:, :dim], np.broadcast_to(variances, (len(theta), dim)))

    region = partial(_region, count, power)
    return MomentModel(mean_parameters(dim) + spreads, moments, laws, region, isotropic=spherical)


def _region(count: int, power: int, extent: Extent) -> Region:
    squares = ((extent.upper - extent.lower) / 2) ** 2
    squares = squares if count == len(squares) else squares.max(keepdims=True)
    ends = [(part * squares) ** (1 / power) for part in (LEAST_VARIANCE, 1.0)]
    return (Box(np.append(extent.lower, ends[0]), np.append(extent.upper, ends[1])),)
