"""Costs as functions that PyTorch differentiates, maps and transforms."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce
from typing import Any

import torch
from torch import Tensor

from mixot.errors import InputError
from mixot.torch.host import aligned, as_array, as_tensor, contracted, device_of, in_front, is_transformed
from mixot.transport.cost_functions import batch_size, no_second_derivatives
from mixot.transport.entropic_losses import EntropicFunction, no_third_derivatives


def applied(function: Any, arrays: Sequence[Any]) -> Tensor:
    """The function of tensors or arrays, in the type and on the device of the tensors."""
    given = [tensor for array in arrays for tensor in (array if isinstance(array, list) else [array])]
    given = [tensor for tensor in given if isinstance(tensor, Tensor)]
    device = device_of(given)
    tensors = [array if isinstance(array, Tensor) else as_tensor(array, device) for array in arrays]
    if any(tensor.is_complex() for tensor in tensors):
        raise InputError("points, weights and parameters must be real numbers, got complex ones")
    tensors = [tensor if tensor.is_floating_point() else tensor.double() for tensor in tensors]
    size = batch_size(function, tensors)
    if size is not None:
        pairs = zip(tensors, function.ranks, strict=True)
        tensors = [tensor if tensor.ndim > rank else tensor.expand(size, *tensor.shape) for tensor, rank in pairs]
    types = [tensor.dtype for tensor in given if tensor.is_floating_point()] or [torch.float64]
    dtype = reduce(torch.promote_types, types)
    if is_transformed():
        return _Cost.apply(function, dtype, (True,) * len(tensors), *tensors)[0]
    grad = torch.is_grad_enabled()
    return _PlainCost.apply(function, dtype, tuple(grad and tensor.requires_grad for tensor in tensors), *tensors)


class _Cost(torch.autograd.Function):
    """The cost, followed by its gradients in the tensors that want one: outputs, so that transforms see them."""

    @staticmethod
    def forward(function: Any, dtype: torch.dtype, wanted: tuple[bool, ...], *tensors: Tensor) -> tuple[Tensor, ...]:
        arrays = [as_array(tensor) for tensor in tensors]
        if not any(wanted):
            return (torch.as_tensor(function.cost(*arrays), dtype=dtype, device=device_of(tensors)),)
        value, gradients = function.cost_and_gradients(wanted, *arrays)
        slopes = [
            torch.as_tensor(gradient, dtype=tensor.dtype, device=tensor.device)
            for gradient, tensor, want in zip(gradients, tensors, wanted, strict=True)
            if want
        ]
        return torch.as_tensor(value, dtype=dtype, device=device_of(tensors)), *slopes

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.function, ctx.dtype, ctx.wanted, *tensors = inputs
        value, *slopes = output
        ctx.lead = value.ndim
        ctx.mark_non_differentiable(*slopes)
        ctx.save_for_backward(*slopes, *tensors)
        ctx.save_for_forward(*slopes)

    @staticmethod
    def backward(ctx: Any, *outer: Any) -> Any:
        return _backward(ctx, outer[0])

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        moving = [tangent for tangent, want in zip(tangents[3:], ctx.wanted, strict=True) if want]
        pairs = zip(ctx.saved_tensors, moving, strict=True)
        terms = [contracted(slope, tangent, ctx.lead).to(ctx.dtype) for slope, tangent in pairs if tangent is not None]
        return torch.stack(terms).sum(dim=0), *(None for _ in moving)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        batched = in_front(info.batch_size, in_dims[3:], args[3:])
        found = _Cost.apply(*args[:3], *batched)
        return found, (0,) * len(found)


class _PlainCost(torch.autograd.Function):
    """The cost alone, for reverse mode without transforms, whose rules take a third of the time of a small problem."""

    @staticmethod
    def forward(ctx: Any, function: Any, dtype: torch.dtype, wanted: tuple[bool, ...], *tensors: Tensor) -> Any:
        value, *slopes = _Cost.forward(function, dtype, wanted, *tensors)
        ctx.function, ctx.wanted = function, wanted
        ctx.save_for_backward(*slopes, *tensors)
        return value

    @staticmethod
    def backward(ctx: Any, *outer: Any) -> Any:
        return _backward(ctx, outer[0])


def _backward(ctx: Any, outer: Tensor) -> Any:
    # A function of its own only where this may be differentiated again: calling it takes longer than the product.
    pull = partial(_Pull.apply, ctx.function) if torch.is_grad_enabled() else _pulled
    pulled = iter(pull(ctx.wanted, outer, *ctx.saved_tensors))
    return None, None, None, *(next(pulled) if want else None for want in ctx.wanted)


class _Pull(torch.autograd.Function):
    """``outer * slope`` for the tensors that want a gradient: a function of ``outer`` and of all tensors.

    ``outer`` has the axes of the batch, which stand in front in all others; the slopes are those of the tensors.
    """

    @staticmethod
    def forward(function: Any, wanted: tuple[bool, ...], outer: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        return _pulled(wanted, outer, *tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.function, ctx.wanted, outer, *tensors = inputs
        ctx.save_for_backward(outer, *tensors)
        ctx.save_for_forward(outer, *tensors)

    @staticmethod
    def backward(ctx: Any, *outer: Any) -> Any:
        first, *rest = ctx.saved_tensors
        count = sum(ctx.wanted)
        slopes, tensors = rest[:count], rest[count:]
        towards = [aligned(first, slope) * step for slope, step in zip(slopes, outer, strict=True)]
        bent = _bent(ctx.function, ctx.wanted, ctx.needs_input_grad[3 + count :], tensors, towards)
        terms = [contracted(slope, step, first.ndim).to(first.dtype) for slope, step in zip(slopes, outer, strict=True)]
        return None, None, torch.stack(terms).sum(dim=0), *[None] * count, *bent

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        first, *rest = ctx.saved_tensors
        count = sum(ctx.wanted)
        slopes, tensors = rest[:count], rest[count:]
        moved, steps = tangents[2], tangents[3 + count :]
        active = tuple(step is not None for step in steps)
        given = [step for step in steps if step is not None]
        bent = _bent(ctx.function, active, ctx.wanted, tensors, given)
        bent = [step for step, want in zip(bent, ctx.wanted, strict=True) if want]
        out = [(aligned(first, slope) * step).to(slope.dtype) for slope, step in zip(slopes, bent, strict=True)]
        if moved is None:
            return tuple(out)
        return tuple(x + (aligned(moved, slope) * slope).to(x.dtype) for x, slope in zip(out, slopes, strict=True))

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        found = _Pull.apply(*args[:2], *in_front(info.batch_size, in_dims[2:], args[2:]))
        return found, (0,) * len(found)


class _Bend(torch.autograd.Function):
    """The Hessian of an entropic loss times steps of its tensors; zero for those that are not active."""

    @staticmethod
    def forward(function: EntropicFunction, active: tuple[bool, ...], *both: Tensor) -> tuple[Tensor, ...]:
        count = len(active)
        found = function.bend(active, *([as_array(x) for x in part] for part in (both[:count], both[count:])))
        return tuple(torch.as_tensor(x, dtype=y.dtype, device=y.device) for x, y in zip(found, both, strict=False))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None: ...

    @staticmethod
    def backward(ctx: Any, *outer: Any) -> Any:
        raise no_third_derivatives()

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        raise no_third_derivatives()

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        found = _Bend.apply(*args[:2], *in_front(info.batch_size, in_dims[2:], args[2:]))
        return found, (0,) * len(found)


def _bent(
    function: Any,
    moving: Sequence[bool],
    asked: Sequence[bool],
    tensors: Sequence[Tensor],
    steps: Sequence[Tensor],
) -> Sequence[Tensor]:
    """How the gradients in all tensors change along steps of the moving ones, as far as they are asked for."""
    if not isinstance(function, EntropicFunction):
        raise no_second_derivatives()
    left = iter(steps)
    every = [next(left) if move else torch.zeros_like(x) for x, move in zip(tensors, moving, strict=True)]
    active = tuple(move or ask for move, ask in zip(moving, asked, strict=True))
    return _Bend.apply(function, active, *tensors, *every)


def _pulled(wanted: tuple[bool, ...], outer: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
    return tuple((aligned(outer, slope) * slope).to(slope.dtype) for slope in tensors[: sum(wanted)])
