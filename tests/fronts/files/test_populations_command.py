"""``mixot populations`` as people see it, on events of flow cytometry and on tables."""

import json
import subprocess
import sys

import numpy as np
import pytest

from mixot import load
from mixot.io import read_table, write_table


def run(folder, *words):
    command = [sys.executable, "-m", "mixot", "populations", *map(str, words)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_events_of_two_samples(rng, tmp_path):
    flowio = pytest.importorskip("flowio")
    for name, share in (("a.fcs", 0.3), ("b.fcs", 0.6)):
        events = rng.lognormal(3, 0.3, (300, 2))
        events[rng.random(300) < share] *= 50.0
        with (tmp_path / name).open("wb") as file:
            flowio.create_fcs(file, events.ravel().tolist(), ["B1-A", "V1-A"])
    done = run(tmp_path, "a.fcs", "b.fcs", "--scale", "asinh", "-k", "2", "--draws", "99", "--json", "--save", "m.json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert sorted(found["changed"]) == [0, 1]
    assert found["unit"] == "rows"
    assert sorted(part["adjusted"] for part in found["components"]) == [0.01, 0.01]
    assert found["notes"][:1] == ["a.fcs: Asinh(cofactor=150.0) is taken of B1-A, V1-A"]
    assert "they say nothing of how much samples of one kind differ" in found["notes"][-1]
    assert len(load(tmp_path / "m.json")) == 2


def test_groups_of_tables_and_a_model_that_is_followed(rng, tmp_path):
    for at in range(8):
        rows = rng.standard_normal((60, 1)) + 20.0 * (rng.random((60, 1)) < (0.2 if at < 4 else 0.7))
        write_table(tmp_path / f"s{at}.csv", rows, ["u"])
    names = [f"s{at}.csv" for at in range(8)]
    done = run(tmp_path, *names[:4], "--against", *names[4:], "-k", "2", "-o", "t.csv", "--save", "m.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert "4 and 4 samples, 69 times" in done.stdout
    table = read_table(tmp_path / "t.csv")
    assert table.columns == ("component", "before", "after", "change", "p_value", "adjusted")
    np.testing.assert_allclose(table.values[:, 5], 2 / 70)
    again = run(tmp_path, "s0.csv", "s7.csv", "--model", "m.json", "--draws", "19")
    assert again.returncode == 0
    assert "the mixture was given" in again.stderr
    for words, said in ((["s0.csv"], "error: two samples are compared, got 1; of more, say which come after"),):
        wrong = run(tmp_path, *words)
        assert wrong.returncode == 1
        assert said in wrong.stderr
