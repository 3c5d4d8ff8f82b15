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

At a singular covariance the gradient is the derivative among covariances of the same rank, which is what a factor ``L``
of ``L L'`` needs, and zero on the complement of the support; second derivatives raise `UnsupportedError` there, with
``eps`` too. A small multiple of the identity makes both what they are elsewhere.

Weights sum to one up to the rounding of their type, which is taken off: n times 1.2e-7 of n weights in float32, 4e-3
in float16 and 3e-2 in bfloat16, as softmax leaves them; what is further off is refused.
"""

from mixot.torch.cell_centers import cells, centroids
from mixot.torch.costs import cost, distance, entropic_cost, sinkhorn_divergence
from mixot.torch.warm import TransportLoss
from mixot.transport.array_groups import GridOf as Grid
from mixot.transport.warm_costs import WarmStarts

__all__ = [
    "Grid",
    "TransportLoss",
    "WarmStarts",
    "cells",
    "centroids",
    "cost",
    "distance",
    "entropic_cost",
    "sinkhorn_divergence",
]
