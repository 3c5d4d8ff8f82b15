"""What a Gaussian law expects of rows that are seen in part or with noise: their conditional means and covariances."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mixot._shapes import Float
from mixot.fitting.likelihood.incomplete.groups import Groups

_NUMBERS = 4_000_000  # of matrices that are held at once


def expected_rows(
    values: Float[np.ndarray, "n d"], groups: Groups, mean: Float[np.ndarray, " d"], cov: Float[np.ndarray, "d d"]
) -> Float[np.ndarray, "n d"]:
    """Conditional means of the rows under N(mean, cov), (n, d); what was observed without noise stays as it is."""
    owner, out = groups.owner, np.empty_like(values)
    for at, seen, gain in _gains(groups, cov):
        low, high = groups.begin[at.start], groups.begin[at.stop]
        mine = owner[low:high] - at.start
        away = np.where(seen[mine], values[low:high] - mean, 0.0)
        if len(gain) == 1:
            out[low:high] = mean + away @ gain[0]
        else:
            out[low:high] = mean + _times(away, gain, mine)
        if groups.noise is None:
            out[low:high] = np.where(seen[mine], values[low:high], out[low:high])
    return out


def left_unknown(groups: Groups, cov: Float[np.ndarray, "d d"]) -> Float[np.ndarray, "g d d"]:
    """Conditional covariance of the rows of each group, (g, d, d)."""
    out = np.empty((len(groups), *cov.shape))
    for at, seen, gain in _gains(groups, cov):
        left = cov - (seen[:, :, None] * cov).swapaxes(1, 2) @ gain
        out[at] = (left + left.swapaxes(1, 2)) / 2
    return out


def _gains(groups: Groups, cov: np.ndarray) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Blocks of groups, (m,): what they show (m, d), and the matrices G (m, d, d) with E[x | y] = mean + G' (y - mean).

    G = T^-1 M S for the covariance S, the mask M of what is seen, and T = M (S + noise) M + (1 - M), whose rows of what
    is not seen are those of the identity: so all patterns are one problem.
    """
    d = len(cov)
    step = max(1, _NUMBERS // (d * d))
    for low in range(0, len(groups), step):
        at = slice(low, min(low + step, len(groups)))
        seen = groups.seen[groups.pattern[at]]
        total = np.broadcast_to(cov, (len(seen), d, d)) * (seen[:, :, None] & seen[:, None, :])
        if groups.noise is not None:
            noise = groups.noise[at]
            total = total + (noise if noise.ndim == 3 else noise[:, :, None] * np.eye(d))
        total[:, np.arange(d), np.arange(d)] += ~seen
        yield at, seen, np.linalg.solve(total, seen[:, :, None] * cov)


def _times(away: np.ndarray, gain: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Each row times the matrix of its group, (n, d)."""
    if len(owner) > 4 * len(gain):  # several rows a group: one product each
        ends = np.append(np.searchsorted(owner, np.arange(len(gain))), len(owner))
        return np.concatenate([away[ends[g] : ends[g + 1]] @ gain[g] for g in range(len(gain))])
    return np.einsum("ni,nij->nj", away, gain[owner])
