"""What the arguments of the differentiable fronts stand for: groups of arrays, read as measures.

==================================  =====================================================
argument                            measure
==================================  =====================================================
array (n, d)                        points of equal weight
``(points, weights)``               weighted points
``(weights, means, covs)``          a Gaussian mixture
`GridOf` (values, bounds, degree)   a density on pixels, whose values a framework may trace
`Samples`, `Grid`, `Mixture`        itself (a mixture of Gaussian laws), as a constant
==================================  =====================================================

Points (b, n, d) and means (b, k, d) are a batch of b measures of one size; the rank of the means, or of the points,
decides, and the other arrays of the group are read by it. Next to means (k, d), covs (k, d, d) are full, (k, d) the
diagonals of diagonal ones, (k,) the variances of spherical ones; next to means (b, k, d) all have one axis more.
Weights (k,) are shared by the batch, and so is a whole measure that is no batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from mixot._checks import as_floats, check_finite, check_range
from mixot._shapes import Float
from mixot.errors import InputError, UnsupportedError
from mixot.families.elliptical.diagonal import DiagonalGaussian
from mixot.families.elliptical.gaussian import Gaussian
from mixot.measures import Grid, Measure, Samples
from mixot.mixture import Mixture
from mixot.tallies import check_weights
from mixot.transport.batches import Atoms

_HALF = {"float16": 2.0**-10, "bfloat16": 2.0**-7}  # their machine epsilons, by the end of the name of the type
_HALVES = 4  # of them, by which a sum of weights in such floats may be off
_SKEW = 1e-3  # finite differences of one entry of a covariance, and float32, leave it no more asymmetric than this


@dataclass(frozen=True, eq=False)
class GridOf:
    """A density on the pixels of a box: `mixot.Grid`, but of any framework's array.

    Parameters
    ----------
    values : array of d axes
        Not negative; scaled to total mass one.
    bounds : (d, 2)
        Lower and upper end of each axis; unit pixels where not given. An array of the framework may want a gradient:
        the values stretch with the box.
    degree : int
        0, constant on each pixel; 1, (bi-, tri-)linear between pixel centers.
    """

    values: Any
    bounds: Any = None
    degree: int = 0

    def __post_init__(self) -> None:
        if not is_traced(self.bounds):
            object.__setattr__(self, "bounds", _box(self.bounds))  # hashable: JAX compiles for it


def is_traced(bounds: Any) -> bool:
    """Whether bounds are an array of a framework, which may follow its derivatives."""
    return hasattr(bounds, "dtype") and not isinstance(bounds, np.ndarray | np.generic)


class Kind(StrEnum):
    """The measure that a group of arrays describes."""

    POINTS = "points"
    WEIGHTED = "weighted points"
    MIXTURE = "mixture"
    GRID = "grid"


@dataclass(frozen=True)
class Form:
    """How to read a group of arrays as a measure; hashable, so that a front can compile for it.

    ``ranks`` are the numbers of axes that each array has for one measure: axes before them count a batch.
    """

    kind: Kind
    ranks: tuple[int, ...]
    bounds: tuple[tuple[float, float], ...] | None = None
    degree: int = 0
    eps: float = 0.0  # of the weights, where they came with half a float's digits, which NumPy forgets

    @property
    def count(self) -> int:
        """How many arrays there are."""
        return len(self.ranks)

    @property
    def discrete(self) -> bool:
        """Whether it is one of finitely many atoms: points."""
        return self.kind in (Kind.POINTS, Kind.WEIGHTED)

    @property
    def measure_type(self) -> type[Measure]:
        """The class of its measure."""
        return Samples if self.discrete else Mixture if self.kind is Kind.MIXTURE else Grid

    def measure(self, arrays: Sequence[np.ndarray]) -> Measure:
        """The measure of arrays without a batch; `InputError` says what is wrong with them."""
        match self.kind:
            case Kind.POINTS:
                return Samples(as_floats(arrays[0], "points"))
            case Kind.WEIGHTED:
                return Samples(as_floats(arrays[0], "points"), _weights(arrays[1], self.eps))
            case Kind.MIXTURE:
                return Mixture(_weights(arrays[0], self.eps), self._laws(arrays[1], arrays[2]))
        return Grid(arrays[0], self.bounds if self.count == 1 else arrays[1], self.degree)

    def atoms(self, arrays: Sequence[np.ndarray]) -> Atoms:
        """Points, or the laws of mixtures, of a batch: arrays with one axis in front of their ranks.

        Raises
        ------
        InputError
            Says what is wrong with the arrays, and in which pair of the batch.
        """
        try:
            return self._atoms(arrays)
        except InputError:
            size = len(arrays[0])
            for pair in range(size if size > 1 else 0):
                try:
                    self._atoms([array[pair : pair + 1] for array in arrays])
                except InputError as wrong:
                    raise InputError(f"pair {pair} of the batch: {wrong}") from None
            raise

    def _atoms(self, arrays: Sequence[np.ndarray]) -> Atoms:
        size = len(arrays[0])
        if self.kind is Kind.MIXTURE:
            means, covs = (array.reshape(-1, *array.shape[2:]) for array in arrays[1:])
            plain = _positive(means, covs) if self.ranks == (1, 2, 3) else None
            if plain is None:
                laws = self._laws(means, covs)
                plain = laws.means, laws.covs
            means, covs = plain
            check_range(means, "means")
            shape = size, len(means) // size, means.shape[1]
            weights = _weight_rows(arrays[0], shape[1], "components", self.eps)
            return Atoms(weights, means.reshape(shape), covs.reshape(*shape, shape[2]))
        flat = Samples(_double(arrays[0].reshape(-1, *arrays[0].shape[2:]), "points"))
        check_range(flat.points, "points")
        points = flat.points.reshape(size, len(flat) // size, flat.dim)
        n = points.shape[1]
        return Atoms(
            np.full((size, n), 1 / n) if self.count == 1 else _weight_rows(arrays[1], n, "points", self.eps), points
        )

    def _laws(self, means: np.ndarray, covs: np.ndarray) -> Gaussian:
        """Full, diagonal or spherical laws, by the rank of the covariances."""
        if self.ranks[2] == 3:
            return Gaussian(means, _covs(covs))
        return DiagonalGaussian(means, covs).widen()

    def outside(self, gradients: Sequence[np.ndarray], arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """From gradients in the arrays of the measure, or of a batch of them, those in the arrays that were given."""
        if self.kind is Kind.GRID:
            return [gradients[0] / np.asarray(arrays[0], dtype=np.float64).sum(), *gradients[1 : self.count]]
        if self.kind is Kind.MIXTURE and self.ranks[2] < 3:
            variances = np.array(np.diagonal(gradients[2], axis1=-2, axis2=-1))  # a view of it cannot be written to
            return [*gradients[:2], variances.sum(axis=-1) if self.ranks[2] == 1 else variances]
        return list(gradients[: self.count])

    def inside(self, steps: Sequence[np.ndarray], like: Atoms) -> tuple[np.ndarray, ...]:
        """From steps of the arrays of a batch those of weights, which keep their sum, of places and of covariances."""
        if self.kind is not Kind.MIXTURE:
            weights = steps[1] if self.count == 2 else np.zeros(like.weights.shape)
            return weights - weights.mean(axis=1, keepdims=True), steps[0].reshape(like.places.shape)
        covs, eye = steps[2], np.eye(like.dim)
        if self.ranks[2] == 3:  # the symmetric part is what the measure sees
            covs = (covs + covs.swapaxes(-1, -2)) / 2
        else:
            covs = eye * (covs[..., None] if self.ranks[2] == 2 else covs[..., None, None])
        weights = steps[0] - steps[0].mean(axis=1, keepdims=True)
        return weights, steps[1].reshape(like.places.shape), covs.reshape(like.laws.shape)


def read(argument: Any) -> tuple[Form, list[Any]]:
    """How to read one argument of a front, and its arrays, as they came; see this module's table.

    Raises
    ------
    InputError
        On a tuple of neither two nor three arrays; on a batch of unequal shapes, and on arrays of other ranks.
    UnsupportedError
        On a mixture of other than Gaussian laws.
    """
    if isinstance(argument, tuple):
        if len(argument) not in (2, 3):
            raise InputError(
                "a measure must be an array of points, (points, weights) or (weights, means, covs), "
                f"got a tuple of {len(argument)}"
            )
        return _form_of(Kind.WEIGHTED if len(argument) == 2 else Kind.MIXTURE, list(argument)), list(argument)
    if isinstance(argument, list) and any(isinstance(item, Grid | GridOf) for item in argument):
        raise no_batch_of_grids()
    fitted = getattr(argument, "mixture", None)
    measure = fitted if isinstance(fitted, Measure) else argument
    match measure:
        case Samples():
            return Form(Kind.WEIGHTED, (2, 1)), [measure.points, measure.weights]
        case Grid():
            form = Form(Kind.GRID, (measure.dim,), _box(measure.bounds), measure.degree)
            return form, [measure.values]
        case GridOf() if is_traced(measure.bounds):
            form = Form(Kind.GRID, (len(shape_of(measure.values, "values")), 2), None, measure.degree)
            return form, [measure.values, measure.bounds]
        case GridOf():
            return Form(Kind.GRID, (len(shape_of(measure.values, "values")),), measure.bounds, measure.degree), [
                measure.values
            ]
        case Mixture():
            wide = measure.components.widen()
            if not isinstance(wide, Gaussian):
                raise UnsupportedError(
                    f"gradients are known for mixtures of Gaussian laws, not of {measure.components.name} laws"
                )
            return Form(Kind.MIXTURE, (1, 2, 3)), [measure.weights, wide.means, wide.covs]
        case Measure():
            raise UnsupportedError(f"no gradients of a distance to {type(measure).__name__}; pass points or a mixture")
    return _form_of(Kind.POINTS, [argument]), [argument]


_NAMES = {Kind.POINTS: ("points",), Kind.WEIGHTED: ("points", "weights"), Kind.MIXTURE: ("weights", "means", "covs")}


def _form_of(kind: Kind, arrays: list[Any]) -> Form:
    """The ranks of arrays for one measure: the places, points or means, say whether there is a batch."""
    names = _NAMES[kind]
    shapes = [shape_of(array, name) for array, name in zip(arrays, names, strict=True)]
    at = 1 if kind is Kind.MIXTURE else 0
    places: tuple[int, ...] = shapes[at]
    if len(places) > 3:
        raise InputError(f"{names[at]} must have shape (n, d), or (b, n, d) for a batch, got {places}")
    batch = len(places) == 3
    ranks = [min(len(places), 2)] * len(arrays)
    for i, (name, shape) in enumerate(zip(names, shapes, strict=True)):
        if name == "weights":
            ranks[i] = 1
            allowed = (1, 2) if batch else (1,)
        elif name == "covs":
            ranks[i] = len(shape) - batch
            allowed = (2, 3, 4) if batch else (1, 2, 3)
        else:
            continue
        if len(shape) not in allowed:
            raise InputError(
                f"next to {names[at]} of shape {places}, {name} must have {' or '.join(map(str, allowed))} axes, got "
                f"shape {shape}{_advice(name, batch)}"
            )
    for name, shape, rank in zip(names, shapes, ranks, strict=True):
        if len(shape) > rank and shape[:1] != places[:1]:
            many, others = (next(iter(sizes)) for sizes in (places, shape))
            raise InputError(f"a batch must have one size: {names[at]} are {many} measures, {name} are {others}")
    if len(places) > 1 and places[-1] == 0:
        raise InputError(f"{names[at]} must have at least one coordinate, got shape {places}")
    eps = max((_half(array) for name, array in zip(names, arrays, strict=True) if name == "weights"), default=0.0)
    return Form(kind, tuple(ranks), eps=eps)


def _half(array: Any) -> float:
    """Machine epsilon of float16 and bfloat16, also of arrays in a list; 0 for all other types."""
    while isinstance(array, list | tuple) and array:
        array = array[0]
    name = str(getattr(array, "dtype", "")).rpartition(".")[2]
    return _HALF.get(name, 0.0)


def no_batch_of_grids() -> InputError:
    """The error where several densities come as one."""
    return InputError(
        "a Grid is one density, there is no batch of them; map over them with vmap, or compare them one by one"
    )


def _advice(name: str, batch: bool) -> str:
    if name == "covs":
        axes = "b, " if batch else ""
        return f"; ({axes}k, d, d) are full, ({axes}k, d) diagonal and ({axes}k) spherical covariances"
    return "" if batch else "; in a batch all arrays have its axis in front, expand the others"


def shape_of(value: Any, name: str) -> tuple[int, ...]:
    """The shape of an array, or of nested lists of numbers or arrays; `InputError` where a list mixes shapes."""
    shape = getattr(value, "shape", None)
    if shape is not None:
        return tuple(shape)
    if not isinstance(value, list | tuple):
        return ()
    if not value:
        return (0,)
    first = shape_of(value[0], name)
    for i, item in enumerate(value):
        if (shape := shape_of(item, name)) != first:
            raise InputError(
                f"a list of {name} must be of one shape, got {first} at 0 and {shape} at {i}; make them equally many, "
                "for instance by atoms of weight zero, or compare them one by one"
            )
    return (len(value), *first)


def _box(bounds: Any) -> tuple[tuple[float, float], ...] | None:
    """As numbers that can be hashed."""
    if bounds is None:
        return None
    return tuple((float(low), float(high)) for low, high in np.asarray(bounds, dtype=np.float64).reshape(-1, 2))


def _weights(weights: np.ndarray, eps: float = 0.0) -> Float[np.ndarray, "*b n"]:
    """Weights in float64, their sums over the last axis; the rounding of a sum of float32 is taken off.

    So is that of weights in float16 or bfloat16, of which ``eps`` is given: each is off by half of that share of itself
    at most, and so is their sum, whatever their number; some more is left to a sum that was taken in such floats.
    """
    out = _double(weights, "weights")
    total = out.sum(axis=-1, keepdims=True)
    off = np.abs(total - 1)
    near = (off > 0) & (off <= (_HALVES * eps if eps else out.shape[-1] * _eps(weights)))
    return np.divide(out, total, out=out.copy(), where=near & (total > 0)) if near.any() else out


def _double(array: np.ndarray, name: str) -> Float[np.ndarray, "..."]:
    """In float64; an array of floats needs no inspection, and may stay the caller's."""
    if type(array) is np.ndarray and array.dtype.kind == "f":
        return np.ascontiguousarray(array, dtype=np.float64)
    return as_floats(array, name)


