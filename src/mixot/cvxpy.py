"""The interior-point method of mixot as a solver of CVXPY, for small block semidefinite programs.

``problem.solve(solver=MixotSDP())``; needs ``pip install "mixot[cvxpy]"``.
"""

from __future__ import annotations

import sys
from dataclasses import fields, replace
from typing import Any

import cvxpy.settings as s
from cvxpy.constraints.psd import PSD
from cvxpy.reductions.solution import Solution, failure_solution
from cvxpy.reductions.solvers import utilities
from cvxpy.reductions.solvers.conic_solvers.conic_solver import ConicSolver

from mixot.errors import InputError
from mixot.results import Progress, Status
from mixot.solvers.sdp.cones import ConeProgram
from mixot.solvers.sdp.interior_point import SDP
from mixot.solvers.sdp.problem import SDPSolution

__all__ = ["MixotSDP"]

_STATUS = {
    Status.OPTIMAL: s.OPTIMAL,
    Status.MAX_ITER: s.USER_LIMIT,
    Status.INFEASIBLE: s.INFEASIBLE,
    Status.UNBOUNDED: s.UNBOUNDED,
}
_NEARLY = 1e-5  # of infeasibilities and gap: an answer that stalled there is inaccurate, beyond it none


class MixotSDP(ConicSolver):
    """`mixot.SDP` behind the interface of CVXPY: ``problem.solve(solver=MixotSDP())``.

    Linear objectives over equations, inequalities and positive semidefinite matrices; of norms CVXPY makes matrices
    first, and a program with exponential or power cones, or whole numbers, it refuses. Made for small programs: blocks
    of up to some tens of rows, and some hundred variables that the equations leave.

    Parameters
    ----------
    options : SDP, optional
        Its options, which ``problem.solve(..., tol=1e-9, max_iter=50, threads=2)`` changes for one call.

    Notes
    -----
    ``problem.solver_stats.extra_stats`` is the ``SDPSolution`` of the library: residuals, and the certificate of a
    program that is infeasible or unbounded. A second ``solve`` of the same problem, with other parameters, starts from
    the first answer, unless ``warm_start=False``. An answer that stalls at more than ``tol`` is "optimal_inaccurate".

    Examples
    --------
    >>> import cvxpy, numpy
    >>> t = cvxpy.Variable()
    >>> problem = cvxpy.Problem(cvxpy.Minimize(t), [t * numpy.eye(2) >> numpy.array([[2.0, 1.0], [1.0, 2.0]])])
    >>> round(float(problem.solve(solver=MixotSDP())), 6)
    3.0
    """

    MIP_CAPABLE = False
    SUPPORTED_CONSTRAINTS = [*ConicSolver.SUPPORTED_CONSTRAINTS, PSD]  # noqa: RUF012 (as CVXPY has it)

    def __init__(self, options: Any = None) -> None:
        super().__init__()
        self.options: SDP = SDP() if options is None else options
        if not isinstance(self.options, SDP):
            raise InputError(f"options must be an SDP(tol=..., max_iter=...), got {type(options).__name__}")

    def name(self) -> str:
        """The name that CVXPY shows."""
        return "MIXOT"

    def import_solver(self) -> None:
        """Nothing is left to import."""

    def cite(self, data: Any) -> str:
        """What CVXPY prints with ``bibtex=True``."""
        return "@misc{mixot, title = {mixot: mixture models as measures}}"

    def solve_via_data(
        self, data: Any, warm_start: bool, verbose: bool, solver_opts: Any, solver_cache: Any = None
    ) -> tuple[ConeProgram, SDPSolution | None]:
        """The program in the form of mixot, and its solution; None where its equations have none."""
        given = {name: value for name, value in solver_opts.items() if name != "use_quad_obj"}  # for CVXPY itself
        known = [each.name for each in fields(SDP)]
        strange = sorted(set(given) - set(known))
        if strange:
            raise InputError(f"options of this solver are {', '.join(known)}, got {', '.join(strange)}")
        dims = data[self.DIMS]
        program = ConeProgram(data[s.C], data[s.A], data[s.B], zero=dims.zero, nonneg=dims.nonneg, psd=dims.psd)
        if not program.solvable:
            return program, None
        before = (solver_cache or {}).get(self.name()) if warm_start else None
        start = before[1] if before is not None and _alike(before[0], program) else None
        found = replace(self.options, **given).solve(program.problem, _print if verbose else None, start)
        if solver_cache is not None and found.status.solved:
            solver_cache[self.name()] = program, found
        return program, found

    def invert(self, solution: Any, inverse_data: Any) -> Solution:
        """The answer in the variables and constraints of the program that was written."""
        program, found = solution
        if found is None:
            return failure_solution(s.INFEASIBLE, {s.NUM_ITERS: 0})
        facts = {s.NUM_ITERS: found.iterations, s.EXTRA_STATS: found}
        missed = max(found.primal_infeasibility, found.dual_infeasibility, found.relative_gap)
        status = _STATUS.get(found.status, s.OPTIMAL_INACCURATE if missed < _NEARLY else s.SOLVER_ERROR)
        if status not in s.SOLUTION_PRESENT:
            return failure_solution(status, facts)
        duals = program.duals(found)
        equations, cones = duals[: program.zero], duals[program.zero :]
        told = utilities.get_dual_values(equations, utilities.extract_dual_value, inverse_data[self.EQ_CONSTR])
        told |= utilities.get_dual_values(cones, utilities.extract_dual_value, inverse_data[self.NEQ_CONSTR])
        primal = {inverse_data[self.VAR_ID]: program.primal(found)}
        return Solution(status, found.objective + inverse_data[s.OFFSET], primal, told, facts)


def _alike(before: ConeProgram, now: ConeProgram) -> bool:
    """Whether an answer to one program is a start for the other: the same cones, and the same variables left free."""
    return (
        before.psd == now.psd and before.matrix.shape == now.matrix.shape and before.free.tolist() == now.free.tolist()
    )


def _print(progress: Progress) -> None:
    sys.stdout.write(f"{progress.step:4d}  {progress.value:.2e}\n")
