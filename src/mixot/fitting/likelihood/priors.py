"""A prior on the components of a Gaussian mixture, which keeps covariances from collapsing where rows are few."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from mixot._checks import as_floats, check_not_negative
from mixot._shapes import Float
from mixot.errors import InputError

FRALEY_RAFTERY = "fraley-raftery"


@dataclass(frozen=True, eq=False)
class NormalInverseWishart:
    """The conjugate prior of Gaussian components; what is not given follows from the data, as in Fraley and Raftery.

    ``mean_k | cov_k ~ N(mean, cov_k / shrinkage)``, and the density of ``cov_k`` is proportional to
    ``|cov_k|^-((dof + d + 1) / 2) exp(-tr(scale inv(cov_k)) / 2)``. A diagonal covariance has in each coordinate a
    variance v of density proportional to ``v^-(dof / 2 + 1) exp(-scale / (2 v))``, a spherical one has one such
    variance, and components that share all of it (EII, EEI, tied) have one covariance, drawn once. In the models that
    share a part of it, the prior is that of each covariance, taken on the covariances of the model. Weights have none.

    Parameters
    ----------
    shrinkage : number of rows that ``mean`` counts for in the mean of each component; 0 leaves means free
    dof : degrees of freedom, above d - 1 (above 0 for diagonal and spherical covariances); d + 2 where not given
    mean : (d,), that of the data where not given
    scale : (d, d) for full and tied covariances, (d,) for diagonal ones, a number for spherical ones; where not given
        the covariance of the data (their variances, the mean of these) over K^(2 / d), which is what the data would
        have if K equal components cut their volume into K parts

    Examples
    --------
    >>> from mixot import EM, fit
    >>> x = [[0.0, 0.0], [0.1, 0.3], [0.2, 0.1], [5.0, 5.0], [5.1, 5.3]]
    >>> found = fit(x, k=2, method=EM(prior=NormalInverseWishart(shrinkage=0.0)), rng=0)
    >>> sorted(found.mixture.weights.round(6).tolist())
    [0.4, 0.6]

    References
    ----------
    Fraley and Raftery, Bayesian regularization for normal mixture estimation and model-based clustering,
    J. Classification 24 (2007), section 3. They scale diagonal covariances by the mean of the data's variances, which
    depends on units; here each coordinate has its own. For EII, EEI, VEI, EVI, EEV and VEV mclust divides by
    other numbers than this density has; here every model climbs the posterior density as it is written above.
    """

    shrinkage: float = 0.01
    dof: float | None = None
    mean: Any = None
    scale: Any = None

    def __post_init__(self) -> None:
        check_not_negative(self.shrinkage, "shrinkage")
        if self.dof is not None:
            check_not_negative(self.dof, "dof")
        for name in ("mean", "scale"):
            value = getattr(self, name)
            if value is None:
                continue
            array = as_floats(value, name)
            if not np.isfinite(array).all():
                raise InputError(f"{name} must be finite numbers, got {value!r}")
            object.__setattr__(self, name, array)

    def of(self, data: Spreads, k: int, structure: str) -> PriorNumbers:
        """The numbers of the prior for k components of a structure, in the units of the data.

        Raises
        ------
        InputError
            On numbers that do not suit the dimension or the structure.
        """
        d = len(data.mean)
        dof = float(d + 2 if self.dof is None else self.dof)
        least = d - 1 if structure in ("full", "tied") else 0
        if not dof > least:
            raise InputError(f"dof must be above {least} for {structure} covariances in dimension {d}, got {dof:g}")
        mean = data.mean if self.mean is None else np.atleast_1d(self.mean)
        if mean.shape != (d,):
            raise InputError(f"the mean of the prior must have shape ({d},), got {mean.shape}")
        scale = self._scale(data, structure) if self.scale is not None else _default(data, structure) / k ** (2 / d)
        return PriorNumbers(float(self.shrinkage), dof, mean, scale)

    def _scale(self, data: Spreads, structure: str) -> Float[np.ndarray, "..."]:
        d = len(data.mean)
        scale = np.asarray(self.scale)
        if structure in ("full", "tied"):
            scale = scale.reshape(1, 1) if d == scale.size == 1 else scale
            good = scale.shape == (d, d) and (scale == scale.T).all() and np.linalg.eigvalsh(scale)[0] > 0
            wanted = f"a symmetric, positive definite ({d}, {d}) matrix"
        elif structure == "diagonal":
            scale = scale.reshape(1) if d == scale.size == 1 else scale
            good, wanted = scale.shape == (d,) and (scale > 0).all(), f"{d} positive numbers"
        else:
            good, wanted = scale.size == 1 and (scale > 0).all(), "a positive number"
            scale = np.full(d, scale.ravel()[:1].sum())
        if not good:
            raise InputError(
                f"the scale of the prior must be {wanted} for {structure} covariances, got shape {np.shape(self.scale)}"
            )
        return scale


class Spreads(NamedTuple):
    """Mean (d,) and covariance (d, d) of the data, without bias, and the variances (d,) below which there are none."""

    mean: np.ndarray
    cov: np.ndarray
    least: np.ndarray
    rows: float


class PriorNumbers(NamedTuple):
    """A prior for one number of components: scale (d, d) for full and tied covariances, else (d,)."""

    shrinkage: float
    dof: float
    mean: np.ndarray
    scale: np.ndarray


def checked_prior(prior: Any) -> NormalInverseWishart | None:
    """The prior meant by its name, or itself; None where there is none.

    Raises
    ------
    InputError
        On anything else.

    Examples
    --------
    >>> checked_prior("fraley-raftery").shrinkage
    0.01
    """
    if isinstance(prior, str) and prior == FRALEY_RAFTERY:
        return NormalInverseWishart()
    if prior is None or isinstance(prior, NormalInverseWishart):
        return prior
    raise InputError(f'prior must be "{FRALEY_RAFTERY}", a NormalInverseWishart or None, got {prior!r}')


def _default(data: Spreads, structure: str) -> np.ndarray:
    """The spread of all the data, in the form of the structure; none is zero, so that no covariance is singular."""
    variances = np.diagonal(data.cov) + data.least
    if structure == "diagonal":
        return variances
    if structure == "spherical":
        return np.full(len(variances), variances.mean())
    return data.cov + np.diag(data.least) if data.rows > len(variances) else np.diag(variances)
