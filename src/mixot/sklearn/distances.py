"""Distances between groups of rows, as a scikit-learn transformer, ready for ``metric="precomputed"``."""

from __future__ import annotations

from typing import Any, no_type_check

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from mixot._checks import is_one_of, is_whole
from mixot._frames import column_names, is_frame
from mixot._shapes import Float
from mixot.errors import InputError
from mixot.families.elliptical.diagonal import DiagonalGaussian
from mixot.families.elliptical.gaussian import Gaussian
from mixot.measures import Measure, Samples
from mixot.mixture import Mixture
from mixot.sklearn.em import EMMixture
from mixot.sklearn.fitted import mixture_of
from mixot.sklearn.rows import seed_of, weighted_rows
from mixot.verbs import distances


class MixtureDistance(TransformerMixin, BaseEstimator):
    """Distances between groups of rows: MW2 of a mixture fitted to each, or exact W2 of their rows.

    A group is what has one label among ``groups``, or one item of a list: a table of rows, a mixture, a fit or a fitted
    estimator. Rows without labels are groups of one row each, whose distances are Euclidean. `fit` keeps the groups;
    `transform` gives the distance of each new group to each of them, (h, g), and `fit_transform` among themselves,
    (g, g), symmetric with zeros on the diagonal: what ``metric="precomputed"`` of scikit-learn's neighbors, clusterings
    and manifolds asks for.

    Parameters
    ----------
    n_components : int or None
        Components of the mixture of each group; by BIC where None. A group of fewer distinct rows gets as many.
    covariance_type : str
        As in `EMMixture`.
    measure : "mixture" or "samples"
        MW2 between mixtures, or exact W2 between the rows themselves, which takes longer with many of them.
    max_components : int
        Most components that are tried where ``n_components`` is None.
    random_state : int, RandomState, Generator or None
        For the fits.

    Attributes
    ----------
    groups_ : (g,) array
        Labels of the groups, sorted; their places where they have none.
    measures_ : list of g `mixot.Mixture` or `mixot.Samples`
        What stands for each.
    n_features_in_, feature_names_in_
        Number and names of the columns.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(np.repeat([0.0, 0.0, 5.0], 100)[:, None], 1.0)
    >>> MixtureDistance(n_components=1).fit_transform(x, groups=np.repeat(["a", "b", "c"], 100)).round(0).tolist()
    [[0.0, 0.0, 5.0], [0.0, 0.0, 5.0], [5.0, 5.0, 0.0]]
    """

    n_features_in_: int
    feature_names_in_: Any

    @no_type_check  # as in scikit-learn, whatever comes is kept as it is, and checked by fit
    def __init__(
        self,
        n_components: int | None = None,
        *,
        covariance_type: str = "full",
        measure: str = "mixture",
        max_components: int = 5,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.measure = measure
        self.max_components = max_components
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, groups: Any = None):
        """Keep the groups that distances are measured to.

        Parameters
        ----------
        X : (n, d) rows, or a list of g tables (n_i, d), mixtures, fits or fitted estimators, or an array (g, n, d)
            What is compared.
        y : ignored
            There for pipelines.
        groups : (n,), optional
            The group of each row. Rows that count more than others come as a list of `mixot.Samples` or fits.

        Raises
        ------
        InputError
            On groups that are not one for each row, and tables of different columns (the place is named).
        """
        if not is_one_of(self.measure, ("mixture", "samples")):
            raise InputError(f'measure must be "mixture" or "samples", got {self.measure!r}')
        self.groups_, self.measures_ = self._measured(X, groups, reset=True)
        return self

    def transform(self, X: Any, groups: Any = None) -> Float[np.ndarray, "h g"]:
        """The distance of each group of X to each group of the fit, (h, g), in the units of the data."""
        check_is_fitted(self)
        labels, found = self._measured(X, groups, reset=False)
        return self._framed(distances(found, self.measures_), X, labels, groups)

    def fit_transform(  # pyright: ignore[reportIncompatibleMethodOverride] (what fit takes, by name)
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Any:
        """Distances of the groups among themselves, (g, g): symmetric, to the bit."""
        self.fit(X, y, groups)
        table = distances(self.measures_)
        np.fill_diagonal(table, 0.0)  # where rounding may leave the root of it
        return self._framed(table, X, self.groups_, groups)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns that `transform` gives, (g,): "to_" and the label of the group."""
        check_is_fitted(self)
        return np.array([f"to_{label}" for label in self.groups_.tolist()], dtype=object)

    def _measured(self, X: Any, groups: Any, *, reset: bool) -> tuple[np.ndarray, list[Measure]]:
        """Labels of the groups, and what stands for each."""
        if _is_listed(X):
            if groups is not None:
                raise InputError("groups are of rows, and X is a list of groups already; leave them out")
            return np.arange(len(X)), self._listed(X, reset)
        rows: Any = validate_data(self, X, dtype=[np.float64, np.float32], reset=reset)
        if groups is None:
            labels, code = np.arange(len(rows)), np.arange(len(rows))
        else:
            given = np.asarray(groups)
            if given.shape != (len(rows),):
                raise InputError(f"groups must be one label for each of {len(rows)} rows, got shape {given.shape}")
            if any(each is None or each != each for each in given.tolist()):
                raise InputError("groups must not be missing; leave rows without a group out")
            labels, code = np.unique(given, return_inverse=True)
        where = np.split(np.argsort(code, kind="stable"), np.cumsum(np.bincount(code))[:-1])
        return labels, [self._one(rows[at]) for at in where]

    def _listed(self, items: Any, reset: bool) -> list[Measure]:
        """What stands for each item of a list."""
        if reset and hasattr(self, "feature_names_in_"):
            del self.feature_names_in_  # of an earlier fit; items have names of their own
        found: list[Measure] = []
        for at, item in enumerate(items):
            mixture = item if isinstance(item, Samples) else mixture_of(item)
            if mixture is None:
                try:
                    rows = check_array(item, dtype="numeric").astype(np.float64)
                except ValueError as wrong:
                    raise InputError(f"item {at} of X is no table of finite numbers: {wrong}") from wrong
                mixture = _named(self._one(rows), column_names(item))
            dim = mixture.dim
            if reset and not at:
                self.n_features_in_ = dim
            if dim != self.n_features_in_:
                raise InputError(
                    f"item {at} of X has {dim} columns, {self.n_features_in_} are expected; all groups have the same"
                )
            found.append(mixture)
        return found

    def _one(self, rows: np.ndarray) -> Measure:
        """What stands for some rows: a point where they are all the same."""
        samples = weighted_rows(rows)
        if self.measure == "samples":
            return samples
        if len(samples) == 1:
            flat = self.covariance_type in ("diag", "spherical")
            point, d = samples.points, samples.dim
            laws = DiagonalGaussian(point, np.zeros((1, d))) if flat else Gaussian(point, np.zeros((1, d, d)))
            return Mixture([1.0], laws)
        k = self.n_components
        found = EMMixture(
            min(k, len(samples)) if is_whole(k) else k,
            covariance_type=self.covariance_type,
            max_components=self.max_components,
            random_state=seed_of(self.random_state),
        )
        return found.fit(rows).mixture_

    def _framed(self, matrix: np.ndarray, X: Any, labels: np.ndarray, groups: Any) -> Any:
        """The distances; where frames of pandas are asked for and groups have names, a frame with these as its index.

        Else scikit-learn would give the rows of the answer the index of the rows of X, which are others.
        """
        asked = getattr(self, "_sklearn_output_config", {}).get("transform", get_config()["transform_output"])
        if groups is None or asked != "pandas" or not hasattr(X, "iloc"):
            return matrix
        return type(X)(matrix, index=labels)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _named(measure: Measure, names: tuple[str, ...] | None) -> Measure:
    """A mixture, or samples, whose columns are called so: distances match them by name."""
    if names is None:
        return measure
    if isinstance(measure, Samples):
        return measure.moved(measure.points, columns=names)
    assert isinstance(measure, Mixture)
    return measure.named(names)


def _is_listed(X: Any) -> bool:
    """Whether X is a list of groups, and not one table."""
    if isinstance(X, np.ndarray):
        return X.ndim == 3
    if not isinstance(X, list | tuple) or not len(X):
        return False
    first = X[0]
    return isinstance(first, Samples) or mixture_of(first) is not None or is_frame(first) or np.ndim(first) == 2
