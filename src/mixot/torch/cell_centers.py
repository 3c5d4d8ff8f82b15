"""Masses and centers of cells, differentiable."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from mixot.torch.host import as_array, as_like, as_tensor, constant, one_by_one
from mixot.transport.cell_functions import CellFunction, cell_function, points_and_weights
from mixot.transport.cost_functions import no_second_derivatives


def cells(points: Tensor, potentials: Tensor, target: Any) -> tuple[Tensor, Tensor]:
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
    target : Grid, tuple of tensors or measure
        A density, a grid or a Gaussian mixture in dimension d = 1, 2 or 3; a constant.

    Raises
    ------
    InputError
        On other shapes, NaN or infinity.
    UnsupportedError
        In other dimensions; on second derivatives.

    Examples
    --------
    >>> from mixot.torch import Grid
    >>> x = torch.tensor([[0.25, 0.5], [0.75, 0.5]], dtype=torch.float64)
    >>> w = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    >>> masses, centers = cells(x, w, Grid(torch.ones(2, 2), ((0, 1), (0, 1))))
    >>> [round(slope, 9) for slope in torch.autograd.grad(masses[0], w)[0].tolist()]
    [1.0, -1.0]
    """
    function = cell_function(points, potentials, constant(target), optimal=False)
    masses, centers = _Cells.apply(function, points, potentials)
    return masses, centers


def centroids(p: Any, target: Any) -> Tensor:
    """Centers (n, d) of the cells of the optimal plan from weighted points to a fixed density.

    The plan's potentials follow points and weights so that each cell keeps its mass: the derivatives come from the
    equations that say so (implicit function theorem), by one sparse linear system. Those in weights have mean zero.
    Moving points to these centers is Lloyd's step for cells of given masses.

    Parameters
    ----------
    p : tensor or tuple of tensors
        Points (n, d) of equal weight, or (points, weights).
    target : Grid, tuple of tensors or measure
        A density, a grid or a Gaussian mixture in dimension d = 1, 2 or 3; a constant.

    Raises
    ------
    InputError
        On bad tensors.
    UnsupportedError
        In other dimensions; where points coincide; on second derivatives.

    Examples
    --------
    >>> from mixot.torch import Grid
    >>> x = torch.tensor([[0.25, 0.5], [0.75, 0.5]], dtype=torch.float64, requires_grad=True)
    >>> centers = centroids(x, Grid(torch.ones(2, 2), ((0, 1), (0, 1))))
    >>> slope = torch.autograd.grad(centers[0, 0], x)[0]
    >>> [round(value, 9) for value in slope[:, 1].tolist()]  # moving the left point up tilts the border, to no avail
    [0.0, 0.0]
    """
    points, weights = points_and_weights(p)
    points = points if isinstance(points, Tensor) else as_tensor(points, None)
    if weights is None:
        weights = torch.full(points.shape[:1], 1 / max(len(points), 1), dtype=torch.float64, device=points.device)
    weights = weights if isinstance(weights, Tensor) else as_tensor(weights, points.device)
    function = cell_function(points, weights, constant(target), optimal=True)
    return _Cells.apply(function, points, weights)[1]


class _Cells(torch.autograd.Function):
    """Masses and centers of cells."""

    @staticmethod
    def forward(function: CellFunction, points: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
        masses, centers = function.values(as_array(points), as_array(others))
        return as_like(masses, points), as_like(centers, points)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.function, *tensors = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx: Any, *outer: Any) -> Any:
        return None, *_CellsLinear.apply(ctx.function, "back", *ctx.saved_tensors, *outer)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        tensors = ctx.saved_tensors
        steps = [torch.zeros_like(x) if t is None else t for x, t in zip(tensors, tangents[1:], strict=True)]
        return _CellsLinear.apply(ctx.function, "along", *tensors, *steps)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        return one_by_one(partial(_Cells.apply, args[0]), info.batch_size, in_dims[1:], args[1:])


class _CellsLinear(torch.autograd.Function):
    """Gradients in points and potentials or weights ("back"), or changes of masses and centers ("along")."""

    @staticmethod
    def forward(function: CellFunction, way: str, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        arrays = [as_array(tensor) for tensor in tensors]
        first, second = getattr(function, way)(arrays[:2], arrays[2:])
        return as_like(first, tensors[0]), as_like(second, tensors[1])

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None: ...

    @staticmethod
    def backward(ctx: Any, *outer: Any) -> Any:
        raise no_second_derivatives()

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        raise no_second_derivatives()

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        return one_by_one(partial(_CellsLinear.apply, *args[:2]), info.batch_size, in_dims[2:], args[2:])
