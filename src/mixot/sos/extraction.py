"""From moments of a mixing measure to its atoms: ranks, flatness, and the construction of Gelfand, Naimark and Segal.

A measure with K atoms has moment matrices of rank K. Where that rank does not grow with the order the moments are
those of such a measure, and the atoms are joint eigenvalues of multiplication operators on the quotient of
polynomials by the kernel (Curto and Fialkow; Henrion and Lasserre 2005).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mixot._shapes import Float, Int
from mixot.sos.monomials import Basis
from mixot.sos.target import moment_matrix

_TRIES = 8  # random combinations of the multiplication operators; the one that diagonalises all of them best is kept


@dataclass(frozen=True, eq=False)
class MixingMoments:
    """Moments of a mixing measure over a basis of polynomials of the parameters, up to weighted degree ``2 order``.

    ``step`` is how far the order of a moment matrix must fall for flatness to prove something: the largest of the
    parameters' degrees and of half the degrees of the region's inequalities. ``leading`` are the parameters that tell
    components apart.
    """

    basis: Basis
    values: Float[np.ndarray, " s"]
    order: int
    step: int
    leading: tuple[int, ...]

    def matrix(self, order: int, factor: int | None = None, *, leading: bool = False) -> Float[np.ndarray, "n n"]:
        """The moment matrix up to weighted degree ``order``, or the matrix of ``L(t_factor b_i b_j)``.

        Where ``leading``, over the polynomials of the leading parameters alone.
        """
        members = self._members(order, leading)
        rows, cols = np.triu_indices(len(members))
        powers = self.basis.exponents[members]
        products = self.basis.products(powers[rows], powers[cols])
        values = self.values
        if factor is not None:
            unit = np.zeros(len(self.basis.degrees), dtype=np.int64)
            unit[factor] = 1
            line = np.zeros(len(self.basis))  # t_factor itself, which is a member but for a shift and a scale
            axis = self.basis.axes[factor]
            line[self.basis.find(np.stack([0 * unit, unit]))] = axis.from_powers[1, :2]
            lower = self.basis.size(2 * order)
            values = np.zeros(len(self.basis))
            values[:lower] = self.basis.multiplication(line, 2 * order) @ self.values
        return moment_matrix(products @ values, len(members))

    def _members(self, order: int, leading: bool) -> Int[np.ndarray, " n"]:
        count = self.basis.size(order)
        if not leading:
            return np.arange(count)
        others = [i for i in range(len(self.basis.degrees)) if i not in self.leading]
        return np.flatnonzero(~self.basis.exponents[:count, others].any(axis=1))


@dataclass(frozen=True, eq=False)
class Flatness:
    """Ranks of two moment matrices, by singular values relative to the largest.

    ``singular_values`` are those of the larger matrix, ``lower_singular_values`` those of the smaller, both divided by
    their largest. ``vacuous`` says that the smaller one has full rank, which proves nothing. Where ``flat``, the
    moments are those of exactly ``rank`` atoms, up to ``tol``.
    """

    order: int
    lower_order: int
    singular_values: Float[np.ndarray, " n"]
    lower_singular_values: Float[np.ndarray, " m"]
    tol: float

    @property
    def rank(self) -> int:
        """Rank of the larger matrix."""
        return int((self.singular_values > self.tol).sum())

    @property
    def lower_rank(self) -> int:
        """Rank of the smaller matrix."""
        return int((self.lower_singular_values > self.tol).sum())

    @property
    def vacuous(self) -> bool:
        """Whether the smaller matrix has full rank."""
        return self.lower_rank >= len(self.lower_singular_values)

    @property
    def flat(self) -> bool:
        """Whether both ranks agree, and prove something."""
        return self.rank == self.lower_rank and not self.vacuous

    @property
    def cut(self) -> tuple[float, float]:
        """The last singular value that counts, and the first that does not."""
        values = np.append(self.singular_values, 0.0)
        return float(values[self.rank - 1]), float(values[self.rank])


@dataclass(frozen=True, eq=False)
class Atoms:
    """Weighted atoms of a mixing measure, in the coordinates of its moments.

    ``commutator`` is the largest entry of a commutator of two multiplication operators, relative to the largest entry
    of the operators: zero for moments of a measure with so many atoms.
    """

    weights: Float[np.ndarray, " k"]
    points: Float[np.ndarray, "k p"]
    commutator: float


def flatness(mixing: MixingMoments, tol: float = 1e-4) -> Flatness:
    """Ranks of the moment matrices of order r and ``r - step``.

    Variances count as degree 2, so that products with them raise the order by two: a rank that stays the same over
    one order only would prove nothing about them.
    """
    lower = mixing.order - mixing.step
    large = np.abs(np.linalg.eigvalsh(mixing.matrix(mixing.order)))[::-1]
    small = np.abs(np.linalg.eigvalsh(mixing.matrix(lower)))[::-1] if lower >= 0 else np.ones(1)
    return Flatness(mixing.order, lower, np.sort(large)[::-1] / large.max(), np.sort(small)[::-1] / small.max(), tol)


def energy_rank(mixing: MixingMoments, energy: float = 0.01) -> int:
    """Least k for which k eigenvalues of the leading parameters' moment matrix leave ``energy`` of its trace."""
    values = np.maximum(np.linalg.eigvalsh(mixing.matrix(mixing.order - 1, leading=True))[::-1], 0.0)
    return int(np.searchsorted(np.cumsum(values) / values.sum(), 1.0 - energy) + 1)


