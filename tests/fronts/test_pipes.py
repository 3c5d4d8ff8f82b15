"""Commands in pipes: what goes through is the file and nothing else; and what is said of rows is said everywhere."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from mixot import Gaussian, Mixture, distances, load, save
from mixot.cli.distances import listed, short_names
from mixot.errors import InputError
from mixot.io import read_table, write_table

CODE = "from mixot.cli import main; main()"


@pytest.fixture
def folder(tmp_path, rng):
    for name, center in (("a", 0.0), ("b", 3.0)):
        points = rng.normal(center, 1.0, (40, 2))
        write_table(tmp_path / f"{name}.csv", np.column_stack([points, rng.integers(1, 4, 40)]), ["u", "v", "w"])
    return tmp_path


def run(folder, line, given="", code=0):
    done = subprocess.run(
        [sys.executable, "-c", CODE, *line.split()],
        input=given,
        cwd=folder,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_a_table_goes_through(folder):
    piped = run(folder, "map a.csv b.csv -k 1 --weights w -o -")
    run(folder, "map a.csv b.csv -k 1 --weights w -o moved.csv")
    assert piped == (folder / "moved.csv").read_text()
    assert piped.startswith("u,v\n")  # weights are no coordinate of the points that move


def test_an_average_goes_through(folder):
    line = "barycenter a.csv - -k 1 --row-weights w"
    model = run(folder, f"{line} -o -", (folder / "b.csv").read_text())
    run(folder, f"{line} -o mean.json", (folder / "b.csv").read_text())
    assert model == (folder / "mean.json").read_text()
    assert not (folder / "-.png").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("distance - - -k 1", "only one input can be standard input"),
        ("plan a.csv b.csv -k 1 -o - --json", "leave one out"),
        ("geodesic a.csv b.csv -k 1 -o -", "writes several files, into a folder"),
        ("fit a.csv -k 1 -o -.foo", "-.foo: cannot tell what to write"),
        ("distances a.csv nothing*.csv", "no file is called like this pattern"),
        ("distance a.csv b.csv --exact --family poisson", "--family is for fits"),
        ("distance a.csv b.csv --exact --missing ignore", "--missing is for fits"),
    ],
)
def test_what_cannot_be_is_said(folder, line, said):
    assert said in run(folder, line, "u,v\n1,2\n2,1\n", code=1)


def test_weights_of_rows_count_in_every_fit(folder):
    heavy = json.loads(run(folder, "distance a.csv b.csv -k 1 --weights w --json"))["distance"]
    means = []
    for name in "ab":
        table = read_table(folder / f"{name}.csv").values
        means.append(np.average(table[:, :2], axis=0, weights=table[:, 2]))
    assert heavy == pytest.approx(np.linalg.norm(means[0] - means[1]), rel=0.05)
    run(folder, "fit a.csv -k 1 --weights w -o a.json")
    mixed = json.loads(run(folder, "distance a.json b.csv -k 1 --weights w --json"))["distance"]
    assert mixed == pytest.approx(heavy, rel=1e-9)


def test_missing_values_are_let_into_every_fit(folder):
    (folder / "gaps.csv").write_text("u,v\n1,2\n3,\n2,5\n4,4\nNA,1\n0,0\n1,1\n")
    shown = json.loads(run(folder, "distance gaps.csv a.csv --columns u,v --missing ignore -k 1 --json"))
    assert shown["distance"] > 0
    assert any("2 of 14 values are missing" in text for text in shown["notes"])
    told = json.loads(run(folder, "map gaps.csv a.csv --columns u,v --missing ignore -k 1 -o m.csv --json"))
    assert any("2 of 7 rows have gaps" in text for text in told["notes"])
    assert "column 'u' on line 6" in run(folder, "map gaps.csv a.csv --columns u,v -o m.csv", code=1)


def test_a_pattern_names_inputs(folder):
    for i in range(3):
        (folder / f"run{i}").mkdir()
        save(Mixture([1.0], Gaussian([[float(i), 0.0]], [np.eye(2)])), folder / f"run{i}" / "model.json")
    text = run(folder, "distances run*/model.json -o - --plot seen.svg --view map")
    assert text.splitlines()[0] == "name,run0,run1,run2"
    expected = distances([load(folder / f"run{i}/model.json") for i in range(3)])
    found = np.array([line.split(",")[1:] for line in text.splitlines()[1:]], dtype=float)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert "<svg" in (folder / "seen.svg").read_text()


def test_names_are_short_and_unique(tmp_path, monkeypatch):
    from pathlib import Path

    for given, expected in {
        ("x/a.csv", "b.json"): ["a", "b"],
        ("a.csv", "a.json"): ["a.csv", "a.json"],
        ("r1/m.json", "r2/m.json"): ["r1", "r2"],
        ("r1/m.json", "r2/m.json", "r2/n.json"): ["r1/m", "r2/m", "r2/n"],
        ("a.csv", "a.csv"): ["a.csv (1)", "a.csv (2)"],
    }.items():
        assert short_names(list(map(Path, given))) == expected
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a[1].csv").touch()
    assert listed([Path("a[1].csv"), Path("b.csv")]) == [Path("a[1].csv"), Path("b.csv")]
    with pytest.raises(InputError, match="two or more"):
        listed([Path("b.csv")])


def complete(folder, line):
    asked = {"_MIXOT_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=os.environ | asked, cwd=folder, text=True, capture_output=True, check=False
    )
    return done.stdout.split()


def test_shells_complete_columns_of_packed_files_records_and_databases(folder):
    import gzip
    import sqlite3
    from contextlib import closing

    (folder / "t.csv.gz").write_bytes(gzip.compress(b"# a comment\nfirst;second\n1;2\n"))
    (folder / "t.jsonl").write_text('{"one": 1, "two": 2}\n')
    (folder / "t.csv").write_text("1,2\n3,4\n")
    with closing(sqlite3.connect(folder / "t.db")) as base:
        base.execute("create table things (height real, weight real)")
    assert complete(folder, "mixot distance t.csv.gz b.csv --weights ") == ["first", "second"]
    assert complete(folder, "mixot fit t.jsonl --columns one,") == ["one,two"]
    assert complete(folder, "mixot fit t.db::things --columns h") == ["height"]
    assert complete(folder, "mixot fit t.csv --columns ") == ["x1", "x2"]
    assert complete(folder, "mixot fit a.csv --structure VE") == ["VEI", "VEE", "VEV"]


def test_completion_imports_nothing_heavy(folder):
    code = f"import sys\ntry:\n    {CODE}\nexcept SystemExit:\n    print('numpy' in sys.modules)"
    asked = {"_MIXOT_COMPLETE": "complete_bash", "COMP_WORDS": "mixot fit a.csv --family po", "COMP_CWORD": "4"}
    done = subprocess.run(
        [sys.executable, "-c", code.replace("; ", "\n    ")],
        env=os.environ | asked, cwd=folder, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["poisson", "False"], done.stderr
