"""Whole numbers come in exactly or are refused by name: float64 holds all of them up to 2^53 only."""

import json

import numpy as np
import pytest

import mixot
from mixot import Gaussian, InputError, Mixture, Samples
from mixot._checks import is_rounded
from mixot.io import read_observations, read_table

ODD = 2**53 + 1  # float64 would make it 2^53
EXACT = [2**53, -(2**53), 2**62, 3 * 2**61]


def test_which_whole_numbers_are_rounded():
    for whole in (*EXACT, 0, -7, 2**70, 10**22):
        assert not is_rounded(whole)
    for whole in (ODD, -ODD, 2**63 - 1, 2**64 - 1, 10**23, 10**400):
        assert is_rounded(whole)


@pytest.mark.parametrize("text", ["id,x\n{},1\n2,3\n", 'id,x\n"{}",1\n2,3\n', "id x\n{} 1\n2 3\n"])
def test_text(text, tmp_path):
    path = tmp_path / "t.csv"
    for whole in (ODD, -ODD, 10**23):
        path.write_text(text.format(whole))
        with pytest.raises(InputError, match=rf"t.csv: column 'id', line 2 has the whole number {whole}, which"):
            read_table(path)
    for number in (*EXACT, f"{ODD}.0", "1e300", "0.12345678901234567890123"):
        path.write_text(text.format(number))
        assert read_table(path).values[0, 0] == float(number)
    path.write_text(text.format(ODD))
    assert read_table(path, columns=["x"]).values.tolist() == [[1.0], [3.0]]


@pytest.mark.parametrize("kind", ["npy", "npz", "parquet", "h5ad"])
@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_stored_arrays(kind, dtype, tmp_path):
    path = tmp_path / f"t.{kind}"

    def stored(column):
        array = np.array([column, [1, 2]], dtype=dtype)
        if kind == "parquet":
            arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
            parquet.write_table(arrow.table({"id": array[:, 0], "x": array[:, 1]}), path)
        elif kind == "h5ad":
            anndata = pytest.importorskip("anndata")
            anndata.AnnData(np.zeros((2, 1)), obsm={"X_pca": array}).write_h5ad(path)
            return read_observations(path).points
        else:
            (np.save if kind == "npy" else np.savez)(path, array)
        return read_table(path).values

    top = 2**63 - 1 if dtype is np.int64 else 2**64 - 1
    for whole in (ODD, top):
        with pytest.raises(InputError, match=rf"t.{kind}: .*got the whole number {whole} at .*would be rounded"):
            stored([whole, 5])
    assert stored([2**62, 2**53])[0].tolist() == [2.0**62, 2.0**53]


def test_models(tmp_path):
    path = tmp_path / "m.json"
    mixot.save(Mixture([1.0], Gaussian([[0.0, 0.5]], [np.eye(2)])), path)
    document = json.loads(path.read_text())
    document["components"]["means"] = [[ODD, 0.5]]
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=f"m.json: the whole number {ODD} is none that float64 holds"):
        mixot.load(path)
    document["components"]["means"] = [[2**60, 0.5]]
    path.write_text(json.dumps(document))
    assert mixot.load(path).components.means[0, 0] == 2.0**60


def test_memory():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    for value in (
        [ODD],
        [-(2**63) + 1],
        [10**30],
        np.array([10**400], dtype=object),
        pandas.DataFrame({"a": [ODD]}),
        pandas.DataFrame({"a": pandas.array([ODD], dtype="Int64")}),
        polars.DataFrame({"a": [ODD]}),
    ):
        with pytest.raises(
            InputError, match=r"numbers that float64 holds, got (the|a) whole number .*would be rounded"
        ):
            Samples(value)
    assert Samples([-(2**63), 2**62]).points.ravel().tolist() == [-(2.0**63), 2.0**62]
