"""What a split test holds against a null: a law that was fitted to one half of the rows."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from scipy.special import ndtr

from mixot._shapes import Float
from mixot.errors import AccuracyWarning, InputError
from mixot.fitting.likelihood.em import EM
from mixot.inference.nulls import integer_axes
from mixot.measures import Samples
from mixot.mixture import Mixture

COUNTS = "counts"  # the alternative of that name
_REG = 1e-3  # variance of the noise, in variances of the data: spikes on few rows say nothing of others
_PRIORS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0)


@runtime_checkable
class Law(Protocol):
    """A probability law with a density, or masses."""

    def log_density(self, x: Any) -> Float[np.ndarray, " n"]:
        """Log-density, or log-mass, of the rows."""
        ...


def fitted_mixture(x: Float[np.ndarray, "n d"], family: str, k: int | None, rng: np.random.Generator) -> Mixture:
    """The mixture of k components, or of as many as BIC wants, that EM finds."""
    k = None if k is None else min(k, len(np.unique(x, axis=0)))
    options: dict[str, Any] = {"reg": _REG} if family in ("gaussian", "diagonal") else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)  # any law may stand against a null: a poor one finds less
        return EM(**options).fit(Samples(x), family, k=k, rng=rng).mixture


@dataclass(frozen=True, eq=False)
class SmoothedCounts:
    """Shares of the counts that were seen, drawn towards a rounded Gaussian mixture with the weight of ``prior`` rows.

    ``mass(c) = (times of c + prior q(c)) / (n + prior)``, q the masses of the mixture between c - 1/2 and c + 1/2, what
    lies below zero counted to zero. ``seen`` are the counts that were seen, in order.
    """

    seen: Float[np.ndarray, " c"]
    times: Float[np.ndarray, " c"]
    base: Mixture
    prior: float

    @classmethod
    def of(cls, x: Float[np.ndarray, "n 1"], rng: np.random.Generator) -> SmoothedCounts:
        """The law of the prior that tells each row best from all others."""
        base = fitted_mixture(x + rng.uniform(-0.5, 0.5, x.shape), "gaussian", None, rng)
        seen, times = np.unique(x[:, 0], return_counts=True)
        masses = _rounded(base, seen)

        def others(prior: float) -> float:
            left = (times - 1 + prior * masses) / (len(x) - 1 + prior)
            return float(times @ np.log(np.maximum(left, 1e-300)))

        return cls(seen, times.astype(np.float64), base, max(_PRIORS, key=others))

    def log_density(self, x: Any) -> Float[np.ndarray, " n"]:
        """Log-masses of counts (n, 1); -inf where they are none."""
        counts = np.asarray(x, dtype=np.float64)[:, 0]
        able = (counts >= 0) & (counts == np.floor(counts))
        asked = np.where(able, counts, 0.0)
        at = np.minimum(np.searchsorted(self.seen, asked), len(self.seen) - 1)
        times = np.where(self.seen[at] == asked, self.times[at], 0.0)
        mass = (times + self.prior * _rounded(self.base, asked)) / (self.times.sum() + self.prior)
        with np.errstate(divide="ignore"):
            return np.where(able, np.log(mass), -np.inf)


def _rounded(mixture: Mixture, counts: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Masses that a mixture on the line has between halves; that below zero goes to zero."""
    means, sds = mixture.components.mean()[:, 0], np.sqrt(mixture.components.cov()[:, 0, 0])
    above = (counts[:, None] + 0.5 - means) / sds
    below = np.where(counts[:, None] > 0, (counts[:, None] - 0.5 - means) / sds, -np.inf)
    # of the side on which distribution functions have their digits
    part = np.where(below > 0, ndtr(-below) - ndtr(-above), ndtr(above) - ndtr(below))
    return part @ mixture.weights


def check_comparable(law: Law, integers: tuple[bool, ...]) -> None:
    """Raise an `InputError` where densities would be held against masses, on any coordinate."""
    own = integer_axes(law.components) if isinstance(law, Mixture) else (True,)
    if own != integers:
        raise InputError(
            f"the null has masses of integers in {_listed(integers)} and the alternative in {_listed(own)}: their "
            "likelihoods cannot be compared; choose an alternative of the same kind and dimension"
        )


def _listed(integers: tuple[bool, ...]) -> str:
    return f"{sum(integers)} of {len(integers)} columns"
