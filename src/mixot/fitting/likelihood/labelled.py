"""Mixtures with given labels: the components of each label are fitted to its own points, however few they are."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import xlogy

from mixot._checks import as_generator, is_whole
from mixot._shapes import Float, Int
from mixot.errors import AccuracyWarning, InputError
from mixot.families.elliptical.diagonal import DiagonalGaussian
from mixot.families.elliptical.gaussian import Gaussian
from mixot.fitting.likelihood.criteria import bic
from mixot.fitting.likelihood.em import EM
from mixot.fitting.likelihood.gaussian.covariance_models import structure_in_words
from mixot.formulas.gaussian.shrinkage import diagonal_shrinkage, shrinkage
from mixot.measures import Samples
from mixot.mixture import Mixture

_STRUCTURES = ("full", "diagonal")
_NO_STEP = (
    "with labels each covariance is drawn towards the one within all labels, a step that other models do not have "
    "(fit_classes fits each label with any of them)"
)
_REG = 1e-6  # of the variances of all points, added to the pooled ones: collinear and constant columns keep a width


@dataclass(frozen=True, eq=False, slots=True)
class LabelledFit:
    """A mixture whose components belong to labels.

    Parameters
    ----------
    mixture : its weights are shares of the labelled points
    names : of the labels
    owner : (k,), the label of each component, as an index into names; in increasing order
    counts : (l,), points of each label
    shrinkage : (k,), share of the pooled covariance in that of each component
    notes : what the labels did to the fit, one sentence each
    """

    mixture: Mixture
    names: tuple[str, ...]
    owner: Int[np.ndarray, " k"]
    counts: Int[np.ndarray, " l"]
    shrinkage: Float[np.ndarray, " k"]
    notes: tuple[str, ...] = field(default=())

    @property
    def membership(self) -> Float[np.ndarray, "k l"]:
        """One where a component belongs to a label, zero elsewhere: sums over the components of each label."""
        return np.eye(len(self.names))[self.owner]

    def responsibilities(self, x: Any, codes: Int[np.ndarray, " n"] | None = None) -> Float[np.ndarray, "n k"]:
        """Posterior probability of each component at the points x, (n, d) -> (n, k); rows sum to one.

        Parameters
        ----------
        x : (n, d)
            Points.
        codes : (n,), optional
            Their labels, where known: of a point with a label only the components of that label are considered. -1
            stands for an unknown label.
        """
        points = self.mixture.as_points(x)
        if codes is None:
            return self.mixture.responsibilities(points)
        out = np.zeros((len(points), len(self.mixture)))
        for components, rows in self.parts(codes):
            if len(components) == 1:
                out[rows, components[0]] = 1.0
            else:
                out[np.ix_(rows, components)] = self.part(components).responsibilities(points[rows])
        return out

    def parts(self, codes: Int[np.ndarray, " n"]) -> list[tuple[Int[np.ndarray, " s"], Int[np.ndarray, " m"]]]:
        """Components of each label that occurs and the points that have it; all components where it is unknown."""
        found = []
        for code in np.unique(codes).tolist():
            components = np.arange(len(self.owner)) if code < 0 else np.flatnonzero(self.owner == code)
            found.append((components, np.flatnonzero(codes == code)))
        return found

    def part(self, components: Int[np.ndarray, " s"]) -> Mixture:
        """The mixture of some of the components."""
        weights = self.mixture.weights[components]
        weights = weights if weights.any() else np.ones(len(components))  # of a label that dies out: any will do
        law = self.mixture.components.take(components)
        return Mixture(weights / weights.sum(), law, columns=self.mixture.columns)


def fit_labelled(
    points: Any,
    codes: Int[np.ndarray, " n"],
    names: Sequence[str],
    *,
    k: int | None = 1,
    structure: str = "full",
    method: EM | None = None,
    rng: Any = None,
) -> LabelledFit:
    """Return the mixture with one or several Gaussian components for each given label.

    The weight of a label is its share of the labelled points. Its covariance S, from n points, becomes
    ``(1 - share) S + share P`` with the covariance P within all labels together and the share of
    `mixot.formulas.gaussian.shrinkage`: about ``d / n`` where the label's shape is its own, one where it has a single
    point.

    Parameters
    ----------
    points : (n, d), finite
        What is fitted.
    codes : (n,)
        The label of each point as an index into ``names``; points without one (-1) are left out.
    names : sequence of str
        Of the labels; those without points are left out.
    k : int or None
        Components for each label: given, or where None by the criterion of ``method``, taken of the mixture that comes
        out, with its shrunken covariances: what small components gain by fitting their few points exactly does not
        count. A label gets no more than one for each d + 1 of its points.
    structure : "full" or "diagonal"
        Of the covariances; diagonal ones make a mixture of `DiagonalGaussian`.
    method : EM, optional
        What fits several components to the points of one label.
    rng : seed, Generator or None
        Where its random starts come from.

    Raises
    ------
    InputError
        Where no point has a label, or no label two different points: nothing then says how wide a label is.

    Warns
    -----
    AccuracyWarning
        Of labels with one point, or with no more than dimensions, and of constant columns; ``notes`` say the same.

    Examples
    --------
    >>> x = np.array([[0.0], [2.0], [4.0], [10.0], [12.0]])
    >>> found = fit_labelled(x, np.array([0, 0, 0, 1, 1]), ["low", "high"])
    >>> found.mixture.weights.tolist(), found.mixture.components.means.ravel().tolist()
    ([0.6, 0.4], [2.0, 11.0])
    """
    x, known = _labelled(points, codes), np.asarray(codes) >= 0
    structure = structure_in_words(structure, _STRUCTURES, _NO_STEP)
    if k is not None and not (is_whole(k) and k >= 1):
        raise InputError(f"k must be a whole number of at least 1, or None, got {k!r}")
    present, codes = np.unique(np.asarray(codes)[known], return_inverse=True)
    if not len(present):
        raise InputError("no point has a label: there is nothing to fit")
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes)
    groups = np.split(np.flatnonzero(known)[order], np.cumsum(counts)[:-1])
    kept = tuple(str(names[code]) for code in present)
    target, notes = _pooled([x[rows] for rows in groups], structure)
    generator = as_generator(rng)
    if method is not None and method.prior is not None:
        raise InputError("fits by label shrink covariances of few points themselves, without a prior; leave it out")
    if method is not None and method.concentration != 1:
        raise InputError("fits by label take weights from the labels, without a prior; leave concentration out")
    parts = [_components(x[rows], k, structure, method or EM(), target, generator) for rows in groups]
    owner = np.repeat(np.arange(len(groups)), [len(part.weights) for part in parts])
    sizes = np.concatenate([part.weights for part in parts]) * counts[owner]
    shares = np.concatenate([part.shares for part in parts])
    family = Gaussian if structure == "full" else DiagonalGaussian
    components = family(np.concatenate([p.means for p in parts]), np.concatenate([p.covs for p in parts]))
    notes += _few(kept, counts, x.shape[1], {int(o): s for o, s in zip(owner, shares, strict=True)})
    notes += _fewer_components(kept, parts, k)
    notes += tuple(f"{name}: {note}" for name, part in zip(kept, parts, strict=True) for note in part.notes)
    missing = len(x) - len(order)
    notes += (f"{missing} of {len(x)} points have no label and are left out of the fit",) if missing else ()
    for note in notes:
        warnings.warn(note, AccuracyWarning, stacklevel=2)
    return LabelledFit(Mixture(sizes / counts.sum(), components), kept, owner, counts, shares, notes)


@dataclass(frozen=True, eq=False, slots=True)
class _Part:
    """Components of one label; weights sum to one, covariances are shrunken by the shares."""

    weights: np.ndarray
    means: np.ndarray
    covs: np.ndarray
    shares: np.ndarray
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        weights: np.ndarray,
        means: np.ndarray,
        covs: np.ndarray,
        target: np.ndarray,
        n: int,
        notes: tuple[str, ...] = (),
    ) -> _Part:
        """Components of n points, each covariance drawn towards the target by what its own points leave open."""
        both = [_shrunk(cov, target, n * weight) for cov, weight in zip(covs, weights, strict=True)]
        return cls(weights, means, np.stack([cov for cov, _ in both]), np.array([share for _, share in both]), notes)


def _labelled(points: Any, codes: Any) -> np.ndarray:
    x = Samples(points).points
    if np.shape(codes) != (len(x),):
        raise InputError(f"codes must be one label for each of the {len(x)} points, got shape {np.shape(codes)}")
    return x


def _covariance(x: np.ndarray, structure: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean, and unbiased covariance (variances where diagonal; zero of a single point), in float64."""
    mean = x.mean(axis=0, dtype=np.float64)
    away = x.astype(np.float64) - mean
    free = max(len(x) - 1, 1)
    return mean, (away.T @ away if structure == "full" else (away**2).sum(axis=0)) / free


