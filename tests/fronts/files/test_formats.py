"""Every kind of table file: what other libraries write comes back to the last digit, with names in order."""

import gzip
import json
import sqlite3
import zipfile
from contextlib import closing

import numpy as np
import pytest

from mixot import AccuracyWarning, InputError, read
from mixot.io import kind_of, read_table

NAMES = ["zeta", "a b", "ü", "x1"]


@pytest.fixture
def values(rng):
    return rng.standard_normal((25, 4)) * 10.0 ** rng.integers(-200, 200, (25, 4))


def pandas_frame(values):
    return pytest.importorskip("pandas").DataFrame(values, columns=NAMES)


def polars_frame(values):
    return pytest.importorskip("polars").DataFrame(values, schema=NAMES)


def in_sqlite(path, values):
    with closing(sqlite3.connect(path)) as base:
        pandas_frame(values).to_sql("t", base, index=False)
    return f"{path}::t"


def in_duckdb(path, values):
    duckdb = pytest.importorskip("duckdb")
    with closing(duckdb.connect(str(path))) as base:
        base.register("seen", pandas_frame(values))
        base.execute("create table t as select * from seen")
        base.execute("create view v as select * from t")
    return f"{path}::v"


def in_zip(path, values):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("__MACOSX/._t.csv", b"\0")
        archive.writestr("sub/t.csv", pandas_frame(values).to_csv(index=False))
    return path


def in_stream(path, values):
    arrow = pytest.importorskip("pyarrow")
    table = arrow.Table.from_pandas(pandas_frame(values), preserve_index=False)
    with arrow.OSFile(str(path), "wb") as file, arrow.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=10)
    return path


def written(write):
    """A way to write that names the file it was given."""

    def at(path, values):
        write(path, values)
        return path

    return at


WAYS = {
    "t.csv": written(lambda path, values: pandas_frame(values).to_csv(path, index=False)),
    "p.csv": written(lambda path, values: polars_frame(values).write_csv(path)),
    "t.csv.gz": written(lambda path, values: pandas_frame(values).to_csv(path, index=False)),
    "t.csv.bz2": written(lambda path, values: pandas_frame(values).to_csv(path, index=False)),
    "t.csv.xz": written(lambda path, values: pandas_frame(values).to_csv(path, index=False)),
    "t.tsv.zst": written(lambda path, values: pandas_frame(values).to_csv(path, sep="\t", index=False)),
    "t.zip": in_zip,
    "t.xlsx": written(lambda path, values: pandas_frame(values).to_excel(path, index=False)),
    "t.parquet": written(lambda path, values: polars_frame(values).write_parquet(path)),
    "t.feather": written(lambda path, values: pandas_frame(values).to_feather(path)),
    "t.arrow": written(lambda path, values: polars_frame(values).write_ipc(path, compression="zstd")),
    "stream.arrow": in_stream,
    "t.json": written(lambda path, values: path.write_text(json.dumps(pandas_frame(values).to_dict("records")))),
    "p.json": written(lambda path, values: polars_frame(values).write_json(path)),
    "t.jsonl": written(lambda path, values: polars_frame(values).write_ndjson(path)),
    "t.ndjson.gz": written(
        lambda path, values: path.write_bytes(
            gzip.compress("\n".join(map(json.dumps, pandas_frame(values).to_dict("records"))).encode())
        )
    ),
    "t.db": in_sqlite,
    "t.duckdb": in_duckdb,
}


@pytest.mark.parametrize("name", WAYS)
def test_what_others_write_comes_back_to_the_last_digit(name, values, tmp_path):
    path = WAYS[name](tmp_path / name, values)
    if name == "t.xlsx":  # a sheet keeps 16 digits of a number, and reads what it wrote
        values = np.array([[float(f"{x:.16g}") for x in row] for row in values.tolist()])
    assert kind_of(path) == "table"
    table = read_table(path)
    assert table.columns == tuple(NAMES)
    np.testing.assert_array_equal(table.values, values)
    chosen = read(path, columns=["ü", "zeta"])
    assert chosen.columns == ("ü", "zeta")
    np.testing.assert_array_equal(chosen.points, values[:, [2, 0]])


