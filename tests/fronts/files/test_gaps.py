"""Missing values come out of every kind of file as NaN where they are let in, and out of none where they are not."""

import gzip
import json
import sqlite3
import warnings
from contextlib import closing
from decimal import Decimal

import numpy as np
import pytest

from mixot import AccuracyWarning, Incomplete, InputError, read
from mixot.io import read_table

ROWS = [[1.5, 2.0], [None, 3.0], [2.5, None], [4.0, 5.0], [None, None], [6.25, 7.5]]
VALUES = np.array([[np.nan if cell is None else cell for cell in row] for row in ROWS])


def as_text(path):
    path.write_text("a,b\n" + "".join(f"{'' if a is None else a},{'NA' if b is None else b}\n" for a, b in ROWS))
    return path


def as_records(path):
    path.write_text(json.dumps([dict(zip("ab", row, strict=True)) for row in ROWS]))
    return path


def as_lists(path):
    path.write_text(json.dumps(ROWS))
    return path


def as_sparse_records(path):
    """Each record holds the fields that it knows, the first not all of them."""
    held = [{name: cell for name, cell in zip("ab", row, strict=True) if cell is not None} for row in ROWS]
    held[0], held[2] = held[2], held[0]
    path.write_text("\n".join(map(json.dumps, held)))
    return path


def as_words(path):
    path.write_text(
        "\n".join(json.dumps({"a": "NaN" if a is None else a, "b": "n/a" if b is None else b}) for a, b in ROWS)
    )
    return path


def as_sheet(path):
    openpyxl = pytest.importorskip("openpyxl")
    pytest.importorskip("python_calamine")
    book = openpyxl.Workbook()
    for row in (["a", "b"], *ROWS[:4], ["?", "NA"], *ROWS[5:]):
        book.active.append(row)
    book.save(path)
    return path


def as_sqlite(path):
    with closing(sqlite3.connect(path)) as base:
        base.execute("create table t (a, b)")
        base.executemany("insert into t values (?, ?)", ROWS)
        base.commit()
    return path


def as_duckdb(path):
    duckdb = pytest.importorskip("duckdb")
    with closing(duckdb.connect(str(path))) as base:
        base.execute("create table t (a double, b decimal(6, 2))")
        base.executemany("insert into t values (?, ?)", ROWS)
    return path


