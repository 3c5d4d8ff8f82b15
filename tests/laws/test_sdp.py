"""Optimality conditions, certificates and equivariance of the semidefinite solver, on planted problems."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from mixot.errors import InputError
from mixot.results import Status
from mixot.solvers.sdp.dual_bound import lower_bound
from mixot.solvers.sdp.interior_point import SDP
from mixot.solvers.sdp.problem import Block, ConicProblem, SDPSolution

TOL = 1e-6  # a hundred times the solver's own


def symmetric(x):
    return (x + x.T) / 2


def block_of(constant, matrices):
    """A block from dense symmetric matrices, one for each variable."""
    row, col = np.triu_indices(len(constant))
    triplets = [(a, i, j, x[i, j]) for a, x in enumerate(matrices) for i, j in zip(row, col) if x[i, j] != 0]
    variable, row, col, value = (np.array(part) for part in zip(*triplets)) if triplets else np.zeros((4, 0), dtype=int)
    return Block(constant, variable, row, col, value.astype(float))


def planted(rng, variables, sizes, rows=0, *, strict=True, density=1.0):
    """A problem with a known optimum: y, and complementary X_j and Z_j of random rank; not strictly if so asked."""
    y, cost, blocks = rng.normal(size=variables), np.zeros(variables), []
    for n in sizes:
        basis, rank = np.linalg.qr(rng.normal(size=(n, n)))[0], rng.integers(0, n + 1)
        slack, price = rng.uniform(0.5, 2, (2, n))
        slack[rank:], price[:rank] = 0, 0
        if not strict and n > 1:
            slack[max(rank - 1, 0)], price[min(rank, n - 1)] = 0, 0
        matrices = [symmetric(rng.normal(size=(n, n)) * (rng.random((n, n)) < density)) for _ in range(variables)]
        cost += [np.sum(a * ((basis * price) @ basis.T)) for a in matrices]
        linear = np.tensordot(y, matrices, 1) if variables else 0.0
        blocks.append(block_of(symmetric((basis * slack) @ basis.T - linear), matrices))
    g = rng.normal(size=(rows, variables))
    slack = np.where(rng.random(rows) < 0.5, rng.uniform(0.5, 2, rows), 0.0)
    cost += g.T @ np.where(slack > 0, 0.0, rng.uniform(0.5, 2, rows))
    return ConicProblem(cost, blocks, 0.0, g, slack - g @ y), float(cost @ y)


def assert_optimal(problem, found, tol=TOL):
    """Feasible, dual feasible, complementary."""
    assert found.status is Status.OPTIMAL
    size = 1 + np.abs(problem.cost).max(initial=0)
    largest = 1 + max([np.abs(b.constant).max(initial=0) for b in problem.blocks], default=0)
    complementarity = found.inequality_multipliers @ (problem.inequality_matrix @ found.y + problem.inequality_offset)
    for block, x in zip(problem.blocks, found.multipliers):
        np.testing.assert_array_equal(x, x.T)
        if len(block):
            assert np.linalg.eigvalsh(block.at(found.y))[0] >= -tol * largest
            assert np.linalg.eigvalsh(x)[0] >= -1e-12 * (1 + np.trace(x))
        complementarity += np.sum(x * block.at(found.y))
    assert (found.inequality_multipliers >= 0).all()
    np.testing.assert_allclose(
        problem.adjoint(found.multipliers, found.inequality_multipliers), problem.cost, atol=tol * size
    )
    assert abs(complementarity) <= tol * (1 + abs(found.objective))
    assert found.objective == pytest.approx(problem.offset + problem.cost @ found.y)
    assert found.gap == pytest.approx(found.objective - found.dual_objective)
    assert max(found.primal_infeasibility, found.dual_infeasibility, found.relative_gap) <= tol


def draw(rng):
    return int(rng.integers(1, 13)), rng.integers(1, 8, size=rng.integers(1, 4)), int(rng.integers(0, 5))


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("density", [0.3, 1.0])
def test_planted_optimum_is_found(rng, strict, density):
    for _ in range(40):
        problem, value = planted(rng, *draw(rng), strict=strict, density=density)
        found = SDP().solve(problem)
        assert_optimal(problem, found)
        assert found.objective == pytest.approx(value, abs=TOL * (1 + abs(value)))


def test_larger_blocks_and_more_variables_than_entries_of_one_tile(rng):
    problem, value = planted(rng, 60, [33, 26], 40, density=0.05)
    found = SDP(threads=2).solve(problem)
    assert_optimal(problem, found)
    assert found.objective == pytest.approx(value, abs=TOL * (1 + abs(value)))


def test_threads_do_not_change_the_answer(rng):
    problem, _ = planted(rng, 20, [17, 12], 3)
    one, two = SDP().solve(problem), SDP(threads=3).solve(problem)
    np.testing.assert_array_equal(one.y, two.y)


def test_dependent_variables_do_no_harm(rng):
    problem, value = planted(rng, 6, [4, 5], 2)
    doubled = []
    for b in problem.blocks:
        variable = np.concatenate([b.variable, b.variable + 6])
        doubled.append(Block(b.constant, variable, *(np.tile(x, 2) for x in (b.row, b.col, b.value))))
    g = np.hstack([problem.inequality_matrix.toarray()] * 2)
    twice = ConicProblem(np.tile(problem.cost, 2), doubled, 0.0, g, problem.inequality_offset)
    found = SDP().solve(twice)
    assert_optimal(twice, found)
    assert found.objective == pytest.approx(value, abs=TOL * (1 + abs(value)))
    tilted = ConicProblem(np.append(problem.cost, problem.cost + 1), doubled, 0.0, g, problem.inequality_offset)
    found = SDP().solve(tilted)
    assert found.status is Status.UNBOUNDED
    assert_ray(tilted, found)


@pytest.mark.parametrize("exponent", [-8, -4, 4, 8])
@pytest.mark.parametrize("what", ["cost", "constants", "matrices", "variables", "rows"])
def test_units_do_not_matter(rng, exponent, what):
    problem, value = planted(rng, 6, [4, 3], 2)
    scale, blocks, cost = 10.0**exponent, problem.blocks, problem.cost
    g, right = problem.inequality_matrix.toarray(), problem.inequality_offset
    spread = 10.0 ** rng.uniform(-abs(exponent), abs(exponent), 6)
    if what == "cost":
        cost, value = cost * scale, value * scale
    elif what == "constants":
        blocks = [Block(scale * b.constant, b.variable, b.row, b.col, b.value) for b in blocks]
        right, value = right * scale, value * scale
    elif what == "matrices":
        blocks = [Block(b.constant, b.variable, b.row, b.col, scale * b.value) for b in blocks]
        g, value = g * scale, value / scale
    elif what == "variables":
        blocks = [Block(b.constant, b.variable, b.row, b.col, b.value * spread[b.variable]) for b in blocks]
        g, cost = g * spread, cost * spread
    else:  # congruence with a diagonal matrix
        for j, b in enumerate(blocks):
            d = 10.0 ** rng.uniform(-abs(exponent) / 2, abs(exponent) / 2, len(b))
            scaled = Block(np.outer(d, d) * b.constant, b.variable, b.row, b.col, b.value * d[b.row] * d[b.col])
            blocks = (*blocks[:j], scaled, *blocks[j + 1 :])
    found = SDP().solve(ConicProblem(cost, blocks, 0.0, g, right))
    assert found.status is Status.OPTIMAL
    assert found.objective == pytest.approx(value, rel=TOL)


def test_order_of_variables_rows_and_blocks_does_not_matter(rng):
    problem, value = planted(rng, 7, [4, 3, 5], 3)
    order = rng.permutation(7)
    place = np.argsort(order)
    blocks = []
    for b in reversed(problem.blocks):
        rows = rng.permutation(len(b))
        at = np.argsort(rows)
        ends = np.sort([at[b.row], at[b.col]], axis=0)
        blocks.append(Block(b.constant[np.ix_(rows, rows)], place[b.variable], *ends, b.value))
    g = problem.inequality_matrix.toarray()[:, order]
    found = SDP().solve(ConicProblem(problem.cost[order], blocks, 2.5, g, problem.inequality_offset))
    assert found.objective == pytest.approx(value + 2.5, abs=TOL * (1 + abs(value)))


def test_congruence_leaves_the_optimum(rng):
    problem, value = planted(rng, 5, [4])
    (block,) = problem.blocks
    s = rng.normal(size=(4, 4))
    matrices = block.operator(5).toarray().T.reshape(5, 4, 4)
    moved = block_of(symmetric(s @ block.constant @ s.T), [symmetric(s @ a @ s.T) for a in matrices])
    found = SDP().solve(ConicProblem(problem.cost, [moved]))
    assert found.objective == pytest.approx(value, abs=TOL * (1 + abs(value)))


def test_a_block_that_falls_apart_is_the_same_as_its_parts(rng):
    problem, value = planted(rng, 5, [3, 1, 2], 1)
    start, constant, parts = 0, np.zeros((8, 8)), []
    for b in problem.blocks:  # one after the other, then two rows of zeros
        constant[start : start + len(b), start : start + len(b)] = b.constant
        parts.append((b.variable, b.row + start, b.col + start, b.value))
        start += len(b)
    merged = Block(constant, *(np.concatenate(part) for part in zip(*parts)))
    whole = ConicProblem(problem.cost, [merged], 0.0, problem.inequality_matrix, problem.inequality_offset)
    found = SDP().solve(whole)
    assert_optimal(whole, found)
    assert found.objective == pytest.approx(value, abs=TOL * (1 + abs(value)))


def test_triplets_at_one_place_add_up(rng):
    problem, value = planted(rng, 4, [5], 0)
    (b,) = problem.blocks
    pieces = [(b.variable, b.row, b.col, share * b.value) for share in (0.25, 0.75, 7.0, -7.0)]
    variable, row, col, x = (np.concatenate(part) for part in zip(*pieces))
    cancelled = np.append(variable, [4, 4]), np.append(row, [0, 0]), np.append(col, [1, 1]), np.append(x, [3.0, -3.0])
    split = ConicProblem(np.append(problem.cost, 0.0), [Block(b.constant, *cancelled)])
    assert SDP().solve(split).objective == pytest.approx(value, abs=TOL * (1 + abs(value)))


# ---- problems without an answer ----


def infeasible(rng, variables, sizes, rows):
    """Every A_a is orthogonal to some Z >= 0, and the constants have <C, Z> < 0."""
    roots = [rng.normal(size=(n, rng.integers(1, n + 1))) for n in sizes]
    duals, x = [r @ r.T for r in roots], rng.uniform(0, 1, rows)
    size = sum(np.sum(z * z) for z in duals) + x @ x

    def tilted(inner):
        parts, line = [symmetric(rng.normal(size=(n, n))) for n in sizes], rng.normal(size=rows)
        excess = (sum(np.sum(a * z) for a, z in zip(parts, duals)) + line @ x - inner) / size
        return [a - excess * z for a, z in zip(parts, duals)], line - excess * x

    constants, right = tilted(-rng.uniform(0.1, 3))
    columns = [tilted(0.0) for _ in range(variables)]
    blocks = [block_of(symmetric(c), [parts[j] for parts, _ in columns]) for j, c in enumerate(constants)]
    g = np.array([line for _, line in columns]).T.reshape(rows, variables)
    return ConicProblem(rng.normal(size=variables), blocks, 0.0, g, right)


def unbounded(rng, variables, sizes, rows):
    """Along some ray every block moves into its cone; a point in the interior exists."""
    ray, y, blocks = rng.normal(size=variables), rng.normal(size=variables), []
    for n in sizes:
        matrices = np.array([symmetric(rng.normal(size=(n, n))) for _ in range(variables)])
        root = rng.normal(size=(n, rng.integers(1, n + 1)))
        matrices += (ray / (ray @ ray))[:, None, None] * (root @ root.T - np.tensordot(ray, matrices, 1))
        matrices = (matrices + matrices.swapaxes(1, 2)) / 2
        constant = np.eye(n) * rng.uniform(0.1, 1) - np.tensordot(y, matrices, 1)
        blocks.append(block_of(symmetric(constant), matrices))
    g = rng.normal(size=(rows, variables))
    g += np.outer(rng.uniform(0.1, 1, rows) - g @ ray, ray) / (ray @ ray)
    cost = rng.normal(size=variables)
    cost -= ray * (cost @ ray + rng.uniform(0.1, 1)) / (ray @ ray)
    return ConicProblem(cost, blocks, 0.0, g, 1 - g @ y)


def assert_farkas(problem, found):
    proof = found.certificate
    assert found.objective == found.dual_objective == np.inf
    assert found.gap == np.inf
    assert all(np.linalg.eigvalsh(x)[0] >= -1e-12 * (1 + np.trace(x)) for x in proof.multipliers)
    assert (proof.inequality_multipliers >= 0).all()
    inner = sum(np.sum(b.constant * x) for b, x in zip(problem.blocks, proof.multipliers))
    assert inner + problem.inequality_offset @ proof.inequality_multipliers == pytest.approx(-1)
    np.testing.assert_allclose(problem.adjoint(proof.multipliers, proof.inequality_multipliers), 0, atol=1e-6)


def assert_ray(problem, found):
    ray = found.certificate.ray
    assert found.objective == found.dual_objective == -np.inf
    assert problem.cost @ ray == pytest.approx(-1)
    for b in problem.blocks:
        moved = b.at(ray) - b.constant
        assert np.linalg.eigvalsh(moved)[0] >= -1e-6 * (1 + np.abs(moved).max())
    assert (problem.inequality_matrix @ ray >= -1e-6).all()


def test_infeasible_problems_are_proven_so(rng):
    for _ in range(60):
        variables, sizes, rows = draw(rng)
        problem = infeasible(rng, variables, sizes, rows)
        found = SDP().solve(problem)
        assert found.status is Status.INFEASIBLE
        assert not found.status.solved
        assert_farkas(problem, found)
        assert lower_bound(problem, found, np.full(variables, 1e3)) == np.inf


def test_unbounded_problems_come_with_a_ray(rng):
    for _ in range(60):
        problem = unbounded(rng, *draw(rng))
        found = SDP().solve(problem)
        assert found.status is Status.UNBOUNDED
        assert_ray(problem, found)
        assert np.isfinite(found.y).all()


def test_infeasible_goes_before_unbounded():
    # no block holds the second variable, so the cost falls along it; but no point is feasible either
    problem = ConicProblem([1.0, 1.0], [Block(-np.eye(2), [0, 0], [0, 1], [0, 1], [1.0, -1.0])])
    assert SDP().solve(problem).status is Status.INFEASIBLE


# ---- the proven bound ----


def perturbed(rng, found):
    """Multipliers as an unfinished or damaged solve would leave them, some indefinite."""
    noise = 10.0 ** rng.uniform(-12, 0)
    blocks = tuple(x + noise * symmetric(rng.normal(size=x.shape)) for x in found.multipliers)
    rows = found.inequality_multipliers + noise * rng.normal(size=found.inequality_multipliers.shape)
    return blocks, rows


def test_bound_holds_for_whatever_multipliers(rng):
    checked = 0
    for _ in range(200):
        variables, sizes, rows = int(rng.integers(1, 6)), rng.integers(1, 5, size=2), int(rng.integers(0, 3))
        problem, value = planted(rng, variables, sizes, rows)
        box = np.full(variables, 20.0)  # holds the planted point, where the optimum is attained
        rounding = 1e-13 * (1 + np.abs(problem.cost).sum())  # of the planted value and constants themselves
        found = SDP(max_iter=int(rng.integers(1, 20))).solve(problem)
        if not np.isfinite(found.objective):
            continue
        bound = lower_bound(problem, found, box)
        assert bound <= value + rounding
        assert not found.status.solved or bound >= value - 1e-5 * (1 + abs(value))
        for _ in range(5):
            blocks, x = perturbed(rng, found)
            damaged = replace(found, multipliers=blocks, inequality_multipliers=x)
            assert lower_bound(problem, damaged, (-box, box)) <= value + rounding
            checked += 1
    assert checked >= 990


def test_bound_is_below_an_optimum_known_exactly():
    # min y with [[1, y], [y, 1]] >= 0 is -1, and the multiplier [[1, 1], [1, 1]] / 2 proves it
    problem = ConicProblem([1.0], [Block(np.eye(2), [0], [0], [1], [1.0])])
    found = SDP().solve(problem)
    bound = lower_bound(problem, found, [1.0])
    assert -1 - 1e-7 < bound <= -1
    exact = lower_bound(problem, replace(found, multipliers=(np.full((2, 2), 0.5),)), [1.0])
    assert -1 - 1e-13 < exact <= -1
    negative = lower_bound(problem, replace(found, multipliers=(np.array([[0.0, 0.5], [0.5, 0.0]]),)), [1.0])
    assert -2 - 1e-6 <= negative <= -1  # moved into the cone


def test_bound_without_bounds_on_the_variables(rng):
    problem, _ = planted(rng, 3, [3])
    assert lower_bound(problem, SDP().solve(problem), np.full(3, np.inf)) == -np.inf
    flat = ConicProblem([0.0], [Block(np.eye(1), [0], [0], [0], [1.0])], 4.0)
    assert lower_bound(flat, SDP().solve(flat), [0.0]) == pytest.approx(4.0)


def test_a_start_saves_iterations_and_changes_no_answer(rng):
    problem, value = planted(rng, 8, [6, 5], 3)
    cold = SDP().solve(problem)
    tilted = ConicProblem(
        1.01 * problem.cost, problem.blocks, 0.0, problem.inequality_matrix, problem.inequality_offset
    )
    warm = SDP().solve(tilted, start=cold)
    assert_optimal(tilted, warm)
    assert warm.objective == pytest.approx(1.01 * value, abs=TOL * (1 + abs(value)))
    assert warm.iterations <= cold.iterations
    with pytest.raises(InputError, match="sizes of the problem"):
        SDP().solve(ConicProblem([1.0], [Block(np.eye(2), [0], [0], [1], [1.0])]), start=cold)
    impossible = infeasible(rng, 3, [3], 1)
    assert SDP().solve(impossible, start=SDP().solve(impossible)).status is Status.INFEASIBLE


@pytest.mark.parametrize(("noise", "reach"), [(0.0, 10.0), (1e-15, 10.0), (1e-3, 10.0), (0.0, 1e8)])
def test_bound_is_rounded_downwards(rng, noise, reach):
    """Against the same bound in rational numbers, for inequalities, where the multipliers need not be moved."""
    tight = 0
    for _ in range(100):
        g, right = rng.normal(size=(12, 6)), 100 * rng.normal(size=12)
        x = rng.uniform(0, 1, 12)
        cost, high = (g.T @ x) * (1 + noise * rng.normal(size=6)), reach * rng.uniform(size=6)
        problem = ConicProblem(cost, [], 0.1, g, right)
        found = SDPSolution(np.zeros(6), 0.0, 0.0, (), x, 0.0, 0.0, Status.STALLED, 0)
        exact = Fraction(0.1) - sum(Fraction(a) * Fraction(b) for a, b in zip(x, right))
        for a in range(6):
            residual = Fraction(cost[a]) - sum(Fraction(p) * Fraction(q) for p, q in zip(g[:, a], x))
            exact -= abs(residual) * Fraction(high[a])
        bound = Fraction(lower_bound(problem, found, high))
        plain = Fraction(0.1) - sum(Fraction(abs(c)) * Fraction(h) for c, h in zip(cost, high))  # no multipliers at all
        assert bound <= max(exact, plain)
        tight += bound > max(exact, plain) - Fraction(1e-10 * reach)
    assert tight == 100
