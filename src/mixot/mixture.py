"""A mixture of laws of one family, as a measure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from mixot._checks import (
    as_floats,
    as_generator,
    as_numbers,
    check_columns,
    check_finite,
    check_index,
    check_range,
    is_whole,
)
from mixot._frames import Frame, column_names, column_order, given_back, opened, row_names
from mixot._native import draw_labels, posterior
from mixot._shapes import ArrayLike, Float, Int
from mixot._typing import Index, Law
from mixot.display import cards, lines
from mixot.errors import InputError, UnsupportedError
from mixot.families.base import Family
from mixot.families.roles import Affine, Conditioned, OnTheLine, Projected, require, whitening
from mixot.families.whitening import Whitening
from mixot.incomplete import Incomplete, patterns
from mixot.measures import Grid, Measure, Moments, Samples, check_weights
from mixot.threads import thread_count

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
            return self._of_what_is_known(x, np.zeros(len(x)), Mixture.log_density)
        points = self._finite(x, _GAPS)
        law = whitening(self.components)
        if law is not None:
            log = np.empty(len(points))
            self._weigh(law, points, log=log)
            return log
        flat = np.flatnonzero((self.components.rank() < self.dim) & (self.weights > 0))
        if len(flat):
            raise UnsupportedError(
                f"components {flat[:5].tolist()} have a singular covariance, so the mixture has no density; "
                "add a small multiple of the identity to the covariances, or use responsibilities(x)"
            )
        return _log_sum_exp(self._log_joint(points))

    def responsibilities(self, x: Any) -> Float[np.ndarray, "n k"]:
        """Posterior probability of each component at the points x, (n, d) -> (n, k); rows sum to one.

        A singular component claims the points of its own support from those of larger support; a point that no
        component can produce goes to the one with the nearest mean. Of `Incomplete` points, what was observed decides.
        """
        if isinstance(x, Incomplete):
            return self._of_what_is_known(x, np.tile(self.weights, (len(x), 1)), Mixture.responsibilities)
        points = self._finite(x, _GAPS)
        law = whitening(self.components)
        if law is not None:
            r = np.empty((len(points), len(self)))
            self._weigh(law, points, r=r)
            return r
        joint = self._log_joint(points)
        rank = self.components.rank()
        if (rank < self.dim).any():
            able = np.isfinite(joint)
            smallest = np.where(able, rank, self.dim + 1).min(axis=1)
            joint = np.where(able & (rank == smallest[:, None]), joint, -np.inf)
        lost = ~np.isfinite(joint).any(axis=1)
        if lost.any():
            away = ((points[lost, None, :] - self.components.mean()) ** 2).sum(axis=2)
            away[:, self.weights == 0] = np.inf
            joint[lost, np.argmin(away, axis=1)] = 0.0
        return np.exp(joint - _log_sum_exp(joint)[:, None])

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
        self._check_line()
        return self._cdf(self.as_points(x)[:, 0].astype(np.float64, copy=False))

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
        self._check_line()
        level = np.atleast_1d(as_floats(u, "u"))
        if level.ndim != 1 or not ((level > 0) & (level < 1)).all():
            raise InputError("u must be a vector of levels above 0 and below 1")
        reach = 10 * np.sqrt(self.cov()[0, 0]) + 1e-300
        low, high = np.full(level.shape, self.mean()[0] - reach), np.full(level.shape, self.mean()[0] + reach)
        while ((below := self._cdf(low) >= level) | (above := self._cdf(high) < level)).any():
            reach *= 2
            low, high = low - reach * below, high + reach * above
        for _ in range(110):  # halves the brackets down to neighboring floats; around 0, until nothing is left of them
            middle = low + (high - low) / 2
            if ((middle <= low) | (middle >= high)).all():
                break
            enough = self._cdf(middle) >= level
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        return np.floor(high) if self.components.discrete else high

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
        laws = require(self.components, Conditioned)
        there = np.tile(points[0, known].astype(np.float64), (len(self), 1))
        shares = self.marginal(known.tolist()).responsibilities(there[:1])[0]
        names = None if self.columns is None else [self.columns[axis] for axis in unknown]
        return Mixture(shares, laws.conditional(known, there, np.arange(len(self))), columns=names)

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
        generator = None if rng is None else as_generator(rng)
        for known, rows in patterns(points):
            if len(known) < self.dim:
                unknown = np.setdiff1d(np.arange(self.dim), known)
                points[np.ix_(rows, unknown)] = self._expected(known, points[np.ix_(rows, known)], generator)
        return given_back(came, points, self.columns)

    def _expected(
        self, known: np.ndarray, x: np.ndarray, generator: np.random.Generator | None
    ) -> Float[np.ndarray, "n m"]:
        """Means of the other coordinates given the known ones, or draws of them."""
        if not len(known):
            means = np.broadcast_to(self.mean(), (len(x), self.dim))
            return means if generator is None else self.sample(len(x), rng=generator)
        laws = require(self.components, Conditioned)
        shares = self.marginal(known.tolist()).responsibilities(x)
        if generator is None:
            return np.einsum("nk,nkm->nm", shares, laws.conditional_mean(known, x))
        reach = shares.cumsum(axis=1)
        labels = np.minimum((reach < generator.random((len(x), 1)) * reach[:, -1:]).sum(axis=1), len(self) - 1)
        return laws.conditional(known, x, labels).sample(np.arange(len(x)), generator)

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
        x = self._opened(x)
        points = as_numbers(x, "x")
        shape = points.shape
        came = None if self.columns is None else column_names(x) or row_names(x, self.dim)
        order = None if self.columns is None else column_order(self.columns, came, "x")
        if points.ndim <= 1:
            points = points.reshape(-1, 1) if self.dim == 1 else points.reshape(1, -1)
        points = points if order is None else points[:, order]
        if points.ndim != 2 or points.shape[1] != self.dim:
            raise InputError(f"x must have shape (n, {self.dim}), got {shape}")
        return points

    def _opened(self, x: Any) -> Any:
        """What came; of a frame its columns, those of levels by the names that these have here."""
        x, levels = opened(x), self.components.level_names
        if not levels or not isinstance(x, Frame):
            return x
        came = None if self.columns is None else column_names(x)
        order = None if self.columns is None else column_order(self.columns, came, "x")
        return (x if order is None else x.ordered(order)).reading_levels(levels)

    def _of_what_is_known(
        self, x: Incomplete, out: np.ndarray, ask: Callable[[Mixture, np.ndarray], np.ndarray]
    ) -> np.ndarray:
        """What marginals answer for rows of which they know all; ``out`` where nothing is known."""
        order = None if self.columns is None else column_order(self.columns, x.columns, "x")
        points = self._read(x.points if order is None else x.points[:, order])
        for known, rows in patterns(points):
            if len(known):
                out[rows] = ask(self.marginal(known.tolist()), points[np.ix_(rows, known)])
        return out

    def _check_line(self) -> None:
        if self.dim != 1:
            raise InputError(
                f"only laws on the line have quantiles, got dimension {self.dim}; take a marginal: "
                "mixture.marginal([0])"
            )

    def _cdf(self, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        return require(self.components, OnTheLine).cdf(x) @ self.weights

    def _weigh(
        self, law: Whitening, points: np.ndarray, *, r: np.ndarray | None = None, log: np.ndarray | None = None
    ) -> None:
        """Fill r (n, k) with responsibilities and log (n,) with log-densities, by the compiled loop."""
        origin = self.mean()
        with np.errstate(divide="ignore"):
            level = law.log_norm + np.log(self.weights)
        x = np.ascontiguousarray(points, dtype=np.float64)
        posterior(x, origin, law.mean - origin, law.whiten, level, r, log, thread_count())

    def _log_joint(self, points: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return self.components.log_prob(points) + np.log(self.weights)


def _log_sum_exp(joint: np.ndarray) -> np.ndarray:
    top = joint.max(axis=1)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return top + np.log(np.exp(joint - top[:, None]).sum(axis=1))


def check_squares(measure: Measure) -> None:
    """Raise an `InputError` where squares of a measure's coordinates vanish or overflow, on which costs and fits stand.

    Examples
    --------
    >>> check_squares(Samples([1e-200]))
    Traceback (most recent call last):
    mixot.errors.InputError: points must have a largest size between 1e-152 and 1e+152, ...
    """
    match measure:
        case Samples():
            check_range(measure.points, "points")
        case Incomplete():
            check_range(np.nan_to_num(measure.points), "points")
        case Grid():
            check_range(measure.bounds, "bounds")
        case Mixture():
            for name in {"means", "locs"} & measure.components.parameters().keys():
                check_range(measure.components.parameters()[name], name)


M = TypeVar("M", bound=Measure)


def columns_of(*measures: Measure) -> tuple[str, ...] | None:
    """Names of the coordinates: those of the first of some measures that has any."""
    names = (measure.columns for measure in measures if isinstance(measure, Samples | Incomplete | Mixture))
    return next((each for each in names if each is not None), None)


def aligned(p: Measure, q: M) -> M:
    """Return q with its coordinates in the order of p's where both have names; `InputError` where those differ.

    Levels of mixtures, where both name them, are coded in the order of p's, too.

    Examples
    --------
    >>> p, q = Samples([[1.0, 20.0]], columns=["age", "income"]), Samples([[20.0, 1.0]], columns=["income", "age"])
    >>> aligned(p, q).points.tolist(), aligned(p, Samples([[20.0, 1.0]])).points.tolist()
    ([[1.0, 20.0]], [[20.0, 1.0]])
    """
    mine, theirs = columns_of(p), columns_of(q)
    order = None if mine is None or theirs is None or len(mine) != len(theirs) else column_order(mine, theirs, "both")
    turned: Any = q
    if order is not None and not isinstance(q, Incomplete):
        turned = q.marginal(order) if isinstance(q, Mixture) else None
        if isinstance(q, Samples):
            turned = q.moved(q.points[:, order], columns=mine)
    if isinstance(p, Mixture) and isinstance(q, Mixture) and p.components.level_names:
        laws = turned.components.in_level_order(p.components.level_names)
        turned = Mixture(turned.weights, laws, columns=turned.columns)
    return turned


def aligned_all(measures: Sequence[M]) -> list[M]:
    """The measures with their coordinates in the order of the first that has names; see `aligned`."""
    named = next((measure for measure in measures if columns_of(measure) is not None), None)
    return list(measures) if named is None else [aligned(named, measure) for measure in measures]
