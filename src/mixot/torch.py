"""Transport distances as PyTorch functions: autograd, `torch.func.grad`, `torch.vmap`.

The arguments are tensors, or tuples of tensors, of any float type and on any device:

==================================  ====================================================
argument                            measure
==================================  ====================================================
tensor (n, d)                       points of equal weight
``(points, weights)``               weighted points
``(weights, means, covs)``          a Gaussian mixture
``Grid(values, bounds, degree)``    a density on pixels or voxels, the `Grid` of this module; bounds may be a tensor
`Samples`, `Grid`, `Mixture`        of mixot itself, as constants (a Gaussian mixture)
==================================  ====================================================

Two mixtures are compared by MW2; two clouds of points, and points and a density, by W2. The work is done on the CPU, in
float64, by the compiled core; the distance and the gradients have the type and the device of the tensors that came.
Gradients come in closed form, from the optimal coupling and its dual potentials, with the value:
`mixot.transport.gradients` says what they are.

A batch has one axis in front: points ``(b, n, d)`` with weights ``(b, n)``; weights ``(b, k)``, means ``(b, k, d)``,
covs ``(b, k, d, d)``. The result is then ``(b,)``. All pairs are solved in one call of the compiled core, in threads;
``vmap`` leads to the same call. Only points against a density are solved one by one. The rank of the points, or
of the means, says whether there is a batch, and the other tensors are read by it: next to means ``(k, d)``, covs
``(k, d)`` are the diagonals of diagonal covariances and ``(k,)`` the variances of spherical ones; next to means
``(b, k, d)`` these are ``(b, k, d)`` and ``(b, k)``. Weights ``(k,)`` are shared by a batch, and so is a side without
its axis.

Where the distance is zero, both `cost` and `distance` have the gradient zero. Where several couplings or potentials
are optimal the function has a kink, and the gradient is a subgradient. Second derivatives raise `UnsupportedError`;
`entropic_cost` and `sinkhorn_divergence`, the losses of `OMT`, have them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mixot.errors import InputError
from mixot.solvers.entropic.omt import OMT
from mixot.transport.array_groups import GridOf as Grid
from mixot.transport.cost_functions import batch_size, cost_function, no_second_derivatives
from mixot.transport.entropic_losses import EntropicFunction, entropic_function, no_third_derivatives
from mixot.transport.warm_costs import WarmCost, WarmStarts, WarmState, fixed_measure

__all__ = ["Grid", "TransportLoss", "WarmStarts", "cost", "distance", "entropic_cost", "sinkhorn_divergence"]


def cost(p: Any, q: Any) -> Tensor:
    """Squared distance of p and q, a scalar, or (b,) for a batch: what one differentiates.

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
    return _applied(*cost_function(p, q))


