"""A mixture for each class as a scikit-learn classifier."""

from __future__ import annotations

from typing import Any, ClassVar, no_type_check

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from mixot._checks import is_whole
from mixot._shapes import Float
from mixot.errors import InputError
from mixot.fitting.likelihood.em import EM
from mixot.inference.classification import fit_classes
from mixot.measures import Samples
from mixot.sklearn.mixtures import real, structure_of
from mixot.sklearn.rows import seed_of, weighted_rows
from mixot.sklearn.wording import told


class MixtureClassifier(ClassifierMixin, BaseEstimator):
    """Discriminant analysis with a Gaussian mixture for each class, as MclustDA of mclust.

    With ``n_components=1`` and ``covariance_type="full"`` it is quadratic discriminant analysis.

    Parameters
    ----------
    n_components : int or None
        Components of each class; where None, BIC chooses for each class among 1 to ``max_components``.
    covariance_type : str
        "full", "tied", "diag" or "spherical", "auto", which chooses for each class among mclust's models, or a
        structure of `mixot.fit`.
    reg_covar : float
        Variance added to every covariance, relative to the variances of the columns within the class.
    max_iter, n_init : int
        Of the fits, see `EMMixture`.
    max_components : int
        Most components that are tried for a class where ``n_components`` is None.
    priors : (c,) array-like, optional
        Chance of each class, in the order of ``classes_``; their shares of the rows where None.
    random_state : int, RandomState, Generator or None
        What draws the starts.

    Attributes
    ----------
    classes_ : (c,)
        The labels.
    mixtures_ : tuple of `mixot.Mixture`
        One for each class.
    priors_ : (c,)
        Chance of each class.
    n_components_ : tuple of int
        Number of components of each class.
    n_iter_ : int
        Iterations of the longest fit.
    notes_ : tuple of str
        What the data did to the fits, one sentence each.
    n_features_in_, feature_names_in_
        Number and names of the columns.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> x, y = load_iris(return_X_y=True)
    >>> found = MixtureClassifier(random_state=0).fit(x, y)
    >>> found.predict(x[:2]).tolist(), found.score(x, y) > 0.95
    ([0, 0], True)
    """

    _names: ClassVar[dict[str, str]] = {
        "k_max": "max_components",
        "reg": "reg_covar",
        "starts": "n_init",
        "k": "n_components",
        "structure": "covariance_type",
    }

    @no_type_check  # as in scikit-learn, whatever comes is kept as it is, and checked by fit
    def __init__(
        self,
        n_components: int | None = None,
        *,
        covariance_type: str = "full",
        reg_covar: float = 1e-6,
        max_iter: int = 500,
        n_init: int = 10,
        max_components: int = 5,
        priors: Any = None,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.max_components = max_components
        self.priors = priors
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MixtureClassifier:
        """Fit a mixture to the rows of each class.

        Parameters
        ----------
        X : (n, d) array-like or dataframe
            Finite numbers.
        y : (n,) array-like
            The class of each row.
        sample_weight : (n,) array-like, optional
            How much each row counts, in its mixture and in the priors.

        Returns
        -------
        self
            With ``classes_``, ``mixtures_`` and so on; see the class.

        Raises
        ------
        InputError
            On NaN or infinity, text, and options that are none.
        """
        points: Any
        points, targets = validate_data(self, X, y, dtype=[np.float64, np.float32])
        check_classification_targets(targets)
        k = self.n_components
        if k is not None and not (is_whole(k) and k >= 1):
            raise InputError(f"n_components must be a whole number of at least 1, or None to choose it, got {k!r}")
        names, codes = np.unique(targets, return_inverse=True)
        both = weighted_rows(np.column_stack([points, codes]), sample_weight)  # equal rows of one class are merged
        rows, labels = both.points[:, :-1], names[both.points[:, -1].astype(np.int64)]
        samples = Samples(rows, both.weights) if both.counts is None else Samples(rows, counts=both.counts)
        structure, _ = structure_of(self.covariance_type)
        with told(self._names) as words:
            method = EM(
                max_iter=self.max_iter,
                reg=real(self.reg_covar, "reg_covar"),
                starts=self.n_init,
                k_max=self.max_components,
            )
            rng = seed_of(self.random_state)
            found = fit_classes(samples, labels, k=k, structure=structure, method=method, priors=self.priors, rng=rng)
            notes = tuple(words(note) for note in found.notes)
        self.classes_ = found.classes
        self.mixtures_ = found.mixtures
        self.priors_ = found.priors
        self.n_components_ = found.sizes
        self.n_iter_ = max(1, *found.iterations)
        self.notes_ = notes
        self._fitted = found
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each row, (n, d) -> (n,)."""
        chances = self.predict_proba(X)
        return self.classes_[chances.argmax(axis=1)]

    def predict_proba(self, X: Any) -> Float[np.ndarray, "n c"]:
        """The probability of each class given each row, in the order of ``classes_``, (n, d) -> (n, c)."""
        check_is_fitted(self)
        points: Any = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return self._fitted.predict_proba(points)

    def predict_log_proba(self, X: Any) -> Float[np.ndarray, "n c"]:
        """The logarithm of these probabilities, (n, d) -> (n, c)."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))
