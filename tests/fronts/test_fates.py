"""Fates and shifts of real cells whose answer is known: what chosen components of types add, and what they cost."""

import numpy as np
import pandas as pd
import pytest

from mixot import AccuracyWarning

scanpy = pytest.importorskip("scanpy")
from mixot.anndata import between  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::mixot.AccuracyWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Observation names are not unique"),  # of what scanpy ships
]
FATES = ("Mo", "Ery", "Mk", "Neu")
DIMS = 20


def myeloid(first):
    """Progenitors from some step of their way on, the cells that they become, and the true fates."""
    cells = scanpy.datasets.krumsiek11()  # four simulated ways of 160 cells each, one after the other
    step = np.tile(np.arange(160), 4)
    early = (step >= first) & (step < 80)
    return cells[early].copy(), cells[step >= 80].copy(), np.repeat(FATES, 160)[early]


@pytest.mark.parametrize("seed", [1, 2])
def test_progenitors_find_their_fates_cell_by_cell(seed):
    source, target, truth = myeloid(40)
    right = {}
    for k in (1, None, 8):
        found = between(source, target, labels="cell_type", rep="X", k=k, rng=seed)
        fates = found.fates()
        np.testing.assert_allclose(fates.sum(axis=1), 1, atol=1e-9)
        right[k] = float((fates.columns.to_numpy()[fates.to_numpy().argmax(axis=1)] == truth).mean())
    assert right[1] == 0.25  # of one component each, all of them go to one of the four fates
    assert right[None] >= 0.75  # of as many as BIC finds: at least three of the four fates
    assert right[8] > 0.8


def test_cells_that_have_the_same_fates_are_told():
    source, target, _ = myeloid(40)
    with pytest.warns(AccuracyWarning, match="all of whose cells have the same fates: progenitor"):
        between(source, target, labels="cell_type", rep="X", k=1, rng=0)


@pytest.mark.parametrize("seed", range(3))
def test_chosen_components_cost_planted_shifts_nothing(seed):
    """A type of a hundred cells in 20 dimensions is no reason for two components of 230 parameters each."""
    cells, rng = scanpy.datasets.pbmc68k_reduced(), np.random.default_rng(seed)
    types = cells.obs["bulk_labels"].cat
    shifts = rng.standard_normal((len(types.categories), DIMS))
    shifts *= 4 / np.linalg.norm(shifts, axis=1, keepdims=True)
    second = rng.random(cells.n_obs) < 0.5
    cells.obsm["X_pca"] = cells.obsm["X_pca"][:, :DIMS] + second[:, None] * shifts[types.codes]
    source, target = cells[~second].copy(), cells[second].copy()

    def error(k):
        found = between(source, target, labels="bulk_labels", growth=True, k=k, rng=0)
        moved = pd.DataFrame(found.images() - found.source.points).groupby(np.asarray(types.codes)[~second])
        return float(np.sqrt((((moved.mean() - shifts) ** 2).sum(axis=1) * moved.size()).sum() / len(source)))

    assert error(None) < 1.02 * error(1)
