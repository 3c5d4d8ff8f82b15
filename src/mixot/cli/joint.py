"""``mixot joint``: two mixtures fitted together, so that they are likely and close."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixot.cli.arguments import Json, Options, PointsFile, TargetFile
from mixot.cli.console import emit, note, show_facts, working
from mixot.cli.fitting_options import with_options
from mixot.errors import AccuracyWarning

if TYPE_CHECKING:
    from mixot.fitting.joint.joint_em import JointFit


@with_options(without=("k_max", "missing"))
def joint(
    a: PointsFile,
    b: TargetFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for both models.", show_default=False)],
    lam: Annotated[
        float, typer.Option("--lam", help="Weight of the likelihoods, a squared distance.", show_default=False)
    ],
    *,
    options: Options,
    json: Json = False,
) -> None:
    """Fit mixtures to A and B together: each likely, and both close, the closer the smaller --lam is."""
    from mixot.cli.sources import open_points
    from mixot.fitting.joint.joint_em import fit_pair
    from mixot.io import check_folder, save

    folder = check_folder(output)
    p, q = open_points(a, b, options)
    with working("fitting both", quiet=json) as progress, warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)  # the notes say the same, on one line each
        found = fit_pair(
            p.measure,
            q.measure,
            options.family,
            lam=lam,
            k=options.k,
            structure=options.structure,
            rng=options.seed,
            progress=progress,
        )
    for text in found.notes:
        note(text)
    files = folder / "source.json", folder / "target.json"
    for mixture, file in zip((found.source, found.target), files, strict=True):
        save(mixture, file)
    if json:
        emit(_document(found, (a, b), files))
        return
    lines = {
        "MW2": found.distance,
        "log-likelihoods": "  ".join(f"{value:.6g}" for value in found.log_likelihoods) + " nats per row",
        "status": f"{found.status} after {found.iterations} iterations",
        "models": f"{files[0]} {files[1]}",
    }
    show_facts(f"{a} and {b}, fitted together", lines)


def _document(found: JointFit, paths: tuple[Path, Path], files: tuple[Path, Path]) -> dict[str, Any]:
    """What machines are told."""
    from mixot.cli.fit_facts import describe

    sides = zip(("source", "target"), paths, files, found.log_likelihoods, (found.source, found.target), strict=True)
    return {
        "command": "joint",
        "lam": found.lam,
        "objective": found.objective,
        "distance": found.distance,
        "status": str(found.status),
        "iterations": found.iterations,
        **{
            side: {"path": str(path), "model": str(file), "log_likelihood": likelihood, **describe(mixture)}
            for side, path, file, likelihood, mixture in sides
        },
    }
