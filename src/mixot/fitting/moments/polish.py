"""Gaussian mixtures polished in moment space, and the sweep of merges and splits over their numbers of components.

A start from anywhere (a relaxation, k-means++, the user) is moved to the nearest minimum of
``J(theta) = n |omega^(-1/2) (mu - p(theta))|^2`` (see `MomentTarget`) by Levenberg-Marquardt in compiled code. Its cost
does not depend on the number of observations. Minima are many; the sweep leaves the bad ones: from the largest number
down the cheapest merges of each best mixture are polished as starts of the next smaller one, from one up its splits
as starts of the next larger one, and for each number the lowest J is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mixot._native import moment_fit
from mixot._shapes import Float
from mixot.errors import InputError, UnsupportedError
from mixot.families.elliptical.diagonal import DiagonalGaussian
from mixot.families.elliptical.gaussian import Gaussian
from mixot.fitting.moments.target import STRUCTURES, MomentTarget, component_parameters
from mixot.mixture import Mixture
from mixot.threads import thread_count

_CEILING = 4.0  # no variance exceeds by far that of a law on the ends of the box
_LIGHT = 0.02  # starts give every component at least this weight, so that the data can say what it is for
_APART = 0.8  # halves of a split component stand so many standard deviations from its mean ..
_LEFT = 1 - _APART**2  # .. and keep this share of its variance along that axis, so that the total stays what it was

_WORTH = 0.5  # a round that lowers no J by so much is the last (of exact moments: by this share)


@dataclass(frozen=True)
class Polisher:
    """Levenberg-Marquardt from many starts, and the merge-split sweep.

    Parameters
    ----------
    structure : "full", "diagonal" or "spherical"
    max_iter : most iterations from one start
    tol : stop where an iteration lowers J by less than ``tol (1 + J)``, or ``tol J`` where the moments are exact
    merges : how many of the cheapest merges of each mixture are tried
    rounds : sweeps at most; they end when one finds nothing better
    """

    structure: str = "full"
    max_iter: int = 60
    tol: float = 1e-4
    merges: int = 3
    rounds: int = 2

    def __post_init__(self) -> None:
        if self.structure not in STRUCTURES:
            raise InputError(f"unknown structure {self.structure!r}; structures are {', '.join(STRUCTURES)}")

    def polish(self, target: MomentTarget, starts: Sequence[Mixture]) -> list[Polished]:
        """Return what each start becomes, in their order.

        Raises
        ------
        InputError
            Where a start has another dimension than the target.
        UnsupportedError
            Where a start is no Gaussian mixture.
        """
        atoms = [_inside(target, start, self.structure) for start in starts]
        out: list[Polished | None] = [None] * len(atoms)
        for k in sorted({len(start.weights) for start in atoms}):
            places = [i for i, start in enumerate(atoms) if len(start.weights) == k]
            for i, result in zip(places, self._run(target, [atoms[i] for i in places]), strict=True):
                out[i] = result
        return [result for result in out if result is not None]

    def sweep(self, target: MomentTarget, starts: Iterable[Mixture], k_max: int) -> Sweep:
        """Return the best mixture of each number 1 .. ``k_max`` of components that starts, merges and splits lead to.

        One component, with the mean and covariance of the law, is always among the starts.
        """
        found: dict[int, list[Polished]] = {k: [] for k in range(1, k_max + 1)}
        center = one_component(target, self.structure)
        starts = [start for start in starts if len(start) <= k_max]
        for result in self.polish(target, [center, *starts]):
            found[len(result.mixture)].append(result)
        for _ in range(self.rounds):
            before = {k: _best(results).objective for k, results in found.items() if results}
            self._merge_and_split(target, found)
            after = {k: _best(results).objective for k, results in found.items()}
            least = (1 - _WORTH) if target.exact else 1.0
            if all(k in before and after[k] >= least * before[k] - (0 if target.exact else _WORTH) for k in found):
                break
        cleaned = tuple(outside(target, _inside(target, start, self.structure), self.structure) for start in starts)
        return Sweep(target, self.structure, {k: tuple(results) for k, results in found.items()}, cleaned)

    def _merge_and_split(self, target: MomentTarget, found: dict[int, list[Polished]]) -> None:
        """Add what the best of each size leads to: first downwards, then upwards."""
        for k in range(len(found) - 1, 0, -1):
            if found[k + 1]:
                merged = cheapest_merges(_best(found[k + 1]).atoms, self.merges, target.dim, self.structure)
                found[k] += self._run(target, merged)
        for k in range(1, len(found)):
            found[k + 1] += self._run(target, splits(_best(found[k]).atoms, target.dim, self.structure))

    def _run(self, target: MomentTarget, starts: Sequence[Atoms]) -> list[Polished]:
        """Starts of one number of components, all in one call."""
        weights, means, covs = (np.ascontiguousarray(np.stack(each)) for each in zip(*starts, strict=True))
        weights = np.maximum(weights, _LIGHT)
        weights /= weights.sum(axis=1, keepdims=True)
        objectives, iterations = np.empty(len(starts)), np.empty(len(starts), dtype=np.int64)
        box = (target.floor, _CEILING, 1.0)
        moment_fit(
            target.powers, target.operators(self.structure), target.whitening @ target.moments, self.structure, box,
            weights, means, covs, objectives, iterations, self.max_iter, self.tol, target.exact, thread_count(),
        )  # fmt: skip
        atoms = [Atoms(*each) for each in zip(weights, means, covs, strict=True)]
        return [
            Polished(outside(target, atom, self.structure), float(j), int(i), bool(i < self.max_iter), atom)
            for atom, j, i in zip(atoms, objectives, iterations, strict=True)
        ]


class Atoms(NamedTuple):
    """Weights (k,), means (k, d) and covariances (k, c) in the coordinates of a target.

    c = 1 spherical, d diagonal, d (d + 1) / 2 full: the lower triangle row by row.
    """

    weights: Float[np.ndarray, " k"]
    means: Float[np.ndarray, "k d"]
    covs: Float[np.ndarray, "k c"]


@dataclass(frozen=True, eq=False, slots=True)
class Polished:
    """A mixture at a minimum of J, J there, how it got there, and the same mixture in the target's coordinates."""

    mixture: Mixture
    objective: float
    iterations: int
    converged: bool
    atoms: Atoms


