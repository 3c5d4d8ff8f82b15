"""A dense primal-dual interior-point method for block semidefinite programs, made for moment relaxations.

The homogeneous self-dual embedding of ``min <c, y>, C + A y = X >= 0`` with multiplier Z has variables (y, X, Z, tau,
kappa): ``C tau + A y = X``, ``A' Z = c tau``, ``-<c, y> - <C, Z> = kappa``. It needs no feasible start, and where tau
vanishes it ends in a certificate of infeasibility or unboundedness. Newton's direction is the one of Helmberg, Kojima
and Monteiro, ``dZ = sigma mu X^-1 - Z - sym(X^-1 dX Z)``, which leads to the Schur matrix
``S_ab = tr(A_a X^-1 A_b Z)``; Mehrotra's predictor chooses sigma and the second-order term.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse

from mixot.results import Progress, ProgressCallback, Status
from mixot.solvers.conic import Certificate, ConicProblem, SDPSolution


@dataclass(frozen=True)
class SDP:
    """Interior-point solver; ``solve`` returns an `SDPSolution`.

    Parameters
    ----------
    tol : infeasibilities and gap, relative, at which the answer counts as optimal
    max_iter : iterations before it gives up
    """

    tol: float = 1e-8
    max_iter: int = 100

    def solve(
        self, problem: ConicProblem, progress: ProgressCallback | None = None, start: SDPSolution | None = None
    ) -> SDPSolution:
        return _Run(self, problem).run(progress)


class _Run:
    def __init__(self, options, problem):
        self.o, self.p = options, problem
        m = len(problem.cost)
        self.m = m
        self.sizes = [len(b) for b in problem.blocks] + [1] * len(problem.inequality_offset)
        self.starts = np.concatenate([[0], np.cumsum(np.square(self.sizes))]).astype(int)
        ops = [b.operator(m) for b in problem.blocks] + [problem.inequality_matrix]
        A = sparse.csr_array(sparse.vstack(ops))
        norm = np.sqrt(np.asarray(A.multiply(A).sum(axis=0)).ravel())
        self.e = 1 / np.where(norm > 0, norm, 1)
        self.A = sparse.csr_array(A * self.e)
        self.AT = sparse.csr_array(self.A.T)
        self.C = np.concatenate([b.constant.ravel() for b in problem.blocks] + [problem.inequality_offset])
        self.kc = max(np.abs(problem.cost * self.e).max(initial=0), 1e-300)
        self.kb = max(np.abs(self.C).max(initial=0), 1e-300)
        self.c = problem.cost * self.e / self.kc
        self.C = self.C / self.kb

    def mats(self, x):
        return [x[s : s + n * n].reshape(n, n) for s, n in zip(self.starts, self.sizes)]

    def flat(self, mats):
        return np.concatenate([m.ravel() for m in mats]) if mats else np.zeros(0)

    def sandwich(self, Xi, D, Z):
        return self.flat([sym(a @ d @ b) for a, d, b in zip(self.mats(Xi), self.mats(D), self.mats(Z))])

    def step(self, X, D):
        lo = 0.0
        for x, d in zip(self.mats(X), self.mats(D)):
            L = np.linalg.cholesky(x)
            W = linalg.solve_triangular(L, d, lower=True)
            W = linalg.solve_triangular(L, W.T, lower=True)
            lo = min(lo, np.linalg.eigvalsh(sym(W))[0])
        return 1.0 / -lo if lo < 0 else np.inf

    def schur(self, Xi, Z):
        S = np.zeros((self.m, self.m))
        for k, (xi, z) in enumerate(zip(self.mats(Xi), self.mats(Z))):
            n = self.sizes[k]
            A = self.A[self.starts[k] : self.starts[k + 1]]
            cols = np.unique(A.indices)
            if len(cols) == 0:
                continue
            dense = A[:, cols].toarray().T.reshape(-1, n, n)
            U = np.matmul(np.matmul(xi, dense), z).reshape(len(cols), -1)
            S[np.ix_(cols, cols)] += dense.reshape(len(cols), -1) @ U.T
        return sym(S)

    def run(self, progress):
        m = self.m
        y = np.zeros(m)
        X = self.flat([np.eye(n) for n in self.sizes])
        Z = X.copy()
        tau = kappa = 1.0
        nu = sum(self.sizes) + 1
        status, it = Status.MAX_ITER, 0
        c, C = self.c, self.C
        best = (np.inf, y, Z, tau)
        for it in range(self.o.max_iter + 1):
            rp = C * tau + self.A @ y - X
            rd = c * tau - self.AT @ Z
            rg = -c @ y - C @ Z - kappa
            mu = (X @ Z + tau * kappa) / nu
            po, do = c @ y / tau, -C @ Z / tau
            s = self.kc * self.kb
            pin, din = np.abs(rp).max(initial=0) / tau, np.abs(rd).max(initial=0) / tau
            gap = abs(po - do) / (1 / s + abs(po))
            err = max(pin, din, gap)
            if err < best[0]:
                best = (err, y, Z, tau)
            if progress:
                progress(Progress("sdp", it, self.o.max_iter, float(err)))
            if err < self.o.tol:
                status = Status.OPTIMAL
                break
            if C @ Z < 0 and np.abs(self.AT @ Z).max(initial=0) < self.o.tol * -(C @ Z):
                status, best = Status.INFEASIBLE, (err, y, Z / -(C @ Z), tau)
                break
            if c @ y < 0 and np.abs(self.A @ y - X).max(initial=0) < self.o.tol * -(c @ y):
                status, best = Status.UNBOUNDED, (err, y / -(c @ y), Z, tau)
                break
            if it == self.o.max_iter:
                break
            try:
                Xi = self.flat([sym(np.linalg.inv(x)) for x in self.mats(X)])
                S = self.schur(Xi, Z)
                F = linalg.cho_factor(S + np.diag(1e-14 * np.diag(S) + 1e-300), lower=True)
            except np.linalg.LinAlgError:
                status = Status.STALLED
                break

            def solve(r):
                x = linalg.cho_solve(F, r)
                return x + linalg.cho_solve(F, r - S @ x)

            # In the coordinates dy - (y / tau) dtau nothing cancels: the constant is then (X + rp) / tau.
            y0, C0 = y / tau, (X + rp) / tau
            srp = self.sandwich(Xi, rp, Z)
            gC = (Z + srp) / tau
            diff = (rd - self.AT @ srp) / tau
            g, h = c - diff, C0 @ gC
            v = solve(c + g)
            den = h + kappa / tau + diff @ v
            rg0 = -C0 @ Z - kappa

            def direction(sigma, corr, corrt):
                eta = 1 - sigma
                H = sigma * mu * Xi - Z - eta * srp - corr
                u = solve(self.AT @ H - eta * rd)
                k0 = sigma * mu - tau * kappa - corrt
                dt = (-eta * rg0 + C0 @ H + diff @ u + k0 / tau) / den
                dy = u - dt * v
                q = self.A @ dy + C0 * dt
                dy = dy + y0 * dt
                dX = q + eta * rp
                dZ = H - self.sandwich(Xi, q, Z)
                return dy, dX, dZ, dt, (k0 - kappa * dt) / tau

            def length(dX, dZ, dt, dk):
                a = min(self.step(X, dX), self.step(Z, dZ))
                a = min(a, -tau / dt if dt < 0 else np.inf, -kappa / dk if dk < 0 else np.inf)
                return a

            try:
                dy, dX, dZ, dt, dk = direction(0.0, 0.0, 0.0)
                a = min(1.0, length(dX, dZ, dt, dk))
                sigma = min(1.0, max((1 - a) ** 3, 1e-6))
                corr = self.flat([sym(xi @ p @ q) for xi, p, q in zip(*map(self.mats, (Xi, dX, dZ)))])
                dy, dX, dZ, dt, dk = direction(sigma, corr, dt * dk)
                a = min(1.0, 0.98 * length(dX, dZ, dt, dk))
            except np.linalg.LinAlgError:
                status = Status.STALLED
                break
            if a < 1e-6:
                status = Status.STALLED
                break
            y, X, Z = y + a * dy, X + a * dX, Z + a * dZ
            tau, kappa = tau + a * dt, kappa + a * dk
        return self.solution(best, status, it)

    def solution(self, best, status, it):
        err, y, Z, tau = best
        p = self.p
        certificate = None
        k = len(p.blocks)
        Zs = self.mats(Z * self.kc / tau)
        multipliers, x = tuple(Zs[:k]), np.array([float(z[0, 0]) for z in Zs[k:]])
        yy = y * self.e * self.kb / tau
        objective, dual = p.offset + float(p.cost @ yy), p.dual_value(multipliers, x)
        if status is Status.INFEASIBLE:
            scale = tau / self.kc / self.kb
            multipliers_, x_ = tuple(z * scale for z in multipliers), x * scale
            error = float(np.abs(p.adjoint(multipliers_, x_)).max(initial=0))
            certificate, objective, dual = Certificate(None, multipliers_, x_, error), np.inf, np.inf
        elif status is Status.UNBOUNDED:
            ray = y * self.e / self.kc
            certificate, objective, dual = Certificate(ray, (), np.zeros(0), 0.0), -np.inf, -np.inf
        dres = float(np.abs(p.cost - p.adjoint(multipliers, x)).max(initial=0)) / (1 + np.abs(p.cost).max(initial=0))
        pres = p.violation(yy) / (1 + np.abs(self.C).max(initial=0) * self.kb)
        return SDPSolution(yy, objective, dual, multipliers, x, pres, dres, status, it, 1.0, certificate)


def sym(x):
    return (x + x.T) / 2
