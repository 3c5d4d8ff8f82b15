"""The same programs through SCS, a first-order solver: for blocks too large to factor, at low accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixot._checks import check_whole
from mixot.extras import require
from mixot.results import Status
from mixot.solvers.base import Task
from mixot.solvers.sdp.problem import ConicProblem, SDPSolution
from mixot.solvers.sdp.solutions import certified_solution, measured_solution
from mixot.solvers.sdp.triangles import from_triangle, triangle_rows

_STATUS = {1: Status.OPTIMAL, 2: Status.MAX_ITER, -1: Status.UNBOUNDED, -2: Status.INFEASIBLE}


@dataclass(frozen=True)
class SCSSDP:
    """SCS behind the interface of `SDP`; needs the extra ``solvers``.

    Parameters
    ----------
    tol : feasibility and gap, absolute and relative
    max_iter : iterations
    """

    task: ClassVar[Task] = Task.CONIC

    tol: float = 1e-6
    max_iter: int = 20_000

    def __post_init__(self) -> None:
        check_whole(self.max_iter, "max_iter", 1)

    def solve(self, problem: ConicProblem) -> SDPSolution:
        """Return what SCS finds, measured as `SDP` measures its own answers."""
        scs = require("scs", "solvers", "SCSSDP")
        matrix, right, sizes = triangle_rows(problem, "lower")
        data = {"A": matrix, "b": right, "c": problem.cost}
        cone = {"l": len(problem.inequality_offset), "s": sizes}
        solver = scs.SCS(data, cone, verbose=False, eps_abs=self.tol, eps_rel=self.tol, max_iters=self.max_iter)
        result = solver.solve()
        status = _STATUS.get(result["info"]["status_val"], Status.STALLED)
        y, dual = np.nan_to_num(result["x"]), np.nan_to_num(result["y"])
        multipliers, rows = from_triangle(dual, problem, "lower")
        steps = int(result["info"]["iter"])
        if status in (Status.INFEASIBLE, Status.UNBOUNDED):
            return certified_solution(problem, status, y, multipliers, rows, steps)
        return measured_solution(problem, y, multipliers, rows, status, steps)
