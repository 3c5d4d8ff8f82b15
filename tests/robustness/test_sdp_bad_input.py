"""What the semidefinite solver is not meant for: it says so, or answers, but never returns NaN."""

import numpy as np
import pytest

from mixot.errors import InputError
from mixot.results import Status
from mixot.solvers.sdp.dual_bound import lower_bound
from mixot.solvers.sdp.interior_point import SDP
from mixot.solvers.sdp.problem import Block, ConicProblem

EYE = Block(np.eye(2), [0, 0], [0, 1], [0, 1], [1.0, 1.0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0, np.nan], [np.nan, 1.0]], [0], [0], [1], [1.0]), "constant must be finite"),
        (([[1.0, 2.0], [0.0, 1.0]], [0], [0], [1], [1.0]), "symmetric"),
        (([[1.0, 2.0]], [0], [0], [0], [1.0]), "square"),
        (([[1.0]], [0], [0], [0], [np.inf]), "value must be finite"),
        (([[1.0]], [0], [0], [1], [1.0]), "must lie in 0 .. 0"),
        (([[1.0]], [-1], [0], [0], [1.0]), "must not be negative"),
        ((np.eye(2), [0], [1], [0], [1.0]), "upper triangle"),
        ((np.eye(2), [0, 1], [0], [0], [1.0]), "one length"),
        ((np.eye(2), [0.5], [0], [0], [1.0]), "whole numbers"),
    ],
)
def test_bad_blocks_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Block(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([np.nan], [EYE]), "cost must be finite"),
        (([[1.0]], [EYE]), "cost must be a vector"),
        (([1.0], [EYE], np.inf), "offset must be finite"),
        (([], [EYE]), "block 0 has variable 0"),
        (([1.0], [EYE], 0.0, [[1.0, 2.0]], [0.0]), "inequality_matrix must be"),
        (([1.0], [EYE], 0.0, [[1.0]], [0.0, 1.0]), "inequality_matrix must be"),
        (([1.0], [EYE], 0.0, [[np.nan]], [0.0]), "inequality_matrix must be finite"),
        (([1.0], [EYE], 0.0, [[1.0]], [np.nan]), "inequality_offset must be finite"),
    ],
)
def test_bad_problems_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        ConicProblem(*arguments)


@pytest.mark.parametrize("options", [{"tol": 0.0}, {"tol": 2.0}, {"max_iter": 0}, {"threads": 0}, {"tol": np.nan}])
def test_bad_options_are_refused(options):
    with pytest.raises(InputError):
        SDP(**options)


def test_bad_bounds_are_refused():
    problem = ConicProblem([1.0], [EYE])
    found = SDP().solve(problem)
    for bounds in ([1.0, 2.0], [-1.0], [np.nan], ([1.0], [0.0]), ([1.0], [2.0], [3.0])):
        with pytest.raises(InputError):
            lower_bound(problem, found, bounds)


def empty(n=0):
    return Block(np.zeros((n, n)), [], [], [], [])


