"""What solvers hand back: points measured in the user's units, certificates scaled and measured."""

from __future__ import annotations

import numpy as np

from mixot.results import Status
from mixot.solvers.sdp.problem import Block, Certificate, ConicProblem, SDPSolution


def measured_solution(
    problem: ConicProblem,
    y: np.ndarray,
    multipliers: tuple[np.ndarray, ...],
    inequality_multipliers: np.ndarray,
    status: Status,
    iterations: int,
    condition: float = 1.0,
) -> SDPSolution:
    """A point and multipliers with their objectives and infeasibilities."""
    largest = max([np.abs(b.constant).max(initial=0.0) for b in problem.blocks], default=0.0)
    largest = max(largest, np.abs(problem.inequality_offset).max(initial=0.0))
    residual = np.abs(problem.cost - problem.adjoint(multipliers, inequality_multipliers)).max(initial=0.0)
    return SDPSolution(
        y,
        problem.offset + float(problem.cost @ y),
        problem.dual_value(multipliers, inequality_multipliers),
        multipliers,
        inequality_multipliers,
        problem.violation(y) / (1 + float(largest)),
        float(residual) / (1 + float(np.abs(problem.cost).max(initial=0.0))),
        status,
        iterations,
        condition,
    )


def certified_solution(
    problem: ConicProblem,
    status: Status,
    y: np.ndarray,
    multipliers: tuple[np.ndarray, ...],
    inequality_multipliers: np.ndarray,
    iterations: int,
) -> SDPSolution:
    """The result of a problem that a solver found infeasible or unbounded, its certificate scaled and measured."""
    if status is Status.UNBOUNDED:
        ray = y / -float(problem.cost @ y)
        proof = Certificate(ray, (), np.zeros(0), without_constants(problem).violation(ray))
        return solution_from_certificate(problem, proof, iterations)
    size = problem.dual_value(multipliers, inequality_multipliers) - problem.offset
    multipliers, rows = tuple(x / size for x in multipliers), inequality_multipliers / size
    error = float(np.abs(problem.adjoint(multipliers, rows)).max(initial=0.0))
    return solution_from_certificate(problem, Certificate(None, multipliers, rows, error), iterations)


def solution_from_certificate(problem: ConicProblem, certificate: Certificate, iterations: int) -> SDPSolution:
    """The result that carries this certificate; y is the ray, or zero."""
    if certificate.ray is not None:
        blocks = tuple(np.zeros(b.constant.shape) for b in problem.blocks)
        rows, y, value, status = np.zeros(len(problem.inequality_offset)), certificate.ray, -np.inf, Status.UNBOUNDED
        missed = certificate.error, np.inf
    else:
        blocks, rows, y = certificate.multipliers, certificate.inequality_multipliers, np.zeros(len(problem.cost))
        value, status, missed = np.inf, Status.INFEASIBLE, (np.inf, certificate.error)
    return SDPSolution(y, value, value, blocks, rows, *missed, status, iterations, 1.0, certificate)


def without_constants(problem: ConicProblem) -> ConicProblem:
    """The problem with its constants at zero: what a ray must not leave."""
    blocks = [Block(0 * b.constant, b.variable, b.row, b.col, b.value) for b in problem.blocks]
    return ConicProblem(problem.cost, blocks, 0.0, problem.inequality_matrix)


def with_cost(problem: ConicProblem, cost: np.ndarray) -> ConicProblem:
    """The same constraints under another cost, without offset."""
    return ConicProblem(cost, problem.blocks, 0.0, problem.inequality_matrix, problem.inequality_offset)
