"""How much component costs differ beyond what separates: the scale that defaults are a share of."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float

_ROUNDS = 5  # each takes a remote component's say down by its own weight
_ROUNDING = 1e-13  # of the largest cost: what is left where costs separate


def typical_interaction(
    cost: Float[np.ndarray, "k l"],
    a: Float[np.ndarray, " k"] | None = None,
    b: Float[np.ndarray, " l"] | None = None,
) -> float:
    """Return the typical size of ``C_kl - r_k - s_l + m``, what remains of costs without their separable part.

    r, s and m are means of rows, of columns and of all. Only this part has a say in which couplings of fixed marginals
    are cheap: of squared distances between points x_k and y_l it is ``-2 (x_k - x) (y_l - y)``, x and y the means, so
    moving one side as a whole leaves it as it is, where the costs themselves may grow without bound.

    Means are weighted by a and b (equal weights where not given), each component the less the larger its own part:
    a single remote component has little say, and one that is split in two has the say of the whole. Zero where costs
    separate, up to rounding.

    Examples
    --------
    >>> cost = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> typical_interaction(cost), typical_interaction(cost + np.array([[50.0], [7.0]]))
    (0.5, 0.5)
    """
    largest = float(np.abs(cost).max())
    if largest == 0:
        return 0.0
    # in powers of two, so that rounding is the same in other units, and sums of the largest costs stay finite
    unit = 2.0 ** np.floor(np.log2(largest))
    scaled = cost / unit
    first, second = (
        np.full(size, 1 / size) if given is None else given / given.sum()
        for given, size in zip((a, b), cost.shape, strict=True)
    )
    mine, theirs, typical = first, second, 0.0
    for turn in range(_ROUNDS):
        rest = np.abs(_centred(scaled, mine, theirs))
        rows, cols = rest @ theirs, mine @ rest
        typical = float(mine @ rows)
        if typical <= _ROUNDING * largest / unit:
            return 0.0
        if turn < _ROUNDS - 1:
            mine, theirs = first / (rows + typical), second / (cols + typical)
            mine, theirs = mine / mine.sum(), theirs / theirs.sum()
    return typical * float(unit)


def _centred(cost: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Costs less their separable part; twice, as the first time loses digits where that part is large."""
    for _ in range(2):
        cost = cost - (cost @ b)[:, None]
        cost = cost - a @ cost
    return cost
