"""Files of annotated data, old and damaged: the cells as they were written, or an error that names the file."""

import os
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from anndata import AnnData

from mixot import InputError, read
from mixot.io import hdf5_probe
from mixot.io.h5ad import _one_for_each, read_observations
from mixot.io.observations import Labels

N = 30
TYPES = pd.Categorical.from_codes([0, 1, -1] * 10, ["T cell", "B cell"])


@pytest.fixture
def points(rng):
    return rng.standard_normal((N, 3))


@pytest.fixture
def new(points, tmp_path):
    adata = AnnData(obs=pd.DataFrame({"type": TYPES}, index=[f"cell-{i}" for i in range(N)]))
    adata.obsm["X_pca"] = points
    adata.uns["type_colors"] = ["#aa0000", "#00aa00"]
    adata.write_h5ad(tmp_path / "new.h5ad")
    return tmp_path / "new.h5ad"


def seven(path, points):
    """A file as anndata 0.7 wrote it: codes of categories, which stand in a group of their own."""
    text = h5py.string_dtype()
    with h5py.File(path, "w") as file:
        for name, index in (("obs", [f"cell-{i}" for i in range(N)]), ("var", ["g0", "g1"])):
            frame = file.create_group(name)
            frame.attrs.update({"encoding-type": "dataframe", "encoding-version": "0.1.0", "_index": "index"})
            frame.create_dataset("index", data=np.array(index, object), dtype=text)
            frame.attrs["column-order"] = np.array(["type"] if name == "obs" else [], object).astype(text)
        categories = file["obs"].create_dataset(
            "__categories/type", data=np.array(list(TYPES.categories), object), dtype=text
        )
        categories.attrs["ordered"] = False
        file["obs"].create_dataset("type", data=TYPES.codes).attrs["categories"] = categories.ref
        file["X"] = np.zeros((N, 2), np.float32)
        file["obsm/X_pca"] = points
        file["varm/PCs"] = np.ones((2, 3))
        file.create_dataset("uns/type_colors", data=np.array(["#aa0000", "#00aa00"], object), dtype=text)
    return path


def six(path, points):
    """A file as anndata 0.6 wrote it: tables of records, categories aside."""
    with h5py.File(path, "w") as file:
        file["obs"] = np.array(
            [(f"cell-{i}".encode(), code) for i, code in enumerate(TYPES.codes)], [("index", "S9"), ("type", "i1")]
        )
        file["var"] = np.array([(b"g0",), (b"g1",)], [("index", "S2")])
        file["X"] = np.zeros((N, 2), np.float32)
        file["obsm"] = np.array([(row,) for row in points], [("X_pca", "f8", (3,))])
        file["varm"] = np.array([(row,) for row in np.ones((2, 3))], [("PCs", "f8", (3,))])
        file.create_dataset(
            "uns/type_categories", data=np.array(list(TYPES.categories), object), dtype=h5py.string_dtype()
        )
        file.create_dataset("uns/type_colors", data=np.array(["#aa0000", "#00aa00"], object), dtype=h5py.string_dtype())
    return path


@pytest.mark.parametrize("writer", [seven, six])
def test_files_of_old_versions(writer, points, tmp_path):
    cells = read_observations(writer(tmp_path / "old.h5ad", points), labels=("type",))
    np.testing.assert_array_equal(cells.points, points)
    assert cells.names[:2].tolist() == ["cell-0", "cell-1"]
    held = cells.labels["type"]
    assert held.names == ("T cell", "B cell")
    assert held.codes.tolist() == TYPES.codes.tolist()
    assert held.colors == ("#aa0000", "#00aa00")
    assert cells.axes[0].tolist() == [[1, 1, 1], [1, 1, 1]]
    assert cells.axes[1].tolist() == ["g0", "g1"]
    np.testing.assert_array_equal(read(tmp_path / "old.h5ad").points, points)
    assert read_observations(tmp_path / "old.h5ad", dims=2).points.shape == (N, 2)
    for options, message in (
        ({"labels": ["kind"]}, "no obs column 'kind'; there are: type"),
        ({"rep": "X_umap"}, "no obsm key 'X_umap'; there are: X_pca"),
    ):
        with pytest.raises(InputError, match=message):
            read_observations(tmp_path / "old.h5ad", **options)


def test_the_file_that_scanpy_ships():
    scanpy = pytest.importorskip("scanpy")
    path = Path(scanpy.__file__).parent / "datasets" / "10x_pbmc68k_reduced.h5ad"
    cells = read_observations(path, labels=("bulk_labels", "phase"))
    assert cells.points.shape == (700, 50)
    assert len(cells.labels["bulk_labels"].present()) == 10
    assert cells.labels["phase"].present() == ("G1", "G2M", "S")
    assert np.bincount(cells.labels["bulk_labels"].codes)[0] == 68


def test_numbers_of_rows_that_disagree(new, points):
    with h5py.File(new, "r+") as file:
        del file["obsm/X_pca"]
        file["obsm/X_pca"] = points[:-1]
    with pytest.raises(
        InputError, match=r"new\.h5ad: the file is damaged \('X_pca' has 29 rows, and there are 30 cells"
    ):
        read_observations(new)


def test_a_shape_out_of_all_proportion(new):
    with h5py.File(new, "r+") as file:
        del file["obsm/X_pca"]
        file["obsm"].create_dataset("X_pca", shape=(10**9, 3), chunks=(1000, 3), dtype="f8")  # nothing is stored
    with pytest.raises(InputError, match=r"new\.h5ad: /obsm/X_pca takes 0 MiB in the file and 22\.4 GiB in memory"):
        read_observations(new)


