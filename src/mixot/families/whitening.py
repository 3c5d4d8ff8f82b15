"""Log-densities as whitened squares: the form that the compiled loops take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._shapes import Float


@dataclass(frozen=True, eq=False, slots=True)
class Whitening:
    """k log-densities ``log_norm[k] - |whiten[k] (x - mean[k])|^2 / 2``, ``whiten`` lower triangular."""

    mean: Float[np.ndarray, "k d"]
    whiten: Float[np.ndarray, "k d d"]
    log_norm: Float[np.ndarray, " k"]
