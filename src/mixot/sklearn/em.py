"""Maximum likelihood as a scikit-learn estimator."""

from __future__ import annotations

from typing import Any, ClassVar, no_type_check

from mixot.fitting.likelihood.em import EM
from mixot.incomplete import Incomplete
from mixot.measures import Samples
from mixot.results import Fit
from mixot.sklearn.mixtures import StartedMixture, real
from mixot.sklearn.rows import seed_of


class EMMixture(StartedMixture):
    """A Gaussian mixture of maximum likelihood, K given or chosen by BIC.

    ``GaussianMixture`` of scikit-learn, with its parameters, methods and attributes, but for these: ``n_components``
    may be left out, ``reg_covar`` is relative, so that a fit does not depend on units, fits have ``sample_weight``, and
    starts are many and cheap (see `mixot.EM`). The order of rows does not matter.

    Parameters
    ----------
    n_components : int or None
        Number of components; where None, 1 to ``max_components`` are tried, and ``criterion`` chooses.
    covariance_type : str
        "full", "tied", "diag" or "spherical", or a structure of `mixot.fit`.
    tol : float or None
        Stop when what is left to gain is below this, in nats per row; see `mixot.EM` for the default.
    reg_covar : float
        Variance added to every covariance, **relative to the variances of the columns** (scikit-learn adds 1e-6 in
        squared units of the data, whatever these are).
    max_iter : int
        Most iterations of one run.
    n_init : int
        Number of k-means starts, in systems of coordinates that take turns; most are given up early.
    weights_init, means_init, precisions_init : array-like, optional
        (k,), (k, d) and the shape of ``precisions_``: a start, of which any part may be given; a single run follows.
    random_state : int, RandomState, Generator or None
        What draws the starts, and ``sample``.
    warm_start : bool
        Start from the mixture of the last fit, where it has the dimension and the number of components asked for.
    max_components : int
        Most components that are tried where ``n_components`` is None.
    criterion : "bic" or "icl"
        What chooses among them.
    weight_concentration_prior : float or None
        Concentration of the Dirichlet prior of the weights, at least 1, whose largest posterior density is found: each
        component has so many rows less one before any is seen. None is 1, no prior. (``BayesianGaussianMixture`` takes
        the whole posterior, by variational inference, and values below 1, with which it empties components.)
    missing : "error" or "ignore"
        What NaN is: a mistake, or a value that is missing. The likelihood is then that of what was observed of each
        row; `predict` and the others take such rows, too.

    Attributes
    ----------
    weights_, means_, covariances_, precisions_, precisions_cholesky_
        (k,), (k, d), and the last three (k, d, d), "tied": (d, d), "diag": (k, d), "spherical": (k,)
    n_components_ : int
        Number of components.
    converged_, n_iter_, lower_bound_, lower_bounds_
        Whether and after how many iterations the best run ended, its objective per row, and all of them on the way.
    mixture_ : `mixot.Mixture`
        With the names of the columns, where the data had any.
    fit_ : `mixot.Fit`
        What the library returned: candidates, criterion, status.
    notes_ : tuple of str
        What the data did to the fit, one sentence each; what there is to worry about came as an `AccuracyWarning`.
    n_features_in_, feature_names_in_
        Number and names of the columns.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> found = EMMixture(random_state=0).fit(load_iris().data)
    >>> found.n_components_, found.predict_proba(load_iris().data).shape
    (2, (150, 2))
    """

    _names: ClassVar[dict[str, str]] = {
        "k_max": "max_components",
        "reg": "reg_covar",
        "starts": "n_init",
        "concentration": "weight_concentration_prior",
    }

    @no_type_check  # as in scikit-learn, whatever comes is kept as it is, and checked by fit
    def __init__(
        self,
        n_components: int | None = None,
        *,
        covariance_type: str = "full",
        tol: float | None = None,
        reg_covar: float = 1e-6,
        max_iter: int = 500,
        n_init: int = 10,
        weights_init: Any = None,
        means_init: Any = None,
        precisions_init: Any = None,
        random_state: Any = None,
        warm_start: bool = False,
        max_components: int = 10,
        criterion: str = "bic",
        missing: str = "error",
        weight_concentration_prior: float | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.random_state = random_state
        self.warm_start = warm_start
        self.max_components = max_components
        self.criterion = criterion
        self.missing = missing
        self.weight_concentration_prior = weight_concentration_prior

    def _fit_rows(self, rows: Samples | Incomplete, family: str, structure: str, k: int | None) -> Fit:
        rng, alpha = seed_of(self.random_state), self.weight_concentration_prior
        method = EM(
            max_iter=self.max_iter,
            tol=None if self.tol is None else real(self.tol, "tol"),
            reg=real(self.reg_covar, "reg_covar"),
            starts=self.n_init,
            k_max=self.max_components,
            criterion=self.criterion,
            missing=self.missing,
            concentration=1.0 if alpha is None else real(alpha, "weight_concentration_prior"),
            start=self._start(rows, structure, k, rng),
        )
        return method.fit(rows, family, k=k, structure=structure, rng=rng)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self._allows_nan()
        return tags

    def _allows_nan(self) -> bool:
        return isinstance(self.missing, str) and self.missing == "ignore"
