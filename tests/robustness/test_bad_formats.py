"""Workbooks, databases, records, archives and patterns that are no table: what came, where, and what to do."""

import datetime
import gzip
import json
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing

import pytest

from mixot import InputError, UnsupportedError, extras, load, read
from mixot.io import kind_of, read_table


def book(path):
    openpyxl = pytest.importorskip("openpyxl")
    whole = openpyxl.Workbook()
    sheets = {
        "good": [["a", "b"], [1, 2]],
        "days": [["a", "day"], [1, datetime.date(2020, 1, 2)]],
        "hours": [["a", "t"], [1, datetime.time(8, 30)]],
        "text": [["a", "b"], [1, 2], ["x", 2]],
        "holes": [["a", "b"], [1, None], [2, "#N/A"]],
        "merged": [["a", "both", None], [1, 2, 3]],
        "head": [["a", "b"]],
        "empty": [],
    }
    whole.remove(whole.active)
    for name, rows in sheets.items():
        sheet = whole.create_sheet(name)
        for row in rows:
            sheet.append(row)
    whole["holes"]["B3"].data_type = "e"
    whole["merged"].merge_cells("B1:C1")
    whole.save(path)


SHEETS = {
    "": r"b\.xlsx: this workbook has several sheets with cells, name one: '.*b\.xlsx::good'; there are good, ",
    "::other": r"b\.xlsx: no sheet 'other' in this workbook; there are good, days, hours, text, holes, merged, head",
    "::days": r"b\.xlsx::days: column 'day' must hold numbers, cell B2 holds a date \(2020-01-02\); .* --columns a \(",
    "::hours": r"column 't' must hold numbers, cell B2 holds a time \(08:30:00\)",
    "::text": r"column 'a' must hold numbers, cell A3 holds the text 'x'; keep the numeric columns: --columns b \(",
    "::holes": r"empty, or an error such as #DIV/0!, NaN or infinite in column 'b' \(cell B2, cell B3\); drop or fill",
    "::merged": r"the cells B1:C1 of the header are merged over several columns; take them apart",
    "::head": r"there are no rows of numbers in this sheet, only the header a, b",
    "::empty": r"b\.xlsx::empty: this sheet is empty",
}


@pytest.mark.parametrize("part", SHEETS)
def test_sheets(part, tmp_path):
    book(tmp_path / "b.xlsx")
    with pytest.raises(InputError, match=SHEETS[part]):
        read_table(f"{tmp_path / 'b.xlsx'}{part}")


