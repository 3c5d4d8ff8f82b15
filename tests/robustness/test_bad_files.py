"""Bad files, each with the message a person needs: which file, which place, what to do."""

import json
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mixot import Gaussian, InputError, Mixture, UnsupportedError, as_measure, io, load, read, save
from mixot.io import Picture, read_picture, read_table, replacing, write_picture, write_table

MODEL = Mixture([0.3, 0.7], Gaussian([0.0, 1.0], [0.01, 0.04]))


def changed(path, **fields):
    document = json.loads(path.read_text())
    path.write_text(json.dumps({name: value for name, value in (document | fields).items() if value is not ...}))
    return path


@pytest.fixture
def model(tmp_path):
    save(MODEL, tmp_path / "m.json")
    return tmp_path / "m.json"


# Models


@pytest.mark.parametrize("suffix", [".json", ".npz"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_model_that_is_cut(suffix, share, tmp_path):
    path = tmp_path / f"m{suffix}"
    save(MODEL, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=rf"m\{suffix}.*(save the model|write it) again"):
        load(path)


def test_a_model_with_a_flipped_byte(tmp_path):
    path = tmp_path / "m.npz"
    save(MODEL, path)
    data = path.read_bytes()
    refused = 0
    for at in range(0, len(data), 7):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        try:
            model = load(path)  # a byte of a time stamp does not matter
        except InputError as error:
            assert "m.npz" in str(error)  # noqa: PT017
            refused += 1
        else:
            np.testing.assert_array_equal(model.weights, MODEL.weights)
            np.testing.assert_array_equal(model.components.means, MODEL.components.means)
            np.testing.assert_array_equal(model.components.covs, MODEL.components.covs)
    assert refused > len(data) / 7 / 2


def test_a_number_that_is_altered_is_found_by_its_checksum(tmp_path):
    path = tmp_path / "m.npz"
    for write, read_back in (
        (lambda: save(MODEL, path), load),
        (lambda: write_table(path, np.full((1, 1), 0.3)), read),
    ):
        write()
        data = path.read_bytes()
        assert data.count(np.float64(0.3).tobytes()) == 1
        path.write_bytes(data.replace(np.float64(0.3).tobytes(), np.float64(0.3 + 1e-9).tobytes()))
        with pytest.raises(InputError, match=r"m\.npz: not a complete \.npz file \(Bad CRC-32"):
            read_back(path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"version": 2}, r"newer mixot \(format version 2, this one reads up to 1\); pip install --upgrade mixot"),
        ({"version": "1"}, "format version must be a positive whole number, got '1'"),
        ({"version": True}, "format version"),
        ({"version": 0}, "format version must be a positive whole number, got 0"),
        ({"version": -1}, "format version must be a positive whole number, got -1"),
        ({"version": ...}, "format version must be a positive whole number, got None"),
        ({"format": "other"}, "not a mixot model"),
        ({"format": ...}, "not a mixot model"),
        ({"family": "cauchy"}, "unknown family 'cauchy'"),
        ({"family": 3}, "unknown family '3'"),
        ({"weights": "heavy"}, "weights must be numbers"),
        ({"weights": [0.3, "x"]}, "weights must be numbers"),
        ({"weights": None}, "weights must be numbers"),
        ({"weights": [0.3, 0.3]}, "weights must sum to one"),
        ({"weights": [0.3]}, "weights must have shape"),
        ({"components": [1, 2]}, r"are \['covs', 'means'\], got list"),
        ({"components": {"means": [[0.0], [1.0]]}}, r"are \['covs', 'means'\], got \['means'\]"),
        ({"components": {"means": [[0.0], [1.0, 2.0]], "covs": [[[1.0]]]}}, "rows of equal length"),
        ({"components": {"means": [[0.0], [1.0]], "covs": [[[1.0]], [[-1.0]]]}}, "positive semi-definite"),
        ({"components": {"means": [[0.0], [float("nan")]], "covs": [[[1.0]], [[1.0]]]}}, "finite"),
    ],
)
def test_a_model_that_says_something_else(fields, message, model):
    with pytest.raises(InputError, match=message) as refused:
        load(changed(model, **fields))
    assert str(model) in str(refused.value)


