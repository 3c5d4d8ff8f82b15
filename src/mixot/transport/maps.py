"""Maps that move the points of one mixture onto another, by the optimal plan between their components."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, overload

import numpy as np

from mixot._checks import as_floats, as_generator, is_one_of
from mixot._frames import given_back, opened
from mixot._native import blend_affine, pick_affine
from mixot._shapes import Float, Int
from mixot._typing import Frame, Law
from mixot.errors import InputError, UnsupportedError
from mixot.families.base import common
from mixot.families.couplings import AffineCoupling, Coupling, mean_image, random_image
from mixot.families.elliptical.gaussian import Gaussian
from mixot.families.roles import Coupled, EntropicallyCoupled, require, whitening
from mixot.formulas.gaussian.bures import sqrtm_psd
from mixot.mixture import Mixture
from mixot.results import Plan
from mixot.solvers.base import Solver, Task, choose_solver
from mixot.solvers.discrete.exact import Exact
from mixot.solvers.entropic.omt import OMT
from mixot.solvers.entropic.omt_plan import OMTPlan
from mixot.threads import thread_count
from mixot.transport.observed import mean_images, points_with_gaps
from mixot.transport.plans import between_mixtures, joined_pairs, left_out, rows_to_one

_MOST = 2**32  # bytes that the pieces of a map may take
_EASY = 2**30  # bytes up to which all of them are made, unless asked otherwise
_TAIL = 1e-6  # share of a component's mass whose pairs are left out beyond that
_OFF = 1e-5  # difference of weights that the plan of a solver which gave up may leave
_CHUNK = 1 << 18  # points moved at a time, which bounds the memory beyond the answer itself


@dataclass(frozen=True, eq=False)
class TransportMap(Generic[Law]):
    """A map from p to q: ``map(x)`` moves points (n, d) -> (n, d).

    The plan w joins components (k, l); given x, the pair has the probability ``p_kl(x) = w_kl p_k(x) / p(x)`` and
    moves x by the optimal affine coupling of its two laws, ``y = T_kl(x)`` (Delon and Desolneux 2020, section 6.3).

    ==============================  =========================================================================
    ``kind="mean"``                 ``map(x) = T_mean(x) = sum_kl p_kl(x) T_kl(x)``, smooth, the barycentric
                                    projection of the plan; it does not push p onto q
    ``kind="random"``               ``map(x, rng=) = map.sample(x, rng=)``
    ``map.sample(x)``               ``T_rand(x) = T_kl(x)`` with probability p_kl(x); it pushes p onto q
    ``map.trajectories(x, times)``  random paths ``(1 - t) x + t y`` with y = ``map.sample(x)``
    ``map.destinations(x)``         probability of each component of q; ``map.origins(y)`` of each of p
    ``map.conditional(x)``          the law of y given one x, as a mixture
    ``map.joint()``                 the law of (x, y), the plan itself, as a mixture on R^2d
    ``map.growth(x)``               what becomes of a unit of mass at x, where marginals were relaxed
    ==============================  =========================================================================

    Where a component of q has a larger support than the (singular) component of p it is joined to, no T_kl exists,
    only a conditional Gaussian law of y given x: the random map draws from it and the mean map is refused. Families
    with other couplings, on the line and their products, are moved by those; an atom of p is split by the random map
    and goes to the mean of y given x under the mean map.

    Along an entropic plan, ``OMT(eps=...)``, y is random for every pair, and T_kl(x) its mean. Where marginals were
    relaxed, ``source`` and ``target`` are the part of p that moves and what it becomes, scaled to mass one: points
    weighted by ``map.growth(x)`` are moved to ``sum_kl w_kl q_l``.

    float32 points are moved in float32 and give float32; all else is float64. A point that no component of p can
    produce (p singular) is moved by the component with the nearest mean.

    Of a plan that joins very many pairs, those that carry next to nothing are left out (``tail`` of `along`); what
    would go along them goes along the others of its component of p, and ``left_out`` and ``notes`` say how much.

    Parameters
    ----------
    source, target : p and q, in one family
    plan : the optimal plan between their components, with its certificate
    rows, cols : (s,), the pairs of components that the plan joins, in order of rows
    pieces : their optimal couplings; between elliptical laws affine, ``y | x ~ N(linear x + shift, noise)``
    kind : "mean" or "random", what ``map(x)`` means
    left_out : share of the mass whose pairs were left out

    Examples
    --------
    >>> import numpy as np
    >>> from mixot import Gaussian, Mixture
    >>> p = Mixture([1.0], Gaussian([[0.0, 0.0]], [np.eye(2)]))
    >>> q = Mixture([1.0], Gaussian([[5.0, 0.0]], [np.diag([4.0, 1.0])]))
    >>> TransportMap.between(p, q)([[1.0, 1.0], [0.0, 0.0]]).tolist()
    [[7.0, 1.0], [5.0, 0.0]]
    """

    source: Mixture[Law]
    target: Mixture[Law]
    plan: Plan
    rows: Int[np.ndarray, " s"]
    cols: Int[np.ndarray, " s"]
    pieces: Coupling
    kind: str
    left_out: float = 0.0

    @classmethod
    def between(
        cls, p: Mixture, q: Mixture, *, kind: Literal["mean", "random"] = "mean", solver: Solver | None = None
    ) -> TransportMap:
        """Solve for the plan between p and q and return the map it gives."""
        return cls.along(p, q, between_mixtures(p, q, choose_solver(solver, Task.COUPLING, (Exact, OMT))), kind=kind)

    @classmethod
    def along(
        cls,
        p: Mixture,
        q: Mixture,
        plan: Plan,
        *,
        kind: Literal["mean", "random"] = "mean",
        tail: float | None = None,
    ) -> TransportMap:
        """Return the map along a plan between the components of p and q, optimal or not.

        Parameters
        ----------
        p, q : Mixture
            Of the components that the plan joins.
        plan : Plan
            Between them.
        kind : "mean" or "random"
            What ``map(x)`` means.
        tail : float in [0, 1), optional
            Leave out the pairs of components beyond those that carry all but this share of the mass of each component,
            of p and of q. Where not given, none while the maps of all pairs take less than 1 GiB, and else 1e-6.

        Raises
        ------
        InputError
            On another kind or tail, on a plan between other components or weights than those of p and q, and where the
            maps would take more than 4 GiB.
        UnsupportedError
            Where there is no map for the kind: see the class.
        """
        if not is_one_of(kind, ("mean", "random")):
            raise InputError(f'kind must be "mean" or "random", got {kind!r}')
        source, target = common(p.components, q.components)
        _check_plan(p, q, plan)
        rows, cols, rest = _pairs(plan, p.dim, tail)
        eps = 0.0
        if isinstance(plan, OMTPlan):
            if plan.component_cost != "w2":
                raise UnsupportedError("a plan of KL costs joins components and moves no points; leave out cost")
            eps, p, q = plan.eps, _moved(p, plan, 1), _moved(q, plan, 0)
        if eps > 0:
            pieces = require(source, EntropicallyCoupled).entropic_coupling(target, rows, cols, eps)
        else:
            pieces = require(source, Coupled).coupling(target, rows, cols)
        before, after = Mixture(p.weights, source, columns=p.columns), Mixture(q.weights, target)
        return TransportMap(before, after, plan, rows, cols, pieces, "random", rest).of_kind(kind)

    def of_kind(self, kind: Literal["mean", "random"]) -> TransportMap[Law]:
        """Return the map of the other kind along the same couplings, which are not computed anew.

        Raises
        ------
        UnsupportedError
            For "mean", where y is not a function of x for some pair of components.
        """
        spread = np.empty(0, np.intp)
        if kind == "mean" and isinstance(self.pieces, AffineCoupling) and not getattr(self.plan, "eps", 0.0) > 0:
            spread = np.flatnonzero(~self.pieces.is_map)
        if len(spread):
            pairs = ", ".join(f"({i}, {j})" for i, j in zip(self.rows[spread[:5]], self.cols[spread[:5]], strict=True))
            more = ", ..." if len(spread) > 5 else ""
            raise UnsupportedError(
                f"no map joins the components {pairs}{more} of p and q: the covariance in q has the larger rank, so y "
                'is not a function of x; take kind="random", which draws y given x (its conditional(x) is that law), '
                "or add a small multiple of the identity to the covariances of p"
            )
        return replace(self, kind=kind)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the map does not do that the plan says, a sentence each."""
        if not self.left_out:
            return ()
        return (
            f"the map follows the {len(self.rows):,} pairs of components that carry all but {self.left_out:.1e} of the "
            "mass; tail=0 takes them all",
        )

    @overload
    def __call__(self, x: Frame, *, rng: Any = None) -> Any: ...
    @overload
    def __call__(self, x: Any, *, rng: Any = None) -> np.ndarray: ...
    def __call__(self, x: Any, *, rng: Any = None) -> Any:
        """Return the images of the points x, (n, d) -> (n, d); of a dataframe, a dataframe of that kind.

        Parameters
        ----------
        x : (n, d), finite
            A single point (d,) counts as one row, and (n,) as n rows on the line. Columns of a dataframe are read by
            name where p has names, and come back in the order of these; pandas keeps its index, what is lazy is
            collected, and what has no kind of its own (DuckDB, a stream of Arrow) comes back as a table of pyarrow.
        rng : seed, Generator or None
            What a random map draws from; the mean map needs none.

        Raises
        ------
        InputError
            Where x has another shape, or NaN or infinity (the rows are named).
        """
        x = opened(x)
        return self.sample(x, rng=rng) if self.kind == "random" else self._given_back(x, self._mean(x))

    def _mean(self, x: Any) -> Float[np.ndarray, "n d"]:
        if not isinstance(self.pieces, AffineCoupling):
            return self._mean_image(x)
        linear, image = self._mean_pieces()
        points = self.source.as_points(x)
        out = np.empty(points.shape, points.dtype)
        law = self._law(out.dtype, linear, image)
        for part in _chunks(len(points)):
            chunk = np.ascontiguousarray(points[part])
            if law is None:
                out[part] = self._blend(chunk, linear, image)
            else:
                blend_affine(chunk, *law, out[part], thread_count())
        return out

    @overload
    def sample(self, x: Frame, *, rng: Any = None) -> Any: ...
    @overload
    def sample(self, x: Any, *, rng: Any = None) -> np.ndarray: ...
    def sample(self, x: Any, *, rng: Any = None) -> Any:
        """Return random images of the points x, (n, d) -> (n, d): for x drawn from p they are drawn from q.

        Each point takes ``T_kl`` with probability ``p_kl(x)``, and where no map exists a draw from the conditional
        Gaussian law. A seed gives the same images whatever the number of threads. A dataframe gives one of its kind.
        """
        x = opened(x)
        return self._given_back(x, self._draw(x, as_generator(rng)))

    def _given_back(self, x: Any, images: np.ndarray) -> Any:
        """In a frame like x, if x is one; levels by the names that they have in p or else in q."""
        return given_back(x, images, self.source.columns, self.target.components.level_names)

    def _draw(self, x: Any, generator: np.random.Generator) -> Float[np.ndarray, "n d"]:
        if not isinstance(self.pieces, AffineCoupling):
            return self._random_image(x, generator)
        noisy = np.flatnonzero(self.pieces.noise.any(axis=(1, 2)))
        roots = sqrtm_psd(self.pieces.noise[noisy])
        draws = np.random.default_rng(generator.integers(0, 2**63, size=4)) if len(noisy) else None
        points = self.source.as_points(x)
        out = np.empty(points.shape, points.dtype)
        law = self._law(out.dtype, self.pieces.linear, self._images_of_means())
        first = np.searchsorted(self.rows, np.arange(len(self.source) + 1)).astype(np.uint64)
        share = self._shares()
        for part in _chunks(len(points)):
            chunk = np.ascontiguousarray(points[part])
            u = generator.random(len(chunk))
            if law is None:
                out[part], picked = self._pick(chunk, u)
            else:
                picked = np.empty(len(chunk), np.int64)
                pick_affine(chunk, *law, first, share, u, out[part], picked, thread_count())
            if draws is not None:
                z = draws.standard_normal(chunk.shape)
                for s, mine in _by_pair(picked, noisy):
                    out[part][mine] += (z[mine] @ roots[s]).astype(out.dtype)
        return out

    def of_observed(self, x: Any, *, rng: Any = None) -> Any:
        """Return images of points of which NaN marks what is missing, given what is not, (n, d) -> (n, d).

        The mean map gives ``E[T_mean(X) | what is known of X]`` for X of law p, exactly, as every T_kl is affine; the
        random map draws what is missing first, then an image. Complete rows go where ``map(x)`` takes them, a row of
        which nothing is known to the mean of q (by the random map: anywhere in q). What is missing must be so at
        random, as for ``EM(missing="ignore")``.

        Parameters
        ----------
        x : (n, d), NaN where a value is missing
            Or a dataframe, which gives one of its kind.
        rng : seed, Generator or None
            What a random map draws from.

        Raises
        ------
        InputError
            On infinite values, or another shape.
        UnsupportedError
            Where the family has no conditional laws in closed form, and for the mean map between laws whose couplings
            are not affine.

        Examples
        --------
        >>> import numpy as np
        >>> from mixot import Gaussian, Mixture
        >>> p = Mixture([1.0], Gaussian([[0.0, 0.0]], [[[1.0, 0.5], [0.5, 1.0]]]))
        >>> q = Mixture([1.0], Gaussian([[5.0, 1.0]], [[[1.0, 0.5], [0.5, 1.0]]]))
        >>> TransportMap.between(p, q).of_observed([[2.0, np.nan], [np.nan, np.nan]]).round(12).tolist()
        [[7.0, 2.0], [5.0, 1.0]]
        """
        came = opened(x)
        points = points_with_gaps(self.source, came)
        if self.kind == "random":
            generator = as_generator(rng)
            return self._given_back(came, self._draw(self.source.impute(points, rng=generator), generator))
        gaps = np.isnan(points).any(axis=1)
        images = np.empty_like(points)
        if not gaps.all():
            images[~gaps] = self._mean(points[~gaps])
        if gaps.any():
            if not isinstance(self.pieces, AffineCoupling):
                raise UnsupportedError(
                    f"couplings of the {self.source.components.name} family are not affine, so that the mean image of "
                    'a point with gaps has no closed form; take kind="random", which draws what is missing'
                )
            images[gaps] = mean_images(self.source, *self._mean_pieces(), points[gaps])
        return self._given_back(came, images)

    def trajectories(self, x: Any, times: Any, *, rng: Any = None) -> Float[np.ndarray, "t n d"]:
        """Return random paths of the points x, (n, d) -> (t, n, d): ``(1 - t) x + t y`` with ``y = sample(x, rng=)``.

        For x drawn from p and maps between the components, the points at time t are drawn from the mixture at t of the
        interpolation along this plan (`mixot.geodesic`).

        Parameters
        ----------
        x : (n, d)
            Points at time 0.
        times : (t,)
            Numbers in [0, 1].
        rng : seed, Generator or None
            What the ends of the paths are drawn from.
        """
        t = np.atleast_1d(as_floats(times, "times"))
        if t.ndim != 1 or not ((t >= 0) & (t <= 1)).all():
            raise InputError("times must be a vector of numbers in [0, 1]")
        points = self.source.as_points(x)
        ends, t = self.sample(points, rng=rng), t.astype(points.dtype)[:, None, None]
        return (1 - t) * points + t * ends

    def destinations(self, x: Any) -> Float[np.ndarray, "n l"]:
        """Return the probability that each point goes to each component of q, (n, d) -> (n, l); rows sum to one."""
        w = self.plan.coupling
        return self.source.responsibilities(x) @ rows_to_one(w)

    def origins(self, y: Any) -> Float[np.ndarray, "n k"]:
        """Return the probability that each point y of q came from each component of p, (n, d) -> (n, k)."""
        return self.target.responsibilities(y) @ rows_to_one(self.plan.coupling.T)

    def growth(self, x: Any) -> Float[np.ndarray, " n"]:
        """Return the mass that leaves each point per unit that is there, (n, d) -> (n,); one, unless relaxed.

        ``sum_k p(k | x) growth_k``, with growth_k that of the plan at the components of p (`OMTPlan.growth`).
        """
        if not isinstance(self.plan, OMTPlan) or not np.isfinite(self.plan.rho[0]):
            return np.ones(len(self.source.as_points(x)))
        weights = self.plan.source_weights
        given = Mixture(weights / weights.sum(), self.source.components)
        return given.responsibilities(x) @ self.plan.growth[0]

    def conditional(self, x: Any) -> Mixture[Gaussian]:
        """Return the law of y given one point x under the plan, ``sum_kl p_kl(x) N(T_kl(x), noise_kl)``.

        Its covariances are zero where the pair of components is joined by a map.

        Parameters
        ----------
        x : (d,) or (1, d)
            One point.
        """
        if not isinstance(self.pieces, AffineCoupling):
            raise UnsupportedError(
                f"given x, y follows no mixture of a known family here ({self.source.components.name}); draw from its "
                "law with map.sample(np.repeat([x], n, axis=0))"
            )
        points = self.source.as_points(x).astype(np.float64, copy=False)
        if len(points) != 1:
            raise InputError(f"x must be one point of shape ({self.source.dim},), got {np.shape(x)}")
        weights = self.source.responsibilities(points)[0, self.rows] * self._shares()
        means = self.pieces.linear @ points[0] + self.pieces.shift
        return Mixture(weights / weights.sum(), Gaussian(means, self.pieces.noise))

    def joint(self) -> Mixture[Gaussian]:
        """Return the law of (x, y) under the plan, a Gaussian mixture on R^2d (Delon and Desolneux 2020, eq. 4.1).

        One component for each pair that the plan joins, of covariance ``[[A, A L'], [L A, L A L' + noise]]`` with A
        that of the source component and L ``linear``; where the pair is joined by a map its rank is that of A.
        """
        if not (isinstance(self.pieces, AffineCoupling) and self.source.components.widen().name == "gaussian"):
            raise UnsupportedError(
                f"(x, y) follows no mixture of a known family here ({self.source.components.name}); draw from its law "
                "with x = p.sample(n) and y = map.sample(x)"
            )
        d, mass = self.source.dim, self.plan.coupling[self.rows, self.cols]
        graph = np.concatenate([np.broadcast_to(np.eye(d), self.pieces.linear.shape), self.pieces.linear], axis=1)
        covs = graph @ self.source.components.cov()[self.rows] @ graph.swapaxes(1, 2)
        covs[:, d:, d:] += self.pieces.noise
        means = np.concatenate([self.source.components.mean()[self.rows], self._images_of_means()], axis=1)
        return Mixture(mass / mass.sum(), Gaussian(means, covs))

    def _mean_image(self, x: Any) -> Float[np.ndarray, "n d"]:
        """T_mean where the couplings are not affine; from atoms it takes the mean of y given x for T_kl(x)."""
        points = self.source.as_points(x).astype(np.float64, copy=False)
        out = np.empty_like(points)
        for part in _chunks(len(points)):
            shares = self.source.responsibilities(points[part])[:, self.rows] * self._shares()
            out[part] = mean_image(self.pieces, points[part], shares)
        return out

    def _random_image(self, x: Any, rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        """T_rand where the couplings are not affine."""
        points = self.source.as_points(x).astype(np.float64, copy=False)
        out = np.empty_like(points)
        for part in _chunks(len(points)):
            odds = np.cumsum(self.source.responsibilities(points[part])[:, self.rows] * self._shares(), axis=1)
            picked = (rng.random(len(odds))[:, None] * odds[:, -1:] >= odds[:, :-1]).sum(axis=1)
            out[part] = random_image(self.pieces, points[part], picked, rng)
        return out

    def _shares(self) -> Float[np.ndarray, " s"]:
        """Probability of each pair given its source component."""
        mass = self.plan.coupling[self.rows, self.cols]
        return mass / np.bincount(self.rows, mass)[self.rows]

    @property
    def _affine(self) -> AffineCoupling:
        assert isinstance(self.pieces, AffineCoupling)
        return self.pieces

    def _mean_pieces(self) -> tuple[Float[np.ndarray, "k d d"], Float[np.ndarray, "k d"]]:
        """What T_mean does to each component of p, (k, d, d), and where it takes its mean, (k, d)."""
        share = self._shares()
        linear, image = np.zeros_like(self.source.components.cov()), np.zeros_like(self.source.components.mean())
        np.add.at(linear, self.rows, share[:, None, None] * self._affine.linear)
        np.add.at(image, self.rows, share[:, None] * self._images_of_means())
        return linear, image

    def _images_of_means(self) -> Float[np.ndarray, "s d"]:
        """T_s of the mean of its source component."""
        means = self.source.components.mean()[self.rows]
        return np.einsum("sij,sj->si", self._affine.linear, means) + self._affine.shift

    def _law(self, dtype: np.dtype, linear: np.ndarray, image: np.ndarray) -> tuple[np.ndarray, ...] | None:
        """Arguments of the compiled loops, or None where a component of p is singular.

        All of it is centered in float64 and only then rounded, so that float32 is as good far from the origin.
        """
        law = whitening(self.source.components)
        if law is None:
            return None
        origin, target_origin = self.source.mean().astype(dtype), self.target.mean().astype(dtype)
        with np.errstate(divide="ignore"):
            level = law.log_norm + np.log(self.source.weights)
        level = np.maximum(level - level.max(), -1e30)  # a component without mass: finite also in float32
        arrays = law.mean - origin, law.whiten, level, target_origin, image - target_origin, linear
        return origin, *(np.ascontiguousarray(array, dtype=dtype) for array in arrays)

    def _blend(self, chunk: np.ndarray, linear: np.ndarray, image: np.ndarray) -> np.ndarray:
        """T_mean where p is singular."""
        r = self.source.responsibilities(chunk)
        means = self.source.components.mean()
        out = np.zeros(chunk.shape)
        for k in np.flatnonzero(self.source.weights):
            out += r[:, k, None] * ((chunk - means[k]) @ linear[k].T + image[k])
        return out

    def _pick(self, chunk: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """T_rand without its noise, and the pair that each point took, where p is singular."""
        odds = np.cumsum(self.source.responsibilities(chunk)[:, self.rows] * self._shares(), axis=1)
        picked = (u[:, None] * odds[:, -1:] >= odds[:, :-1]).sum(axis=1)
        out = np.empty(chunk.shape)
        for s, mine in _by_pair(picked, np.arange(len(self.rows))):
            out[mine] = chunk[mine] @ self._affine.linear[s].T + self._affine.shift[s]
        return out, picked


def map_between(p: Mixture, q: Mixture, kind: Any, solver: Solver) -> TransportMap:
    """Return the map along the solver's plan: `TransportMap.between`, as the table of pairs asks for it."""
    return TransportMap.between(p, q, kind=kind, solver=solver)


def _check_plan(p: Mixture, q: Mixture, plan: Plan) -> None:
    if plan.coupling.shape != (len(p), len(q)):
        raise InputError(
            f"the plan joins {' and '.join(map(str, plan.coupling.shape))} components, p and q {len(p)} and {len(q)}: "
            "it is between other mixtures"
        )
    given = (plan.source_weights, plan.target_weights) if isinstance(plan, OMTPlan) else (None, None)
    for name, mixture, weights, axis in (("p", p, given[0], 1), ("q", q, given[1], 0)):
        planned = plan.coupling.sum(axis=axis) if weights is None else weights
        off = float(np.abs(planned - mixture.weights).max())
        if off > _OFF:
            raise InputError(
                f"the plan has other weights than {name}, by up to {off:.2g}: it is between other mixtures"
            )


def _pairs(plan: Plan, d: int, tail: float | None) -> tuple[Int[np.ndarray, " s"], Int[np.ndarray, " s"], float]:
    """The pairs of components that a map follows, and the share of the mass that went along others."""
    if tail is not None and not (isinstance(tail, int | float) and 0 <= tail < 1):
        raise InputError(f"tail, the share of a component's mass to leave out, must be in [0, 1), got {tail!r}")
    rows, cols = joined_pairs(plan, tail or 0.0)
    if tail is None and _bytes(len(rows), d) > _EASY:
        rows, cols = joined_pairs(plan, tail := _TAIL)
    if _bytes(len(rows), d) > _MOST:
        raise InputError(
            f"a map along {len(rows)} pairs of components in dimension {d} needs {_bytes(len(rows), d) / 2**30:.1f} "
            "GiB; take fewer components, a smaller lam, which joins fewer pairs, or a larger tail, which leaves out "
            "those that carry little"
        )
    return rows, cols, left_out(plan, rows, cols) if tail else 0.0


def _bytes(pairs: int, d: int) -> int:
    """Of the pieces and of what they are made of."""
    return 64 * pairs * d * d


def _moved(p: Mixture, plan: OMTPlan, axis: int) -> Mixture:
    """The part of p that moves, scaled to mass one; p itself where its marginal is kept."""
    if not np.isfinite(plan.rho[1 - axis]):
        return p
    mass = plan.coupling.sum(axis=axis)
    return Mixture(mass / mass.sum(), p.components)


def _by_pair(picked: np.ndarray, pairs: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Position of each of ``pairs`` that was picked, and the points that picked it."""
    order = np.argsort(picked, kind="stable")
    sorted_pairs = picked[order]
    starts, stops = np.searchsorted(sorted_pairs, pairs), np.searchsorted(sorted_pairs, pairs, side="right")
    for s in np.flatnonzero(stops > starts):
        yield int(s), order[starts[s] : stops[s]]


def _chunks(n: int) -> Iterator[slice]:
    return (slice(start, min(n, start + _CHUNK)) for start in range(0, n, _CHUNK))