@dataclass(frozen=True, eq=False, slots=True)
class Sweep:
    """All that was polished, by number of components, and the starts, moved into the box and the structure."""

    target: MomentTarget
    structure: str
    found: dict[int, tuple[Polished, ...]]
    starts: tuple[Mixture, ...] = ()

    def best(self, k: int) -> Polished:
        """The mixture of k components of lowest J."""
        return _best(self.found[k])

    @property
    def objectives(self) -> dict[int, float]:
        """Lowest J of each number of components."""
        return {k: self.best(k).objective for k in self.found}

    def parameters(self, k: int) -> int:
        """How many numbers a mixture of k components chooses."""
        return k * component_parameters(self.target.dim, self.structure) - 1


def one_component(target: MomentTarget, structure: str) -> Mixture:
    """The Gaussian law of the target's mean and variances."""
    d = target.dim
    column = {tuple(power): s for s, power in enumerate(target.powers.tolist())}
    unit = np.eye(d, dtype=int)
    mean = np.array([target.moments[column[tuple(e)]] for e in unit])
    second = np.array([[target.moments[column[tuple(a + b)]] for b in unit] for a in unit])
    second[np.diag_indices(d)] = (1 + second[np.diag_indices(d)]) / 2  # x^2 = (1 + T_2) / 2
    cov = second - np.outer(mean, mean)
    return outside(target, Atoms(np.ones(1), mean[None], packed(cov[None], structure)), structure)


def cheapest_merges(atoms: Atoms, count: int, dim: int, structure: str) -> list[Atoms]:
    """The ``count`` mixtures of one component fewer that lose least, each with two components merged.

    The merged one has their mass, mean and covariance. The loss is Runnalls' bound on the Kullback-Leibler divergence,
    ``((w_a + w_b) log det S - w_a log det S_a - w_b log det S_b) / 2``.

    References
    ----------
    Runnalls, IEEE Trans. Aerosp. Electron. Syst. 43 (2007), eq. (21).
    """
    weights, means = atoms.weights, atoms.means
    covs = unpacked(atoms.covs, dim)
    a, b = np.triu_indices(len(weights), 1)
    share = weights[a] / (weights[a] + weights[b])
    gap = means[a] - means[b]
    together = share[:, None, None] * covs[a] + (1 - share)[:, None, None] * covs[b]
    together += (share * (1 - share))[:, None, None] * gap[:, :, None] * gap[:, None, :]
    kept = packed(together, structure)
    level, own = np.linalg.slogdet(unpacked(kept, dim))[1], np.linalg.slogdet(covs)[1]
    loss = (weights[a] + weights[b]) * level - weights[a] * own[a] - weights[b] * own[b]
    middle = share[:, None] * means[a] + (1 - share)[:, None] * means[b]
    out = []
    for pair in np.argsort(loss, kind="stable")[:count]:
        rest = np.delete(np.arange(len(weights)), [a[pair], b[pair]])
        out.append(
            Atoms(
                np.append(weights[rest], weights[a[pair]] + weights[b[pair]]),
                np.vstack([means[rest], middle[pair]]),
                np.vstack([atoms.covs[rest], kept[pair]]),
            )
        )
    return out


