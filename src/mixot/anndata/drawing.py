"""Figures of the plan between cell types that `transport` wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anndata import AnnData

from mixot.anndata.moving import KEY, flows
from mixot.plot import alluvial, flow_heatmap

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def sankey(adata: AnnData, key: str = KEY, *, least: float = 0.005, ax: Axes | None = None) -> Axes:
    """Draw the plan as bands from the types of the source to those of the target; see `mixot.plot.alluvial`.

    The types have the colors of ``.uns[labels + "_colors"]``, where scanpy keeps them.
    """
    params = adata.uns.get(key, {}).get("params", {})
    table = flows(adata, key)
    sides = str(params.get("from", "source")), str(params.get("to", "target"))
    return alluvial(table, colors=type_colors(adata, params.get("labels")), least=least, sides=sides, ax=ax)


def heatmap(adata: AnnData, key: str = KEY, *, ax: Axes | None = None, **imshow: Any) -> Axes:
    """Draw the plan as a table of types by types; ``imshow`` are options of matplotlib's function of that name."""
    params = adata.uns.get(key, {}).get("params", {})
    ax = flow_heatmap(flows(adata, key), ax=ax, **imshow)
    ax.set(ylabel=str(params.get("from", "source")), xlabel=str(params.get("to", "target")))
    return ax


def type_colors(adata: AnnData, labels: Any) -> dict[str, str]:
    """Color of each category of a column, as scanpy keeps them; empty where it keeps none."""
    colors = adata.uns.get(f"{labels}_colors")
    if labels not in adata.obs or colors is None or not hasattr(adata.obs[labels], "cat"):
        return {}
    names = [str(name) for name in adata.obs[labels].cat.categories]
    return dict(zip(names, map(str, colors), strict=False)) if len(names) == len(colors) else {}
