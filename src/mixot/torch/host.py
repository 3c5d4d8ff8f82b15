"""Tensors on their way to the compiled core and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mixot.errors import InputError
from mixot.transport.array_groups import GridOf as Grid


def constant(target: Any) -> Any:
    """A measure's arrays without the graph that made them."""
    if isinstance(target, tuple):
        return tuple(constant(part) for part in target)
    if isinstance(target, Grid):
        return Grid(constant(target.values), constant(target.bounds), target.degree)
    if not isinstance(target, Tensor):
        return target
    with torch._C._DisableFuncTorch():  # no transform follows a constant
        return as_array(target)


def one_by_one(function: Any, size: int, dims: Sequence[int | None], tensors: Sequence[Tensor]) -> Any:
    """What `torch.vmap` asks for, by a loop."""
    batches = in_front(size, dims, tensors)
    stacked = tuple(
        torch.stack(each) for each in zip(*(function(*one) for one in zip(*batches, strict=True)), strict=True)
    )
    return stacked, (0,) * len(stacked)


def as_like(array: np.ndarray, tensor: Tensor) -> Tensor:
    """A tensor of its own, of the type and on the device of another."""
    return torch.tensor(array, dtype=tensor.dtype, device=tensor.device)


def as_tensor(array: Any, device: Any) -> Tensor:
    """The tensor of an array, or of a list of arrays or tensors of one shape; `InputError` on what is none."""
    try:
        if isinstance(array, list) and array and all(isinstance(item, Tensor) for item in array):
            return torch.stack(array).to(device)
        return torch.as_tensor(array, device=device)
    except (TypeError, ValueError, RuntimeError) as wrong:
        raise InputError(f"expected tensors or arrays of numbers, got {type(array).__name__}") from wrong


def is_transformed() -> bool:
    """Whether this runs under a transform of `torch.func`, or in forward mode: tensors do not tell their needs."""
    return torch._C._are_functorch_transforms_active() or torch.autograd.forward_ad._current_level >= 0


def aligned(outer: Tensor, slope: Tensor) -> Tensor:
    """With an axis of one for each axis of the slope that is not the batch's."""
    if outer.ndim == 0:
        return outer
    return outer.reshape(*outer.shape, *[1] * (slope.ndim - outer.ndim))


def contracted(slope: Tensor, tangent: Tensor, lead: int) -> Tensor:
    """Sum of products over all axes but the first ``lead``, those of the batch."""
    product = slope * tangent
    return product.sum(dim=tuple(range(lead, product.ndim))) if product.ndim > lead else product  # () would be all axes


def in_front(size: int, dims: Sequence[int | None], tensors: Sequence[Tensor]) -> list[Tensor]:
    """With the axis of `torch.vmap` in front, also of what all share."""
    both = zip(tensors, dims, strict=True)
    return [tensor.expand(size, *tensor.shape) if dim is None else tensor.movedim(dim, 0) for tensor, dim in both]


def device_of(tensors: Sequence[Tensor]) -> torch.device:
    """Where results belong: the first device that is not the CPU, if there is one."""
    return next((tensor.device for tensor in tensors if tensor.device.type != "cpu"), torch.device("cpu"))


def as_array(tensor: Tensor) -> np.ndarray:
    """In NumPy and of its own type, whose rounding is forgiven; what NumPy does not know becomes float32."""
    host = tensor.detach().cpu()
    return (host if host.dtype in (torch.float32, torch.float64) else host.float()).numpy()