def splits(atoms: Atoms, dim: int, structure: str) -> list[Atoms]:
    """The k mixtures of one component more in which one is cut in two along its longest axis.

    Mass, mean and covariance stay what they were (the covariance up to what a spherical one cannot say).
    """
    values, vectors = np.linalg.eigh(unpacked(atoms.covs, dim))
    axis = vectors[:, :, -1] * np.sqrt(values[:, -1:])
    half = packed(unpacked(atoms.covs, dim) - (1 - _LEFT) * axis[:, :, None] * axis[:, None, :], structure)
    out = []
    for j in range(len(atoms.weights)):
        rest = np.delete(np.arange(len(atoms.weights)), j)
        both = np.array([atoms.means[j] + _APART * axis[j], atoms.means[j] - _APART * axis[j]])
        out.append(
            Atoms(
                np.append(atoms.weights[rest], np.full(2, atoms.weights[j] / 2)),
                np.vstack([atoms.means[rest], both]),
                np.vstack([atoms.covs[rest], half[[j, j]]]),
            )
        )
    return out


def packed(covs: np.ndarray, structure: str) -> np.ndarray:
    """Covariances (k, d, d) in as few numbers as the structure has, (k, c)."""
    if structure == "full":
        lower = np.tril_indices(covs.shape[-1])
        return np.ascontiguousarray(covs[:, lower[0], lower[1]])
    variances = np.diagonal(covs, axis1=1, axis2=2)
    return variances.copy() if structure == "diagonal" else variances.mean(axis=1, keepdims=True)


def unpacked(covs: np.ndarray, dim: int) -> np.ndarray:
    """Covariances (k, c) as matrices, (k, d, d)."""
    size = covs.shape[1]
    if size in (1, dim):
        return covs[:, :, None] * np.eye(dim)
    out = np.empty((len(covs), dim, dim))
    lower = np.tril_indices(dim)
    out[:, lower[0], lower[1]] = covs
    out[:, lower[1], lower[0]] = covs
    return out


def outside(target: MomentTarget, atoms: Atoms, structure: str) -> Mixture:
    """Atoms of the target's coordinates as a mixture of the law's."""
    means, scale = target.center + target.scale * atoms.means, target.scale
    if structure == "full":
        covs = unpacked(atoms.covs, target.dim) * np.outer(scale, scale)
        return Mixture(atoms.weights, Gaussian(means, covs))
    return Mixture(atoms.weights, DiagonalGaussian(means, atoms.covs * scale**2))


def _inside(target: MomentTarget, mixture: Mixture, structure: str) -> Atoms:
    """A start in the target's coordinates, its means in the box and its covariances between floor and ceiling."""
    components = mixture.components
    if not isinstance(components, Gaussian | DiagonalGaussian):
        raise UnsupportedError(f"starts must be Gaussian mixtures, got {type(components).__name__} components")
    if mixture.dim != target.dim:
        raise InputError(f"starts must have dimension {target.dim} like the law, got {mixture.dim}")
    means = np.clip((components.mean() - target.center) / target.scale, -1.0, 1.0)
    covs = components.cov() / np.outer(target.scale, target.scale)
    values, vectors = np.linalg.eigh(covs)
    values = np.clip(values, 2 * target.floor, 1.0)
    return Atoms(mixture.weights, means, packed((vectors * values[:, None, :]) @ vectors.swapaxes(1, 2), structure))


def _best(results: Sequence[Polished]) -> Polished:
    return min(results, key=lambda result: result.objective)
