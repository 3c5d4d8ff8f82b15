"""Squared W2 on the line, ``E (X - Y)^2``, from the two norms and the angle between X and Y."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError

_LOG_LARGEST = 709.0  # logarithm of the largest number that floating point holds


def cost_of_norms(
    p: Float[np.ndarray, " k"],
    q: Float[np.ndarray, " l"],
    apart: Float[np.ndarray, "k l"],
    angle: Float[np.ndarray, "k l"],
) -> Float[np.ndarray, "k l"]:
    """``E (X - Y)^2 = (|X| - |Y|)^2 + 2 |X| |Y| (1 - cos)`` with ``|X|^2 = E X^2``, all given as logarithms.

    Both parts are positive, so nothing cancels where laws are nearly equal.

    Parameters
    ----------
    p : (k,)
        ``log |X|``.
    q : (l,)
        ``log |Y|``.
    apart : (k, l)
        ``log |X| - log |Y|``, as exact as the caller can say it.
    angle : (k, l)
        ``log(|X| |Y| / E X Y)``, not negative.

    Raises
    ------
    InputError
        Where a second moment exceeds what floating point holds.
    """
    for name, norms in (("p", p), ("q", q)):
        bad = np.flatnonzero(~(2 * norms < _LOG_LARGEST))
        if len(bad):
            raise InputError(
                f"W2 needs second moments, and that of component {bad[0]} of {name} is exp({2 * norms[bad[0]]:.4g}), "
                "more than floating point holds; take the logarithm of the data, or another unit"
            )
    far = -np.abs(apart)
    return np.exp(2 * np.maximum(p[:, None], q)) * (np.expm1(far) ** 2 - 2 * np.exp(far) * np.expm1(-angle))
