"""The closest mixture to a measure, as a semidefinite program in moments.

A mixture of a family is ``nu = int nu_theta dphi(theta)`` for a mixing measure phi on a set S of parameters, and its
moments are linear in those of phi, ``E_nu[x^a] = L_phi(p_a)``. Order r of the hierarchy keeps moments up to degree 2 r
and of "to be the moments of a measure" that moment and localising matrices are positive semi-definite. Its value is a
lower bound of ``dist + eps int R dphi`` over all mixtures, and grows with r.

References
----------
Durasinovic, Lasserre and Magron, Mixtures closest to a given measure: a semidefinite programming approach,
arXiv 2509.22879; Lasserre, arXiv 2404.19378.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy import sparse

from mixot._shapes import Bool, Float
from mixot.errors import InputError, UnsupportedError
from mixot.families.moment_model import MomentModel
from mixot.formulas.polynomial.polynomials import Polynomial, coefficients, symbols
from mixot.formulas.polynomial.regions import Region, enclosing_box
from mixot.solvers.sdp.problem import Block, ConicProblem
from mixot.sos.monomials import Axis, Basis, basis_of, graded, orthonormal_axis
from mixot.sos.sequences import MomentSequence, in_basis, matrix_in_basis
from mixot.sos.slack import Slack, standard_errors
from mixot.sos.supports import box_blocks, end_products
from mixot.sos.target import Target

Regularizer = Callable[..., Polynomial]

_SINGULAR = 1e12  # condition number above which the leading moments count as undetermined


@dataclass(frozen=True, eq=False)
class ParameterFrame:
    """Parameters in coordinates t that the region keeps in [-1, 1]: ``theta = offset + factor t`` in the data's units.

    ``shift`` and ``half`` say the same of the parameters in the coordinates of the target, ``shift + half t``.
    """

    offset: Float[np.ndarray, " p"]
    factor: Float[np.ndarray, " p"]
    shift: Float[np.ndarray, " p"]
    half: Float[np.ndarray, " p"]

    @classmethod
    def of(cls, model: MomentModel, region: Region, target: Target, centered: Sequence[int]) -> ParameterFrame:
        """The frame of a region. Of parameters that are not ``centered`` t = 0 is theta = 0: moments stay sparse."""
        units, origin = model.factors(target.scale), model.offsets(target.center)
        box = (enclosing_box(region, model.names) - origin[:, None]) / units[:, None]
        shift, half = box.mean(axis=1), (box[:, 1] - box[:, 0]) / 2
        free = np.setdiff1d(np.arange(len(units)), centered)
        shift[free], half[free] = 0.0, np.abs(box[free]).max(axis=1)
        return cls(origin + units * shift, units * half, shift, half)

    def scaled(self) -> list[Polynomial]:
        """The parameters in the coordinates of the target, as polynomials of t."""
        return [a + b * t for a, b, t in zip(self.shift, self.half, symbols(len(self.half)), strict=True)]

    def natural(self) -> list[Polynomial]:
        """The parameters in the units of the data, as polynomials of t."""
        return [a + b * t for a, b, t in zip(self.offset, self.factor, symbols(len(self.half)), strict=True)]

    def theta(self, t: Float[np.ndarray, "k p"]) -> Float[np.ndarray, "k p"]:
        """Parameters in the units of the data."""
        return self.offset + self.factor * t


@dataclass(frozen=True, eq=False)
class Relaxation:
    """Order ``order`` of the hierarchy for one target, family and region.

    Parameters
    ----------
    model, region : the family by its moments, and the set S of parameters in the units of the data
    target : moments up to degree ``2 order``
    order : r
    distance : "w2", squared Wasserstein distance; "tv", total variation ``|mu - nu|`` (between 0 and 2); or "matched":
        the moments of the mixture are those of the target, and R alone is minimised
    eps, regularizer : weight and polynomial R of the parameters in the coordinates of the target, in which the data
        lie in [-1, 1]; it is called with one symbol for each parameter, or is a vector over ``parameters``
    slack : how far the moments of the target may be off: how many standard errors each, or a set; None for none
    basis : "monomial"; "chebyshev"; or "orthonormal", for the data, axis by axis. The last two are for points and the
        leading parameters, the locations; the other parameters come in powers
    tightened : with the products ``(v - lo)(hi - v)`` of parameters of degree 2, and the box that holds the target,
        where it is known to have one
    """

    model: MomentModel
    region: Region
    target: Target
    order: int
    distance: str = "tv"
    eps: float = 0.0
    regularizer: Regularizer | np.ndarray | None = None
    slack: float | Slack | None = None
    basis: str = "chebyshev"
    tightened: bool = True

    def __post_init__(self) -> None:
        if self.distance not in ("w2", "tv", "matched"):
            raise InputError(f'distance must be "w2" or "tv", got {self.distance!r}')
        if self.basis not in ("monomial", "chebyshev", "orthonormal"):
            raise InputError(f'basis must be "monomial", "chebyshev" or "orthonormal", got {self.basis!r}')
        if 2 * self.order > self.target.order:
            raise InputError(f"order {self.order} needs moments up to {2 * self.order}, got {self.target.order}")

    @property
    def unit(self) -> float:
        """What the objective is measured in: ``sum_j scale_j^2`` for W2, 1 for TV."""
        return float((self.target.scale**2).sum()) if self.distance == "w2" else 1.0

    @cached_property
    def frame(self) -> ParameterFrame:
        """The coordinates of the parameters."""
        centered = () if self.basis == "monomial" else self.model.leading
        return ParameterFrame.of(self.model, self.region, self.target, centered)

    @cached_property
    def point_axes(self) -> tuple[Axis, ...]:
        """Polynomials of each coordinate of a point, up to degree 2 r."""
        d, top = self.model.dim, 2 * self.order
        if self.basis != "orthonormal":
            return basis_of(self.basis, (1,) * d, top).axes
        each = (self.target.basis.find(np.outer(np.arange(top + 1), unit)) for unit in np.eye(d, dtype=np.int64))
        return tuple(orthonormal_axis(self.target.values[at], top) for at in each)

    @cached_property
    def points(self) -> Basis:
        """Polynomials of a point, up to degree 2 r."""
        return self._basis((1,) * self.model.dim, self.point_axes)

    @cached_property
    def parameters(self) -> Basis:
        """Polynomials of the parameters, up to weighted degree 2 r."""
        top, leading = 2 * self.order, self.model.leading
        kinds = tuple(
            self.basis if self.basis == "chebyshev" and i in leading else "monomial"
            for i in range(len(self.model.parameters))
        )
        plain = basis_of(kinds, self.model.degrees, top)
        if self.basis != "orthonormal":
            return plain
        axes = tuple(
            axis if i not in leading else self.point_axes[0 if p.shifts is None else p.shifts]
            for i, (axis, p) in enumerate(zip(plain.axes, self.model.parameters, strict=True))
        )
        return Basis(self.model.degrees, top, axes)

    @cached_property
    def moment_table(self) -> Float[np.ndarray, "a s"]:
        """``p_a``, the moments of one component in ``points``, as combinations of ``parameters``."""
        frame = self.frame
        table = _moment_table(self.model, 2 * self.order)
        if not self.model.scales:
            units = self.model.factors(self.target.scale)
            powers = (units**self.parameters.exponents).prod(axis=1)
            table = table * powers / (self.target.scale**self.points.exponents).prod(axis=1)[:, None]
        axes = (
            axis.shifted(a, b)
            for axis, a, b in zip(self.parameters.axes, frame.shift.tolist(), frame.half.tolist(), strict=True)
        )
        return self.points.to_monomials() @ table @ self.parameters.change(tuple(axes))

    @cached_property
    def penalty(self) -> Float[np.ndarray, " s"]:
        """The regulariser R over ``parameters``."""
        if self.regularizer is None:
            return np.zeros(len(self.parameters))
        if isinstance(self.regularizer, np.ndarray):
            return self.regularizer
        value = self.regularizer(*self.frame.scaled())
        degree = value.degree(self.model.degrees) if isinstance(value, Polynomial) else 0
        if degree > 2 * self.order:
            raise InputError(f"the regularizer has weighted degree {degree}, order {self.order} holds {2 * self.order}")
        return in_basis(value, self.parameters)

    @cached_property
    def localizers(self) -> list[tuple[list[list[np.ndarray]], int]]:
        """Polynomial matrices of the region over ``parameters``, and half their degree, rounded up."""
        theta, out = self.frame.natural(), []
        for constraint in self.region:
            for matrix in constraint.matrices(theta, self.model.degrees):
                vectors, degree = matrix_in_basis(matrix, self.parameters)
                if degree > 2 * self.order:
                    raise InputError(
                        f"a constraint of the region has weighted degree {degree}, order {self.order} holds only "
                        f"{2 * self.order}; raise the order"
                    )
                out.append((vectors, (degree + 1) // 2))
        if self.tightened:
            box = enclosing_box(self.region, self.model.names)
            ends = (box - self.frame.offset[:, None]) / self.frame.factor[:, None]
            out += end_products(ends, self.parameters, self.order)
        return out

    @cached_property
    def layout(self) -> Layout:
        """Where each sequence of moments stands among the unknowns."""
        phi, a, d = len(self.parameters) - 1, len(self.points), self.model.dim
        couples = {"tv": a, "w2": len(graded((1,) * 2 * d, 2 * self.order)) - (2 * a - 1), "matched": 0}[self.distance]
        phi -= a - 1 if self.distance == "matched" else 0
        return Layout(phi, couples, 0 if self.room is None else a - 1)

    @cached_property
    def room(self) -> Slack | None:
        """The set of errors that the moments of the target may have; None where they are taken as they are."""
        if self.slack is None or isinstance(self.slack, Slack):
            return self.slack
        return None if self.target.error_cov is None else standard_errors(self.target, self.points, self.slack)

    @property
    def boxed(self) -> bool:
        """Whether every law with the moments that are allowed is meant to lie in the box of the target."""
        # Moments within some room of the target's are those of other laws, too, which may lie elsewhere.
        return self.target.bounded and (self.room is None or self.room.bounded)

    @cached_property
    def mixing(self) -> MomentSequence:
        """Moments of the mixing measure phi."""
        if self.distance == "matched":
            return self._matched()
        return MomentSequence.unknown(self.parameters, 0, self.layout.total, mass=1.0)

    @cached_property
    def bound(self) -> Bool[np.ndarray, " s"]:
        """The moments of phi that are eliminated where moments are matched: those of the leading parameters alone."""
        others = [i for i in range(len(self.model.parameters)) if i not in self.model.leading]
        return np.logical_not(self.parameters.exponents[:, others].any(axis=1))

    def _matched(self) -> MomentSequence:
        """Moments of phi of which those of the leading parameters are eliminated: ``L_phi(p_a)`` is the target's."""
        bound, table = self.bound, self.moment_table
        if bound.sum() != len(self.points) or np.linalg.cond(table[:, bound]) > _SINGULAR:
            raise UnsupportedError("the moments of this family do not determine those of its leading parameters")
        # For locations the part of p_a in them alone is b_a itself, so that nothing cancels.
        inverse = np.linalg.inv(table[:, bound])
        size, total = len(self.parameters), self.layout.total
        free = np.flatnonzero(~bound)
        rest = sparse.csr_array((np.ones(len(free)), (free, np.arange(len(free)))), shape=(size, total))
        out = MomentSequence(self.parameters, np.zeros(size), rest)
        lead = sparse.csr_array(
            (np.ones(bound.sum()), (np.flatnonzero(bound), np.arange(bound.sum()))), shape=(size, len(self.points))
        )
        known = (self.measure - out.through(self.points, table)).through(self.points, inverse)
        return out + MomentSequence(self.parameters, lead @ known.constant, sparse.csr_array(lead @ known.matrix))

    @cached_property
    def mixture(self) -> MomentSequence:
        """Moments of the mixture, ``L_phi(p_a)``."""
        return self.mixing.through(self.points, self.moment_table)

    @cached_property
    def measure(self) -> MomentSequence:
        """Moments of the target, with slack where there is some."""
        known = MomentSequence.known(self.points, self.target.moments(self.points), self.layout.total)
        if not self.layout.slacks:
            return known
        return known + MomentSequence.unknown(self.points, self.layout.slack, self.layout.total, mass=0.0)

    @cached_property
    def distance_cost(self) -> tuple[float, Float[np.ndarray, " n"]]:
        """The distance, in ``unit``, as a constant and coefficients of the unknowns."""
        if self.distance == "matched":
            return 0.0, np.zeros(self.layout.total)
        if self.distance == "tv":
            cost = np.zeros(self.layout.total)
            cost[self.layout.couple] = -2.0
            return 2.0, cost
        d = self.model.dim
        x = symbols(2 * d)
        share = self.target.scale**2 / self.unit
        square = sum(
            (float(share[i]) * (x[i] - x[d + i]) ** 2 for i in range(1, d)), float(share[0]) * (x[0] - x[d]) ** 2
        )
        return self.coupling.of(in_basis(square, self.coupling.basis))

    @cached_property
    def coupling(self) -> MomentSequence:
        """W2: moments of the coupling of target (first d variables) and mixture (last d)."""
        d = self.model.dim
        basis = self._basis((1,) * 2 * d, self.point_axes * 2)
        first, last = basis.exponents[:, :d], basis.exponents[:, d:]
        ours, theirs = ~last.any(axis=1), ~first.any(axis=1)
        free = ~(ours | theirs)
        couple, total = self.layout.couple, self.layout.total
        unknown = sparse.csr_array(
            (np.ones(free.sum()), (np.flatnonzero(free), couple + np.arange(free.sum()))), shape=(len(basis), total)
        )
        out = MomentSequence(basis, np.zeros(len(basis)), unknown)
        for mine, exponents, sequence in ((ours, first, self.measure), (theirs & ~ours, last, self.mixture)):
            rows = np.flatnonzero(mine)
            places = self.points.find(exponents[rows])
            pick = sparse.csr_array((np.ones(len(rows)), (rows, places)), shape=(len(basis), len(self.points)))
            out += MomentSequence(basis, pick @ sequence.constant, sparse.csr_array(pick @ sequence.matrix))
        return out

    def blocks(self) -> list[Block]:
        """Moment and localising matrices of the mixing measure, then those of the distance."""
        out = [self.mixing.block(self.order)]
        out += [self.mixing.localizing(matrix, self.order - half) for matrix, half in self.localizers]
        if self.distance == "matched":
            return out
        if self.distance == "w2":
            return [*out, self.coupling.block(self.order), *self._in_box(self.coupling)]
        common = MomentSequence.unknown(self.points, self.layout.couple, self.layout.total)
        left = self.measure - common
        out += [part.block(self.order) for part in (common, left, self.mixture - common)]
        return [*out, *self._in_box(common), *self._in_box(left)]

    def _in_box(self, part: MomentSequence) -> list[Block]:
        """Matrices that keep points of the target in the box they are known to lie in."""
        ends = self.target.ends
        if ends is None or not self.tightened or not self.boxed:
            return []
        return box_blocks(part, ends, self.order)

    @cached_property
    def problem(self) -> ConicProblem:
        """The semidefinite program; its objective is in ``unit``."""
        offset, cost = self.distance_cost
        if self.eps:
            constant, more = self.mixing.of(self.penalty)
            offset, cost = offset + self.eps * constant, cost + self.eps * more
        if self.room is None:
            return ConicProblem(cost, self.blocks(), offset)
        first = self.layout.slack
        blocks = [*self.blocks(), *self.room.blocks(first)]
        return ConicProblem(cost, blocks, offset, *self.room.rows(first, self.layout.total))

    def _basis(self, degrees: tuple[int, ...], axes: tuple[Axis, ...]) -> Basis:
        top = 2 * self.order
        return Basis(degrees, top, axes) if self.basis == "orthonormal" else basis_of(self.basis, degrees, top)


