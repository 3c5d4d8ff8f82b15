"""Semidefinite programs whose optimum is known in closed form."""

from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import linprog

from mixot import _native
from mixot.results import Status
from mixot.solvers.sdp.dual_bound import lower_bound
from mixot.solvers.sdp.interior_point import SDP
from mixot.solvers.sdp.problem import Block, ConicProblem

TOL = 1e-7


def block(constant, *triplets):
    variable, row, col, value = zip(*triplets)
    return Block(np.array(constant, dtype=float), variable, row, col, np.array(value, dtype=float))


def hankel(size, shift, constant_at_zero, weights):
    """``sum_k weights[k] y_(i+j+k)`` as a block; y_0 = constant_at_zero, variable a holds y_(a+1)."""
    constant, triplets = np.zeros((size, size)), []
    for i in range(size):
        for j in range(i, size):
            for k, weight in enumerate(weights):
                power = i + j + k + shift
                if power == 0:
                    constant[i, j] = constant[j, i] = weight * constant_at_zero
                else:
                    triplets.append((power - 1, i, j, weight))
    return block(constant, *triplets)


def test_largest_eigenvalue(rng):
    a = rng.normal(size=(12, 12))
    a += a.T
    n = np.arange(12)
    found = SDP().solve(ConicProblem([1.0], [Block(-a, np.zeros(12, int), n, n, np.ones(12))]))
    assert found.objective == pytest.approx(np.linalg.eigvalsh(a)[-1], abs=TOL * 10)


def test_lovasz_theta_of_the_pentagon():
    # theta(C5) = sqrt 5 (Lovász 1979): min t with t I + sum_edges y_e E_e - J >= 0
    edges = [(i, (i + 1) % 5) for i in range(5)]
    triplets = [(0, i, i, 1.0) for i in range(5)]
    triplets += [(1 + e, min(pair), max(pair), 1.0) for e, pair in enumerate(edges)]
    found = SDP().solve(ConicProblem([1.0] + [0.0] * 5, [block(-np.ones((5, 5)), *triplets)]))
    assert found.objective == pytest.approx(np.sqrt(5), abs=TOL * 10)


@pytest.mark.parametrize("n", [3, 5, 7])
def test_max_cut_of_odd_cycles(n):
    # the Goemans-Williamson bound of an odd cycle is n (1 + cos(pi / n)) / 2
    laplacian = 2 * np.eye(n) - np.roll(np.eye(n), 1, 0) - np.roll(np.eye(n), -1, 0)
    dual = SDP().solve(ConicProblem(np.ones(n), [block(-laplacian / 4, *((i, i, i, 1.0) for i in range(n)))]))
    assert dual.objective == pytest.approx(n * (1 + np.cos(np.pi / n)) / 2, abs=TOL * 10)
    pairs = list(combinations(range(n), 2))
    cost = [-laplacian[i, j] / 2 for i, j in pairs]
    primal = SDP().solve(ConicProblem(cost, [block(np.eye(n), *((a, i, j, 1.0) for a, (i, j) in enumerate(pairs)))]))
    assert primal.objective == pytest.approx(np.trace(laplacian) / 4 - dual.objective, abs=TOL * 10)


def test_second_lasserre_relaxation_of_max_cut_is_tight():
    # triangle: the first relaxation gives 9/4, the second the cut itself, 2 (Lasserre 2001)
    subsets = [frozenset(s) for size in range(3) for s in combinations(range(3), size)]
    moments = sorted({a ^ b for a in subsets for b in subsets} - {frozenset()}, key=lambda s: (len(s), sorted(s)))
    triplets = [
        (moments.index(a ^ b), i, j, 1.0)
        for i, a in enumerate(subsets)
        for j, b in enumerate(subsets)
        if i < j
    ]  # fmt: skip
    cost = np.array([0.5 if len(s) == 2 else 0.0 for s in moments])
    problem = ConicProblem(cost, [block(np.eye(len(subsets)), *triplets)], -1.5)
    found = SDP().solve(problem)
    assert found.objective == pytest.approx(-2.0, abs=TOL * 10)
    bound = lower_bound(problem, found, np.ones(len(moments)))
    assert -2.0 - 1e-6 < bound <= -2.0