def distance(p: Any, q: Any) -> Tensor:
    """Distance of p and q, a scalar or (b,), in the units of the data: the root of `cost`, whose arguments it takes.

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


def entropic_cost(p: Any, q: Any, *, solver: OMT) -> Tensor:
    """What `OMT` minimises between p and q, ``min <C, w> + lam KL(w | a b')``, a scalar or one for each of a batch.

    C is the squared W2 between components, or between points; with ``eps`` entropic, with ``rho`` the marginals may be
    missed at a price. First derivatives are exact, and so are second ones, through the equations that the potentials
    solve (implicit function theorem); third ones raise `UnsupportedError`.

    Parameters
    ----------
    p, q : tensors or tuples of tensors
        Two mixtures, or two clouds of points; see the table of this module.
    solver : OMT
        With a positive number for ``lam``.

    Raises
    ------
    InputError
        On bad tensors, and where lam is left to the costs, with which it would change.
    UnsupportedError
        On other pairs, for ``cost="kl"``, on second derivatives at singular covariances, or in the weights of a
        coupling that falls apart.
    SolveError
        Where a coupling does not converge.

    Examples
    --------
    >>> from mixot import OMT
    >>> x = torch.tensor([[0.0], [1.0]], dtype=torch.float64, requires_grad=True)
    >>> value = entropic_cost(x, x.detach() + 3, solver=OMT(lam=0.1))
    >>> slope = torch.autograd.grad(value, x, create_graph=True)[0]
    >>> bent = torch.autograd.grad(slope.sum(), x)[0]
    >>> round(slope.sum().item(), 9), round(bent.sum().item(), 9)  # 2 sum_i w_i (x_i - y_i), 2 sum_i w_i
    (-6.0, 2.0)
    """
    return _applied(*entropic_function(p, q, solver, debiased=False))


def sinkhorn_divergence(p: Any, q: Any, *, solver: OMT) -> Tensor:
    """The debiased entropic loss, ``L(p, q) - L(p, p) / 2 - L(q, q) / 2`` with L the `entropic_cost`.

    It is zero where p = q, which `entropic_cost` is not. Arguments, derivatives and errors are those of `entropic_cost`
    (Feydy et al. 2019; Séjourné et al. 2019 where marginals are relaxed: both have mass one here).

    Examples
    --------
    >>> from mixot import OMT
    >>> x = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    >>> round(sinkhorn_divergence(x, x + 3, solver=OMT(lam=0.1)).item(), 12)
    9.0
    """
    return _applied(*entropic_function(p, q, solver, debiased=True))


class TransportLoss(torch.nn.Module):
    """The squared W2 to a fixed measure, for loops: each call sets out from the solution of the call before it.

    One of both is points, the other a density: a grid or a Gaussian mixture, in dimension one to three. Called with p,
    it returns `cost` of p and the target, with the same gradients; only the way there is shorter, where points have
    moved as little as in a descent. Potentials are corrected for the way that points have gone; where they lead nowhere
    all is solved from coarse to fine, so that no answer depends on what was called before but within ``tol``.

    It is a module without parameters; the target's values do not move with it, as the work is done on the CPU.

    Parameters
    ----------
    target : tensor, tuple of tensors or measure
        See the table of this module; a constant.
    tol : float
        Error of the masses of cells, of a total of one: gradients feel it to first order, values to second.

    Attributes
    ----------
    summary : WarmStarts
        How often a call started warm, and why others did not: ``.calls .warm .cold .first .far .lost``.

    Raises
    ------
    InputError
        On a batch, and where the measures do not fit.
    UnsupportedError
        When called with p that is no counterpart of the target: there must be points against a density.

    Examples
    --------
    >>> loss = TransportLoss(Grid(torch.ones(8, 8), ((0, 1), (0, 1))))
    >>> x = torch.tensor([[0.2, 0.3], [0.6, 0.8], [0.7, 0.2]], dtype=torch.float64, requires_grad=True)
    >>> for _ in range(5):
    ...     value = loss(x)
    ...     (slope,) = torch.autograd.grad(value, x)
    ...     x = (x - slope).requires_grad_()
    >>> print(loss.summary)
    5 calls: 4 started warm, 1 cold (1 without a start, 0 too far from it, 0 in vain)
    """

    def __init__(self, target: Any, *, tol: float = 1e-9) -> None:
        super().__init__()
        self._target, self._tol = fixed_measure(_constant(target)), tol
        self._memory = _Memory()

    def forward(self, p: Any) -> Tensor:
        """`cost` of p and the target, a scalar."""
        function, arrays = WarmCost.of(p, self._target, self._tol)
        return _applied(_Remembering(function, self._memory), arrays)

    def reset(self) -> None:
        """Forget the last solution, and the counts."""
        self._memory.state = None

    @property
    def summary(self) -> WarmStarts:
        """How often a call started warm."""
        state = self._memory.state
        return WarmStarts(0, 0, 0, 0) if state is None else state.summary


@dataclass
class _Memory:
    """What the last call left."""

    state: WarmState | None = None


@dataclass(frozen=True, eq=False)
class _Remembering:
    """A `WarmCost` that sets out from where it ended."""

    warm: WarmCost
    memory: _Memory

    @property
    def ranks(self) -> tuple[int, ...]:
        return self.warm.ranks

    def cost(self, *arrays: np.ndarray) -> float:
        return self._solved(arrays).cost

    def cost_and_gradients(self, wanted: tuple[bool, ...], *arrays: np.ndarray) -> tuple[float, list[np.ndarray]]:
        plan = self._solved(arrays)
        return plan.cost, self.warm.gradients(wanted, arrays, plan)

    def _solved(self, arrays: Sequence[np.ndarray]) -> Any:
        if any(array.ndim != rank for array, rank in zip(arrays, self.ranks, strict=True)):
            raise InputError("a TransportLoss takes one measure, not a batch, nor vmap: make a loss for each of them")
        size = self.warm.size(arrays)
        state = self.memory.state
        if state is None or state.points.shape != size:
            fresh = WarmState.empty(*size)
            state = fresh if state is None else fresh._replace(counts=state.counts)
        plan, self.memory.state = self.warm.solve(arrays, state)
        return plan


def _constant(target: Any) -> Any:
    """A measure's arrays without the graph that made them."""
    if isinstance(target, tuple):
        return tuple(_constant(part) for part in target)
    if isinstance(target, Grid):
        return Grid(_constant(target.values), _constant(target.bounds), target.degree)
    return _as_array(target) if isinstance(target, Tensor) else target


def _applied(function: Any, arrays: Sequence[Any]) -> Tensor:
    """The function of tensors or arrays, in the type and on the device of the tensors."""
    given = [tensor for array in arrays for tensor in (array if isinstance(array, list) else [array])]
    given = [tensor for tensor in given if isinstance(tensor, Tensor)]
    device = _device(given)
    tensors = [array if isinstance(array, Tensor) else _tensor(array, device) for array in arrays]
    if any(tensor.is_complex() for tensor in tensors):
        raise InputError("points, weights and parameters must be real numbers, got complex ones")
    tensors = [tensor if tensor.is_floating_point() else tensor.double() for tensor in tensors]
    size = batch_size(function, tensors)
    if size is not None:
        pairs = zip(tensors, function.ranks, strict=True)
        tensors = [tensor if tensor.ndim > rank else tensor.expand(size, *tensor.shape) for tensor, rank in pairs]
    types = [tensor.dtype for tensor in given if tensor.is_floating_point()] or [torch.float64]
    dtype = reduce(torch.promote_types, types)
    if _transformed():
        return _Cost.apply(function, dtype, (True,) * len(tensors), *tensors)[0]
    grad = torch.is_grad_enabled()
    return _PlainCost.apply(function, dtype, tuple(grad and tensor.requires_grad for tensor in tensors), *tensors)


def _tensor(array: Any, device: Any) -> Tensor:
    try:
        if isinstance(array, list) and array and all(isinstance(item, Tensor) for item in array):
            return torch.stack(array).to(device)
        return torch.as_tensor(array, device=device)
    except (TypeError, ValueError, RuntimeError) as wrong:
        raise InputError(f"expected tensors or arrays of numbers, got {type(array).__name__}") from wrong


def _transformed() -> bool:
    """Whether this runs under a transform of `torch.func`, or in forward mode: tensors do not tell their needs."""
    return torch._C._are_functorch_transforms_active() or torch.autograd.forward_ad._current_level >= 0


class _Cost(torch.autograd.Function):
    """The cost, followed by its gradients in the tensors that want one: outputs, so that transforms see them."""

    @staticmethod
    def forward(function: Any, dtype: torch.dtype, wanted: tuple[bool, ...], *tensors: Tensor) -> tuple[Tensor, ...]:
        arrays = [_as_array(tensor) for tensor in tensors]
        if not any(wanted):
            return (torch.as_tensor(function.cost(*arrays), dtype=dtype, device=_device(tensors)),)
        value, gradients = function.cost_and_gradients(wanted, *arrays)
        slopes = [
            torch.as_tensor(gradient, dtype=tensor.dtype, device=tensor.device)
            for gradient, tensor, want in zip(gradients, tensors, wanted, strict=True)
            if want
        ]
        return torch.as_tensor(value, dtype=dtype, device=_device(tensors)), *slopes

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
        terms = [_contracted(slope, tangent, ctx.lead).to(ctx.dtype) for slope, tangent in pairs if tangent is not None]
        return torch.stack(terms).sum(dim=0), *(None for _ in moving)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        batched = _batched(info.batch_size, in_dims[3:], args[3:])
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
        towards = [_aligned(first, slope) * step for slope, step in zip(slopes, outer, strict=True)]
        bent = _bent(ctx.function, ctx.wanted, ctx.needs_input_grad[3 + count :], tensors, towards)
        terms = [
            _contracted(slope, step, first.ndim).to(first.dtype) for slope, step in zip(slopes, outer, strict=True)
        ]
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
        out = [(_aligned(first, slope) * step).to(slope.dtype) for slope, step in zip(slopes, bent, strict=True)]
        if moved is None:
            return tuple(out)
        return tuple(x + (_aligned(moved, slope) * slope).to(x.dtype) for x, slope in zip(out, slopes, strict=True))

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        found = _Pull.apply(*args[:2], *_batched(info.batch_size, in_dims[2:], args[2:]))
        return found, (0,) * len(found)


class _Bend(torch.autograd.Function):
    """The Hessian of an entropic loss times steps of its tensors; zero for those that are not active."""

    @staticmethod
    def forward(function: EntropicFunction, active: tuple[bool, ...], *both: Tensor) -> tuple[Tensor, ...]:
        count = len(active)
        found = function.bend(active, *([_as_array(x) for x in part] for part in (both[:count], both[count:])))
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
        found = _Bend.apply(*args[:2], *_batched(info.batch_size, in_dims[2:], args[2:]))
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
    return tuple((_aligned(outer, slope) * slope).to(slope.dtype) for slope in tensors[: sum(wanted)])


def _aligned(outer: Tensor, slope: Tensor) -> Tensor:
    """With an axis of one for each axis of the slope that is not the batch's."""
    if outer.ndim == 0:
        return outer
    return outer.reshape(*outer.shape, *[1] * (slope.ndim - outer.ndim))


def _contracted(slope: Tensor, tangent: Tensor, lead: int) -> Tensor:
    """Sum of products over all axes but the first ``lead``, those of the batch."""
    product = slope * tangent
    return product.sum(dim=tuple(range(lead, product.ndim))) if product.ndim > lead else product  # () would be all axes


def _batched(size: int, dims: Sequence[int | None], tensors: Sequence[Tensor]) -> list[Tensor]:
    """With the axis of `torch.vmap` in front, also of what all share."""
    both = zip(tensors, dims, strict=True)
    return [tensor.expand(size, *tensor.shape) if dim is None else tensor.movedim(dim, 0) for tensor, dim in both]


def _device(tensors: Sequence[Tensor]) -> torch.device:
    return next((tensor.device for tensor in tensors if tensor.device.type != "cpu"), torch.device("cpu"))


def _as_array(tensor: Tensor) -> np.ndarray:
    """In NumPy and of its own type, whose rounding is forgiven; what NumPy does not know becomes float32."""
    host = tensor.detach().cpu()
    return (host if host.dtype in (torch.float32, torch.float64) else host.float()).numpy()
