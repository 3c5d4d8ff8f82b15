"""Tables: every format gives back what was written, and the layout of text is found out."""

import csv
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixot import AccuracyWarning, InputError, read
from mixot.io import Table, read_table, tables, write_table
from mixot.io.columns import listed, shortened


@pytest.mark.parametrize("suffix", tables.SUFFIXES)
def test_every_format_round_trips_exactly(suffix, rng, tmp_path):
    values = rng.standard_normal((30, 3)) * 10.0 ** rng.integers(-200, 200, (30, 3))
    write_table(tmp_path / f"t{suffix}", values, ["a", "b c", "ü"])
    table = read_table(tmp_path / f"t{suffix}")
    np.testing.assert_array_equal(table.values, values)
    assert table.columns == (("x1", "x2", "x3") if suffix == ".npy" else ("a", "b c", "ü"))
    np.testing.assert_array_equal(read(tmp_path / f"t{suffix}").points, values)


@pytest.mark.parametrize("suffix", tables.SUFFIXES)
def test_columns_are_selected_in_the_order_asked(suffix, rng, tmp_path):
    values = rng.standard_normal((4, 3))
    write_table(tmp_path / f"t{suffix}", values)
    chosen = read_table(tmp_path / f"t{suffix}", columns=["x3", "x1"])
    np.testing.assert_array_equal(chosen.values, values[:, [2, 0]])
    assert chosen.columns == ("x3", "x1")
    with pytest.raises(InputError, match=r"no column 'y'; columns are x1, x2, x3"):
        read_table(tmp_path / f"t{suffix}", columns=["y"])


LAYOUTS = {
    "comma": ("a,b\n1,2\n3,4\n", ("a", "b")),
    "semicolon": ("a;b\n1;2\n3;4\n", ("a", "b")),
    "tab": ("a\tb\n1\t2\n3\t4\n", ("a", "b")),
    "bar": ("a|b\n1|2\n3|4\n", ("a", "b")),
    "blanks": ("a  b\n1   2\n3 4\n", ("a", "b")),
    "no header": ("1,2\n3,4\n", ("x1", "x2")),
    "quotes": ('"a","b"\n"1","2"\n"3","4"\n', ("a", "b")),
    "comma in a name": ('"a, first";b\n1;2\n3;4\n', ("a, first", "b")),
    "comments and empty lines": ("# made by hand\n\na,b\n1,2\n\n# half\n3,4\n", ("a", "b")),
    "windows": ("\ufeffa,b\r\n1,2\r\n3,4\r\n", ("a", "b")),
    "row labels of pandas": (",a,b\n0,1,2\n1,3,4\n", ("a", "b")),
    "row labels of R": ('"",a,b\n"x",1,2\n"y",3,4\n', ("a", "b")),
    "years as names": ("name,2019\n1,2\n3,4\n", ("name", "2019")),
    "no last newline": ("a,b\n1,2\n3,4", ("a", "b")),
    "lines in quotes": ('a,b,note\n1,2,"two\nlines"\n3,4,"# no comment\n\n"\n', ("a", "b")),
    "lines in a name": ('"a\nb",b\n1,2\n3,4\n', ("a\nb", "b")),
    "old ends of lines": ("a,b\r1,2\r3,4\r", ("a", "b")),
    "quotes and blanks": ('"a b" c\n"1" 2\n3 4\n', ("a b", "c")),
    "years in quotes": ('"2019","2020"\n1,2\n3,4\n', ("2019", "2020")),
    "blank lines and comments in between": ("a,b\n\n  \n1,2\n#\n  # so\n3,4\n\n", ("a", "b")),
    "scientific": ("a,b\n1e0,2.0\n+3,4.000\n", ("a", "b")),
}


