"""The command line: ``mixot fit | distance | plan | geodesic | barycenter | map``, and what stands on these.

Heavy packages are imported inside the commands, so that ``mixot --help`` answers at once.
"""

from __future__ import annotations

import os
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixot import __version__
from mixot.cli import averages, cells, choices, drawings
from mixot.cli import exact as as_they_are
from mixot.cli.arguments import (
    Bright,
    Columns,
    Components,
    Exact,
    Json,
    Kind,
    Label,
    MostComponents,
    Rep,
    Seed,
    Shape,
    SourceFile,
    Structure,
    TargetFile,
    fit_options,
)
from mixot.cli.console import Commands, ManyNumbers, emit, show_facts, show_table, working

if TYPE_CHECKING:
    from mixot.cli.sources import Source
    from mixot.results import Fit, Plan

_EXAMPLES = """Examples:

[bold]mixot recolor photo.png --palette sunset.jpg -o out.png[/]

[bold]mixot quantize photo.png -n 5000 -o stipple.svg[/]

[bold]mixot fit data.csv -o model.json --k-max 12[/]

[bold]mixot distance before.csv after.csv --json[/]

[bold]mixot plan points.csv photo.png -o cells.png[/]

[bold]mixot plan day0.h5ad day1.h5ad --label cell_type -o flows.png[/]

[bold]mixot geodesic a.json b.json --steps 6 -o path[/]

[bold]mixot barycenter a.csv b.csv c.csv --weights .2 .3 .5 -o mean.json[/]

Exit codes: 0 done, 1 bad input, 2 wrong usage, 3 not solved, 130 interrupted."""

