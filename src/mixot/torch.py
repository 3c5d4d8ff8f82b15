"""Transport distances as PyTorch functions: autograd, `torch.func.grad`, `torch.vmap`.

The arguments are tensors, or tuples of tensors, of any float type and on any device:

==================================  ====================================================
argument                            measure
==================================  ====================================================
tensor (n, d)                       points of equal weight
``(points, weights)``               weighted points
``(weights, means, covs)``          a Gaussian mixture
``Grid(values, bounds, degree)``    a density on pixels or voxels, the `Grid` of this module
`Samples`, `Grid`, `Mixture`        of mixot itself, as constants (a Gaussian mixture)
==================================  ====================================================

Two mixtures are compared by MW2; two clouds of points, and points and a density, by W2. The work is done on the CPU, in
float64, by the compiled core; the distance and the gradients have the type and the device of the tensors that came.
Gradients come in closed form, from the optimal coupling and its dual potentials, with the value:
`mixot.transport.gradients` says what they are.

Where the distance is zero, both `cost` and `distance` have the gradient zero. Where several couplings or potentials
are optimal the function has a kink, and the gradient is a subgradient. Second derivatives raise `UnsupportedError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mixot.errors import InputError
from mixot.transport.array_groups import CostFunction, no_second_derivatives, read
from mixot.transport.array_groups import GridOf as Grid

__all__ = ["Grid", "cost", "distance"]


def cost(p: Any, q: Any) -> Tensor:
    """Squared distance of p and q, a scalar: what one differentiates.

    Parameters
    ----------
    p, q : tensors or tuples of tensors
        See the table of this module.

    Raises
    ------
    UnsupportedError
        On a pair that no solver here joins; on second derivatives.
    InputError
        On bad tensors.

    Examples
    --------
    >>> means = torch.zeros(1, 1, dtype=torch.float64, requires_grad=True)
    >>> one = torch.ones(1, dtype=torch.float64)
    >>> value = cost((one, means, one[:, None, None]), (one, means.detach() + 3, 4 * one[:, None, None]))
    >>> value.backward()
    >>> value.item(), means.grad.item()
    (10.0, -6.0)
    """
    function, arrays = read(p, q)
    given = [array for array in arrays if isinstance(array, Tensor)]
    device = _device(given)
    tensors = [array if isinstance(array, Tensor) else _tensor(array, device) for array in arrays]
    if any(tensor.is_complex() for tensor in tensors):
        raise InputError("points, weights and parameters must be real numbers, got complex ones")
    tensors = [tensor if tensor.is_floating_point() else tensor.double() for tensor in tensors]
    types = [tensor.dtype for tensor in given if tensor.is_floating_point()] or [torch.float64]
    return _Cost.apply(function, reduce(torch.promote_types, types), _wanted(tensors), *tensors)[0]


def distance(p: Any, q: Any) -> Tensor:
    """Distance of p and q, a scalar in the units of the data: the root of `cost`, whose arguments it takes.

    Its gradient is that of the cost over twice the distance, and zero where the distance is zero (a minimum, at which
    zero is a subgradient).

    Examples
    --------
    >>> distance(torch.tensor([[0.0], [1.0]]), torch.tensor([[3.0], [2.0]])).item()
    2.0
    """
    squared = cost(p, q)
    apart = squared > 0
    return torch.where(apart, torch.where(apart, squared, 1.0).sqrt(), 0.0)


def _tensor(array: Any, device: Any) -> Tensor:
    try:
        return torch.as_tensor(array, device=device)
    except (TypeError, ValueError, RuntimeError) as wrong:
        raise InputError(f"expected tensors or arrays of numbers, got {type(array).__name__}") from wrong


def _wanted(tensors: Sequence[Tensor]) -> tuple[bool, ...]:
    """Which tensors may need a gradient; under a transform of `torch.func`, or in forward mode, they do not tell."""
    if torch._C._are_functorch_transforms_active() or torch.autograd.forward_ad._current_level >= 0:
        return (True,) * len(tensors)
    return tuple(torch.is_grad_enabled() and tensor.requires_grad for tensor in tensors)


class _Cost(torch.autograd.Function):
    """The cost, followed by its gradients in the tensors that want one: outputs, so that transforms see them."""

    @staticmethod
    def forward(
        function: CostFunction, dtype: torch.dtype, wanted: tuple[bool, ...], *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        arrays = [_as_array(tensor) for tensor in tensors]
        if not any(wanted):
            return (torch.tensor(function.cost(*arrays), dtype=dtype, device=_device(tensors)),)
        value, gradients = function.cost_and_gradients(wanted, *arrays)
        slopes = [
            torch.as_tensor(gradient, dtype=tensor.dtype, device=tensor.device)
            for gradient, tensor, want in zip(gradients, tensors, wanted, strict=True)
            if want
        ]
        return torch.tensor(value, dtype=dtype, device=_device(tensors)), *slopes

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        _, ctx.dtype, ctx.wanted, *tensors = inputs
        _, *slopes = output
        ctx.mark_non_differentiable(*slopes)
        ctx.save_for_backward(*slopes, *tensors)
        ctx.save_for_forward(*slopes)

    @staticmethod
    def backward(ctx: Any, *outer: Any) -> Any:
        pulled = iter(_Pull.apply(sum(ctx.wanted), outer[0], *ctx.saved_tensors))
        return None, None, None, *(next(pulled) if want else None for want in ctx.wanted)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        moving = [tangent for tangent, want in zip(tangents[3:], ctx.wanted, strict=True) if want]
        pairs = zip(ctx.saved_tensors, moving, strict=True)
        terms = [(slope * tangent).sum().to(ctx.dtype) for slope, tangent in pairs if tangent is not None]
        return torch.stack(terms).sum(), *(None for _ in moving)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        return _one_by_one(partial(_Cost.apply, *args[:3]), info.batch_size, in_dims[3:], args[3:])


class _Pull(torch.autograd.Function):
    """``outer * slope`` for the first ``count`` tensors; the others are there to be told that this is the end."""

    @staticmethod
    def forward(count: int, outer: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        return tuple((outer * slope).to(slope.dtype) for slope in tensors[:count])

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
        return _one_by_one(partial(_Pull.apply, args[0]), info.batch_size, in_dims[1:], args[1:])


def _one_by_one(function: Any, size: int, dims: Sequence[int | None], tensors: Sequence[Tensor]) -> Any:
    """What `torch.vmap` asks for, by a loop: every problem takes its own path in the solver."""
    batches = [[t] * size if dim is None else t.unbind(dim) for t, dim in zip(tensors, dims, strict=True)]
    results = [function(*each) for each in zip(*batches, strict=True)]
    stacked = tuple(torch.stack(each) for each in zip(*results, strict=True))
    return stacked, (0,) * len(stacked)


def _device(tensors: Sequence[Tensor]) -> torch.device:
    return next((tensor.device for tensor in tensors if tensor.device.type != "cpu"), torch.device("cpu"))


def _as_array(tensor: Tensor) -> np.ndarray:
    """In NumPy and of its own type, whose rounding is forgiven; what NumPy does not know becomes float32."""
    host = tensor.detach().cpu()
    return (host if host.dtype in (torch.float32, torch.float64) else host.float()).numpy()
