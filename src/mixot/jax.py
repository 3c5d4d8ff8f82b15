"""Transport distances as JAX functions: forward and reverse mode, ``jit``, ``vmap``.

The arguments are arrays, or tuples of arrays, of any float type:

==================================  ====================================================
argument                            measure
==================================  ====================================================
array (n, d)                        points of equal weight
``(points, weights)``               weighted points
``(weights, means, covs)``          a Gaussian mixture
``Grid(values, bounds, degree)``    a density on pixels or voxels, the `Grid` of this module
`Samples`, `Grid`, `Mixture`        of mixot itself, as constants (a Gaussian mixture)
==================================  ====================================================

Two mixtures are compared by MW2; two clouds of points, and points and a density, by W2. The work is done on the CPU, in
float64, by the compiled core. Gradients come in closed form, from the optimal coupling and its dual potentials, with
the value: `mixot.transport.gradients` says what they are.

A batch has one axis in front: points ``(b, n, d)`` with weights ``(b, n)``; weights ``(b, k)``, means ``(b, k, d)``,
covs ``(b, k, d, d)``. The result is then ``(b,)``. All pairs are solved in one call of the compiled core, in threads;
``vmap`` leads to the same call. Only points against a density are solved one by one. The rank of the points, or
of the means, says whether there is a batch, and the other arrays are read by it: next to means ``(k, d)``, covs
``(k, d)`` are the diagonals of diagonal covariances and ``(k,)`` the variances of spherical ones; next to means
``(b, k, d)`` these are ``(b, k, d)`` and ``(b, k)``. Weights ``(k,)`` are shared by a batch, and so is a side without
its axis.

Where the distance is zero, both `cost` and `distance` have the gradient zero. Where several couplings or potentials
are optimal the function has a kink, and the gradient is a subgradient. Second derivatives raise `UnsupportedError`;
`entropic_cost` and `sinkhorn_divergence`, the losses of `OMT`, have them.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.custom_derivatives import SymbolicZero

from mixot.errors import InputError, UnsupportedError
from mixot.solvers.entropic.omt import OMT
from mixot.transport.array_groups import GridOf as Grid
from mixot.transport.array_groups import is_traced
from mixot.transport.cost_functions import CostFunction, batch_size, cost_function, no_second_derivatives
from mixot.transport.entropic_losses import EntropicFunction, entropic_function, no_third_derivatives
from mixot.transport.warm_costs import WarmCost, WarmState, fixed_measure

__all__ = ["Grid", "TransportLoss", "WarmState", "cost", "distance", "entropic_cost", "sinkhorn_divergence"]


def _flatten(grid: Grid) -> tuple[Any, Any]:
    """Bounds are a leaf where they are an array, which may want a gradient, and else a constant to compile for."""
    kept = is_traced(grid.bounds)
    return ((grid.values, grid.bounds), (None, grid.degree)) if kept else ((grid.values,), (grid.bounds, grid.degree))


def _unflatten(constants: Any, leaves: Any) -> Grid:
    grid = object.__new__(Grid)  # leaves may be anything in between
    parts = (leaves[0], leaves[1] if len(leaves) == 2 else constants[0], constants[1])
    for name, part in zip(("values", "bounds", "degree"), parts, strict=True):
        object.__setattr__(grid, name, part)
    return grid


jax.tree_util.register_pytree_node(Grid, _flatten, _unflatten)


def cost(p: Any, q: Any) -> jax.Array:
    """Squared distance of p and q, a scalar, or (b,) for a batch: what one differentiates.

    Parameters
    ----------
    p, q : arrays or tuples of arrays
        See the table of this module.

    Raises
    ------
    UnsupportedError
        Where JAX rounds to float32 (``jax_enable_x64`` is off); on a pair that no solver here joins; on second
        derivatives.
    InputError
        On bad arrays. Under ``jit`` JAX passes it on inside an error of its own.

    Examples
    --------
    >>> jax.config.update("jax_enable_x64", True)
    >>> one = jnp.ones(1)
    >>> target = (one, 3 * one[:, None], 4 * one[:, None, None])
    >>> loss = lambda means: cost((one, means, one[:, None, None]), target)
    >>> value, slope = jax.value_and_grad(loss)(jnp.zeros((1, 1)))
    >>> float(value), float(slope[0, 0])
    (10.0, -6.0)
    """
    _check_precision()
    return _applied(*cost_function(p, q))


def distance(p: Any, q: Any) -> jax.Array:
    """Distance of p and q, a scalar or (b,), in the units of the data: the root of `cost`, whose arguments it takes.

    Its gradient is that of the cost over twice the distance, and zero where the distance is zero (a minimum, at which
    zero is a subgradient).

    Examples
    --------
    >>> jax.config.update("jax_enable_x64", True)
    >>> float(distance(jnp.array([[0.0], [1.0]]), jnp.array([[3.0], [2.0]])))
    2.0
    """
    squared = cost(p, q)
    apart = squared > 0
    return jnp.where(apart, jnp.sqrt(jnp.where(apart, squared, 1.0)), 0.0)


def entropic_cost(p: Any, q: Any, *, solver: OMT) -> jax.Array:
    """What `OMT` minimises between p and q, ``min <C, w> + lam KL(w | a b')``, a scalar or one for each of a batch.

    C is the squared W2 between components, or between points; with ``eps`` entropic, with ``rho`` the marginals may be
    missed at a price. First derivatives are exact, and so are second ones, through the equations that the potentials
    solve (implicit function theorem); third ones raise `UnsupportedError`.

    Parameters
    ----------
    p, q : arrays or tuples of arrays
        Two mixtures, or two clouds of points; see the table of this module.
    solver : OMT
        With a positive number for ``lam``.

    Raises
    ------
    InputError
        On bad arrays, and where lam is left to the costs, with which it would change.
    UnsupportedError
        On other pairs, for ``cost="kl"``, on second derivatives at singular covariances, or in the weights of a
        coupling that falls apart.
    SolveError
        Where a coupling does not converge.

    Examples
    --------
    >>> from mixot import OMT
    >>> jax.config.update("jax_enable_x64", True)
    >>> x = jnp.array([[0.0], [1.0]])
    >>> loss = lambda x: entropic_cost(x, jnp.array([[3.0], [4.0]]), solver=OMT(lam=0.1))
    >>> slope, hessian = jax.grad(loss)(x), jax.hessian(loss)(x)
    >>> round(float(slope.sum()), 9), round(float(hessian.sum()), 9)  # 2 sum_i w_i (x_i - y_i), 2 sum_i w_i
    (-6.0, 2.0)
    """
    _check_precision()
    return _applied(*entropic_function(p, q, solver, debiased=False))


def sinkhorn_divergence(p: Any, q: Any, *, solver: OMT) -> jax.Array:
    """The debiased entropic loss, ``L(p, q) - L(p, p) / 2 - L(q, q) / 2`` with L the `entropic_cost`.

    It is zero where p = q, which `entropic_cost` is not. Arguments, derivatives and errors are those of `entropic_cost`
    (Feydy et al. 2019; Séjourné et al. 2019 where marginals are relaxed: both have mass one here).

    Examples
    --------
    >>> from mixot import OMT
    >>> jax.config.update("jax_enable_x64", True)
    >>> x = jnp.array([[0.0], [1.0]])
    >>> round(float(sinkhorn_divergence(x, x + 3, solver=OMT(lam=0.1))), 12)
    9.0
    """
    _check_precision()
    return _applied(*entropic_function(p, q, solver, debiased=True))


class TransportLoss:
    """The squared W2 to a fixed measure, for loops: each call sets out from the solution of the call before it.

    One of both is points, the other a density: a grid or a Gaussian mixture, in dimension one to three. ``loss(p,
    state)`` is `cost` of p and the target, with the same gradients, and what it leaves to the next call: nothing is
    kept behind JAX's back, so that it may stand in `jit` and `scan`. Potentials are corrected for the way that points
    have gone; where they lead nowhere all is solved from coarse to fine, so that no answer depends on the state but
    within ``tol``.

    Parameters
    ----------
    target : array, tuple of arrays or measure
        See the table of this module; a constant.
    tol : float
        Error of the masses of cells, of a total of one: gradients feel it to first order, values to second.

    Raises
    ------
    InputError
        On a batch, and where the measures do not fit.
    UnsupportedError
        Where p is no counterpart of the target: there must be points against a density; without float64.

    Examples
    --------
    >>> jax.config.update("jax_enable_x64", True)
    >>> loss = TransportLoss(Grid(jnp.ones((8, 8)), ((0, 1), (0, 1))))
    >>> x = jnp.array([[0.2, 0.3], [0.6, 0.8], [0.7, 0.2]])
    >>> state = loss.init(x)
    >>> for _ in range(5):
    ...     (value, state), slope = jax.value_and_grad(loss, has_aux=True)(x, state)
    ...     x = x - slope
    >>> print(state.summary)
    5 calls: 4 started warm, 1 cold (1 without a start, 0 too far from it, 0 in vain)
    """

    def __init__(self, target: Any, *, tol: float = 1e-9) -> None:
        _check_precision()
        self._target, self._tol = fixed_measure(target), tol

    def init(self, p: Any) -> WarmState:
        """The state before the first call, for measures of the shapes of p."""
        function, arrays = WarmCost.of(p, self._target, self._tol)
        return WarmState(*map(jnp.asarray, WarmState.empty(*function.size([jnp.asarray(x) for x in arrays]))))

    def __call__(self, p: Any, state: WarmState) -> tuple[jax.Array, WarmState]:
        """`cost` of p and the target, a scalar, and the state for the next call."""
        function, arrays = WarmCost.of(p, self._target, self._tol)
        found = tuple(_as_float(array) for array in arrays)
        shape = function.size(found)
        if state.points.shape != shape:
            raise InputError(
                f"a state of points of shape {tuple(state.points.shape)} is no start for points of shape {shape}; call "
                "init again when their number changes"
            )
        return _warm_cost(function, found, WarmState(*map(jax.lax.stop_gradient, state)))


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _warm_cost(function: WarmCost, arrays: tuple[jax.Array, ...], state: WarmState) -> tuple[jax.Array, WarmState]:
    value, _, fresh = _warm_cost_and_gradients(function, (False,) * len(arrays), arrays, state)
    return value, fresh


def _warm_cost_and_slope(function: WarmCost, primals: Any, tangents: Any) -> Any:
    (arrays, state), (moving, _) = primals, tangents
    wanted = tuple(not isinstance(tangent, SymbolicZero) for tangent in moving)
    value, gradients, fresh = _warm_cost_and_gradients(function, wanted, arrays, state)
    pairs = [pair for pair, want in zip(zip(gradients, moving, strict=True), wanted, strict=True) if want]
    slope = _slope(0, *zip(*pairs, strict=True)).astype(value.dtype) if pairs else jnp.zeros_like(value)
    return (value, fresh), (slope, WarmState(*map(jnp.zeros_like, fresh)))


_warm_cost.defjvp(_warm_cost_and_slope, symbolic_zeros=True)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _warm_cost_and_gradients(function: WarmCost, wanted: tuple[bool, ...], arrays: Any, state: WarmState) -> Any:
    like = [jax.ShapeDtypeStruct(array.shape, array.dtype) for array in (*arrays, *state)]
    shapes = (
        jax.ShapeDtypeStruct((), jnp.result_type(*arrays)),
        tuple(like[: len(arrays)]),
        WarmState(*like[len(arrays) :]),
    )

    def run(*values: np.ndarray) -> Any:
        given, last = values[: len(arrays)], WarmState(*values[len(arrays) :])
        plan, fresh = function.solve(given, last)
        slopes = function.gradients(wanted, given, plan) if any(wanted) else [np.zeros(x.shape) for x in given]
        return plan.cost, tuple(slopes), fresh

    return _on_host(run, shapes, (*arrays, *state), "sequential")


@_warm_cost_and_gradients.defjvp
def _warm_second_order(function: WarmCost, wanted: tuple[bool, ...], primals: Any, tangents: Any) -> Any:
    raise no_second_derivatives()


def _check_precision() -> None:
    if not jax.config.jax_enable_x64:  # pyright: ignore[reportAttributeAccessIssue]
        raise UnsupportedError(
            "transport costs need float64, and JAX rounds to float32 here; run "
            'jax.config.update("jax_enable_x64", True) before the first array is made'
        )


def _applied(function: CostFunction, arrays: Any) -> jax.Array:
    """The function of arrays, those that a batch shares with its axis in front."""
    found = [_as_float(array) for array in arrays]
    size = batch_size(function, found)
    if size is not None:
        pairs = zip(found, function.ranks, strict=True)
        found = [x if x.ndim > rank else jnp.broadcast_to(x, (size, *x.shape)) for x, rank in pairs]
    return _cost(function, *found)


def _as_float(array: Any) -> jax.Array:
    out = array if isinstance(array, jax.Array) else jnp.asarray(array)
    return out if jnp.issubdtype(out.dtype, jnp.floating) else out.astype(jnp.float64)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _cost(function: CostFunction, *arrays: jax.Array) -> jax.Array:
    return _on_host(function.cost, _scalar(function, arrays), arrays)


def _cost_and_slope(function: CostFunction, arrays: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    """Linear in the tangents, so that JAX also runs it backwards: one rule is both modes."""
    wanted = tuple(not isinstance(tangent, SymbolicZero) for tangent in tangents)
    value, gradients = _cost_and_gradients(function, wanted, *arrays)
    moving = [pair for pair, want in zip(zip(gradients, tangents, strict=True), wanted, strict=True) if want]
    return value, _slope(value.ndim, *zip(*moving, strict=True)).astype(value.dtype)


_cost.defjvp(_cost_and_slope, symbolic_zeros=True)


@partial(jax.jit, static_argnums=0)
def _slope(lead: int, gradients: Any, tangents: Any) -> jax.Array:
    """Sums of products over all axes but the first ``lead``, those of the batch."""
    pairs = zip(gradients, tangents, strict=True)
    return jnp.stack([(g * t).sum(axis=tuple(range(lead, g.ndim))) for g, t in pairs]).sum(axis=0)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _cost_and_gradients(function: CostFunction, wanted: tuple[bool, ...], *arrays: jax.Array) -> Any:
    shapes = _scalar(function, arrays), tuple(jax.ShapeDtypeStruct(array.shape, array.dtype) for array in arrays)
    return _on_host(partial(function.cost_and_gradients, wanted), shapes, arrays)


def _second_order(function: CostFunction, wanted: tuple[bool, ...], arrays: Any, tangents: Any) -> Any:
    """Value and gradients, and how both change: linear in the tangents, as the Hessian is symmetric."""
    if not isinstance(function, EntropicFunction):
        raise no_second_derivatives()
    moving = tuple(not isinstance(tangent, SymbolicZero) for tangent in tangents)
    active = tuple(want or move for want, move in zip(wanted, moving, strict=True))
    value, slopes = _cost_and_gradients(function, active, *arrays)
    # Zeros that come of the tangents: then all steps are linear in them, as JAX wants it of a linear map's arguments.
    still = 0 * next(t for t, move in zip(tangents, moving, strict=True) if move).sum()
    steps = tuple(
        t if move else jnp.broadcast_to(still, x.shape).astype(x.dtype)
        for x, t, move in zip(arrays, tangents, moving, strict=True)
    )
    bent = _hessian_times(function, active, arrays, steps)
    kept = tuple(g if want else jnp.zeros_like(g) for g, want in zip(slopes, wanted, strict=True))
    bent = tuple(g if want else jnp.zeros_like(g) for g, want in zip(bent, wanted, strict=True))
    return (value, kept), (_slope(value.ndim, slopes, steps).astype(value.dtype), bent)


_cost_and_gradients.defjvp(_second_order, symbolic_zeros=True)


def _hessian_times(function: EntropicFunction, active: tuple[bool, ...], arrays: Any, steps: Any) -> Any:
    """The Hessian times steps of all arrays, as a linear map that is its own transpose."""
    count = len(active)
    shapes = tuple(jax.ShapeDtypeStruct(array.shape, array.dtype) for array in arrays)

    def times(_: Any, steps: Any) -> Any:
        return _on_host(lambda *both: function.bend(active, both[:count], both[count:]), shapes, (*arrays, *steps))

    # JAX knows linear maps of the caller's as solutions of symmetric systems: here of the inverse of the Hessian, which
    # nobody multiplies with.
    return jax.lax.custom_linear_solve(lambda x: x, _twice_at_most(arrays, steps), times, symmetric=True)


@jax.custom_jvp
def _twice_at_most(arrays: Any, steps: Any) -> Any:
    """The steps; an error for whom the Hessian shall be differentiated in the arrays."""
    return steps


def _third_order(primals: Any, tangents: Any) -> Any:
    if any(not isinstance(tangent, SymbolicZero) for tangent in jax.tree.leaves(tangents[0], is_leaf=_is_zero)):
        raise no_third_derivatives()
    moved = [jnp.zeros(t.shape, t.dtype) if _is_zero(t) else t for t in tangents[1]]
    return primals[1], tuple(moved)


def _is_zero(tangent: Any) -> bool:
    return isinstance(tangent, SymbolicZero)


_twice_at_most.defjvp(_third_order, symbolic_zeros=True)


def _scalar(function: CostFunction, arrays: Any) -> jax.ShapeDtypeStruct:
    """One number for each pair of a batch."""
    lead = arrays[0].shape[: arrays[0].ndim - function.ranks[0]]
    return jax.ShapeDtypeStruct(lead, jnp.result_type(*arrays))


def _on_host(function: Any, shapes: Any, arrays: Any, vmap_method: Any = "expand_dims") -> Any:
    """``function`` of NumPy arrays, at once where their values are known, so that errors keep their names."""

    def run(*values: Any) -> Any:
        results = function(*(np.asarray(value) for value in values))
        return jax.tree.map(lambda result, shape: np.asarray(result, dtype=shape.dtype), results, shapes)

    if any(isinstance(array, Tracer) for array in arrays):
        return jax.pure_callback(run, shapes, *arrays, vmap_method=vmap_method)
    return jax.tree.map(jnp.asarray, run(*arrays))