def _positive(means: np.ndarray, covs: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Means and covariances in float64 where nothing can be wrong with them: finite, symmetric, positive definite.

    None says no more than that they need a closer look.
    """
    k, d = means.shape
    if covs.shape != (k, d, d) or not d:
        return None
    centers, spreads = _double(means, "means"), _double(covs, "covs")
    if not (np.isfinite(centers).all() and (spreads == spreads.swapaxes(1, 2)).all()):
        return None
    try:
        np.linalg.cholesky(spreads)
    except np.linalg.LinAlgError:
        return None
    return centers, spreads


def _weight_rows(weights: np.ndarray, n: int, of: str, eps: float) -> Float[np.ndarray, "b n"]:
    """`check_weights` of each row, (b, n)."""
    rows = _weights(weights, eps)
    totals = rows.sum(axis=1, keepdims=True)
    fine = rows.shape[1] == n and np.isfinite(rows).all() and (rows >= 0).all()
    if not (fine and (np.abs(totals - 1) <= 8 * np.finfo(np.float64).eps).all()):
        return np.stack([check_weights(row, n, of) for row in rows])
    return rows


def _covs(covs: np.ndarray) -> Float[np.ndarray, "..."]:
    """Covariances in float64, made symmetric; eigenvalues that are negative by the rounding of float32 are zero."""
    out = as_floats(covs, "covs")
    if out.ndim != 3 or out.shape[1] != out.shape[2]:
        return out  # Gaussian says what is wrong, if anything is
    check_finite(out, "covs", "components")
    turned = out.swapaxes(1, 2)
    if (np.abs(out - turned).max(axis=(1, 2)) > _SKEW * np.abs(out).max(axis=(1, 2))).any():
        return out
    out = (out + turned) / 2
    if _eps(covs) > 1e-10:
        lam, q = np.linalg.eigh(out)
        low = (lam[:, 0] < 0) & (lam[:, 0] >= -4 * out.shape[1] * _eps(covs) * lam[:, -1])
        out[low] = (q[low] * np.maximum(lam[low], 0.0)[:, None]) @ q[low].swapaxes(1, 2)
    return out


def _eps(array: np.ndarray) -> float:
    return float(np.finfo(array.dtype).eps) if array.dtype.kind == "f" else 0.0
