"""The least covariance that a component of a null may have: told beforehand, or by rows that are not tested."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._checks import as_floats
from mixot._shapes import Float
from mixot.errors import InputError


@dataclass(frozen=True, eq=False)
class Floor:
    """The least covariance of a component: told, (d, d) or a standard deviation, or a share of the others' spread."""

    sd: float | None = None
    cov: Float[np.ndarray, "d d"] | None = None
    share: float | None = None

    @classmethod
    def of(cls, value: Any) -> Floor:
        """A floor from a number, standard deviations (d,), a covariance (d, d), or a text such as "0.4 sd"."""
        if isinstance(value, Floor):
            return value
        if isinstance(value, str):
            told = re.fullmatch(r"\s*([\d.eE+-]+)\s*(sds?)?\s*", value)
            try:
                number = float(told[1]) if told else np.nan
            except ValueError:
                number = np.nan
            if not (told and np.isfinite(number) and number > 0):
                raise InputError(f'floor must be a standard deviation, or a share as in "0.4 sd", got {value!r}')
            return cls(share=number) if told[2] else cls(sd=number)
        if value is None or isinstance(value, bool):
            raise InputError(f'floor must be a standard deviation such as 0.5, or a share, "0.4 sd", got {value!r}')
        array = as_floats(value, "floor")
        if array.ndim > 2 or not array.size or (array.ndim == 2 and array.shape[0] != array.shape[1]):
            raise InputError(
                "floor must be one standard deviation, one for each column, or a covariance (d, d), got shape "
                f"{array.shape}"
            )
        if array.ndim == 0:
            if not (np.isfinite(array) and array > 0):
                raise InputError(f"floor must be a positive standard deviation, got {float(array)!r}")
            return cls(sd=float(array))
        cov = np.diag(array**2) if array.ndim == 1 else array
        good = np.isfinite(cov).all() and np.allclose(cov, cov.T, rtol=1e-9, atol=0)
        if not good or not (np.linalg.eigvalsh(cov) > 0).all() or (array.ndim == 1 and (array <= 0).any()):
            raise InputError("floor must be positive standard deviations, or a positive definite covariance")
        return cls(cov=cov)

    @property
    def words(self) -> str:
        """What every component has at least."""
        if self.share is not None:
            return f"every sd >= {self.share:g} of the other half's"
        return f"every sd >= {self.sd:g}" if self.sd is not None else "every covariance >= the floor"

    def covariance(self, others: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "d d"]:
        """The floor itself; where it is a share, of the covariance of ``others``."""
        d = others.shape[1]
        if self.share is not None:
            return self.share**2 * np.atleast_2d(np.cov(others.T, bias=True))
        if self.sd is not None:
            return self.sd**2 * np.eye(d)
        assert self.cov is not None
        if self.cov.shape != (d, d):
            raise InputError(f"floor is of dimension {len(self.cov)}, the data of {d}")
        return self.cov
