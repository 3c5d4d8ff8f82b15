"""Clusters of several components each: components are combined where the points do not tell them apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, overload

import numpy as np
from scipy.special import xlogy

from mixot._checks import is_whole
from mixot._shapes import Float, Int
from mixot._typing import Law
from mixot.errors import InputError
from mixot.measures import Grid, Samples, as_measure
from mixot.mixture import Mixture
from mixot.results import Background, Fit

_FEWEST = 3  # components of which a line in two pieces can be drawn


@dataclass(frozen=True, eq=False, slots=True)
class Combination(Generic[Law]):
    """The components of a mixture combined two by two, from k clusters down to one.

    Parameters
    ----------
    mixture : the mixture, whose density no step changes
    merges : (k - 1, 2), the two clusters that each step joins, by their numbers just before it; the second takes the
        first one's, and those above it move down by one
    entropies : (k,), entropy of the posterior probabilities with 1, 2 ... k clusters, in nats, all points together
    merged_points : (k - 1,), how many points stood in the two clusters that the step to 1, 2 ... k - 1 clusters joined
    clusters : the number of clusters that the elbow of the entropies proposes
    background : the uniform law beside the mixture of a fit that has one: a group of its own, which no step joins to
        anything and no number of clusters counts
    notes : what was done with it, in words
    """

    mixture: Mixture[Law]
    merges: Int[np.ndarray, "s 2"]
    entropies: Float[np.ndarray, " k"]
    merged_points: Float[np.ndarray, " s"]
    clusters: int
    background: Background | None = None
    notes: tuple[str, ...] = field(default=())

    def owner(self, clusters: int | None = None) -> Int[np.ndarray, " k"]:
        """The cluster of each component where there are so many, (k,); as many as proposed where not given."""
        count = self._checked(clusters)
        owner = np.arange(len(self.mixture))
        for keep, gone in self.merges[: len(owner) - count]:
            owner[owner == gone] = keep
            owner[owner > gone] -= 1
        return owner

    def responsibilities(self, x: Any, clusters: int | None = None) -> Float[np.ndarray, "n c"]:
        """Posterior probability of each cluster at the points x, (n, d) -> (n, clusters); rows sum to one.

        With a background it is the last of clusters + 1 columns: its density is taken to be the same everywhere.
        """
        owner = self.owner(clusters)
        groups = np.eye(owner.max() + 1)[owner]
        if self.background is None:
            return self.mixture.responsibilities(x) @ groups
        posterior = _beside(self.mixture, self.background, self.mixture.as_points(x))
        return np.column_stack([posterior[:, :-1] @ groups, posterior[:, -1]])

    def predict(self, x: Any, clusters: int | None = None) -> Int[np.ndarray, " n"]:
        """The cluster of each point x, (n, d) -> (n,); -1 for one that the background is likelier to have than any."""
        found = self.responsibilities(x, clusters).argmax(axis=1)
        return found if self.background is None else np.where(found == self.owner(clusters).max() + 1, -1, found)

    def cluster(self, at: int, clusters: int | None = None) -> Mixture[Law]:
        """The law of one cluster: a mixture of its components."""
        owner = self.owner(clusters)
        if not is_whole(at) or not 0 <= at <= owner.max():
            raise InputError(f"at must name one of the clusters 0 to {owner.max()}, got {at!r}")
        mine = np.flatnonzero(owner == at)
        weights = self.mixture.weights[mine]
        weights = weights if weights.any() else np.ones(len(mine))
        return Mixture(weights / weights.sum(), self.mixture.components.take(mine), columns=self.mixture.columns)

    def __str__(self) -> str:
        shown = ", ".join(f"{value:.4g}" for value in self.entropies)
        beside = "" if self.background is None else " and a background"
        parts = f"{self.clusters} clusters of {len(self.mixture)} components{beside}"
        return f"{parts}; entropy with 1, 2 ... clusters: {shown}"

    def _checked(self, clusters: int | None) -> int:
        count = self.clusters if clusters is None else clusters
        if not is_whole(count) or not 1 <= count <= len(self.mixture):
            raise InputError(f"clusters must be from 1 to the {len(self.mixture)} components, got {clusters!r}")
        return int(count)


@overload
def combine(mixture: Mixture[Law], data: Any) -> Combination[Law]: ...
@overload
def combine(mixture: Fit[Law], data: Any) -> Combination[Law]: ...
def combine(mixture: Any, data: Any) -> Combination:
    """Return the components of a mixture combined by entropy, one step for each number of clusters down to one.

    BIC counts the components that a density needs, and a cluster that is no ellipse needs several. Of all pairs of
    clusters each step joins the two for which the entropy of the posterior probabilities t of the points,
    ``- sum_i sum_k t_ik log t_ik``, falls most. Combining ends where entropy falls no longer: of two straight lines
    that meet at a number of clusters, least squares against the entropies finds the best (for three components or more;
    two stay). The elbow is a proposal; every number of clusters can be asked for.

    Parameters
    ----------
    mixture : Mixture or Fit
        Of any family. The background of a fit stays a group of its own: entropies count it, steps leave it alone, and
        ``notes`` say so.
    data : array (n, d), Samples or Grid
        The points, most often those of the fit; their weights count.

    Raises
    ------
    InputError
        Where data are no points of the mixture's space.

    Examples
    --------
    >>> from mixot import fit
    >>> rng = np.random.default_rng(0)
    >>> arm = np.column_stack([rng.uniform(-4, 4, 400), rng.normal(0, 0.3, 400)])
    >>> x = np.vstack([arm, arm[:, ::-1], rng.normal([9.0, 9.0], 1.0, (400, 2))])  # a cross, and a ball
    >>> found = combine(fit(x, k=3, rng=0), x)
    >>> found.merges.shape, np.unique(found.predict([[3.0, 0.0], [0.0, 3.0], [9.0, 9.0]], clusters=2)).size
    ((2, 2), 2)

    References
    ----------
    Baudry, Raftery, Celeux, Lo and Gottardo, Combining mixture components for clustering, J. Comput. Graph. Stat. 19
    (2010).
    """
    law = mixture.mixture if isinstance(mixture, Fit) else mixture
    if not isinstance(law, Mixture):
        raise InputError(f"expected a mixture or a fit, got {type(mixture).__name__}; fit one first: fit(data)")
    background = mixture.background if isinstance(mixture, Fit) else None
    posterior, count = _posterior(law, background, data)
    k = len(law)
    merges, entropies, merged = np.empty((k - 1, 2), dtype=np.int64), np.empty(k), np.empty(k - 1)
    entropies[k - 1] = _entropy(posterior, count)
    for clusters in range(k - 1, 0, -1):
        i, j = _best_pair(posterior[:, : clusters + 1], count)
        merged[clusters - 1] = count @ (posterior[:, i] + posterior[:, j])
        posterior[:, i] += posterior[:, j]
        posterior = np.delete(posterior, j, axis=1)
        merges[k - 1 - clusters] = i, j
        entropies[clusters - 1] = _entropy(posterior, count)
    notes = ()
    if background is not None:
        notes = (f"the background, {background.weight:.3g} of the mass, stays a group of its own: no step joins it",)
    return Combination(law, merges, entropies, merged, _elbow(entropies), background, notes)


def _beside(law: Mixture, background: Background, points: np.ndarray) -> np.ndarray:
    """Posterior probabilities of the components and, last, of the background, (n, k + 1)."""
    with np.errstate(divide="ignore"):  # of a background, or a rest, of weight zero
        uniform = np.log(background.weight) - np.log(background.volume)
        rest = law.log_density(points) + np.log1p(-background.weight)
    outside = np.exp(uniform - np.logaddexp(uniform, rest))
    return np.column_stack([law.responsibilities(points) * (1 - outside)[:, None], outside])


def _posterior(law: Mixture, background: Background | None, data: Any) -> tuple[np.ndarray, np.ndarray]:
    """Posterior probabilities (n, k), (n, k + 1) with a background, and for how many points each row stands, (n,)."""
    measure = as_measure(data) if not isinstance(data, Samples | Grid) else data
    points = measure.centers() if isinstance(measure, Grid) else measure
    if not isinstance(points, Samples):
        raise InputError(f"components are combined by points, got {type(data).__name__}; draw some: p.sample(10_000)")
    rows = law.responsibilities(points.points) if background is None else _beside(law, background, points.points)
    return rows.astype(np.float64), points.weights * points.observations


def _entropy(posterior: np.ndarray, count: np.ndarray) -> float:
    return max(0.0, float(-(count @ xlogy(posterior, posterior)).sum()))  # in this order, since it may be -0.0


def _best_pair(posterior: np.ndarray, count: np.ndarray) -> tuple[int, int]:
    """The two clusters, in order, whose union lowers the entropy most."""
    alone = count @ xlogy(posterior, posterior)
    best, pair = -np.inf, (0, 1)
    for i in range(posterior.shape[1] - 1):
        both = posterior[:, i, None] + posterior[:, i + 1 :]
        gain = count @ xlogy(both, both) - alone[i] - alone[i + 1 :]
        j = int(gain.argmax())
        if gain[j] > best:
            best, pair = float(gain[j]), (i, i + 1 + j)
    return pair


def _elbow(entropies: np.ndarray) -> int:
    """The number of clusters at which two least-squares lines through the entropies meet best."""
    k = len(entropies)
    if k < _FEWEST:
        return k
    number = np.arange(1.0, k + 1)
    parts = [((number[:at], entropies[:at]), (number[at - 1 :], entropies[at - 1 :])) for at in range(2, k)]
    misfit = [sum(_residual(x, y) for x, y in both) for both in parts]
    return 2 + int(np.argmin(misfit))


def _residual(x: np.ndarray, y: np.ndarray) -> float:
    """Sum of squares about the line of least squares."""
    away, rise = x - x.mean(), y - y.mean()
    return float(np.sum((rise - away * (away @ rise) / (away @ away)) ** 2))
