"""Arrays on their way to the compiled core and back."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from mixot.errors import UnsupportedError
from mixot.transport.array_groups import GridOf as Grid
from mixot.transport.array_groups import is_traced


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


def check_precision() -> None:
    """Raise an `UnsupportedError` with the cure where JAX rounds to float32."""
    if not jax.config.jax_enable_x64:  # pyright: ignore[reportAttributeAccessIssue]
        raise UnsupportedError(
            "transport costs need float64, and JAX rounds to float32 here; run "
            'jax.config.update("jax_enable_x64", True) before the first array is made'
        )


def as_float(array: Any) -> jax.Array:
    """The array in the floating type that it has, or in float64."""
    out = array if isinstance(array, jax.Array) else jnp.asarray(array)
    return out if jnp.issubdtype(out.dtype, jnp.floating) else out.astype(jnp.float64)


def _known(value: Any) -> np.ndarray:
    """In NumPy; bfloat16, which NumPy knows as bytes only, in float32."""
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype.kind == "V" else array


def on_host(function: Any, shapes: Any, arrays: Any, vmap_method: Any = "expand_dims") -> Any:
    """``function`` of NumPy arrays, at once where their values are known, so that errors keep their names."""

    def run(*values: Any) -> Any:
        results = function(*map(_known, values))
        return jax.tree.map(lambda result, shape: np.asarray(result, dtype=shape.dtype), results, shapes)

    if any(isinstance(array, Tracer) for array in arrays):
        return jax.pure_callback(run, shapes, *arrays, vmap_method=vmap_method)
    return jax.tree.map(jnp.asarray, run(*arrays))