def test_workbooks_that_cannot_be_opened(tmp_path):
    book(tmp_path / "b.xlsx")
    data = (tmp_path / "b.xlsx").read_bytes()
    (tmp_path / "cut.xlsx").write_bytes(data[: len(data) // 2])
    (tmp_path / "text.ods").write_text("a,b\n1,2\n")
    for name in ("cut.xlsx", "text.ods"):
        with pytest.raises(InputError, match=rf"{name}: not a complete workbook \(.*\); save it again"):
            read(tmp_path / name)
    # the container of a locked workbook: a header, and a part that is called so
    locked = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le") + bytes(2000)
    (tmp_path / "locked.xlsx").write_bytes(locked)
    with pytest.raises(InputError, match=r"locked\.xlsx: this workbook is locked by a password; save a copy without"):
        read(tmp_path / "locked.xlsx")


def database(path, *tables):
    with closing(sqlite3.connect(path)) as base:
        for name in tables:
            base.execute(f"create table [{name}] (x, y)")
        if tables:
            rows = [(1, 2), (1, "a"), (1, None), (2**53 + 1, 1)]
            base.executemany(f"insert into [{tables[0]}] values (?, ?)", rows)
        base.commit()


def test_databases(tmp_path):
    database(tmp_path / "d.db", 'a "b"', "u")
    place = f"{tmp_path / 'd.db'}"
    for part, said in {
        "": r"d\.db: this database has 2 tables, name one: '.*d\.db::a \"b\"'; there are a \"b\", u",
        "::q": r"d\.db: no table 'q' in this database; there are a \"b\", u",
        '::a "b"': r"column 'y' must hold numbers, row 2 holds the text 'a'; keep the numeric columns: --columns x",
        "::u": "there are no rows of numbers",
    }.items():
        with pytest.raises(InputError, match=said):
            read_table(place + part)
    with pytest.raises(
        InputError, match=r"column 'x', row 4 has the whole number 9007199254740993, which float64 would"
    ):
        read_table(place + '::a "b"', columns=["x"])
    database(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("x,y\n1,2\n")
    for name, said in {"none.db": "no tables|not a database", "text.db": "not a database of SQLite or DuckDB"}.items():
        with pytest.raises(InputError, match=said):
            read_table(tmp_path / name)


def test_a_view_reads_no_other_file(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    (tmp_path / "secret.csv").write_text("x\n1\n")
    with closing(duckdb.connect(str(tmp_path / "d.duckdb"))) as base:
        base.execute(f"create view v as select * from read_csv('{tmp_path / 'secret.csv'}')")
        base.execute("create table t as select null::double x")
    with pytest.raises(InputError, match=r"DuckDB cannot read it \(Permission Error"):
        read_table(f"{tmp_path / 'd.duckdb'}::v")
    with pytest.raises(InputError, match=r"NULL, NaN or infinite in column 'x' \(row 1\)"):
        read_table(f"{tmp_path / 'd.duckdb'}::t")


RECORDS = {
    "text.json": ('[{"x": 1}, {"x": "q"}]', "column 'x' must hold numbers, record 2 holds the text 'q'"),
    "lacks.json": ('[{"x": 1, "y": 2}, {"x": 3}]', r"missing, NaN or infinite in column 'y' \(record 2\)"),
    "more.json": ('[{"x": 1}, {"x": 3, "z": 4}]', "record 2 has the field 'z', which the first one has not"),
    "null.jsonl": ('{"x": null}\n', r"column 'x' \(line 1\)"),
    "nan.jsonl": ('{"x": 1}\n\n{"x": NaN}\n', r"column 'x' \(line 3\)"),
    "cut.jsonl": ('{"x": 1}\n{"x": 2', r"not complete JSON \(line 2: .*\); the file is cut or damaged"),
    "cut.json": ('[{"x": 1},\n{"x": 2', r"not complete JSON \(line 2: .*\); the file is cut or damaged"),
    "mixed.json": ('[{"x": 1}, 3]', "record 2 is a number, and the records must be objects or lists of numbers"),
    "nested.json": ('[{"x": {"y": 1}}]', r"record 1 holds a nested value \(\{'y': 1\}\)"),
    "twice.jsonl": ('{"x": 1, "x": 2}', "line 1: the field 'x' is there twice"),
    "rows.json": ("[[1, 2], [3]]", "record 2 has 1 numbers, expected 2"),
    "whole.json": ("[[9007199254740993]]", "the whole number 9007199254740993, which float64 would round"),
    "none.json": ("[]", "there are no records"),
    "deep.jsonl": ("[" * 100_000, "JSON that cannot be read"),
}


@pytest.mark.parametrize("name", RECORDS)
def test_records(name, tmp_path):
    text, said = RECORDS[name]
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=rf"{name}: .*{said}"):
        read(tmp_path / name)


def test_archives(tmp_path):
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("a.csv", "x\n1\n")
        archive.writestr("b.png", b"")
    with zipfile.ZipFile(tmp_path / "none.zip", "w"):
        pass
    place = f"{tmp_path / 'z.zip'}"
    for path, said in {
        place: r"this archive holds 2 files, name one: '.*z\.zip::a\.csv'; there are a\.csv, b\.png",
        f"{place}::c.csv": r"no file 'c\.csv' in this archive; there are a\.csv, b\.png",
        f"{place}::b.png": "a picture is read from a file of its own; unpack it",
        f"{place}::a.csv::b": "behind :: stands a file of an archive",
        f"{tmp_path / 'none.zip'}": "this archive holds no files",
        f"{tmp_path / 'lost.zip'}::a.csv": r"lost\.zip: no such file",
    }.items():
        with pytest.raises(InputError, match=said):
            kind_of(path)


def test_what_is_packed_out_of_all_proportion_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("mixot.io.arrays._ANY_SIZE", 1 << 20)
    rows = b"x\n" + b"1\n" * (1 << 20)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(rows))
    with zipfile.ZipFile(tmp_path / "t.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.csv", rows)
    for name in ("t.csv.gz", "t.zip"):
        with pytest.raises(InputError, match=r"what is packed takes 0\.00.* MiB in the file and 0\.00.* GiB in memory"):
            read(tmp_path / name)
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(rows)[:-9])
    (tmp_path / "no.csv.gz").write_bytes(rows)
    monkeypatch.undo()
    for name in ("cut.csv.gz", "no.csv.gz"):
        with pytest.raises(InputError, match=rf"{name}: not a complete \.gz file \(.*\); pack it again"):
            read(tmp_path / name)


def test_folders_and_patterns(tmp_path):
    for name in ("a.csv", "b.tsv"):
        (tmp_path / name).write_text("x\n1\n")
    for path, said in {
        tmp_path: r"a folder, without \.parquet files; of others, name a pattern: '.*\*\.csv'",
        tmp_path / "*.npy": "no such file, and no file is called like this pattern",
        tmp_path / "*": r"files of several kinds are called like this: \.csv, \.tsv",
    }.items():
        with pytest.raises(InputError, match=said):
            read(path)


@pytest.mark.parametrize(
    ("module", "extra", "name"),
    [
        ("python_calamine", "excel", "t.xlsx"),
        ("duckdb", "duckdb", "t.duckdb"),
        ("zstandard", "zstd", "t.csv.zst"),
        ("pyarrow.feather", "table", "t.feather"),
    ],
)
def test_a_missing_reader_is_named_with_its_extra(module, extra, name, tmp_path, monkeypatch):
    (tmp_path / name).write_bytes(b"\0" * 8 + b"DUCK" + b"\0" * 8)
    load = extras.import_module

    def without(wanted):
        if wanted == module:
            raise ModuleNotFoundError(name=wanted)
        return load(wanted)

    monkeypatch.setattr(extras, "import_module", without)
    with pytest.raises(UnsupportedError, match=rf'needs the package "{module}".*pip install "mixot\[{extra}\]"$'):
        read_table(tmp_path / name)


def test_a_command_says_it_on_one_line(tmp_path):
    database(tmp_path / "d.db", "t", "u")
    (tmp_path / "r.json").write_text(json.dumps([{"x": x, "n": 1 + x % 2, "who": "a"} for x in range(20)]))
    (tmp_path / "o.json").write_text('{"x": [1, 2]}')
    for words, code, said in [
        (["d.db"], 1, "error: d.db: this database has 2 tables, name one: 'd.db::t'; there are t, u\n"),
        (
            ["o.json"],
            1,
            'a table in JSON is a list of records, [{"x": 1, "y": 2}, ...], or, as .jsonl, one on each line',
        ),
        (["r.json", "-k", "1", "--columns", "x", "--weights", "n", "-o", "m.json"], 0, ""),
    ]:
        run = [sys.executable, "-m", "mixot", "fit", *words]
        done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr.count("\n")) == (code, code)
        assert said in done.stderr
    mean = sum(x * (1 + x % 2) for x in range(20)) / 30
    assert abs(load(tmp_path / "m.json").mean()[0] - mean) < 1e-9
