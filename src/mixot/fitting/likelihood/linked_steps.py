"""Steps of EM that may be extrapolated, of laws whose parameters have a scale without bounds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit

from mixot.families.base import Family
from mixot.families.product import Product

_EDGE = 1e-12  # chances are taken to be so far from 0 and 1, where their scale ends
_LINKS: Mapping[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "log": (np.log, np.exp),
    "logit": (lambda p: logit(np.clip(p, _EDGE, 1 - _EDGE)), expit),
}

State = tuple[np.ndarray, Family]  # weights and components


@dataclass(frozen=True, eq=False)
class LinkedSteps:
    """What `mixot.fitting.likelihood.ascent.Ascent` climbs by: ``plain(weights, components)`` is one step of EM.

    It returns the likelihood of a mixture and the weights and components that follow. ``fixed`` parameters stay.
    """

    plain: Callable[[np.ndarray, Family], tuple[float, np.ndarray, Family]]
    fixed: Collection[str]

    @staticmethod
    def suit(law: Family) -> bool:
        """Whether some parameters say on which scale they go on."""
        return any(part.links for _, part in _parts(law))

    def step(self, weights: np.ndarray, components: Family) -> tuple[float, np.ndarray, Family]:
        """The likelihood of a mixture, and the one after it."""
        return self.plain(weights, components)

    def ahead(self, states: Sequence[State], longest: float, other: bool) -> tuple[State, float] | None:
        """The mixture ``a + 2 s r + s^2 v`` beyond a, b, c, on the scales of the links; r = b - a, v = c - 2 b + a.

        ``s = |r| / |v|``, at most ``longest`` (Varadhan and Roland, Scand. J. Statist. 35, 2008, scheme S3).
        """
        if any((weights < 1e-100).any() for weights, _ in states):
            return None
        a, b, c = (self._coordinates(*state) for state in states)
        r, v = b - a, c - 2 * b + a
        bend = float(v @ v)
        if not (np.isfinite(bend) and bend > 0):
            return None
        length = min(float(np.sqrt(r @ r / bend)), longest)
        if length <= 1.01:
            return None
        return self._state(a + 2 * length * r + length**2 * v, states[-1]), length

    def _coordinates(self, weights: np.ndarray, components: Family) -> np.ndarray:
        rows = [np.log(weights)]
        for place, part in _parts(components):
            rows += [_LINKS[part.links[name]][0](getattr(part, name)) for name in self._moving(place, part)]
        return np.concatenate(rows)

    def _state(self, at: np.ndarray, last: State) -> State:
        """The mixture of these coordinates; what has no link is that of the last one."""
        k = len(last[0])
        rows = iter(at.reshape(-1, k))
        weights = np.exp((log := next(rows)) - log.max())
        parts = []
        for place, part in _parts(last[1]):
            values = part.parameters()
            values |= {name: _LINKS[part.links[name]][1](next(rows)) for name in self._moving(place, part)}
            parts.append(type(part).from_parameters(values))
        return weights / weights.sum(), Product(parts) if isinstance(last[1], Product) else parts[0]

    def _moving(self, place: str, part: Family) -> list[str]:
        return [name for name in part.links if place + name not in self.fixed]


def _parts(law: Family) -> list[tuple[str, Family]]:
    """The factors of a law, each with what stands before the names of its parameters."""
    if isinstance(law, Product):
        return [(f"{at}.", part) for at, part in enumerate(law.factors)]
    return [("", law)]
