"""Whether the mixture that comes out lies in the region over which the relaxations searched.

Atoms of a relaxation lie in it; what the polish, expectation-maximisation or k-means make of them may not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import least_squares

from mixot._shapes import Float
from mixot.families.base import Family
from mixot.families.moment_model import MomentModel
from mixot.formulas.polynomial.moments import exponents
from mixot.formulas.polynomial.polynomials import Polynomial, symbols
from mixot.formulas.polynomial.regions import Region, contains, enclosing_box, in_words

_OUTSIDE = 1e-4  # of what a constraint sums, so far may a component lie outside: relaxations are solved to a tolerance
_FITS = 1e-6  # moments that parameters miss by more are not those of the model
_ORDERS = (2, 4)  # moments that tell the parameters of a law, tried in turn


def outside_region(model: MomentModel, region: Region, laws: Family) -> tuple[str, ...]:
    """Return a note where some of the laws are outside a region of the parameters, or cannot be placed."""
    theta = parameters_of(model, region, laws)
    if theta is None:
        return (f"whether the components lie in {in_words(region, model.names)} could not be told",)
    away = np.flatnonzero(~contains(region, theta, model.degrees, _OUTSIDE))
    if not len(away):
        return ()
    first = ", ".join(f"{name} = {value:.6g}" for name, value in zip(model.names, theta[away[0]], strict=True))
    return (
        f"{len(away)} of {len(laws)} components lie outside the given support, {in_words(region, model.names)}: it "
        f"bounds the relaxations and their lower bound; the first is {first}",
    )


def parameters_of(model: MomentModel, region: Region, laws: Family) -> Float[np.ndarray, "k p"] | None:
    """Return the parameters (k, p) of laws of the model's family, from their moments; None where these do not tell."""
    box = enclosing_box(region, model.names)
    begin = box.mean(axis=1)
    mean, spread = laws.mean(), np.sqrt(np.maximum(np.diagonal(laws.cov(), axis1=1, axis2=2), 0.0))
    for order in _ORDERS:
        wanted = laws.moments(order)
        if wanted.shape[1] <= len(model.parameters):
            continue
        variables = symbols(len(model.parameters))
        formulas = [variables[0] * 0.0 + value for value in model.moments(variables, order)]
        found = [
            _solved(model, formulas, order, each, begin, *about)
            for each, *about in zip(wanted, mean, spread, strict=True)
        ]
        if all(each is not None for each in found):
            return np.array(found)
    return None


def _solved(
    model: MomentModel,
    formulas: Sequence[Polynomial],
    order: int,
    wanted: np.ndarray,
    begin: np.ndarray,
    mean: np.ndarray,
    spread: np.ndarray,
) -> np.ndarray | None:
    """The parameters of one law, by Gauss-Newton steps from the middle of the region, locations from its mean."""
    start = np.array([begin[i] if p.shifts is None else mean[p.shifts] for i, p in enumerate(model.parameters)])
    size = float(np.abs(mean).max() + spread.max()) ** exponents(len(mean), order).sum(axis=1)

    def misfit(theta: np.ndarray) -> np.ndarray:
        return (np.array([float(formula(theta[None])[0]) for formula in formulas]) - wanted) / size

    found = least_squares(misfit, start, x_scale="jac", xtol=1e-14, ftol=1e-14, gtol=1e-14)
    return found.x if np.abs(found.fun).max() <= _FITS else None