def as_parquet(path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    cells = [[None if cell is None else Decimal(str(cell)) for cell in column] for column in zip(*ROWS, strict=True)]
    parquet.write_table(arrow.table({"a": cells[0], "b": arrow.array(cells[1]).cast(arrow.float32())}), path)
    return path


def as_packed(path):
    with gzip.open(path, "wt") as file:
        file.write(json.dumps(ROWS))
    return path


def as_pattern(path):
    path.mkdir()
    as_records(path / "1.json")
    (path / "1.json").write_text(json.dumps([{"a": a, "b": b} for a, b in ROWS[:3]]))
    (path / "2.json").write_text(json.dumps([{"b": b, "a": a} for a, b in ROWS[3:]]))
    return path / "*.json"


KINDS = {
    "t.csv": as_text,
    "t.json": as_records,
    "l.json": as_lists,
    "t.jsonl": as_sparse_records,
    "w.jsonl": as_words,
    "t.xlsx": as_sheet,
    "t.sqlite": as_sqlite,
    "t.duckdb": as_duckdb,
    "t.parquet": as_parquet,
    "t.json.gz": as_packed,
    "many": as_pattern,
}


@pytest.mark.parametrize("name", KINDS)
def test_gaps_are_let_in_from_every_kind_of_file(tmp_path, name):
    path = KINDS[name](tmp_path / name)
    table = read_table(path, missing="ignore")
    rows = VALUES[[2, 1, 0, 3, 4, 5]] if name == "t.jsonl" else VALUES
    order = [table.columns.index(column) for column in "ab"] if table.named else [0, 1]
    assert np.array_equal(table.values[:, order], rows, equal_nan=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)
        assert isinstance(read(path, missing="ignore"), Incomplete)
    with pytest.raises(InputError):
        read_table(path)


@pytest.mark.parametrize("name", ["t.json", "t.xlsx", "t.sqlite", "t.duckdb", "t.parquet", "t.csv"])
def test_who_meets_a_gap_is_told_how_to_let_it_in(tmp_path, name):
    path = KINDS[name](tmp_path / name)
    with pytest.raises(InputError, match=r"--missing ignore \(missing='ignore' in Python\)"):
        read_table(path, columns=["a"] if name == "t.xlsx" else None)


def test_infinity_and_words_are_no_gaps(tmp_path):
    path = tmp_path / "t.json"
    path.write_text('[{"a": 1}, {"a": Infinity}, {"a": null}]')
    with pytest.raises(InputError, match=r"column 'a' \(record 2\)"):
        read_table(path, missing="ignore")
    path.write_text('[{"a": 1}, {"a": "unknown"}]')
    with pytest.raises(InputError, match="record 2 holds the text 'unknown'"):
        read_table(path, missing="ignore")


def test_a_field_that_few_records_have_is_told(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": 1}\n{"a": 2, "bb": 3}\n{"a": 4, "b": 3}\n')
    table = read_table(path, missing="ignore")
    assert table.columns == ("a", "bb", "b")
    assert any("'bb' (1 of 3)" in note and "'b' (1 of 3)" in note for note in table.notes)
    with pytest.raises(InputError, match="'bb', which the first one has not"):
        read_table(path)


def test_errors_of_a_sheet_have_a_note(tmp_path):
    table = read_table(as_sheet(tmp_path / "t.xlsx"), missing="ignore")
    assert any("#DIV/0!" in note for note in table.notes)


def test_a_row_of_a_sheet_with_a_mark_for_missing_is_no_header(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    pytest.importorskip("python_calamine")
    book = openpyxl.Workbook()
    for row in ([1.0, "NA"], [2.0, 3.0]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    with pytest.raises(InputError, match="cell B1"):
        read_table(tmp_path / "t.xlsx")
    table = read_table(tmp_path / "t.xlsx", missing="ignore")
    assert not table.named
    assert np.array_equal(table.values, [[1.0, np.nan], [2.0, 3.0]], equal_nan=True)


def test_a_column_of_nothing_in_one_file_of_a_folder(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table({"a": [1.0, 2.0], "b": arrow.nulls(2)}), tmp_path / "1.parquet")
    parquet.write_table(arrow.table({"a": [3, None], "b": [True, None]}), tmp_path / "2.parquet")
    table = read_table(tmp_path, missing="ignore")
    assert np.array_equal(table.values, [[1, np.nan], [2, np.nan], [3, 1], [np.nan, np.nan]], equal_nan=True)
    with pytest.raises(InputError):
        read_table(tmp_path)


@pytest.mark.parametrize("suffix", ["parquet", "feather", "json", "sqlite"])
def test_a_gap_does_not_hide_an_identifier(tmp_path, suffix):
    big, path = 2**53 + 1, tmp_path / f"t.{suffix}"
    if suffix == "json":
        path.write_text(json.dumps([{"a": big}, {"a": None}]))
    elif suffix == "sqlite":
        with closing(sqlite3.connect(path)) as base:
            base.execute("create table t (a)")
            base.executemany("insert into t values (?)", [(big,), (None,)])
            base.commit()
    else:
        arrow = pytest.importorskip("pyarrow")
        module = pytest.importorskip(f"pyarrow.{suffix}")
        getattr(module, "write_table" if suffix == "parquet" else "write_feather")(
            arrow.table({"a": [big, None]}), path
        )
    with pytest.raises(InputError, match=r"would (be )?round"):
        read_table(path, missing="ignore")


@pytest.mark.parametrize("mark", ["<NA>", "#N/A", ".", "--", "\\N", "n/a", "-nan"])
def test_marks_of_other_programs(tmp_path, mark):
    path = tmp_path / "t.csv"
    path.write_text(f"a;b\n{mark};2\n1,5;{mark}\n")
    assert np.array_equal(read_table(path, missing="ignore").values, [[np.nan, 2], [1.5, np.nan]], equal_nan=True)
    with pytest.raises(InputError, match="mixot fit --missing ignore"):
        read_table(path)


def test_a_failed_formula_does_not_make_a_row_a_comment(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("# of the year 2020\na,b\n1.5,2\n#DIV/0!,3\n")
    with pytest.raises(InputError, match="column 'a' must hold numbers, line 4 has '#DIV/0!'"):
        read_table(path, missing="ignore")
    path.write_text("a b\n1.5 2\n#N/A 3\n")
    assert np.array_equal(read_table(path, missing="ignore").values, [[1.5, 2], [np.nan, 3]], equal_nan=True)
