"""Costs as functions that JAX differentiates, compiles and maps."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from mixot.jax.host import as_float, on_host
from mixot.transport.cost_functions import CostFunction, batch_size, no_second_derivatives
from mixot.transport.entropic_losses import EntropicFunction, no_third_derivatives


def applied(function: CostFunction, arrays: Any) -> jax.Array:
    """The function of arrays, those that a batch shares with its axis in front."""
    found = [as_float(array) for array in arrays]
    size = batch_size(function, found)
    if size is not None:
        pairs = zip(found, function.ranks, strict=True)
        found = [x if x.ndim > rank else jnp.broadcast_to(x, (size, *x.shape)) for x, rank in pairs]
    return _cost(function, *found)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _cost(function: CostFunction, *arrays: jax.Array) -> jax.Array:
    return on_host(function.cost, _scalar(function, arrays), arrays)


def _cost_and_slope(function: CostFunction, arrays: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    """Linear in the tangents, so that JAX also runs it backwards: one rule is both modes."""
    wanted = tuple(not isinstance(tangent, SymbolicZero) for tangent in tangents)
    value, gradients = _cost_and_gradients(function, wanted, *arrays)
    moving = [pair for pair, want in zip(zip(gradients, tangents, strict=True), wanted, strict=True) if want]
    return value, slope_along(value.ndim, *zip(*moving, strict=True)).astype(value.dtype)


_cost.defjvp(_cost_and_slope, symbolic_zeros=True)


@partial(jax.jit, static_argnums=0)
def slope_along(lead: int, gradients: Any, tangents: Any) -> jax.Array:
    """Sums of products over all axes but the first ``lead``, those of the batch."""
    pairs = zip(gradients, tangents, strict=True)
    return jnp.stack([(g * t).sum(axis=tuple(range(lead, g.ndim))) for g, t in pairs]).sum(axis=0)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _cost_and_gradients(function: CostFunction, wanted: tuple[bool, ...], *arrays: jax.Array) -> Any:
    shapes = _scalar(function, arrays), tuple(jax.ShapeDtypeStruct(array.shape, array.dtype) for array in arrays)
    return on_host(partial(function.cost_and_gradients, wanted), shapes, arrays)


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
    return (value, kept), (slope_along(value.ndim, slopes, steps).astype(value.dtype), bent)


_cost_and_gradients.defjvp(_second_order, symbolic_zeros=True)


def _hessian_times(function: EntropicFunction, active: tuple[bool, ...], arrays: Any, steps: Any) -> Any:
    """The Hessian times steps of all arrays, as a linear map that is its own transpose."""
    count = len(active)
    shapes = tuple(jax.ShapeDtypeStruct(array.shape, array.dtype) for array in arrays)

    def times(_: Any, steps: Any) -> Any:
        return on_host(lambda *both: function.bend(active, both[:count], both[count:]), shapes, (*arrays, *steps))

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
