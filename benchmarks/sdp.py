"""Moment relaxations of closest mixtures: mixot's interior-point method beside Clarabel, SCS, SDPA and CVXOPT.

``python benchmarks/sdp.py`` solves one problem of each kind with every solver, on one thread each; a peer that is not
installed is skipped. ``--instances 200`` solves that many random problems of each kind with mixot alone and reports the
worst, ``--compare 20`` checks the first 20 of them against Clarabel, ``--seed`` draws other mixtures. ``--cvxpy``
writes one of each kind in CVXPY, and solves it there by mixot and by Clarabel.
"""

from __future__ import annotations

import argparse
import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[_name] = "1"

import time  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from itertools import product  # noqa: E402

import numpy as np  # noqa: E402
from _table import print_table, time_it, versions  # noqa: E402
from scipy import sparse  # noqa: E402

from mixot.errors import UnsupportedError  # noqa: E402
from mixot.solvers.sdp.clarabel import ClarabelSDP  # noqa: E402
from mixot.solvers.sdp.dual_bound import lower_bound  # noqa: E402
from mixot.solvers.sdp.interior_point import SDP  # noqa: E402
from mixot.solvers.sdp.problem import Block, ConicProblem  # noqa: E402
from mixot.solvers.sdp.scs import SCSSDP  # noqa: E402

Exponent = tuple[int, ...]
Polynomial = dict[Exponent, float]

KINDS = {  # distance, dimension, order, covariances, components of the mixture the points are drawn from
    "TV, n = 2, order 4, diagonal": ("tv", 2, 4, "diagonal", 5),
    "W2, n = 2, order 4, diagonal": ("w2", 2, 4, "diagonal", 5),
    "TV, n = 2, order 5, diagonal": ("tv", 2, 5, "diagonal", 5),
    "TV, n = 3, order 3, diagonal": ("tv", 3, 3, "diagonal", 4),
    "TV, n = 2, order 4, full": ("tv", 2, 4, "full", 5),
}
LOW, HIGH, RIDGE = 0.01, 1.0, 1e-3  # bounds on the variances; weight of the regulariser


# ---- polynomials in the parameters: means first, then entries of the covariance, which weigh two degrees ----


