"""Arrays from outside: real numbers, or an error that names the place."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from mixot._frames import Frame, opened
from mixot._numbers import as_number, check_exact, inexact, is_number
from mixot._numbers import is_rounded as is_rounded
from mixot.errors import InputError

_SMALLEST, _LARGEST = 1e-152, 1e152  # of coordinates: squares of them, and sums of a few squares, are normal numbers


def as_numbers(value: Any, name: str) -> np.ndarray:
    """Return ``value`` as an array of float32 (where it came so) or float64; it may be the caller's own array.

    Masked entries and missing values of a dataframe become NaN. `InputError` on ragged rows, text, complex numbers,
    dates, and whole numbers that float64 would round; ``name`` is what the caller calls the array.
    """
    array = _plain(value, name)
    if array.dtype.kind in "OUS":
        array = _parse(array, name)
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name} must be real numbers, got an array of {array.dtype}")
    if array.dtype.kind in "iu":
        check_exact(array, name)
    with np.errstate(over="ignore"):  # what overflows becomes infinity, which the caller reports
        return array if array.dtype == np.float32 else array.astype(np.float64, copy=False)


def as_floats(value: Any, name: str) -> np.ndarray:
    """Return ``value`` as a float64 array of its own, which nobody else can write to; raises as `as_numbers`."""
    array = as_numbers(value, name)
    # Only an array that was made here is surely ours: the caller's may be shared through views and other libraries.
    return np.array(array, dtype=np.float64, order="C")


def _plain(value: Any, name: str) -> np.ndarray:
    """``value`` as an array of whatever type, what is missing in it as NaN or None."""
    value = opened(value)
    if isinstance(value, Frame):
        return value.values()
    if hasattr(value, "detach") and hasattr(value, "cpu"):  # a tensor that is followed by gradients, or far away
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
    try:
        return np.asarray(_unmasked(value))
    except ValueError:
        raise InputError(f"{name} must be an array, or rows of equal length; these rows differ in length") from None
    except Exception as why:  # an object says what it is only when asked: a value that JAX traces, a stranger's array
        advice = "; under jit, grad and vmap use mixot.jax" if type(why).__module__.startswith("jax") else ""
        raise InputError(f"{name} must be an array, got {type(value).__name__} that cannot become one{advice}") from why


def _unmasked(value: Any) -> Any:
    """``value`` with NaN for masked entries, also of arrays that stand in a list; NumPy would show what is below."""
    if isinstance(value, np.ma.MaskedArray):
        if not np.ma.is_masked(value):
            return value.data
        return np.ma.filled(value.astype(np.float64), np.nan)
    if isinstance(value, list | tuple) and any(isinstance(item, np.ma.MaskedArray | list | tuple) for item in value):
        return [_unmasked(item) for item in value]
    return value


def check_columns(columns: Any, dim: int) -> tuple[str, ...] | None:
    """Names of coordinates as they are kept: d different texts, or None; `InputError` where they are neither."""
    if columns is None:
        return None
    names = tuple(columns) if not isinstance(columns, str) and hasattr(columns, "__iter__") else ()
    if len(names) != dim or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise InputError(f"columns must be {dim} different names, one for each coordinate, got {columns!r}")
    return tuple(str(name) for name in names)


def check_finite(
    array: np.ndarray, name: str, rows: str, advice: str = "", columns: tuple[str, ...] | None = None
) -> None:
    """Raise an `InputError` that names the first rows (axis 0) with NaN or infinity.

    Of points (n, d) it also says in which columns, by their names where these are given.
    """
    finite = np.isfinite(array)
    if not finite.all():
        bad = np.flatnonzero(~finite.reshape(len(array), -1).all(axis=1))
        shown = ", ".join(map(str, bad[:5].tolist())) + (", ..." if len(bad) > 5 else "")
        where = "" if array.ndim != 2 or rows != "rows" else _in_columns(finite, columns)
        raise InputError(
            f"{name} must be finite, got NaN or infinity in {len(bad)} of {len(array)} {rows}: {shown}{advice}{where}"
        )


def _in_columns(finite: np.ndarray, columns: tuple[str, ...] | None) -> str:
    """Which columns of points are not finite, in words; nothing of a single one without a name."""
    if columns is None and finite.shape[1] == 1:
        return ""
    bad = np.flatnonzero(~finite.all(axis=0)).tolist()
    shown = ", ".join(str(at) if columns is None else repr(columns[at]) for at in bad[:5])
    return f" (in column{'s' if len(bad) > 1 else ''} {shown}{', ...' if len(bad) > 5 else ''})"


def check_range(array: np.ndarray, name: str) -> None:
    """Raise an `InputError` where all of an array is so small, or some of it so large, that its squares are lost."""
    flat = array.ravel()
    with np.errstate(over="ignore", under="ignore"):
        total = float(np.dot(flat, flat))
    if 1e-304 < total < 1e304:  # the quick way: these squares were not lost
        return
    top = float(np.abs(array).max(initial=0.0))
    if top and not _SMALLEST <= top <= _LARGEST:
        raise InputError(
            f"{name} must have a largest size between {_SMALLEST:g} and {_LARGEST:g}, so that squares and their sums "
            f"neither vanish nor overflow, got {top:.3g}; scale them, for instance by {1 / top:.0e}"
        )


def as_generator(rng: Any) -> np.random.Generator:
    """The generator that a seed, a generator or None stands for; `InputError` on what is none of them."""
    seed: Any = "none" if isinstance(rng, bool | np.bool_) else rng  # NumPy would count a truth value
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError) as wrong:
        raise InputError(f"rng must be a seed, a numpy.random.Generator or None, got {type(rng).__name__}") from wrong


def check_rng(rng: Any) -> None:
    """Raise an `InputError` unless `as_generator` can make a generator of ``rng``."""
    made = np.random.Generator | np.random.BitGenerator | np.random.SeedSequence
    if not (rng is None or isinstance(rng, made) or (is_whole(rng) and rng >= 0)):
        as_generator(rng)  # what else NumPy takes, or refuses


def as_path(path: Any) -> Path:
    """A file's name as a path; `InputError` on what is none."""
    try:
        return Path(path)
    except TypeError:
        raise InputError(f"path must be the name of a file, got {type(path).__name__}") from None


