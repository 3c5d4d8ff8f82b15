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

Where the distance is zero, both `cost` and `distance` have the gradient zero. Where several couplings or potentials
are optimal the function has a kink, and the gradient is a subgradient. Second derivatives raise `UnsupportedError`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.custom_derivatives import SymbolicZero

from mixot.errors import UnsupportedError
from mixot.transport.array_groups import CostFunction, no_second_derivatives, read
from mixot.transport.array_groups import GridOf as Grid

__all__ = ["Grid", "cost", "distance"]

jax.tree_util.register_dataclass(Grid, data_fields=["values"], meta_fields=["bounds", "degree"])


def cost(p: Any, q: Any) -> jax.Array:
    """Squared distance of p and q, a scalar: what one differentiates.

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
    if not jax.config.jax_enable_x64:  # pyright: ignore[reportAttributeAccessIssue]
        raise UnsupportedError(
            "transport costs need float64, and JAX rounds to float32 here; run "
            'jax.config.update("jax_enable_x64", True) before the first array is made'
        )
    function, arrays = read(p, q)
    return _cost(function, *(_as_float(array) for array in arrays))


def distance(p: Any, q: Any) -> jax.Array:
    """Distance of p and q, a scalar in the units of the data: the root of `cost`, whose arguments it takes.

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


def _as_float(array: Any) -> jax.Array:
    out = array if isinstance(array, jax.Array) else jnp.asarray(array)
    return out if jnp.issubdtype(out.dtype, jnp.floating) else out.astype(jnp.float64)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _cost(function: CostFunction, *arrays: jax.Array) -> jax.Array:
    return _on_host(function.cost, _scalar(arrays), arrays)


def _cost_and_slope(function: CostFunction, arrays: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    """Linear in the tangents, so that JAX also runs it backwards: one rule is both modes."""
    wanted = tuple(not isinstance(tangent, SymbolicZero) for tangent in tangents)
    value, gradients = _cost_and_gradients(function, wanted, *arrays)
    moving = [pair for pair, want in zip(zip(gradients, tangents, strict=True), wanted, strict=True) if want]
    return value, _slope(*zip(*moving, strict=True)).astype(value.dtype)


_cost.defjvp(_cost_and_slope, symbolic_zeros=True)


@jax.jit
def _slope(gradients: Any, tangents: Any) -> jax.Array:
    return jnp.stack([jnp.vdot(g, t) for g, t in zip(gradients, tangents, strict=True)]).sum()


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _cost_and_gradients(function: CostFunction, wanted: tuple[bool, ...], *arrays: jax.Array) -> Any:
    shapes = _scalar(arrays), tuple(jax.ShapeDtypeStruct(array.shape, array.dtype) for array in arrays)
    return _on_host(partial(function.cost_and_gradients, wanted), shapes, arrays)


@_cost_and_gradients.defjvp
def _second_order(function: CostFunction, wanted: tuple[bool, ...], arrays: Any, tangents: Any) -> Any:
    raise no_second_derivatives()


def _scalar(arrays: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((), jnp.result_type(*arrays))


def _on_host(function: Any, shapes: Any, arrays: Any) -> Any:
    """``function`` of NumPy arrays, at once where their values are known, so that errors keep their names."""

    def run(*values: Any) -> Any:
        results = function(*(np.asarray(value) for value in values))
        return jax.tree.map(lambda result, shape: np.asarray(result, dtype=shape.dtype), results, shapes)

    if any(isinstance(array, Tracer) for array in arrays):
        return jax.pure_callback(run, shapes, *arrays, vmap_method="sequential")
    return jax.tree.map(jnp.asarray, run(*arrays))
