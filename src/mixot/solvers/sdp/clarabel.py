"""The same programs through Clarabel, a general conic solver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import sparse

from mixot._checks import check_whole
from mixot.extras import require
from mixot.results import Status
from mixot.solvers.base import Task
from mixot.solvers.sdp.problem import ConicProblem, SDPSolution
from mixot.solvers.sdp.solutions import certified_solution, measured_solution
from mixot.solvers.sdp.triangles import from_triangle, triangle_rows

_STATUS = {
    "Solved": Status.OPTIMAL,
    "AlmostSolved": Status.STALLED,
    "MaxIterations": Status.MAX_ITER,
    "MaxTime": Status.MAX_ITER,
    "PrimalInfeasible": Status.INFEASIBLE,
    "DualInfeasible": Status.UNBOUNDED,
}


@dataclass(frozen=True)
class ClarabelSDP:
    """Clarabel behind the interface of `SDP`; needs the extra ``solvers``.

    Parameters
    ----------
    tol : feasibility and gap, relative
    max_iter : iterations
    """

    task: ClassVar[Task] = Task.CONIC

    tol: float = 1e-8
    max_iter: int = 200

    def __post_init__(self) -> None:
        check_whole(self.max_iter, "max_iter", 1)

    def solve(self, problem: ConicProblem) -> SDPSolution:
        """Return what Clarabel finds, measured as `SDP` measures its own answers."""
        clarabel = require("clarabel", "solvers", "ClarabelSDP")
        matrix, right, sizes = triangle_rows(problem, "upper")
        options = clarabel.DefaultSettings()
        options.verbose, options.max_iter, options.max_threads = False, self.max_iter, 1
        options.tol_feas = options.tol_gap_abs = options.tol_gap_rel = self.tol
        cones = [clarabel.NonnegativeConeT(len(problem.inequality_offset))]
        cones += [clarabel.PSDTriangleConeT(n) for n in sizes]
        m = len(problem.cost)
        quadratic = sparse.csc_matrix((m, m))
        result = clarabel.DefaultSolver(quadratic, problem.cost, matrix, right, cones, options).solve()
        status = _STATUS.get(str(result.status), Status.STALLED)
        y, dual = np.array(result.x), np.array(result.z)
        multipliers, rows = from_triangle(dual, problem, "upper")
        if status in (Status.INFEASIBLE, Status.UNBOUNDED):
            return certified_solution(problem, status, y, multipliers, rows, result.iterations)
        return measured_solution(problem, y, multipliers, rows, status, result.iterations)