@pytest.mark.parametrize(
    "text", ["[]", "3", "null", '"x"', "{}", "[" * 100_000, "\x00", "7" * 5000, '{"a": ' + "7" * 5000]
)
def test_json_that_is_no_model(text, model):
    model.write_text(text)
    with pytest.raises(InputError, match=r"m\.json"):
        load(model)


def test_a_mark_before_json_does_no_harm(model):
    model.write_bytes(b"\xef\xbb\xbf" + model.read_bytes())
    np.testing.assert_array_equal(load(model).weights, MODEL.weights)


@pytest.mark.parametrize("name", ["weights", "means", "version"])
def test_a_field_that_is_there_twice(name, model):
    text = model.read_text()
    at = text.index(f'"{name}"')
    twice = {
        "weights": '"weights": [0.7, 0.3],\n',
        "version": '"version": 1,\n',
        "means": '"means": [[5.0], [6.0]],\n',
    }[name]
    model.write_text(text[:at] + twice + text[at:])
    with pytest.raises(InputError, match=rf"m\.json: the field '{name}' is there twice; save the model again"):
        load(model)


def test_a_pickle_is_never_opened(tmp_path):
    np.savez(tmp_path / "m.npz", format=np.array(["mixot mixture", {}], dtype=object))
    with pytest.raises(InputError, match=r"m\.npz"):
        load(tmp_path / "m.npz")
    np.save(tmp_path / "t.npy", np.array([{}], dtype=object))
    with pytest.raises(InputError, match=r"t\.npy"):
        read(tmp_path / "t.npy")


# Tables


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,kind\n1,a\n2,b\n", r"column 'kind' must hold numbers, line 2 has 'a'; .* --columns x \("),
        ("x,y\n1,2\n3,abc\n", r"column 'y' must hold numbers, line 3 has 'abc'"),
        ("1,2\n3,4\n5,oops\n", r"column 'x2' must hold numbers, line 3 has 'oops'"),
        ("x,y\n1,2\n3,\n5,6\n", r"column 'y' on line 3; drop or fill"),
        ("x,y\nnan,2\n3,4\ninf,6\nNA,1\n", r"finite number.*column 'x' on 3 lines: 2, 4, 5"),
        ("x\n" + "nan\n" * 9, r"on 9 lines: 2, 3, 4, 5, 6, \.\.\."),
        ("x,y\n1,2\n3\n", "line 3 has 1 cells, expected 2"),
        ("x,y\n1,2\n3,4,5\n", "line 3 has 3 cells, expected 2"),
        ("x,y,z\n1,2\n3,4\n", "line 2 has 2 cells, expected 3"),
        ("x,y\n1,2,3\n4,5,6\n", "line 2 has 3 cells, expected 2"),
        ("x,y\n", "no rows of numbers in this table, only the header x, y"),
        ("", "no rows of numbers"),
        ("# nothing\n\n", "no rows of numbers"),
        ("a,b\nc,d\n", "column 'a' must hold numbers, line 2 has 'c'"),
        ('x,y\n"1,2\n', "line"),
        ("1.5;2,5\n3;4,5\n", r"column 'x2' must hold numbers, line 1 has '2,5' \(write decimals with a point\)"),
        (
            'x,y\n"1,234",2\n',
            r"line 2 has '1,234' \(1234 or 1.234\? write numbers without marks between thousands\); .* --columns y",
        ),
        ("x\n1_000\n", "line 2 has '1_000'"),
        ("a,b\n1,2#5", r"column 'b' must hold numbers, line 2 has '2#5' \(only whole lines are comments\)"),
        ("a,b\n1,2 # note\n", "line 2 has '2 # note'"),
        ("a b\n1 2 # note\n", "line 2 has 4 cells, expected 2"),
        (",,\n,,\n", "column 'x1' on 2 lines: 1, 2; column 'x2'"),
        ("x,y\n1,2\n,\n3,4\n", "column 'x' on line 3; column 'y' on line 3"),
        ('x,y\n1,2\n"3"0,4\n', "from line 3 on: ',' expected after '\"'"),
        ('x,y\n1,2\n3,"4\n5,6\n', "from line 3 on: unexpected end of data; a quote that is not closed"),
        ('note,x\n"two\nlines",1\nb,oops\n', "column 'note' must hold numbers, line 2 has"),
        ("2019,\n1,2\n", "column 'x2' on line 1"),
        *[
            (f"x,y\n1,{hole}\n", "empty, NaN or infinite in column 'y' on line 2")
            for hole in ("", "NA", "n/a", "NaN", "null", "None", "?", "-", "inf", " ", '""')
        ],
    ],
)
def test_text_that_is_no_table_of_numbers(text, message, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=message) as refused:
        read(tmp_path / "t.csv")
    assert "t.csv" in str(refused.value)


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n\0\0\0", b"PK\x03\x04\0\0", b"\xff\xfex\0,\0y\0", bytes(range(256))]
)
@pytest.mark.parametrize("suffix", io.tables.SUFFIXES)
def test_binary_that_is_no_table(data, suffix, tmp_path):
    (tmp_path / f"t{suffix}").write_bytes(data)
    with pytest.raises(InputError, match=rf"t\{suffix}"):
        read(tmp_path / f"t{suffix}")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet"])
