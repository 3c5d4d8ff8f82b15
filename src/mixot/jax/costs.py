"""Transport distances of arrays."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from mixot.jax.functions import applied
from mixot.jax.host import check_precision
from mixot.solvers.entropic.omt import OMT
from mixot.transport.cost_functions import cost_function
from mixot.transport.entropic_losses import entropic_function


def cost(p: Any, q: Any) -> jax.Array:
    """Squared distance of p and q, a scalar, or (b,) for a batch: what one differentiates.

    Parameters
    ----------
    p, q : arrays or tuples of arrays
        See the table of this module.

    Raises
    ------
    UnsupportedError
        Where JAX rounds to float32 (``jax_enable_x64`` is off); on a pair that no solver here joins; on second
        derivatives.
    InputError
        On bad arrays. Under ``jit`` JAX passes it on inside an error of its own.

    Examples
    --------
    >>> jax.config.update("jax_enable_x64", True)
    >>> one = jnp.ones(1)
    >>> target = (one, 3 * one[:, None], 4 * one[:, None, None])
    >>> loss = lambda means: cost((one, means, one[:, None, None]), target)
    >>> value, slope = jax.value_and_grad(loss)(jnp.zeros((1, 1)))
    >>> float(value), float(slope[0, 0])
    (10.0, -6.0)
    """
    check_precision()
    return applied(*cost_function(p, q))


def distance(p: Any, q: Any) -> jax.Array:
    """Distance of p and q, a scalar or (b,), in the units of the data: the root of `cost`, whose arguments it takes.

    Its gradient is that of the cost over twice the distance, and zero where the distance is zero (a minimum, at which
    zero is a subgradient). In the weights it is zero already where the cost is rounding, 1e-15 of the largest cost of
    two atoms: the root has a kink there, and its slope would be noise.

    Examples
    --------
    >>> jax.config.update("jax_enable_x64", True)
    >>> float(distance(jnp.array([[0.0], [1.0]]), jnp.array([[3.0], [2.0]])))
    2.0
    """
    squared = cost(p, q)
    apart = squared > 0
    return jnp.where(apart, jnp.sqrt(jnp.where(apart, squared, 1.0)), 0.0)


def entropic_cost(p: Any, q: Any, *, solver: OMT) -> jax.Array:
    """What `OMT` minimises between p and q, ``min <C, w> + lam KL(w | a b')``, a scalar or one for each of a batch.

    C is the squared W2 between components, or between points; with ``eps`` entropic, with ``rho`` the marginals may be
    missed at a price. First derivatives are exact, and so are second ones, through the equations that the potentials
    solve (implicit function theorem); third ones raise `UnsupportedError`.

    Parameters
    ----------
    p, q : arrays or tuples of arrays
        Two mixtures, or two clouds of points; see the table of this module.
    solver : OMT
        With a positive number for ``lam``.

    Raises
    ------
    InputError
        On bad arrays, and where lam is left to the costs, with which it would change.
    UnsupportedError
        On other pairs, for ``cost="kl"``, on second derivatives at singular covariances (with ``eps`` too; a small
        multiple of the identity helps), or in the weights of a coupling that falls apart.
    SolveError
        Where a coupling does not converge.

    Examples
    --------
    >>> from mixot import OMT
    >>> jax.config.update("jax_enable_x64", True)
    >>> x = jnp.array([[0.0], [1.0]])
    >>> loss = lambda x: entropic_cost(x, jnp.array([[3.0], [4.0]]), solver=OMT(lam=0.1))
    >>> slope, hessian = jax.grad(loss)(x), jax.hessian(loss)(x)
    >>> round(float(slope.sum()), 9), round(float(hessian.sum()), 9)  # 2 sum_i w_i (x_i - y_i), 2 sum_i w_i
    (-6.0, 2.0)
    """
    check_precision()
    return applied(*entropic_function(p, q, solver, debiased=False))


def sinkhorn_divergence(p: Any, q: Any, *, solver: OMT) -> jax.Array:
    """The debiased entropic loss, ``L(p, q) - L(p, p) / 2 - L(q, q) / 2`` with L the `entropic_cost`.

    It is zero where p = q, which `entropic_cost` is not. Arguments, derivatives and errors are those of `entropic_cost`
    (Feydy et al. 2019; Séjourné et al. 2019 where marginals are relaxed: both have mass one here).

    Examples
    --------
    >>> from mixot import OMT
    >>> jax.config.update("jax_enable_x64", True)
    >>> x = jnp.array([[0.0], [1.0]])
    >>> round(float(sinkhorn_divergence(x, x + 3, solver=OMT(lam=0.1))), 12)
    9.0
    """
    check_precision()
    return applied(*entropic_function(p, q, solver, debiased=True))