@pytest.mark.parametrize(("text", "columns"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_the_layout_of_text_is_found_out(text, columns, tmp_path):
    (tmp_path / "t.csv").write_bytes(text.encode())
    table = read_table(tmp_path / "t.csv", columns=columns if "note" in text else None)
    assert table.columns == columns
    np.testing.assert_array_equal(table.values, [[1, 2], [3, 4]])
    assert table.named == (columns != ("x1", "x2"))


def test_one_column_is_points_on_the_line(tmp_path):
    (tmp_path / "t.csv").write_text("x\n1\n2\n3\n")
    assert read(tmp_path / "t.csv").points.shape == (3, 1)
    np.save(tmp_path / "t.npy", np.arange(3.0))
    assert read(tmp_path / "t.npy").points.shape == (3, 1)


def test_a_text_column_that_is_not_asked_for_does_no_harm(tmp_path):
    (tmp_path / "t.csv").write_text("species,x,y\nsetosa,1,2\n,3,4\n")
    np.testing.assert_array_equal(read(tmp_path / "t.csv", columns=["y"]).points, [[2], [4]])


def test_arrays_keep_float32_and_weights(tmp_path):
    points = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.savez(tmp_path / "t.npz", points=points, weights=[0.5, 0.25, 0.25])
    samples = read(tmp_path / "t.npz")
    assert samples.points.dtype == np.float32
    assert samples.weights.tolist() == [0.5, 0.25, 0.25]


def test_whole_numbers_stay_whole(tmp_path):
    write_table(tmp_path / "t.csv", [np.array([0, 1]), np.array([0.5, 0.25])], ["source", "mass"])
    assert (tmp_path / "t.csv").read_text() == "source,mass\n0,0.5\n1,0.25\n"


def test_a_table_is_a_passive_record():
    assert Table(("x",), np.zeros((2, 1))).weights is None


NOTES = {
    "years": ("2019,2020\n1.5,2.5\n", "the first row is numbers (2019, 2020) and is read as data, not as names"),
    "whole years": ("2020,2010\n3,1\n", "the first row is numbers (2020, 2010) and is read as data"),
    "positions": ("0,1,2\n0.5,0.25,1\n", "the first row is numbers (0, 1, 2) and is read as data"),
    "one year": ("2019\n1.5\n", "the first row is numbers (2019) and is read as data"),
    "text and years": ("name,2019\n1,2\n", "the first row holds text ('name') and numbers (2019) and is read as names"),
    "a slip of the pen": ("1,2,x3\n4,5,6\n", "the first row holds text ('x3') and numbers (1, 2) and is read as names"),
    "a row in comment": (
        "x,y\n1,2\n#3,4\n",
        "text that begins with # is a comment, although it has as many cells as a row, on line 3",
    ),
    "names in comment": ("#x,y\n1,2\n", "a comment, although it has as many cells as a row, on line 1"),
}


@pytest.mark.parametrize("case", NOTES)
def test_what_could_be_read_in_two_ways_has_a_note(case, tmp_path):
    text, note = NOTES[case]
    (tmp_path / "t.csv").write_text(text)
    table = read_table(tmp_path / "t.csv")
    assert len(table.notes) == 1
    assert note in table.notes[0]
    with pytest.warns(AccuracyWarning, match=re.escape(note)):
        read(tmp_path / "t.csv")


@pytest.mark.parametrize("text", ["x,y\n1,2\n", "1.5,2\n3,4\n", "4,4\n5,5\n", "x,y\n1,2\n# half\n3,4\n", "5\n3\n4\n"])
def test_what_can_be_read_in_one_way_has_none(text, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    assert read_table(tmp_path / "t.csv").notes == ()


def test_a_header_may_be_said(tmp_path):
    (tmp_path / "t.csv").write_text("2019,2020\n1,2\n")
    said = read_table(tmp_path / "t.csv", header=True)
    assert (said.columns, said.values.tolist(), said.notes) == (("2019", "2020"), [[1.0, 2.0]], ())
    assert read(tmp_path / "t.csv", header=True).points.tolist() == [[1.0, 2.0]]
    data = read_table(tmp_path / "t.csv", header=False)
    assert (data.columns, data.values.tolist(), data.notes) == (("x1", "x2"), [[2019.0, 2020.0], [1.0, 2.0]], ())
    np.save(tmp_path / "t.npy", np.eye(2))
    for call in (read_table, read):
        with pytest.raises(InputError, match=r"header is for tables in text"):
            call(tmp_path / "t.npy", header=True)


def test_no_row_is_lost_behind_quotes_and_marks(tmp_path):
    (tmp_path / "t.csv").write_text('note,x\n"hello\n",1\n"b",2\na#b,3\n#c,4\n"#d ""e""",5\n"\n\n#\n",6\n')
    assert read_table(tmp_path / "t.csv", columns=["x"]).values.ravel().tolist() == [1, 2, 3, 4, 5, 6]
    assert read_table(tmp_path / "t.csv", columns=["x"]).notes == ()
    (tmp_path / "t.csv").write_text('note,x,y\n"a,1,2\nb",3,4\n')  # line by line these are two good rows
    assert read_table(tmp_path / "t.csv", columns=["x", "y"]).values.tolist() == [[3, 4]]


DIGITS = [
    "0.1",
    "2.2250738585072014e-308",
    "5e-324",
    "9007199254740993.0",
    "1.7976931348623157e308",
    "0.30000000000000004",
]
DIGITS += [
    "123456789012345678901234567890.",
    "-0.0",
    "8.41e21",
    "2.5e-3",
    "6.02214076E+23",
    "1.00000000000000011102230246251565",
]


@pytest.mark.parametrize("quoted", [False, True])
def test_digits_are_exact_to_the_last_bit(quoted, tmp_path):
    lines = [f'"{digits}"' if quoted else digits for digits in DIGITS]
    (tmp_path / "t.csv").write_text("x\n" + "\n".join(lines) + "\n")
    found = read_table(tmp_path / "t.csv").values.ravel()
    assert found.view(np.int64).tolist() == np.array([float(digits) for digits in DIGITS]).view(np.int64).tolist()


CELLS = st.text(alphabet=st.sampled_from("ab1,;#\"'\n\r\t -.|é"), max_size=6)


@given(
    st.lists(st.tuples(CELLS, st.floats(allow_nan=False, allow_infinity=False)), min_size=1, max_size=8),
    st.sampled_from(",;\t|"),
)
def test_whatever_csv_writes_beside_the_numbers_they_come_back(rows, delimiter):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
            writer.writerow(["note", "x"])
            writer.writerows(rows)
        found = read_table(path, columns=["x"])
    assert found.values.ravel().tolist() == [number for _, number in rows]
    assert found.notes == ()


@given(
    st.lists(
        st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=2), min_size=1, max_size=8
    ),
    st.booleans(),
)
def test_both_ways_to_parse_agree(rows, named):
    """Without quotes NumPy parses, with them the csv module."""
    head = "first,second\n" if named else ""
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for mark in ("", '"'):
            text = head + "".join(f"{mark}{a!r}{mark},{b!r}\n" for a, b in rows)
            (Path(folder) / "t.csv").write_text(text)
            found.append(read_table(Path(folder) / "t.csv", header=named).values)
    assert found[0].tolist() == found[1].tolist() == rows


def test_points_of_an_npz_are_found_wherever_they_stand(tmp_path, rng):
    points = rng.standard_normal((3, 2))
    np.savez(tmp_path / "t.npz", weights=[0.2, 0.3, 0.5], columns=["a", "b"], points=points)
    table = read_table(tmp_path / "t.npz")
    np.testing.assert_array_equal(table.values, points)
    assert table.columns == ("a", "b")
    assert table.weights.tolist() == [0.2, 0.3, 0.5]


# First rows of whole numbers, with the row below: whether they may be names, so that a note says so.
LOOKS = [
    ("1500,1500", "3,4", True),
    ("1499,1499", "3,4", False),
    ("2200,2200", "3,4", True),
    ("2201,2201", "3,4", False),
    ("2000,1990", "1500,2200", False),  # years over years
    ("2000,1990", "1499,2000", True),
    ("2000,1990", "2000,2201", True),
    ("7,8", "9,9", True),  # they rise
    ("7,7", "9,9", False),
    ("8,7", "9,9", False),
    ("8,7", "9,9.5", True),  # whole over decimal numbers
    ("8,7", " +9,-9", False),
    ("7,7", "9,9.5", False),  # one name twice
    ("8", "9", False),
    ("123456789,1234567890", "9,9", False),  # too long for a name
    ("12345678,123456789", "9,9", True),
]


@pytest.mark.parametrize(("first", "second", "noted"), LOOKS)
def test_whole_numbers_that_may_be_names(first, second, noted, tmp_path):
    (tmp_path / "t.csv").write_text(f"{first}\n{second}\n")
    table = read_table(tmp_path / "t.csv")
    assert (len(table.values), table.named) == (2, False)
    assert bool(table.notes) == noted


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        ('"2019","2020"\n1,2\n', ("2019", "2020"), 1),  # only the first row is in quotes
        ('"2019","2020"\n"1","2"\n', ("x1", "x2"), 2),
        ("a,b\n1,2\n", ("a", "b"), 1),
        ("a,\n1,2\n", ("a",), 1),  # a column without a name holds the labels of the rows
        ("x;y\n1;2\n", ("x", "y"), 1),
        ("x y\n1 2\n3 4\n", ("x", "y"), 2),
        ('x "two words"\n1 2\n', ("x", "two words"), 1),
        ('"a ""b""" c\n1 2\n', ('a "b"', "c"), 1),
        ("body mass\n1\n2\n", ("body mass",), 2),  # the blanks of one name
        ('"a\nb",c\n1,2\n', ("a\nb", "c"), 1),  # a name on two lines
        ("\n\n# says\nx,y\n\n1,2\n", ("x", "y"), 1),
        ("#x y\nx,y\n1,2\n", ("x", "y"), 1),
        ("x\ty\n1\t2\n", ("x", "y"), 1),
        ("x|y\n1|2\n", ("x", "y"), 1),
    ],
)
def test_names_and_rows_in_every_layout(text, columns, rows, tmp_path):
    (tmp_path / "t.txt").write_text(text)
    table = read_table(tmp_path / "t.txt")
    assert (table.columns, len(table.values)) == (columns, rows)