def test_arrays_that_are_cut(suffix, rng, tmp_path):
    path = tmp_path / f"t{suffix}"
    write_table(path, rng.standard_normal((50, 3)))
    whole = path.read_bytes()
    for share in (0.0, 0.3, 0.9):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(InputError, match=rf"t\{suffix}"):
            read(path)


@pytest.mark.parametrize("text", ["x,y,z\n1,2,3\n4,5\n", "x,y,z\n1,2,3\n4,5,6,7\n", "x,y,z\n1,2,3\n#4\n5,6\n"])
def test_a_row_of_another_length_is_seen_in_columns_that_are_not_asked_for(text, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=r"line [34] has [24] cells, expected 3"):
        read(tmp_path / "t.csv", columns=["x"])


def test_a_text_line_is_named_where_its_row_begins(tmp_path):
    (tmp_path / "t.csv").write_text('note,x\n"two\nlines",1\nb,oops\n')
    with pytest.raises(InputError, match="column 'x' must hold numbers, line 4 has 'oops'"):
        read(tmp_path / "t.csv", columns=["x"])


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_arrays_of_nothing(shape, tmp_path):
    for name, save_array in (("t.npy", np.save), ("t.npz", np.savez)):
        save_array(tmp_path / name, np.zeros(shape))
        with pytest.raises(InputError, match=r"there are no rows of numbers in this table, its shape is \("):
            read(tmp_path / name)


ALTERED = [(b"(2, 2)", new) for new in (b"(1, 2)", b"(9, 9)", b"(x, 2)", b"(2.,2)", b"((((((")]
ALTERED += [(b"'<f8'", b"'|O8'"), (b"'<f8'", b"'<q9'"), (b"'descr'", b"'decsr'"), (b"{", b"["), (b"}", b"{")]
ALTERED += [(b"\x93NUM", b"\x93NAM"), (b"Y\x01\x00", b"Y\x03\x00"), (b"Y\x01\x00", b"Y\x02\x00")]
ALTERED += [(b"v\x00", b"v\xff"), (b"False", b"Fal\xffe")]


@pytest.mark.parametrize(("old", "new"), ALTERED)
def test_a_header_of_an_array_that_is_altered(old, new, tmp_path):
    np.save(tmp_path / "t.npy", np.full((2, 2), 0.5))
    data = (tmp_path / "t.npy").read_bytes()
    assert old in data
    (tmp_path / "t.npy").write_bytes(data.replace(old, new, 1))
    with pytest.raises(InputError, match=r"t\.npy: not a complete \.npy file"):
        read(tmp_path / "t.npy")


