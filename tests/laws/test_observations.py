"""Cells as points: which labels occur, and whether two sets of them live in the same coordinates."""

from dataclasses import replace

import numpy as np
import pytest

from mixot.io.h5ad import read_observations
from mixot.io.observations import Labels, Observations

GENES = np.array(["g0", "g1", "g2"])
AXES = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, np.nan]])


def cells(axes):
    return Observations(np.zeros((2, 2)), np.array(["a", "b"]), "X_pca", "here", {}, axes)


def test_labels_that_occur_are_named_in_the_order_of_their_codes():
    labels = Labels("type", np.array([2, 0, -1, 2]), ("B", "T", "NK"))
    assert labels.present() == ("B", "NK")
    assert replace(labels, codes=np.array([-1, -1, -1, -1])).present() == ()


@pytest.mark.parametrize(
    ("axes", "same"),
    [
        ((AXES.copy(), GENES), True),
        ((AXES * (1 + 1e-5), GENES), True),  # two runs of a decomposition
        ((AXES * [1.0, -1.0], GENES), False),
        ((AXES * 1.1, GENES), False),
        ((AXES[:, :1], GENES), False),
        ((AXES * -1.0, GENES[::-1]), True),  # of other genes: nothing can be told
        (None, True),
    ],
)
def test_coordinates_are_the_same_where_the_axes_are(axes, same):
    assert cells((AXES, GENES)).shares_axes(cells(axes)) is same
    assert cells(axes).shares_axes(cells((AXES, GENES))) is same


def test_only_principal_components_have_axes(tmp_path):
    anndata = pytest.importorskip("anndata")
    made = anndata.AnnData(np.zeros((4, 3)))
    made.var_names = GENES
    made.obsm["X_pca"], made.obsm["X_umap"] = np.ones((4, 2)), np.ones((4, 2))
    made.varm["PCs"] = AXES[:, :1] + np.arange(2.0)
    made.write_h5ad(tmp_path / "a.h5ad")
    axes, genes = read_observations(tmp_path / "a.h5ad", rep="X_pca").axes
    np.testing.assert_array_equal(axes, made.varm["PCs"])
    assert list(genes) == list(GENES)
    assert read_observations(tmp_path / "a.h5ad", rep="X_umap").axes is None
