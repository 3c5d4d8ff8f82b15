"""Semi-discrete transport: weighted points against a density, exact, with a proof."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._native import (
    gaussian_transport,
    pixel_moments,
    pixel_potentials,
    pixel_transport,
    solid_corners,
    solid_gaussian_transport,
    voxel_moments,
    voxel_potentials,
    voxel_transport,
)
from mixot._shapes import Float, Int
from mixot.errors import InputError, SolveError, UnsupportedError
from mixot.formulas.gaussian.plane_cells import MixtureGradient, Regions, transport_gradient
from mixot.formulas.gaussian.points_on_line import points_to_line
from mixot.formulas.gaussian.solid_cells import transport_gradient_in_space
from mixot.measures import Grid, Measure, Samples
from mixot.results import Status
from mixot.solvers.semidiscrete.gaussian_target import GaussianTarget
from mixot.solvers.semidiscrete.laguerre import PlaneCells, power_cells
from mixot.solvers.semidiscrete.line import line_cells, line_potentials
from mixot.threads import thread_count

_EQUAL = 1e-10  # of the longest side of the box: points closer than this are one
_FAR = 1.0  # the same, between the middles of a cloud and of the box
_MOMENTS = {2: 6, 3: 10}  # monomials up to degree two
_PAIRS = {2: ((0, 0), (0, 1), (1, 1)), 3: ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))}
_OUTCOMES = (Status.CONVERGED, Status.MAX_ITER, Status.STALLED, Status.STALLED)


@dataclass(frozen=True, eq=False, slots=True)
class SemidiscretePlan:
    """Which part of a density each point gets, with a certificate of the cost.

    Point i gets its Laguerre cell, ``{x : |x - y_i|^2 - w_i <= |x - y_j|^2 - w_j for all j}``, w the ``potentials``.
    With ``phi(x) = min_i |x - y_i|^2 - w_i`` the dual value ``sum_i weights[i] w_i + int phi dq`` is a lower bound of
    the squared distance for any w; it is ``cost``, and the squared distance lies in ``[cost, cost + gap]``.

    Points closer than 1e-10 of the box are one: they share a cell, potential and centroid, and its mass is divided in
    proportion to their weights. A point of weight zero has an empty cell, its own place for a centroid, and the
    largest potential with which it would have none.

    Attributes
    ----------
    source, target : the points and what they are transported to
    density : the target as a density on a box
    potentials : (n,), w above, of mean zero under the weights
    masses : (n,), of the cells; they sum to one, and are the weights up to ``marginal_error``
    centroids : (n, d), centers of mass of the cells
    cost : lower bound of the squared distance, and its value to second order in ``marginal_error``
    gap : proven distance from ``cost`` to the squared distance
    iterations : steps of Newton's method, on all levels
    """

    source: Samples
    target: Measure
    density: Grid | GaussianTarget
    potentials: Float[np.ndarray, " n"]
    masses: Float[np.ndarray, " n"]
    centroids: Float[np.ndarray, "n d"]
    cost: float
    gap: float
    status: Status
    iterations: int
    marginal_error: float

    @property
    def lower_bound(self) -> float:
        """Dual value, no more than the squared distance."""
        return self.cost

    @property
    def upper_bound(self) -> float:
        """Price of a feasible plan near this one, no less than the squared distance."""
        return self.cost + self.gap

    @property
    def distance(self) -> float:
        """Square root of the cost, in the units of the data."""
        return float(np.sqrt(max(self.cost, 0.0)))

    def cells(self) -> PlaneCells:
        """Polygons of the cells and their neighbors, in the plane."""
        if self.source.dim != 2:
            raise UnsupportedError(f"cells are drawn in the plane, these points have dimension {self.source.dim}")
        return power_cells(self.source.points.astype(np.float64), self.potentials, self.density.bounds)

    def points_gradient(self) -> Float[np.ndarray, "n d"]:
        """Derivative of the cost with respect to the points, ``2 masses[i] (y_i - centroids[i])``."""
        return 2 * self.masses[:, None] * (self.source.points - self.centroids)

    def weights_gradient(self) -> Float[np.ndarray, " n"]:
        """Derivative of the cost with respect to the weights of the points, up to a constant: the potentials."""
        return self.potentials

    def values_gradient(self) -> Float[np.ndarray, "..."]:
        """Derivative of the cost with respect to the values of the grid, up to a constant: phi, averaged over each."""
        grid = self.density
        if not isinstance(grid, Grid):
            raise UnsupportedError(f"this gradient is computed for grids, the target is a {type(self.target).__name__}")
        box = _Box.around(grid)
        points, weights = box.inward(self.source.points), self.potentials / box.unit**2
        if grid.dim == 1:
            atoms = _Atoms.of(points, self.source.weights)
            out = line_potentials(atoms.points + atoms.offset, weights[atoms.first], grid, box.bounds)
        else:
            out = np.empty(grid.values.shape)
            kernel = voxel_potentials if grid.dim == 3 else pixel_potentials
            kernel(points, weights, box.bounds, grid.degree, thread_count(), out)
        return out * box.unit**2

    def mixture_gradient(self) -> MixtureGradient:
        """Derivatives of the cost with respect to weights, means and covariances of a Gaussian mixture.

        Components of weight zero are left out. Those of the weights are defined up to a constant.
        """
        law = self.density
        if not isinstance(law, GaussianTarget):
            raise UnsupportedError("this gradient is computed for Gaussian mixtures, the target is a Grid")
        points = self.source.points.astype(np.float64)
        if law.dim == 1:
            found = points_to_line(points[:, 0], self.source.weights, law.line())
            by_weight, by_mean, by_variance = found.law_gradient()
            return MixtureGradient(by_weight, by_mean[:, None], by_variance[:, None, None])
        sums = law.weights, law.means, law.covs
        if law.dim == 3:
            return transport_gradient_in_space(law.bounds, points, self.potentials, sums)
        cells = self.cells()
        corners = np.column_stack([cells.corners, np.ones(len(cells.corners))])
        regions = Regions(corners, np.ascontiguousarray(cells.first))
        return transport_gradient(regions, points, self.potentials, sums)


@dataclass(frozen=True)
class Semidiscrete:
    """Damped Newton's method on the dual, from coarse to fine (Kitagawa, Merigot and Thibert 2019; Merigot 2011).

    On the line the plan is sorted and solved in closed form. Where the density is zero, one that is not is blended in
    and taken out step by step; parts of the density that no cell joins are balanced on the way.

    Parameters
    ----------
    tol : largest error of the mass of a cell, of a total of one
    max_iter : diagrams that are computed before it gives up and raises `SolveError`

    Examples
    --------
    >>> points, grid = Samples([[0.25, 0.5], [0.75, 0.5]]), Grid(np.ones((4, 4)), [[0, 1], [0, 1]])
    >>> plan = Semidiscrete().solve(points, grid)
    >>> plan.masses.round(9).tolist(), round(plan.cost, 12)
    ([0.5, 0.5], 0.104166666667)
    """

    tol: float = 1e-8
    max_iter: int = 2000

    def __post_init__(self) -> None:
        if not (0 < self.tol < 1 and self.max_iter >= 1):
            raise InputError(f"tol must lie in (0, 1) and max_iter be positive, got {self.tol} and {self.max_iter}")

    def solve(
        self, source: Samples, target: Grid | GaussianTarget, start: Float[np.ndarray, " n"] | None = None
    ) -> SemidiscretePlan:
        """Return the optimal plan from points to a density.

        Parameters
        ----------
        source, target : Samples, Grid or GaussianTarget
            Of one dimension.
        start : (n,)
            Potentials of an earlier solution, for points nearby.

        Raises
        ------
        InputError
            Where the dimensions differ, or start does not fit.
        UnsupportedError
            In dimensions above 3.
        SolveError
            Where the masses were not reached; its ``result`` is the best plan, and its gap holds.
        """
        if source.dim != target.dim:
            raise InputError(
                f"points and density must live in the same space, got dimension {source.dim} and {target.dim}"
            )
        if target.dim > 3:
            raise UnsupportedError(
                "points and a density are solved in dimension 1 to 3, got a "
                f"{type(target).__name__} of dimension {target.dim}"
            )
        if start is not None and (np.shape(start) != (len(source),) or not np.isfinite(start).all()):
            raise InputError(
                f"start must be {len(source)} finite potentials, one for each point, got {np.shape(start)}"
            )
        box = _Box.around(target)
        atoms = _Atoms.of(box.inward(source.points), source.weights)
        initial = None if start is None else np.asarray(start, np.float64)[atoms.first] / box.unit**2
        if initial is not None:
            initial = initial - 2 * atoms.points @ atoms.offset
        solved = self._line(atoms, target, box) if target.dim == 1 else self._newton(atoms, target, box, initial)
        plan = _certified(source, target, box, atoms, solved)
        if not plan.status.solved:
            raise SolveError(
                f"the masses are off by {plan.marginal_error:.2g}, more than {self.tol:g}: {plan.status.advice}", plan
            )
        return plan

    def _line(self, atoms: _Atoms, target: Grid | GaussianTarget, box: _Box) -> _Solved:
        if isinstance(target, Grid):
            found = line_cells(atoms.points, atoms.weights, target, box.bounds)
        else:
            found = target.inside(box.center, box.unit).cells_on_line(atoms.points, atoms.weights)
        return _Solved(*found, 0.0, Status.OPTIMAL, 0)

    def _newton(self, atoms: _Atoms, target: Grid | GaussianTarget, box: _Box, start: np.ndarray | None) -> _Solved:
        n, d = len(atoms.weights), target.dim
        weights, moments = np.empty(n), np.empty((n, _MOMENTS[d]))
        rest = start, self.tol, self.max_iter, thread_count(), weights, moments
        if isinstance(target, GaussianTarget):
            law = target.inside(box.center, box.unit)
            kernel = solid_gaussian_transport if d == 3 else gaussian_transport
            report = kernel(atoms.points, atoms.weights, law.weights, law.means, law.covs, box.bounds, *rest)
        else:
            kernel = voxel_transport if d == 3 else pixel_transport
            values = np.ascontiguousarray(target.values)
            report = kernel(atoms.points, atoms.weights, values, box.bounds, target.degree, *rest)
        outcome, gap, iterations, _, _ = report
        sums = np.column_stack([moments[:, : d + 1], second_moments(moments)])
        return _Solved(weights, sums, gap, _OUTCOMES[outcome], iterations)


@dataclass(frozen=True, eq=False)
class _Solved:
    """Potentials (k,) of the atoms, mass, first moments and trace of the second (k, d + 2), and how it went."""

    potentials: np.ndarray
    sums: np.ndarray
    gap: float
    status: Status
    iterations: int


@dataclass(frozen=True, eq=False)
class _Box:
    """Coordinates in which the box of a grid has its middle at zero and a longest side of one."""

    center: np.ndarray
    unit: float
    bounds: np.ndarray

    @classmethod
    def around(cls, grid: Grid | GaussianTarget) -> _Box:
        center, unit = grid.bounds.mean(axis=1), float(np.diff(grid.bounds).max())
        return cls(center, unit, np.ascontiguousarray((grid.bounds - center[:, None]) / unit))

    def inward(self, points: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray((points.astype(np.float64) - self.center) / self.unit)


@dataclass(frozen=True, eq=False)
class _Atoms:
    """Distinct points of positive weight: ``points[atom[i]] + offset`` is where point i is, -1 where it has no weight.

    A cloud far from the density is moved to it, which leaves the cells as they are (with ``w - 2 points . offset`` for
    potentials) and saves the digits that squared distances would lose.
    """

    points: np.ndarray
    offset: np.ndarray
    weights: np.ndarray
    first: np.ndarray
    atom: np.ndarray

    @classmethod
    def of(cls, points: np.ndarray, weights: np.ndarray) -> _Atoms:
        heavy = np.flatnonzero(weights > 0)
        label = _groups(points[heavy])
        first = heavy[np.unique(label, return_index=True)[1]]
        atom = np.full(len(points), -1)
        atom[heavy] = label
        total = np.bincount(label, weights[heavy])
        share = total / total.sum()
        middle = share @ points[first]
        offset = middle if np.abs(middle).max() > _FAR else np.zeros_like(middle)
        return cls(np.ascontiguousarray(points[first] - offset), offset, share, first, atom)


def _groups(points: np.ndarray) -> Int[np.ndarray, " n"]:
    """Label points, 0, 1, ... in the order of their first members, so that those closer than `_EQUAL` share one."""
    n = len(points)
    doubtful = np.arange(n)
    for x in points.T:  # who is close to nobody in one coordinate is close to nobody
        order = doubtful[np.argsort(x[doubtful], kind="stable")]
        near = np.diff(x[order]) <= _EQUAL
        doubtful = order[np.concatenate([near, [False]]) | np.concatenate([[False], near])] if len(near) else order[:0]
    if len(doubtful) == 0:
        return np.arange(n)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    places, place = np.unique(points[doubtful], axis=0, return_inverse=True)
    pairs = KDTree(places).query_pairs(_EQUAL, output_type="ndarray")
    joined = coo_array((np.ones(len(pairs)), pairs.T), shape=(len(places), len(places)))
    group = connected_components(joined, directed=False)[1][place.ravel()]
    first = np.arange(n)
    leader = np.full(group.max() + 1, n)
    np.minimum.at(leader, group, doubtful)
    first[doubtful] = leader[group]
    return np.unique(first, return_inverse=True)[1]


def _certified(
    source: Samples, target: Grid | GaussianTarget, box: _Box, atoms: _Atoms, solved: _Solved
) -> SemidiscretePlan:
    """The plan of all points from that of the atoms."""
    d, sums = target.dim, solved.sums
    y, nu, mass = atoms.points, atoms.weights, sums[:, 0]
    w = solved.potentials - nu @ solved.potentials
    own = sums[:, 1 + d] - 2 * (y * sums[:, 1 : 1 + d]).sum(axis=1) + mass * (y**2).sum(axis=1)
    away = nu @ y + 0.5 * atoms.offset - sums[:, 1 : 1 + d].sum(axis=0) / mass.sum()
    cost = float(own.sum() + w @ (nu - mass) + 2 * atoms.offset @ away)
    centers = sums[:, 1 : 1 + d] / np.where(mass > 0, mass, 1.0)[:, None]
    gap = solved.gap if np.isfinite(solved.gap) else _gap(box.bounds, y, w, np.maximum(mass - nu, 0.0).sum())
    y, w = y + atoms.offset, w + 2 * (y - nu @ y) @ atoms.offset
    atom, heavy = atoms.atom, atoms.atom >= 0
    share = np.where(heavy, source.weights / nu[atom], 0.0)
    potentials = np.where(heavy, w[atom], 0.0)
    if not heavy.all():
        potentials[~heavy] = _hidden(box, target, y, w, box.inward(source.points[~heavy]))
    unit = box.unit
    return SemidiscretePlan(
        source,
        target if isinstance(target, Grid) else target.measure,
        target,
        potentials * unit**2,
        share * mass[atom],
        np.where(heavy[:, None], box.center + unit * centers[atom], source.points),
        max(cost, 0.0) * unit**2,
        gap * unit**2,
        solved.status,
        solved.iterations,
        float(np.abs(mass - nu).max()),
    )


def _gap(bounds: np.ndarray, y: np.ndarray, w: np.ndarray, excess: float) -> float:
    """What it costs at most to bring the masses of the cells to the weights.

    A plan that moves x from its own point to another, j, pays ``|x - y_j|^2 - w_j - phi(x)`` more than the dual value.
    The first part is convex, so largest in a corner c of the box; phi is at least ``min_j |c' - y_j|^2 - w_j``, c' the
    nearest place of the box to y_j.
    """
    corners = np.stack(np.meshgrid(*bounds, indexing="ij"), axis=-1).reshape(-1, len(bounds))
    worst = max(float((((corner - y) ** 2).sum(axis=1) - w).max()) for corner in corners)
    nearest = np.clip(y, bounds[:, 0], bounds[:, 1])
    least = float((((nearest - y) ** 2).sum(axis=1) - w).min())
    return float(excess) * max(worst - least, 0.0)


def _hidden(box: _Box, target: Grid | GaussianTarget, y: np.ndarray, w: np.ndarray, z: np.ndarray) -> np.ndarray:
    """For points z of no weight: ``min_x |x - z|^2 - phi(x)`` over the box, attained in a corner of a cell."""
    if target.dim == 1:
        order = np.argsort(y[:, 0])
        a, h = y[order, 0], w[order]
        between = (a[1:] ** 2 - a[:-1] ** 2 - np.diff(h)) / (2 * np.diff(a))
        x = np.clip(np.concatenate([box.bounds[0], between]), *box.bounds[0])[:, None]
        owner = order[[0, len(y) - 1, *range(len(y) - 1)]]
    elif target.dim == 2:
        cells = power_cells(y, w, box.bounds)
        x, owner = cells.corners, np.repeat(np.arange(len(y)), np.diff(cells.first))
    else:
        x, owner = solid_corners(y, w, box.bounds, thread_count())
    phi = ((x - y[owner]) ** 2).sum(axis=1) - w[owner]
    return np.array([(((x - point) ** 2).sum(axis=1) - phi).min() for point in z])


def cell_moments(
    points: Float[np.ndarray, "n d"],
    potentials: Float[np.ndarray, " n"],
    density: Grid | GaussianTarget,
    *,
    center: Float[np.ndarray, " d"] | None = None,
) -> Float[np.ndarray, "n s"]:
    """Moments of a density over the cells of any potentials: integrals of monomials over each cell.

    In the plane those of 1, x, y, x^2, x y and y^2, in space of 1, x, y, z, x^2, y^2, z^2, x y, x z and y z; seen from
    ``center``, or the origin. Exact for the density that a grid or a mixture describes, up to rounding.

    Examples
    --------
    >>> grid = Grid(np.ones((3, 3)), [[0, 1], [0, 1]])
    >>> cell_moments(np.array([[0.2, 0.3]]), np.zeros(1), grid).round(12).tolist()
    [[1.0, 0.5, 0.5, 0.333333333333, 0.25, 0.333333333333]]
    """
    box, d = _Box.around(density), density.dim
    args = box.inward(points), np.ascontiguousarray(potentials / box.unit**2)
    if isinstance(density, Grid):
        out = np.empty((len(points), _MOMENTS[d]))
        kernel = voxel_moments if d == 3 else pixel_moments
        kernel(*args, np.ascontiguousarray(density.values), box.bounds, density.degree, thread_count(), out)
    else:
        out = density.inside(box.center, box.unit).moments(*args, box.bounds)
    m, first, u = out[:, 0].copy(), out[:, 1 : 1 + d] * box.unit, box.unit
    away = box.center if center is None else box.center - center
    out[:, 1 : 1 + d] = first + m[:, None] * away
    for at, (a, b) in enumerate(_PAIRS[d], 1 + d):
        out[:, at] = out[:, at] * u**2 + away[a] * first[:, b] + away[b] * first[:, a] + away[a] * away[b] * m
    return out


def second_moments(moments: Float[np.ndarray, "n s"]) -> Float[np.ndarray, " n"]:
    """Integrals of ``|x|^2`` from the rows of `cell_moments`."""
    return moments[:, 4:7].sum(axis=1) if moments.shape[1] == _MOMENTS[3] else moments[:, 3] + moments[:, 5]
