"""The mixture of least W2 to the data, as a scikit-learn estimator."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, ClassVar, no_type_check

import numpy as np

from mixot.errors import AccuracyWarning, InputError
from mixot.families.elliptical.diagonal import DiagonalGaussian
from mixot.families.elliptical.gaussian import Gaussian
from mixot.fitting.likelihood.em import EM
from mixot.fitting.wasserstein.minimum_wasserstein import MinimumWasserstein, WassersteinFit
from mixot.measures import Samples
from mixot.mixture import Mixture
from mixot.results import Fit
from mixot.sklearn.mixtures import StartedMixture, real
from mixot.sklearn.rows import seed_of

_EXACT = 3  # most dimensions in which transport between points and a density is solved
_SEEN = 2  # principal components that are fitted beyond them


class WassersteinMixture(StartedMixture):
    """The Gaussian mixture of least W2 to the rows (`mixot.MinimumWasserstein`), from one that likelihood finds.

    Few components cover the data evenly, and a row far from all others counts by its squared distance: what is asked is
    how far mass must move, in the units of the data, not how probable each row is.

    Transport between points and a density is solved in up to three dimensions. Data of more columns are fitted in their
    two first principal components; each component then gets the mean and covariance that its rows, weighted by its
    responsibilities there, have in all columns. An `AccuracyWarning` says so; ``projection=None`` refuses such data.

    Parameters
    ----------
    n_components : int or None
        Number of components; the one that likelihood and BIC choose where None, as W2 alone would choose ever more.
    covariance_type : str
        "full", "tied", "diag" or "spherical".
    weights : "free" or "equal"
        Equal ones are all 1 / k.
    tol : float
        Ends where a step would move mass by this share of the distance.
    reg_covar : float
        Least variance, relative to the mean variance of the data.
    max_iter : int
        Most steps.
    n_init : int
        Number of likelihood fits to start from; that of least W2 is taken.
    max_points : int or None
        Most points that transport is solved for; more are replaced by means of parts of them.
    weights_init, means_init, precisions_init, warm_start, random_state, max_components
        As in `EMMixture`. Beyond three dimensions a start is seen in the principal components, too.
    projection : "pca" or None
        What is done beyond three dimensions.

    Attributes
    ----------
    distance_ : float
        W2 between the mixture and the points it was fitted to, projected ones beyond three dimensions.
    distance_interval_ : (float, float)
        W2 between the mixture and the (projected) data lies in it, proven.
    weights_, means_, covariances_, precisions_, precisions_cholesky_, n_components_, converged_, n_iter_
        As in `EMMixture`, and so are mixture_, fit_, notes_, n_features_in_ and feature_names_in_.
    lower_bound_, lower_bounds_
        The squared distance after the last step, and after each, with a minus sign, so that higher is better.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal([[-3.0], [3.0]], size=(2, 50)).reshape(-1, 1)
    >>> found = WassersteinMixture(2, random_state=0).fit(x)
    >>> low, high = found.distance_interval_
    >>> np.sort(found.means_.ravel()).round().tolist(), low <= found.distance_ <= high < 0.5
    ([-3.0, 3.0], True)
    """

    _names: ClassVar[dict[str, str]] = {"k_max": "max_components", "reg": "reg_covar", "points": "max_points"}

    @no_type_check  # as in scikit-learn, whatever comes is kept as it is, and checked by fit
    def __init__(
        self,
        n_components: int | None = None,
        *,
        covariance_type: str = "full",
        weights: str = "free",
        tol: float = 1e-4,
        reg_covar: float = 1e-6,
        max_iter: int = 200,
        n_init: int = 1,
        max_points: int | None = None,
        weights_init: Any = None,
        means_init: Any = None,
        precisions_init: Any = None,
        random_state: Any = None,
        warm_start: bool = False,
        max_components: int = 10,
        projection: str | None = "pca",
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.weights = weights
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.max_points = max_points
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.random_state = random_state
        self.warm_start = warm_start
        self.max_components = max_components
        self.projection = projection

    def _fit_rows(self, rows: Samples, family: str, structure: str, k: int | None) -> Fit:
        if self.projection not in ("pca", None):
            raise InputError(f'projection must be "pca" or None, got {self.projection!r}')
        rng = seed_of(self.random_state)
        method = MinimumWasserstein(
            weights=self.weights,
            points=self.max_points,
            starts=self.n_init,
            tol=real(self.tol, "tol"),
            max_iter=self.max_iter,
            reg=real(self.reg_covar, "reg_covar"),
            em=EM(k_max=self.max_components),
            start=self._start(rows, structure, k, rng),
        )
        if rows.dim <= _EXACT or self.projection is None:
            return method.fit(rows, family, k=k, structure=structure, rng=rng)
        return _projected(method, rows, structure, k, rng)

    def _keep(self, found: Fit, notes: tuple[str, ...]) -> None:
        super()._keep(found, notes)
        assert isinstance(found, WassersteinFit)
        self.distance_ = found.distance
        self.distance_interval_ = (found.lower_bound, found.upper_bound)
        self.lower_bounds_ = [-value for value in self.lower_bounds_]
        self.lower_bound_ = -self.lower_bound_


def _projected(
    method: MinimumWasserstein, rows: Samples, structure: str, k: int | None, rng: np.random.Generator
) -> WassersteinFit:
    """The fit in principal components, each component then described in all columns."""
    center = rows.mean()
    values, vectors = np.linalg.eigh(rows.cov())
    axes = vectors[:, ::-1][:, :_SEEN]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(_SEEN)] < 0, -1.0, 1.0)
    flat = rows.moved((rows.points - center) @ axes)
    start = None if method.start is None else method.start.affine(axes.T, -center @ axes)
    shape = "spherical" if structure == "spherical" else "full"  # other structures speak of columns that are gone
    found = replace(method, start=start).fit(flat, "gaussian", k=k, structure=shape, rng=rng)
    mixture = _lifted(found.mixture, flat, rows, structure, method.reg * float(values.mean()))
    held = values[::-1][:_SEEN].sum() / max(values.sum(), 1e-300)
    note = (
        f"minimum W2 is solved in up to {_EXACT} dimensions: of {rows.dim} columns {_SEEN} principal components were "
        f"fitted, which hold {held:.0%} of the variance, and distances are of these; the other directions follow from "
        "the rows of each component"
    )
    warnings.warn(note, AccuracyWarning, stacklevel=2)
    return replace(
        found,
        mixture=mixture,
        log_likelihood=float(rows.weights @ mixture.log_density(rows.points)),
        criterion=float("nan"),
        notes=(note, *found.notes),
    )


def _lifted(seen: Mixture, flat: Samples, rows: Samples, structure: str, floor: float) -> Mixture:
    """The mixture in all columns: weights as they are, means and covariances of the rows that each component has."""
    x = rows.points.astype(np.float64)
    shares = seen.responsibilities(flat.points) * rows.weights[:, None]
    shares /= np.maximum(shares.sum(axis=0), 1e-300)
    means = shares.T @ x
    covs = np.stack([((x - m) * s[:, None]).T @ (x - m) for m, s in zip(means, shares.T, strict=True)])
    covs += max(floor, 1e-300) * np.eye(rows.dim)
    if structure in ("diagonal", "spherical"):
        variances = np.einsum("kii->ki", covs)
        if structure == "spherical":
            variances = np.repeat(variances.mean(axis=1, keepdims=True), rows.dim, axis=1)
        return Mixture(seen.weights, DiagonalGaussian(means, variances))
    if structure == "tied":
        covs = np.broadcast_to(np.einsum("k,kij->ij", seen.weights, covs), covs.shape)
    return Mixture(seen.weights, Gaussian(means, covs))
