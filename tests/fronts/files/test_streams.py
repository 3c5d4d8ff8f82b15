"""What comes without a name is what it begins like."""

import gzip
import io
import json
import os
import subprocess
import sys
import threading
import zipfile

import numpy as np
import pytest

from mixot import Gaussian, InputError, Mixture, load, read, save
from mixot.io import read_table, write_table
from mixot.io.streams import received
from mixot.io.tables import read_content


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".npy", ".npz"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_table_in_a_stream_is_the_table_in_the_file(suffix, pack, rng, tmp_path):
    write_table(tmp_path / f"t{suffix}", rng.standard_normal((5, 2)), ["a", "b"])
    expected = read_table(tmp_path / f"t{suffix}")
    found = read_content(received(io.BytesIO(pack((tmp_path / f"t{suffix}").read_bytes()))))
    np.testing.assert_array_equal(found.values, expected.values)
    assert found.columns == expected.columns


BEGINNINGS = {
    b"x\ty\n1\t2\n": ".csv",
    b"\xef\xbb\xbfx,y\n": ".csv",
    b"\xff\xfex\0": ".csv",
    b'[{"x": 1},\n {"x": 2}]': ".json",
    b"[\n[1, 2]\n]": ".json",
    b"[1, 2]\n[3, 4]\n": ".jsonl",
    b'{"x": 1}\n\n{"x": 2}': ".jsonl",
    b'{\n"format": "mixot mixture"}': ".json",
    b"SQLite format 3\0": ".sqlite",
    b"01234567DUCK": ".duckdb",
    b"FCS3.1    ": ".fcs",
}


@pytest.mark.parametrize("data", BEGINNINGS)
def test_what_bytes_begin_like(data):
    assert received(io.BytesIO(data)).suffix == BEGINNINGS[data]


def test_streams_that_are_nothing():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.csv", "x\n1\n")
    for data, said in {
        b"": "standard input: nothing came; pipe a table or a model into it",
        b" \n\n": "nothing came",
        archive.getvalue(): "an archive cannot be told from others in a stream; unpack it first",
        gzip.compress(b"x\n1\n")[:-4]: r"standard input: not a complete \.gz file",
    }.items():
        with pytest.raises(InputError, match=said):
            received(io.BytesIO(data))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have no names here")
def test_a_pipe_with_a_name_is_a_stream(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_text("x,y\n1,2\n3,4\n"))
    writer.start()
    assert read(tmp_path / "pipe").points.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    writer.join()


def test_commands_take_what_is_piped_into_them(tmp_path):
    save(Mixture([1.0], Gaussian([1.0], [4.0])), tmp_path / "m.json")
    (tmp_path / "t.csv").write_text("x\n1\n3\n")
    for name, words in (
        ("m.json", ["distance", "-", "m.json", "--json"]),
        ("t.csv", ["fit", "-", "-k", "1", "-o", "f.json"]),
    ):
        run = [sys.executable, "-m", "mixot", *words]
        piped = (tmp_path / name).read_bytes()
        done = subprocess.run(run, cwd=tmp_path, input=piped, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        if name == "m.json":
            assert abs(json.loads(done.stdout)["distance"]) < 1e-9
    assert load(tmp_path / "f.json").mean()[0] == 2.0
