"""Every reader, on files that are cut, altered or hostile: the right value or an `InputError`, within ten seconds."""

import bz2
import gzip
import json
import lzma
import sqlite3
import time
import warnings
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pytest
import zstandard

from mixot import AccuracyWarning, Gaussian, InputError, Measure, Mixture, Samples, read, save
from mixot.io import Picture, write_picture, write_table

_LONGEST = 10.0  # seconds for one file
_BOX = 6.0  # seconds for all altered files of a kind; the first ten are read whatever they take

MODEL = Mixture([0.25, 0.75], Gaussian([[0.5, 1.5], [-2.0, 4.0]], [[[1.0, 0.5], [0.5, 2.0]], [[3.0, 0.0], [0.0, 1.0]]]))


@dataclass(frozen=True)
class Kind:
    """How to write a file of a kind, and whether checksums guard every number in it."""

    name: str
    write: Callable
    guarded: bool = False
    columns: tuple[str, ...] | None = None
    tries: int = 400


def table(path, rng):
    write_table(path, rng.standard_normal((6, 3)), ["a", "b", "c"])


def words(path, rng):
    rows = "".join(f'"a ""b""\nc #",{x!r},{y!r}\n' for x, y in rng.standard_normal((6, 2)).tolist())
    path.write_text("note,x,y\n" + rows)


def picture(dtype, channels):
    def write(path, rng):
        top = np.iinfo(dtype).max
        write_picture(path, Picture(rng.integers(0, top, (7, 5, channels)).astype(dtype)))

    return write


def cells(path, rng):
    import pandas as pd
    from anndata import AnnData

    adata = AnnData(obs=pd.DataFrame(index=[f"cell-{i}" for i in range(20)]))
    adata.obsm["X_pca"] = rng.standard_normal((20, 3))
    adata.write_h5ad(path)


def packed(path, rng):
    text = "x,y\n" + "".join(f"{x!r},{y!r}\n" for x, y in rng.standard_normal((6, 2)).tolist())
    name, data = path.name, text.encode()
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("t.csv", data)
    else:
        squeeze = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
        path.write_bytes((squeeze.get(path.suffix) or zstandard.compress)(data))


def records(path, rng):
    rows = [json.dumps({"x": x, "y": y}) for x, y in rng.standard_normal((6, 2)).tolist()]
    path.write_text("\n".join(rows) if path.suffix == ".jsonl" else f"[{', '.join(rows)}]")


def frame(path, rng):
    import pandas as pd

    table = pd.DataFrame(rng.standard_normal((6, 2)), columns=["x", "y"])
    if path.suffix == ".xlsx":
        table.to_excel(path, index=False)
    elif path.suffix == ".feather":
        table.to_feather(path, compression="uncompressed")
    else:
        with closing(sqlite3.connect(path)) as base:
            table.to_sql("t", base, index=False)


def events(path, rng):
    flowio = pytest.importorskip("flowio")
    with path.open("wb") as file:
        flowio.create_fcs(file, rng.lognormal(3, 1, 20).tolist(), ["B1-A", "V1-A"])


KINDS = [
    Kind("t.csv", table),
    Kind("t.tsv", table),
    Kind("t.txt", table),
    Kind("w.csv", words, columns=("x", "y")),
    Kind("t.npy", table),
    Kind("t.npz", table, guarded=True),
    Kind("t.parquet", table),
    Kind("m.json", lambda path, rng: save(MODEL, path)),
    Kind("m.npz", lambda path, rng: save(MODEL, path), guarded=True),
    Kind("p.png", picture(np.uint8, 3), guarded=True),
    Kind("deep.png", picture(np.uint16, 4), guarded=True),
    Kind("p.jpg", picture(np.uint8, 3)),
    Kind("p.tif", picture(np.uint8, 3)),
    Kind("deep.tif", picture(np.uint16, 3)),
    Kind("p.bmp", picture(np.uint8, 3)),
    Kind("p.webp", picture(np.uint8, 3)),
    Kind("c.h5ad", cells),
    *(Kind(f"t.csv.{suffix}", packed, guarded=suffix != "zst", tries=60) for suffix in ("gz", "bz2", "xz", "zst")),
    Kind("t.zip", packed, guarded=True, tries=60),
    Kind("r.json", records, tries=60),
    Kind("r.jsonl", records, tries=60),
    Kind("t.xlsx", frame, tries=60),
    Kind("t.feather", frame, tries=60),
    Kind("t.db", frame, tries=60),
    Kind("t.fcs", events, tries=60),
]


