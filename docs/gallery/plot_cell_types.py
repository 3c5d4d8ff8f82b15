"""
Where cell types go
===================

Seven hundred blood cells (pbmc68k, reduced, which scanpy ships) are split at random into two conditions. In the second
one each type is shifted by a vector of its own, and 70 % of the monocytes and half of the dendritic cells are taken
away. ``mixot.anndata.transport`` joins the types of both conditions. A plan that keeps its marginals (top left) turns
the surplus of monocytes and dendritic cells into cells of other types; with ``growth=True`` (right) types grow and
shrink, and nearly all cells keep their type. Below, what that finds for types with 15 cells or more: their mean
displacement, in the plane that shows most of the planted shifts, as arrows over these in grey; and their growth, beside
the true one.
"""

import warnings
from typing import cast

import matplotlib.pyplot as plt
import numpy as np
import scanpy
from anndata import AnnData
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import mixot.anndata
from mixot import AccuracyWarning

LOST = {"CD14+ Monocyte": 0.7, "Dendritic": 0.5}


def planted(rng: np.random.Generator) -> tuple[AnnData, np.ndarray]:
    """Cells in two conditions, and the shift of each type."""
    cells = scanpy.datasets.pbmc68k_reduced()
    types = cells.obs["bulk_labels"].cat
    shifts = rng.standard_normal((len(types.categories), 50)) * (np.arange(50) < 20)
    shifts *= 4 / np.linalg.norm(shifts, axis=1, keepdims=True)
    treated = rng.random(cells.n_obs) < 0.5
    lost = np.array([LOST.get(name, 0.0) for name in cells.obs["bulk_labels"]])
    kept = ~treated | (rng.random(cells.n_obs) >= lost)
    cells.obsm["X_pca"] = cells.obsm["X_pca"] + treated[:, None] * shifts[types.codes]
    cells.obs["condition"] = np.where(treated, "treated", "control")
    return cells[kept].copy(), shifts


def many(cells: AnnData) -> list[int]:
    """Types with 15 cells or more among the control."""
    types = cells.obs["bulk_labels"].cat.codes[cells.obs["condition"] == "control"]
    return np.flatnonzero(np.bincount(types) >= 15).tolist()


def draw_shifts(ax: Axes, cells: AnnData, shifts: np.ndarray) -> None:
    """Draw the mean displacement of each type over its planted shift."""
    types, colors = cells.obs["bulk_labels"].cat, cells.uns["bulk_labels_colors"]
    moved = cells.obsm["growth_image"] - cells.obsm["X_pca"][:, :20]
    plane = np.linalg.svd(shifts[many(cells), :20], full_matrices=False)[2][:2]
    style = {"angles": "xy", "scale_units": "xy", "scale": 1}
    for code in many(cells):
        seen = (types.codes == code).to_numpy() & np.isfinite(moved).all(axis=1)
        ax.quiver(0, 0, *(plane @ shifts[code, :20]), color="0.82", width=0.022, zorder=1, **style)
        ax.quiver(0, 0, *(plane @ moved[seen].mean(axis=0)), color=colors[code], width=0.008, zorder=2, **style)
    ax.set(xlim=(-4.5, 4.5), ylim=(-4.5, 4.5), aspect="equal", title="displacement: planted (grey) and found")


def draw_growth(ax: Axes, cells: AnnData) -> None:
    """Draw the growth of each type that was found beside the true one."""
    types, treated = cells.obs["bulk_labels"].cat, cells.obs["condition"] == "treated"
    shares = [np.bincount(types.codes[side]) / side.sum() for side in (~treated, treated)]
    table = cells.uns["growth"]["growth"].set_index(["side", "label"])["growth"]
    for code in many(cells):
        name, color = types.categories[code], cells.uns["bulk_labels_colors"][code]
        ax.scatter(shares[1][code] / shares[0][code], table["source", name], color=color, s=60, label=name)
    ends = [0.3, 3.0]
    ax.plot(ends, ends, color="0.7", linewidth=1, zorder=0)
    ax.set(xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal", xlabel="true growth", ylabel="found")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks([0.5, 1.0, 2.0], ["1/2", "1", "2"])
        axis.set_ticks([], minor=True)
    ax.set_title("growth of types")
    ax.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.02, 0.5))


def main() -> Figure:
    """Draw both plans, the displacements and the growth."""
    cells, shifts = planted(np.random.default_rng(2))
    options = {"groupby": "condition", "labels": "bulk_labels", "dims": 20, "rng": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)  # types with few cells are shrunk, as they should be
        mixot.anndata.transport(cells, **options, key_added="balanced")
        mixot.anndata.transport(cells, **options, key_added="growth", growth=True)
    figure = plt.figure(figsize=(13, 10.5), layout="constrained")
    above, below = cast("np.ndarray", figure.subfigures(2, 1, height_ratios=[1.3, 1]))
    plans, findings = above.subplots(1, 2), below.subplots(1, 2)
    for ax, key, title in zip(plans, ("balanced", "growth"), ("marginals kept", "growth=True"), strict=True):
        mixot.anndata.sankey(cells, key, ax=ax).set_title(title, pad=16)
    draw_shifts(findings[0], cells, shifts)
    draw_growth(findings[1], cells)
    return figure


if __name__ == "__main__":
    main()
    plt.show()
