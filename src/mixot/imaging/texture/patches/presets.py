"""How many levels, how large patches, how many rounds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from mixot.imaging.texture.patches.matching import MatchingOptions

_LEAST = 8  # pixels of a patch's side at the coarsest of several levels
_MOST = 64  # pixels of an exemplar's side from which on there is one more level, half as fine


@dataclass(frozen=True)
class Blend:
    """Mean-shift steps towards the mode of overlapping patches, its bandwidth, and whether one patch is taken."""

    shifts: int = 3
    bandwidth: float = 0.5
    vote: bool = False


@dataclass(frozen=True)
class Preset:
    """``plan``: for each level, coarse to fine, pairs (side of the patches, rounds)."""

    name: str = "stochastic"
    plan: tuple[tuple[tuple[int, int], ...], ...] = (((16, 6), (8, 6)), ((8, 5),), ((8, 4),), ((8, 3),))
    samples: int = 4000
    samples_fine: int = 1000
    matching: MatchingOptions = field(default_factory=MatchingOptions)
    rounds: Blend = Blend()
    finer: Blend = Blend()
    last: Blend = Blend(vote=True)
    quilted: bool = False

    def fitted(self, side: int) -> Preset:
        """The preset for exemplars whose shorter side has so many pixels: more or fewer levels, smaller patches.

        A patch needs some room to be moved in: at each level its side is at most two thirds of the exemplar's.
        """
        levels = len(self.plan)
        while side >> levels >= _MOST:
            levels += 1
        while levels > 1 and side >> (levels - 1) < 3 * _LEAST // 2:
            levels -= 1
        stages = [self.plan[1]] * (levels - len(self.plan)) + list(self.plan[-levels:])
        stages[0] = self.plan[0]  # the coarsest that there is does what the coarsest of all does
        if levels > len(self.plan):
            stages[levels - len(self.plan)] = self.plan[1]
        plan = (tuple((_narrowed(w, side >> (levels - 1 - k)), n) for w, n in stage) for k, stage in enumerate(stages))
        return replace(self, plan=tuple(plan))


def _narrowed(w: int, side: int) -> int:
    while w > 4 and 3 * w > 2 * side:
        w //= 2
    return w


STOCHASTIC = Preset()
STRUCTURED = Preset(
    "structured",
    plan=(((16, 4),), ((16, 4),), ((16, 3), (8, 2))),
    quilted=True,
)
