"""A plan that moves each class to the same class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import block_diag

from mixot.errors import InputError
from mixot.families.base import Family
from mixot.mixture import Mixture
from mixot.results import Plan, Status
from mixot.sklearn.rows import row_weights
from mixot.verbs import plan

Labelled = tuple[np.ndarray, Any, Any]  # rows, their labels, and their weights or None


def classwise(
    mixture_of: Callable[[np.ndarray, Any], Mixture], source: Labelled, target: Labelled, solver: Any
) -> tuple[Mixture, Mixture, Plan]:
    """Return mixtures of the source and of the target, and the plan that is optimal in each class and joins no others.

    Classes have the shares of the source on both sides: where the target has other shares, its mixture is weighted
    anew, and classes that the source lacks are left out.

    Raises
    ------
    InputError
        On labels that are not one for each row, and classes of the source that the target lacks.
    """
    rows, labels, weights = _checked(*source, "ys")
    others, names, light = _checked(*target, "yt")
    classes = np.unique(labels)
    lost = [str(c) for c in classes if c not in set(names.tolist())]
    if lost:
        raise InputError(f"the target has no rows of the classes {', '.join(lost[:5])}; leave their rows out of Xs")
    parts = []
    for c in classes:
        here, there = labels == c, names == c
        p, q = mixture_of(rows[here], weights[here]), mixture_of(others[there], light[there])
        parts.append((weights[here].sum() / weights.sum(), p, q, plan(p, q, solver=solver)))
    shares = [share for share, *_ in parts]
    plans = [each for *_, each in parts]
    costs = [each.cost_matrix for each in plans]
    apart = _blocks([np.ones_like(cost) for cost in costs]) == 0
    joined = Plan(
        coupling=_blocks([s * each.coupling for s, each in zip(shares, plans, strict=True)]),
        cost=sum(s * each.cost for s, each in zip(shares, plans, strict=True)),
        lower_bound=sum(s * each.lower_bound for s, each in zip(shares, plans, strict=True)),
        status=next((each.status for each in plans if not each.status.solved), Status.OPTIMAL),
        iterations=sum(each.iterations for each in plans),
        marginal_error=max(each.marginal_error for each in plans),
        cost_matrix=np.where(apart, np.inf, _blocks(costs)),
        potentials=tuple(np.concatenate([each.potentials[side] for each in plans]) for side in (0, 1)),  # type: ignore[arg-type]
        distance_name="MW2",
    )
    return _sum(shares, [p for _, p, *_ in parts]), _sum(shares, [q for _, _, q, _ in parts]), joined


def _blocks(parts: list[np.ndarray]) -> np.ndarray:
    """The matrix with these along its diagonal, and zeros elsewhere."""
    return np.asarray(block_diag(*parts))


def _checked(rows: np.ndarray, labels: Any, weights: Any, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, labels and weights, one of each."""
    array = np.asarray(labels)
    if array.shape != (len(rows),):
        raise InputError(f"{name} must have one label for each of {len(rows)} rows, got shape {array.shape}")
    missing = [str(each) for each in np.unique(array[array != array])]
    if missing:
        raise InputError(f"{name} must not be NaN; leave rows without a label out")
    return rows, array, row_weights(rows, weights)


def _sum(shares: list[float], mixtures: list[Mixture]) -> Mixture:
    """The mixture of mixtures."""
    first = mixtures[0].components
    arrays = {
        name: np.concatenate([np.asarray(each.components.parameters()[name]) for each in mixtures])
        for name in first.parameters()
    }
    laws: Family = type(first)(**arrays)
    weights = np.concatenate([share * each.weights for share, each in zip(shares, mixtures, strict=True)])
    return Mixture(weights / weights.sum(), laws)
