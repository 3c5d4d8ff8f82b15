"""``mixot geodesic``: mixtures on the way from one input to the other."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixot.cli.arguments import Json, Options, SourceFile, TargetFile
from mixot.cli.console import NO_FIGURE, emit, show_facts
from mixot.cli.fitting_options import with_options

if TYPE_CHECKING:
    import numpy as np

    from mixot.transport.geodesic import Interpolation


@with_options()
def geodesic(
    a: SourceFile,
    b: TargetFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the models.", show_default=False)],
    steps: Annotated[int, typer.Option("--steps", min=2, help="Points on the path, both ends included.")] = 6,
    *,
    options: Options,
    json: Json = False,
) -> None:
    """Mixtures on the way from A to B: a model file for each, and a figure of their densities."""
    import numpy as np

    from mixot.cli.sources import open_mixtures, sides, title
    from mixot.io import check_folder
    from mixot.verbs import geodesic

    folder = check_folder(output)
    p, q = open_mixtures([a, b], options)
    path = geodesic(p.measure, q.measure)
    times = np.linspace(0.0, 1.0, steps)
    files = _save(path, times, folder)
    figure = _draw(path, times, folder, p.columns if p.kind != "model" else q.columns)
    if json:
        listed = [{"t": float(t), "model": str(file)} for t, file in zip(times, files, strict=True)]
        drawn = None if figure is None else str(figure)
        emit({"command": "geodesic", "distance": path.plan.distance, "steps": listed, "figure": drawn, **sides(p, q)})
        return
    facts: dict[str, object] = {f"t = {t:.3g}": file for t, file in zip(times, files, strict=True)}
    show_facts(title(p, q), facts | {"figure": figure or NO_FIGURE, "MW2": path.plan.distance})


def _save(path: Interpolation, times: np.ndarray, folder: Path) -> list[Path]:
    """Write a model for each time."""
    from mixot.io import save

    files = [folder / f"step-{i:0{len(str(len(times) - 1))}d}.json" for i in range(len(times))]
    for t, file in zip(times, files, strict=True):
        save(path(float(t)), file)
    return files


def _draw(path: Interpolation, times: np.ndarray, folder: Path, names: tuple[str, ...]) -> Path | None:
    """Draw the densities, where matplotlib is installed."""
    if not find_spec("matplotlib"):
        return None
    from mixot.plot import geodesic_panels, save

    return save(geodesic_panels(path, times, names=names), folder / "geodesic.png", close=True)
