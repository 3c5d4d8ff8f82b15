"""Laws on the half line with a shape and a scale: those of one shape are scaled copies of each other."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np

from mixot._shapes import ArrayLike, Float, Int
from mixot.errors import InputError, UnsupportedError
from mixot.families.couplings import AffineCoupling, Coupling
from mixot.families.line.base import LineFamily, as_positive, scaled

S = TypeVar("S", bound="ShapedFamily")


@dataclass(frozen=True, eq=False)
class ShapedFamily(LineFamily):
    """k laws of ``scale z`` on the half line, where the law of z has a shape.

    What holds for all such families: laws of one shape are moved by scaling, geodesics and barycenters average the
    scales, and W2^2 is ``E[z^2] (s - t)^2``.
    """

    shapes: Float[np.ndarray, " k"]
    scales: Float[np.ndarray, " k"]

    holdable: ClassVar[tuple[str, ...]] = ("shapes",)

    def __init__(self, shapes: ArrayLike, scales: ArrayLike) -> None:
        k = max(np.size(shapes), np.size(scales))
        for name, value in (("shapes", shapes), ("scales", scales)):
            object.__setattr__(self, name, as_positive(np.full(k, value) if np.ndim(value) == 0 else value, name))
        if len(self.shapes) != len(self.scales):
            raise InputError(f"shapes and scales must be as many, got {len(self.shapes)} and {len(self.scales)}")

    def __len__(self) -> int:
        return len(self.shapes)

    @abstractmethod
    def unit_squares(self) -> Float[np.ndarray, " k"]:
        """``E[z^2]`` of the laws of these shapes and scale one."""

    def _narrow(self, bound: float) -> tuple[str, ...]:
        """What `fit_notes` says of components whose shape has come to the bound that fits keep to."""
        narrow = np.flatnonzero(self.shapes >= bound).tolist()
        return (f"components {narrow} are as narrow as the bound on shapes allows",) if narrow else ()

    def affine(self: S, matrix: Float[np.ndarray, "e d"], shift: Float[np.ndarray, " e"]) -> S:
        return type(self)(self.shapes, self.scales * scaled(self, matrix, shift))

    def coupling(self, other: Any, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"]) -> Coupling:
        """Optimal maps of the pairs: ``x t / s`` where all shapes agree pair by pair, else through ranks."""
        if (self.shapes[rows] != other.shapes[cols]).any():
            return super().coupling(other, rows, cols)
        linear = (other.scales[cols] / self.scales[rows])[:, None, None]
        return AffineCoupling(linear, np.zeros((len(rows), 1)), np.zeros_like(linear))

    def between(self: S, other: Any, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], t: float) -> S:
        """Geodesics between laws of one shape: scales move at constant speed."""
        if t in (0.0, 1.0):
            return self.take(rows) if t == 0.0 else other.take(cols)
        differ = np.flatnonzero(self.shapes[rows] != other.shapes[cols])
        if len(differ):
            i, j = int(rows[differ[0]]), int(cols[differ[0]])
            raise UnsupportedError(
                f"between {type(self).__name__} laws of different shapes the geodesic leaves the family (component {i} "
                f"of p has shape {self.shapes[i]:g}, component {j} of q {other.shapes[j]:g}); fit both with one shape, "
                'FamilyEM(fixed={"shapes": 2.0}), or move points part of the way along transport_map(p, q)'
            )
        return type(self)(self.shapes[rows], (1 - t) * self.scales[rows] + t * other.scales[cols])

    def barycenter(
        self: S, others: Sequence[Any], index: Int[np.ndarray, "s j"], weights: Float[np.ndarray, " j"]
    ) -> tuple[S, Float[np.ndarray, " s"]]:
        """Barycenters of tuples of one shape: the mean of their scales; cost ``E[z^2]`` times their variance."""
        chosen = [family.take(k) for family, k in zip((self, *others), index.T, strict=True)]
        shapes = np.stack([laws.shapes for laws in chosen], axis=1)
        scales = np.stack([laws.scales for laws in chosen], axis=1)
        differ = np.flatnonzero((shapes != shapes[:, :1]).any(axis=1))
        if len(differ):
            raise UnsupportedError(
                f"the barycenter of {type(self).__name__} laws of different shapes leaves the family, got shapes "
                f'{shapes[differ[0]].tolist()}; fit all with one shape, FamilyEM(fixed={{"shapes": 2.0}})'
            )
        center = scales @ weights
        cost = chosen[0].unit_squares() * ((scales - center[:, None]) ** 2 @ weights)
        return type(self)(shapes[:, 0], center), cost
