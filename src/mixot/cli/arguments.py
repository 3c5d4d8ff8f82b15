"""Arguments that several commands share, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixot.cli.completion import column, columns, families
from mixot.errors import InputError

if TYPE_CHECKING:
    from mixot.solvers.entropic.omt import OMT


class Structure(StrEnum):
    """Shape of the covariances: in words, by volume, shape and orientation, or what a criterion chooses."""

    full = "full"
    diagonal = "diagonal"
    spherical = "spherical"
    tied = "tied"
    EII = "EII"
    VII = "VII"
    EEI = "EEI"
    VEI = "VEI"
    EVI = "EVI"
    VVI = "VVI"
    EEE = "EEE"
    VEE = "VEE"
    EVE = "EVE"
    VVE = "VVE"
    EEV = "EEV"
    VEV = "VEV"
    EVV = "EVV"
    VVV = "VVV"
    auto = "auto"


class TakenOn(StrEnum):
    """The scale on which columns of a table are taken."""

    linear = "linear"
    asinh = "asinh"
    logicle = "logicle"


class Missing(StrEnum):
    """What empty cells, NA and their like are: a mistake, or values that are missing."""

    error = "error"
    ignore = "ignore"


class Kind(StrEnum):
    """Which map: its mean, or the random one."""

    mean = "mean"
    random = "random"


FITTING, READING = "Options of fits", "Options of reading"  # panels of help
FIGURES = (".png", ".svg", ".pdf")
TABLES = ".csv .parquet .npy .xlsx::SHEET .db::TABLE .jsonl ..., also .gz .zip, a folder, or a pattern in quotes"
READABLE = f"A model (.json, .npz), table ({TABLES}), picture (.png .jpg .tif ...) or cells (.h5ad)."
SourceFile = Annotated[Path, typer.Argument(metavar="A", help=READABLE, show_default=False)]
TargetFile = Annotated[Path, typer.Argument(metavar="B", help="The same, where it goes.", show_default=False)]
PointsFile = Annotated[Path, typer.Argument(metavar="A", help="A table or a picture.", show_default=False)]
Components = Annotated[
    int | None,
    typer.Option("-k", "--components", min=1, help="Components to fit; by BIC if not given.", rich_help_panel=FITTING),
]
MostComponents = Annotated[
    int | None,
    typer.Option("--k-max", min=1, help="Most components to try when -k is not given.", rich_help_panel=FITTING),
]
Shape = Annotated[
    Structure,
    typer.Option(
        "--structure",
        case_sensitive=False,
        metavar="full|diagonal|spherical|tied|EII..VVV|auto",
        help="Shape of the covariances; EII to VVV: volume, shape, orientation; auto chooses.",
        rich_help_panel=FITTING,
    ),
]
FamilyName = Annotated[
    str,
    typer.Option(
        "--family",
        metavar="NAME",
        help='Law of a component: gaussian, poisson, "binomial(10)", "gamma,poisson", ...',
        autocompletion=families,
        rich_help_panel=FITTING,
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
Columns = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="A,B,...",
        help="Columns of a table to use.",
        autocompletion=columns,
        rich_help_panel=READING,
    ),
]
Counts = Annotated[
    str | None,
    typer.Option(
        "--counts",
        metavar="COLUMN",
        help="Column that says how often each row was seen.",
        autocompletion=column,
        rich_help_panel=READING,
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        "--weights",
        metavar="COLUMN",
        help="Column that says how much each row matters.",
        autocompletion=column,
        rich_help_panel=READING,
    ),
]
Exact = Annotated[bool, typer.Option("--exact", help="Fit nothing: tables are points, pictures densities; W2 itself.")]
Bright = Annotated[bool, typer.Option("--bright", help="Of a picture as a density: its light, not its darkness.")]
Mask = Annotated[
    list[Path] | None,
    typer.Option(
        "--mask",
        metavar="PICTURE",
        help="Of pictures: white counts, black does not, grey partly; one for all, or one for each.",
        show_default=False,
        rich_help_panel=READING,
    ),
]
Rep = Annotated[
    str | None,
    typer.Option(
        "--rep",
        metavar="KEY",
        help="Of .h5ad: representation in obsm; X_pca if not given.",
        rich_help_panel=READING,
    ),
]
Label = Annotated[
    str | None,
    typer.Option(
        "--label",
        metavar="COLUMN",
        help="Of .h5ad: column of obs with the types of the cells.",
        rich_help_panel=READING,
    ),
]
Lam = Annotated[
    str | None,
    typer.Option("--lam", metavar="NUMBER|auto", help="Smooth plan (OMT): entropy of the plan, in squared units."),
]
Eps = Annotated[float | None, typer.Option("--eps", min=0, help="Smooth plan: entropy inside pairs, squared units.")]
Rho = Annotated[
    str | None,
    typer.Option("--rho", metavar="NUMBER[,NUMBER]", help="Smooth plan: cost of making or losing mass, at A, at B."),
]
OfMissing = Annotated[
    Missing,
    typer.Option(
        "--missing", help="Empty cells, NA, NaN: an error, or ignored, to fit what is there.", rich_help_panel=READING
    ),
]
OnScale = Annotated[
    TakenOn,
    typer.Option(
        "--scale",
        help="Of .fcs, and tables: what is taken of columns but FSC..., SSC..., Time.",
        rich_help_panel=READING,
    ),
]
Cofactor = Annotated[
    float | None,
    typer.Option(
        "--cofactor", help="With --scale asinh: asinh(x / cofactor); 150 if not given.", rich_help_panel=READING
    ),
]
Compensate = Annotated[
    bool,
    typer.Option("--compensate", help="Of .fcs: apply the spillover matrix in the file.", rich_help_panel=READING),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


@dataclass(frozen=True)
class Options:
    """How tables, pictures and cells are read and fitted."""

    k: int | None = None
    k_max: int | None = None
    structure: str = "full"
    seed: int = 0
    columns: tuple[str, ...] | None = None
    quiet: bool = False
    rep: str | None = None  # of annotated data: the representation, and the column with the types of the cells
    label: str | None = None
    method: str = "em"
    family: str = "gaussian"
    moments: Mapping[str, Any] = field(default_factory=dict)  # options of a fit to moments
    counts: str | None = None  # column of a table: how often each row was seen, or how much it matters
    weights: str | None = None
    scale: Any = "linear"  # a `mixot.io.scales.Scale`, of the columns of a table
    compensate: bool = False
    prior: str | None = None  # of a fit by EM: on its components, and the mixture or the means it starts from
    start: Any = None
    df: str | None = None  # of Student laws: one for all components, or each its own
    background: bool = False  # of a fit by EM: whether rows may belong to no component
    missing: str = "error"  # of a table: what empty cells, NA and their like are
    mask: Sequence[Path] | None = None  # of pictures: where they count, one for all, or one for each

    def __post_init__(self) -> None:
        if self.k is not None and self.k_max is not None:
            raise InputError("-k fixes the number of components and --k-max chooses it; give one of the two")


@dataclass(frozen=True)
class Groups:
    """How one file of cells is split, whether the groups grow and shrink, and by which solver they are joined."""

    groupby: str | None
    source: str | None
    target: str | None
    growth: bool = False
    solver: OMT | None = None


def smooth_solver(
    lam: str | None, eps: float | None, rho: str | None, *, exact: bool = False, growth: bool = False
) -> OMT | None:
    """Optimal mixture transport where any of its options is given; ``auto`` is the default lam."""
    if lam is None and eps is None and rho is None:
        return None
    from mixot.solvers.entropic.omt import OMT

    if exact:
        raise InputError("--exact fits nothing, and smooth plans join fitted components; leave out one of the two")
    if growth:
        raise InputError("--growth chooses the solver; with --lam, --eps or --rho say it there: --rho NUMBER,inf")

    sides = None if rho is None else tuple(_number(part, "--rho") for part in rho.split(","))
    if sides is not None and len(sides) > 2:
        raise typer.BadParameter(f"one number or two, for A and for B, got {rho!r}", param_hint="--rho")
    strength = None if lam is None or lam == "auto" else _number(lam, "--lam")
    return OMT(lam=strength, eps=eps or 0.0, rho=sides[0] if sides and len(sides) == 1 else sides)


def _number(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"expected a number, got {text!r}", param_hint=option) from None