def test_what_inflates_out_of_all_proportion_is_not_read(tmp_path, monkeypatch):
    import tracemalloc

    monkeypatch.setattr("mixot.io.arrays._ANY_SIZE", 1 << 22)
    zeros = np.zeros((1 << 19) + 1)  # 4 MiB
    np.savez_compressed(tmp_path / "t.npz", points=np.eye(2), unused=zeros)
    np.savez_compressed(tmp_path / "u.npz", points=zeros)
    tracemalloc.start()
    np.testing.assert_array_equal(read(tmp_path / "t.npz").points, np.eye(2))  # what is not needed stays where it is
    with pytest.raises(
        InputError, match=r"u\.npz: the array 'points' takes 0\.00.* MiB in the file and 0\.00.* GiB in"
    ):
        read(tmp_path / "u.npz")
    assert tracemalloc.get_traced_memory()[1] < 1 << 21
    tracemalloc.stop()
    np.savez(tmp_path / "v.npz", points=zeros)  # not compressed, so somebody means it
    assert len(read(tmp_path / "v.npz")) == len(zeros)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_array_that_is_there_twice(tmp_path):
    import zipfile

    np.savez(tmp_path / "t.npz", points=np.eye(2))
    with zipfile.ZipFile(tmp_path / "t.npz", "a") as archive:
        archive.writestr("points.npy", archive.read("points.npy"))
    with pytest.raises(InputError, match=r"t\.npz: the array 'points' is there twice"):
        read(tmp_path / "t.npz")


def test_arrays_that_are_no_table(tmp_path):
    path = tmp_path / "t.npz"
    for arrays, message in [
        ({"a": np.zeros(3), "b": np.zeros(3)}, 'one called "points", got a, b'),
        ({"points": np.zeros((2, 2, 2))}, r"shape \(2, 2, 2\)"),
        ({"points": np.array(["x"])}, "expected numbers"),
        ({"points": np.array([[1.0], [np.nan]])}, r"1 rows \(counted from 0\): 1"),
        ({"points": np.zeros((2, 2)), "columns": np.array(["x"])}, "1 names for 2 columns"),
        ({"points": np.zeros((2, 1)), "weights": np.array([0.5, 0.6])}, "sum to one"),
        ({"points": np.zeros((2, 1)), "columns": np.array(3)}, "columns must be a list of names"),
        ({"points": np.zeros((2, 1)), "columns": np.array([3])}, "columns must be a list of names"),
        ({}, "got none"),
    ]:
        np.savez(path, **arrays)
        with pytest.raises(InputError, match=message):
            read(path)


def test_parquet_with_text_or_holes(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": [1.0, None, 3.0], "kind": ["a", "b", "c"]})
    frame.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"column 'kind' must hold numbers.*first value 'a'.*--columns x"):
        read(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"1 rows \(counted from 0\): 1"):
        read(tmp_path / "t.parquet", columns=["x"])


def test_parquet_keeps_what_it_holds(tmp_path):
    from decimal import Decimal

    arrow = pytest.importorskip("pyarrow")
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": [0.1, 0.2], "b": [True, False]}, index=[7, 9])
    frame["exact"] = [Decimal("0.1"), Decimal("1234567890.123456789")]
    frame.to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert table.columns == ("x", "b", "exact")  # the labels of the rows are no data
    assert table.values.tolist() == [[0.1, 1.0, 0.1], [0.2, 0.0, 1234567890.123456789]]
    big = arrow.table({"n": arrow.array([2**53, 2**62])})
    arrow.parquet.write_table(big, tmp_path / "n.parquet")
    assert read_table(tmp_path / "n.parquet").values.ravel().tolist() == [2.0**53, 2.0**62]
    arrow.parquet.write_table(arrow.table([[1.0], [2.0]], names=["x", "x"]), tmp_path / "d.parquet")
    with pytest.raises(InputError, match=r"d\.parquet: several columns are called 'x'"):
        read_table(tmp_path / "d.parquet")