def is_one_of(value: Any, words: Collection[str]) -> bool:
    """Whether ``value`` is one of some words; arrays, which compare entry by entry, are not."""
    return isinstance(value, str) and value in words


def is_whole(value: Any) -> bool:
    """Whether ``value`` is a whole number; truth values, which Python counts among them, are not."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def check_whole(value: Any, name: str, least: int = 1) -> None:
    """Raise an `InputError` unless ``value`` is a whole number of at least ``least``."""
    if not (is_whole(value) and value >= least):
        raise InputError(f"{name} must be a whole number of at least {least}, got {value!r}")


class NoSuchComponent(InputError, IndexError):
    """A number that no component has; an `IndexError`, too, by which Python's own walk over a sequence ends."""


def check_index(index: Any, k: int) -> np.ndarray:
    """Places among k that a number, a slice, a list of numbers, each once, or a mask means: () for a number, else (j,).

    Examples
    --------
    >>> [check_index(index, 3).tolist() for index in (-1, slice(None, 2), [True, False, True])]
    [2, [0, 1], [0, 2]]
    """
    if isinstance(index, slice):
        places = np.arange(k)[index]
    else:
        places = _plain(index, "an index of components")
        if places.dtype == bool and places.shape == (k,):
            places = np.flatnonzero(places)
        elif places.dtype == bool and places.ndim:
            raise InputError(f"a mask of components must have one entry for each of the {k}, got shape {places.shape}")
    if places.size == 0:
        raise InputError(f"an index of components must name some of the {k}, got {index!r}")
    if places.dtype.kind not in "iu" or places.ndim > 1:
        raise InputError(f"components are named by a whole number, a list of them, a slice or a mask, got {index!r}")
    strange = np.atleast_1d(places)[np.atleast_1d((places < -k) | (places >= k))]
    if len(strange):
        raise NoSuchComponent(f"components are numbered 0 to {k - 1}, got {', '.join(map(str, strange[:5]))}")
    places = np.asarray(places % k)
    if places.ndim and len(np.unique(places)) < len(places):
        raise InputError(f"an index must name each component once, got {index!r}")
    return places


def check_not_negative(value: Any, name: str) -> None:
    """Raise an `InputError` unless ``value`` is finite and not negative."""
    if not (np.isfinite(value) and value >= 0):
        raise InputError(f"{name} must be finite and not negative, got {value!r}")


def _parse(array: np.ndarray, name: str) -> np.ndarray:
    try:
        return np.array([as_number(item) for item in array.flat], dtype=np.float64).reshape(array.shape)
    except (TypeError, ValueError, OverflowError):
        at, item = next((at, item) for at, item in np.ndenumerate(array) if not is_number(item))
        if isinstance(item, int):
            raise inexact(name, at, item) from None
        text = item.decode("latin-1") if isinstance(item, bytes) else item
        what = repr(str(text)) if isinstance(text, str) else type(item).__name__
        where = f" at {list(at)}" if at else ""
        levels = isinstance(text, str) and name == "points"
        hint = "; columns of text are levels where they come in a dataframe, or code them: 0, 1, ..." if levels else ""
        raise InputError(f"{name} must be numbers, got {what}{where}{hint}") from None
