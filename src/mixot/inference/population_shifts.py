"""Which components of a mixture grew or shrank between samples, with p-values that hold for all of them together."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from math import comb
from typing import Any

import numpy as np

from mixot._checks import as_generator, check_whole
from mixot._shapes import Bool, Float, Int
from mixot.errors import AccuracyWarning, InputError
from mixot.fitting.likelihood.em import EM
from mixot.incomplete import Incomplete, check_missing, patterns
from mixot.inference.levels import checked_level
from mixot.inference.mixing_weights import best_weights
from mixot.inference.rows import observed_of, rows_of
from mixot.inference.two_sample import all_splits, drawn_splits, few_splits
from mixot.measures import Samples
from mixot.mixture import Mixture, aligned
from mixot.results import Progress, ProgressCallback
from mixot.threads import apart

_BLOCK = 2**22  # signs of rows that are held at once
_TIE = 1e-9  # relative: the same split, in another order of summation
_SURE = 0.05  # where no p-value can be this low, a note says so
_RIDGE = 1e-10  # relative: components that nearly coincide have no weights of their own


@dataclass(frozen=True, eq=False, slots=True)
class PopulationShifts:
    """The weights of components in each sample, how they changed, and what chance alone would do.

    ``weights`` holds a row for each sample, those before first; ``before`` and ``after`` are the means over samples,
    (k,). ``p_values`` are of each component alone, ``adjusted`` of all of them together: where no component changed,
    the least of these is at most alpha with probability at most alpha. ``unit`` says what was permuted: "rows" of two
    samples, or "samples" of two groups; ``least`` is the lowest p-value that could come out.
    """

    mixture: Mixture
    weights: Float[np.ndarray, "s k"]
    before: Float[np.ndarray, " k"]
    after: Float[np.ndarray, " k"]
    p_values: Float[np.ndarray, " k"]
    adjusted: Float[np.ndarray, " k"]
    unit: str
    sizes: tuple[int, int]
    permutations: int
    least: float
    notes: tuple[str, ...] = field(default=())

    @property
    def change(self) -> Float[np.ndarray, " k"]:
        """How much each weight grew."""
        return self.after - self.before

    def changed(self, alpha: float = 0.05) -> Int[np.ndarray, " c"]:
        """The components that changed, at a level that holds for all of them together; the surest first."""
        order = np.argsort(self.adjusted, kind="stable")
        return order[self.adjusted[order] <= checked_level(alpha)]

    def __str__(self) -> str:
        found = self.changed()
        told = [
            f"{j}: {self.before[j]:.3g} -> {self.after[j]:.3g} (p = {self.adjusted[j]:.3g})" for j in found.tolist()
        ]
        what = f"changed, at 0.05 for all together: {'; '.join(told)}" if told else "none changed at 0.05"
        n, m = self.sizes
        return (
            f"of {len(self.mixture)} components, {what}; by {self.permutations} permutations of {n} and {m} {self.unit}"
        )


def population_shifts(
    before: Any,
    after: Any,
    *,
    k: int | None = None,
    structure: str = "full",
    mixture: Mixture | None = None,
    missing: str = "error",
    permutations: int = 1999,
    rng: Any = None,
    progress: ProgressCallback | None = None,
) -> PopulationShifts:
    """Return which components grew or shrank from the samples ``before`` to those ``after``.

    One Gaussian mixture is fitted to all rows, which does not know whose they are; each sample has the weights of the
    largest likelihood on its components. Two samples are held against permutations of their rows: p-values are exact
    where both are of one law, and hold for large samples where other components changed. They are about these two
    samples: how much samples of one kind differ, they cannot show. Groups of samples are held against permutations of
    samples, which includes that; with few of them, no small p-value is possible, and ``least`` says which.

    A component's statistic is ``t = (mean after - mean before) / standard error``: over rows, of the influence that
    each has on the weights, ``inv(I) s_i``, with the score ``s_i = f_k(x_i) / f(x_i)`` and its information I; over
    samples, of ``arcsin sqrt(weight)``, whose spread does not depend on the weight. All components are adjusted
    together by the step-down maxima of |t| of Westfall and Young. Like Holm's rule these hold the level for all, but
    they know that weights move together; where few splits are possible, Holm's rule could find nothing.

    Parameters
    ----------
    before, after : a sample, or a list of samples
        What `as_measure` reads as points, (n, d); a list or a tuple holds samples, anything else is one. Columns of
        dataframes are joined by name.
    k : int, optional
        Components of the fit; by BIC where not given.
    structure : str
        Of the covariances, as for `mixot.fit`.
    mixture : Mixture, optional
        In place of a fit, of any family; it should not come from one of the sides alone.
    missing : str
        "ignore" takes NaN for a value that is missing at random, and every row for what was observed of it (see
        `mixot.EM`); rows without any value are left out. `Incomplete` samples are taken so in any case.
    permutations : int
        Splits that are drawn where there are more.
    rng : seed, Generator or None
        Of the fit and the permutations.
    progress : callable, optional
        Called with a `Progress` whose ``step`` counts permutations.

    Raises
    ------
    InputError
        On weights, samples of unlike columns or with fewer than two rows, and ``mixture`` together with ``k``.

    Examples
    --------
    >>> import numpy as np
    >>> from mixot.inference import population_shifts
    >>> rng = np.random.default_rng(0)
    >>> a = np.concatenate([rng.normal(0, 1, 150), rng.normal(8, 1, 50)])
    >>> b = np.concatenate([rng.normal(0, 1, 100), rng.normal(8, 1, 100)])
    >>> found = population_shifts(a, b, k=2, rng=0)
    >>> found.changed().size, bool(found.adjusted.max() < 0.01)
    (2, True)

    References
    ----------
    Westfall and Young, Resampling-based multiple testing (1993), Algorithm 2.8; Chung and Romano, Ann. Statist. 41
    (2013), for permutations of studentized differences.
    """
    check_whole(permutations, "permutations", 19)
    check_missing(missing)
    groups, names, left_out = _groups(before, after, missing)
    generator = as_generator(rng)
    rows = np.concatenate([sample for group in groups for sample in group])
    mixture, notes = _fit(rows, k, structure, mixture, generator)
    mixture = mixture if names is None or mixture.columns is not None else mixture.named(names)
    densities = _densities(mixture, rows)
    ends = np.cumsum([len(sample) for group in groups for sample in group])
    weights = np.stack([_weights(part, mixture.weights) for part in np.split(densities, ends[:-1])])
    sizes = len(groups[0]), len(groups[1])
    by_rows = sizes == (1, 1)
    if by_rows:
        units, sizes = (
            _influences(densities, _weights(densities, mixture.weights)),
            (len(groups[0][0]), len(groups[1][0])),
        )
    else:
        units = np.arcsin(np.sqrt(np.clip(weights, 0.0, 1.0)))
    seen, null = _statistics(units, sizes, permutations, generator, progress)
    p_values, adjusted = _adjusted(seen, null)
    count = len(null)
    least = 1 / (1 + count) if by_rows else max(_least(sizes), 1 / (1 + count))
    first = len(groups[0])
    return PopulationShifts(
        mixture,
        weights,
        weights[:first].mean(axis=0),
        weights[first:].mean(axis=0),
        p_values,
        adjusted,
        "rows" if by_rows else "samples",
        sizes,
        count,
        least,
        (*left_out, *notes, *_remarks(by_rows, sizes, least)),
    )


def _groups(
    before: Any, after: Any, missing: str
) -> tuple[list[list[Float[np.ndarray, "n d"]]], tuple[str, ...] | None, tuple[str, ...]]:
    """The rows of all samples, with columns in the order of the first, their names, and notes of those left out."""
    groups: list[list[Float[np.ndarray, "n d"]]] = []
    first: Samples | Incomplete | None = None
    notes: list[str] = []
    for name, given in (("before", before), ("after", after)):
        samples = list(given) if isinstance(given, list | tuple) else [given]
        if not samples or any(np.isscalar(sample) for sample in samples):
            raise InputError(f"{name} must be a sample, such as an array (n, d), or a list of samples")
        group = []
        for at, each in enumerate(samples):
            called = name if len(samples) == 1 else f"{name}[{at}]"
            sample = observed_of(each, called, missing)
            if first is not None and sample.dim != first.dim:
                raise InputError(
                    f"all samples must have as many columns, got {first.dim} and, in {called}, {sample.dim}"
                )
            rows = rows_of(sample if first is None else aligned(first, sample), called)
            first = sample if first is None else first
            empty = np.isnan(rows).all(axis=1)
            if empty.any():
                notes.append(f"{int(empty.sum())} of {len(rows)} rows of {called} hold no value, and are left out")
                rows = rows[~empty]
            if len(rows) < 2:
                raise InputError(f"{called} must have at least 2 rows, got {len(rows)}")
            group.append(rows)
        groups.append(group)
    assert first is not None
    return groups, first.columns, tuple(notes)


def _fit(
    rows: Float[np.ndarray, "n d"], k: int | None, structure: str, mixture: Mixture | None, rng: np.random.Generator
) -> tuple[Mixture, tuple[str, ...]]:
    """The mixture whose components are followed."""
    if mixture is not None:
        if k is not None or structure != "full":
            raise InputError("k and structure are of a fit, and a mixture is given; leave one of the two out")
        if mixture.dim != rows.shape[1]:
            raise InputError(f"mixture must have the {rows.shape[1]} columns of the samples, got {mixture.dim}")
        return mixture, ("the mixture was given: p-values hold if it was not fitted to one of the sides alone",)
    order = apart(lambda _: np.lexsort(rows.T[::-1]))  # by value: the fit does not know which rows are whose
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)
        points = Incomplete(rows[order]) if np.isnan(rows).any() else Samples(rows[order])
        missing = "ignore" if isinstance(points, Incomplete) else "error"
        found = EM(missing=missing).fit(points, "gaussian", k=k, structure=structure, rng=rng)
    return found.mixture, tuple(f"of the fit to all rows: {note}" for note in found.notes)


def _densities(mixture: Mixture, rows: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
    """Densities of the components at what was observed of each row, as shares of the largest there."""
    logs = np.empty((len(rows), len(mixture)))
    for known, some in patterns(rows) if np.isnan(rows).any() else ():
        logs[some] = mixture.marginal(known.tolist()).components.log_prob(rows[np.ix_(some, known)])
    if not np.isnan(rows).any():
        logs[:] = mixture.components.log_prob(rows)
    top = logs.max(axis=1, keepdims=True)
    if not np.isfinite(top).all():
        raise InputError("some rows have no density under any component of the mixture; leave them out")
    return np.exp(logs - top)


def _weights(densities: Float[np.ndarray, "n k"], start: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """The weights of the largest likelihood."""
    inside = (start + 1e-3 / len(start)) / (1 + 1e-3)  # a weight of zero would have to be found first
    return best_weights(densities, np.full(len(densities), 1 / len(densities)), inside)[0]


def _influences(densities: Float[np.ndarray, "n k"], pooled: Float[np.ndarray, " k"]) -> Float[np.ndarray, "n k"]:
    """What each row adds to the weights of the largest likelihood: their mean over all rows is the pooled weights."""
    scores = densities / np.maximum(densities @ pooled, 1e-290)[:, None]
    # The scores of a component of no weight may be huge; in its own units, sqrt(weight) s, information is bounded.
    units = np.sqrt(np.maximum(pooled, 1e-12))
    scaled = scores * units
    information = scaled.T @ scaled / len(scaled)
    information[np.diag_indices_from(information)] += _RIDGE * np.trace(information) / len(information)
    return np.linalg.solve(information, scaled.T).T * units


def _statistics(
    units: Float[np.ndarray, "u k"],
    sizes: tuple[int, int],
    permutations: int,
    rng: np.random.Generator,
    progress: ProgressCallback | None,
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, "b k"]]:
    """|t| of the split that came, and of all others, or of random ones."""
    every = few_splits(*sizes, permutations + 1)
    batch = max(1, min(256, _BLOCK // len(units)))
    splits = all_splits(*sizes) if every else drawn_splits(*sizes, permutations, batch, rng)
    total, parts = (comb(sum(sizes), sizes[0]) - 1 if every else permutations), []
    centered = units - units.mean(axis=0)
    for groups in splits:
        parts.append(_studentized(centered, groups, sizes))
        if progress is not None:
            progress(Progress("permutations", sum(map(len, parts)) - 1, total))
    found = np.concatenate(parts)
    return found[0], found[1:]


def _studentized(
    units: Float[np.ndarray, "u k"], groups: Bool[np.ndarray, "b u"], sizes: tuple[int, int]
) -> Float[np.ndarray, "b k"]:
    """|t| of each split: the difference of means over its standard error, each group with a variance of its own.

    A group of one has none, and takes that of the other.
    """
    n, m = sizes
    inside = groups.astype(np.float64)
    sums, squares = inside @ units, inside @ units**2
    means = sums / n, (units.sum(axis=0) - sums) / m
    spread = squares - n * means[0] ** 2, ((units**2).sum(axis=0) - squares) - m * means[1] ** 2
    if min(n, m) > 2:
        error = np.maximum(spread[0], 0) / (n * (n - 1)) + np.maximum(spread[1], 0) / (m * (m - 1))
    else:
        error = np.maximum(spread[0] + spread[1], 0) / max(n + m - 2, 1) * (1 / n + 1 / m)
    least = np.maximum(1e-24 * (units**2).mean(axis=0), 1e-300)  # of units that are all alike
    return np.abs(means[1] - means[0]) / np.sqrt(np.maximum(error, least))


def _adjusted(
    seen: Float[np.ndarray, " k"], null: Float[np.ndarray, "b k"]
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """p-values of each component alone, and of all together by step-down maxima; the split that came counts, too."""
    reached = seen * (1 - _TIE)
    alone = (1 + (null >= reached).sum(axis=0)) / (1 + len(null))
    order = np.argsort(-seen, kind="stable")
    # the largest among the components whose own statistic is no larger
    rivals = np.maximum.accumulate(null[:, order[::-1]], axis=1)[:, ::-1]
    together = (1 + (rivals >= reached[order]).sum(axis=0)) / (1 + len(null))
    adjusted = np.empty_like(together)
    adjusted[order] = np.maximum.accumulate(together)
    return alone, adjusted


def _least(sizes: tuple[int, int]) -> float:
    """The least p-value of all splits: groups of one size have the same |t| when they are swapped."""
    return (1 + (sizes[0] == sizes[1])) / comb(sum(sizes), sizes[0])


def _remarks(by_rows: bool, sizes: tuple[int, int], least: float) -> tuple[str, ...]:
    if by_rows:
        return (
            "p-values are of two samples, whose rows were permuted: they say nothing of how much samples of one kind "
            "differ; give several of each for that",
        )
    n, m = sizes
    if least > _SURE:
        return (f"no p-value below {least:.3g} can come from {n} and {m} samples; give more of them",)
    return ()