def test_parquet_that_inflates_out_of_all_proportion(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    same = arrow.table({name: np.zeros(6_000_000, np.int8) for name in "abcdefg"})
    arrow.parquet.write_table(same, tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"t\.parquet: the table takes .* MiB in the file and 0\.313 GiB in memory"):
        read_table(tmp_path / "t.parquet")


# Pictures


@pytest.mark.parametrize("suffix", io.pictures.SUFFIXES)
@pytest.mark.parametrize("data", [b"", b"not a picture at all", bytes(300)])
def test_a_picture_that_is_not_one(suffix, data, tmp_path):
    (tmp_path / f"p{suffix}").write_bytes(data)
    with pytest.raises(InputError, match=rf"p\{suffix}: not a picture"):
        read(tmp_path / f"p{suffix}")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp", ".webp"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_picture_that_is_cut(suffix, dtype, rng, tmp_path):
    path = tmp_path / f"p{suffix}"
    write_picture(path, Picture(rng.integers(0, 200, (40, 40, 3)).astype(dtype)))
    whole = path.read_bytes()
    for share in (0.2, 0.6, 0.95):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(InputError, match=rf"p\{suffix}"):
            read_picture(path)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_png_that_ends_between_two_chunks(dtype, rng, tmp_path):
    path = tmp_path / "p.png"
    write_picture(path, Picture(rng.integers(0, 200, (9, 9, 3)).astype(dtype)))
    whole, at, ends = path.read_bytes(), 8, []
    while at < len(whole):
        ends.append(at)
        at += 12 + int.from_bytes(whole[at : at + 4], "big")
    assert whole[ends[-1] + 4 :][:4] == b"IEND"
    for end in ends:
        path.write_bytes(whole[:end])
        with pytest.raises(InputError, match=r"p\.png"):
            read_picture(path)


def test_a_deep_png_with_a_flipped_byte(rng, tmp_path):
    path = tmp_path / "p.png"
    write_picture(path, Picture(rng.integers(0, 60_000, (9, 9, 3)).astype(np.uint16)))
    data = bytearray(path.read_bytes())
    for at in range(30, len(data) - 12, 11):
        broken = bytearray(data)
        broken[at] ^= 0x55
        path.write_bytes(broken)
        with pytest.raises(InputError, match=r"p\.png"):
            read_picture(path)


def test_a_deep_png_with_an_unknown_filter(tmp_path):
    import struct
    import zlib

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 2, 16, 2, 0, 0, 0))
    for kind, refused in ((4, False), (5, True), (255, True)):
        lines = zlib.compress(bytes(7) + bytes([kind]) + bytes(6))
        png = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", lines) + chunk(b"IEND", b"")
        (tmp_path / "p.png").write_bytes(png)
        if refused:
            with pytest.raises(InputError, match=r"p\.png: the PNG is damaged \(unknown line filter\)"):
                read_picture(tmp_path / "p.png")
        else:
            assert read_picture(tmp_path / "p.png").pixels.tolist() == [[[0, 0, 0]], [[0, 0, 0]]]
    too_much = chunk(b"IDAT", zlib.compress(bytes(10**6)))
    (tmp_path / "p.png").write_bytes(b"\x89PNG\r\n\x1a\n" + head + too_much + chunk(b"IEND", b""))
    with pytest.raises(InputError, match=r"p\.png: the PNG is cut or damaged"):
        read_picture(tmp_path / "p.png")


