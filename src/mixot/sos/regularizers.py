"""Polynomials of the parameters that choose among mixing measures: location-scale mixing is not unique without one.

``N(m, v)`` is also a mixture of narrower laws, ``N(m, v - s) * N(0, s)``, so that the moments of a Gaussian mixture
never determine its mixing measure. Each function here answers with what `Relaxation.regularizer` takes.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError
from mixot.formulas.polynomial.polynomials import Polynomial
from mixot.sos.extraction import MixingMoments
from mixot.sos.monomials import graded, pairs_of
from mixot.sos.relaxation import Regularizer, Relaxation


def spread(relaxation: Relaxation, share: float) -> Regularizer | None:
    """``|Sigma - share s^2 I|^2``, s^2 the mean variance of the scaled data; None for a family without variances.

    The prior guess that components are narrow, of one size: what is farther from it is mixed from more of them.
    """
    target, parameters = relaxation.target, relaxation.model.parameters
    goal = share * float((np.diagonal(target.extent.cov) / target.scale**2).mean())
    others = [i for i in range(len(parameters)) if i not in relaxation.model.leading]
    if not others:
        return None

    def regularizer(*theta: Polynomial) -> Polynomial:
        total = theta[0] * 0.0
        for i in others:
            units = parameters[i].units
            if max(units) == 1 and sum(units) == 2:  # a covariance
                total = total + 2 * theta[i] ** 2
            else:
                total = total + (theta[i] ** (2 // max(units)) - goal) ** 2
        return total

    return regularizer


def published(relaxation: Relaxation) -> Regularizer:
    """``sum_k sum_i (m_i^2k + sigma_i^2k)`` plus the squares of all monomials of the means, as in the paper."""
    parameters, leading, order = relaxation.model.parameters, relaxation.model.leading, relaxation.order

    def regularizer(*theta: Polynomial) -> Polynomial:
        total = theta[0] * 0.0
        for k in range(1, order + 1):
            for value, parameter in zip(theta, parameters, strict=True):
                degree = max(parameter.units)
                if parameter.shifts is not None or degree * sum(parameter.units) != 2:  # covariances have no such power
                    total = total + value ** (2 * k // (2 if degree == 2 else 1))
        for power in graded((1,) * len(leading), order)[1:].tolist():
            term = theta[0] ** 0
            for i, exponent in zip(leading, power, strict=True):
                term = term * theta[i] ** (2 * exponent)
            total = total + term
        return total

    return regularizer


def trace(relaxation: Relaxation) -> Float[np.ndarray, " s"]:
    """The trace of the moment matrix, as a polynomial: ``sum_i b_i^2``."""
    return weighted_trace(relaxation, np.eye(relaxation.parameters.size(relaxation.order)))


def weighted_trace(relaxation: Relaxation, weights: Float[np.ndarray, "n n"]) -> Float[np.ndarray, " s"]:
    """``tr(W M_r(phi))`` as a polynomial, ``b' W b``."""
    pairs = pairs_of(relaxation.parameters, relaxation.order)
    entries = weights[pairs.rows, pairs.cols]
    return pairs.products.T @ np.where(pairs.rows == pairs.cols, entries, 2 * entries)


def beyond(relaxation: Relaxation, mixing: MixingMoments, k: int) -> Float[np.ndarray, " s"]:
    """The part of the trace outside the leading k eigenvectors of a given moment matrix, as a polynomial.

    Minimised and taken anew, again and again, it lowers the sum of all eigenvalues but the k largest, which is zero
    exactly for k atoms: the data-driven choice of R.
    """
    vectors = np.linalg.eigh(mixing.matrix(relaxation.order))[1][:, -k:]
    return weighted_trace(relaxation, np.eye(len(vectors)) - vectors @ vectors.T)


def tail(mixing: MixingMoments, k: int) -> float:
    """Share of the trace of the moment matrix that its k largest eigenvalues leave."""
    values = np.abs(np.linalg.eigvalsh(mixing.matrix(mixing.order)))
    return float(np.sort(values)[: len(values) - k].sum() / values.sum())


def named(name: Any, relaxation: Relaxation, share: float = 0.1) -> Regularizer | np.ndarray | None:
    """The regulariser called "spread", "published" or "trace"; a function and None are themselves."""
    if name is None or callable(name):
        return cast("Regularizer | None", name)
    if name == "spread":
        found = spread(relaxation, share) if relaxation.order > 1 else None  # a square of variances has degree 4
        return trace(relaxation) if found is None else found
    if name == "published":
        return published(relaxation)
    if name == "trace":
        return trace(relaxation)
    raise InputError(f'regularizer must be "spread", "published", "trace", "rank", a function or None, got {name!r}')
