"""A transport loss that starts from its last solution, with an explicit state."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from mixot.errors import InputError
from mixot.jax.functions import slope_along
from mixot.jax.host import as_float, check_precision, on_host
from mixot.transport.cost_functions import no_second_derivatives
from mixot.transport.warm_costs import WarmCost, WarmState, fixed_measure


class TransportLoss:
    """The squared W2 to a fixed measure, for loops: each call sets out from the solution of the call before it.

    One of both is points, the other a density: a grid or a Gaussian mixture, in dimension one to three. ``loss(p,
    state)`` is `cost` of p and the target, with the same gradients, and what it leaves to the next call: nothing is
    kept behind JAX's back, so that it may stand in ``jit`` and ``scan``. Potentials are corrected for the way that
    points have gone; where they lead nowhere all is solved from coarse to fine, so that no answer depends on the state
    but within ``tol``.

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
    >>> from mixot.jax import Grid
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
        check_precision()
        self._target, self._tol = fixed_measure(target), tol

    def init(self, p: Any) -> WarmState:
        """The state before the first call, for measures of the shapes of p."""
        function, arrays = WarmCost.of(p, self._target, self._tol)
        return WarmState(*map(jnp.asarray, WarmState.empty(*function.size([jnp.asarray(x) for x in arrays]))))

    def __call__(self, p: Any, state: WarmState) -> tuple[jax.Array, WarmState]:
        """`cost` of p and the target, a scalar, and the state for the next call."""
        function, arrays = WarmCost.of(p, self._target, self._tol)
        found = tuple(as_float(array) for array in arrays)
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
    slope = slope_along(0, *zip(*pairs, strict=True)).astype(value.dtype) if pairs else jnp.zeros_like(value)
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

    return on_host(run, shapes, (*arrays, *state), "sequential")


@_warm_cost_and_gradients.defjvp
def _warm_second_order(function: WarmCost, wanted: tuple[bool, ...], primals: Any, tangents: Any) -> Any:
    raise no_second_derivatives()