def test_greys_out_of_range(tmp_path):
    import tifffile

    for values in ([[0.0, 1.5]], [[-0.1, 1.0]], [[0.0, np.nan]]):
        tifffile.imwrite(tmp_path / "p.tif", np.array(values, np.float32))
        with pytest.raises(InputError, match=r"p\.tif: expected 8 or 16 bits a channel, or floats in \[0, 1\]"):
            read_picture(tmp_path / "p.tif")
    for values in ([[70_000, 1]], [[-1, 1]]):
        tifffile.imwrite(tmp_path / "p.tif", np.array(values, np.int32))
        with pytest.raises(InputError, match=r"p\.tif: expected 8 or 16 bits"):
            read_picture(tmp_path / "p.tif")
        with pytest.raises(InputError, match=r"grey values must lie in 0 \.\. 65535"):
            as_measure(Image.fromarray(np.array(values, np.int32)))
    assert as_measure(Image.fromarray(np.array([[0, 65535]], np.int32))).points.tolist() == [[0.0], [1.0]]
    tifffile.imwrite(
        tmp_path / "p.tif",
        np.zeros((4, 4, 5), np.uint16),
        photometric="rgb",
        planarconfig="contig",
        extrasamples=[0, 0],
    )
    with pytest.raises(
        InputError, match=r"p\.tif: a picture has shape \(h, w\) or \(h, w, 1 to 4\), this one \(4, 4, 5\)"
    ):
        read_picture(tmp_path / "p.tif")


def test_a_shallow_png_with_an_altered_byte(rng, tmp_path):
    path = tmp_path / "p.png"
    write_picture(path, Picture(rng.integers(0, 255, (9, 9, 3)).astype(np.uint8)))
    data = path.read_bytes()
    for at in range(30, len(data) - 12, 5):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(InputError, match=r"p\.png"):
            read_picture(path)
    path.write_bytes(data + b"what some programs put behind the end")
    assert read_picture(path).pixels.shape == (9, 9, 3)


def test_transparency_where_there_is_none(rng, tmp_path):
    with pytest.raises(InputError, match=r"\.jpg keeps no transparency"):
        write_picture(tmp_path / "p.jpg", Picture(np.zeros((3, 3, 4), np.uint8)))


# Names, folders, extensions


@pytest.mark.parametrize("name", ["t.csv", "m.json", "p.png", "x.unknown"])
def test_a_file_that_is_not_there(name, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / name)


@pytest.mark.parametrize("reader", [load, read_table, read_picture])
def test_a_folder_is_no_file(reader, tmp_path):
    with pytest.raises(InputError, match="a folder"):
        reader(tmp_path)


def test_an_extension_that_says_nothing(tmp_path):
    (tmp_path / "x.doc").write_text("1,2")
    with pytest.raises(InputError, match=r"extension '\.doc'; models are \.json"):
        read(tmp_path / "x.doc")
    with pytest.raises(InputError, match=r"use one of \.json \.npz"):
        save(MODEL, tmp_path / "x.pkl")


def test_columns_of_a_model(model):
    with pytest.raises(InputError, match="this is a model"):
        read(model, columns=["x"])


def every_writer(path):
    return [
        lambda: save(MODEL, path.with_suffix(".json")),
        lambda: save(MODEL, path.with_suffix(".npz")),
        lambda: write_table(path.with_suffix(".csv"), np.zeros((2, 2))),
        lambda: write_picture(path.with_suffix(".png"), Picture(np.zeros((2, 2), np.uint8))),
    ]


@pytest.mark.parametrize("which", range(4))
def test_an_output_folder_that_is_missing(which, tmp_path):
    with pytest.raises(InputError, match="does not exist; make it first"):
        every_writer(tmp_path / "nowhere" / "out")[which]()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("which", range(4))
