"""One pair of dual potentials out of all that are optimal: the balanced one."""

from __future__ import annotations

import numpy as np

from mixot._native import balanced_potentials as balance
from mixot._shapes import Float
from mixot.results import Plan


def balanced_potentials(plan: Plan) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " l"]]:
    """Derivatives (f, g) of the optimal cost in the weights, each up to a constant.

    They are dual potentials. Where the support of the plan falls apart into T > 1 trees (equal weights do that), the
    cost has a kink, and many potentials are optimal, all of them subgradients: tree s may shift by an offset of its
    own, ``f + o_s`` and ``g - o_s``, within ``o_s - o_t <= w_st``, the least slack between a row of s and a column of
    t. With D the shortest paths under w, ``o_s = D_st`` and ``o_s = -D_ts`` are extreme offsets for each t. Returned
    is their mean over all t: whatever path the solver took, it treats all atoms alike, and is zero between a law and
    itself. The paths take ``T^3`` steps.

    An atom of weight zero gets the derivative towards the inside of the simplex.

    Examples
    --------
    >>> from mixot import Exact
    >>> half = np.full(2, 0.5)
    >>> f, g = balanced_potentials(Exact().solve(np.array([[0.0, 9.0], [9.0, 0.0]]), half, half))
    >>> (f - f[0]).tolist(), (g - g[0]).tolist()
    ([0.0, 0.0], [0.0, 0.0])
    """
    f, g = (np.array(potential) for potential in plan.potentials)
    balance(*(np.ascontiguousarray(x) for x in (plan.cost_matrix, plan.coupling)), f, g)
    return f, g
