"""Arguments that several commands share, and what they come to."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mixot.cli.sources import Options


class Structure(StrEnum):
    """Shape of the covariances."""

    full = "full"
    diagonal = "diagonal"
    spherical = "spherical"
    tied = "tied"


class Kind(StrEnum):
    """Which map: its mean, or the random one."""

    mean = "mean"
    random = "random"


READABLE = "A model (.json, .npz), table (.csv .tsv .parquet .npy .npz), picture (.png .jpg .tif ...) or cells (.h5ad)."
SourceFile = Annotated[Path, typer.Argument(metavar="A", help=READABLE, show_default=False)]
TargetFile = Annotated[Path, typer.Argument(metavar="B", help="The same, where it goes.", show_default=False)]
Components = Annotated[
    int | None, typer.Option("-k", "--components", min=1, help="Components to fit; by BIC if not given.")
]
MostComponents = Annotated[
    int | None, typer.Option("--k-max", min=1, help="Most components to try when -k is not given.")
]
Shape = Annotated[Structure, typer.Option("--structure", help="Shape of the covariances.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
Columns = Annotated[str | None, typer.Option("--columns", metavar="A,B,...", help="Columns of a table to use.")]
Exact = Annotated[bool, typer.Option("--exact", help="Fit nothing: tables are points, pictures densities; W2 itself.")]
Bright = Annotated[bool, typer.Option("--bright", help="Of a picture as a density: its light, not its darkness.")]
Rep = Annotated[
    str | None, typer.Option("--rep", metavar="KEY", help="Of .h5ad: representation in obsm; X_pca if not given.")
]
Label = Annotated[
    str | None, typer.Option("--label", metavar="COLUMN", help="Of .h5ad: column of obs with the types of the cells.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def fit_options(
    k: int | None,
    k_max: int | None,
    structure: Structure,
    seed: int,
    columns: str | None,
    quiet: bool,
    rep: str | None = None,
    label: str | None = None,
) -> Options:
    """How the inputs of a command are read and fitted."""
    from mixot.cli.sources import Options

    names = None if columns is None else tuple(name.strip() for name in columns.split(","))
    return Options(k, k_max, structure.value, seed, names, quiet, rep=rep, label=label)
