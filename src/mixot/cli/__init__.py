"""The command line: ``mixot fit | distance | plan | geodesic | barycenter | map | certify``, and what stands on these.

One command a file: it reads (`sources`), calls a verb and shows what it returns (`views`). Heavy packages are imported
inside the commands, so that ``mixot --help`` answers at once.
"""

from __future__ import annotations

import os
from typing import Annotated

import typer

from mixot import __version__
from mixot.cli import (
    barycenter,
    certify,
    components,
    distance,
    distances,
    fit,
    geodesic,
    joint,
    palette,
    plan,
    populations,
    quantize,
    recolor,
    shapes,
    texture,
)
from mixot.cli import map as move
from mixot.cli import test as tests
from mixot.cli.console import UNREAD, Command, Commands, ManyFiles, ManyNumbers, ManyPalettes, degrade_output

_EXAMPLES = """Examples:

[bold]mixot recolor photo.png --palette sunset.jpg -o out.png[/]

[bold]mixot palette sunset.jpg -o sunset.json[/]

[bold]mixot texture stones.png -o wall.png --size 1024x768[/]

[bold]mixot quantize photo.png -n 5000 -o stipple.svg[/]

[bold]mixot shapes a.png b.png c.png d.png --grid 5 -o grid.png[/]

[bold]mixot fit data.csv -o model.json --k-max 12[/]

[bold]mixot certify data.csv model.json[/]

[bold]mixot distance before.csv after.csv --json[/]

[bold]mixot distances a.json b.csv 'runs/*.json' -o matrix.csv --plot matrix.png[/]

[bold]mixot test before.csv after.csv --statistic energy[/]

[bold]mixot populations day0.fcs day7.fcs --scale asinh[/]

[bold]mixot plan points.csv photo.png -o cells.png[/]

[bold]mixot plan day0.h5ad day1.h5ad --label cell_type -o flows.png[/]

[bold]mixot geodesic a.json b.json --steps 6 -o path[/]

[bold]mixot barycenter a.csv b.csv c.csv --weights .2 .3 .5 -o mean.json[/]

Exit codes: 0 done, 1 bad input, 2 wrong usage, 3 not solved, 130 interrupted, 141 nobody reads on."""

app = typer.Typer(
    cls=Commands,
    help="Fit mixtures to tables and pictures, compare them, and move one onto another, with proofs.",
    epilog=_EXAMPLES,
    rich_markup_mode="rich",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line."""
    os.environ.setdefault("MPLBACKEND", "Agg")  # figures go to files, no window is opened
    degrade_output()
    try:
        app(prog_name="mixot")
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # typer's code for it is that of bad input
            raise SystemExit(UNREAD) from None
        raise


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


app.command("fit", cls=Command)(fit.fit)
app.command("distance", cls=Command)(distance.distance)
app.command("distances", cls=Command)(distances.distances)
app.command("plan", cls=Command)(plan.plan)
app.command("geodesic", cls=Command)(geodesic.geodesic)
app.command("barycenter", cls=ManyNumbers)(barycenter.barycenter)
app.command("joint", cls=Command)(joint.joint)
app.command("components", cls=Command)(components.components)
app.command("test", cls=Command)(tests.test)
app.command("populations", cls=ManyFiles)(populations.populations)
app.command("map", cls=Command)(move.move)
app.command("certify", cls=Command)(certify.certify)
app.command("recolor", cls=ManyPalettes)(recolor.recolor)
app.command("palette", cls=ManyNumbers)(palette.palette)
app.command("quantize", cls=Command)(quantize.quantize)
app.command("shapes", cls=ManyNumbers)(shapes.shapes)
app.command("texture", cls=Command)(texture.texture)
