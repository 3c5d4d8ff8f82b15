"""A fit as it is shown: how well it went, and what a fit to moments, or of least W2, proves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from mixot.results import Candidate, Fit, MomentFit, PopulationBound

if TYPE_CHECKING:
    from mixot.fitting.wasserstein.minimum_wasserstein import WassersteinFit
    from mixot.mixture import Mixture


def describe(mixture: Mixture) -> dict[str, Any]:
    """Family and size of a mixture, for machines."""
    return {"family": mixture.components.name, "k": len(mixture), "dim": mixture.dim}


def describe_fit(fitted: Fit) -> dict[str, Any]:
    """How well a fit went, for machines."""
    return {
        "status": str(fitted.status),
        "iterations": int(fitted.iterations),
        "log_likelihood": float(fitted.log_likelihood),
        "criterion": float(fitted.criterion),
        "n_parameters": int(fitted.n_parameters),
        "observations": float(fitted.observations),
        "bic": _number(fitted.bic),
        "aic": _number(fitted.aic),
        "structure": fitted.structure,
        **_of_background(fitted, lambda share, volume: {"background": {"weight": share, "volume": volume}}),
        "candidates": [_describe_candidate(each) for each in fitted.candidates],
        "notes": list(fitted.notes),
        **_proof(fitted, _describe_moments, _describe_distance),
    }


def _describe_candidate(tried: Candidate) -> dict[str, Any]:
    judged = {"criterion": _number(tried.criterion), "bic": _number(tried.bic), "aic": _number(tried.aic)}
    return {"k": tried.k, **judged, "reason": tried.reason, "structure": tried.structure}


def tell_fit(fitted: Fit) -> dict[str, object]:
    """The same, for people."""
    tried = {} if _of_many_structures(fitted) else {c.k: f"k={c.k}: {c.criterion:.4f}" for c in fitted.candidates}
    return {
        **({"structure": fitted.structure} if _of_many_structures(fitted) else {}),
        "status": f"{fitted.status} after {fitted.iterations} iterations",
        "log-likelihood": f"{fitted.log_likelihood:.6g} nats per row",
        "criterion": f"{fitted.criterion:.6g} per row (lower is better)",
        "BIC": f"{fitted.bic:.6g} in all ({fitted.n_parameters} parameters); AIC: {fitted.aic:.6g}",
        **_of_background(fitted, lambda share, volume: {"background": f"{share:.4f} of the rows, volume {volume:.4g}"}),
        **({"tried": "  ".join(tried.values())} if len(tried) > 1 else {}),
        **_proof(fitted, _tell_moments, _tell_distance),
    }


def components_table(
    mixture: Mixture, columns: tuple[str, ...], labels: tuple[str, ...], most: int = 5
) -> tuple[str, list[str], list[tuple[str, ...]]]:
    """The components for people: a title, the heading, and a row each, of the first ``most`` columns."""
    shown = columns[:most]
    means = mixture.components.mean()
    spreads = np.sqrt(np.einsum("kii->ki", mixture.components.cov()))
    rows = [
        (*labels[i : i + 1], f"{weight:.4f}", *(f"{means[i, j]:.4g} ± {spreads[i, j]:.2g}" for j in range(len(shown))))
        for i, weight in enumerate(mixture.weights)
    ]
    some = f" of the first {len(shown)} columns" if len(columns) > len(shown) else ""
    return f"components: mean ± standard deviation{some}", [*(["label"] if labels else []), "weight", *shown], rows


def structures_table(fitted: Fit, most: int = 7) -> tuple[str, list[str], list[tuple[str, ...]]] | None:
    """The criterion by covariance model and number of components, of the ``most`` best; None where nothing was chosen.

    A tilde stands behind those that do not compete, and those that were stopped early.
    """
    if not _of_many_structures(fitted):
        return None
    best: dict[int, float] = {}
    for each in fitted.candidates:
        value = np.inf if each.reason or not np.isfinite(each.criterion) else each.criterion
        best[each.k] = min(best.get(each.k, np.inf), value)
    sizes = sorted(sorted(best, key=lambda k: best[k])[:most])
    cells = {(each.structure, each.k): each for each in fitted.candidates}

    def shown(structure: str, k: int) -> str:
        each = cells.get((structure, k))
        if each is None or not np.isfinite(each.criterion):
            return ""
        return f"{each.criterion:.5g}{'~' if each.reason else ' '}"

    names = dict.fromkeys(each.structure for each in fitted.candidates)
    rows = [(name, *(shown(name, k) for k in sizes)) for name in names]
    some = f", the best {most} of {len(best)}" if len(best) > most else ""
    title = f"criterion per row by structure and number of components{some}; ~: left out, or stopped early"
    return title, ["model", *(f"k={k} " for k in sizes)], rows


def _of_many_structures(fitted: Fit) -> bool:
    return len({each.structure for each in fitted.candidates}) > 1


def _of_background(fitted: Fit, told: Callable[[float, float], dict[str, Any]]) -> dict[str, Any]:
    """What is told of the uniform law beside the mixture, where there is one."""
    return {} if fitted.background is None else told(float(fitted.background.weight), float(fitted.background.volume))


def _proof(fitted: Fit, of_moments: Any, of_distance: Any) -> dict[str, Any]:
    """What is proven, told by one of two functions; nothing where it is the likelihood alone that was maximised."""
    if type(fitted) is Fit:
        return {}
    return of_moments(fitted) if isinstance(fitted, MomentFit) else of_distance(fitted)


def _describe_moments(fitted: MomentFit) -> dict[str, Any]:
    levels = [
        {
            "order": level.order,
            "objective": float(level.objective),
            "lower_bound": float(level.lower_bound),
            "regularized": _number(level.regularized),
            "status": str(level.status),
            "flat": level.flat,
            "ranks": list(level.ranks),
            "seconds": round(level.seconds, 4),
        }
        for level in fitted.hierarchy
    ]
    return {
        "distance": fitted.distance_name,
        "lower_bound": float(fitted.lower_bound),
        "regularized": _number(fitted.regularized),
        "regularizer": fitted.regularizer,
        "population": None if fitted.population is None else _describe_population(fitted.population),
        "region": fitted.region,
        "order": fitted.order,
        "flat": fitted.flat,
        "ranks": list(fitted.ranks),
        "hierarchy": levels,
    }


def _describe_population(bound: PopulationBound) -> dict[str, Any]:
    return {
        "level": bound.level,
        "lower_bound": bound.lower_bound,
        "coverage": bound.coverage,
        "order": bound.order,
        "outside": bound.outside,
        "box": bound.box.tolist(),
    }


def _number(value: float) -> float | None:
    """A number for machines, to which one that was not computed is null."""
    return float(value) if np.isfinite(value) else None


def _describe_distance(fitted: WassersteinFit) -> dict[str, Any]:
    assert fitted.plan is not None
    names = ("distance", "lower_bound", "upper_bound", "start_distance", "residual")
    return {**{name: float(getattr(fitted, name)) for name in names}, "points": len(fitted.plan.source)}


def _tell_moments(fitted: MomentFit) -> dict[str, object]:
    name = "W2" if fitted.distance_name == "w2" else "total variation"
    levels = "  ".join(f"order {level.order}: {level.lower_bound:.4g}" for level in fitted.hierarchy)
    what = "proven, for the law of these rows and every mixture of the family over S"
    bound = f"{fitted.lower_bound:.6g} ({what})" if fitted.lower_bound > 0 else "0 (nothing proven)"
    squared = " (squared)" if fitted.distance_name == "w2" else ""
    tau = f"{fitted.regularized:.6g}, {name}{squared} and {fitted.regularizer}; without: "
    tau = {"regularised": f"{tau}{fitted.hierarchy[-1].objective:.6g}"} if np.isfinite(fitted.regularized) else {}
    return {
        f"{name} at least": bound,
        **({} if fitted.population is None else {"population": str(fitted.population)}),
        **tau,
        "region S": fitted.region,
        f"bounds{squared}": levels,
        "flat": f"{'yes' if fitted.flat else 'no'}, ranks {' and '.join(map(str, fitted.ranks))}, order {fitted.order}",
    }


def _tell_distance(fitted: WassersteinFit) -> dict[str, object]:
    return {
        "W2": f"{fitted.distance:.6g} (where it started: {fitted.start_distance:.6g})",
        "W2 at least": f"{fitted.lower_bound:.6g} (proven, for this mixture and all the data)",
        "W2 at most": f"{fitted.upper_bound:.6g} (proven)",
    }
