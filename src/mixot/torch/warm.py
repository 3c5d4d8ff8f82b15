"""A transport loss that starts from its last solution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mixot.errors import InputError
from mixot.torch.functions import applied
from mixot.torch.host import constant
from mixot.transport.warm_costs import WarmCost, WarmStarts, WarmState, fixed_measure


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
    >>> from mixot.torch import Grid
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
        self._target, self._tol = fixed_measure(constant(target)), tol
        self._memory = _Memory()

    def forward(self, p: Any) -> Tensor:
        """`cost` of p and the target, a scalar."""
        function, arrays = WarmCost.of(p, self._target, self._tol)
        return applied(_Remembering(function, self._memory), arrays)

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