def _pooled(groups: list[np.ndarray], structure: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Covariance within all labels together, positive definite, and what had to be done for that."""
    dim, free = groups[0].shape[1], sum(map(len, groups)) - len(groups)
    scatters = [_covariance(x, structure)[1] * (len(x) - 1) for x in groups]
    pooled = np.sum(scatters, axis=0) / max(free, 1)
    within = np.diagonal(pooled) if structure == "full" else pooled
    if not within.any():
        raise InputError(
            "no label has two different points, so nothing says how wide a label is; merge labels, or fit without them"
        )
    notes: tuple[str, ...] = ()
    constant = np.flatnonzero(within == 0)
    if len(constant):
        shown = ", ".join(map(str, constant[:5].tolist())) + (", ..." if len(constant) > 5 else "")
        notes = (f"columns constant within every label: {shown}; their variance is set to {_REG:g} of the others'",)
    floor = np.where(within > 0, within, within[within > 0].mean())
    if structure == "diagonal":
        return pooled + _REG * floor, notes
    pooled = pooled + _REG * np.diag(floor)
    if free <= dim:
        share = shrinkage(pooled, np.diag(np.diag(pooled)), free + 1)
        pooled = (1 - share) * pooled + share * np.diag(np.diag(pooled))
        notes += (
            f"{free + len(groups)} points with {len(groups)} labels do not determine a covariance in dimension {dim}: "
            f"the pooled one is drawn towards its diagonal by {share:.2f}; take fewer dimensions",
        )
    return pooled, notes


def _components(
    x: np.ndarray, k: int | None, structure: str, method: EM, target: np.ndarray, rng: np.random.Generator
) -> _Part:
    """Components of the points of one label: k, or as many as the criterion of the shrunken ones prefers."""
    n, dim = x.shape
    most = max(n // (dim + 1), 1)
    most = min(most, method.k_max if k is None else k)
    if most > 1:
        most = min(most, len(np.unique(x, axis=0)))
    mean, cov = _covariance(x, structure)
    alone = _Part.of(np.ones(1), mean[None], cov[None], target, n)
    if most == 1:
        return alone
    if k is not None:
        return _fitted(x, most, structure, method, target, rng)[0]
    best, least = alone, _criterion(alone, x, structure, method)
    for size in range(2, most + 1):
        part, determined = _fitted(x, size, structure, method, target, rng)
        score = _criterion(part, x, structure, method)
        if determined and score < least:
            best, least = part, score
    return best


def _fitted(
    x: np.ndarray, k: int, structure: str, method: EM, target: np.ndarray, rng: np.random.Generator
) -> tuple[_Part, bool]:
    """Several components of some points, and whether the points determine them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)  # notes say the same, and only those of the chosen one matter
        found = method.fit(Samples(x), "gaussian", k=k, structure=structure, rng=rng)
    law = found.mixture.components
    covs = law.parameters()["covs" if structure == "full" else "variances"]
    part = _Part.of(found.mixture.weights, law.mean(), covs, target, len(x), found.notes)
    return part, not any(each.reason for each in found.candidates)


