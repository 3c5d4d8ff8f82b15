"""What a command writes to standard output, as a pipe gets it: JSON and nothing else, in any encoding."""

import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from mixot import Progress
from mixot.io import write_table

CELLS = {
    "fit of cells": "fit both.h5ad -k 2 -o cells.json",
    "fit of cell types": "fit both.h5ad --label type -o types.npz",
    "distance of cells": "distance early.h5ad late.h5ad -k 1",
    "plan of cell types": "plan early.h5ad late.h5ad --label type",
    "growth of cell types": "plan both.h5ad --groupby when --label type --growth",
    "map of cells": "map early.h5ad late.h5ad -k 1 -o moved.csv",
}

pytest.importorskip("PIL")


def reject(word):
    raise AssertionError(f"{word} is not JSON")


@pytest.fixture
def folder(tmp_path, rng):
    from PIL import Image

    for name, shift in (("a", 0.0), ("b", 1.0), ("c", 2.0)):
        write_table(tmp_path / f"{name}.csv", rng.normal(shift, 1.0, (60, 2)), ["größe", "x"])
    Image.fromarray(rng.integers(0, 255, (12, 12, 3), dtype=np.uint8)).save(tmp_path / "p.png")
    return tmp_path


def run(folder, *words, **environment):
    code = "from mixot.cli import main; main()"
    env = {**os.environ, "PYTHONIOENCODING": "utf-8", **environment}
    return subprocess.run(
        [sys.executable, "-c", code, *words], cwd=folder, env=env, capture_output=True, check=False, timeout=300
    )


COMMANDS = {
    "fit": "fit a.csv -k 2 -o m.json",
    "fit by moments": "fit a.csv --method moments --order 2",
    "distance": "distance a.csv b.csv -k 1",
    "exact distance": "distance a.csv b.csv --exact",
    "plan": "plan a.csv b.csv -k 2",
    "smooth plan": "plan a.csv b.csv -k 2 --lam auto",
    "exact plan": "plan a.csv b.csv --exact",
    "linear program": "plan a.csv b.csv -k 2 --lam 0",
    "cells": "plan a.csv p.png",
    "geodesic": "geodesic a.csv b.csv -k 1 --steps 3 -o path",
    "barycenter": "barycenter a.csv b.csv c.csv -k 2 -o mean.json",
    "joint": "joint a.csv b.csv -k 2 --lam 1 -o pair",
    "components": "components a.csv b.csv --k-max 2 --splits 2 -o choice",
    "map": "map a.csv b.csv -k 1 -o moved.csv",
    "test of one": "test a.csv --draws 19",
    "test of a null": "test a.csv --floor 0.5",
    "test of two": "test a.csv b.csv --draws 19 -k 1",
    "interval": "test a.csv b.csv --interval --draws 19",
    "palette": "palette p.png -k 2 -o p.json",
    "quantize": "quantize p.png -n 5 -o dots.csv",
    "recolor": "recolor p.png --palette p.png -k 2 -o out.png",
    "texture": "texture p.png --method gaussian -o out.png",
}


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_json_is_all_that_is_written(command, folder):
    done = run(folder, *COMMANDS[command].split(), "--json")
    assert done.returncode == 0, done.stderr.decode()
    assert isinstance(json.loads(done.stdout, parse_constant=reject), dict)


@pytest.fixture
def cells(tmp_path, rng):
    """Two types in two conditions, as one file and as two."""
    anndata, pandas = pytest.importorskip("anndata"), pytest.importorskip("pandas")
    late = np.arange(120) >= 55
    obs = {"type": np.where(np.arange(120) % 2, "größe", "B"), "when": np.where(late, "late", "early")}
    both = anndata.AnnData(np.zeros((120, 3)), obs=pandas.DataFrame(obs, index=[f"c{i}" for i in range(120)]))
    both.obsm["X_pca"] = rng.normal(np.stack([9.0 * (np.arange(120) % 2), 2.0 * late], axis=1), 0.5)
    for name, chosen in (("both", late | ~late), ("early", ~late), ("late", late)):
        both[chosen].copy().write_h5ad(tmp_path / f"{name}.h5ad")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("command", CELLS)
def test_json_of_cells_is_all_that_is_written(command, cells):
    done = run(cells, *CELLS[command].split(), "--json")
    assert done.returncode == 0, done.stderr.decode()
    assert isinstance(json.loads(done.stdout, parse_constant=reject), dict)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["fit", "plan", "barycenter"])
@pytest.mark.parametrize("more", [(), ("--json",)], ids=["people", "machines"])
def test_streams_without_umlauts_get_escapes(command, more, folder):
    done = run(folder, *COMMANDS[command].split(), *more, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.isascii()
    assert b"Traceback" not in done.stderr


def test_the_linear_program_writes_nothing(folder):
    code = (
        "from mixot import Gaussian, Mixture, barycenter; p = Mixture([0.5, 0.5], Gaussian([0.0, 1.0], [1.0, 2.0]));"
        "barycenter([p, p.affine(2.0), p.affine(1.0, 3.0)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == done.stderr == b""


def test_numbers_that_json_lacks_are_null_and_named(capsys):
    from mixot.cli.console import emit

    emit({"a": [1.0, float("inf")], "b": {"c": [[float("nan"), 2]]}, "n": 3, "notes": ["before"]})
    out, err = capsys.readouterr()
    found = json.loads(out, parse_constant=reject)
    note = "infinite, or not a number, and null here: a, b.c"
    assert found == {"a": [1.0, None], "b": {"c": [[None, 2]]}, "n": 3, "notes": ["before", note]}
    assert note in err


class Terminal(io.StringIO):
    """What is written to somebody who watches."""

    def isatty(self):
        return True


def test_a_watched_job_shows_how_far_it_is(monkeypatch):
    from mixot.cli.console import working

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys, "stderr", Terminal())
    with working("fitting") as progress:
        progress(Progress("EM", 3, 10, 1.25))
    assert "fitting: EM 1.25" in sys.stderr.getvalue()
    monkeypatch.setattr(sys, "stderr", Terminal())
    with working("fitting", quiet=True) as progress:
        assert progress is None
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with working("fitting") as progress:
        assert progress is None
    assert not sys.stderr.getvalue()


def test_a_stream_without_umlauts_gets_escapes(monkeypatch):
    from mixot.cli.console import degrade_output

    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    degrade_output()
    for stream in (sys.stdout, sys.stderr):
        print("1 ± 2", file=stream, flush=True)
        assert stream.buffer.getvalue() == b"1 \\xb1 2\n"


@pytest.mark.parametrize(("rows", "below"), [(3, None), (4, "... and 1 more"), (6, "... and 3 more")])
def test_a_long_table_says_what_it_leaves_out(rows, below, capsys):
    from mixot.cli.console import show_table

    show_table("", ["n"], [(str(row),) for row in range(rows)], most=3)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["n", "0", "1", "2", *([below] if below else [])]
