"""The command line under bad input and interruption: one line, an exit code, no partial file."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from typer.testing import CliRunner

from mixot import Gaussian, Mixture, io, save
from mixot.cli import app


@pytest.fixture
def folder(tmp_path, monkeypatch, rng):
    monkeypatch.chdir(tmp_path)
    io.write_table("a.csv", rng.standard_normal((20, 2)), ["x", "y"])
    save(Mixture([1.0], Gaussian([0.0], [1.0])), "line.json")
    (tmp_path / "text.csv").write_text("x,kind\n1,red\n2,blue\n")
    (tmp_path / "nan.csv").write_text("x,y\n1,2\nnan,3\n")
    (tmp_path / "fake.png").write_text("this is no picture")
    (tmp_path / "cut.json").write_text((tmp_path / "line.json").read_text()[:100])
    return tmp_path


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("distance a.csv missing.csv", "missing.csv: no such file"),
        ("distance text.csv a.csv", "column 'kind' must hold numbers, line 2 has 'red'"),
        ("distance nan.csv a.csv", "column 'x' on line 3"),
        ("distance fake.png a.csv", "fake.png: not a picture"),
        ("distance cut.json a.csv", "cut.json: not complete JSON"),
        ("distance a.csv line.json -k 1", "dimension 2 and 1"),
        ("distance a.csv a.csv --columns z", "no column 'z'; columns are x, y"),
        ("fit a.csv -o nowhere/m.json", "nowhere does not exist"),
        ("fit a.csv -o m.pkl", "use one of .json .npz"),
        ("fit line.json -o m.json", "already a model"),
        ("fit a.csv -o m.json -k 21", "21"),
        ("fit missing.csv -o m.json", "no such file"),
        ("fit missing.csv", "no such file"),  # what is wrong with the data comes before what could be added
        ("fit line.json", "already a model"),
        ("plan a.csv a.csv -o plan.docx", "use one of"),
        ("geodesic a.csv a.csv -o no/where", "does not exist"),
        ("geodesic a.csv a.csv -o a.csv", "expected a folder"),
        ("geodesic a.csv a.csv -o path.png", "expected the name of a folder, .png is that of a file"),
        ("joint a.csv a.csv --lam 1 -k 1 -o j.json", "leave it out: j"),
        ("components a.csv a.csv -o choice.CSV", "leave it out: choice"),
        ("barycenter line.json line.json --weights .5 -o m.json", "one number for each of the 2 inputs, got 1"),
        ("barycenter line.json line.json --weights .5 x -o m.json", "one number for each of the 3 inputs, got 1"),
        ("barycenter line.json line.json --weights half -o m.json", "--weights must be numbers, got half"),
        ("barycenter line.json line.json --weights 1.5 -.5 -o m.json", "must not be negative"),
        ("barycenter line.json line.json --weights .5 .6 -o m.json", "must sum to one"),
        ("barycenter line.json line.json --weights nan 1 -o m.json", "must be finite"),
        ("barycenter line.json a.csv -k 1 -o m.json", "same space, got dimensions"),
        ("barycenter line.json missing.csv -o m.json", "missing.csv: no such file"),
        ("barycenter line.json line.json -o nowhere/m.json", "nowhere does not exist"),
        ("barycenter line.json line.json -o m.json --figure m.gif", "use one of .png"),
        ("joint a.csv line.json --lam 1 -k 1 -o .", "no points"),
        ("joint a.csv a.csv --lam 0 -k 1 -o .", "lam must be positive"),
        ("joint a.csv a.csv --lam 1 -k 1 -o no/where", "does not exist"),
        ("map a.csv a.csv -o nowhere/moved.csv", "nowhere does not exist"),
        ("map line.json line.json -o moved.csv", "no points to move"),
        ("recolor a.csv --palette a.csv -o out.png", "a.csv: not a picture"),
        ("recolor fake.png --palette fake.png -o out.png", "fake.png: not a picture"),
        ("recolor fake.png --palette fake.png -o out.csv", "use one of .png"),
        ("recolor fake.png --palette fake.png -o nowhere/out.png", "nowhere does not exist"),
    ],
)
@pytest.mark.parametrize("json", [False, True])
def test_bad_input_is_one_line_and_code_one(command, message, json, folder):
    before = sorted(folder.rglob("*"))
    result = CliRunner().invoke(app, command.split() + ["--json"] * json, prog_name="mixot")
    assert result.exit_code == 1, result.output
    *notes, error = result.stderr.splitlines()
    assert error.startswith("error: ")
    assert message in error
    assert all(note.startswith("note: ") for note in notes)
    assert result.stdout == ""
    assert sorted(folder.rglob("*")) == before  # nothing new, nothing partial


def test_a_bad_output_is_told_before_the_work(folder, monkeypatch):
    def never(*_, **__):
        pytest.fail("the fit was started")

    monkeypatch.setattr("mixot.cli.sources.fit", never)
    for command in ("fit a.csv -o no/m.json", "map a.csv a.csv -o no/x.csv", "plan a.csv a.csv -o no/p.csv"):
        assert CliRunner().invoke(app, command.split()).exit_code == 1


def test_a_full_disk_is_code_one(folder, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mixot.io.save", full)
    result = CliRunner().invoke(app, ["fit", "a.csv", "-o", "m.json", "-k", "1"])
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr


# A process that stops where we want it to, says so, and waits for the signal.
_STOP = """
import sys, time
import mixot.cli, {module} as module
whole = module.{name}
def stop(*args, **options):
    print("ready", flush=True)
    time.sleep(60)
module.{name} = stop
sys.argv = ["mixot", *{words!r}]
mixot.cli.main()
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of another kind")
@pytest.mark.parametrize(
    ("module", "name", "words"),
    [
        ("mixot.cli.sources", "fit", ["fit", "a.csv", "-o", "m.json"]),  # in the middle of a fit
        ("os", "replace", ["fit", "a.csv", "-o", "m.json", "-k", "1"]),  # the file is written, not yet in its place
        ("os", "replace", ["map", "a.csv", "a.csv", "-o", "m.csv", "-k", "1"]),
    ],
)
def test_ctrl_c_leaves_nothing_behind(module, name, words, folder):
    before = sorted(folder.iterdir())
    code = _STOP.format(module=module, name=name, words=words)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        time.sleep(0.1)  # from the print into the sleep
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert out == ""
    assert "error: interrupted" in err
    assert "Traceback" not in err
    assert sorted(folder.iterdir()) == before


def test_ctrl_c_in_a_fit_of_many_points(tmp_path, rng):
    """No staged stop: a long fit, and the signal while it runs."""
    np.save(tmp_path / "big.npy", rng.standard_normal((400_000, 8)))
    words = ["fit", "big.npy", "-o", "m.json", "-k", "60"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mixot", *words], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        time.sleep(3)
        assert process.poll() is None, process.stderr.read()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["big.npy"]


@pytest.mark.parametrize(
    "command", ["fit years.csv -k 1 -o m.json --json", "distance years.csv years.csv --exact --json"]
)
def test_notes_on_a_table_are_told(command, folder):
    (folder / "years.csv").write_text("2019,2020\n1.5,2.5\n3.5,2.0\n4.0,7.5\n")
    done = subprocess.run([sys.executable, "-m", "mixot", *command.split()], capture_output=True, text=True, check=True)
    assert "note: years.csv: the first row is numbers (2019, 2020) and is read as data, not as names" in done.stderr
    json.loads(done.stdout)
