"""Mixture reduction: fewer Gaussian components, mean and covariance kept, with a bound on what that loses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._checks import check_whole
from mixot._shapes import Float, Int
from mixot.errors import InputError, UnsupportedError
from mixot.families.elliptical.gaussian import Gaussian
from mixot.mixture import Mixture


@dataclass(frozen=True, eq=False, slots=True)
class Reduction:
    """A mixture of fewer components, and how close it is.

    Parameters
    ----------
    mixture : the reduced mixture, of the same mean and covariance
    owner : (k,), the component of it that each one of the original went into; -1 for those of weight zero
    kl_bound : the Kullback-Leibler divergence from the original to it is at most this, in nats
    """

    mixture: Mixture[Gaussian]
    owner: Int[np.ndarray, " k"]
    kl_bound: float


def reduce(p: Any, k: int) -> Reduction:
    """Return a mixture of k Gaussian components that replaces p: pairs are merged into the Gaussian of their moments.

    Each step merges the two components, of weights w, v and covariances S, T, for which the bound
    ``((w + v) log det U - w log det S - v log det T) / 2`` on the divergence that the step causes is least, U the
    covariance of both together. The bounds add up: what all steps cost is a bound on the divergence from p to the
    result.

    Parameters
    ----------
    p : Mixture or Fit
        Of Gaussian laws; diagonal ones become full ones, as their unions are not diagonal.
    k : int
        How many components remain.

    Raises
    ------
    InputError
        Where k is not between one and the number of components.
    UnsupportedError
        Where the family is another, or a component is singular: merging those has no finite divergence.

    Examples
    --------
    >>> p = Mixture([0.3, 0.3, 0.4], Gaussian([0.0, 0.1, 5.0], [1.0, 1.0, 2.0]))
    >>> found = reduce(p, 2)
    >>> found.owner.tolist(), found.mixture.components.means.ravel().round(3).tolist(), round(found.kl_bound, 6)
    ([0, 0, 1], [0.05, 5.0], 0.000749)

    References
    ----------
    Runnalls, Kullback-Leibler approach to Gaussian mixture reduction, IEEE Trans. Aerosp. Electron. Syst. 43 (2007),
    equation 21.
    """
    law = getattr(p, "mixture", p)
    if not isinstance(law, Mixture):
        raise InputError(f"expected a mixture or a fit, got {type(p).__name__}; fit one first: fit(data)")
    wide = law.components.widen()
    if not isinstance(wide, Gaussian):
        raise UnsupportedError(
            f"only Gaussian components are merged by their moments, got {wide.name} laws; combine(fit, data) joins "
            "components of any family into clusters"
        )
    check_whole(k, "k")
    seen = np.flatnonzero(law.weights > 0)
    if k > len(seen):
        raise InputError(f"k must be at most the {len(seen)} components of positive weight, got {k}")
    flat = seen[wide.rank()[seen] < law.dim]
    if len(flat):
        raise UnsupportedError(
            f"components {flat[:5].tolist()} have a singular covariance, and nothing bounds the divergence that "
            "merging them costs; add a small multiple of the identity to the covariances"
        )
    merger = _Merger.of(law.weights[seen], wide.means[seen], wide.covs[seen])
    bound = sum(merger.step() for _ in range(len(seen) - k))
    left = np.unique(merger.owner)
    owner = np.full(len(law), -1)
    owner[seen] = np.searchsorted(left, merger.owner)
    components = Gaussian(merger.means[left], merger.covs[left])
    weights = merger.weights[left] / merger.weights[left].sum()
    return Reduction(Mixture(weights, components, columns=law.columns), owner, float(bound))


@dataclass(eq=False, slots=True)
class _Merger:
    """Components on their way: ``alive`` ones, and what it would cost to merge each pair of these."""

    weights: Float[np.ndarray, " k"]
    means: Float[np.ndarray, "k d"]
    covs: Float[np.ndarray, "k d d"]
    log_dets: Float[np.ndarray, " k"]
    costs: Float[np.ndarray, "k k"]  # infinite on and below the diagonal, and for what is gone
    owner: Int[np.ndarray, " k"]

    @classmethod
    def of(cls, weights: np.ndarray, means: np.ndarray, covs: np.ndarray) -> _Merger:
        k = len(weights)
        out = cls(
            weights.copy(), means.copy(), covs.copy(), np.linalg.slogdet(covs)[1], np.full((k, k), np.inf), np.arange(k)
        )
        for i in range(k - 1):
            rest = np.arange(i + 1, k)
            out.costs[i, rest] = out._cost(i, rest)
        return out

    def step(self) -> float:
        """Merge the pair that costs least; returns the bound."""
        i, j = divmod(int(self.costs.argmin()), len(self.costs))
        cost = float(self.costs[i, j])
        weight, mean, cov = self._union(i, np.array([j]))
        self.weights[i], self.means[i], self.covs[i] = weight[0], mean[0], cov[0]
        self.log_dets[i] = np.linalg.slogdet(cov[0])[1]
        self.owner[self.owner == j] = i
        self.costs[j], self.costs[:, j] = np.inf, np.inf
        others = np.setdiff1d(np.unique(self.owner), [i])
        new = self._cost(i, others)
        self.costs[i, others[others > i]] = new[others > i]
        self.costs[others[others < i], i] = new[others < i]
        return cost

    def _union(self, i: int, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weight, mean and covariance of component i together with each of the rest."""
        weight = self.weights[i] + self.weights[rest]
        share = self.weights[rest] / weight
        away = self.means[rest] - self.means[i]
        within = (1 - share)[:, None, None] * self.covs[i] + share[:, None, None] * self.covs[rest]
        between = (share * (1 - share))[:, None, None] * away[:, :, None] * away[:, None, :]
        return weight, self.means[i] + share[:, None] * away, within + between

    def _cost(self, i: int, rest: np.ndarray) -> np.ndarray:
        if not len(rest):
            return np.empty(0)
        weight, _, cov = self._union(i, rest)
        both = np.linalg.slogdet(cov)[1]
        apart = self.weights[i] * self.log_dets[i] + self.weights[rest] * self.log_dets[rest]
        return np.maximum((weight * both - apart) / 2, 0.0)