def test_lists_of_numbers_have_no_names(tmp_path):
    (tmp_path / "t.json").write_text("[[1, 2], [3, 4.5]]")
    table = read_table(tmp_path / "t.json")
    assert (table.names, table.values.tolist()) == (None, [[1.0, 2.0], [3.0, 4.5]])
    (tmp_path / "t.jsonl").write_text("[1, 2]\n\n[3, 4.5]\n")
    np.testing.assert_array_equal(read_table(tmp_path / "t.jsonl").values, table.values)


def test_truth_values_decimals_and_large_numbers_of_databases(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    with closing(duckdb.connect(str(tmp_path / "t.duckdb"))) as base:
        base.execute("create table t as select 0.1::decimal(20, 10) d, true b, sum(i) s from range(9) r(i)")
    assert read_table(tmp_path / "t.duckdb").values.tolist() == [[0.1, 1.0, 36.0]]


def test_a_sheet_with_titles_labels_and_empty_rows(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append([])
    sheet.append([None, "Counts of 2024"])
    sheet.append([None, None, "height", "width"])
    sheet.append([None, "a", 1.5, 2])
    sheet.append([])
    sheet.append([None, "b", 3, True])
    sheet.merge_cells("B2:D2")
    book.create_sheet("empty")
    book.save(tmp_path / "t.xlsx")
    table = read_table(tmp_path / "t.xlsx")
    assert (table.columns, table.values.tolist()) == (("height", "width"), [[1.5, 2.0], [3.0, 1.0]])
    assert table.notes == ("row 2 above the header in row 3 is a title, and left out",)


def test_a_sheet_without_a_header(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in ([1, 2], [3, 4]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    table = read_table(f"{tmp_path / 't.xlsx'}::Sheet")
    assert (table.names, table.values.tolist()) == (None, [[1.0, 2.0], [3.0, 4.0]])


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_has_the_same_table(encoding, tmp_path):
    (tmp_path / "t.csv").write_bytes("größe;n\n1,5;2\n3;4\n".encode(encoding))
    table = read_table(tmp_path / "t.csv")
    assert (table.columns, table.values.tolist()) == (("größe", "n"), [[1.5, 2.0], [3.0, 4.0]])
    said = {"cp1252": "read as Windows-1252", "latin-1": "first other letter as 'ö'", "utf-16-le": "read as UTF-16-LE"}
    said["utf-16-be"] = "read as UTF-16-BE"
    assert len(table.notes) == 1 + (encoding in ("cp1252", "latin-1", "utf-16-le", "utf-16-be"))
    assert said.get(encoding, "decimals") in table.notes[0]


def test_files_of_one_pattern_are_one_table(tmp_path):
    for name, text in (("a1.csv", "x,y\n1,2\n"), ("a2.csv", "y,x\n4,3\n"), ("_a.csv", "z\n"), ("b.csv", "q\n1\n")):
        (tmp_path / name).write_text(text)
    table = read_table(tmp_path / "a*.csv")
    assert (table.columns, table.values.tolist()) == (("x", "y"), [[1.0, 2.0], [3.0, 4.0]])
    assert table.notes == ("2 files are one table",)
    with pytest.raises(InputError, match=r"b\.csv comes without 'x', 'y' and with 'q', compared with .*a1\.csv"):
        read_table(tmp_path / "[ab]*.csv")
    with pytest.warns(AccuracyWarning, match="2 files are one table"):
        assert read(tmp_path / "a*.csv").columns == ("x", "y")


def test_a_folder_of_parquet_is_one_table(rng, tmp_path):
    frame = pandas_frame(rng.standard_normal((8, 4)))
    (tmp_path / "part=1").mkdir()
    frame[:3].to_parquet(tmp_path / "0.parquet")
    frame[3:].to_parquet(tmp_path / "part=1" / "1.parquet")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / "_metadata.parquet").touch()
    assert kind_of(tmp_path) == "table"
    np.testing.assert_array_equal(read_table(tmp_path).values, frame.to_numpy())


NUMBERS = {
    "points and commas": ("a;b\n1.234,5;2\n1.234;0,5\n", [[1234.5, 2.0], [1234.0, 0.5]], "with points between"),
    "twice a point": ("a;b\n1.234.567;2\n1.234;3\n", [[1234567.0, 2.0], [1234.0, 3.0]], "with points between"),
    "in quotes": ('a,b\n"1,234.56",2\n"1,234",0.5\n', [[1234.56, 2.0], [1234.0, 0.5]], "with commas between"),
    "twice a comma": ('a,b\n"1,234,567",2\n', [[1234567.0, 2.0]], "with commas between"),
    "blanks": ("a;b\n1 234,5;2\n-12 345 678;3\n", [[1234.5, 2.0], [-12345678.0, 3.0]], "with blanks between"),
    "narrow blanks": ("a;b\n1\u202f234.5;2\n", [[1234.5, 2.0]], "with blanks between thousands, and"),
    "apostrophes": ("a,b\n1'234.5,2\n7,1\u2019234\n", [[1234.5, 2.0], [7.0, 1234.0]], "with apostrophes between"),
    "no header": ("1.234,5;2\n1,5;3\n", [[1234.5, 2.0], [1.5, 3.0]], "with points between"),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_marks_between_thousands_are_read_where_they_can_be_nothing_else(case, tmp_path):
    text, expected, said = NUMBERS[case]
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    table = read_table(tmp_path / "t.csv")
    assert table.values.tolist() == expected
    assert len(table.notes) == 1
    assert said in table.notes[0]


AMBIGUOUS = [
    ("a;b\n1,234;5\n", "1234 or 1.234?"),
    ("a;b\n1.234;1,5\n", "'1,5'"),  # is the other 1234 or 1.234?
    ("a;b\n1'234;1,234\n", '"1\'234"'),
    ("a;b\n1.234,5;1,234.5\n", "'1.234,5'"),
    ("a;b\n1.234,5;2.5\n", "'1.234,5'"),
    ("a,b\n1 234,5\n1 234,5\n", "'1 234'"),  # two cells, or one?
    ("a;b\n12.34,5;2\n", "'12.34,5'"),
]


@pytest.mark.parametrize(("text", "said"), AMBIGUOUS)
def test_marks_that_could_be_something_else_are_refused(text, said, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match="must hold numbers, line 2 has") as refused:
        read_table(tmp_path / "t.csv")
    assert said in str(refused.value)


def test_text_proves_nothing_about_numbers(tmp_path):
    (tmp_path / "t.csv").write_text("who;x\n1.234,5;1.234\nMeier, A;2.345\nB;1.111\n")
    table = read_table(tmp_path / "t.csv", columns=["x"])
    assert (table.values.ravel().tolist(), table.notes) == ([1.234, 2.345, 1.111], ())


def test_large_text_is_parsed_to_the_same_bits(rng, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    values = rng.standard_normal((3000, 3)) * 10.0 ** rng.integers(-300, 300, (3000, 3))
    for encoding, end in (("utf-8", "\n"), ("utf-16", "\n"), ("utf-8-sig", "\r\n")):
        lines = ["a,b,ä", *(",".join(map(repr, row)) for row in values.tolist()), ""]
        (tmp_path / "t.csv").write_bytes(end.join(lines).encode(encoding))
        small = read_table(tmp_path / "t.csv")
        monkeypatch.setattr("mixot.io.text.parsers._LARGE", 0)
        for columns in (None, ["ä", "a"]):
            large = read_table(tmp_path / "t.csv", columns=columns)
            np.testing.assert_array_equal(large.values, small.values if columns is None else small.values[:, [2, 0]])
        monkeypatch.undo()
    np.testing.assert_array_equal(small.values, values)


@pytest.mark.parametrize("cell", ["", "nan", "inf", "1_0", "0x10", "x", "9007199254740993", '"1', "1,2", "1e999"])
def test_large_text_is_refused_as_small_text_is(cell, tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text(f"x,y\n1,2\n{cell},4\n5,6\n")
    with pytest.raises(InputError) as small:
        read_table(tmp_path / "t.csv")
    monkeypatch.setattr("mixot.io.text.parsers._LARGE", 0)
    with pytest.raises(InputError) as large:
        read_table(tmp_path / "t.csv")
    assert str(large.value) == str(small.value)


@pytest.mark.parametrize("text", ["\n2019,2020\n1,2\n", "2019,2020\n\n1,2\n\n", "2019,2020\r1,2\r"])
def test_large_text_has_the_header_that_small_text_has(text, tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text(text, newline="")
    for large in (1 << 22, 0):
        monkeypatch.setattr("mixot.io.text.parsers._LARGE", large)
        table = read_table(tmp_path / "t.csv", header=True)
        assert (table.columns, table.values.tolist()) == (("2019", "2020"), [[1.0, 2.0]])
