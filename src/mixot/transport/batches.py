"""Exact transport of many pairs of one size at once: costs, couplings and gradients in compiled loops over all pairs.

By the envelope theorem no optimal coupling is differentiated: with coupling w and dual potentials f, g, the cost
``sum_ij w_ij c_ij`` has the gradient w in the costs c, and f and g in the weights, each up to a constant. Gradients in
weights are returned with mean zero: a step along them stays on the plane in which weights sum to one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._native import exact_couplings
from mixot._shapes import Float
from mixot.errors import InputError, SolveError
from mixot.formulas.gaussian.cost_matrix import gaussian_cost_batch, point_cost_batch
from mixot.formulas.gaussian.gradients import bures_gradients
from mixot.solvers.discrete.exact import Exact
from mixot.threads import thread_count

Gradients = tuple[np.ndarray, ...]
Wanted = tuple[bool, ...]

_ROUNDING = 4 * np.finfo(np.float64).eps
_MOST = 2**31  # bytes of one cost matrix; the solver needs about six of that size


@dataclass(frozen=True, eq=False, slots=True)
class Atoms:
    """As many weighted atoms on one side of each pair: points, or Gaussian laws where there are covariances."""

    weights: Float[np.ndarray, "b k"]
    places: Float[np.ndarray, "b k d"]
    covs: Float[np.ndarray, "b k d d"] | None = None

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def laws(self) -> Float[np.ndarray, "b k d d"]:
        """The covariances, of atoms that have them."""
        assert self.covs is not None
        return self.covs

    @property
    def dim(self) -> int:
        """Dimension of the space."""
        return self.places.shape[2]


@dataclass(frozen=True, eq=False, slots=True)
class Couplings:
    """Optimal couplings of all pairs, with potentials, balanced ones where gradients in weights were asked for.

    ``largest`` is the largest cost of any two atoms of each pair.
    """

    costs: Float[np.ndarray, " b"]
    coupling: Float[np.ndarray, "b k l"]
    potentials: tuple[Float[np.ndarray, "b k"], Float[np.ndarray, "b l"]]
    largest: Float[np.ndarray, " b"]

    @property
    def told_apart(self) -> Float[np.ndarray, " b"]:
        """Whether the cost is more than the rounding of weights makes of it, which moves ~1e-16 of the mass anywhere.

        Below, potentials may be as large as the costs while the cost says nothing: a minimum, where zero is a
        subgradient in the weights. Gradients in places and covariances vanish with the root of the cost, by themselves.
        """
        return (self.costs > _ROUNDING * self.largest).astype(np.float64)


def component_costs(p: Atoms, q: Atoms) -> Float[np.ndarray, "b k l"]:
    """Squared distances between points, or squared W2 between Gaussian laws, of all pairs.

    Raises
    ------
    InputError
        Where p and q live in different spaces, or one cost matrix would take more than 2 GiB.
    """
    if p.dim != q.dim:
        raise InputError(f"p and q must live in the same space, got dimension {p.dim} and {q.dim}")
    if p.covs is not None and q.covs is not None:
        return gaussian_cost_batch(p.places, p.covs, q.places, q.covs)
    size = 8 * p.places.shape[1] * q.places.shape[1]
    if size > _MOST:
        raise InputError(
            f"an exact plan between {p.places.shape[1]} and {q.places.shape[1]} points needs a cost matrix of "
            f"{size / 2**30:.1f} GiB, and about six times that to solve; take a sample of the points, or fit a mixture "
            "to each and compare those"
        )
    return point_cost_batch(p.places, q.places)


def couple(p: Atoms, q: Atoms, *, balanced: bool = True) -> Couplings:
    """The optimal couplings of all pairs of p and q.

    Raises
    ------
    InputError
        See `component_costs`.
    SolveError
        Where a linear program was not solved.
    """
    costs = component_costs(p, q)
    values, coupling = np.empty(len(p)), np.zeros(costs.shape)
    f, g = np.empty(p.weights.shape), np.empty(q.weights.shape)
    most = Exact().max_iter
    end, at = exact_couplings(costs, p.weights, q.weights, most, balanced, thread_count(), values, coupling, f, g)
    if end != "optimal":
        Exact().solve(costs[at], p.weights[at], q.weights[at])  # raises the error, with the plan it got to
        raise SolveError(f"the linear program of pair {at} ended with: {end}")
    return Couplings(values, coupling, (f, g), costs.max(axis=(1, 2)))


def gradients(p: Atoms, q: Atoms, found: Couplings, want_p: Wanted, want_q: Wanted) -> tuple[Gradients, Gradients]:
    """Gradients in (weights, places, covs) of p and of q, all pairs at once; zero where the cost is, or not wanted.

    Those in weights are zero already where the cost is rounding, see `Couplings.told_apart`.

    ``2 sum_l w_kl (x_k - y_l)`` in places, potentials in weights, ``sum_l w_kl (I - T_kl)`` in covariances.
    """
    problem, i, j = np.nonzero(found.coupling)
    apart = found.costs[problem] > 0  # the minimum is no place to leave
    problem, i, j = problem[apart], i[apart], j[apart]
    mass = found.coupling[problem, i, j]
    rows, cols = problem * p.places.shape[1] + i, problem * q.places.shape[1] + j
    in_x, in_y = np.zeros(p.places.shape), np.zeros(q.places.shape)
    if want_p[1] or want_q[1]:
        pull = 2 * mass[:, None] * (p.places.reshape(-1, p.dim)[rows] - q.places.reshape(-1, q.dim)[cols])
        _add(in_x, rows, pull)
        _add(in_y, cols, -pull)
    in_p, in_q = (_potentials(found, 0, want_p[0]), in_x), (_potentials(found, 1, want_q[0]), in_y)
    if p.covs is None or q.covs is None:
        return in_p, in_q
    in_a, in_b = np.zeros(p.covs.shape), np.zeros(q.covs.shape)
    if want_p[2] or want_q[2]:
        a, b = (covs.reshape(-1, p.dim, p.dim) for covs in (p.covs, q.covs))
        by_a, by_b = bures_gradients(a, b, rows, cols)
        _add(in_a, rows, mass[:, None, None] * by_a)
        _add(in_b, cols, mass[:, None, None] * by_b)
    return (*in_p, in_a), (*in_q, in_b)


def _potentials(found: Couplings, side: int, wanted: bool) -> np.ndarray:
    potential = found.potentials[side]
    if not wanted:
        return np.zeros(potential.shape)
    return (potential - potential.mean(axis=1, keepdims=True)) * found.told_apart[:, None]


def _add(out: np.ndarray, label: np.ndarray, values: np.ndarray) -> None:
    """Add the values of each atom to it, (s, ...) to (b, k, ...)."""
    np.add.at(out.reshape(-1, *out.shape[2:]), label, values)
