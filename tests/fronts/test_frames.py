"""Frames of every kind that people have: the same points, the same names, and a frame of the same kind back."""

import datetime
import json
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pytest

import mixot
from mixot import AccuracyWarning, Grid, InputError, Samples, UnsupportedError, as_measure, extras

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
pyarrow = pytest.importorskip("pyarrow")
pytest.importorskip("narwhals")


class Capsule:
    """What only speaks the Arrow PyCapsule interface."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


def of_duckdb(columns):
    return pytest.importorskip("duckdb").connect().from_arrow(pyarrow.table(columns))


def of_reader(columns):
    table = pyarrow.table(columns)
    return pyarrow.RecordBatchReader.from_batches(table.schema, table.to_batches())


KINDS = {
    "pandas": (pandas.DataFrame, pandas.DataFrame),
    "nullable": (lambda columns: pandas.DataFrame(columns).convert_dtypes(), pandas.DataFrame),
    "arrow in pandas": (lambda c: pandas.DataFrame(c).convert_dtypes(dtype_backend="pyarrow"), pandas.DataFrame),
    "polars": (polars.DataFrame, polars.DataFrame),
    "lazy": (polars.LazyFrame, polars.DataFrame),
    "arrow": (pyarrow.table, pyarrow.Table),
    "batch": (lambda columns: pyarrow.table(columns).to_batches()[0], pyarrow.Table),
    "duckdb": (of_duckdb, pyarrow.Table),
    "capsule": (lambda columns: Capsule(pyarrow.table(columns)), pyarrow.Table),
    "reader": (of_reader, pyarrow.Table),  # which can be read once
}
FRAMES = pytest.mark.parametrize(("make", "kind"), KINDS.values(), ids=KINDS.keys())


@pytest.fixture
def columns(rng):
    return {"age": rng.normal(40.0, 10.0, 60), "size": rng.normal(1.7, 0.1, 60)}


def names_of(frame):
    return list(frame.column_names if isinstance(frame, pyarrow.Table) else frame.columns)


def numbers(frame):
    return np.column_stack([np.asarray(frame[name]) for name in names_of(frame)])


@FRAMES
def test_points_come_in_and_go_out(make, kind, columns):
    x = np.column_stack(list(columns.values()))
    for read in (as_measure, Samples):
        found = read(make(columns))
        np.testing.assert_array_equal(found.points, x)
        assert found.columns == ("age", "size")
    np.testing.assert_array_equal(as_measure((make(columns), np.arange(60) / 1770)).weights, np.arange(60) / 1770)
    p = mixot.fit(make(columns), k=1, rng=0).mixture
    np.testing.assert_array_equal(p.log_density(make(columns)), p.log_density(x))
    assert mixot.distance(make(columns), x) == 0.0
    move, turned = mixot.transport_map(p, p.affine(2.0)), {"size": columns["size"], "age": columns["age"]}
    for back, expected in (
        (move(make(turned)), move(x)),
        (move.sample(make(turned), rng=0), move.sample(x, rng=0)),
        (move.of_kind("random")(make(turned), rng=0), move.sample(x, rng=0)),
    ):
        assert isinstance(back, kind)
        assert names_of(back) == ["age", "size"]  # the order of p
        np.testing.assert_array_equal(numbers(back), expected)
    bare = mixot.transport_map(p.named(None), p.affine(2.0).named(None))(make(columns))
    assert names_of(bare) == ["age", "size"]  # p has no names: those of the frame


@FRAMES
def test_maps_of_cells(make, kind, columns):
    grid = Grid(np.ones((4, 4)), bounds=[[0, 100], [0, 3]])
    few = {name: values[:5] for name, values in columns.items()}
    plain = np.column_stack(list(few.values()))
    onto, away = mixot.transport_map(grid, make(few)), mixot.transport_map(make(few), grid)
    for move in (onto, away):
        back = move(make({"size": few["size"], "age": few["age"]}))
        assert isinstance(back, kind)
        assert names_of(back) == ["age", "size"]
        np.testing.assert_array_equal(numbers(back), move(plain))
    with pytest.raises(InputError, match="x must have the columns 'age', 'size', got a table without 'age'"):
        onto(make({"Age": few["age"], "size": few["size"]}))


def test_the_index_of_pandas_is_kept(columns):
    frame = pandas.DataFrame(columns, index=[f"person {i}" for i in range(60)])
    p = mixot.fit(frame, k=1).mixture
    assert mixot.transport_map(p, p)(frame).index.equals(frame.index)


@FRAMES
def test_a_column_of_weights(make, kind, columns):
    w = np.arange(1.0, 61.0)
    frame = {"w": w, **columns}
    for found in (Samples(make(frame), "w"), as_measure((make(frame), "w"))):
        assert found.columns == ("age", "size")
        np.testing.assert_allclose(found.weights, w / w.sum(), rtol=1e-15)
    assert Samples(make(frame), counts="w").observations == w.sum()
    fitted = mixot.fit(make(frame), weights="w", k=1).mixture
    np.testing.assert_allclose(fitted.mean(), w @ np.column_stack(list(columns.values())) / w.sum(), rtol=1e-12)
    with pytest.raises(InputError, match="weights='v' names a column, and no column is called so; columns are w, age"):
        mixot.fit(make(frame), weights="v")


def test_a_column_of_weights_that_is_none():
    frame = pandas.DataFrame({"x": [1.0, 2.0], "w": [1.0, np.nan], "v": [1.0, -1.0], "z": [0, 0], "t": ["a", "b"]})
    for name, message in {
        "w": "weights, column 'w', must be finite, got NaN or infinity in 1 of 2 rows: 1",
        "v": "weights must not be negative",
        "z": "weights must not be all zero",
        "t": "every column must be numeric, these are not: t",
    }.items():
        with pytest.raises(InputError, match=message):
            Samples(frame[["x", name]], name)
    with pytest.raises(InputError, match="weights='w' names a column, and points are no frame"):
        mixot.fit(np.eye(2), weights="w")
    with pytest.raises(InputError, match=r"points must have shape \(n, d\), got \(2, 0\)"):
        Samples(frame[["w"]].fillna(1.0), "w")


TYPED = {
    "nullable": lambda items, dtype: pandas.DataFrame({"a": pandas.array(items, dtype=dtype.capitalize())}),
    "polars": lambda items, dtype: polars.DataFrame({"a": items}, schema={"a": getattr(polars, dtype.capitalize())}),
    "arrow": lambda items, dtype: pyarrow.table({"a": pyarrow.array(items, getattr(pyarrow, dtype)())}),
}


@pytest.mark.parametrize("make", TYPED.values(), ids=TYPED.keys())
def test_types_of_columns(make):
    assert as_measure(make([1, 2**53], "int64")).points.tolist() == [[1.0], [2.0**53]]
    assert as_measure(make([1.5, 0.1], "float32")).points.dtype == np.float32  # as of arrays
    for items in ([1, None], [None, 3]):
        with pytest.raises(InputError, match=rf"in 1 of 2 rows: {items.index(None)}; drop .* \(in column 'a'\)"):
            as_measure(make(items, "int64"))
    with pytest.raises(InputError, match=r"column 'a' must be .* the whole number 9007199254740993 at \[2\]"):
        as_measure(make([1, None, 2**53 + 1], "int64"))  # beside what is missing it would be rounded


@pytest.mark.parametrize("make", [pandas.DataFrame, polars.DataFrame, pyarrow.table])
def test_what_is_no_number_is_named(make):
    day = datetime.date(2026, 1, 2)
    with pytest.raises(InputError, match=r"these are not: town, born; select the numeric ones \(those hold text, "):
        as_measure(make({"a": [1.0, 2.0], "town": ["Rome", "Oslo"], "born": [day, day]}))
    assert as_measure(make({"a": [True, False]})).points.tolist() == [[1.0], [0.0]]
    with pytest.raises(InputError, match="there are zero rows"):
        as_measure(make({"a": np.empty(0)}))


@pytest.mark.parametrize("make", [pandas.DataFrame, polars.DataFrame, pyarrow.table])
def test_decimals(make):
    assert as_measure(make({"a": [Decimal("0.1"), Decimal("2.675")]})).points.ravel().tolist() == [0.1, 2.675]
    with pytest.warns(AccuracyWarning, match=r"column 'a': 1 of 2 decimals .* the first, 0\.123456789"):
        found = as_measure(make({"a": [Decimal("1.50000000000000000000"), Decimal("0.12345678901234567890")]}))
    assert found.points.ravel().tolist() == [1.5, 0.12345678901234567890]
    with pytest.raises(InputError, match="in 1 of 2 rows: 1"):
        as_measure(make({"a": [Decimal("0.1"), None]}))


def test_missing_numbers_are_told_with_their_column(columns):
    p = mixot.fit(pandas.DataFrame(columns), k=1).mixture
    wrong = pandas.DataFrame({"size": [1.7, None, 1.6], "age": [1.0, 2.0, 3.0]})
    with pytest.raises(InputError, match=r"x must be finite, .* 1 of 3 rows: 1.* \(in column 'size'\)"):
        p.log_density(wrong)
    with pytest.raises(InputError, match=r"rows: 0, 1; drop or fill them \(in columns 0, 2\)"):
        Samples([[np.nan, 1.0, 2.0], [0.0, 1.0, np.inf]])


def test_a_frame_that_cannot_be_read():
    with pytest.raises(InputError, match=r"this LazyFrame says: .*nowhere.csv"):
        as_measure(polars.scan_csv("nowhere.csv"))
    with pytest.raises(InputError, match=r"this Table says: .*unique"):
        as_measure(pyarrow.table([[1.0], [2.0]], names=["a", "a"]))


def test_without_narwhals_pandas_is_read_and_others_name_the_extra(monkeypatch, columns):
    def without(module):
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr(extras, "import_module", without)
    frame = pandas.DataFrame(columns)
    move = mixot.transport_map(*[mixot.fit(frame, k=1).mixture] * 2)
    assert move(frame).columns.tolist() == ["age", "size"]
    with pytest.raises(UnsupportedError, match=r'reading DataFrame needs the package .* pip install "mixot\[table\]"$'):
        as_measure(polars.DataFrame(columns))


def test_narwhals_is_loaded_by_the_first_frame_that_needs_it():
    script = """
import json, sys, numpy, pandas, polars, mixot
x = numpy.random.default_rng(0).normal(size=(50, 2))
p = mixot.fit(x, k=1).mixture
mixot.transport_map(p, p)(pandas.DataFrame(x))
before = "narwhals" in sys.modules
p.log_density(polars.DataFrame(x))
print(json.dumps([before, "narwhals" in sys.modules]))
"""
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == [False, True]
