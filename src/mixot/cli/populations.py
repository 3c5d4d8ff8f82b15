"""``mixot populations``: which components of a pooled fit grew or shrank between samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixot.cli.arguments import TABLES, Json, Options
from mixot.cli.console import emit, note, show_facts, show_table, working, written
from mixot.cli.fitting_options import with_options
from mixot.errors import InputError

if TYPE_CHECKING:
    from mixot.cli.sources import Source
    from mixot.incomplete import Incomplete
    from mixot.inference.population_shifts import PopulationShifts
    from mixot.measures import Samples

_FILES = f"Samples: tables ({TABLES}), events (.fcs) or cells (.h5ad); two, or those before, with --against."
_COLUMNS = ("component", "before", "after", "change", "p_value", "adjusted")


@with_options(without=("k_max", "family", "weights", "mask"))
def populations(
    files: Annotated[list[Path], typer.Argument(metavar="A [B]", help=_FILES, show_default=False)],
    against: Annotated[
        list[Path] | None,
        typer.Option(
            "--against", metavar="B ...", help="The samples after: all files that follow.", show_default=False
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The table of components (.csv ...).", show_default=False)
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option("--model", metavar="FILE", help="Follow the components of this model.", show_default=False),
    ] = None,
    save_to: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Save the pooled fit.", show_default=False)
    ] = None,
    draws: Annotated[int, typer.Option("--draws", min=19, help="Permutations that are drawn.")] = 1999,
    *,
    options: Options,
    json: Json = False,
) -> None:
    """Which populations grew or shrank: one fit to all samples, the weights of each, and p-values for all together.

    Two samples are held against permutations of their rows; groups of them (A1 A2 A3 --against B1 B2 B3) against
    permutations of samples, which also counts how much samples of one kind differ.
    """
    from mixot.inference.population_shifts import population_shifts
    from mixot.io import load, save

    first, second = _sides(files, against or [])
    _check(output, save_to)
    samples = _samples((*first, *second), options)
    before, after = samples[: len(first)], samples[len(first) :]
    held = {} if model is None else {"mixture": load(model)}
    with working("following populations", quiet=json) as progress:
        found = population_shifts(
            before,
            after,
            k=options.k,
            structure=options.structure,
            missing=options.missing,
            permutations=draws,
            rng=options.seed,
            progress=progress,
            **held,
        )
    for text in found.notes:
        note(text)
    if output is not None:
        _write(found, output)
    if save_to is not None:
        save(found.mixture, save_to)
    if json:
        emit(_document(found, first, second, {"output": output, "model": save_to}))
        return
    _tell(found, first, second)
    for path in (output, save_to):
        if path is not None:
            show_facts("", written(path))


def _samples(paths: Sequence[Path], options: Options) -> list[Samples | Incomplete]:
    """Rows of all files, their columns in one order."""
    from mixot.cli.sources import in_one_order, open_rows

    opened = [open_rows(path, options) for path in paths]
    _check_widths(opened)
    return [source.measure for source in in_one_order(opened)]


def _sides(files: list[Path], against: list[Path]) -> tuple[list[Path], list[Path]]:
    """The samples before and after."""
    if against:
        return files, against
    if len(files) != 2:
        raise InputError(
            f"two samples are compared, got {len(files)}; of more, say which come after: A1 A2 --against B1 B2"
        )
    return files[:1], files[1:]


def _check_widths(opened: list[Source]) -> None:
    first = opened[0]
    for source in opened:
        if source.measure.dim != (dim := first.measure.dim):
            raise InputError(
                f"{source.path}: all samples must have as many columns, got {source.measure.dim}, and {dim} in "
                f"{first.path}; choose those to use with --columns"
            )


def _check(output: Path | None, save_to: Path | None) -> None:
    """Whether there is a place for what is written."""
    from mixot.io import check_target
    from mixot.io.models import SUFFIXES
    from mixot.io.tables import SUFFIXES as TABLE

    if output is not None:
        check_target(output, TABLE)
    if save_to is not None:
        check_target(save_to, SUFFIXES)


def _write(found: PopulationShifts, output: Path) -> None:
    from mixot.io import write_table

    parts = [list(range(len(found.mixture))), found.before, found.after, found.change, found.p_values, found.adjusted]
    write_table(output, parts, _COLUMNS)


def _tell(found: PopulationShifts, first: list[Path], second: list[Path]) -> None:
    """What people are told, the surest change first."""
    means = found.mixture.components.mean()
    names = found.mixture.columns or tuple(f"x{j + 1}" for j in range(found.mixture.dim))
    shown = names[:8]
    order = sorted(range(len(found.mixture)), key=lambda j: (found.adjusted[j], -abs(found.change[j])))
    rows = [
        (
            str(j),
            f"{found.before[j]:.4f}",
            f"{found.after[j]:.4f}",
            f"{found.change[j]:+.4f}",
            f"{found.p_values[j]:.4g}",
            f"{found.adjusted[j]:.4g}",
            *means[j, : len(shown)].tolist(),
        )
        for j in order
    ]
    n, m = found.sizes
    show_table(f"{_listed(first)} -> {_listed(second)}", (*_COLUMNS, *(f"mean {name}" for name in shown)), rows)
    told = [str(j) for j in found.changed().tolist()]
    facts: dict[str, object] = {
        "permuted": f"{n} and {m} {found.unit}, {found.permutations} times",
        "changed": f"{', '.join(told) or 'none'}, at 0.05 for all components together",
    }
    show_facts("", facts)


def _listed(paths: list[Path]) -> str:
    return ", ".join(map(str, paths[:4])) + (f" and {len(paths) - 4} more" if len(paths) > 4 else "")


def _document(
    found: PopulationShifts, first: list[Path], second: list[Path], files: dict[str, Path | None]
) -> dict[str, Any]:
    """What machines are told."""
    from mixot.cli.fit_facts import describe

    columns = (found.before, found.after, found.change, found.p_values, found.adjusted)
    each = zip(range(len(found.mixture)), *(column.tolist() for column in columns), strict=True)
    return {
        "command": "populations",
        "before": list(map(str, first)),
        "after": list(map(str, second)),
        **describe(found.mixture),
        "components": [dict(zip(_COLUMNS, row, strict=True)) for row in each],
        "changed": found.changed().tolist(),
        "weights": found.weights.tolist(),
        "unit": found.unit,
        "sizes": list(found.sizes),
        "permutations": found.permutations,
        "least": found.least,
        **{name: str(path) for name, path in files.items() if path is not None},
    }
