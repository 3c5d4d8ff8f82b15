"""Bad single-cell data: the message names what is wrong and lists what there is."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

import mixot.anndata as single_cell
from mixot import AccuracyWarning, InputError, UnsupportedError
from mixot.anndata.reading import observations
from mixot.io.h5ad import read_observations

# Few cells: many types are one component here, and are told.
pytestmark = pytest.mark.filterwarnings("ignore:types that are a single component")


@pytest.fixture
def adata(rng):
    n = 60
    made = AnnData(obs=pd.DataFrame(index=[f"cell-{i}" for i in range(n)]))
    made.obs["type"] = pd.Categorical(np.where(np.arange(n) % 3, "T", "B"), categories=["T", "B", "none"])
    made.obs["time"] = pd.Categorical(np.where(np.arange(n) < 30, "0", "1"), categories=["0", "1", "2"])
    made.obs["score"] = rng.standard_normal(n)
    made.obsm["X_pca"] = rng.standard_normal((n, 3))
    made.obsm["X_umap"] = rng.standard_normal((n, 2))
    return made


def move(adata, **options):
    return single_cell.transport(adata, **{"groupby": "time", "labels": "type", **options})


def test_a_missing_representation_lists_those_there_are(adata):
    with pytest.raises(InputError, match=r"no obsm key 'X_scvi'; there are: X_pca, X_umap; compute it first"):
        single_cell.fit(adata, rep="X_scvi")
    del adata.obsm["X_pca"], adata.obsm["X_umap"]
    with pytest.raises(InputError, match=r"there are: none; compute it first, for instance scanpy\.pp\.pca"):
        single_cell.fit(adata)


def test_an_unknown_column_lists_those_there_are(adata):
    for call in (lambda: single_cell.fit(adata, groupby="celltype"), lambda: move(adata, labels="celltype")):
        with pytest.raises(InputError, match="no obs column 'celltype'; there are: score, time, type"):
            call()
    with pytest.raises(InputError, match="no obs column 'day'"):
        move(adata, groupby="day")


def test_cells_with_nan_are_named(adata):
    adata.obsm["X_pca"][[4, 17], 1] = np.nan
    with pytest.raises(InputError, match="NaN or infinity in 2 of 60 cells: cell-4, cell-17; drop"):
        single_cell.fit(adata)
    adata.obsm["X_pca"][:] = np.inf
    with pytest.raises(InputError, match="60 of 60 cells: cell-0, cell-1, cell-2, cell-3, cell-4 and 55 more"):
        move(adata)


def test_groups(adata):
    with pytest.raises(InputError, match="source='3' is no group of 'time'; groups are 0, 1, 2"):
        move(adata, source="3", target="1")
    with pytest.raises(InputError, match="the group target='2' of 'time' is empty; groups with cells are 0, 1"):
        move(adata, source="0", target="2")
    with pytest.raises(InputError, match="the same group of 'time', '0'"):
        move(adata, source="0", target="0")
    with pytest.raises(InputError, match="name the column that tells the two populations apart"):
        single_cell.transport(adata, labels="type")
    with pytest.raises(InputError, match="leave them out, or target_adata"):
        single_cell.transport(adata, adata, groupby="time")
    adata.obs["day"] = np.arange(60) % 4
    with pytest.raises(InputError, match=r"'day' has 4 groups with cells \(0, 1, 2, 3\); name two"):
        move(adata, groupby="day")
    many = AnnData(obs=pd.DataFrame({"score": np.linspace(0, 1, 500)}, index=np.arange(500).astype(str)))
    many.obsm["X_pca"] = np.eye(500)[:, :3]
    with pytest.raises(InputError, match="holds 500 different numbers"):
        single_cell.transport(many, groupby="score")


def test_labels_that_are_all_missing(adata):
    adata.obs["type"] = pd.Categorical([None] * 60, categories=["T"])
    with pytest.raises(InputError, match="adata: no cell has a label in 'type'"):
        single_cell.fit(adata, groupby="type")
    with pytest.raises(InputError, match="0: no cell has a label in 'type'"):
        move(adata)


def test_one_label_only(adata):
    adata.obs["type"] = "T"
    with pytest.warns(AccuracyWarning, match="one group on each side, 'T' and 'T': the plan has a single flow"):
        move(adata, rng=0)
    assert single_cell.flows(adata).to_numpy().tolist() == [[1.0]]


def test_a_label_with_one_cell_is_shrunk_and_said_so(adata):
    adata.obs["type"] = [*["rare"] * 5, *["T"] * 26, "rare", *["T"] * 28]
    with pytest.warns(
        AccuracyWarning, match="labels with one point, which take the covariance within all labels: rare"
    ):
        move(adata, rng=0)
    assert "rare" in " ".join(single_cell.planned(adata).target.notes)
    assert np.isfinite(adata.obsm["transport_image"][:30]).all()


def test_every_cell_a_label_of_its_own(adata):
    adata.obs["own"] = adata.obs_names
    with pytest.raises(InputError, match="no label has two different points"):
        single_cell.fit(adata, groupby="own")


def test_sparse_representations_are_refused(adata):
    adata.obsm["counts"] = sparse.random(60, 40, 0.1, format="csr", random_state=0)
    with pytest.raises(InputError, match="'counts' is sparse and is not made dense here"):
        single_cell.fit(adata, rep="counts")
    adata.obsm["text"] = np.full((60, 2), "a")
    with pytest.raises(InputError, match="'text' must be numbers, got 'a'"):
        single_cell.fit(adata, rep="text")


@pytest.mark.parametrize("dims", [0, 4, -1])
def test_dims(dims, adata):
    with pytest.raises(InputError, match="dims must be between 1 and the 3 columns of 'X_pca'"):
        single_cell.fit(adata, dims=dims)


def test_options(adata):
    with pytest.raises(InputError, match='assign must be "label" or "density"'):
        move(adata, assign="nearest")
    with pytest.raises(InputError, match="needs labels"):
        move(adata, labels=None, assign="label")
    with pytest.raises(InputError, match='k must be a whole number, "auto" or None'):
        single_cell.fit(adata, k="many")
    with pytest.raises(InputError, match='family must be "gaussian" or "diagonal"'):
        single_cell.fit(adata, groupby="type", family="gamma")
    with pytest.raises(InputError, match="fitted by EM"):
        single_cell.fit(adata, groupby="type", method="moments")
    with pytest.raises(InputError, match="must be an AnnData object, got DataFrame"):
        observations(adata.obs, rep="X_pca")
    with pytest.raises(InputError, match="there is no X"):
        single_cell.fit(adata, rep="X")


def test_results_that_are_not_there(adata):
    with pytest.raises(
        InputError, match=r"uns\['mixot'\] holds no result of mixot\.anndata\.fit; it has written: nothing"
    ):
        single_cell.fitted(adata)
    single_cell.fit(adata, k=1, key_added="mine")
    with pytest.raises(InputError, match="it has written: mine"):
        single_cell.fitted(adata)
    with pytest.raises(InputError, match=r"mixot\.anndata\.transport"):
        single_cell.flows(adata, "mine")


def test_two_representations_that_do_not_fit(adata):
    other = adata.copy()
    other.obsm["X_pca"] = other.obsm["X_pca"][:, :2]
    with pytest.raises(InputError, match="3 columns in adata and 2 in target_adata"):
        single_cell.transport(adata, other, labels="type")


def test_two_pcas_are_told_apart(adata, rng):
    made = AnnData(np.zeros((60, 5)), obs=adata.obs)
    made.obsm["X_pca"], made.varm["PCs"] = adata.obsm["X_pca"], np.linalg.qr(rng.standard_normal((5, 3)))[0]
    other = made.copy()
    single_cell.transport(made, other, labels="type", rng=0)
    other.varm["PCs"] = -other.varm["PCs"]
    with pytest.warns(AccuracyWarning, match="come from two PCAs"):
        single_cell.transport(made, other, labels="type", rng=0)


def test_bad_files(adata, tmp_path):
    path = tmp_path / "a.h5ad"
    with pytest.raises(InputError, match="no such file"):
        read_observations(path)
    path.write_bytes(b"not HDF5")
    with pytest.raises(InputError, match=r"not a complete \.h5ad file"):
        read_observations(path)
    adata.write_h5ad(path)
    with pytest.raises(InputError, match=r"a\.h5ad: no obsm key 'X_scvi'; there are: X_pca, X_umap"):
        read_observations(path, rep="X_scvi")
    with pytest.raises(InputError, match=r"a\.h5ad: no obs column 'celltype'; there are: score, time, type"):
        read_observations(path, labels=["celltype"])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"\.h5ad"):
        read_observations(path)
    import h5py

    with h5py.File(path, "w") as file:
        file["points"] = np.eye(3)
    with pytest.raises(InputError, match="but not annotated data"):
        read_observations(path)


def test_without_anndata_the_error_names_the_extra():
    code = (
        "import sys; sys.modules['anndata'] = None\n"
        "try:\n    import mixot.anndata\nexcept Exception as error:\n    print(type(error).__name__, error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.startswith("UnsupportedError mixot.anndata needs the package")
    assert 'pip install "mixot[anndata]"' in said


def test_what_fails_on_the_way_writes_nothing(adata, monkeypatch):
    keys = set(adata.uns), set(adata.obs), set(adata.obsm)

    def refused(*_, **__):
        raise UnsupportedError("no map")

    monkeypatch.setattr("mixot.anndata.populations.PopulationPlan.push", refused)
    with pytest.raises(UnsupportedError, match="no map"):
        move(adata)
    assert (set(adata.uns), set(adata.obs), set(adata.obsm)) == keys
