"""``mixot fit``: a mixture of a table, of the colors of a picture, or of cells."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixot.cli.arguments import (
    Columns,
    Components,
    Json,
    Label,
    MostComponents,
    Rep,
    Seed,
    Shape,
    Structure,
    fit_options,
)
from mixot.cli.console import emit, show_facts, show_table

if TYPE_CHECKING:
    from mixot.cli.sources import Source
    from mixot.results import Fit


class Method(StrEnum):
    """How a mixture is found."""

    em = "em"
    moments = "moments"
    wasserstein = "wasserstein"


class Closeness(StrEnum):
    """What a fit to moments minimises."""

    w2 = "w2"
    tv = "tv"


def fit(
    data: Annotated[Path, typer.Argument(help="A table, a picture, or cells (.h5ad).", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The model: .json or .npz.", show_default=False)
    ] = None,
    k: Components = None,
    k_max: MostComponents = None,
    structure: Shape = Structure.full,
    method: Annotated[
        Method, typer.Option("--method", help="EM, relaxations of moments, with a bound, or least W2.")
    ] = Method.em,
    distance: Annotated[
        Closeness | None, typer.Option("--distance", help="With moments: what is minimised; tv if not given.")
    ] = None,
    order: Annotated[int | None, typer.Option("--order", min=1, help="With moments: order of the relaxation.")] = None,
    rep: Rep = None,
    label: Label = None,
    seed: Seed = 0,
    columns: Columns = None,
    json: Json = False,
) -> None:
    """Fit a mixture to a table or to the colors of a picture, show it, and save it."""
    from mixot.cli.sources import describe_fit, open_source
    from mixot.errors import InputError
    from mixot.io import check_target, kind_of, models, save

    if output is not None:
        check_target(output, models.SUFFIXES)
    elif method is Method.em:  # fits to moments and of least W2 are worth their bounds, too
        raise typer.BadParameter("a model has to go somewhere: -o model.json", param_hint="-o")
    if kind_of(data) == "model":
        raise InputError(f"{data}: already a model; pass the table or the picture to fit")
    for name, value in (("--order", order), ("--distance", distance)):
        if method is not Method.moments and value is not None:
            raise InputError(f"{name} is an option of --method moments; leave it out, or add that")
    options = fit_options(k, k_max, structure, seed, columns, json, rep, label)
    closeness = Closeness.tv if distance is None else distance
    source = open_source(data, replace(options, method=method.value, distance=closeness.value, order=order))
    if output is not None:
        save(source.mixture, output)
    if json:
        emit({"command": "fit", **source.summary(), **({} if output is None else {"output": str(output)})})
        return
    assert source.fitted is not None
    facts = describe_fit(source.fitted)
    tried = {c.k: f"{c.criterion:.4f}" for c in source.fitted.candidates}
    _show_components(source)
    show_facts(
        source.line(),
        {
            "status": f"{facts['status']} after {facts['iterations']} iterations",
            "log-likelihood": f"{facts['log_likelihood']:.6g} nats per row",
            "criterion": f"{facts['criterion']:.6g} per row (lower is better)",
            **({"tried": "  ".join(f"k={k}: {value}" for k, value in tried.items())} if len(tried) > 1 else {}),
            **_proof(source.fitted),
            **({} if output is None else {"model": output}),
        },
    )


def _proof(fitted: Fit) -> dict[str, object]:
    """What a fit to moments, or of least W2, proves, for people."""
    from mixot.results import Fit, MomentFit

    if type(fitted) is Fit:
        return {}
    if not isinstance(fitted, MomentFit):
        from mixot.fitting.wasserstein.minimum_wasserstein import WassersteinFit

        assert isinstance(fitted, WassersteinFit)
        return {
            "W2": f"{fitted.distance:.6g} (where it started: {fitted.start_distance:.6g})",
            "W2 at least": f"{fitted.lower_bound:.6g} (proven, for this mixture and all the data)",
            "W2 at most": f"{fitted.upper_bound:.6g} (proven)",
        }
    name = "W2" if fitted.distance_name == "w2" else "total variation"
    levels = "  ".join(f"order {level.order}: {level.lower_bound:.4g}" for level in fitted.hierarchy)
    squared = " (squared)" if fitted.distance_name == "w2" else ""
    return {
        f"{name} at least": f"{fitted.lower_bound:.6g} (proven, for every mixture of the family)",
        f"bounds{squared}": levels,
        "flat": f"{'yes' if fitted.flat else 'no'}, ranks {' and '.join(map(str, fitted.ranks))}, order {fitted.order}",
    }


def _show_components(source: Source) -> None:
    import numpy as np

    mixture, shown = source.mixture, source.columns[:5]
    means = mixture.components.mean()
    spreads = np.sqrt(np.einsum("kii->ki", mixture.components.cov()))
    rows = [
        (
            *source.names[i : i + 1],
            f"{weight:.4f}",
            *(f"{means[i, j]:.4g} ± {spreads[i, j]:.2g}" for j in range(len(shown))),
        )
        for i, weight in enumerate(mixture.weights)
    ]
    more = len(source.columns) - len(shown)
    title = "components: mean ± standard deviation" + (f" of the first {len(shown)} columns" if more else "")
    show_table(title, [*(["label"] if source.names else []), "weight", *shown], rows)
