"""Single-cell data, in scanpy's manner: mixtures of cell types, and one plan between two populations of them.

===================  ==============================================================================================
`fit`                a mixture on a representation, with components for each given cell type or found by EM
`transport`          the plan between the cell types of two conditions, times or objects; images and fates of cells
`between`            the same as a result object, which leaves the data as they are
`fitted`, `planned`  what `fit` and `transport` wrote, as objects again, also after ``write_h5ad`` and ``read_h5ad``
`flows`              the plan as a table of source types by target types
`sankey`, `heatmap`  the plan as a figure, in the colors of the cell types
===================  ==============================================================================================

Results stand in ``.uns``, ``.obs`` and ``.obsm`` under names that begin with ``key_added``; all of it survives
``write_h5ad``. Names of cell types never become keys of a file, where a "/" in them would be taken for a folder.

What is read: one representation of ``.obsm`` and the columns of ``.obs`` that are named. ``.X`` is never made dense,
and nothing of it is read where the data are backed by a file.

>>> import numpy as np, pandas as pd
>>> from anndata import AnnData
>>> late, b_cell = np.arange(80) >= 40, np.arange(80) % 2 == 1
>>> obs = pd.DataFrame({"type": np.where(b_cell, "B", "T"), "time": np.where(late, "day 1", "day 0")})
>>> adata = AnnData(obs=obs.set_index(np.arange(80).astype(str)))
>>> adata.obsm["X_pca"] = np.random.default_rng(0).normal(np.stack([9.0 * b_cell, 2.0 * late], axis=1), 0.3)
>>> transport(adata, groupby="time", labels="type")
>>> flows(adata).round(2).to_dict()
{'B': {'B': 0.5, 'T': 0.0}, 'T': {'B': 0.0, 'T': 0.5}}
"""

from mixot.extras import require as _require

_require("anndata", "anndata", "mixot.anndata")

from mixot.anndata.drawing import heatmap, sankey  # noqa: E402
from mixot.anndata.fitting import fit, fitted  # noqa: E402
from mixot.anndata.moving import between, flows, planned, transport  # noqa: E402
from mixot.anndata.results import Transport  # noqa: E402

__all__ = ["Transport", "between", "fit", "fitted", "flows", "heatmap", "planned", "sankey", "transport"]
