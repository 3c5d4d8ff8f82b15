"""Rows that are alike: the same was seen of them, with the same noise. Covariances are factored once for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._shapes import Bool, Float, Int
from mixot.incomplete import alike, patterns_of


@dataclass(frozen=True, eq=False, slots=True)
class Groups:
    """Groups of consecutive rows.

    Parameters
    ----------
    begin : (g + 1,), where each begins, and the number of rows
    pattern : (g,), which of the patterns each shows
    seen : (p, d), the patterns: which coordinates were observed
    noise : (g, d) variances or (g, d, d) covariances of the noise of each, zero where nothing was observed, or None
    """

    begin: Int[np.ndarray, " begins"]
    pattern: Int[np.ndarray, " g"]
    seen: Bool[np.ndarray, "p d"]
    noise: Float[np.ndarray, "g ..."] | None

    def __len__(self) -> int:
        return len(self.pattern)

    @property
    def owner(self) -> Int[np.ndarray, " n"]:
        """The group of each row, (n,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.begin))

    def take(self, rows: Int[np.ndarray, " m"]) -> Groups:
        """Those of some rows, which are in order."""
        sizes = np.bincount(self.owner[rows], minlength=len(self))
        kept = np.flatnonzero(sizes)
        begin = np.append(0, np.cumsum(sizes[kept]))
        return Groups(begin, self.pattern[kept], self.seen, None if self.noise is None else self.noise[kept])

    def native(self, scale: Float[np.ndarray, " d"]) -> tuple[Any, ...]:
        """The groups as the compiled loops read them, noise in units of ``scale``."""
        noise, shape = np.empty(0), "none"
        if self.noise is not None:
            shape = "diagonal" if self.noise.ndim == 2 else "full"
            noise = np.ascontiguousarray(self.noise / (scale**2 if shape == "diagonal" else np.outer(scale, scale)))
        return self.begin, self.pattern, np.ascontiguousarray(self.seen, dtype=np.uint8), noise, shape


def grouped(
    seen: Bool[np.ndarray, "n d"], noise: Float[np.ndarray, "m ..."] | None
) -> tuple[Int[np.ndarray, " n"], Groups]:
    """Return an order of the rows in which those alike stand together, (n,), and the groups.

    ``noise`` has one variance vector, or covariance, for each row, or one for all.
    """
    patterns, pattern = patterns_of(seen)
    if noise is None:
        first, group = np.unique(pattern, return_index=True, return_inverse=True)[1:]
        values = None
    else:
        each = _restricted(noise, seen)
        which = alike(np.ascontiguousarray(each.reshape(len(seen), -1)))[1]
        first, group = np.unique(pattern * (which.max() + 1) + which, return_index=True, return_inverse=True)[1:]
        values = each[first]
    group = group.reshape(-1)
    order = np.argsort(group, kind="stable")
    begin = np.append(0, np.cumsum(np.bincount(group)))
    return order, Groups(begin, pattern[first], patterns, values)


def _restricted(noise: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The noise of each row, zero where nothing was observed: there it says nothing."""
    mask = seen if noise.ndim == 2 else seen[:, :, None] & seen[:, None, :]
    return np.where(mask, noise, 0.0) + 0.0  # -0.0 becomes 0.0
