"""How far the moments of the wanted law may be from those that are known, as constraints of a relaxation.

A relaxation whose moments may move within a set bounds the distance of every law that has its moments there. Where the
set covers the moments of the population with some probability, so does the bound hold for the population.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse
from scipy.stats import f as fisher

from mixot._shapes import Float
from mixot.errors import InputError
from mixot.solvers.sdp.problem import Block
from mixot.sos.monomials import Basis
from mixot.sos.target import Target

_FLAT = 1e-9  # least eigenvalue of the errors' correlations: an ellipsoid may be too wide, but not flat
_WIDTH = 2.0  # of the values of monomials and of Chebyshev polynomials on [-1, 1], at most


@dataclass(frozen=True, eq=False)
class Slack:
    """Errors s of the moments of degree 1 and more: ``|s_a| <= sizes_a``, and ``|whitening s| <= 1`` where it is given.

    ``bounded`` says that all laws meant lie in the box of the target.
    """

    sizes: Float[np.ndarray, " a"]
    whitening: Float[np.ndarray, "m a"] | None = None
    bounded: bool = False

    def rows(self, first: int, variables: int) -> tuple[Any, Float[np.ndarray, " n"]]:
        """``sizes - s >= 0`` and ``sizes + s >= 0`` as G and g, s being the unknowns from ``first`` on."""
        count = len(self.sizes)
        pick = sparse.csr_array((np.ones(count), (np.arange(count), first + np.arange(count))), (count, variables))
        return sparse.vstack([-pick, pick], format="csr"), np.concatenate([self.sizes, self.sizes])

    def blocks(self, first: int) -> list[Block]:
        """``|whitening s| <= 1`` as ``[[1, (W s)'], [W s, I]]``, positive semi-definite by Schur's complement."""
        if self.whitening is None:
            return []
        rows, cols = np.nonzero(self.whitening)
        values = self.whitening[rows, cols]
        return [Block(np.eye(1 + len(self.whitening)), first + cols, np.zeros(len(rows), dtype=int), 1 + rows, values)]


def standard_errors(target: Target, basis: Basis, multiple: float) -> Slack:
    """Each moment within so many of its standard errors."""
    return Slack(multiple * target.errors(basis)[1:])


def ellipsoid(target: Target, basis: Basis, level: float, count: float) -> Slack:
    """Hotelling's ellipsoid ``s' C^-1 s <= T^2``, C the covariance of the moments' errors, at a level.

    ``T^2 = m (n - 1) / (n - m) F_level(m, n - m)`` for m moments of n observations. It covers the population's moments
    with that probability as n grows, since means of bounded polynomials are asymptotically normal. To C belongs what a
    mass of 1/n that no draw has shown may do, ``m / n^2`` along every axis of the Chebyshev moments: less and less than
    the errors as n grows, and at few hundred draws the difference between .8 and .95.

    Raises
    ------
    InputError
        Where observations are no more than moments.

    References
    ----------
    Anderson, An Introduction to Multivariate Statistical Analysis, 3rd ed., section 5.3.
    """
    m = len(basis) - 1
    if not count > m + 1:
        raise InputError(
            f"a statement about the population needs more observations than moments, got {count:.0f} and {m}; lower "
            "the order"
        )
    unseen = np.eye(len(target.values)) * (m / count**2)
    unseen[0, 0] = 0.0  # the mass is known
    assert target.error_cov is not None
    wider = replace(target, error_cov=target.error_cov + unseen)
    cov = wider.error_covariance(basis)[1:, 1:]
    radius = np.sqrt(m * (count - 1) / (count - m) * fisher.ppf(level, m, count - m))
    size = np.sqrt(np.diagonal(cov))
    values, vectors = np.linalg.eigh(cov / np.outer(size, size))
    values = np.maximum(values, _FLAT * values[-1])
    # The box around the ellipsoid, of the eigenvalues as they were raised.
    sizes = radius * size * np.sqrt((vectors**2 * values).sum(axis=1))
    return Slack(sizes, (vectors / np.sqrt(values)).T / size / radius)


def empirical_bernstein(target: Target, basis: Basis, level: float, count: float) -> Slack:
    """Each of m moments within ``sqrt(2 V L / n) + 14 L / (3 (n - 1))``, ``L = log(4 m / (1 - level))``.

    V is the sample variance of the polynomial, whose values on the box of the target lie in [-1, 1]. It covers all
    moments of a law on that box with that probability whatever n is, for independent draws and a box that was known
    before them.

    References
    ----------
    Maurer and Pontil, Empirical Bernstein bounds and sample variance penalization, COLT 2009, theorem 4; all moments
    and both sides by the union bound.
    """
    m = len(basis) - 1
    weight = np.log(4 * m / (1 - level))
    errors = target.errors(basis)[1:]  # standard errors: the square is V / n
    return Slack(errors * np.sqrt(2 * weight) + _WIDTH * 7 * weight / (3 * (count - 1)), bounded=True)
