"""Fits and plans as plain dictionaries of arrays and words, which .h5ad files hold, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mixot.anndata.populations import PopulationPlan
from mixot.errors import InputError
from mixot.families import lookup
from mixot.fitting.likelihood.labelled import LabelledFit
from mixot.mixture import Mixture
from mixot.results import Plan, Status
from mixot.solvers.entropic.omt_plan import OMTPlan


def fit_to_dict(fitted: LabelledFit) -> dict[str, Any]:
    """A mixture with labels."""
    parameters = fitted.mixture.components.parameters()
    return {
        "family": fitted.mixture.components.name,
        "weights": fitted.mixture.weights,
        "parameters": {name: np.asarray(value) for name, value in parameters.items()},
        "labels": np.array(fitted.names, dtype=object),
        "owner": fitted.owner,
        "counts": fitted.counts,
        "shrinkage": fitted.shrinkage,
        "notes": np.array(fitted.notes, dtype=object),
        **({} if fitted.mixture.columns is None else {"columns": np.array(fitted.mixture.columns, dtype=object)}),
    }


def fit_from_dict(stored: Mapping[str, Any]) -> LabelledFit:
    """The mixture that `fit_to_dict` wrote."""
    parameters = {name: np.asarray(value) for name, value in stored["parameters"].items()}
    law = lookup(str(stored["family"])).from_parameters(parameters)
    columns = [str(name) for name in np.atleast_1d(stored["columns"])] if "columns" in stored else None
    mixture = Mixture(np.asarray(stored["weights"]), law, columns=columns)
    labels, notes = (tuple(str(word) for word in np.atleast_1d(stored[name])) for name in ("labels", "notes"))
    owner, counts = (np.asarray(stored[name], dtype=np.int64) for name in ("owner", "counts"))
    return LabelledFit(mixture, labels, owner, counts, np.asarray(stored["shrinkage"], dtype=np.float64), notes)


def plan_to_dict(plan: Plan) -> dict[str, Any]:
    """A plan between components, with its certificate."""
    f, g = plan.potentials
    return {
        "kind": "omt" if isinstance(plan, OMTPlan) else "exact",
        "coupling": plan.coupling,
        "cost_matrix": plan.cost_matrix,
        "f": f,
        "g": g,
        "cost": float(plan.cost),
        "lower_bound": float(plan.lower_bound),
        "gap": float(plan.gap),
        "status": str(plan.status),
        "iterations": int(plan.iterations),
        "marginal_error": float(plan.marginal_error),
        **(_smooth_to_dict(plan) if isinstance(plan, OMTPlan) else {}),
    }


def _smooth_to_dict(plan: OMTPlan) -> dict[str, Any]:
    """What a plan of optimal mixture transport says beyond."""
    f, g = plan.entropic_potentials
    return {
        "lam": float(plan.lam),
        "eps": float(plan.eps),
        "component_cost": plan.component_cost,
        "rho": np.asarray(plan.rho, dtype=np.float64),
        "primal": float(plan.primal),
        "dual": float(plan.dual),
        "source_weights": plan.source_weights,
        "target_weights": plan.target_weights,
        "entropic_f": f,
        "entropic_g": g,
    }


def stability_to_dict(plan: OMTPlan) -> dict[str, Any]:
    """How far to trust a smooth plan: the numbers that drive its bounds, and the report in words."""
    found = plan.stability()
    return {
        "second_singular_value": float(found.second_singular_value),
        "interaction": float(found.interaction),
        "margin": float(found.margin),
        "report": str(found),
    }


def plan_from_dict(stored: Mapping[str, Any]) -> Plan:
    """The plan that `plan_to_dict` wrote."""

    def array(name: str) -> np.ndarray:
        return np.asarray(stored[name], dtype=np.float64)

    common = (
        array("coupling"),
        float(stored["cost"]),
        float(stored["lower_bound"]),
        Status(str(stored["status"])),
        int(stored["iterations"]),
        float(stored["marginal_error"]),
        array("cost_matrix"),
        (array("f"), array("g")),
    )
    if str(stored["kind"]) != "omt":
        return Plan(*common, distance_name="MW2")  # of components: points are not stored
    source_rho, target_rho = array("rho").tolist()
    return OMTPlan(
        *common,
        lam=float(stored["lam"]),
        eps=float(stored["eps"]),
        component_cost=str(stored["component_cost"]),
        rho=(source_rho, target_rho),
        primal=float(stored["primal"]),
        dual=float(stored["dual"]),
        source_weights=array("source_weights"),
        target_weights=array("target_weights"),
        entropic_potentials=(array("entropic_f"), array("entropic_g")),
    )


def stored_under(uns: Mapping[str, Any], key: str, writer: str, field: str) -> Mapping[str, Any]:
    """What a function wrote under a key; an error says which keys it has written."""
    held = uns.get(key)
    if isinstance(held, Mapping) and field in held:
        return held
    others = [name for name, value in uns.items() if isinstance(value, Mapping) and field in value]
    raise InputError(
        f"uns[{key!r}] holds no result of mixot.anndata.{writer}; it has written: {', '.join(others) or 'nothing'}; "
        f"run mixot.anndata.{writer} first, or name its key_added"
    )


def planned_from(stored: Mapping[str, Any]) -> PopulationPlan:
    """Both populations and the plan between them."""
    source, target = fit_from_dict(stored["source"]), fit_from_dict(stored["target"])
    return PopulationPlan(source, target, plan_from_dict(stored["plan"]))


def words(values: Mapping[str, Any]) -> dict[str, Any]:
    """Options as a file can hold them: those that are None left out, objects as they would be written."""
    plain = str | int | float | bool | np.integer | np.floating
    return {
        name: value if isinstance(value, plain) else repr(value) for name, value in values.items() if value is not None
    }
