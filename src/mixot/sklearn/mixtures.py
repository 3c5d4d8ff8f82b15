"""What all estimators of a mixture have in common: a fitted mixture, asked in scikit-learn's words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from scipy.linalg import solve_triangular
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from mixot._checks import check_columns, is_whole
from mixot._shapes import Float, Int
from mixot.errors import InputError, SolveError
from mixot.families.elliptical.diagonal import DiagonalGaussian
from mixot.incomplete import Incomplete
from mixot.measures import Samples
from mixot.mixture import Mixture
from mixot.results import Fit
from mixot.sklearn.rows import row_weights, seed_of, weighted_rows
from mixot.sklearn.starts import given_start
from mixot.sklearn.wording import told

# scikit-learn's names of covariances, and those of mixot; others are mixot's own
STRUCTURES = {"full": "full", "tied": "tied", "diag": "diagonal", "spherical": "spherical"}


class MixtureEstimator(DensityMixin, BaseEstimator, ABC):
    """A Gaussian mixture that is fitted by a subclass."""

    n_components: Any
    covariance_type: Any
    random_state: Any

    _names: ClassVar[dict[str, str]]  # options of the library, as the estimator calls them

    @abstractmethod
    def _fit_rows(self, rows: Any, family: str, structure: str, k: int | None) -> Fit:
        """The library's fit of distinct rows."""

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None):
        """Fit the mixture to the rows of X.

        Parameters
        ----------
        X : (n, d) array-like or dataframe
            Finite numbers.
        y : ignored
            There for pipelines.
        sample_weight : (n,) array-like, optional
            Whole numbers say how often each row was seen, and are the same as so many equal rows; others how much each
            counts.

        Returns
        -------
        self
            With ``weights_``, ``means_`` and so on; see the class.

        Raises
        ------
        InputError
            On NaN or infinity, text, negative weights, more components than distinct rows, and options that are none.
        """
        points = self._checked(X, reset=True)
        rows = weighted_rows(points, sample_weight)
        structure, family = structure_of(self.covariance_type)
        k = self.n_components
        if k is not None and not (is_whole(k) and k >= 1):
            raise InputError(f"n_components must be a whole number of at least 1, or None to choose it, got {k!r}")
        if k is not None and k > len(rows):
            raise InputError(
                f"n_components={k} needs at least as many distinct rows of positive weight, got {len(rows)} in "
                f"n_samples={len(points)}; lower n_components, or leave it None"
            )
        with told({"k": "n_components", "structure": "covariance_type", **self._names}) as words:
            found = self._fit_rows(rows, family, structure, None if k is None else int(k))
            notes = tuple(words(note) for note in found.notes)
        self._keep(found, notes)
        return self

    def _keep(self, found: Fit, notes: tuple[str, ...]) -> None:
        """Keep what was found as attributes."""
        names = getattr(self, "feature_names_in_", None)
        mixture = found.mixture
        if names is not None and len(set(names)) == len(names):
            mixture = mixture.named(check_columns([str(name) for name in names], mixture.dim))
        self.fit_ = found
        self.mixture_ = mixture
        self.notes_ = notes
        self.n_components_ = len(mixture)
        self.weights_ = mixture.weights
        self.means_ = mixture.components.mean()
        self.covariances_ = covariances_of(mixture, self.covariance_type)
        self.converged_ = bool(found.status.solved)
        self.n_iter_ = max(int(found.iterations), 1)
        self.lower_bounds_ = [float(value) for value in found.history]
        self.lower_bound_ = self.lower_bounds_[-1] if self.lower_bounds_ else float(found.log_likelihood)

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> Int[np.ndarray, " n"]:
        """Fit the mixture and return the most probable component of each row, (n,)."""
        return self.fit(X, y, sample_weight).predict(X)

    def predict(self, X: Any) -> Int[np.ndarray, " n"]:
        """The most probable component of each row, (n, d) -> (n,)."""
        return self.predict_proba(X).argmax(axis=1)

    def predict_proba(self, X: Any) -> Float[np.ndarray, "n k"]:
        """The probability of each component given each row, (n, d) -> (n, k); rows sum to one."""
        points = self._points(X)
        shares = self.mixture_.responsibilities(points)
        return shares[:-1] if isinstance(points, Incomplete) else shares

    def score_samples(self, X: Any) -> Float[np.ndarray, " n"]:
        """The logarithm of the density at each row, (n, d) -> (n,), in nats."""
        points = self._points(X)
        logs = self.mixture_.log_density(points)
        return logs[:-1] if isinstance(points, Incomplete) else logs

    def score(  # pyright: ignore[reportIncompatibleMethodOverride] (the mixin's returns None)
        self, X: Any, y: Any = None, sample_weight: Any = None
    ) -> float:
        """The mean log-density of the rows, in nats; weighted where weights are given."""
        logs = self.score_samples(X)
        return float(np.average(logs, weights=row_weights(logs[:, None], sample_weight)))

    def bic(self, X: Any) -> float:
        """Schwarz's criterion of the rows, ``p log(n) - 2 log L`` with p free parameters: lower is better."""
        logs = self.score_samples(X)
        return float(self._n_parameters() * np.log(len(logs)) - 2 * logs.sum())

    def aic(self, X: Any) -> float:
        """Akaike's criterion of the rows, ``2 p - 2 log L`` with p free parameters: lower is better."""
        logs = self.score_samples(X)
        return float(2 * self._n_parameters() - 2 * logs.sum())

    def sample(self, n_samples: int = 1) -> tuple[Float[np.ndarray, "n d"], Int[np.ndarray, " n"]]:
        """Draw rows, (n, d), and the component that each came from, (n,), in order of components.

        Raises
        ------
        InputError
            Unless ``n_samples`` is a whole number of at least 1.
        """
        check_is_fitted(self)
        if not (is_whole(n_samples) and n_samples >= 1):
            raise InputError(f"n_samples must be a whole number of at least 1, got {n_samples!r}")
        rng = seed_of(self.random_state)
        labels = np.repeat(np.arange(self.n_components_), rng.multinomial(n_samples, self.weights_))
        return self.mixture_.components.sample(labels, rng), labels

    @property
    def precisions_cholesky_(self) -> np.ndarray:
        """Upper triangular factors U of the precisions, ``U U' = inv(cov)``, in the shape of ``covariances_``.

        Raises `SolveError` where a covariance is singular.
        """
        covs = self.covariances_  # an AttributeError before fit
        return factors_of(covs, dense=self.covariance_type not in ("diag", "diagonal", "spherical"))

    @property
    def precisions_(self) -> np.ndarray:
        """Inverses of the covariances, in the shape of ``covariances_``."""
        factor = self.precisions_cholesky_
        if self.covariance_type in ("diag", "diagonal", "spherical"):
            return factor**2
        return factor @ np.swapaxes(factor, -1, -2)

    def _points(self, X: Any) -> np.ndarray | Incomplete:
        """The rows that are asked about, checked against those of the fit."""
        check_is_fitted(self)
        points = self._checked(X, reset=False)
        if not np.isnan(points).any():
            return points
        return Incomplete(np.vstack([points, self.mixture_.mean()]))  # one more, as every column must have some value

    def _checked(self, X: Any, *, reset: bool) -> np.ndarray:
        """The rows of X as an array; an error that names the columns with NaN where these are not allowed."""
        finite = "allow-nan" if self._allows_nan() else True
        try:
            points: Any = validate_data(self, X, dtype=[np.float64, np.float32], ensure_all_finite=finite, reset=reset)
        except ValueError as wrong:
            if "NaN" not in str(wrong) and "infinity" not in str(wrong):
                raise
            raise InputError(_told_where(str(wrong), X)) from wrong
        return points

    def _allows_nan(self) -> bool:
        """Whether NaN stands for a value that is missing."""
        return False

    def _n_parameters(self) -> int:
        """How many numbers the mixture has chosen."""
        k, d = self.means_.shape
        full, diagonal = k * d * (d + 1) // 2, k * d
        each = {"full": full, "tied": d * (d + 1) // 2, "diag": diagonal, "diagonal": diagonal, "spherical": k}
        if self.covariance_type not in each:
            return int(self.fit_.n_parameters)
        return k - 1 + k * d + each[self.covariance_type]


def _told_where(message: str, X: Any) -> str:
    """What scikit-learn says of NaN or infinity, and in which columns it is."""
    try:
        bad = (~np.isfinite(np.asarray(X, dtype=np.float64))).sum(axis=0)
    except (TypeError, ValueError):
        return message
    names = list(getattr(X, "columns", range(len(bad))))
    told = ", ".join(f"{names[j]} ({bad[j]} of {len(X)} rows)" for j in np.flatnonzero(bad)[:5])
    first = message.splitlines()[0]
    return f'{first} It is in the columns {told}; leave these rows out, or take EMMixture(missing="ignore")'


class StartedMixture(MixtureEstimator):
    """A mixture whose fit may start from what the user gives, or from the last fit."""

    reg_covar: Any
    warm_start: Any
    weights_init: Any
    means_init: Any
    precisions_init: Any

    def _start(
        self, rows: Samples | Incomplete, structure: str, k: int | None, rng: np.random.Generator
    ) -> Mixture | None:
        """The mixture to start from, or None."""
        last = getattr(self, "mixture_", None) if self.warm_start else None
        if last is not None and last.dim == rows.dim and k in (None, len(last)):
            return last
        given = {name: getattr(self, name) for name in ("weights_init", "means_init", "precisions_init")}
        return given_start(rows, structure, real(self.reg_covar, "reg_covar"), given, k, rng)


def real(value: Any, name: str) -> float:
    """``value`` as a float; `InputError` where it is no number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputError(f"{name} must be a number, got {value!r}")
    return float(value)


def structure_of(covariance_type: Any) -> tuple[str, str]:
    """The structure of covariances and the family that a ``covariance_type`` stands for; others go on as they are."""
    if not isinstance(covariance_type, str):
        raise InputError(f"covariance_type must be one of {', '.join(STRUCTURES)}, got {covariance_type!r}")
    return STRUCTURES.get(covariance_type, covariance_type), "gaussian"


def covariances_of(mixture: Mixture, covariance_type: str) -> np.ndarray:
    """Covariances in scikit-learn's shape: (k, d, d), (d, d) if tied, (k, d) if diagonal, (k,) if spherical."""
    laws = mixture.components
    if isinstance(laws, DiagonalGaussian):
        variances = np.asarray(laws.variances)
        if covariance_type == "spherical":
            return variances[:, 0].copy()
        return variances if covariance_type in ("diag", "diagonal") else laws.cov()
    covs = laws.cov()
    return covs[0].copy() if covariance_type == "tied" else covs


def factors_of(covs: np.ndarray, *, dense: bool) -> np.ndarray:
    """Upper triangular factors of the inverses of matrices (..., d, d), or reciprocal roots of variances.

    Examples
    --------
    >>> factors_of(np.array([4.0, 0.25]), dense=False).tolist()
    [0.5, 2.0]
    """
    if not dense:
        if (covs <= 0).any():
            raise SolveError("a variance is zero, so it has no precision; raise reg_covar")
        return 1 / np.sqrt(covs)
    try:
        lower = np.linalg.cholesky(covs)
    except np.linalg.LinAlgError:
        raise SolveError("a covariance is singular, so it has no precision; raise reg_covar") from None
    eye, shape = np.eye(covs.shape[-1]), covs.shape
    flat = [solve_triangular(each, eye, lower=True).T for each in lower.reshape(-1, *shape[-2:])]
    return np.stack(flat).reshape(shape)
