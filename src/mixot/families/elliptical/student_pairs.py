"""W2 between t laws of unlike degrees of freedom: exact on the line and between round laws, enclosed elsewhere.

A t law is the image ``m + A t`` of the round one under a root A of its scale, ``A A' = scale``. Between round laws the
optimal map moves along rays (`mixot.formulas.gaussian.student_radii`). Between others ``(m + A R u, n + B S O u)`` is a
coupling: one direction u, turned by the O that is best for Gaussian laws, and radii R and S of one rank.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._shapes import Bool, Float
from mixot.errors import UnsupportedError
from mixot.families.couplings import AffineCoupling
from mixot.families.elliptical.gaussian import Gaussian
from mixot.formulas.gaussian.student_radii import matched_radii, radial_gaps

_ROUND = 1e-12  # of a variance, by which the axes of a round law may differ


def enclosed_costs(p: Any, q: Any) -> tuple[Float[np.ndarray, "k l"], Float[np.ndarray, "k l"]]:
    """Squared W2 of every pair from below (Gelbrich 1990) and, by that coupling, from above; equal where it is known.

    With t the traces of the scales and b their squared Bures distance, the upper one is
    ``|m - n|^2 + (t_p E (R - S)^2 + (t_p - t_q + b) E (R - S) S + b E S^2) / d``.
    """
    d = p.dim
    centers = ((p.locs[:, None] - q.locs) ** 2).sum(axis=2)
    bures = Gaussian(np.zeros_like(p.locs), p.scales).cost(Gaussian(np.zeros_like(q.locs), q.scales))
    square, cross = radial_gaps(p.dfs, q.dfs, d)
    t_p, t_q = (np.trace(laws.scales, axis1=1, axis2=2) for laws in (p, q))
    spread = t_p[:, None] * square + (t_p[:, None] - t_q + bures) * cross
    upper = centers + spread / d + bures * q.dfs / (q.dfs - 2)
    lower = Gaussian(p.locs, p.cov()).cost(Gaussian(q.locs, q.cov()))
    upper = np.where(p.dfs[:, None] == q.dfs, lower, np.maximum(upper, lower))
    return np.where(told_exactly(p, q), upper, lower), upper


def told_exactly(p: Any, q: Any) -> Bool[np.ndarray, "k l"]:
    """Pairs whose W2 is known: of one df, both round, or one of them a point."""
    points = [~laws.scales.any(axis=(1, 2)) for laws in (p, q)]
    both = is_round(p)[:, None] & is_round(q)
    return (p.dfs[:, None] == q.dfs) | both | points[0][:, None] | points[1]


def is_round(laws: Any) -> Bool[np.ndarray, " k"]:
    """Whether a scale is a multiple of the identity, as all are on the line."""
    size = laws.scales[:, 0, 0]
    away = np.abs(laws.scales - size[:, None, None] * np.eye(laws.dim)).max(axis=(1, 2))
    return away <= _ROUND * size


def exact_costs(p: Any, q: Any) -> Float[np.ndarray, "k l"]:
    """Squared W2 of every pair, or an `UnsupportedError` that names the first for which there is no formula."""
    unknown = np.argwhere(~told_exactly(p, q))
    if len(unknown):
        raise unlike(p, q, *unknown[0].tolist())
    return enclosed_costs(p, q)[1]


def unlike(p: Any, q: Any, i: int, j: int, what: str = "W2") -> UnsupportedError:
    """What is said of a pair of unlike df that is not on the line, and not round."""
    return UnsupportedError(
        f"{what} between Student laws of unlike df is known on the line and between round ones (scales c I) only, got "
        f"{p.dfs[i]:g} and {q.dfs[j]:g} for components {i} and {j}; bounds(p, q) encloses W2; or fit both with one df, "
        'FamilyEM(fixed={"df": 5.0}), or sample both and compare the samples'
    )


@dataclass(frozen=True, eq=False, slots=True)
class RadialCoupling:
    """Optimal maps of s pairs of t laws: affine where both have one df, along rays where both are round.

    Parameters
    ----------
    affine : the couplings of the Gaussian laws of these means and covariances
    source, target : StudentT of s components
    """

    affine: AffineCoupling
    source: Any
    target: Any

    def __len__(self) -> int:
        return len(self.affine)

    @property
    def is_map(self) -> Bool[np.ndarray, " s"]:
        return np.ones(len(self), dtype=bool)

    def map(self, x: Float[np.ndarray, "n d"], pair: int) -> Float[np.ndarray, "n d"]:
        a, b = float(self.source.dfs[pair]), float(self.target.dfs[pair])
        size, aim = (float(np.sqrt(laws.scales[pair, 0, 0])) for laws in (self.source, self.target))
        if a == b or size == 0 or aim == 0:
            return self.affine.map(x, pair)
        away = (x - self.source.locs[pair]) / size
        r = np.sqrt((away**2).sum(axis=1))
        reached = matched_radii(r, a, b, self.source.dim)
        factor = np.divide(reached, r, out=np.zeros_like(r), where=r > 0)
        return self.target.locs[pair] + aim * factor[:, None] * away

    def sample(self, x: Float[np.ndarray, "n d"], pair: int, rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        return self.map(x, pair)
