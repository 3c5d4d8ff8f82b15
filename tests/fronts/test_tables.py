"""Tables: every format gives back what was written, and the layout of text is found out."""

import numpy as np
import pytest

from mixot import InputError, read
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
    "scientific": ("a,b\n1e0,2.0\n+3,4.000\n", ("a", "b")),
}


@pytest.mark.parametrize(("text", "columns"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_the_layout_of_text_is_found_out(text, columns, tmp_path):
    (tmp_path / "t.csv").write_bytes(text.encode())
    table = read_table(tmp_path / "t.csv")
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