app = typer.Typer(
    cls=Commands,
    help="Fit mixtures to tables and pictures, compare them, and move one onto another, with proofs.",
    epilog=_EXAMPLES,
    rich_markup_mode="rich",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Method(StrEnum):
    """How a mixture is found."""

    em = "em"
    moments = "moments"
    wasserstein = "wasserstein"


class Closeness(StrEnum):
    """What a fit to moments minimises."""

    w2 = "w2"
    tv = "tv"


class Space(StrEnum):
    """Where colors are compared."""

    rgb = "rgb"
    lab = "lab"


def main() -> None:
    """Run the command line."""
    # POT imports torch, jax, tensorflow and cupy where it finds them, which takes seconds; a command needs none.
    for backend in ("PYTORCH", "JAX", "CUPY", "TENSORFLOW"):
        os.environ.setdefault(f"POT_BACKEND_DISABLE_{backend}", "1")
    os.environ.setdefault("MPLBACKEND", "Agg")  # figures go to files, no window is opened
    app(prog_name="mixot")


def _print_version(asked: bool) -> bool:
    if asked:
        typer.echo(f"mixot {__version__}")
        raise typer.Exit
    return asked


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command("fit")
def fit_command(
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
        from mixot.fitting.wasserstein import WassersteinFit

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


@app.command()
def distance(
    a: SourceFile,
    b: TargetFile,
    k: Components = None,
    k_max: MostComponents = None,
    structure: Shape = Structure.full,
    exact: Exact = False,
    bright: Bright = False,
    seed: Seed = 0,
    columns: Columns = None,
    json: Json = False,
) -> None:
    """Distance MW2 between A and B, and an interval that is proven to hold W2 between their mixtures.

    With --exact, or where a table of two columns meets a picture: W2 itself from the points to the other side.
    """
    from mixot import verbs
    from mixot.cli.sources import open_pair

    options = fit_options(k, k_max, structure, seed, columns, json)
    pair = as_they_are.open_pair(a, b, options, exact=exact, bright=bright)
    if pair is not None:
        as_they_are.distance(pair, json)
        return
    p, q = open_pair(a, b, options)
    plan = verbs.plan(p.mixture, q.mixture)
    interval = verbs.bounds(p.mixture, q.mixture)
    if json:
        sides = {"lower": interval.lower, "upper": interval.upper}
        names = {"lower_by": interval.lower_by, "upper_by": interval.upper_by}
        emit(
            {"command": "distance", "distance": plan.distance, "w2": sides | names, **_plan_facts(plan), **_pair(p, q)}
        )
        return
    show_facts(
        f"{p.line()}\n{q.line()}",
        {
            "MW2": plan.distance,
            "W2 at least": f"{interval.lower:.10g} (proven by: {interval.lower_by})",
            "W2 at most": f"{interval.upper:.10g} (proven by: {interval.upper_by})",
            "plan": f"{plan.status}, gap {plan.gap:.2g} in the squared distance",
        },
    )


@app.command()
def plan(
    a: SourceFile,
    b: Annotated[Path | None, typer.Argument(metavar="B", help="The same, where it goes; see --groupby.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A table (.csv ...) or a figure (.png .svg .pdf).")
    ] = None,
    k: Components = None,
    k_max: MostComponents = None,
    structure: Shape = Structure.full,
    exact: Exact = False,
    bright: Bright = False,
    rep: Rep = None,
    label: Label = None,
    groupby: Annotated[
        str | None, typer.Option("--groupby", metavar="COLUMN", help="Of one .h5ad: column of obs that splits it.")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", metavar="GROUP", help="With --groupby: what moves.")] = None,
    target: Annotated[str | None, typer.Option("--target", metavar="GROUP", help="With --groupby: where to.")] = None,
    growth: Annotated[bool, typer.Option("--growth", help="With --label: types may grow and shrink.")] = False,
    seed: Seed = 0,
    columns: Columns = None,
    json: Json = False,
) -> None:
    """Which component of A goes to which of B: mass and squared distance of each pair.

    With --exact, or where a table of two columns meets a picture: the cell of each point, its mass and center.
    Of cells (.h5ad) with --label, which type goes to which; with --groupby both populations stand in A.
    """
    import numpy as np

    from mixot import io, verbs
    from mixot.cli.sources import open_pair
    from mixot.io import tables

    figure = output is not None and output.suffix.lower() in _FIGURES
    if output is not None:
        io.check_target(output, (*tables.SUFFIXES, *_FIGURES))
    options = fit_options(k, k_max, structure, seed, columns, json, rep, label)
    if label is not None or groupby is not None:
        cells.plan(a, b, cells.Groups(groupby, source, target, growth), options, output)
        return
    if b is None:
        raise typer.BadParameter("missing; with one .h5ad file, name --groupby", param_hint="B")
    pair = as_they_are.open_pair(a, b, options, exact=exact, bright=bright)
    if pair is not None:
        as_they_are.plan(pair, output, json)
        return
    p, q = open_pair(a, b, options)
    found = verbs.plan(p.mixture, q.mixture)
    rows, cols = np.nonzero(found.coupling)
    parts = [rows, cols, found.coupling[rows, cols], found.cost_matrix[rows, cols]]
    names = ["source", "target", "mass", "cost"]
    if output is not None and not figure:
        io.write_table(output, parts, names)
    if output is not None and figure:
        from mixot import plot

        plot.save(plot.plan_heatmap(found), output, close=True)
    entries = list(zip(*(part.tolist() for part in parts), strict=True))
    if json:
        listed = [dict(zip(names, entry, strict=True)) for entry in entries]
        emit({"command": "plan", "distance": found.distance, "plan": listed, **_plan_facts(found), **_pair(p, q)})
        return
    show_table(f"{p.line()}\n{q.line()}", names, [(str(i), str(j), mass, cost) for i, j, mass, cost in entries])
    show_facts("", {"MW2": found.distance, "status": f"{found.status}, gap {found.gap:.2g}", **_written(output)})


@app.command()
def geodesic(
    a: SourceFile,
    b: TargetFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the models.", show_default=False)],
    steps: Annotated[int, typer.Option("--steps", min=2, help="Points on the path, both ends included.")] = 6,
    k: Components = None,
    k_max: MostComponents = None,
    structure: Shape = Structure.full,
    seed: Seed = 0,
    columns: Columns = None,
    json: Json = False,
) -> None:
    """Mixtures on the way from A to B: a model file for each, and a figure of their densities."""
    from importlib.util import find_spec

    import numpy as np

    from mixot import io, verbs
    from mixot.cli.sources import open_pair

    folder = io.check_folder(output)
    p, q = open_pair(a, b, fit_options(k, k_max, structure, seed, columns, json))
    path = verbs.geodesic(p.mixture, q.mixture)
    times = np.linspace(0.0, 1.0, steps)
    files = [folder / f"step-{i:0{len(str(steps - 1))}d}.json" for i in range(steps)]
    for t, file in zip(times, files, strict=True):
        io.save(path(float(t)), file)
    figure = folder / "geodesic.png" if find_spec("matplotlib") else None
    if figure is not None:
        from mixot import plot

        names = p.columns if p.kind != "model" else q.columns
        plot.save(plot.geodesic_panels(path, times, names=names), figure, close=True)
    if json:
        listed = [{"t": float(t), "model": str(file)} for t, file in zip(times, files, strict=True)]
        drawn = None if figure is None else str(figure)
        emit({"command": "geodesic", "distance": path.plan.distance, "steps": listed, "figure": drawn, **_pair(p, q)})
        return
    facts: dict[str, Any] = {f"t = {t:.3g}": file for t, file in zip(times, files, strict=True)}
    drawn = 'none: pip install "mixot[plot]"' if figure is None else figure
    show_facts(f"{p.line()}\n{q.line()}", {**facts, "figure": drawn, "MW2": path.plan.distance})


app.command("barycenter", cls=ManyNumbers)(averages.barycenter)
app.command("joint")(averages.joint)
app.command("components")(choices.components)


@app.command("map")
def map_command(
    a: SourceFile,
    b: TargetFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="Table of the moved points.", show_default=False)],
    points: Annotated[Path | None, typer.Option("--points", help="Move these points instead of those of A.")] = None,
    kind: Annotated[Kind, typer.Option("--kind", help="The mean map, or the random one.")] = Kind.mean,
    k: Components = None,
    k_max: MostComponents = None,
    structure: Shape = Structure.full,
    exact: Exact = False,
    bright: Bright = False,
    seed: Seed = 0,
    columns: Columns = None,
    json: Json = False,
) -> None:
    """Move the points of A onto B, and write them as a table.

    With --exact, or where a table of two columns meets a picture: to the centers of their cells.
    """
    from mixot import io, verbs
    from mixot.cli.sources import open_pair, read_points
    from mixot.errors import InputError
    from mixot.io import tables

    io.check_target(output, tables.SUFFIXES)
    options = fit_options(k, k_max, structure, seed, columns, json)
    pair = as_they_are.open_pair(a, b, options, exact=exact, bright=bright)
    if pair is not None:
        if kind is Kind.random:
            raise InputError("--kind random is for fits; between points and a density there is one map")
        as_they_are.move(pair, output, points, options)
        return
    table = read_points(points or a, options.columns)  # before the fits: it may be what is wrong
    p, q = open_pair(a, b, options)
    found = verbs.transport_map(p.mixture, q.mixture, kind=kind.value)
    moved = found.sample(table.values, rng=seed) if kind is Kind.random else found(table.values)
    io.write_table(output, moved, table.columns)
    if json:
        facts = {"command": "map", "kind": kind.value, "rows": len(moved), "output": str(output)}
        emit({**facts, "distance": found.plan.distance, **_pair(p, q)})
        return
    facts = {"moved": f"{len(moved):,} points by the {kind.value} map", "MW2": found.plan.distance}
    show_facts(f"{p.line()}\n{q.line()}", facts | _written(output))


@app.command()
def recolor(
    photo: Annotated[Path, typer.Argument(help="The picture to recolor.", show_default=False)],
    palette: Annotated[
        Path, typer.Option("--palette", help="A picture with the colors, or a model fitted to one.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The recolored picture.", show_default=False)],
    k: Annotated[int, typer.Option("-k", "--components", min=1, help="Components of each palette.")] = 10,
    kind: Annotated[Kind, typer.Option("--kind", help="The mean map, or the random one (noisier).")] = Kind.mean,
    space: Annotated[Space, typer.Option("--space", help="rgb, or lab: as the eye compares colors.")] = Space.rgb,
    smooth: Annotated[
        float | None, typer.Option("--smooth", min=0, help="Remove grain in windows of this radius, in pixels.")
    ] = None,
    structure: Shape = Structure.full,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Give a picture the colors of another one."""
    import numpy as np

    from mixot import io
    from mixot.imaging.color import Palette, transfer
    from mixot.io.pictures import check_picture_target

    check_picture_target(output)
    picture = io.read_picture(photo)
    check_picture_target(output, has_alpha=picture.has_alpha)
    rng = np.random.default_rng(seed)
    shared: dict[str, Any] = {"k": k, "space": space.value, "structure": structure.value, "rng": rng}
    with working("fitting the palette", quiet=json) as progress:
        if io.kind_of(palette) == "model":
            colors = Palette(io.load(palette), "rgb")
        else:
            colors = Palette.of(io.read_picture(palette).pixels, **shared, progress=progress)
    with working(f"recoloring {photo.name}", quiet=json) as progress:
        result = transfer(picture.pixels, colors, kind=kind.value, smooth=smooth, progress=progress, **shared)
    io.write_picture(output, io.Picture(result, picture.icc))
    height, width = result.shape[:2]
    if json:
        facts = {"photo": str(photo), "palette": str(palette), "output": str(output), "width": width, "height": height}
        emit({"command": "recolor", **facts, "kind": kind.value, "space": space.value, "k": k, "smooth": smooth})
        return
    bits = {np.dtype(np.uint8): "8 bits", np.dtype(np.uint16): "16 bits"}.get(result.dtype, "floats")
    show_facts(f"{photo} in the colors of {palette}", {"picture": f"{width} x {height}, {bits}", **_written(output)})


app.command("quantize")(drawings.quantize)

_FIGURES = (".png", ".svg", ".pdf")


def _pair(p: Source, q: Source) -> dict[str, Any]:
    return {"source": p.summary(), "target": q.summary()}


def _plan_facts(plan: Plan) -> dict[str, Any]:
    return {"cost": plan.cost, "lower_bound": plan.lower_bound, "gap": plan.gap, "status": str(plan.status)}


def _written(output: Path | None) -> dict[str, Any]:
    return {} if output is None else {"written": output}


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
