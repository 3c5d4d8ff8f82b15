"""The same semidefinite programs through Clarabel and SCS."""

import numpy as np
import pytest

from mixot import extras
from mixot.errors import UnsupportedError
from mixot.results import Status
from mixot.solvers.sdp.clarabel import ClarabelSDP
from mixot.solvers.sdp.interior_point import SDP
from mixot.solvers.sdp.problem import Block, ConicProblem
from mixot.solvers.sdp.scs import SCSSDP


def random_problem(rng, variables=8, sizes=(5, 3), rows=4):
    """Bounded below, with points in both interiors."""
    blocks, cost = [], np.zeros(variables)
    for n in sizes:
        a = rng.normal(size=(variables, n, n))
        a += a.swapaxes(1, 2)
        cost += np.trace(a, axis1=1, axis2=2)  # the identity is dual feasible
        row, col = np.triu_indices(n)
        places = np.tile(row, variables), np.tile(col, variables), a[:, row, col].ravel()
        blocks.append(Block(np.eye(n) * n, np.repeat(np.arange(variables), len(row)), *places))
    g = rng.normal(size=(rows, variables))
    return ConicProblem(cost + g.sum(axis=0), blocks, 1.5, g, np.ones(rows))


def shortest_moments(rng, order=4):
    """The least fourth moment on [-1, 1] that the moments up to the third of a few points allow."""
    points = rng.uniform(-1, 1, 5)
    known = [float(np.mean(points**k)) for k in range(4)]
    free = 2 * order + 1 - len(known)
    blocks = []
    for size, polynomial in ((order + 1, {0: 1.0}), (order, {0: 1.0, 2: -1.0})):
        constant, triplets = np.zeros((size, size)), []
        for i in range(size):
            for j in range(i, size):
                for shift, weight in polynomial.items():
                    k = i + j + shift
                    if k < len(known):
                        constant[i, j] += weight * known[k]
                    else:
                        triplets.append((k - len(known), i, j, weight))
        constant = np.triu(constant) + np.triu(constant, 1).T
        blocks.append(Block(constant, *(np.array(part) for part in zip(*triplets))))
    return ConicProblem([*np.ones(1), *np.zeros(free - 1)], blocks)


def test_clarabel_agrees(rng):
    pytest.importorskip("clarabel")
    for _ in range(15):
        for problem in (random_problem(rng), shortest_moments(rng)):
            ours, theirs = SDP().solve(problem), ClarabelSDP().solve(problem)
            assert ours.status is Status.OPTIMAL
            assert theirs.objective == pytest.approx(ours.objective, rel=1e-6, abs=1e-6)
            assert theirs.dual_objective == pytest.approx(ours.dual_objective, rel=1e-6, abs=1e-6)
            assert max(theirs.primal_infeasibility, theirs.dual_infeasibility) < 1e-6


def test_multipliers_agree_where_they_are_unique(rng):
    pytest.importorskip("clarabel")
    problem = random_problem(rng, sizes=(4,), variables=5, rows=0)
    ours, theirs = SDP(tol=1e-10).solve(problem), ClarabelSDP(tol=1e-10).solve(problem)
    np.testing.assert_allclose(ours.multipliers[0], theirs.multipliers[0], atol=1e-4)
    np.testing.assert_allclose(ours.y, theirs.y, atol=1e-4)


def test_scs_agrees(rng):
    pytest.importorskip("scs")
    for _ in range(5):
        problem = random_problem(rng)
        ours, theirs = SDP().solve(problem), SCSSDP(tol=1e-7).solve(problem)
        assert theirs.status is Status.OPTIMAL
        assert theirs.objective == pytest.approx(ours.objective, rel=1e-4, abs=1e-4)
        np.testing.assert_allclose(theirs.inequality_multipliers, ours.inequality_multipliers, atol=1e-3)


@pytest.mark.parametrize("solver", [ClarabelSDP(), SCSSDP()])
def test_peers_hand_back_certificates(solver):
    pytest.importorskip("clarabel" if isinstance(solver, ClarabelSDP) else "scs")
    between = Block(-np.eye(2), [0, 0], [0, 1], [0, 1], [1.0, -1.0])  # y >= 1 and y <= -1
    found = solver.solve(ConicProblem([1.0], [between]))
    assert found.status is Status.INFEASIBLE
    assert found.certificate.error < 1e-4
    above = Block(np.eye(2), [0, 0], [0, 1], [0, 1], [1.0, 1.0])
    found = solver.solve(ConicProblem([-2.0], [above]))
    assert found.status is Status.UNBOUNDED
    np.testing.assert_allclose(found.certificate.ray, [0.5])


@pytest.mark.parametrize(("solver", "package"), [(ClarabelSDP(), "clarabel"), (SCSSDP(), "scs")])
def test_an_absent_peer_says_how_to_get_it(solver, package, monkeypatch):
    def missing(name):
        raise ImportError(name=name)

    monkeypatch.setattr(extras, "import_module", missing)
    with pytest.raises(UnsupportedError, match=rf'"{package}".*pip install "mixot\[solvers\]"'):
        solver.solve(ConicProblem([1.0], [Block([[1.0]], [0], [0], [0], [1.0])]))
