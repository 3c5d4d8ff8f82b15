"""Masses and centers of cells, differentiable."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from mixot.jax.host import as_float, check_precision, on_host
from mixot.transport.cell_functions import CellFunction, cell_function, points_and_weights
from mixot.transport.cost_functions import no_second_derivatives


def cells(points: Any, potentials: Any, target: Any) -> tuple[jax.Array, jax.Array]:
    """Masses (n,) and centers (n, d) of the Laguerre cells of points with potentials, under a fixed density.

    Cell i is where ``|x - y_i|^2 - w_i`` is least. Both are differentiable in points and potentials: integrals of the
    density over the walls between cells (see `mixot.solvers.semidiscrete.plan.SemidiscretePlan.cell_derivatives`). A
    cell without mass has its point for a center.

    Parameters
    ----------
    points : (n, d)
        Those of the cells.
    potentials : (n,)
        Squared lengths; the larger, the larger the cell.
    target : Grid, tuple of arrays or measure
        A density, a grid or a Gaussian mixture in dimension d = 1, 2 or 3; a constant.

    Raises
    ------
    InputError
        On other shapes, NaN or infinity.
    UnsupportedError
        In other dimensions; on second derivatives, and forward mode.

    Examples
    --------
    >>> from mixot.jax import Grid
    >>> jax.config.update("jax_enable_x64", True)
    >>> x, grid = jnp.array([[0.25, 0.5], [0.75, 0.5]]), Grid(jnp.ones((2, 2)), ((0, 1), (0, 1)))
    >>> jax.grad(lambda w: cells(x, w, grid)[0][0])(jnp.zeros(2)).round(9).tolist()
    [1.0, -1.0]
    """
    check_precision()
    arrays = as_float(points), as_float(potentials)
    return _cells(cell_function(*arrays, target, optimal=False), *arrays)


def centroids(p: Any, target: Any) -> jax.Array:
    """Centers (n, d) of the cells of the optimal plan from weighted points to a fixed density.

    The plan's potentials follow points and weights so that each cell keeps its mass: the derivatives come from the
    equations that say so (implicit function theorem), by one sparse linear system. Those in weights have mean zero.
    Moving points to these centers is Lloyd's step for cells of given masses.

    Parameters
    ----------
    p : array or tuple of arrays
        Points (n, d) of equal weight, or (points, weights).
    target : Grid, tuple of arrays or measure
        A density, a grid or a Gaussian mixture in dimension d = 1, 2 or 3; a constant.

    Raises
    ------
    InputError
        On bad arrays.
    UnsupportedError
        In other dimensions; where points coincide; on second derivatives, and forward mode.

    Examples
    --------
    >>> from mixot.jax import Grid
    >>> jax.config.update("jax_enable_x64", True)
    >>> x, grid = jnp.array([[0.25, 0.5], [0.75, 0.5]]), Grid(jnp.ones((2, 2)), ((0, 1), (0, 1)))
    >>> centroids(x, grid).round(9).tolist()
    [[0.25, 0.5], [0.75, 0.5]]
    """
    check_precision()
    points, weights = points_and_weights(p)
    points = as_float(points)
    weights = jnp.full(points.shape[:1], 1 / max(len(points), 1)) if weights is None else as_float(weights)
    found: Any = _cells(cell_function(points, weights, target, optimal=True), points, weights)
    return found[1]


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _cells(function: CellFunction, points: jax.Array, others: jax.Array) -> tuple[jax.Array, jax.Array]:
    shapes = jax.ShapeDtypeStruct(others.shape, points.dtype), jax.ShapeDtypeStruct(points.shape, points.dtype)
    return on_host(function.values, shapes, (points, others), "sequential")


def _cells_forward(function: CellFunction, points: jax.Array, others: jax.Array) -> Any:
    return _cells(function, points, others), (points, others)


def _cells_back(function: CellFunction, kept: Any, outer: Any) -> Any:
    shapes = tuple(jax.ShapeDtypeStruct(array.shape, array.dtype) for array in kept)
    return _cells_slopes(function, shapes, (*kept, *outer))


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _cells_slopes(function: CellFunction, shapes: Any, arrays: Any) -> Any:
    return on_host(lambda *x: function.back(x[:2], x[2:]), shapes, arrays, "sequential")


@_cells_slopes.defjvp
def _cells_second_order(function: CellFunction, shapes: Any, primals: Any, tangents: Any) -> Any:
    raise no_second_derivatives()


_cells.defvjp(_cells_forward, _cells_back)
