"""The options of a choice of numbers of components."""

from __future__ import annotations

from dataclasses import dataclass, field

from mixot._checks import check_whole
from mixot.errors import InputError
from mixot.fitting.base import Fitter
from mixot.solvers.entropic.omt import OMT


@dataclass(frozen=True)
class ComponentSearch:
    """How numbers of components are chosen.

    Parameters
    ----------
    pairs : "all" for every number of x with every number of y, "equal" for the same number on both sides
    splits : how many times the rows are halved; each costs two fits of every size on each side
    rows : most rows that are halved; of more, a random part is taken each time, and the instability is that of plans
        from so many rows
    points : most points of each side whose images are compared
    fitter : the way to fit, or its name
    solver : the plan whose map is to be firm
    """

    pairs: str = "all"
    splits: int = 8
    rows: int = 20_000
    points: int = 1000
    fitter: str | Fitter = "em"
    solver: OMT = field(default_factory=OMT)

    def __post_init__(self) -> None:
        if self.pairs not in ("all", "equal"):
            raise InputError(f'pairs must be "all" or "equal", got {self.pairs!r}')
        for name, least in (("splits", 2), ("rows", 4), ("points", 2)):
            check_whole(getattr(self, name), name, least)
        if not isinstance(self.solver, OMT):
            raise InputError(f"solver must be OMT(...), got {type(self.solver).__name__}; OMT(lam=0) is the exact plan")
        if self.solver.cost != "w2":
            raise InputError('a plan under the KL cost moves no points, so it has no arrows; leave cost="w2"')