def most_atoms(mixing: MixingMoments) -> int:
    """How many atoms can be read off the leading parameters at this order."""
    return len(mixing._members(mixing.order - 1, True))


@dataclass(frozen=True, eq=False)
class Compression:
    """The moment matrix of order r - 1 by eigenvectors, and multiplication by each parameter, ready to be cut.

    ``leading`` restricts it to polynomials of the leading parameters; the others are carried along.
    """

    mixing: MixingMoments
    leading: bool

    @cached_property
    def _parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        order = self.mixing.order - 1
        matrix = self.mixing.matrix(order, leading=self.leading)
        lam, vectors = np.linalg.eigh(matrix)
        count = len(self.mixing.basis.degrees)
        times = np.stack([self.mixing.matrix(order, i, leading=self.leading) for i in range(count)])
        return matrix, lam[::-1], vectors[:, ::-1], times

    def atoms(self, k: int) -> Atoms:
        """The k atoms that the leading k eigenvectors see.

        Multiplication by the leading parameters is compressed to k x k matrices ``N_i = U' M(t_i) U``,
        ``U = V_k lam_k^(-1/2)``; the eigenvectors Q of a random combination (its ordered Schur form, as it is
        symmetric) diagonalise all of them if they commute. Atom j has ``t_i = Q_j' N_i Q_j``, for any parameter, and
        the weight ``(Q_j' U' M e_0)^2``.
        """
        matrix, lam, vectors, times = self._parts
        root = vectors[:, :k] / np.sqrt(np.maximum(lam[:k], 1e-14 * lam[0]))
        operators = root.T @ times @ root
        chosen = list(self.mixing.leading) if self.leading else list(range(len(operators)))
        q = _joint_eigenvectors(operators[chosen])
        points = np.einsum("aj,iab,bj->ji", q, operators, q)
        weights = (q.T @ root.T @ matrix[:, 0]) ** 2
        if not weights.any():  # eigenvectors that are orthogonal to the constant, by symmetry, see none of its mass
            weights = np.ones(k)
        return Atoms(weights / weights.sum(), points, _commutator(operators[chosen]))


def _joint_eigenvectors(operators: Float[np.ndarray, "i k k"]) -> Float[np.ndarray, "k k"]:
    rng = np.random.default_rng(0)
    best, least = np.eye(operators.shape[1]), np.inf
    spread = np.array([max(np.ptp(np.linalg.eigvalsh(n)), 1e-12 * np.abs(n).max(), 1e-12) for n in operators])
    # One combination diagonalises all, if they commute; where they nearly do, the one that leaves the least beside the
    # diagonals. An unlucky combination has two eigenvalues that nearly agree, and mixes their vectors.
    for _ in range(1 if len(operators) == 1 else _TRIES):
        q = np.linalg.eigh(np.tensordot(rng.normal(size=len(operators)) / spread, operators, axes=1))[1]
        turned = q.T @ operators @ q / spread[:, None, None]
        off = float((turned**2).sum() - (np.diagonal(turned, axis1=1, axis2=2) ** 2).sum())
        if off < least:
            best, least = q, off
    return best


def _commutator(operators: Float[np.ndarray, "i k k"]) -> float:
    size = max(float(np.abs(operators).max()), 1e-150)  # its square must not vanish
    worst = max(float(np.abs(a @ b - b @ a).max()) for a in operators for b in operators)
    return worst / size**2
