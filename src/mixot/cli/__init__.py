"""The command line: ``mixot fit | distance | plan | geodesic | barycenter | map``, and what stands on these.

Heavy packages are imported inside the commands, so that ``mixot --help`` answers at once.
"""

from __future__ import annotations

import os
from typing import Annotated

import typer

from mixot import __version__
from mixot.cli import averages, choices, drawings, fits, moves, plans
from mixot.cli.console import Commands, ManyNumbers

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


app.command("fit")(fits.fit)
app.command("distance")(plans.distance)
app.command("plan")(plans.plan)
app.command("geodesic")(moves.geodesic)
app.command("barycenter", cls=ManyNumbers)(averages.barycenter)
app.command("joint")(averages.joint)
app.command("components")(choices.components)
app.command("map")(moves.move)
app.command("recolor")(drawings.recolor)
app.command("quantize")(drawings.quantize)
