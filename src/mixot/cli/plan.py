"""``mixot plan``: what goes where, between mixtures, points, densities, or types of cells."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixot.cli.arguments import FIGURES, Bright, Eps, Exact, Groups, Json, Lam, Options, Rho, SourceFile, smooth_solver
from mixot.cli.fitting_options import with_options

if TYPE_CHECKING:
    from mixot.cli.views.plans import View

_TEXT_TABLES = (".csv", ".tsv", ".txt", ".parquet")  # those that can hold the names of cell types


@with_options(cells=True)
def plan(
    a: SourceFile,
    b: Annotated[Path | None, typer.Argument(metavar="B", help="The same, where it goes; see --groupby.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A table (.csv ...) or a figure (.png .svg .pdf).")
    ] = None,
    exact: Exact = False,
    bright: Bright = False,
    groupby: Annotated[
        str | None, typer.Option("--groupby", metavar="COLUMN", help="Of one .h5ad: column of obs that splits it.")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", metavar="GROUP", help="With --groupby: what moves.")] = None,
    target: Annotated[str | None, typer.Option("--target", metavar="GROUP", help="With --groupby: where to.")] = None,
    growth: Annotated[bool, typer.Option("--growth", help="With --label: types may grow and shrink.")] = False,
    lam: Lam = None,
    eps: Eps = None,
    rho: Rho = None,
    *,
    options: Options,
    json: Json = False,
) -> None:
    """Which component of A goes to which of B: mass and squared distance of each pair.

    With --exact, or where a table of two columns meets a picture: the cell of each point, its mass and center.
    Of cells (.h5ad) with --label, which type goes to which; with --groupby both populations stand in A.
    With --lam, --eps or --rho the plan is smooth (OMT), and the report says how stable it is; "--lam auto" is a start.
    """
    from mixot.cli.sources import open_sides
    from mixot.cli.views.plans import show, view_of
    from mixot.io import check_target
    from mixot.io.tables import SUFFIXES
    from mixot.verbs import plan

    if output is not None:
        check_target(output, (*SUFFIXES, *FIGURES))
    solver = smooth_solver(lam, eps, rho, exact=exact, growth=growth)
    if options.label is not None or groupby is not None:
        show(_flows(a, b, Groups(groupby, source, target, growth, solver), options, output), output, json)
        return
    if b is None:
        raise typer.BadParameter("missing; with one .h5ad file, name --groupby", param_hint="B")
    p, q = open_sides(a, b, options, fitted=solver is not None, exact=exact, bright=bright)
    show(view_of(p, q, plan(p.measure, q.measure, solver=solver)), output, json)


def _flows(a: Path, b: Path | None, groups: Groups, options: Options, output: Path | None) -> View:
    """The plan between the types of cells."""
    from mixot.extras import require
    from mixot.io import check_target

    if output is not None:
        check_target(output, (*_TEXT_TABLES, *FIGURES))
    require("anndata", "anndata", "reading .h5ad files")
    from mixot.cli.cell_types import join
    from mixot.cli.views.flows import FlowView

    return FlowView(join(a, b, groups, options))
