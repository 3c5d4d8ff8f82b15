"""Classes of labelled points, a mixture for each: discriminant analysis by densities."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mixot._checks import as_floats, as_generator, check_whole
from mixot._shapes import Float, Int
from mixot.errors import AccuracyWarning, InputError
from mixot.families.elliptical.gaussian import Gaussian
from mixot.fitting.base import Fitter, as_fitter
from mixot.fitting.likelihood.em import EM
from mixot.measures import Samples
from mixot.mixture import Mixture
from mixot.results import Fit

_MOST = 5  # components that are tried for each class
_REG = 1e-6  # of the variances of all points: what a covariance of a small class has at least


@dataclass(frozen=True, eq=False, slots=True)
class ClassMixtures:
    """A mixture for each class, and how likely each class is beforehand.

    Parameters
    ----------
    classes : (c,) labels, sorted
    mixtures : (c,), one for each class
    priors : (c,), positive, of sum one
    iterations : (c,), of each fit
    notes : what the points did to the fits, one sentence each, with the class's name
    """

    classes: np.ndarray
    mixtures: tuple[Mixture, ...]
    priors: Float[np.ndarray, " c"]
    iterations: tuple[int, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def log_joint(self, x: Any) -> Float[np.ndarray, "n c"]:
        """Logarithm of prior times density of each class at the points x, (n, d) -> (n, c)."""
        with np.errstate(divide="ignore"):
            return np.stack([law.log_density(x) for law in self.mixtures], axis=1) + np.log(self.priors)

    def predict_proba(self, x: Any) -> Float[np.ndarray, "n c"]:
        """Posterior probability of each class, by Bayes' rule, (n, d) -> (n, c); rows sum to one."""
        joint = self.log_joint(x)
        top = joint.max(axis=1, keepdims=True)
        top = np.where(np.isfinite(top), top, 0.0)
        chance = np.exp(joint - top)
        total = chance.sum(axis=1, keepdims=True)
        # So far out that every density vanishes only the priors are left.
        return np.where(total > 0, chance / np.where(total > 0, total, 1.0), self.priors)

    def predict(self, x: Any) -> np.ndarray:
        """The most probable class of each point, (n, d) -> (n,)."""
        return self.classes[self.predict_proba(x).argmax(axis=1)]

    def error(self, x: Any, labels: Any) -> float:
        """Share of the points whose class is not the predicted one."""
        predicted, given = self.predict(x), np.asarray(labels)
        if given.shape != predicted.shape:
            raise InputError(f"labels must be one for each of the {len(predicted)} points, got shape {given.shape}")
        if not np.isin(given, self.classes).any():
            shown = ", ".join(map(repr, self.classes.tolist()[:5]))
            raise InputError(
                f"labels must be of the classes {shown}, got {given.tolist()[0]!r} and no class among them"
            )
        return float(np.mean(predicted != given))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of components of each class."""
        return tuple(len(law) for law in self.mixtures)


@dataclass(frozen=True, eq=False, slots=True)
class CrossValidation:
    """What a classifier predicts of points that it was not fitted to.

    Parameters
    ----------
    predicted : (n,), the class of each point, predicted by a fit to the folds that it is not in
    error : share of them that is wrong
    standard_error : of that share, over the folds
    folds : (n,), the fold of each point
    """

    predicted: np.ndarray
    error: float
    standard_error: float
    folds: Int[np.ndarray, " n"]


def fit_classes(
    data: Any,
    labels: Any,
    *,
    k: int | None = None,
    structure: str = "full",
    method: Fitter | str | None = None,
    family: str = "gaussian",
    priors: Any = None,
    rng: Any = None,
) -> ClassMixtures:
    """Return a mixture for each class of labelled points, its number of components chosen by BIC.

    Discriminant analysis by mixtures: with one component each and structure "full" it is quadratic discriminant
    analysis. A class of no more points than dimensions does not determine a covariance, and takes the one within all
    classes.

    Parameters
    ----------
    data : array (n, d) or Samples
        Weights count, in the mixtures and in the priors.
    labels : (n,)
        The class of each point: numbers or text.
    k : int, optional
        Components of each class; by BIC from 1 to 5, or as many as ``method`` tries, where not given.
    structure : str
        Of the covariances, see `mixot.fit`; "auto" chooses for each class among mclust's models, at some cost.
    method : EM, another fitter or its name, optional
        How a class is fitted.
    family : str
        Laws of the components; others than Gaussian ones have the structure "full" only.
    priors : (c,), optional
        Chance of each class, in the order of the sorted labels; their shares of the points where not given.
    rng : seed, Generator or None
        For the starts of the fits.

    Raises
    ------
    InputError
        Where labels are not one for each point, one is missing, priors are not as many as classes, points have missing
        values, a class cannot be fitted (it is named), or the method fits a background, which is of no class.

    Warns
    -----
    AccuracyWarning
        Of classes with no more points than dimensions; ``notes`` say the same, and what the fits noted.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal([[0.0], [4.0]], size=(2, 100)).reshape(-1, 1)
    >>> labels = np.repeat(["low", "high"], 100)
    >>> found = fit_classes(x, labels, rng=0)
    >>> found.classes.tolist(), found.predict([0.0, 5.0]).tolist(), found.error(x, labels) < 0.1
    (['high', 'low'], ['low', 'high'], True)

    References
    ----------
    Hastie and Tibshirani, Discriminant analysis by Gaussian mixtures, J. R. Statist. Soc. B 58 (1996); Fraley and
    Raftery, Model-based clustering, discriminant analysis and density estimation, J. Am. Statist. Assoc. 97 (2002).
    """
    samples = _complete(data)
    names, codes = _coded(labels, len(samples))
    fitter = EM(k_max=_MOST) if method is None else as_fitter(method)
    generator, shares = as_generator(rng), np.bincount(codes, samples.weights)
    chances = shares / shares.sum() if priors is None else _checked_priors(priors, len(names))
    pooled = None
    mixtures: list[Mixture] = []
    steps: list[int] = []
    notes: tuple[str, ...] = ()
    for code, name in enumerate(names.tolist()):
        rows = np.flatnonzero((codes == code) & (samples.weights > 0))
        if not len(rows):
            raise InputError(f"class {name} has no point of positive weight; leave its points out")
        part = samples.take(rows)
        if family == "gaussian" and len(rows) <= samples.dim:
            pooled = _within(samples, codes) if pooled is None else pooled
            mixtures.append(Mixture([1.0], Gaussian(part.weights[None] @ part.points, pooled[None])))
            few = f"{len(rows)} points in dimension {samples.dim}"
            note = f"class {name}: {few}; it takes the covariance within all classes"
            warnings.warn(note, AccuracyWarning, stacklevel=2)
            notes += (note,)
            steps.append(0)
            continue
        found = _fitted(fitter, part, name, family=family, k=k, structure=structure, rng=generator)
        mixtures.append(found.mixture.named(samples.columns))
        steps.append(int(found.iterations))
        notes += tuple(f"class {name}: {note}" for note in found.notes)
    return ClassMixtures(names, tuple(mixtures), chances, tuple(steps), notes)


def cross_validate(data: Any, labels: Any, *, folds: int = 10, rng: Any = None, **options: Any) -> CrossValidation:
    """Return the error of `fit_classes` on points that it has not seen, by folds that keep the shares of classes.

    Parameters
    ----------
    data : array (n, d) or Samples
        The points.
    labels : (n,)
        The class of each.
    folds : int
        How many, at least 2 and at most the points.
    rng : seed, Generator or None
        What shuffles the points, and for the fits.
    **options
        Those of `fit_classes`.

    Raises
    ------
    InputError
        Where folds are fewer than 2 or more than points, and where `fit_classes` raises it.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal([[0.0], [9.0]], size=(2, 30)).reshape(-1, 1)
    >>> cross_validate(x, np.repeat([0, 1], 30), folds=3, k=1, rng=0).error
    0.0
    """
    samples = _complete(data)
    names, codes = _coded(labels, len(samples))
    check_whole(folds, "folds", 2)
    if folds > len(samples):
        raise InputError(f"folds must be at most the {len(samples)} points, got {folds}")
    generator = as_generator(rng)
    fold, turn = np.empty(len(codes), dtype=np.int64), 0
    for code in range(len(names)):  # one class after the other is dealt out, each where the last one ended
        rows = generator.permutation(np.flatnonzero(codes == code))
        fold[rows] = (turn + np.arange(len(rows))) % folds
        turn += len(rows)
    given = options.get("priors")
    shares = None if given is None else _checked_priors(given, len(names))
    predicted = np.empty_like(names[codes])
    for at in range(folds):
        inside, outside = np.flatnonzero(fold != at), np.flatnonzero(fold == at)
        more: dict[str, Any] = options if shares is None else options | {"priors": _present(shares, codes[inside])}
        found = fit_classes(samples.take(inside), names[codes[inside]], rng=generator, **more)
        predicted[outside] = found.predict(samples.points[outside])
    wrong = predicted != names[codes]
    each = np.array([wrong[fold == at].mean() for at in range(folds)])
    return CrossValidation(predicted, float(wrong.mean()), float(each.std(ddof=1) / np.sqrt(folds)), fold)


def _coded(labels: Any, n: int) -> tuple[np.ndarray, Int[np.ndarray, " n"]]:
    given = np.asarray(labels)
    if given.shape != (n,):
        raise InputError(f"labels must be one for each of the {n} points, got shape {given.shape}")
    missing = [at for at, label in enumerate(given.tolist()) if label is None or label != label]
    if missing:
        raise InputError(
            f"labels must be known for all points to fit, got none at {missing[:5]}; leave these points out"
        )
    try:
        names, codes = np.unique(given, return_inverse=True)
    except TypeError:
        raise InputError("labels must be of one kind, numbers or text, got several; turn them into text") from None
    return names, codes.astype(np.int64)


def _checked_priors(priors: Any, c: int) -> Float[np.ndarray, " c"]:
    chances = as_floats(priors, "priors")
    if chances.shape != (c,) or not (np.isfinite(chances) & (chances > 0)).all() or abs(chances.sum() - 1) > 1e-8:
        raise InputError(f"priors must be {c} positive numbers of sum one, in the order of the sorted labels")
    return chances / chances.sum()


def _present(shares: Float[np.ndarray, " c"], codes: Int[np.ndarray, " n"]) -> Float[np.ndarray, " p"]:
    """Priors of the classes that points are left of: the only one of a class may stand in the fold that is left out."""
    left = shares[np.unique(codes)]
    return left / left.sum()


def _complete(data: Any) -> Samples:
    """The points, none of whose values is missing."""
    try:
        return data if isinstance(data, Samples) else Samples(data)
    except InputError as error:
        advice = "or fit what is there: EM(missing='ignore')"  # which is for mixtures
        fill = "or fill them: fit(x, method=EM(missing='ignore')).mixture.impute(x)"
        raise InputError(str(error).replace(advice, fill)) from None


def _fitted(method: Fitter, part: Samples, name: Any, *, family: str, **options: Any) -> Fit:
    """The fit of one class."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AccuracyWarning)  # notes say the same, with the name of the class
            found = method.fit(part, family, **options)
    except InputError as error:
        raise InputError(f"{error} (in the fit of class {name})") from None
    if found.background is not None:
        raise InputError("a background is of no class, and would be left out of its mixture; leave background out")
    return found


def _within(samples: Samples, codes: np.ndarray) -> Float[np.ndarray, "d d"]:
    """Covariance within all classes, no variance below a small share of that of all points."""
    x, weights = samples.points.astype(np.float64), samples.weights
    total = np.bincount(codes, weights)
    means = (
        np.stack([np.bincount(codes, weights * column) for column in x.T], axis=1) / np.maximum(total, 1e-300)[:, None]
    )
    away, spread = x - means[codes], x - weights @ x
    variances = weights @ spread**2
    top = float(variances.max())
    floor = np.where(variances > 0, variances, top if top > 0 else 1.0)
    within = (away * weights[:, None]).T @ away
    # Classes of one point each leave nothing within: then the spread of all points is what there is.
    base = within if np.diagonal(within).max() > _REG * top else np.diag(variances)
    return base + _REG * np.diag(floor)