def test_rows_of_text_are_named_by_their_lines(tmp_path):
    rows = ["a,b,c", *(f"{i},{'' if i in (2, 3, 5, 7, 8, 9) else i},{'nan' if i == 4 else i}" for i in range(10))]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    said = "in column 'b' on 6 lines: 4, 5, 7, 9, 10, ...; column 'c' on line 6; drop or fill"
    with pytest.raises(InputError, match=re.escape(said)):
        read_table(tmp_path / "t.csv")
    with pytest.raises(InputError, match="in column 'c' on line 6; drop"):
        read_table(tmp_path / "t.csv", columns=["a", "c"])
    assert read_table(tmp_path / "t.csv", columns=["a"]).values[:, 0].tolist() == list(range(10))
    for holes, more in ((5, ""), (6, "; 1 more columns"), (7, "; 2 more columns")):
        (tmp_path / "w.csv").write_text(",".join("abcdefgh") + "\n1" + ",NA" * holes + ",1" * (7 - holes) + "\n")
        with pytest.raises(InputError, match=f"column 'f' on line 2{more}; drop or fill"):
            read_table(tmp_path / "w.csv")


@pytest.mark.parametrize("word", ["", "NA", "n/a", "NaN", "null", "None", "?", "-", "inf", "-inf"])
def test_what_stands_for_nothing_is_a_hole_and_no_text(word, tmp_path):
    (tmp_path / "t.csv").write_text(f"x,y\n1,2\n3,{word}\n")
    with pytest.raises(InputError, match=r"every cell must be a finite number; .* in column 'y' on line 3"):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("cell", "remark"),
    [
        ("1,5", "write decimals with a point"),
        ("-12,75", "write decimals with a point"),
        ("1,234", "1234 or 1.234? write numbers without marks between thousands"),
        ("1_000", "write numbers without marks between thousands"),
        ("1.5 #", "only whole lines are comments"),
        ("about 3", None),
        ("1_00", None),
    ],
)
def test_a_text_is_told_with_what_may_have_been_meant(cell, remark, tmp_path):
    (tmp_path / "t.csv").write_text(f"x;y\n1.5;2\n2;{cell}\n3;{cell}\n")
    with pytest.raises(InputError) as refused:
        read_table(tmp_path / "t.csv")
    said = str(refused.value)
    assert f"column 'y' must hold numbers, line 3 has {cell!r}" in said
    assert "keep the numeric columns: --columns x (" in said
    assert (f"({remark})" in said) if remark else ("write" not in said and "comments" not in said)


