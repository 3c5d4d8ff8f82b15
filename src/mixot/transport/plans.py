"""Optimal couplings of the components of two mixtures, or of two clouds of points."""

from __future__ import annotations

import numpy as np

from mixot.errors import InputError
from mixot.families.base import common
from mixot.measures import Samples
from mixot.mixture import Mixture
from mixot.results import Plan
from mixot.solvers.discrete import Exact


def between_mixtures(p: Mixture, q: Mixture, solver: Exact) -> Plan:
    """MW2 (Delon and Desolneux 2020, eq. 4.4): cheapest coupling of the weights under component costs W2^2."""
    source, target = common(p.components, q.components)
    return solver.solve(source.cost(target), p.weights, q.weights)


def between_samples(p: Samples, q: Samples, solver: Exact) -> Plan:
    """Exact discrete W2: cheapest coupling of the points under squared distances."""
    if p.dim != q.dim:
        raise InputError(f"p and q must live in the same space, got dimension {p.dim} and {q.dim}")
    x, y = p.points.astype(np.float64), q.points.astype(np.float64)
    cost = ((x[:, None, :] - y[None, :, :]) ** 2).sum(axis=2)
    return solver.solve(cost, p.weights, q.weights)
