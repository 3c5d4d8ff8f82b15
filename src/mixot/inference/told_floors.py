"""Floors that somebody told: the one reader of what the covariances of a mixture must at least be.

The rule, wherever a floor is told: **arrays and numbers are covariances, texts are standard deviations.** A number is a
variance, in every direction; ``"sd >= 0.5"`` a standard deviation in every direction, and ``"0.4 sd"`` a share of the
spread of rows, whose covariance it is times 0.4 squared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._checks import as_floats, check_finite
from mixot._shapes import Float
from mixot.errors import InputError
from mixot.inference.floors import KINDS

_TEXT = re.compile(r"\s*(?P<least>sds?\s*>=)?\s*(?P<number>[\d.eE+-]+)\s*(?P<share>sds?)?\s*")
_SKEW, _FLAT = 1e-9, 1e-12  # of the largest entry or eigenvalue: asymmetry above, and an eigenvalue below, is refused


@dataclass(frozen=True, eq=False)
class Floor:
    """The least covariance of a component: a standard deviation, (d, d), or a share of the spread of rows."""

    sd: float | None = None
    cov: Float[np.ndarray, "d d"] | None = None
    share: float | None = None

    @classmethod
    def of(cls, value: Any) -> Floor:
        """The one floor that a null has: a covariance (d, d), or a text.

        Numbers alone are refused: that of a null once was a standard deviation, and would be a variance.
        """
        if isinstance(value, str):
            return _from_text(value)
        if value is None or isinstance(value, bool):
            raise InputError(f'floor must be a text, "sd >= 0.5" or "0.4 sd", or a covariance (d, d), got {value!r}')
        array = as_floats(value, "floor")
        if array.ndim < 2 and array.size:
            one = f"{array.flat[0]:g}"
            raise InputError(
                f'floor={value!r} may be standard deviations or variances; say "sd >= {one}" for a standard deviation '
                f"in every direction, and a matrix for a covariance, [[{one}]] or np.diag(variances)"
            )
        if array.ndim != 2 or array.shape[0] != array.shape[1] or not array.size:
            raise InputError(f"floor must be one covariance (d, d), got shape {array.shape}")
        return cls(cov=_checked(array, 0))

    @property
    def words(self) -> str:
        """What every component has at least."""
        if self.share is not None:
            return f"every sd >= {self.share:g} of the other half's"
        return f"every sd >= {self.sd:g}" if self.sd is not None else "every covariance >= the floor"

    def covariance(
        self, others: Float[np.ndarray, "m d"], weights: Float[np.ndarray, " m"] | None = None
    ) -> Float[np.ndarray, "d d"]:
        """The floor itself; where it is a share, of the covariance of ``others``."""
        d = others.shape[1]
        if self.share is not None:
            return self.share**2 * np.atleast_2d(np.cov(others.T, bias=True, aweights=weights))
        if self.sd is not None:
            return self.sd**2 * np.eye(d)
        assert self.cov is not None
        if self.cov.shape != (d, d):
            raise InputError(f"floor is of dimension {len(self.cov)}, the data of {d}")
        return self.cov


def told_floors(
    told: Any, points: Float[np.ndarray, "n d"], weights: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "j d d"]:
    """One or several floors, j of them: a number, a covariance (d, d), a text, or a list of these.

    Raises
    ------
    InputError
        On anything else, and on floors that are singular.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[0.0], [2.0]])
    >>> told_floors(["sd >= 0.5", "0.5 sd", 0.25], x, np.ones(2)).ravel().tolist()
    [0.25, 0.25, 0.25]
    """
    if isinstance(told, str):
        floors = _from_text(told).covariance(points, weights)[None]
    elif isinstance(told, list | tuple) and any(isinstance(each, str) for each in told):
        return np.concatenate([told_floors(each, points, weights) for each in told])
    else:
        floors = _from_numbers(told, points.shape[1])
    return np.stack([_checked(floor, at) for at, floor in enumerate(floors)])


def _from_text(text: str) -> Floor:
    told = _TEXT.fullmatch(text)
    try:
        number = float(told["number"]) if told else np.nan
    except ValueError:
        number = np.nan
    if not (told and np.isfinite(number) and number > 0):
        raise InputError(
            f'a floor in words is a standard deviation, "sd >= 0.5", or a share of the spread, "0.4 sd", got {text!r}'
        )
    return Floor(share=number) if told["share"] else Floor(sd=number)


def _from_numbers(told: Any, dim: int) -> Float[np.ndarray, "j d d"]:
    known = (
        f"floors must be one of {', '.join(KINDS)}, a variance, a covariance ({dim}, {dim}), a standard deviation in "
        'words, "sd >= 0.5", or a list of these'
    )
    if told is None or isinstance(told, bool):
        raise InputError(f"{known}, got {told!r}")
    values = as_floats(told, "floors")
    if values.ndim == 0:
        values = values * np.eye(dim)[None]
    elif dim == 1 and values.ndim == 1:
        values = values[:, None, None]
    elif values.ndim == 2:
        values = values[None]
    if values.ndim != 3 or not len(values) or values.shape[1:] != (dim, dim):
        raise InputError(f"{known}, got an array of shape {np.shape(told)}")
    check_finite(values, "floors", "floors")
    return values


def _checked(floor: Float[np.ndarray, "d d"], at: int) -> Float[np.ndarray, "d d"]:
    """The floor made symmetric to the last digit; an `InputError` where it is no positive definite matrix."""
    if not np.isfinite(floor).all():
        raise InputError("floors must be finite")
    spectrum = np.linalg.eigvalsh((floor + floor.T) / 2)
    skew = float(np.abs(floor - floor.T).max())
    if skew > _SKEW * np.abs(floor).max() or not spectrum[0] > _FLAT * max(spectrum[-1], 0.0):
        raise InputError(
            f"floors must be symmetric and positive definite, got lowest eigenvalue {spectrum[0]:.3g} for floor {at}; "
            "without a floor in some direction the likelihood has no bound"
        )
    return (floor + floor.T) / 2
