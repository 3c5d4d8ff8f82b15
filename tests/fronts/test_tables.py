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


DIGITS = [
    "0.1",
    "2.2250738585072014e-308",
    "5e-324",
    "9007199254740993",
    "1.7976931348623157e308",
    "0.30000000000000004",
]
DIGITS += [
    "123456789012345678901234567890",
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