def test_an_output_folder_that_cannot_be_written(which, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")  # the tests may run as root, whom no folder refuses

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(InputError, match=r"cannot write into .* \(Permission denied\); choose a folder"):
        every_writer(tmp_path / "out")[which]()


def test_what_is_no_plain_file_is_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # devices likewise, but a test that failed would destroy one
    with pytest.raises(InputError, match="not a plain file"), replacing(tmp_path / "pipe"):
        pass


def test_a_folder_is_never_replaced(tmp_path):
    (tmp_path / "m.json").mkdir()
    with pytest.raises(InputError, match="this is a folder"):
        save(MODEL, tmp_path / "m.json")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="expected a folder"):
        io.check_folder(tmp_path / "file")
    with pytest.raises(InputError, match="does not exist"):
        io.check_folder(tmp_path / "a" / "b")
    assert io.check_folder(tmp_path / "m.json").is_dir()  # one that is there may be called as it likes
    assert io.check_folder(tmp_path / "run.v2").is_dir()


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError, ValueError])
def test_what_fails_half_way_leaves_what_was_there(failure, tmp_path):
    (tmp_path / "old.txt").write_text("old")

    def write(name):
        with replacing(tmp_path / name) as file:
            file.write(b"half of it")
            raise failure

    for name in ("old.txt", "new.txt"):
        with pytest.raises(failure):
            write(name)
    assert [path.name for path in tmp_path.iterdir()] == ["old.txt"]
    assert (tmp_path / "old.txt").read_text() == "old"


def test_a_missing_package_is_named_with_its_extra(monkeypatch, tmp_path):
    import sys

    Image.new("L", (2, 2)).save(tmp_path / "p.png")
    write_table(tmp_path / "t.parquet", np.zeros((2, 2)))
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(UnsupportedError, match=r'pip install "mixot\[image\]"'):
        read(tmp_path / "p.png")
    with pytest.raises(UnsupportedError, match=r'pip install "mixot\[table\]"'):
        read(tmp_path / "t.parquet")


@pytest.mark.parametrize(("bad", "shown"), [(1, "0"), (5, "0, 1, 2, 3, 4"), (6, "0, 1, 2, 3, 4, ...")])
def test_five_rows_without_numbers_are_named(bad, shown, tmp_path):
    values = np.ones((9, 2))
    values[:bad, 1] = np.nan
    np.save(tmp_path / "t.npy", values)
    with pytest.raises(InputError) as refused:
        read_table(tmp_path / "t.npy")
    assert f"infinity in {bad} rows (counted from 0): {shown}; drop or fill them" in str(refused.value)


def test_names_of_columns_that_are_no_utf8(tmp_path):
    np.savez(tmp_path / "t.npz", points=np.ones((3, 2)), columns=np.array([b"gr\xf6sse", b"\xc3\xa4"]))
    assert read_table(tmp_path / "t.npz").columns == ("gr\ufffdsse", "ä")


def test_a_first_row_of_text_and_numbers_longer_than_the_second(tmp_path):
    (tmp_path / "t.csv").write_text("1,x\n3\n")
    with pytest.raises(InputError, match=r"t\.csv"):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1"])
def test_a_png_without_its_last_rows(mode, interlaced, rng, tmp_path):
    """Checksums and the end are right, and Pillow would leave what is missing black."""
    image = pytest.importorskip("PIL.Image")
    picture = image.fromarray(rng.integers(0, 256, (9, 13, 3), dtype=np.uint8)).convert(mode)
    picture.save(tmp_path / "whole.png")
    assert read_picture(tmp_path / "whole.png") is not None
    data = (tmp_path / "whole.png").read_bytes()
    start = data.index(b"IDAT")
    (size,) = struct.unpack(">I", data[start - 4 : start])
    rows = zlib.decompress(data[start + 4 : start + 4 + size])
    body = zlib.compress(rows[: len(rows) // 2])
    chunk = struct.pack(">I", len(body)) + b"IDAT" + body + struct.pack(">I", zlib.crc32(b"IDAT" + body))
    header = bytearray(data[16:29])
    header[12] = interlaced
    ihdr = data[12:16] + bytes(header)
    head = data[:12] + ihdr + struct.pack(">I", zlib.crc32(ihdr)) + data[33 : start - 4]
    (tmp_path / "cut.png").write_bytes(head + chunk + data[start + 8 + size :])
    with pytest.raises(InputError, match=r"cut\.png: .*its rows take .* bytes"):
        read_picture(tmp_path / "cut.png")