@pytest.mark.parametrize(
    ("behaviour", "message"), [("time.sleep(60)", "does not come to an end"), ("os.abort()", "crashes on it, signal 6")]
)
def test_what_hangs_or_crashes_the_library_is_named(behaviour, message, new, monkeypatch):
    monkeypatch.setattr(hdf5_probe, "_PROGRAM", f"import os, time\nprint('ready', flush=True)\n{behaviour}")
    monkeypatch.setattr(hdf5_probe, "_SECONDS", 0.5)
    start = time.monotonic()
    with pytest.raises(InputError, match=rf"new\.h5ad: the file is damaged \(HDF5 {message}"):
        read_observations(new)
    assert time.monotonic() - start < 10


def test_a_probe_that_cannot_start_says_nothing(new, monkeypatch):
    monkeypatch.setattr(hdf5_probe, "_PROGRAM", "raise SystemExit(1)")
    assert len(read_observations(new)) == N
    monkeypatch.setattr(sys, "executable", "")
    assert len(read_observations(new)) == N


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="processes are listed there")
def test_no_process_is_left(new):
    program = (
        "import sys, mixot.io as io, pathlib\n"
        f"io.read_observations({str(new)!r})\n"
        "print(pathlib.Path('/proc/self/task').joinpath(str(__import__('os').getpid()), 'children').read_text())"
    )
    out = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == ""


@pytest.mark.parametrize("code", [-2, 2, 100])
def test_codes_of_no_category(code, new):
    with h5py.File(new, "r+") as file:
        file["obs/type/codes"][3] = code
    with pytest.raises(InputError, match=r"new\.h5ad: the file is damaged \("):
        read_observations(new, labels=("type",))
    assert len(read_observations(new)) == N  # who does not ask for them has no harm


@pytest.mark.parametrize("code", [-2, 2])
def test_labels_of_no_category_are_refused_whoever_read_them(code):
    names = np.array(["a", "b", "c"])
    good = Labels("type", np.array([-1, 0, 1]), ("T", "B"))
    assert _one_for_each(good, names, "type") is good
    with pytest.raises(ValueError, match="'type' has codes of no category"):
        _one_for_each(Labels("type", np.array([0, 1, code]), ("T", "B")), names, "type")
    with pytest.raises(ValueError, match="'type' has 3 rows, and there are 2 cells"):
        _one_for_each(good, names[:2], "type")


def test_a_shape_out_of_all_proportion_inside_a_table(new):
    with h5py.File(new, "r+") as file:
        file["obs"].create_dataset("huge", shape=(10**10,), chunks=(1000,), dtype="f8")
    with pytest.raises(InputError, match=r"new\.h5ad: /obs/huge takes 0 MiB in the file and 74\.5 GiB in memory"):
        read_observations(new)


def test_a_table_that_does_not_say_where_its_names_stand(new, points):
    with h5py.File(new, "r+") as file:
        del file["obs"].attrs["_index"]  # the name that is usual is taken then
    assert read_observations(new).names[:2].tolist() == ["cell-0", "cell-1"]
    with h5py.File(new, "r+") as file:
        file["obs"].move("_index", "barcode")
        file["obs"].attrs["_index"] = "barcode"
    assert read_observations(new).names[-1] == f"cell-{N - 1}"


def test_genes_as_coordinates(tmp_path, points):
    adata = AnnData(points, obs=pd.DataFrame({"time": np.arange(N) % 4 / 2}, index=[f"c{i}" for i in range(N)]))
    adata.var_names = ["u", "v", "w"]
    adata.write_h5ad(tmp_path / "x.h5ad")
    cells = read_observations(tmp_path / "x.h5ad", rep="X", dims=2, labels=("time",))
    assert (cells.columns, cells.rep, cells.axes) == (("u", "v"), "X", None)
    np.testing.assert_array_equal(cells.points, points[:, :2])
    assert cells.labels["time"].names == ("0.0", "0.5", "1.0", "1.5")
    assert cells.labels["time"].colors == ()
    assert read_observations(tmp_path / "x.h5ad", rep="X").columns == ("u", "v", "w")
    with h5py.File(tmp_path / "x.h5ad", "r+") as file:
        del file["var"]
    assert read_observations(tmp_path / "x.h5ad", rep="X").columns is None


def test_principal_axes_without_genes_say_nothing(new):
    with h5py.File(new, "r+") as file:
        file["varm/PCs"] = np.ones((0, 3))
    assert read_observations(new).axes[0].shape == (0, 3)
    with h5py.File(new, "r+") as file:
        del file["var"]
    assert read_observations(new).axes is None


@pytest.mark.parametrize("lost", ["obs", "obsm"])
def test_hdf5_that_is_no_annotated_data(lost, new):
    with h5py.File(new, "r+") as file:
        del file[lost]
    with pytest.raises(InputError, match=r"new\.h5ad: an HDF5 file, but not annotated data: it has no obs and obsm"):
        read_observations(new)


def test_a_sparse_matrix_of_genes_is_refused_with_its_size(tmp_path):
    AnnData(scipy.sparse.csr_matrix(np.eye(4, 3))).write_h5ad(tmp_path / "s.h5ad")
    with pytest.raises(InputError, match=r"s\.h5ad: X is a sparse matrix of 4 cells x 3 genes \(0\.0 GiB"):
        read_observations(tmp_path / "s.h5ad", rep="X")
    AnnData(obs=pd.DataFrame(index=["a", "b"])).write_h5ad(tmp_path / "none.h5ad")
    with pytest.raises(InputError, match=r"none\.h5ad: X is"):
        read_observations(tmp_path / "none.h5ad", rep="X")
    for path, message in ((tmp_path / "nowhere.h5ad", "no such file"), (tmp_path, "a folder, not an")):
        with pytest.raises(InputError, match=message):
            read_observations(path)