@pytest.mark.parametrize("order", [3, 4, 5])
def test_least_value_of_a_polynomial(order):
    # x^6 - 2 x^4 + x / 4 on [-2, 2]: exact from order 3 on, since the polynomial has one variable
    moments, cost = 2 * order, np.zeros(2 * order)
    cost[[5, 3, 0]] = 1.0, -2.0, 0.25
    blocks = [hankel(order + 1, 0, 1.0, [1.0]), hankel(order, 0, 1.0, [4.0, 0.0, -1.0])]
    problem = ConicProblem(cost, blocks)
    found = SDP().solve(problem)
    x = np.roots(np.polyder([1, 0, -2, 0, 0, 0.25, 0]))
    x = np.append(x[np.abs(x.imag) < 1e-9].real, [-2.0, 2.0])
    exact = float(np.polyval([1, 0, -2, 0, 0, 0.25, 0], x[np.abs(x) <= 2]).min())
    assert found.status is Status.OPTIMAL
    assert found.objective == pytest.approx(exact, abs=1e-6)
    bound = lower_bound(problem, found, 2.0 ** np.arange(1, moments + 1))
    assert exact - 1e-4 < bound <= exact + 1e-14


def test_motzkin_polynomial_on_a_ball_needs_more_than_its_degree():
    # x^4 y^2 + x^2 y^4 - 3 x^2 y^2 + 1 >= 0 vanishes at |x| = |y| = 1; order 4 on |(x, y)|^2 <= 4 proves almost 0
    order, index = 4, {}
    exponents = [(a, d - a) for d in range(order + 1) for a in range(d, -1, -1)]

    def at(*power):
        return index.setdefault(power, len(index)) if any(power) else None

    def localised(basis, polynomial):
        constant, triplets = np.zeros((len(basis), len(basis))), []
        for i, p in enumerate(basis):
            for j, q in enumerate(basis[i:], start=i):
                for shift, value in polynomial.items():
                    variable = at(*(x + y + z for x, y, z in zip(p, q, shift)))
                    if variable is None:
                        constant[i, j] = value
                    else:
                        triplets.append((variable, i, j, value))
        return block(constant, *triplets)

    blocks = [localised(exponents, {(0, 0): 1.0})]
    blocks.append(localised(exponents[:10], {(0, 0): 4.0, (2, 0): -1.0, (0, 2): -1.0}))
    cost = np.zeros(len(index))
    cost[[at(4, 2), at(2, 4), at(2, 2)]] = 1.0, 1.0, -3.0
    found = SDP().solve(ConicProblem(cost, blocks, 1.0))
    assert found.status is Status.OPTIMAL
    assert -1e-2 < found.objective <= 1e-7


def test_linear_programs_are_semidefinite_programs(rng):
    for _ in range(10):
        g, y = rng.normal(size=(12, 5)), rng.normal(size=5)
        right = rng.uniform(0, 1, 12) * (rng.random(12) < 0.6) - g @ y
        cost = g.T @ rng.uniform(0, 1, 12)
        exact = linprog(cost, A_ub=-g, b_ub=right, bounds=(None, None)).fun
        assert SDP().solve(ConicProblem(cost, [], 0.0, g, right)).objective == pytest.approx(exact, abs=1e-6)
        rows = [block([[value]], *((a, 0, 0, x) for a, x in enumerate(line))) for value, line in zip(right, g)]
        assert SDP().solve(ConicProblem(cost, rows)).objective == pytest.approx(exact, abs=1e-6)