def altered(data, rng):
    """Endless versions of a file: cut, with bytes or bits changed, parts doubled, left out, or filled with one byte."""
    while True:
        out, how = bytearray(data), rng.integers(6)
        at, more = int(rng.integers(len(data))), int(rng.integers(1, 40))
        if how == 0:
            del out[at:]
        elif how == 1:
            for place in rng.integers(len(data), size=int(rng.integers(1, 5))):
                out[place] ^= 1 << int(rng.integers(8))
        elif how == 2:
            out[at : at + more] = rng.bytes(len(out[at : at + more]))
        elif how == 3:
            out[at:at] = out[at : at + more]
        elif how == 4:
            del out[at : at + more]
        else:
            out[at : at + more] = bytes([int(rng.choice([0, 255, 44, 34, 57]))]) * len(out[at : at + more])
        yield bytes(out)


def numbers(measure):
    if isinstance(measure, Samples):
        return [measure.points, measure.weights]
    return [measure.weights, *measure.components.parameters().values()]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_altered_files(kind, rng, tmp_path):
    if kind.name.endswith("h5ad"):
        pytest.importorskip("anndata")
    path = tmp_path / kind.name
    kind.write(path, rng)
    right, end = numbers(read(path, columns=kind.columns)), time.monotonic() + _BOX
    for count, data in enumerate(altered(path.read_bytes(), rng)):
        if count >= kind.tries or (count >= 10 and time.monotonic() > end):
            break
        path.write_bytes(data)
        start = time.monotonic()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                warnings.filterwarnings("ignore", category=AccuracyWarning)  # what could be read in two ways
                found = read(path, columns=kind.columns)
        except InputError as refused:
            message = str(refused)
            assert kind.name in message
        else:
            assert isinstance(found, Measure)
            assert all(np.isfinite(values).all() for values in numbers(found))
            if kind.guarded:
                for values, expected in zip(numbers(found), right, strict=True):
                    np.testing.assert_array_equal(values, expected)
        assert time.monotonic() - start < _LONGEST


HOSTILE = {
    "empty": b"",
    "one byte": b"1",
    "a zero": b"\0",
    "zeros": bytes(5000),
    "quotes": b'"' * 5001,
    "open brackets": b"[" * 200_000,
    "digits": b"7" * 5001,
    "commas": b"," * 20_000 + b"\n" + b"," * 20_000,
    "rows of nothing": b",,\n,,\n",
    "ends of lines": b"\n\r\r\n" * 20_000,
    "comments": b"#\n" * 50_000,
    "a wide row": b"x," * 20_000 + b"x\n" + b"1," * 20_000 + b"1\n",
    "a long cell": b"a,b\n" + b"1" * 300_000 + b",2\n",
    "a long quoted cell": b'a,b\n"' + b"\n" * 300_000 + b'",2\n',
    "another alphabet": "x,y\n1,2\n".encode("utf-16"),
    "zip without entries": b"PK\x05\x06" + bytes(18),
}


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("suffix", sorted({kind.name.rpartition(".")[2] for kind in KINDS}))
def test_hostile_files(what, suffix, tmp_path):
    if suffix == "h5ad":
        pytest.importorskip("anndata")
    path = tmp_path / f"f.{suffix}"
    path.write_bytes(HOSTILE[what])
    start = time.monotonic()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=AccuracyWarning)
            found = read(path)
    except InputError as refused:
        message = str(refused)
        assert f"f.{suffix}" in message
        assert len(message) < 2000 + len(str(tmp_path))
    else:
        assert suffix in ("csv", "tsv", "txt")
        assert np.isfinite(found.points).all()
    assert time.monotonic() - start < _LONGEST