def _criterion(part: _Part, x: np.ndarray, structure: str, method: EM) -> float:
    """The criterion of ``method`` for the components as they will be used."""
    mixture = Mixture(part.weights, (Gaussian if structure == "full" else DiagonalGaussian)(part.means, part.covs))
    free = len(part.weights) - 1 + mixture.components.free_parameters()
    score = bic(float(mixture.log_density(x).mean()), free, float(len(x)))
    if method.criterion == "bic":
        return score
    share = mixture.responsibilities(x)
    return score + 2 * float(-xlogy(share, share).sum(axis=1).mean())


def _shrunk(cov: np.ndarray, target: np.ndarray, n: float) -> tuple[np.ndarray, float]:
    share = shrinkage(cov, target, n) if cov.ndim == 2 else diagonal_shrinkage(cov, target, n)
    return (1 - share) * cov + share * target, share


def _few(names: tuple[str, ...], counts: np.ndarray, dim: int, shares: dict[int, float]) -> tuple[str, ...]:
    """Words on labels that do not determine their covariance."""
    notes: tuple[str, ...] = ()
    single = [names[code] for code in np.flatnonzero(counts == 1)]
    if single:
        notes += (f"labels with one point, which take the covariance within all labels: {_listed(single)}",)
    few = np.flatnonzero((counts > 1) & (counts <= dim))
    if len(few):
        each = [f"{names[code]} ({counts[code]} points, {shares[int(code)]:.2f})" for code in few]
        notes += (
            f"labels with no more points than the {dim} dimensions, whose covariances are drawn towards the one within "
            f"all labels by the share in brackets: {_listed(each)}",
        )
    return notes


def _fewer_components(names: tuple[str, ...], parts: list[_Part], k: int | None) -> tuple[str, ...]:
    few = [] if k is None else [name for name, part in zip(names, parts, strict=True) if len(part.weights) < k]
    return (f"labels with too few points for {k} components, which get fewer: {_listed(few)}",) if few else ()


def _listed(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
