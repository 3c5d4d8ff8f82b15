"""Maximum likelihood by expectation-maximisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot.families.gaussian import Gaussian
from mixot.fitting.base import register_fitter
from mixot.measures import Measure, Samples
from mixot.mixture import Mixture
from mixot.results import Fit, ProgressCallback, Status


@register_fitter("em")
@dataclass(frozen=True)
class EM:
    """Expectation-maximisation (scaffold: full covariances only)."""

    max_iter: int = 100
    reg: float = 1e-6

    def fit(
        self,
        data: Measure,
        family: str,
        *,
        k: int | None = None,
        structure: str = "full",
        rng: Any = None,
        progress: ProgressCallback | None = None,
    ) -> Fit:
        assert isinstance(data, Samples)
        x, w = data.points.astype(float), data.weights
        gen = np.random.default_rng(rng)
        k = 3 if k is None else k
        mix = Mixture(
            np.full(k, 1 / k),
            Gaussian(x[gen.choice(len(x), k)], np.stack([np.cov(x.T).reshape(data.dim, data.dim)] * k)),
        )
        history = []
        for _ in range(self.max_iter):
            history.append(float(w @ mix.log_density(x)))
            r = mix.responsibilities(x) * w[:, None]
            mass = r.sum(0)
            mean = (r.T @ x) / mass[:, None]
            y = x[:, None, :] - mean
            cov = np.einsum("nk,nki,nkj->kij", r, y, y) / mass[:, None, None]
            mix = Mixture(mass / mass.sum(), Gaussian(mean, cov + self.reg * np.eye(data.dim)))
        return Fit(mix, Status.MAX_ITER, len(history), history[-1], -2 * history[-1], np.array(history))