def test_an_infimum_that_is_not_attained():
    # y_0 y_1 >= 1: y_0 can be as small as one likes
    found = SDP().solve(ConicProblem([1.0, 0.0], [block([[0, 1], [1, 0]], (0, 0, 0, 1.0), (1, 1, 1, 1.0))]))
    assert np.isfinite(found.y).all()
    assert 0 <= found.objective < 1e-4


def test_no_interior():
    # a zero on the diagonal forces the row to vanish
    problem = ConicProblem(
        [1.0, 0.0],
        [block([[0, 0, 0], [0, 1, 0], [0, 0, 0]], (0, 0, 0, 1.0), (1, 0, 2, 1.0), (1, 1, 1, 1.0), (0, 0, 1, 1.0))],
    )
    assert SDP().solve(problem).objective == pytest.approx(0.0, abs=1e-6)


# ---- kernels ----


def spd(rng, n, least=0.1):
    a = rng.normal(size=(n, n))
    return a @ a.T + least * np.eye(n)


@pytest.mark.parametrize("n", [1, 2, 5, 31, 33, 70, 161, 300])
def test_cholesky_kernel(rng, n):
    a = spd(rng, n)
    factor, x = a.copy(), rng.normal(size=n)
    assert _native.cholesky(factor, np.zeros(n)) == 0
    np.testing.assert_allclose(np.triu(factor), np.linalg.cholesky(a).T, rtol=1e-8, atol=1e-10 * n)
    solution, back = x.copy(), np.empty(n)
    _native.cholesky_solve(factor, solution)
    _native.symmetric_product(np.ascontiguousarray(np.triu(a)), solution, back)
    np.testing.assert_allclose(back, x, atol=1e-7)


def test_cholesky_kernel_leaves_dependent_unknowns_at_zero(rng):
    root = rng.normal(size=(40, 50))
    root[:, 20] = root[:, 3]
    a = np.ascontiguousarray(root[:30].T @ root[:30])
    a = np.ascontiguousarray(a[:25, :25])
    assert _native.cholesky(a, 1e-12 * np.diag(a)) == 1
    x = np.ones(25)
    _native.cholesky_solve(a, x)
    assert abs(x[20]) < 1e-100


@pytest.mark.parametrize("sizes", [[1], [2, 1, 3], [16, 30, 1, 1], [70, 13], [97]])
def test_block_kernels(rng, sizes):
    x, z = [spd(rng, n) for n in sizes], [spd(rng, n) for n in sizes]
    d = [a - 2 * np.trace(a) / n * np.eye(n) for a, n in zip((spd(rng, n) for n in sizes), sizes)]
    flat_x, flat_z, flat_d = (np.concatenate([a.ravel() for a in mats]) for mats in (x, z, d))
    blocks, factor, inverse, out = np.array(sizes), *(np.empty_like(flat_x) for _ in range(3))
    assert _native.psd_inverse_factors(blocks, flat_x, factor)
    _native.psd_inverses(blocks, factor, inverse)
    np.testing.assert_allclose(inverse, np.concatenate([np.linalg.inv(a).ravel() for a in x]), rtol=1e-6, atol=1e-7)
    _native.psd_sandwich(blocks, inverse, flat_d, flat_z, out)
    expected = [np.linalg.inv(a) @ b @ c for a, b, c in zip(x, d, z)]
    np.testing.assert_allclose(
        out, np.concatenate([((e + e.T) / 2).ravel() for e in expected]), rtol=1e-6, atol=1e-5 * np.abs(out).max()
    )
    exact = min(np.linalg.eigvals(np.linalg.solve(a, b)).real.min() for a, b in zip(x, d))
    least = _native.psd_least_eigenvalue(blocks, factor, flat_d)
    assert exact - 1.1e-3 * abs(exact) <= least <= exact + 1e-9 * abs(exact)
    flat_x[-1] = -1.0
    assert not _native.psd_inverse_factors(blocks, flat_x, factor)
