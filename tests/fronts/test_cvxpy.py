"""`mixot.SDP` as a solver of CVXPY: Clarabel's answers and multipliers, and programs that have none."""

import numpy as np
import pytest

from mixot import SDP, InputError
from mixot.solvers.sdp.cones import ConeProgram

cp = pytest.importorskip("cvxpy")
from mixot.cvxpy import MixotSDP  # noqa: E402


def symmetric(rng, n):
    half = rng.standard_normal((n, n))
    return half + half.T


def program(rng):
    """A matrix under equations, a block that is affine in other variables, and inequalities between both."""
    n = int(rng.integers(3, 7))
    x, y = cp.Variable((n, n), symmetric=True), cp.Variable(3)
    inside, cost = (half @ half.T for half in rng.standard_normal((2, n, n)))
    equations = [cp.trace(a @ x) == np.trace(a @ inside) for a in (symmetric(rng, n) for _ in range(n))]
    block = cp.bmat([[y[1], y[2]], [y[2], 1.0]]) + np.array([[0.0, rng.normal()], [0.0, 0.0]])  # the symmetric part
    inequalities = [y >= -1, y[0] + x[0, 0] <= inside[0, 0] + 1, cp.sum(y) >= 0.5]
    goal = cp.trace(cost @ x) + y[0] + 2 * y[1] - y[2] + 3.0
    return cp.Problem(cp.Minimize(goal), [x >> 0, block >> 0, *equations, *inequalities])


@pytest.mark.skipif("CLARABEL" not in cp.installed_solvers(), reason="Clarabel is not installed")
def test_answers_and_multipliers_are_those_of_clarabel(rng):
    for _ in range(20):
        problem = program(rng)
        expected = problem.solve(solver="CLARABEL", tol_gap_rel=1e-10, tol_gap_abs=1e-10, tol_feas=1e-10)
        duals = [constraint.dual_value for constraint in problem.constraints]
        found = problem.solve(solver=MixotSDP())
        assert problem.status == "optimal"
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)
        for constraint, dual in zip(problem.constraints, duals, strict=True):
            np.testing.assert_allclose(constraint.dual_value, dual, atol=1e-3 * (1 + np.abs(dual).max()))
        assert max(np.max(constraint.violation()) for constraint in problem.constraints) < 1e-6
        assert problem.solver_stats.solver_name == "MIXOT"


def one(goal, *constraints):
    problem = cp.Problem(goal, list(constraints))
    return problem.solve(solver=MixotSDP()), problem


X, Y = cp.Variable(), cp.Variable(2)
SMALL = {
    "unbounded": (cp.Minimize(X), [X * np.eye(2) << np.eye(2)], -np.inf, "unbounded"),
    "free": (cp.Maximize(X), [], np.inf, "unbounded"),
    "infeasible": (cp.Minimize(X), [X * np.eye(2) << np.eye(2), X >= 2], np.inf, "infeasible"),
    "equations that disagree": (cp.Minimize(X), [X == 1, X == 2], np.inf, "infeasible"),
    "equations that leave the cone": (cp.Minimize(X), [X == 1, X >= 2], np.inf, "infeasible"),
    "equations alone": (cp.Minimize(X), [X == 1], 1.0, "optimal"),
    "nothing left": (cp.Minimize(X), [X == 2, X >= 1], 2.0, "optimal"),
    "one equation twice": (cp.Maximize(Y[0]), [Y[0] <= 1, Y[1] == 2 * Y[0], 2 * Y[1] == 4 * Y[0]], 1.0, "optimal"),
    "a variable that nothing binds": (cp.Minimize(Y[0]), [Y[0] >= 1, Y[1] >= Y[1]], 1.0, "optimal"),
    "a norm": (cp.Minimize(cp.norm(Y)), [Y[0] >= 3, Y[1] == 4], 5.0, "optimal"),
}


@pytest.mark.parametrize(("goal", "constraints", "value", "status"), SMALL.values(), ids=SMALL.keys())
def test_small_programs(goal, constraints, value, status):
    found, problem = one(goal, *constraints)
    assert problem.status == status
    assert found == pytest.approx(value, abs=1e-6)


def test_a_certificate_comes_with_the_statistics():
    _, problem = one(cp.Minimize(X), X * np.eye(2) << np.eye(2), X >= 2)
    assert problem.solver_stats.extra_stats.certificate.error < 1e-8


def test_options_and_what_is_no_option(capsys):
    problem = cp.Problem(cp.Minimize(Y[0]), [Y[0] >= 1, Y[1] == 1])
    with pytest.warns(UserWarning, match="inaccurate"):
        problem.solve(solver=MixotSDP(SDP(max_iter=1)))
    assert problem.status == "user_limit"
    assert problem.solve(solver=MixotSDP(SDP(max_iter=1)), max_iter=50) == pytest.approx(1.0)
    with pytest.raises(InputError, match="options of this solver are tol, max_iter, threads, got eps"):
        problem.solve(solver=MixotSDP(), eps=1e-3)
    with pytest.raises(InputError, match="options must be an SDP"):
        MixotSDP({"tol": 1e-3})
    problem.solve(solver=MixotSDP(), verbose=True)
    assert "e-" in capsys.readouterr().out.split("Invoking")[-1]
    with pytest.raises(cp.SolverError):
        cp.Problem(cp.Minimize(X), [cp.exp(X) <= 1]).solve(solver=MixotSDP())


def test_a_second_answer_starts_from_the_first(rng):
    level, x = cp.Parameter(), cp.Variable((4, 4), symmetric=True)
    problem = cp.Problem(cp.Minimize(cp.trace(x)), [x >> level * np.diag([1.0, 2.0, 3.0, 4.0]), x[0, 1] == 0.5])
    solver, values = MixotSDP(), []
    for at in (1.0, 1.001):
        level.value = at
        values.append(problem.solve(solver=solver))
    warm = problem.solver_stats.num_iters
    assert problem.solve(solver=solver, warm_start=False) == pytest.approx(values[1], rel=1e-7)
    assert warm <= problem.solver_stats.num_iters


def test_the_rows_must_be_as_many_as_the_cones_have():
    with pytest.raises(InputError, match=r"the cones have 6 rows, got a matrix of shape \(5, 1\) and 5 entries of b"):
        ConeProgram(np.ones(1), np.ones((5, 1)), np.ones(5), zero=1, nonneg=1, psd=[2])
