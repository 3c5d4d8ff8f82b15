"""Whether two samples are of one law, by permutations of a distance between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from math import comb, lgamma, log
from typing import Any

import numpy as np

from mixot._checks import as_generator, check_whole, is_one_of
from mixot._shapes import Bool, Float
from mixot.errors import InputError
from mixot.inference.levels import checked_level, shown_p
from mixot.inference.rows import rows_of, samples_of
from mixot.inference.statistics import CoupledW2, Energy, SharedMW2, SortedW2, Statistic
from mixot.mixture import aligned
from mixot.results import Progress, ProgressCallback

STATISTICS = ("mw2", "w2", "energy")
SCALES = ("columns", "data")
_TIE = 1e-10  # relative: the same split, in another order of summation
_SHUFFLED = 2**22  # rows that are given to groups in one call


@dataclass(frozen=True, eq=False, slots=True)
class TwoSampleTest:
    """How far apart two samples are, and how far they are where rows are given to them at random.

    ``distance`` is what ``statistic`` says, in ``units``; ``null`` are the distances of the splits that were drawn,
    (permutations,), and ``p_value`` is exact: where both samples are of one law, it is at most alpha with probability
    at most alpha. ``k`` is the number of components of the fit to all rows, for "mw2".
    """

    statistic: str
    distance: float
    p_value: float
    null: Float[np.ndarray, " b"]
    n: int
    m: int
    units: str
    k: int | None = None
    every: bool = False
    notes: tuple[str, ...] = field(default=())

    @property
    def permutations(self) -> int:
        """Splits that the data were held against."""
        return len(self.null)

    def reject(self, alpha: float = 0.05) -> bool:
        """Whether one common law is rejected at level ``alpha``: where it is true, with at most that probability."""
        return self.p_value <= checked_level(alpha)

    def __str__(self) -> str:
        low, high = np.median(self.null), np.quantile(self.null, 0.95)
        splits = f"all {self.permutations}" if self.every else f"{self.permutations} random"
        return (
            f"{self.statistic} between {self.n} and {self.m} rows is {self.distance:.4g} ({self.units}); over {splits} "
            f"splits of the same rows the median is {low:.4g} and 95 % lie below {high:.4g}: {shown_p(self.p_value)}, "
            "exact in finite samples"
        )


def two_sample_test(
    x: Any,
    y: Any,
    statistic: str = "mw2",
    *,
    permutations: int = 999,
    k: int | None = None,
    scale: str = "columns",
    rng: Any = None,
    progress: ProgressCallback | None = None,
) -> TwoSampleTest:
    """Return the permutation test of whether x and y are draws of one law, with an exact p-value.

    Where they are, every split of all rows into n and m is as likely as the one that came, so
    ``p = (1 + #{splits at least as far apart}) / (1 + permutations)`` keeps its level at any n and m, whatever the law
    and the distance are; splits that are few are all gone through. What does not depend on the split is computed once:

    - "mw2": one Gaussian mixture is fitted to all rows together, which does not know whose they are. A split's
      mixtures are those of an M step from its responsibilities, as in `mixot.distance` between mixtures that share
      what their components are. Refits to every split would keep the level, too, at a thousand times the cost and with
      less power: fits of the same law differ by where EM ends, which is not what is asked.
    - "w2": exact W2 between the points, from one matrix of costs; on the line from one sort.
    - "energy": ``sqrt(2 E|X - Y| - E|X - X'| - E|Y - Y'|)`` (Szekely and Rizzo 2013), one product for all splits.

    "mw2" is the quickest and sees shifts, spreads and shares of components; "energy" is zero for equal laws only and
    needs no choice; "w2" weighs a difference by how far mass must go, and pays for it in many dimensions.

    Parameters
    ----------
    x, y : anything that `as_measure` reads as points, (n, d), (m, d)
        Rows of equal weight, or with counts; columns of dataframes are joined by name. Rows must be independent: those
        of one subject, or of successive times, are permuted as one, and not alone.
    statistic : str
        "mw2", "w2" or "energy".
    permutations : int
        Splits that are drawn; no p-value is below ``1 / (1 + permutations)``.
    k : int, optional
        Components of the fit for "mw2"; chosen by BIC where not given.
    scale : str
        "columns" measures each column by its standard deviation in all rows, so that no unit matters; "data" leaves
        the units of the data. On the line both are the same, and the distance is in the units of the data.
    rng : seed, Generator or None
        Of the permutations and the fit.
    progress : callable, optional
        Called with a `Progress` whose ``step`` counts permutations.

    Returns
    -------
    TwoSampleTest
        ``.p_value .distance .null .reject(alpha) .statistic .units .notes``

    Raises
    ------
    InputError
        On weights, fewer than two rows, unlike dimensions, rows that are all equal, an unknown statistic.

    Examples
    --------
    >>> import numpy as np
    >>> from mixot import two_sample_test
    >>> rng = np.random.default_rng(0)
    >>> found = two_sample_test(rng.normal(0.0, 1.0, 80), rng.normal(1.0, 1.0, 90), permutations=199, rng=0)
    >>> found.p_value, found.reject(0.05)
    (0.005, True)

    References
    ----------
    Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010), for p-values that are never zero; Székely and Rizzo, J.
    Stat. Plan. Inference 143 (2013), for the energy distance.
    """
    check_options(statistic, scale, k)
    check_whole(permutations, "permutations", 19)
    first, second = joined(x, y)
    generator = as_generator(rng)
    rows, units = scaled(np.concatenate([first, second]), scale)
    asked = statistic_of(statistic, rows, k, generator)
    n, m = len(first), len(second)
    every = few_splits(n, m, permutations + 1)
    total = comb(n + m, n) - 1 if every else permutations
    splits = all_splits(n, m) if every else drawn_splits(n, m, permutations, asked.batch, generator)
    squares = squares_of_splits(asked, splits, total, progress)
    seen, null = squares[0], squares[1:]
    exceeded = int((null >= seen * (1 - _TIE)).sum())
    return TwoSampleTest(
        asked.words,
        float(np.sqrt(max(seen, 0.0))),
        (1 + exceeded) / (1 + len(null)),
        np.sqrt(np.maximum(null, 0.0)),
        n,
        m,
        units,
        len(asked.fit) if isinstance(asked, SharedMW2) else None,
        every,
        asked.notes,
    )


def check_options(statistic: Any, scale: Any, k: Any) -> None:
    """Raise an `InputError` on an unknown statistic or scale, and on components of a statistic that has none."""
    for name, value, words in (("statistic", statistic, STATISTICS), ("scale", scale, SCALES)):
        if not is_one_of(value, words):
            raise InputError(f"{name} must be one of {', '.join(words)}, got {value!r}")
    if k is not None:
        check_whole(k, "k")
        if statistic != "mw2":
            raise InputError(f"k is the number of components for statistic='mw2', and {statistic!r} has none")


def joined(x: Any, y: Any, least: int = 2) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "m d"]]:
    """The rows of both samples, with columns in one order."""
    p, q = samples_of(x, "x"), samples_of(y, "y")
    if p.dim != q.dim:
        raise InputError(f"x and y must have as many columns, got {p.dim} and {q.dim}")
    first, second = rows_of(p, "x"), rows_of(aligned(p, q), "y")
    for name, rows in (("x", first), ("y", second)):
        if len(rows) < least:
            raise InputError(f"{name} must have at least {least} rows, got {len(rows)}")
    if (first == first[0]).all() and (second == first[0]).all():
        raise InputError("all rows of x and y are equal: there is nothing to compare")
    return first, second


def scaled(rows: Float[np.ndarray, "s d"], scale: str) -> tuple[Float[np.ndarray, "s d"], str]:
    """Centered rows in the units that were asked for, and these in words; where groups end is not looked at."""
    away = rows - rows.mean(axis=0)
    if scale == "data" or rows.shape[1] == 1:
        return away, "in the units of the data"
    spread = away.std(axis=0)
    return away / np.where(spread > 0, spread, 1.0), "columns in standard deviations"


def statistic_of(name: str, rows: Float[np.ndarray, "s d"], k: int | None, rng: np.random.Generator) -> Statistic:
    """The statistic of that name, with all that does not depend on the split."""
    if name == "energy":
        return Energy(rows)
    if name == "mw2":
        return SharedMW2.of(rows, k, rng)
    return SortedW2.of(rows) if rows.shape[1] == 1 else CoupledW2.of(rows)


def squares_of_splits(
    statistic: Statistic, splits: Iterable[Bool[np.ndarray, "b s"]], total: int, progress: ProgressCallback | None
) -> Float[np.ndarray, " b"]:
    """The squared distances of all splits, which come in batches."""
    parts, done = [], 0
    for groups in splits:
        parts.append(statistic.squares(groups, ~groups))
        done += len(groups)
        if progress is not None:
            progress(Progress("permutations", done - 1, total))
    return np.concatenate(parts)


def drawn_splits(n: int, m: int, count: int, batch: int, rng: np.random.Generator) -> Iterator[Bool[np.ndarray, "b s"]]:
    """The split that came, and ``count`` random ones, so many at a time."""
    first = np.arange(n + m) < n
    for at in range(0, count + 1, batch):
        groups = np.tile(first, (min(batch, count + 1 - at), 1))
        drawn, few = groups[int(at == 0) :], max(_SHUFFLED // (n + m), 1)
        for row in range(0, len(drawn), few):  # in parts, so that Ctrl-C is heard between them
            some = drawn[row : row + few]
            rng.permuted(some, axis=1, out=some)
        yield groups


def few_splits(n: int, m: int, most: int) -> bool:
    """Whether there are at most so many; of large samples the number itself is never made, it has too many digits."""
    return lgamma(n + m + 1) - lgamma(n + 1) - lgamma(m + 1) < log(most) + 1 and comb(n + m, n) <= most


def all_splits(n: int, m: int) -> Iterator[Bool[np.ndarray, "b s"]]:
    """Every split, that which came first: the first combination of indices is 0 .. n - 1."""
    groups = np.zeros((comb(n + m, n), n + m), dtype=bool)
    for group, chosen in zip(groups, combinations(range(n + m), n), strict=True):
        group[list(chosen)] = True
    yield groups
