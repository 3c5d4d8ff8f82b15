"""Points that carry names and labels, as annotated data hold them, and the checks that come with them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mixot._checks import as_numbers, is_whole
from mixot._shapes import Bool, Float, Int
from mixot.errors import InputError
from mixot.measures import Samples
from mixot.mixture import aligned

_MOST_NUMBERS = 200  # distinct values up to which a column of decimal numbers, such as times, is read as labels


@dataclass(frozen=True, eq=False)
class Labels:
    """One of a few names for each observation; ``codes`` index ``names``, -1 stands for none.

    ``colors`` are those that the file or the object keeps for the names, empty where it keeps none.
    """

    key: str
    codes: Int[np.ndarray, " n"]
    names: tuple[str, ...]
    colors: tuple[str, ...] = ()

    def present(self) -> tuple[str, ...]:
        """Names that occur, in order."""
        return tuple(self.names[code] for code in np.unique(self.codes[self.codes >= 0]))

    def code_of(self, name: Any, what: str) -> int:
        """The code of a name (or of the number that it writes) that must occur; ``what`` is it called."""
        found = [code for code, text in enumerate(self.names) if text == str(name)]
        if not found and isinstance(name, int | float | np.number):
            found = [code for code, text in enumerate(self.names) if _as_number(text) == float(name)]
        if not found:
            raise InputError(f"{what}={name!r} is no group of {self.key!r}; groups are {listed(self.names)}")
        if not (self.codes == found[0]).any():
            raise InputError(
                f"the group {what}={name!r} of {self.key!r} is empty; groups with cells are {listed(self.present())}"
            )
        return found[0]


@dataclass(frozen=True, eq=False)
class Observations:
    """Rows of a representation, their names, and those of their labels that were asked for.

    Parameters
    ----------
    points : (n, d), finite
    names : (n,), what each row is called
    rep : which representation the points are
    place : where all of it comes from, for messages
    labels : by key
    axes : of a PCA, (genes, d), and the names of the genes, where they are kept: they tell two bases apart
    columns : names of the coordinates, where the representation has them: genes of X, columns of a table
    """

    points: Float[np.ndarray, "n d"]
    names: np.ndarray
    rep: str
    place: str
    labels: Mapping[str, Labels] = field(default_factory=dict)
    axes: tuple[np.ndarray, np.ndarray] | None = None
    columns: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.points)

    def take(self, rows: Int[np.ndarray, " m"] | Bool[np.ndarray, " n"]) -> Observations:
        """Some of the rows."""
        labels = {key: replace(kept, codes=kept.codes[rows]) for key, kept in self.labels.items()}
        return replace(self, points=self.points[rows], names=self.names[rows], labels=labels)

    def samples(self) -> Samples:
        """The points as a measure, with the names of its coordinates."""
        return Samples(self.points, columns=self.columns)

    def in_order_of(self, other: Observations) -> Observations:
        """The same rows with coordinates in the order of the other's, where both have names.

        Raises
        ------
        InputError
            Where the names are not the same.
        """
        points = aligned(other.samples(), self.samples())
        return self if points.columns == self.columns else replace(self, points=points.points, columns=points.columns)

    def shares_axes(self, other: Observations) -> bool:
        """Whether both live in the same coordinates, as far as the axes that are kept can tell."""
        if self.axes is None or other.axes is None or not np.array_equal(self.axes[1], other.axes[1]):
            return True
        mine, theirs = self.axes[0], other.axes[0]
        return mine.shape == theirs.shape and np.allclose(mine, theirs, rtol=1e-3, atol=1e-5, equal_nan=True)


def checked_points(values: Any, names: np.ndarray, rep: str, place: str, dims: int | None) -> Float[np.ndarray, "n d"]:
    """The first ``dims`` columns of a representation as a finite array, float32 or float64.

    Raises
    ------
    InputError
        On a sparse representation, NaN or infinity (the rows are named), or fewer columns than asked for.
    """
    if hasattr(values, "tocsr"):
        raise InputError(
            f"{place}: {rep!r} is sparse and is not made dense here; reduce it to a few coordinates first, for "
            "instance by sklearn.decomposition.TruncatedSVD"
        )
    points = as_numbers(values.to_numpy() if hasattr(values, "to_numpy") else values, f"{place}: {rep!r}")
    points = points[:, None] if points.ndim == 1 else points
    if points.ndim != 2 or not points.size:
        raise InputError(f"{place}: {rep!r} must be an array of one row for each cell, got shape {points.shape}")
    if dims is not None:
        if not (is_whole(dims) and 1 <= dims <= points.shape[1]):
            raise InputError(
                f"{place}: dims must be between 1 and the {points.shape[1]} columns of {rep!r}, got {dims}"
            )
        points = points[:, :dims]
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(bad):
        shown = listed([str(names[row]) for row in bad], 5)
        raise InputError(
            f"{place}: {rep!r} must be finite, got NaN or infinity in {len(bad)} of {len(points)} cells: {shown}; drop "
            "them or compute it again"
        )
    return np.ascontiguousarray(points)


def coordinate_names(names: Any, dims: int) -> tuple[str, ...] | None:
    """The first ``dims`` of the names, where all are text, none is there twice, and they are no mere numbers."""
    found = tuple(np.asarray(names, dtype=object)[:dims].tolist())
    good = all(isinstance(name, str) for name in found) and len(set(found)) == len(found) == dims
    return found if good and not all(name.isdigit() for name in found) else None


def labels_of(values: Any, key: str, colors: Any = ()) -> Labels:
    """A column as labels: categories in their order, other values sorted; missing ones have the code -1.

    Raises
    ------
    InputError
        On a column of measurements: decimal numbers with more than 200 different values.
    """
    held = getattr(values, "cat", values)
    if hasattr(held, "categories") and hasattr(held, "codes"):
        names = tuple(str(name) for name in held.categories)
        return Labels(key, np.asarray(held.codes, dtype=np.int64), names, _as_colors(colors, len(names)))
    array = np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)
    if array.dtype.kind in "biuf":
        lost = np.isnan(array) if array.dtype.kind == "f" else np.zeros(len(array), dtype=bool)
    else:
        lost = np.array([item is None or str(item) == "<NA>" or item != item for item in array.tolist()], dtype=bool)
    kept = array[~lost] if array.dtype.kind in "biuf" else array[~lost].astype(str)
    different, where = np.unique(kept, return_inverse=True)
    if array.dtype.kind == "f" and len(different) > _MOST_NUMBERS:
        raise InputError(
            f"{key!r} holds {len(different)} different numbers, which are measurements and not labels; cut them into "
            "groups first, for instance with pandas.cut"
        )
    codes = np.full(len(array), -1, dtype=np.int64)
    codes[~lost] = where
    names = tuple(str(name) for name in different.tolist())
    return Labels(key, codes, names, _as_colors(colors, len(names)))


def pick_key(key: str, existing: Collection[Any], what: str, place: str, advice: str = "") -> str:
    """The key, where it exists; else an error that lists those that do."""
    if key in existing:
        return key
    others = listed(sorted(str(name) for name in existing), 20) if existing else "none"
    raise InputError(f"{place}: no {what} {key!r}; there are: {others}{advice}")


def too_large(place: str, kind: str, shape: tuple[int, int]) -> InputError:
    """The refusal of a matrix of genes as the representation."""
    size = 8 * shape[0] * shape[1] / 2**30
    return InputError(
        f"{place}: X is {kind} of {shape[0]} cells x {shape[1]} genes ({size:.1f} GiB as a dense array) and is not "
        "loaded or made dense here: mixtures are fitted to a few coordinates of each cell; compute them first, "
        "scanpy.pp.pca(adata), and take rep='X_pca'"
    )


def listed(names: Collection[str], most: int = 12) -> str:
    """Names in one line, of many the first ones."""
    shown = list(names)
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")


def _as_colors(colors: Any, count: int) -> tuple[str, ...]:
    """Colors as scanpy keeps them, one for each category; none where they do not fit."""
    found = tuple(str(color) for color in colors) if colors is not None else ()
    return found if len(found) == count else ()


def _as_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