@pytest.mark.parametrize(
    ("problem", "status", "value"),
    [
        (ConicProblem([], []), Status.OPTIMAL, 0.0),
        (ConicProblem([], [], 3.0), Status.OPTIMAL, 3.0),
        (ConicProblem([], [empty(), empty(3)], 1.0), Status.OPTIMAL, 1.0),
        (ConicProblem([], [Block([[1.0, 2.0], [2.0, 1.0]], [], [], [], [])]), Status.INFEASIBLE, np.inf),
        (ConicProblem([], [], 0.0, np.zeros((1, 0)), [-1.0]), Status.INFEASIBLE, np.inf),
        (ConicProblem([0.0, 0.0], []), Status.OPTIMAL, 0.0),
        (ConicProblem([0.0, 1.0], []), Status.UNBOUNDED, -np.inf),
        (ConicProblem([1.0], [Block([[2.0]], [0], [0], [0], [4.0])]), Status.OPTIMAL, -0.5),
        (ConicProblem([1.0], [Block([[2.0]], [0], [0], [0], [0.0])]), Status.UNBOUNDED, -np.inf),
        (ConicProblem([1.0, 0.0], [EYE, empty(2)], 0.0, np.zeros((2, 2)), [0.0, 1.0]), Status.OPTIMAL, -1.0),
        (ConicProblem([1.0], [EYE, EYE, EYE]), Status.OPTIMAL, -1.0),
        (ConicProblem([1.0], [Block(np.eye(2), [0] * 4, [0, 1, 0, 1], [0, 1, 0, 1], [0.5] * 4)]), Status.OPTIMAL, -1.0),
    ],
)
def test_problems_with_next_to_nothing_in_them(problem, status, value):
    found = SDP().solve(problem)
    assert found.status is status
    assert found.objective == pytest.approx(value, abs=1e-7)
    assert found.dual_objective == pytest.approx(value, abs=1e-7)
    assert len(found.multipliers) == len(problem.blocks)
    assert found.y.shape == problem.cost.shape
    bound = lower_bound(problem, found, np.full(len(problem.cost), 10.0))  # the box bounds what was unbounded
    assert bound <= (value if status is not Status.UNBOUNDED else -10.0)


HARD = [
    # a gap of 1 between primal and dual
    ConicProblem([1.0, 0.0], [Block(np.diag([0.0, 0, 1]), [0, 1, 0], [0, 1, 2], [1, 1, 2], [1.0, 1.0, 1.0])]),
    # infeasible, but by as little as one likes
    ConicProblem([0.0], [Block([[0.0, 1], [1, 0]], [0], [0], [0], [1.0])]),
    # bounded below, but not attained
    ConicProblem([1.0, 0.0], [Block([[0.0, 1], [1, 0]], [0, 1], [0, 1], [0, 1], [1.0, 1.0])]),
    # the only feasible point is zero
    ConicProblem([1.0, 1.0], [Block(np.zeros((2, 2)), [0, 0, 1], [0, 1, 0], [0, 1, 1], [1.0, -1.0, 1.0])]),
]


@pytest.mark.parametrize("problem", HARD)
@pytest.mark.parametrize("max_iter", [1, 3, 100])
def test_problems_without_strong_duality_end_with_numbers(problem, max_iter):
    found = SDP(max_iter=max_iter).solve(problem)
    assert np.isfinite(found.y).all()
    assert all(np.isfinite(x).all() for x in found.multipliers)
    assert not np.isnan([found.objective, found.dual_objective, found.gap, found.relative_gap, found.condition]).any()
    assert found.status.advice


def test_progress_is_reported_and_the_best_iterate_returned(rng):
    ticks = []
    problem = ConicProblem([1.0], [Block(np.eye(2), [0], [0], [1], [1.0])])
    found = SDP(max_iter=3).solve(problem, progress=ticks.append)
    assert [tick.step for tick in ticks] == [0, 1, 2, 3]
    assert found.status is Status.MAX_ITER
    assert not found.status.solved
    assert -1 - 1e-2 < lower_bound(problem, found, [1.0]) <= -1


def test_random_nonsense_ends_with_numbers(rng):
    for _ in range(40):
        m, n, entries = int(rng.integers(1, 6)), int(rng.integers(1, 6)), int(rng.integers(0, 12))
        ends = np.sort(rng.integers(0, n, (2, entries)), axis=0)
        c = rng.normal(size=(n, n)) * 10.0 ** rng.uniform(-9, 9)
        values = rng.normal(size=entries) * 10.0 ** rng.uniform(-9, 9, entries)
        problem = ConicProblem(rng.normal(size=m), [Block(c + c.T, rng.integers(0, m, entries), *ends, values)])
        found = SDP().solve(problem)
        assert np.isfinite(found.y).all()
        assert not np.isnan([found.objective, found.dual_objective, found.gap]).any()
        assert not np.isnan(lower_bound(problem, found, np.full(m, 1.0)))