@dataclass(frozen=True)
class Layout:
    """Numbers of unknowns: moments of phi, of the coupling or common part, and slacks, in this order."""

    mixing: int
    couples: int
    slacks: int

    @property
    def couple(self) -> int:
        """The first unknown of the coupling or the common part."""
        return self.mixing

    @property
    def slack(self) -> int:
        """The first slack."""
        return self.mixing + self.couples

    @property
    def total(self) -> int:
        """How many there are."""
        return self.mixing + self.couples + self.slacks


@lru_cache(maxsize=64)
def _moment_table(model: MomentModel, order: int) -> np.ndarray:
    """``p_a`` for |a| <= order in monomials of the parameters, one a row."""
    polynomials = model.moments(symbols(len(model.parameters)), order)
    powers = graded(model.degrees, order)
    if len(polynomials) != len(graded((1,) * model.dim, order)):
        raise InputError(
            f"moments(theta, {order}) must list {len(graded((1,) * model.dim, order))} moments in dimension "
            f"{model.dim}, got {len(polynomials)}"
        )
    try:
        return coefficients(polynomials, powers)
    except KeyError as missing:
        raise InputError(
            f"the moment of degree |a| must have weighted degree at most |a| in the parameters; the term with "
            f"exponents {missing.args[0]} has more: lower the degrees of the parameters"
        ) from None