def test_a_row_of_another_length_is_named(tmp_path):
    for text, line, cells in (("x,y\n1,2\n3\n", 3, 1), ("x,y\n1,2,3\n", 2, 3), ("# c\nx,y\n\n1,2\n1,2,\n", 5, 3)):
        (tmp_path / "t.csv").write_text(text)
        for columns in (None, ["x"]):
            with pytest.raises(InputError, match=f"line {line} has {cells} cells, expected 2; mend that line"):
                read_table(tmp_path / "t.csv", columns=columns)


def test_a_table_without_rows_or_without_columns(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    none = pytest.importorskip("pandas").DataFrame(index=["a", "b"])
    none.to_parquet(tmp_path / "columns.parquet")
    parquet.write_table(arrow.table({"x": arrow.array([], arrow.float64())}), tmp_path / "rows.parquet")
    (tmp_path / "empty.csv").write_text("\n# nothing\n")
    for name in ("columns.parquet", "rows.parquet", "empty.csv"):
        with pytest.raises(InputError, match=f"{name}: there are no rows of numbers in this table$"):
            read_table(tmp_path / name)
    (tmp_path / "head.csv").write_text("x,y\n")
    with pytest.raises(InputError, match=r"only the header x, y$"):
        read_table(tmp_path / "head.csv")


def test_names_in_an_npz_are_one_list_of_texts(tmp_path):
    path, points = tmp_path / "t.npz", np.eye(2)
    for names in (np.array(["u", "v"]), np.array([b"u", b"v"])):
        np.savez(path, points=points, columns=names)
        table = read_table(path, columns=["v"])
        assert (table.columns, table.named, table.values.tolist()) == (("v",), True, [[0.0], [1.0]])
    for names in (np.array([["u"], ["v"]]), np.array([1, 2])):
        np.savez(path, points=points, columns=names)
        with pytest.raises(InputError, match="columns must be a list of names"):
            read_table(path)
    np.savez(path, points=points)
    assert (read_table(path).columns, read_table(path).named) == (("x1", "x2"), False)


def test_columns_that_are_asked_for_wrongly(tmp_path):
    (tmp_path / "t.csv").write_text("u,v,u\n1,2,3\n")
    with pytest.raises(InputError, match="no column 'w', 'z'; columns are u, v, u"):
        read_table(tmp_path / "t.csv", columns=["w", "v", "z"])
    with pytest.raises(InputError, match="several columns are called 'u'"):
        read_table(tmp_path / "t.csv", columns=["v", "u"])
    assert read_table(tmp_path / "t.csv").names is None
    with pytest.raises(InputError, match=r"columns must name the 2 columns, got 1 names"):
        write_table(tmp_path / "o.csv", np.eye(2), ["u"])
    assert (listed([f"{i}" for i in range(20)]).count(","), listed(list("abc"), 2)) == (19, "a, b and 1 more")
    assert (shortened("x" * 60), shortened("x" * 61)) == ("x" * 60, "x" * 60 + "...")


@pytest.mark.parametrize(
    ("text", "columns", "values"),
    [
        ("a;b\n1,5;2\n-3;0,25\n", ("a", "b"), [[1.5, 2.0], [-3.0, 0.25]]),
        ("1,5;2,5\n3,5;4\n", ("x1", "x2"), [[1.5, 2.5], [3.5, 4.0]]),  # the first row is no header
        ('"q 0,5";b\n1,234;"0,5"\n', ("q 0,5", "b"), [[1.234, 0.5]]),
        ("0,5;0,9\n1;2\n", ("x1", "x2"), [[0.5, 0.9], [1.0, 2.0]]),
        ("a\tb\n1,5e3\t,5\n", ("a", "b"), [[1500.0, 0.5]]),
        ("a b\n1,5 7,\n", ("a", "b"), [[1.5, 7.0]]),
    ],
)
def test_decimal_commas_are_read_where_they_can_be_nothing_else(text, columns, values, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    table = read_table(tmp_path / "t.csv")
    assert table.columns == columns
    assert table.values.tolist() == values
    assert table.notes == ("decimals are written with commas, and read so",)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("a;b\n1,234;5\n", "'1,234' (1234 or 1.234? write numbers without marks between thousands)"),
        ("a;b\n1,5;2.5\n", "'1,5' (write decimals with a point)"),
        ("a;b\n1.234,5;2.5\n", "'1.234,5' (write numbers without marks between thousands)"),
        ('a,b\n"1,5",2\n', "'1,5' (write decimals with a point)"),
    ],
)
def test_commas_that_could_be_something_else_are_refused_by_name(text, cell, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=re.escape(f"column 'a' must hold numbers, line 2 has {cell}")):
        read_table(tmp_path / "t.csv")


def test_commas_in_text_change_no_numbers(tmp_path):
    (tmp_path / "t.tsv").write_text("who\tx\nSmith, J\t1.5\n3,4\t2\n")
    table = read_table(tmp_path / "t.tsv", columns=["x"])
    assert table.values.tolist() == [[1.5], [2.0]]
    assert table.notes == ()
