"""A mixture of laws of one family, as a measure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic

import numpy as np

from mixot._checks import as_floats, as_generator, check_columns, check_finite, check_index, is_whole
from mixot._frames import column_names, column_order, given_back, opened
from mixot._native import draw_labels
from mixot._shapes import ArrayLike, Float, Int
from mixot._typing import Index, Law
from mixot.display import cards, lines
from mixot.errors import InputError
from mixot.families.base import Family
from mixot.families.roles import Affine, Projected, require
from mixot.incomplete import Incomplete
from mixot.measures import Measure, Moments, check_weights
from mixot.mixture.gaps import fill, given_one, of_what_is_known
from mixot.mixture.line import cdf, check_line, quantiles
from mixot.mixture.points import read_points
from mixot.mixture.posterior import log_densities, responsibilities

_GAPS = "; of what was observed of such rows, ask it with Incomplete(x)"
_MOST_ORDER = 1000  # beyond, powers of any data overflow
_MANY = 10**6  # what fails with more draws than this fails for want of memory


@dataclass(frozen=True, eq=False)
class Mixture(Measure, Generic[Law]):
    """The measure ``sum_k weights[k] components[k]``.

    To type checkers a mixture is of its family, ``Mixture[Gaussian]``, and ``Mixture`` alone of any.

    Parameters
    ----------
    weights : (k,), not negative, summing to one
    components : a family, such as ``Gaussian(means, covs)``, of k laws
    columns : d names of the coordinates, or None; a fit to a dataframe has its names. A dataframe that comes as points
        is read name by name: in another order it is put in this one, with other names it is refused.

    Raises
    ------
    InputError
        On weights of the wrong number, negative, or not summing to one, or names that do not fit.

    Examples
    --------
    >>> from mixot import Gaussian
    >>> p = Mixture([0.3, 0.7], Gaussian([0.0, 1.0], [0.01, 0.04]))
    >>> p.mean().round(12).tolist()
    [0.7]
    """

    weights: Float[np.ndarray, " k"]
    components: Law
    columns: tuple[str, ...] | None = None

    def __init__(self, weights: ArrayLike, components: Law, *, columns: Any = None) -> None:
        if not isinstance(components, Family):
            raise InputError(
                f"components must be a family such as Gaussian(means, covs), got {type(components).__name__}"
            )
        object.__setattr__(self, "weights", check_weights(weights, len(components), "components"))
        object.__setattr__(self, "components", components)
        object.__setattr__(self, "columns", check_columns(columns, components.dim))

    def __len__(self) -> int:
        return len(self.weights)

    def __iter__(self) -> Iterator[Mixture[Law]]:
        """The components in order, ``m[0], m[1], ...``, each as a mixture of one."""
        return (self[at] for at in range(len(self)))

    def __getitem__(self, index: Index) -> Mixture[Law]:
        """The mixture of some of the components, weights in proportion, adding up to one.

        Parameters
        ----------
        index : int, slice, (j,) of int, each once, or (k,) of bool
            ``m[0]`` is the first component alone, of weight one, whatever weight it has here.

        Raises
        ------
        InputError
            On no component, one that is not there (an `IndexError`, too) or is named twice, a mask of another length,
            or several that have no mass together.

        Examples
        --------
        >>> from mixot import Gaussian
        >>> m = Mixture([0.5, 0.2, 0.3], Gaussian([0.0, 4.0, 9.0], [1.0, 1.0, 1.0]))
        >>> m[[0, 2]].weights.round(3).tolist(), m[1:].components.means.ravel().tolist(), [len(part) for part in m]
        ([0.625, 0.375], [4.0, 9.0], [1, 1, 1])
        """
        chosen = check_index(index, len(self))
        weights = self.weights[chosen] if np.ndim(chosen) else np.ones(1)
        chosen = np.atleast_1d(chosen)
        if not weights.sum() > 0:
            raise InputError(
                f"components {chosen.tolist()} have weight zero together, so there is no mixture of them; one alone is "
                f"m[{chosen[0]}]"
            )
        return Mixture(weights / weights.sum(), self.components.take(chosen), columns=self.columns)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        """One object: an array of mixtures holds these, not their components, which are mixtures again, and so on."""
        out = np.empty((), dtype=object)
        out[()] = self
        return out

    def __repr__(self) -> str:
        return lines.of_mixture(self)

    def _repr_html_(self) -> str:
        return cards.mixture_card(self)

    @property
    def dim(self) -> int:
        return self.components.dim

    def density(self, x: Any) -> Float[np.ndarray, " n"]:
        """Density at the points x, (n, d) -> (n,)."""
        return np.exp(self.log_density(x))

    def log_density(self, x: Any) -> Float[np.ndarray, " n"]:
        """Logarithm of the density at the points x, (n, d) -> (n,), in nats.

        Of `Incomplete` points it is that of what was observed of each, under `marginal`; 0 where nothing was. Raises
        `UnsupportedError` where a component is singular: such a mixture has no density.
        """
        if isinstance(x, Incomplete):
            return of_what_is_known(self, self._with_gaps(x), np.zeros(len(x)), Mixture.log_density)
        return log_densities(self.weights, self.components, self._finite(x, _GAPS))

    def responsibilities(self, x: Any) -> Float[np.ndarray, "n k"]:
        """Posterior probability of each component at the points x, (n, d) -> (n, k); rows sum to one.

        A singular component claims the points of its own support from those of larger support; a point that no
        component can produce goes to the one with the nearest mean. Of `Incomplete` points, what was observed decides.
        """
        if isinstance(x, Incomplete):
            alone = np.tile(self.weights, (len(x), 1))
            return of_what_is_known(self, self._with_gaps(x), alone, Mixture.responsibilities)
        return responsibilities(self.weights, self.components, self._finite(x, _GAPS))

    def predict(self, x: Any) -> Int[np.ndarray, " n"]:
        """The most probable component at each of the points x, (n, d) -> (n,) of 0 .. k - 1.

        It is the one of largest responsibility, also where components are singular; of equal ones the first.

        Examples
        --------
        >>> from mixot import Gaussian
        >>> Mixture([0.5, 0.5], Gaussian([0.0, 9.0], [1.0, 1.0])).predict([1.0, 8.0, -2.0]).tolist()
        [0, 1, 0]
        """
        return self.responsibilities(x).argmax(axis=1)

    def cdf(self, x: Any) -> Float[np.ndarray, " n"]:
        """Distribution function of a mixture on the line, P(X <= x) at each x, (n,) -> (n,)."""
        check_line(self.dim)
        return cdf(self.weights, self.components, self.as_points(x)[:, 0].astype(np.float64, copy=False))

    def quantile(self, u: Any) -> Float[np.ndarray, " n"]:
        """Quantile function of a mixture on the line: the smallest x with ``cdf(x) >= u``, (n,) -> (n,).

        ``x(u)`` carries the uniform law on (0, 1) to the mixture; on the line the exact W2 plan joins equal levels,
        ``W2^2 = int (x_p(u) - x_q(u))^2 du`` (see `mixot.bounds`, which proves its value).

        Parameters
        ----------
        u : (n,)
            Levels above 0 and below 1.

        Raises
        ------
        InputError
            Where the mixture does not live on the line, or a level is not inside (0, 1).

        Examples
        --------
        >>> from mixot import Gaussian
        >>> p = Mixture([0.5, 0.5], Gaussian([-1.0, 1.0], [0.04, 0.04]))
        >>> p.quantile([0.25, 0.75]).round(12).tolist()
        [-1.0, 1.0]
        """
        check_line(self.dim)
        level = np.atleast_1d(as_floats(u, "u"))
        if level.ndim != 1 or not ((level > 0) & (level < 1)).all():
            raise InputError("u must be a vector of levels above 0 and below 1")
        deviation = float(np.sqrt(self.cov()[0, 0]))
        return quantiles(self.weights, self.components, level, float(self.mean()[0]), deviation)

    def sample(self, n: int, *, rng: Any = None) -> Float[np.ndarray, "n d"]:
        """Draw n independent points, (n, d); ``rng`` is a seed, a Generator or None."""
        return self.draw(n, rng=rng)[0]

    def draw(self, n: int, *, rng: Any = None) -> tuple[Float[np.ndarray, "n d"], Int[np.ndarray, " n"]]:
        """Draw n independent points and the component that each came from, (n, d) and (n,).

        The points are those of ``sample`` with the same ``rng``: a seed, a Generator or None.

        Examples
        --------
        >>> from mixot import Gaussian
        >>> points, labels = Mixture([0.5, 0.5], Gaussian([0.0, 100.0], [1.0, 1.0])).draw(4, rng=0)
        >>> (points[:, 0] > 50).astype(int).tolist() == labels.tolist()
        True
        """
        if not is_whole(n) or n < 0:
            raise InputError(f"n must be a whole number that is not negative, got {n!r}")
        generator = as_generator(rng)
        try:
            labels = self._labels(n, generator)
            return self.components.sample(labels, generator), labels
        except (MemoryError, OverflowError, ValueError):
            if n < _MANY:
                raise
            raise InputError(f"n = {n} points do not fit into memory; draw them in parts") from None

    def _labels(self, n: int, generator: np.random.Generator) -> Int[np.ndarray, " n"]:
        """The component of each of n draws: those of ``generator.choice``, number by number."""
        reach, labels = np.cumsum(self.weights), np.empty(n, dtype=np.int64)
        draw_labels(generator.random(n), reach / reach[-1], labels)
        return labels

    def mean(self) -> Float[np.ndarray, " d"]:
        return self.weights @ self.components.mean()

    def cov(self) -> Float[np.ndarray, "d d"]:
        centred = self.components.mean() - self.mean()
        within = np.einsum("k,kij->ij", self.weights, self.components.cov())
        return within + (centred * self.weights[:, None]).T @ centred

    def moments(self, order: int) -> Moments:
        """Raw moments up to ``order``, exact."""
        if isinstance(order, int) and order > _MOST_ORDER:
            raise InputError(f"order must be at most {_MOST_ORDER}, got {order!r}")
        return Moments(self.weights @ self.components.moments(order), order=order)

    def marginal(self, axes: Sequence[int]) -> Mixture[Law]:
        """The law of the coordinates ``axes``."""
        whole = isinstance(axes, Sequence | np.ndarray) and all(map(is_whole, axes))
        distinct = {axis % self.dim for axis in axes if -self.dim <= axis < self.dim} if whole else set()
        if not distinct or len(distinct) < len(axes):
            raise InputError(f"axes must name some of the {self.dim} coordinates, each once, got {axes!r}")
        names = None if self.columns is None else [self.columns[axis] for axis in axes]
        return Mixture(self.weights, require(self.components, Projected).marginal(axes), columns=names)

    def conditional(self, x: Any) -> Mixture[Law]:
        """The law of the coordinates that are NaN in the point x, (d,), given those that are not: again a mixture.

        Its weights are the responsibilities of the components for what is known of x, its components theirs given that.
        The law of what is known is `marginal`; of many points at once, `impute` gives the means, or draws.

        Raises
        ------
        InputError
            Where x is more than one point, nothing or everything of it is known, or a value is infinite.
        UnsupportedError
            On a family without closed-form conditional laws.

        Examples
        --------
        >>> from mixot import Gaussian
        >>> p = Mixture([1.0], Gaussian([[0.0, 1.0]], [[[4.0, 2.0], [2.0, 2.0]]]), columns=["height", "weight"])
        >>> given = p.conditional([2.0, np.nan])
        >>> given.mean().tolist(), given.cov().tolist(), given.columns
        ([2.0], [[1.0]], ('weight',))
        """
        points = self._read(x)
        if len(points) != 1:
            raise InputError(f"x must be one point, (d,), got {len(points)}; of many, impute(x) fills the gaps")
        known, unknown = np.flatnonzero(~np.isnan(points[0])), np.flatnonzero(np.isnan(points[0]))
        check_finite(points[:, known], "x", "rows")
        if not len(known):
            return self
        if not len(unknown):
            raise InputError("x must have NaN where a coordinate is unknown, got a point of which all are known")
        shares, laws = given_one(self, known, points[0, known])
        names = None if self.columns is None else [self.columns[axis] for axis in unknown]
        return Mixture(shares, laws, columns=names)

    def impute(self, x: Any, *, rng: Any = None) -> Any:
        """The points x, (n, d), with what is NaN in them filled in from the mixture; a dataframe gives one of its kind.

        Parameters
        ----------
        x : (n, d)
            NaN marks what is missing; what is not stays as it is.
        rng : seed, Generator or None
            None fills in conditional means, `E[missing | observed]`: the best guess of each value in squares, and too
            near to each other as a sample. Anything else draws from the conditional law: as many calls as you want
            data sets for multiple imputation (Rubin 1987).

        Raises
        ------
        InputError
            On infinite values, or another shape.
        UnsupportedError
            On a family without closed-form conditional laws.

        Examples
        --------
        >>> from mixot import Gaussian
        >>> p = Mixture([1.0], Gaussian([[0.0, 1.0]], [[[4.0, 2.0], [2.0, 2.0]]]))
        >>> p.impute([[2.0, np.nan], [np.nan, np.nan], [5.0, 5.0]]).tolist()
        [[2.0, 2.0], [0.0, 1.0], [5.0, 5.0]]
        """
        came = opened(x)
        points = np.array(self._read(came), dtype=np.float64)
        check_finite(np.nan_to_num(points, nan=0.0, posinf=np.inf, neginf=-np.inf), "x", "rows")
        fill(self, points, None if rng is None else as_generator(rng))
        return given_back(came, points, self.columns)

    def affine(self, matrix: Any, shift: Any = 0.0) -> Mixture:
        """The law of ``matrix @ x + shift``; matrix (e, d) or a number, shift (e,) or a number."""
        linear, offset = as_floats(matrix, "matrix"), as_floats(shift, "shift")
        names = self.columns if linear.ndim == 0 else None  # a matrix makes other coordinates
        linear = linear * np.eye(self.dim) if linear.ndim == 0 else linear
        if linear.ndim != 2 or linear.shape[1] != self.dim or not len(linear):
            raise InputError(f"matrix must have shape (e, {self.dim}) or be a number, got {linear.shape}")
        if offset.shape not in ((), linear.shape[:1]):
            raise InputError(f"shift must have shape ({len(linear)},) or be a number, got {offset.shape}")
        offset = np.broadcast_to(offset, linear.shape[:1])
        check_finite(linear, "matrix", "rows")
        check_finite(offset, "shift", "places")
        return Mixture(self.weights, require(self.components, Affine).affine(linear, offset), columns=names)

    def merge(self, *, tol: float = 0.0) -> Mixture[Law]:
        """The same measure with identical components merged and those of weight zero dropped.

        Two components are identical where every parameter differs by at most ``tol`` times that parameter's largest
        absolute value. Order of first appearance is kept.
        """
        kept: list[int] = []
        mass: list[float] = []
        arrays = [np.asarray(value) for value in self.components.parameters().values()]
        scales = [tol * np.abs(array).max() for array in arrays]
        for k in np.flatnonzero(self.weights > 0):
            for at, twin in enumerate(kept):
                if all(np.abs(a[k] - a[twin]).max() <= s for a, s in zip(arrays, scales, strict=True)):
                    mass[at] += self.weights[k]
                    break
            else:
                kept.append(int(k))
                mass.append(self.weights[k])
        return Mixture(np.array(mass), self.components.take(np.array(kept)), columns=self.columns)

    def named(self, columns: tuple[str, ...] | None) -> Mixture[Law]:
        """The same mixture, its coordinates called so, (d,); None takes the names off."""
        return Mixture(self.weights, self.components, columns=columns)

    def as_points(self, x: Any) -> Float[np.ndarray, "n d"]:
        """Points as a finite (n, dim) array, float32 where x is, else float64.

        A single point (dim,) counts as one row, and (n,) as n rows on the line. Columns of a dataframe are read by
        name where the mixture has `columns`.
        """
        return self._finite(x)

    def _finite(self, x: Any, advice: str = "") -> Float[np.ndarray, "n d"]:
        """The points of `as_points`; ``advice`` goes to who passes some of which values are missing."""
        x = opened(x)
        points = self._read(x)
        told = advice if np.isnan(points).any() else ""
        check_finite(points, "x", "rows", told, columns=self.columns or column_names(x))
        return points

    def _read(self, x: Any) -> Float[np.ndarray, "n d"]:
        """Points as an array (n, dim), NaN and infinity as they are; see `as_points`."""
        return read_points(x, self.components, self.columns)

    def _with_gaps(self, x: Incomplete) -> Float[np.ndarray, "n d"]:
        """Incomplete points in the order of the coordinates here."""
        order = None if self.columns is None else column_order(self.columns, x.columns, "x")
        return self._read(x.points if order is None else x.points[:, order])
