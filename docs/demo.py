"""The main job in one minute: recolor a photograph, make a texture, fit, compare and transport a table.

Run with ``make demo`` or ``python docs/demo.py [folder]``; everything it makes is in ``mixot-demo/``.
It needs ``pip install "mixot[demo]"``: the data are those that scikit-image and scikit-learn ship.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from rich.console import Console
from rich.table import Table

import mixot
from mixot import datasets, io, plot
from mixot.imaging.color import transfer
from mixot.imaging.texture import synthesize

COLUMNS = ("flavanoids", "color_intensity")
console = Console(highlight=False)


def main(folder: Path) -> None:
    """Make everything, and say where it is."""
    plt.switch_backend("Agg")  # files only, no windows
    io.check_folder(folder)
    console.print(f"[bold]mixot {mixot.__version__}[/]  mixture models as measures\n")
    recolor(folder)
    textures(folder)
    transport(folder)
    console.print("\n[bold]The same from the command line[/]")
    for line in (
        "mixot recolor {f}/photograph.png --palette {f}/palette.png -o {f}/again.png --strength 0.8",
        "mixot texture {f}/wood.png -o {f}/again.png --size 512x320 --method gaussian",
        "mixot fit {f}/lighter.csv -o {f}/again.json",
        "mixot distance {f}/lighter.csv {f}/stronger.csv",
        "mixot geodesic {f}/lighter.json {f}/stronger.json --steps 6 -o {f}/path",
        "mixot map {f}/lighter.csv {f}/stronger.csv -o {f}/again.csv",
    ):
        console.print("  " + line.format(f=folder), style="green", soft_wrap=True)


def recolor(folder: Path) -> None:
    """One photograph in the colors of another, all the way and half of it."""
    photo, palette = datasets.photograph("rocket"), datasets.photograph("coffee")
    with step("A photograph in the colors of another"):
        result = transfer(photo, palette)
        half = transfer(photo, palette, strength=0.5)
    for name, pixels in {"photograph": photo, "palette": palette, "recolored": result, "half": half}.items():
        io.write_picture(folder / f"{name}.png", io.Picture(pixels))
    sheet = {"photograph": photo, "palette": palette, "recolored": result, "strength 0.5": half}
    plot.save(plot.contact_sheet(sheet), folder / "recolor.png")
    show("recolored.png", "the photograph in the colors of the palette", folder)
    show("half.png", "the same, half of the way", folder)
    show("recolor.png", "all of them on one sheet", folder)


def textures(folder: Path) -> None:
    """A tile like a piece of wood."""
    wood = datasets.texture("wood")
    with step("More of a texture than there is"):
        tile = synthesize(wood, (192, 256), method="gaussian", periodic=True, rng=0).pixels
    io.write_picture(folder / "wood.png", io.Picture(wood))
    io.write_picture(folder / "tile.png", io.Picture(tile))
    plot.save(plot.contact_sheet({"wood": wood, "a tile like it": tile}), folder / "texture.png")
    show("tile.png", "256 x 192 pixels from 128 x 128; copies of it fit together", folder)


def transport(folder: Path) -> None:
    """Two groups of wines: fits, distance with bounds, plan, path and moved points."""
    wine = datasets.table("wine")
    values = wine.values[:, [wine.columns.index(name) for name in COLUMNS]]
    strong = wine.values[:, wine.columns.index("alcohol")] > np.median(wine.values[:, wine.columns.index("alcohol")])
    lighter, stronger = values[~strong], values[strong]
    with step("Lighter and stronger wines: two mixtures, their plan and the path between them"):
        p, q = mixot.fit(lighter, rng=0).mixture, mixot.fit(stronger, rng=0).mixture
        plan = mixot.plan(p, q)
        interval = mixot.bounds(p, q)
        path = mixot.geodesic(p, q)
        moved = mixot.transport_map(p, q)(lighter)
    facts = Table(show_header=False, box=None)
    facts.add_row("components", f"{len(p)} and {len(q)}, chosen by BIC for {len(lighter)} and {len(stronger)} wines")
    facts.add_row("MW2", f"{plan.distance:.6f}   (plan {plan.status}, gap {plan.gap:.1e})")
    facts.add_row("W2", f"between {interval.lower:.6f} ({interval.lower_by}) and {interval.upper:.6f}")
    console.print(facts)

    for name, points, mixture in (("lighter", lighter, p), ("stronger", stronger, q)):
        io.write_table(folder / f"{name}.csv", points, COLUMNS)
        mixot.save(mixture, folder / f"{name}.json")
    io.write_table(folder / "moved.csv", moved, COLUMNS)
    rows, cols = np.nonzero(plan.coupling)
    parts = [rows, cols, plan.coupling[rows, cols], plan.cost_matrix[rows, cols]]
    io.write_table(folder / "plan.csv", parts, ["source", "target", "mass", "cost"])
    draw(folder, p, q, plan, path, lighter, stronger, moved)
    show("lighter.json", "the two models; stronger.json", folder)
    show("plan.csv", "which component goes where; as a figure: plan.png", folder)
    show("geodesic.png", "the densities at t = 0, 0.2, ... 1", folder)
    show("moved.csv", "the lighter wines moved onto the stronger ones; as a figure: moved.png", folder)


def draw(
    folder: Path,
    p: mixot.Mixture,
    q: mixot.Mixture,
    plan: mixot.Plan,
    path: mixot.Geodesic,
    lighter: np.ndarray,
    stronger: np.ndarray,
    moved: np.ndarray,
) -> None:
    """The three figures of the table."""
    names = ["flavanoids", "color intensity"]
    _, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.2), layout="constrained")
    plot.plan_lines(p, q, plan, ax=left, names=names)
    plot.plan_heatmap(plan, ax=right)
    plot.save(left, folder / "plan.png")

    panels = plot.geodesic_panels(path, names=names)
    for panel, points in ((panels[0], lighter), (panels[-1], stronger)):
        panel.scatter(*points.T, s=5, color="black", alpha=0.6, linewidths=0)
    plot.save(panels, folder / "geodesic.png")

    _, ax = plt.subplots(figsize=(5.6, 4.4), layout="constrained")
    plot.mixture_density(q, ax=ax, color=plot.COLORS[1], names=names)
    ax.quiver(*lighter.T, *(moved - lighter).T, angles="xy", scale_units="xy", scale=1, width=0.002, color="0.6")
    ax.scatter(*lighter.T, s=12, color=plot.COLORS[0], label="lighter wines")
    ax.scatter(*moved.T, s=12, color="black", label="moved by T_mean")
    ax.legend(frameon=False)
    ax.autoscale()
    ax.set_title("onto the density of the stronger wines")
    plot.save(ax, folder / "moved.png")


@contextmanager
def step(title: str) -> Iterator[None]:
    """Name what is done, and say how long it took."""
    with console.status(title):
        start = time.perf_counter()
        yield
    console.print(f"[bold cyan]{title}[/]  [dim]{time.perf_counter() - start:.2f} s[/]", soft_wrap=True)


def show(name: str, what: str, folder: Path) -> None:
    """Print a file that was made, and what it is."""
    console.print(f"  {folder / name}  [dim]{what}[/]", soft_wrap=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "mixot-demo"))
