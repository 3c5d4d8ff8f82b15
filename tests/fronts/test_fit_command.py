"""``mixot fit`` as people type it: a background, rows that are left out, progress on a terminal."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from mixot import EM, fit, load
from mixot.io import read_table, write_table

MIXOT = [sys.executable, "-m", "mixot"]


@pytest.fixture
def folder(tmp_path, rng):
    rows = np.vstack([rng.normal(0, 0.3, (150, 2)), rng.uniform(-8, 8, (50, 2))])
    write_table(tmp_path / "dusty.csv", rows, ["u", "v"])
    (tmp_path / "gaps.csv").write_text("u,v\n1,2\n3,\n2,5\n4,4\nNA,1\n0,0\n1,1\n,\n")
    (tmp_path / "other.csv").write_text("u,w\n1,2\n3,4\n2,5\n")
    (tmp_path / "wide.csv").write_text("1,2,3\n3,4,5\n2,5,2\n")
    (tmp_path / "bare.csv").write_text("1,2\n3,4\n2,5\n")
    return tmp_path


def mixot(folder, line, code=0):
    done = subprocess.run([*MIXOT, *line.split()], cwd=folder, text=True, capture_output=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_a_background_is_fitted(folder):
    shown = json.loads(mixot(folder, "fit dusty.csv -k 1 --background --json -o m.json"))
    rows = np.loadtxt(folder / "dusty.csv", delimiter=",", skiprows=1)
    found = fit(rows, k=1, method=EM(background=True), rng=0)
    assert shown["fit"]["background"]["weight"] == pytest.approx(found.background.weight)
    assert 0.15 < found.background.weight < 0.35
    assert any("not in the file" in text for text in shown["notes"])
    np.testing.assert_allclose(load(folder / "m.json").cov(), found.mixture.cov())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("fit dusty.csv --background --method moments", "--background is an option of --method em"),
        ("fit dusty.csv --background --start gaps.csv", "--start is for fits without --background"),
        ("map gaps.csv dusty.csv -k 1 -o m.csv", "--missing ignore"),
        ("populations dusty.csv other.csv -k 1 --draws 19", "dusty.csv, other.csv: both must have the columns"),
        ("populations bare.csv wide.csv -k 1 --draws 19", "wide.csv: all samples must have as many columns, got 3"),
    ],
)
def test_what_cannot_be_is_said(folder, line, said):
    assert said in mixot(folder, line, code=1)


def test_rows_without_values_are_not_counted(folder):
    assert "fitted to 7 of 8 points" in mixot(folder, "fit gaps.csv --missing ignore -k 1")
    assert "fitted to 200 points" in mixot(folder, "fit dusty.csv -k 1")
    told = json.loads(mixot(folder, "fit gaps.csv --missing ignore -k 1 --json"))
    assert (told["rows"], told["fitted_rows"]) == (8, 7)


def test_rows_with_gaps_are_moved_and_followed(folder):
    words = "map gaps.csv dusty.csv --missing ignore -k 1 -o m.csv --json"
    told = json.loads(mixot(folder, words))
    assert told["rows"] == 8
    assert any("gaps.csv: 3 of 8 rows have gaps: each goes to the mean of its images" in text for text in told["notes"])
    assert np.isfinite(read_table(folder / "m.csv").values).all()
    told = json.loads(mixot(folder, f"{words} --kind random"))
    assert any("what is missing is drawn from the mixture of A" in text for text in told["notes"])
    told = json.loads(mixot(folder, "populations gaps.csv gaps.csv --missing ignore -k 1 --draws 19 --json"))
    assert told["sizes"] == [7, 7]


@pytest.mark.skipif(os.name == "nt", reason="terminals of another kind")
def test_progress_is_seen_on_a_terminal_and_taken_away(folder):
    import pty

    rows = np.random.default_rng(0).standard_normal((20_000, 4))
    np.save(folder / "long.npy", rows)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*MIXOT, "fit", "long.npy"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color"},
    ) as process:
        os.close(theirs)
        seen = b""
        try:
            while part := os.read(ours, 4096):
                seen += part
        except OSError:  # how Linux says that nobody holds the other end
            pass
        out = process.stdout.read()
    os.close(ours)
    assert process.returncode == 0
    assert b"fitting long.npy: EM" in seen
    assert b"\x1b[?25l" in seen  # the cursor was hidden,
    assert seen.rindex(b"\x1b[?25h") > seen.rindex(b"\x1b[?25l")  # and is shown again
    assert seen.rstrip().endswith(b"\x1b[2K")  # the line of the bar is empty
    assert out.startswith(b"components")
    assert b"\x1b" not in out
