"""Transport distances of tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mixot.solvers.entropic.omt import OMT
from mixot.torch.functions import applied
from mixot.transport.cost_functions import cost_function
from mixot.transport.entropic_losses import entropic_function


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
    return applied(*cost_function(p, q))


def distance(p: Any, q: Any) -> Tensor:
    """Distance of p and q, a scalar or (b,), in the units of the data: the root of `cost`, whose arguments it takes.

    Its gradient is that of the cost over twice the distance, and zero where the distance is zero (a minimum, at which
    zero is a subgradient). In the weights it is zero already where the cost is rounding, 1e-15 of the largest cost of
    two atoms: the root has a kink there, and its slope would be noise.

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
        On other pairs, for ``cost="kl"``, on second derivatives at singular covariances (with ``eps`` too; a small
        multiple of the identity helps), or in the weights of a coupling that falls apart.
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
    return applied(*entropic_function(p, q, solver, debiased=False))


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
    return applied(*entropic_function(p, q, solver, debiased=True))