def monomials(weights: list[int], degree: int) -> list[Exponent]:
    """All exponents of weighted degree up to ``degree``, graded."""
    ranges = [range(degree // w + 1) for w in weights]
    found = [a for a in product(*ranges) if np.dot(a, weights) <= degree]
    return sorted(found, key=lambda a: (np.dot(a, weights), tuple(-x for x in a)))


def shifted(a: Exponent, b: Exponent) -> Exponent:
    return tuple(x + y for x, y in zip(a, b, strict=True))


def times(p: Polynomial, q: Polynomial) -> Polynomial:
    out: Polynomial = {}
    for (a, x), (b, y) in product(p.items(), q.items()):
        out[shifted(a, b)] = out.get(shifted(a, b), 0.0) + x * y
    return out


def plus(p: Polynomial, q: Polynomial, factor: float = 1.0) -> Polynomial:
    out = dict(p)
    for a, y in q.items():
        out[a] = out.get(a, 0.0) + factor * y
    return out


class GaussianFamily:
    """Moments of a Gaussian law as polynomials of its parameters, and the set they lie in."""

    def __init__(self, dim: int, structure: str) -> None:
        self.dim = dim
        pairs = (
            [(i, j) for i in range(dim) for j in range(i, dim)] if structure == "full" else [(i, i) for i in range(dim)]
        )
        self.entries = {pair: dim + at for at, pair in enumerate(pairs)}
        self.weights = [1] * dim + [2] * len(pairs)
        self.known: dict[Exponent, Polynomial] = {(0,) * dim: {self.unit(): 1.0}}

    def unit(self, at: int | None = None, power: int = 1) -> Exponent:
        return tuple(power * (i == at) for i in range(len(self.weights)))

    def covariance(self, i: int, j: int) -> Polynomial:
        at = self.entries.get((min(i, j), max(i, j)))
        return {} if at is None else {self.unit(at): 1.0}

    def moment(self, alpha: Exponent) -> Polynomial:
        """``E x^alpha`` by Stein's recursion ``E x_i x^a = m_i E x^a + sum_j Sigma_ij a_j E x^(a - e_j)``."""
        if alpha not in self.known:
            i = next(i for i, power in enumerate(alpha) if power)
            rest = tuple(power - (k == i) for k, power in enumerate(alpha))
            out = times({self.unit(i): 1.0}, self.moment(rest))
            for j, power in enumerate(rest):
                if power and self.covariance(i, j):
                    less = tuple(x - (k == j) for k, x in enumerate(rest))
                    out = plus(out, times(self.covariance(i, j), self.moment(less)), power)
            self.known[alpha] = out
        return self.known[alpha]

    def constraints(self) -> Iterator[list[list[Polynomial]]]:
        """Matrices of polynomials that are positive semidefinite on the set of parameters."""
        for i in range(self.dim):
            yield [[{self.unit(): 1.0, self.unit(i, 2): -1.0}]]
        edges = ((1.0, -LOW), (-1.0, HIGH))
        if len(self.entries) == self.dim:
            yield from ([[{self.unit(): b, self.unit(at): s}]] for at in self.entries.values() for s, b in edges)
            return
        for sign, constant in edges:
            rows = range(self.dim)
            signed = [[{a: sign * x for a, x in self.covariance(i, j).items()} for j in rows] for i in rows]
            yield [
                [plus(signed[i][j], {self.unit(): constant}) if i == j else signed[i][j] for j in rows] for i in rows
            ]

    def regulariser(self, order: int) -> Polynomial:
        """Even powers of the parameters and of the monomials of the means."""
        out: Polynomial = {}
        for power in range(1, order + 1):
            for at in range(self.dim):
                out = plus(out, {self.unit(at, 2 * power): 1.0})
            for at in (self.entries[i, i] for i in range(self.dim)):
                out = plus(out, {self.unit(at, power): 1.0})
        for a in monomials([1] * self.dim, order)[1:]:
            out = plus(out, {tuple(2 * x for x in a) + (0,) * len(self.entries): 1.0})
        return out


# ---- the relaxations ----

Form = tuple[float, dict[int, float]]  # a constant and coefficients of the variables


def block(form: Callable[[int, int], Form], size: int) -> Block:
    """The block whose entry (i, j) is ``form(i, j)``."""
    constant, triplets = np.zeros((size, size)), []
    for i in range(size):
        for j in range(i, size):
            value, coefficients = form(i, j)
            constant[i, j] = constant[j, i] = value
            triplets += [(variable, i, j, x) for variable, x in coefficients.items() if x]
    variable, row, col, x = (np.array(part) for part in zip(*triplets, strict=True))
    return Block(constant, variable, row, col, x.astype(float))


class Relaxation:
    """Order-r relaxation of the closest mixture to a law with moments ``mu``."""

    def __init__(self, family: GaussianFamily, mu: dict[Exponent, float], order: int) -> None:
        self.family, self.mu, self.order = family, mu, order
        self.index: dict[object, int] = {}
        self.cost: dict[int, float] = {}
        self.offset = 0.0
        for a in monomials(family.weights, 2 * order)[1:]:
            self.index["phi", a] = len(self.index)
        self.blocks = [self.localised([[{family.unit(): 1.0}]])]
        self.blocks += [self.localised(matrix) for matrix in family.constraints()]
        self.charge(self.mixed(family.regulariser(order)), RIDGE)

    def mixed(self, p: Polynomial) -> Form:
        """The integral of p against the mixing measure."""
        coefficients = {self.index["phi", a]: x for a, x in p.items() if any(a)}
        return sum(x for a, x in p.items() if not any(a)), coefficients

    def charge(self, form: Form, factor: float) -> None:
        self.offset += factor * form[0]
        for variable, x in form[1].items():
            self.cost[variable] = self.cost.get(variable, 0.0) + factor * x

    def localised(self, matrix: list[list[Polynomial]]) -> Block:
        weights = self.family.weights
        degree = max(int(np.dot(a, weights)) for row in matrix for p in row for a in p)
        basis = list(product(monomials(weights, self.order - (degree + 1) // 2), range(len(matrix))))

        def entry(i: int, j: int) -> Form:
            (a, r), (b, c) = basis[i], basis[j]
            return self.mixed({shifted(shifted(a, b), e): x for e, x in matrix[r][c].items()})

        return block(entry, len(basis))

    def problem(self) -> ConicProblem:
        cost = np.zeros(len(self.index))
        cost[list(self.cost)] = list(self.cost.values())
        return ConicProblem(cost, self.blocks, self.offset)


def total_variation(relaxation: Relaxation) -> ConicProblem:
    """``2 - 2 eta_0``, eta the common part of the law and the mixture."""
    family, mu, index = relaxation.family, relaxation.mu, relaxation.index
    for a in monomials([1] * family.dim, 2 * relaxation.order):
        index["eta", a] = len(index)
    basis = monomials([1] * family.dim, relaxation.order)

    def at(i: int, j: int) -> Exponent:
        return shifted(basis[i], basis[j])

    def rest(i: int, j: int) -> Form:
        constant, coefficients = relaxation.mixed(family.moment(at(i, j)))
        return constant, coefficients | {index["eta", at(i, j)]: -1.0}

    forms = (
        lambda i, j: (0.0, {index["eta", at(i, j)]: 1.0}),
        lambda i, j: (mu[at(i, j)], {index["eta", at(i, j)]: -1.0}),
    )
    relaxation.blocks += [block(form, len(basis)) for form in (*forms, rest)]
    relaxation.charge((1.0, {index["eta", (0,) * family.dim]: -1.0}), 2.0)
    return relaxation.problem()


def wasserstein(relaxation: Relaxation) -> ConicProblem:
    """The moments of a coupling of the law and the mixture, and its mean squared distance."""
    family, mu, index = relaxation.family, relaxation.mu, relaxation.index
    n = family.dim
    basis = monomials([1] * (2 * n), relaxation.order)

    def coupled(a: Exponent) -> Form:
        if not any(a[n:]):
            return mu[a[:n]], {}
        if not any(a[:n]):
            return relaxation.mixed(family.moment(a[n:]))
        return 0.0, {index.setdefault(("lambda", a), len(index)): 1.0}

    relaxation.blocks.append(block(lambda i, j: coupled(shifted(basis[i], basis[j])), len(basis)))
    for i in range(n):
        x, y = (tuple(int(k == i + shift) for k in range(2 * n)) for shift in (0, n))
        for a, b, factor in ((x, x, 1.0), (y, y, 1.0), (x, y, -2.0)):
            relaxation.charge(coupled(shifted(a, b)), factor)
    return relaxation.problem()


def make(kind: str, seed: int) -> ConicProblem:
    """A problem of this kind for 1000 points of a random mixture, scaled to [-1, 1] on each axis."""
    distance, n, order, structure, k = KINDS[kind]
    rng = np.random.default_rng(seed)
    means, spreads = rng.uniform(0, 2, (k, n)), rng.uniform(0.05, 0.32, (k, n))
    labels = rng.choice(k, 1000, p=rng.dirichlet(np.full(k, 2.0)))
    points = means[labels] + spreads[labels] * rng.normal(size=(1000, n))
    low, high = points.min(axis=0), points.max(axis=0)
    points = 2 * (points - low) / (high - low) - 1
    mu = {a: float(np.mean(np.prod(points**a, axis=1))) for a in monomials([1] * n, 2 * order)}
    relaxation = Relaxation(GaussianFamily(n, structure), mu, order)
    return total_variation(relaxation) if distance == "tv" else wasserstein(relaxation)


# ---- peers without an adapter of their own ----


def sdpa(problem: ConicProblem) -> float:
    from sdpap import SymCone, sdpap

    m = len(problem.cost)
    matrix = sparse.csc_matrix(sparse.vstack([b.operator(m) for b in problem.blocks]))
    right = sparse.csc_matrix(-np.concatenate([b.constant.ravel() for b in problem.blocks])[:, None])
    sizes = tuple(len(b) for b in problem.blocks)
    cost = sparse.csc_matrix(problem.cost[:, None])
    options = {"print": "no", "numThreads": 1}
    info = sdpap.solve(matrix, right, cost, SymCone(f=m), SymCone(s=sizes), options)[2]
    return problem.offset + float(info["primalObj"])


def cvxopt(problem: ConicProblem) -> float:
    from cvxopt import matrix, solvers, spmatrix

    solvers.options["show_progress"] = False
    parts = [b.operator(len(problem.cost)).tocoo() for b in problem.blocks]
    left = [spmatrix((-p.data).tolist(), p.row.tolist(), p.col.tolist(), p.shape) for p in parts]
    right = [matrix(b.constant) for b in problem.blocks]
    return problem.offset + float(solvers.sdp(matrix(problem.cost), Gs=left, hs=right)["primal objective"])


PEERS: dict[str, Callable[[ConicProblem], float]] = {
    "Clarabel": lambda problem: ClarabelSDP().solve(problem).objective,
    "SDPA": sdpa,
    "CVXOPT": cvxopt,
    "SCS, 1e-6": lambda problem: SCSSDP().solve(problem).objective,
}


def side_by_side(seed: int) -> None:
    rows = [["problem", "variables", "mixot (s)", "iterations", "gap", "infeasibility"]]
    rows[0] += [cell for peer in PEERS for cell in (f"{peer} (s)", "/ mixot", "difference")]
    for kind in KINDS:
        problem = make(kind, seed)
        found = SDP().solve(problem)
        ours = time_it(lambda p=problem: SDP().solve(p), repeat=3)
        missed = max(found.primal_infeasibility, found.dual_infeasibility)
        row = [kind, len(problem.cost), ours, found.iterations, found.relative_gap, missed]
        for solve in PEERS.values():
            start = time.process_time()
            try:
                value = solve(problem)
            except (ImportError, UnsupportedError):
                row += ["absent", "", ""]
                continue
            seconds = time.process_time() - start
            row += [seconds, seconds / ours, value - found.objective]
        rows.append(row)
    print_table(rows)


def through_cvxpy(seed: int) -> None:
    import cvxpy

    from mixot.cvxpy import MixotSDP

    rows = [["problem", "variables", "CVXPY itself (s)", "mixot (s)", "Clarabel (s)", "/ mixot", "difference"]]
    for kind in KINDS:
        given = make(kind, seed)
        y = cvxpy.Variable(len(given.cost))
        blocks = [
            cvxpy.reshape(b.operator(len(given.cost)) @ y, b.constant.shape, order="C") + b.constant >> 0
            for b in given.blocks
        ]
        seconds, values = [], []
        for solver in (MixotSDP(), cvxpy.CLARABEL):
            problem = cvxpy.Problem(cvxpy.Minimize(given.cost @ y + given.offset), blocks)
            start = time.process_time()
            problem.get_problem_data(solver)
            compiled = time.process_time()
            values.append(float(problem.solve(solver=solver)))  # what was compiled is kept
            seconds += [compiled - start, time.process_time() - compiled]
        own, ours, _, theirs = seconds
        rows.append([kind, len(given.cost), own, ours, theirs, theirs / ours, values[1] - values[0]])
        print(rows[-1], flush=True)
    print_table(rows)


def many(seed: int, instances: int, compare: int) -> None:
    rows = [["problem", "solved", "median (s)", "worst (s)", "worst gap", "worst infeasibility", "bound below by"]]
    rows[0] += [f"Clarabel, first {compare}: worst difference"] if compare else []
    for kind in KINDS:
        seconds, gaps, missed, below, differences, solved = [], [], [], [], [], 0
        for at in range(instances):
            problem = make(kind, seed + at)
            start = time.process_time()
            found = SDP().solve(problem)
            seconds.append(time.process_time() - start)
            solved += found.status.solved
            gaps.append(found.relative_gap)
            missed.append(max(found.primal_infeasibility, found.dual_infeasibility))
            below.append(found.objective - lower_bound(problem, found, np.ones(len(problem.cost))))
            if at < compare:
                differences.append(abs(ClarabelSDP().solve(problem).objective - found.objective))
        row = [kind, f"{solved} of {instances}", float(np.median(seconds)), *map(max, (seconds, gaps, missed, below))]
        rows.append(row + ([max(differences)] if compare else []))
        print(row, flush=True)
    print_table(rows)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--instances", type=int, default=0)
    arguments.add_argument("--compare", type=int, default=0)
    arguments.add_argument("--cvxpy", action="store_true")
    asked = arguments.parse_args()
    print(versions("mixot", "numpy", "clarabel", "sdpa-python", "cvxopt", "scs", "cvxpy-base"))
    if asked.cvxpy:
        through_cvxpy(asked.seed)
    elif asked.instances:
        many(asked.seed, asked.instances, asked.compare)
    else:
        side_by_side(asked.seed)
